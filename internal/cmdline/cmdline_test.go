package cmdline

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// newTestApp returns a small miner that notes what reached it.
func newTestApp(out io.Writer, got *[]string) *cli.App {
	note := func(c *cli.Context) error {
		*got = []string{c.Command.FullName()}
		for _, f := range c.Command.Flags {
			if name := f.Names()[0]; c.IsSet(name) {
				*got = append(*got, fmt.Sprintf("%s=%v", name, c.Value(name)))
			}
		}
		*got = append(*got, c.Args().Slice()...)
		return nil
	}
	return &cli.App{Name: "quarry", Writer: out, Commands: []*cli.Command{
		{Name: "mine", Usage: "mine", Action: note, Flags: []cli.Flag{
			&cli.StringFlag{Name: "url", Aliases: []string{"o"}, Usage: "pool"},
			&cli.StringFlag{Name: "user", Aliases: []string{"u"}},
			&cli.StringFlag{Name: "pass", Aliases: []string{"p", "password"}},
			&cli.StringFlag{Name: "threads", Aliases: []string{"t"}},
			&cli.StringFlag{Name: "log-level"}, &cli.StringFlag{Name: "proxy"}, &cli.StringFlag{Name: "log-file"}, &cli.StringFlag{Name: "time"},
			&cli.StringFlag{Name: "status-interval"}, &cli.BoolFlag{Name: "no-retry"},
		}},
		{Name: "bench", Action: note, Flags: []cli.Flag{
			&cli.DurationFlag{Name: "duration", Value: time.Minute}, Formats("", "table", "json"), &cli.IntFlag{Name: "samples"},
		}, Subcommands: []*cli.Command{
			{Name: "compare", Action: note, ArgsUsage: "A B", Flags: []cli.Flag{Formats("", "table", "json")}},
		}},
		{Name: "version", Action: note},
		{Name: "shells", Hidden: true, Subcommands: []*cli.Command{{Name: "bash", Action: note}}},
	}}
}

// TestRead: what the command gets, as text, or the fault.
func TestRead(t *testing.T) {
	for args, want := range map[string]string{
		"mine":                              "mine",
		"mine -o a -u b -p c":               "mine url=a user=b pass=c",
		"mine --url=a --user= -p=c":         "mine url=a user= pass=c",
		"mine -oa -t4 -px":                  "mine url=a pass=x threads=4",
		"mine -threads 4 -no-retry":         "mine threads=4 no-retry=true",
		"mine -p -x":                        "mine pass=-x",
		"mine --no-retry=false -p --":       "mine pass=-- no-retry=false",
		"-t 2 mine":                         "mine threads=2",
		"bench compare a --format json b":   "compare format=json a b",
		"bench --format json compare a b":   "compare format=json a b",
		"bench compare -- --format b":       "compare --format b",
		"bench --duration 1d --samples 3":   "bench duration=24h0m0s samples=3",
		"--version":                         "version",
		"-V":                                "version",
		"-V mine":                           `quarry version takes no arguments, but was given "mine"; flags begin with --`,
		"mine -V":                           "version",
		"mine -O a:b:c":                     "mine user=a pass=b:c",
		"mine -a SHA256d -asha256d -x s://": "mine proxy=s://",
		"mine -l f -D --print-time 5":       "mine log-level=debug log-file=f status-interval=5s",

		"mine --thread 4":          "--thread is not a flag of quarry mine; did you mean --threads?",
		"mine -thread 4":           "-thread is not a flag of quarry mine; did you mean --threads?",
		"mine --passwd hunter2":    "--passwd is not a flag of quarry mine; did you mean --pass?",
		"mine --nonsense=hunter2":  "--nonsense is not a flag of quarry mine; see quarry mine --help",
		"mine --samples 3":         "--samples is not a flag of quarry mine, but of quarry bench",
		"mine -u":                  "-u needs a value: -u VALUE",
		"mine -o --user x":         "-o needs a value, but --user follows",
		"mine –threads 4":          `"–threads" begins with a long dash, which word processors make of --; type --threads`,
		"mine —o=hunter2":          `"—o" begins with a long dash, which word processors make of --; type -o`,
		"--hlep":                   "--hlep is not a flag of quarry; did you mean --help?",
		"--Version":                "--Version is not a flag of quarry; did you mean --version?",
		"--nonsense":               "--nonsense is not a flag of quarry; see quarry --help",
		"mine --hlep":              "--hlep is not a flag of quarry mine; did you mean --help?",
		"bench --jsno":             "--jsno is not a flag of quarry bench; did you mean --format json?",
		"bench --format text":      "bench format=table",
		"mine -t 1 --threads 2":    "mine threads=2",
		"mine --threads 2 -t 1":    "mine threads=1",
		"mine -f 1 -m 1.0":         "mine",
		"mine --port 3333":         "--port is not a flag of quarry mine: give -o URL, like -o stratum+tcp://HOST:PORT",
		"mine --verify":            "--verify is not a flag of quarry mine: leave it out, quarry tests each kernel before it uses it",
		"mine x":                   `quarry mine takes no arguments, but was given "x"; flags begin with --`,
		"mine --no-retry=2":        `--no-retry "2": want true or false`,
		"mine -O hunter2":          "-O is not a flag of quarry mine: give -u USER -p PASSWORD",
		"mine -O":                  "-O needs a value, and is not a flag of quarry mine: give -u USER -p PASSWORD",
		"mine -a scrypt":           "-a is not a flag of quarry mine: quarry mines SHA-256d only; leave it out",
		"mine --cpu-affinity 0x7d": "--cpu-affinity is not a flag of quarry mine: one thread on each CPU of the mask is --cpus 0,2-6",
		"mine --print-time 0":      "--print-time is not a flag of quarry mine: give --status-interval 60s",
		"bench --duration 10":      `--duration "10": want a time, like 90s, 1h30m or 1d; did you mean 10s?`,
		"bench --format jsn":       `--format "jsn": want table or json; did you mean json?`,
		"bench --samples x":        `--samples "x": want a whole number`,
		"bench -q":                 "-q is not a flag of quarry bench; see quarry bench --help",
		"mien":                     `no command "mien"; did you mean "mine"? There are: mine, bench, version`,
		"frobnicate":               `no command "frobnicate"; there are: mine, bench, version`,
		"help mien":                `no command "mien"; did you mean "mine"? There are: mine, bench, version`,
		"bench cmopare a b":        `no command "cmopare"; did you mean "compare"? There are: compare`,
		"--benchmark":              "--benchmark is not a flag of quarry mine: run: quarry bench",
		"--thread 2":               "--thread is not a flag of quarry mine; did you mean --threads?",
		"mine --pool a:1":          "--pool is not a flag of quarry mine: give -o URL, like -o stratum+tcp://HOST:PORT",
		"mine -l 5":                "-l is not a flag of quarry mine: give --status-interval 60s, or --log-file FILE",
		"bench --json":             "--json is not a flag of quarry bench: give --format json",
		"shells --json":            "quarry shells needs a command: bash",
		"-o x":                     "quarry needs a command, like: quarry mine -o …; see quarry --help",
		"mine --bad -x y -q":       "2 faults in the command line:\n--bad is not a flag of quarry mine; see quarry mine --help\n-q is not a flag of quarry mine: for fewer lines give --log-level warn, which keeps status and summary",
	} {
		var got []string
		err := Run(t.Context(), newTestApp(io.Discard, &got), append([]string{"quarry"}, strings.Fields(args)...))
		text := strings.Join(got, " ")
		if err != nil {
			text = err.Error()
			if coded, ok := err.(cli.ExitCoder); !ok || coded.ExitCode() != ExitUsage {
				t.Errorf("%s: %v has another exit code", args, err)
			}
		}
		if text != want {
			t.Errorf("%s:\ngot  %s\nwant %s", args, text, want)
		}
	}
}

