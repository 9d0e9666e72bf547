package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"quarry/config"
	"quarry/hashing"
	"quarry/internal/cmdline"
)

// mineFlags returns the flags of the settings, and --config, in the order of the
// help: what people need first. They hold text that config checks, so that a
// flag, a variable and a file get the same errors. config reads the environment
// too, so that it knows each value's origin.
func mineFlags() []cli.Flag {
	order := []string{"pool", "config", "cpu", "run", "log", "strategy"} // then the others
	rank := func(table string) int {
		if i := slices.Index(order, table); i >= 0 {
			return i
		}
		return len(order)
	}
	settings := config.Settings()
	slices.SortStableFunc(settings, func(a, b config.Setting) int { return rank(a.Table) - rank(b.Table) })
	flags := []cli.Flag{}
	for _, s := range settings {
		if s.Flag != "" {
			flags = append(flags, newSettingFlag(s))
		}
	}
	first := slices.IndexFunc(settings, func(s config.Setting) bool { return s.Table != "pool" })
	return slices.Insert(flags, first, cli.Flag(&cli.StringFlag{
		Name: "config", Aliases: []string{"c"}, TakesFile: true, Category: "Configuration file", DefaultText: strings.Join(configPlaces(), ", or "),
		Usage: "read settings from this `FILE`",
	}))
}

// configPlaces returns where a configuration file is looked for, with ~ for the
// home folder.
func configPlaces() []string {
	places := config.SearchPaths(runtime.GOOS, os.LookupEnv)
	home, _ := os.UserHomeDir()
	for i, place := range places {
		if below, ok := strings.CutPrefix(place, home+string(filepath.Separator)); ok && home != "" {
			places[i] = "~" + string(filepath.Separator) + below
		}
	}
	return places
}

// settingFlag is the flag of a setting.
type settingFlag struct {
	cli.Flag
	setting config.Setting
	typed   string // its long name as it was typed, or ""
}

// SetTyped notes how the flag was typed, if it was by one of its long names.
func (f *settingFlag) SetTyped(name string) {
	if strings.HasPrefix(name, "--") {
		f.typed = name
	}
}

// Unwrap returns the flag as the library knows it.
func (f *settingFlag) Unwrap() cli.Flag { return f.Flag }

func newSettingFlag(s config.Setting) cli.Flag {
	doc := s.Doc
	switch {
	case s.Name() == "pool.url":
		doc += "; give it again for a backup pool"
	case s.Inverted:
		doc = "do not " + doc
	case s.Kind == config.SecretText:
		doc += "; - reads it from standard input"
	}
	var flag cli.Flag
	switch {
	case s.Kind == config.Bool:
		flag = &cli.BoolFlag{Name: s.Flag, Aliases: s.Aliases, Category: s.Category, DisableDefaultText: true, Usage: doc}
	case s.Repeated:
		flag = &cli.GenericFlag{Name: s.Flag, Aliases: s.Aliases, Category: s.Category, DefaultText: s.Default,
			Value: &texts{}, TakesFile: s.Kind == config.Path, Usage: doc}
	default:
		flag = &cli.StringFlag{Name: s.Flag, Aliases: s.Aliases, Category: s.Category, DefaultText: s.Default,
			TakesFile: s.Kind == config.Path, Usage: doc}
	}
	if words := settingWords(s); len(words) > 0 {
		flag = &cmdline.Choice{Flag: flag, Words: words, Loose: true}
	}
	return &settingFlag{Flag: flag, setting: s}
}

// settingWords returns the possible values of a setting, if they are few.
func settingWords(s config.Setting) []string {
	switch {
	case s.Name() == "cpu.kernel":
		return kernelNames(hashing.Auto)
	case s.Kind == config.Path: // a file's name too
		return nil
	}
	return s.Allowed
}

// kernelNames returns the names of all kernels in this program behind the others.
func kernelNames(others ...string) []string {
	for _, k := range hashing.Kernels() {
		others = append(others, k.Name)
	}
	return others
}

// withFormat returns the flags with --format as the name of --log-format, which
// is accepted still.
func withFormat(flags []cli.Flag) []cli.Flag {
	for i, f := range flags {
		if own, ok := f.(*settingFlag); ok && own.setting.Name() == "log.format" {
			renamed := own.setting
			renamed.Flag, renamed.Aliases = "format", []string{own.setting.Flag}
			flags[i] = &settingFlag{Flag: newSettingFlag(renamed), setting: own.setting}
		}
	}
	return flags
}

// texts is the value of a flag that may be given several times. The library's
// own slice flag would print its help line twice.
type texts struct{ given []string }

// sameFlag is what the library sets the other names of a flag to after one was
// given; here all names share one texts already.
const sameFlag = "\x00same flag"

