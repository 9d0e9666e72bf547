package config

import (
	"encoding/json"
	"fmt"
	"strings"
)

// entry is one effective setting as it is shown: a secret is masked already.
type entry struct {
	Key    string `json:"key"` // "cpu.threads", "pool[0].url"
	Value  any    `json:"value"`
	Origin Origin `json:"origin"`

	table string // "pool[0]", "cpu"
	line  string // key = value, in TOML
}

// record lists the effective settings and their origins.
func (r *Result) record(pools []*poolEntry, items map[string]item) {
	r.Origins = map[string]Origin{}
	for i, pool := range pools {
		for _, s := range poolSettings() {
			r.recordOne(fmt.Sprintf("pool[%d]", i), s, pool.items[s.Key])
		}
	}
	for _, s := range Settings() {
		if s.Table != "pool" {
			r.recordOne(s.Table, s, items[s.Name()])
		}
	}
}

func (r *Result) recordOne(table string, s Setting, it item) {
	shown := s.jsonValue(it.value)
	r.entries = append(r.entries, entry{Key: table + "." + s.Key, Value: shown, Origin: it.origin,
		table: table, line: s.Key + " = " + s.shown(it.text)})
	r.Origins[table+"."+s.Key] = it.origin
}

// toml is a value as TOML writes it.
func (s Setting) toml(text string) string {
	if s.Kind == Int || s.Kind == Bool {
		return text
	}
	return tomlString(text)
}

// shown is toml with secrets masked.
func (s Setting) shown(text string) string {
	if s.Kind == SecretText {
		text = NewSecret(text).String()
	}
	return s.toml(text)
}

// tomlString is text in TOML's quotes. Its escapes are JSON's as far as
// printable text needs them.
func tomlString(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

func (s Setting) jsonValue(v value) any {
	switch s.Kind {
	case Int:
		return v.num
	case Bool:
		return v.yes
	case SecretText:
		return NewSecret(v.text)
	default:
		return v.text
	}
}

// Show is the effective settings in TOML, each with where it came from behind
// it. Secrets are masked.
func (r *Result) Show() string {
	var b strings.Builder
	if r.File == "" {
		b.WriteString("# no configuration file\n")
	} else {
		fmt.Fprintf(&b, "# configuration file: %s\n", quote(r.File))
	}
	if len(r.Config.Pools) == 0 {
		b.WriteString("# no pool: quarry mine would mine the built-in practice pool\n")
	}
	table := ""
	for _, e := range r.entries {
		if e.table != table {
			table = e.table
			name, _, isPool := strings.Cut(table, "[")
			if isPool {
				name = "[" + name + "]"
			}
			fmt.Fprintf(&b, "\n[%s]\n", name)
		}
		fmt.Fprintf(&b, "%-40s # %s\n", e.line, e.Origin)
	}
	return b.String()
}

// ShowJSON is Show as one JSON object: file, warnings, and settings with key,
// value and origin.
func (r *Result) ShowJSON() ([]byte, error) {
	warnings := r.Warnings
	if warnings == nil {
		warnings = []string{}
	}
	return json.MarshalIndent(struct {
		File     string   `json:"file"`
		Warnings []string `json:"warnings"`
		Settings []entry  `json:"settings"`
	}{r.File, warnings, r.entries}, "", "  ")
}
