// Package config turns a TOML file, QUARRY_ environment variables and
// command-line flags into one typed, checked Config, and records where every
// value came from. The order is defaults < file < environment < flags.
//
// The fields of Config are the list of sections. Each section is one file of
// this package: its settings, its Go type and its own checks. The settings are
// the source of everything else: the strict TOML check, the environment names,
// the flags (built from them in cmd), the reference text and the suggestions
// for misspelled keys.
//
// The package imports nothing else of this module. What only other packages
// can judge (a pool URL, a CPU of this machine, a kernel's name) is passed in
// as Input.Checks.
package config

// Config holds the effective settings. It is not changed after Load. Every
// field is a section: this list is the only place that names them all.
type Config struct {
	Pools    Pools // in the order of preference; empty = mine the built-in practice pool
	Strategy Strategy
	CPU      CPU
	Log      Log
	Run      Run
	Rig      Rig
}

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
	// Typed holds by which other long name a flag was given, for messages.
	Typed map[string]string
	// Checks judge what this package cannot, by setting name ("pool.url",
	// "cpu.cpus"). They get the value's text, never a secret, a default or an
	// empty value. Their error is shown to the user as it is.
	Checks map[string]func(value string) error
	// CheckPool judges a pool as a whole, after the checks of its values, and
	// returns its identity: two pools of one identity with the same user are a fault. Its error
	// must not contain the password.
	CheckPool func(Pool) (identity string, err error)
	// Hint says what to do instead of a QUARRY_ variable that no setting has, or
	// "". guessed means that a variable which may be meant is known: it is
	// suggested if there is no hint.
	Hint func(variable string, guessed bool) string
	// SearchPaths replaces the standard places when it is not nil.
	SearchPaths []string
}

// Result is what Load found.
type Result struct {
	Config   Config
	File     string            // the file that was read, or ""
	Looked   []string          // where a file was looked for, if none was named
	Warnings []string          // what is allowed but unwise
	Origins  map[string]Origin // by setting name; those of an array as "pool[0].url"

	shown shown
}

// Load reads and checks file, environment and flags, the later over the
// earlier, under the defaults. Its error is a Faults with everything that is
// wrong, never just the first thing.
func Load(in Input) (*Result, error) {
	result := &Result{}
	loaded, err := load(in, newSchema(&result.Config))
	if err != nil {
		return nil, err
	}
	result.File, result.Looked, result.Warnings, result.shown = loaded.file, loaded.looked, loaded.warnings, loaded
	result.Origins = loaded.origins()
	return result, nil
}

// Settings returns all settings in the order of the reference.
func Settings() []Setting { return newSchema(&Config{}).settings }

// Show returns the effective settings in TOML, each followed by its origin.
// Secrets are masked.
func (r *Result) Show() string { return r.shown.text() }

// ShowJSON returns Show as one JSON object: file, where it was looked for,
// warnings, and settings with key, value and origin.
func (r *Result) ShowJSON() ([]byte, error) { return r.shown.json() }

// Reference returns the full commented configuration file: every setting at
// its default, the entries of an array as a commented example. reference.toml
// is a copy of it, which a test keeps equal.
func Reference() string { return newSchema(&Config{}).reference() }

// Sample returns the short commented file to start from: it is valid as it
// stands and, until its pool is filled in, mines the practice pool.
func Sample() string { return newSchema(&Config{}).sample() }