// TestForeignTable: no flag of another miner stands in it twice, and each gets
// flags of ours or an answer.
func TestForeignTable(t *testing.T) {
	for _, table := range [][]foreign{minerFlags(), poolFlags()} {
		seen := map[string]bool{}
		for _, f := range table {
			for name := range strings.FieldsSeq(f.names) {
				if seen[name] {
					t.Errorf("%s is there twice", name)
				}
				seen[name] = true
			}
			if f.ours == nil && f.answer == "" {
				t.Errorf("%s has no answer", f.names)
			}
		}
	}
}

func TestHelpIsWrapped(t *testing.T) {
	for _, width := range []int{40, 60, 80} {
		for _, path := range [][]string{nil, {"mine"}, {"bench"}, {"bench", "compare"}} {
			var out bytes.Buffer
			app := newTestApp(&out, new([]string))
			app.Description = "  quarry mine   " + strings.Repeat("words ", 40) + strings.Repeat("x", 90)
			l, err := read(app, append(slices.Clone(path), "--help"))
			if err != nil || !l.help {
				t.Fatal(err)
			}
			if err := printHelp(&out, app, l.path, width); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(out.String()) {
				if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > width || strings.HasSuffix(line, " \n") {
					t.Errorf("%d columns, %v: %q", width, path, line)
				}
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("mine -t4 --url=x -- a")
	f.Add("bench --duration 1 compare")
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, " ")
		_ = Run(t.Context(), newTestApp(io.Discard, new([]string)), append([]string{"quarry"}, args...))
		complete(newTestApp(io.Discard, new([]string)), args)
	})
}

func TestTypedPassword(t *testing.T) {
	for keys, want := range map[string]string{
		"secret\r": "secret", "\r": "", "ab\x7fc\n": "ac", "\x7f\x08x\r": "x", "wrong\x15right\r": "right", "aé\x7fb\r": "ab",
	} {
		if got, err := typedPassword(strings.NewReader(keys)); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", keys, got, err, want)
		}
	}
	for _, keys := range []string{"\x03", "abc\x04\r", "no enter", strings.Repeat("x", 5000) + "\r"} {
		if got, err := typedPassword(strings.NewReader(keys)); err == nil {
			t.Errorf("%.10q: %.10q, want an error", keys, got)
		}
	}
}
