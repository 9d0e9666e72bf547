package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Fault is one thing wrong with the settings. It never holds a secret's text.
type Fault struct {
	Source   string `json:"source"`                 // file name, environment variable ("QUARRY_USER") or flag ("--user")
	Line     int    `json:"line,omitempty"`         // in a file, from 1; 0 = the file as a whole, or no file
	Col      int    `json:"column,omitempty"`       // in characters, from 1
	Key      string `json:"key,omitempty"`          // full key ("cpu.threads"), or ""
	Problem  string `json:"problem"`                // what is wrong
	Expected string `json:"expected,omitempty"`     // what would be right, or ""
	Nearest  string `json:"did_you_mean,omitempty"` // the valid key or value it looks like, or ""

	layer layer // sorts faults
}

// Error returns the fault on one line: rig.toml:3:11: cpu.threads: ….
func (f Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.Source)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.Line, f.Col)
	}
	// An environment variable or a flag names the setting already.
	if f.Key != "" && f.layer == layerFile {
		b.WriteString(": " + f.Key)
	}
	b.WriteString(": " + f.Problem)
	if f.Expected != "" {
		b.WriteString("; expected " + strings.TrimSuffix(f.Expected, ","))
	}
	if f.Nearest != "" {
		b.WriteString("; did you mean " + strconv.Quote(f.Nearest) + "?")
	}
	return b.String()
}

// Faults are all faults found, in the order file, environment, flags.
type Faults []Fault

// Error returns one fault per line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.Error()
	}
	return strings.Join(lines, "\n")
}

// maxFaults bounds what one load reports: a file that is not a configuration
// would otherwise give a fault for every line.
const maxFaults = 50

// collector gathers faults and warnings of one load.
type collector struct {
	faults   Faults
	warnings []string
}

func (c *collector) add(f Fault) { c.faults = append(c.faults, f) }

func (c *collector) warn(format string, args ...any) {
	c.warnings = append(c.warnings, fmt.Sprintf(format, args...))
}

func (c *collector) full() bool { return len(c.faults) > maxFaults }

// err returns the sorted faults as an error, or nil.
func (c *collector) err() error {
	if len(c.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(c.faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.layer, b.layer), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	if len(c.faults) > maxFaults {
		last := c.faults[maxFaults]
		c.faults = append(c.faults[:maxFaults:maxFaults], Fault{layer: last.layer, Source: last.Source,
			Problem: "and more; correct the faults above first"})
	}
	return c.faults
}

// place is where a value was written, for faults about it.
type place struct {
	layer     layer
	source    string
	line, col int
}

func (p place) fault(key, problem string) Fault {
	return Fault{layer: p.layer, Source: p.source, Line: p.line, Col: p.col, Key: key, Problem: problem}
}

func (p place) origin() Origin {
	o := Origin{Kind: p.layer.String(), Where: p.source}
	if p.line > 0 {
		o.Where = fmt.Sprintf("%s:%d:%d", p.source, p.line, p.col)
	}
	return o
}

// quote returns foreign text in quotes, cut to a length that fits a message.
func quote(text string) string {
	const most = 80
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most]) + "…"
	}
	return strconv.Quote(text)
}
