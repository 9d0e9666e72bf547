package config

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Input is what Load reads from.
type Input struct {
	// File is the file to read. When it is "", QUARRY_CONFIG names it, or the
	// first existing one of SearchPaths is read, or none.
	File string
	// Environ is the environment in the form of os.Environ. A variable that is
	// set but empty counts as not set.
	Environ []string
	// Flags holds the values of the flags that were given, by long name. A
	// switch has the value "true" or "false".
	Flags map[string][]string
	// Checks judge what this package cannot, by setting name ("pool.url",
	// "cpu.cpus"). They get the value's text, never a secret, a default or an
	// empty value. What their error says is shown to the user as it is.
	Checks map[string]func(value string) error
	// CheckPool judges a pool as a whole, after the checks of its values, and
	// says what it is known by: two pools of one identity are a fault. It must
	// not put the password into its error.
	CheckPool func(Pool) (identity string, err error)
	// SearchPaths replaces the standard places when it is not nil.
	SearchPaths []string
}

// Result is what Load found.
type Result struct {
	Config   Config
	File     string            // the file that was read, or ""
	Warnings []string          // what is allowed but unwise
	Origins  map[string]Origin // by setting name; pool settings as "pool[0].url"

	entries []entry // the effective settings in the order of the table
}

// Load reads and checks file, environment and flags, the later over the
// earlier, under the defaults. Its error is a Faults with everything that is
// wrong, never just the first thing.
func Load(in Input) (*Result, error) {
	c := checker{checks: in.Checks, checkPool: in.CheckPool, collector: &collector{}}
	environ := parseEnviron(in.Environ)
	result := &Result{File: in.chooseFile(environ)}
	var file fileValues
	if result.File != "" {
		file = loadFile(c, result.File)
	}
	env := readEnv(c, environ)
	flags := readFlags(c, in.Flags)

	pools := mergePools(c, file.pools, env, flags)
	items := map[string]item{}
	for _, s := range Settings() {
		if s.Table == "pool" {
			continue
		}
		if it, given := file.items[s.Name()]; given {
			items[s.Name()] = it
		}
		for _, from := range []flatValues{env, flags} {
			if given := from.items[s.Name()]; len(given) > 0 {
				items[s.Name()] = given[len(given)-1]
			}
		}
	}
	result.finish(c, pools, items)
	result.Warnings = c.warnings
	if err := c.err(); err != nil {
		return nil, err
	}
	return result, nil
}

func (in Input) chooseFile(environ map[string]string) string {
	if in.File != "" {
		return in.File
	}
	if named := environ["QUARRY_CONFIG"]; named != "" {
		return named
	}
	if in.SearchPaths != nil {
		return find(in.SearchPaths)
	}
	return find(SearchPaths(runtime.GOOS, func(name string) (string, bool) {
		text, set := environ[envName(name)]
		return text, set
	}))
}

// envName is a variable's name as parseEnviron files it: Windows does not
// tell capitals from small letters there.
func envName(name string) string {
	if runtime.GOOS == "windows" {
		return strings.ToUpper(name)
	}
	return name
}

func parseEnviron(environ []string) map[string]string {
	set := map[string]string{}
	for _, entry := range environ {
		if name, text, found := strings.Cut(entry, "="); found && text != "" {
			set[envName(name)] = text
		}
	}
	return set
}

