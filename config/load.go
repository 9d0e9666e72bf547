package config

import (
	"maps"
	"runtime"
	"slices"
	"strings"
)

// load fills the sections of a schema from file, environment and flags.
func load(in Input, s *schema) (shown, error) {
	c := checker{in: in, schema: s, collector: &collector{}}
	environ := parseEnviron(in.Environ)
	var found shown
	file := values{}
	if found.file = in.chooseFile(environ); found.file != "" {
		file = loadFile(c, found.file)
	}
	env := readEnv(c, environ)
	flags := readFlags(c, in.Flags)
	all := merge(c, file, env, flags)
	for _, section := range s.sections {
		section.set(c, all)
	}
	found.record(s, all)
	found.warnings = c.warnings
	return found, c.err()
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

// envName returns a variable's name as parseEnviron stores it: on Windows these
// names do not differ by case.
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

// readEnv reads the settings of the environment. A QUARRY_ variable that is
// nearly a setting's is worth a warning; others belong to someone else
// (Kubernetes sets QUARRY_PORT for a service called quarry).
func readEnv(c checker, environ map[string]string) given {
	from := given{}
	names := []string{"QUARRY_CONFIG"}
	for _, s := range c.schema.settings {
		if s.Env == "" {
			continue
		}
		names = append(names, s.Env)
		if text, set := environ[s.Env]; set {
			at := place{layer: layerEnv, source: s.Env}
			from[s.Name()] = []item{c.item(s, text, at, at.origin())}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(environ)) {
		if like := misspelled(name, names); like != "" {
			c.warn("environment variable %s is not known; did you mean %s?", name, like)
		}
	}
	return from
}

// misspelled returns the known name that name nearly is, or "".
func misspelled(name string, known []string) string {
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

// readFlags reads the settings of the command line.
func readFlags(c checker, flags map[string][]string) given {
	from := given{}
	for _, s := range c.schema.settings {
		if s.Flag == "" {
			continue
		}
		at := place{layer: layerFlag, source: "--" + s.Flag}
		for _, text := range flags[s.Flag] {
			if yes, known := parseBool(text); s.Inverted && known {
				text = map[bool]string{true: "false", false: "true"}[yes]
			}
			from[s.Name()] = append(from[s.Name()], c.item(s, text, at, at.origin()))
		}
	}
	return from
}