// Set adds a value.
func (t *texts) Set(text string) error {
	if text != sameFlag {
		t.given = append(t.given, text)
	}
	return nil
}

// String is empty: the values may be secret.
func (t *texts) String() string { return "" }

// Serialize returns what the library passes to Set of the flag's other names.
func (t *texts) Serialize() string { return sameFlag }

// ValueName returns what the help calls the value: URL, NUMBER.
func (f *settingFlag) ValueName() string {
	names := map[config.Kind]string{config.Int: "NUMBER", config.Duration: "TIME", config.Decimal: "NUMBER", config.CPUs: "LIST",
		config.Enum: "WORD", config.Path: "FILE", config.SecretText: "TEXT"}
	if name := names[f.setting.Kind]; name != "" {
		return name
	}
	return f.setting.Env[strings.LastIndexByte(f.setting.Env, '_')+1:]
}

// flagValues returns the settings' flags that were given, and how those were
// typed, by long name.
func flagValues(c *cli.Context) (given map[string][]string, typed map[string]string) {
	given, typed = map[string][]string{}, map[string]string{}
	for _, f := range c.Command.Flags {
		own, ok := f.(*settingFlag)
		if !ok || !c.IsSet(f.Names()[0]) {
			continue
		}
		name := f.Names()[0]
		typed[own.setting.Flag] = own.typed
		switch s := own.setting; {
		case s.Kind == config.Bool:
			given[s.Flag] = []string{fmt.Sprint(c.Bool(name))}
		case s.Repeated:
			given[s.Flag] = c.Generic(name).(*texts).given
		default:
			given[s.Flag] = []string{c.String(name)}
		}
	}
	return given, typed
}

// loadConfig returns the effective settings of a command that has mineFlags. Its
// error has the exit code for bad usage.
func loadConfig(c *cli.Context) (*config.Result, error) {
	flags, typed := flagValues(c)
	if c.IsSet("config") && c.String("config") == "" {
		return nil, usageFault("--config: the file name is empty")
	}
	lines := bufio.NewReader(c.App.Reader)
	for _, s := range config.Settings() {
		if s.Kind != config.SecretText {
			continue
		}
		if err := readPasswords(c, lines, s, flags[s.Flag]); err != nil {
			return nil, err
		}
	}
	result, err := config.Load(config.Input{
		File:      c.String("config"),
		Environ:   os.Environ(),
		Flags:     flags,
		Typed:     typed,
		Checks:    settingChecks(),
		CheckPool: checkPool,
		Hint:      variableHint(c),
	})
	if err != nil {
		return nil, configFault(err)
	}
	return result, nil
}

func variableHint(c *cli.Context) func(string, bool) string {
	return func(variable string, guessed bool) string { return cmdline.VariableHint(c, variable, guessed) }
}

// checked makes a command that has no mineFlags, and its subcommands, refuse
// the QUARRY_ variables that quarry mine refuses, and warn of those that it could
// be thought to read.
func checked(command *cli.Command) *cli.Command {
	act := command.Action
	command.Action = func(c *cli.Context) error {
		warnings, err := config.CheckEnviron(config.Input{Environ: os.Environ(), Checks: settingChecks(), Hint: variableHint(c)})
		if err != nil {
			return configFault(err)
		}
		for _, s := range config.Settings() {
			if s.Env != "" && os.Getenv(s.Env) != "" && cmdline.FlagNotGiven(c, s.Flag) {
				warnings = append(warnings, fmt.Sprintf("environment variable %s is not read by this command; give --%s", s.Env, s.Flag))
			}
		}
		for _, warning := range warnings {
			fmt.Fprintf(c.App.ErrWriter, "warning: %s\n", warning)
		}
		return act(c)
	}
	for _, c := range command.Subcommands {
		checked(c)
	}
	return command
}

// configFault returns the faults in the settings, one per line, under a heading.
func configFault(err error) error {
	var faults config.Faults
	if errors.As(err, &faults) && len(faults) > 1 {
		return usageFault("%d faults in the settings:\n%v", len(faults), faults)
	}
	return usageFault("%v", err)
}

// readPasswords replaces each "-" among the values of a secret's flag with a
// line of standard input; on a terminal it prompts for it, without echo.
func readPasswords(c *cli.Context, lines *bufio.Reader, s config.Setting, passwords []string) error {
	for i, password := range passwords {
		if password != "-" {
			continue
		}
		text, err := cmdline.ReadPassword(c, lines, s.Prompt+": ")
		if err != nil {
			return usageFault("--%s -: reading the password from standard input: %v", s.Flag, err)
		}
		passwords[i] = text
	}
	return nil
}