// readEnv takes the settings of the environment. A QUARRY_ variable that is
// nearly a setting's is worth a warning; others belong to someone else
// (Kubernetes sets QUARRY_PORT for a service called quarry).
func readEnv(c checker, environ map[string]string) flatValues {
	from := flatValues{items: map[string][]item{}}
	names := []string{"QUARRY_CONFIG"}
	for _, s := range Settings() {
		names = append(names, s.Env)
		if text, set := environ[s.Env]; set {
			at := place{layer: layerEnv, source: s.Env}
			from.items[s.Name()] = []item{c.item(s, text, at, at.origin())}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(environ)) {
		if like := misspelt(name, names); like != "" {
			c.warn("environment variable %s is not known; did you mean %s?", name, like)
		}
	}
	return from
}

// misspelt returns the known name that name is nearly, or "".
func misspelt(name string, known []string) string {
	own, prefixed := strings.CutPrefix(name, "QUARRY_")
	if !prefixed || len(own) < 3 || len(own) > 40 || slices.Contains(known, name) {
		return ""
	}
	slips := 1
	if len(own) >= 6 {
		slips = 2
	}
	for _, k := range known {
		if distance(name, k) <= slips {
			return k
		}
	}
	return ""
}

// readFlags takes the settings of the command line.
func readFlags(c checker, flags map[string][]string) flatValues {
	from := flatValues{items: map[string][]item{}}
	for _, s := range Settings() {
		at := place{layer: layerFlag, source: "--" + s.Flag}
		for _, text := range flags[s.Flag] {
			if yes, known := parseBool(text); s.Inverted && known {
				text = map[bool]string{true: "false", false: "true"}[yes]
			}
			from.items[s.Name()] = append(from.items[s.Name()], c.item(s, text, at, at.origin()))
		}
	}
	return from
}

// finish makes the typed Config and the list of effective settings.
func (r *Result) finish(c checker, pools []*poolEntry, given map[string]item) {
	r.Config.Pools = finishPools(c, pools)
	items := map[string]item{}
	for _, table := range []string{"strategy", "cpu", "log", "run"} {
		own := map[string]item{}
		for _, s := range Settings() {
			if it, set := given[s.Name()]; set && s.Table == table {
				own[s.Key] = it
			}
		}
		for key, it := range withDefaults(table, own) {
			items[table+"."+key] = it
		}
	}
	r.Config.Strategy = Strategy{
		Use:         items["strategy.use"].text,
		Failback:    time.Duration(items["strategy.failback"].num),
		Turn:        time.Duration(items["strategy.turn"].num),
		SubmitStale: items["strategy.submit_stale"].yes,
	}
	r.Config.CPU = CPU{
		Threads:  int(items["cpu.threads"].num),
		CPUs:     items["cpu.cpus"].cpus,
		Priority: items["cpu.priority"].text,
		Kernel:   items["cpu.kernel"].text,
	}
	r.Config.Log = Log{
		Level:          items["log.level"].text,
		Format:         items["log.format"].text,
		File:           items["log.file"].text,
		MaxSize:        int(items["log.max_size"].num),
		MaxFiles:       int(items["log.max_files"].num),
		StatusInterval: time.Duration(items["log.status_interval"].num),
	}
	r.Config.Run = Run{
		Shares: items["run.shares"].num,
		Time:   time.Duration(items["run.time"].num),
		Retry:  items["run.retry"].yes,
	}
	checkQuotas(c, pools, items["strategy.use"])
	checkThreads(c, items["cpu.threads"], items["cpu.cpus"])
	checkLogFile(c, items["log.file"])
	r.record(pools, items)
}

// checkThreads refuses more threads than CPUs were chosen to pin them to.
func checkThreads(c checker, threads, cpus item) {
	if threads.bad || cpus.bad || len(cpus.cpus) == 0 || threads.num <= int64(len(cpus.cpus)) {
		return
	}
	c.add(threads.at.fault("cpu.threads", threads.text+" threads are more than the CPUs of cpus, "+quote(cpus.text)+" from "+cpus.origin.String()))
}

// checkLogFile makes sure that the file can be written to, or made where it is
// not there yet, without making it.
func checkLogFile(c checker, file item) {
	if file.bad || file.text == "" {
		return
	}
	if problem := logFileProblem(file.text); problem != "" {
		c.add(file.at.fault("log.file", quote(file.text)+" "+problem))
	}
}

func logFileProblem(name string) string {
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return "is a directory, not a file"
	case err == nil && info.Mode().IsRegular():
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return "cannot be written to by this user"
		}
		f.Close()
	case err != nil:
		// One folder is made for it, a longer way is more likely a slip.
		folder := filepath.Dir(name)
		info, err := os.Stat(folder)
		if errors.Is(err, fs.ErrNotExist) {
			folder = filepath.Dir(folder)
			info, err = os.Stat(folder)
		}
		if err != nil || !info.IsDir() {
			return "cannot be made, there is no folder " + quote(folder)
		}
	}
	return ""
}
