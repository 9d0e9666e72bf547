package config

import (
	"fmt"
	"strings"
	"time"

	"quarry/internal/typed"
)

// Kind is the text that a setting takes and its type in TOML.
type Kind int

// The kinds of setting.
const (
	String     Kind = iota // any printable text
	Int                    // whole number within Min and Max
	Bool                   // true or false
	Duration               // time, "90s", "1d"; Min and Max in nanoseconds, 0 always allowed
	Decimal                // decimal number above 0, kept as text; in TOML a number or a string
	CPUs                   // CPU list, "0-3,8" or "all"
	Enum                   // one of Allowed
	Path                   // file name; in a file relative to that file's folder
	SecretText             // text that is never shown
)

// Setting is one key of a section.
type Setting struct {
	Key      string // TOML key within its table
	Kind     Kind
	Default  string // in the text form that environment and flags use
	Env      string // environment variable, or "" if the file alone sets it
	Flag     string // long flag name without dashes, or ""
	Aliases  []string
	Inverted bool     // the flag, a switch, turns the setting off
	Auto     bool     // a Duration that may be "auto", which is 0
	Doc      string   // one line
	Long     string   // more for the reference, wrapped at 76 columns
	Example  string   // for the reference, where the default says little
	Allowed  []string // of an Enum; of a Path or Decimal: the words that are none
	Min, Max int64

	Required   bool   // nothing works at its default: the reference shows the example
	InSample   bool   // part of the short file that Sample prints
	Prompt     string // of a secret: what to ask for on a terminal
	LoginKeys  string // of a URL: which settings take the user and password that must not be in it
	WarnUnused bool   // of an array table: warn if the environment sets it for entries that the flags replace

	// Filled in from the section's table.
	Table    string // TOML table
	Category string // heading of the table's flags in the help
	Repeated bool   // the table is an array: the flag may be given several times
}

// Name returns the setting's full key, "cpu.threads", as used in Checks,
// Origins and faults.
func (s Setting) Name() string { return s.Table + "." + s.Key }

// expected describes what the setting takes; inTOML adds how TOML writes it.
func (s Setting) expected(inTOML bool) string {
	quoted := func(text string) string {
		if inTOML {
			return text + " in quotes"
		}
		return text
	}
	switch s.Kind {
	case Int:
		return fmt.Sprintf("a whole number from %d to %d", s.Min, s.Max)
	case Bool:
		return "true or false"
	case Duration:
		zero := "0s"
		if s.Auto {
			zero = "auto"
		}
		return quoted(fmt.Sprintf(zero+" or a time from %s to %s, like 90s, 1h30m or 1d,", typed.FormatDuration(time.Duration(s.Min)), typed.FormatDuration(time.Duration(s.Max))))
	case Decimal:
		text := "a decimal number above 0, like 0.5 or 1024"
		for _, word := range s.Allowed {
			text += ", or " + quoted(word)
		}
		return text
	case CPUs:
		return quoted("a CPU list like 0-3,8")
	case Enum:
		return "one of \"" + strings.Join(s.Allowed, "\", \"") + "\""
	case Path:
		return quoted("a file name")
	default:
		return quoted("text")
	}
}
