package config

import (
	"encoding/json"
	"fmt"
	"strings"
)

// shown is the outcome of one load as Show prints it.
type shown struct {
	file     string   // that was read, or ""
	looked   []string // where a file was looked for, if none was named
	warnings []string
	tables   []shownTable
}

// shownTable is one [table] or [[table]].
type shownTable struct {
	name    string // "cpu", "pool[0]"
	header  string // "[cpu]", "[[pool]]"
	entries []shownSetting
	none    string // instead of entries: what it means that there are none
}

// shownSetting is one effective setting; a secret is masked already.
type shownSetting struct {
	Key    string `json:"key"` // "cpu.threads", "pool[0].url"
	Value  any    `json:"value"`
	Origin Origin `json:"origin"`

	line string // key = value, in TOML
}

// record adds the effective settings of all tables.
func (r *shown) record(s *schema, all values) {
	for _, t := range s.tables {
		if len(all[t.name]) == 0 && t.none != "" {
			r.tables = append(r.tables, shownTable{none: t.none})
		}
		for i, e := range all[t.name] {
			into := shownTable{name: t.name, header: t.header()}
			if t.array {
				into.name = fmt.Sprintf("%s[%d]", t.name, i)
			}
			for _, s := range t.settings {
				it := e.items[s.Key]
				into.entries = append(into.entries, shownSetting{Key: into.name + "." + s.Key, Value: s.jsonValue(it.value),
					Origin: it.origin, line: s.Key + " = " + s.shown(it.text)})
			}
			r.tables = append(r.tables, into)
		}
	}
}

// header returns the line that begins the table in a file.
func (t table) header() string {
	if t.array {
		return "[[" + t.name + "]]"
	}
	return "[" + t.name + "]"
}

func (r *shown) settings() []shownSetting {
	var all []shownSetting
	for _, t := range r.tables {
		all = append(all, t.entries...)
	}
	return all
}

func (r *shown) origins() map[string]Origin {
	origins := map[string]Origin{}
	for _, s := range r.settings() {
		origins[s.Key] = s.Origin
	}
	return origins
}

// toml returns a value as TOML writes it.
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

// tomlString returns text in TOML's quotes. Its escapes are those of JSON as
// far as printable text needs them.
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

func (r *shown) text() string {
	var b strings.Builder
	if r.file == "" {
		b.WriteString("# no configuration file\n")
	} else {
		fmt.Fprintf(&b, "# configuration file: %s\n", quote(r.file))
	}
	for _, path := range r.looked {
		fmt.Fprintf(&b, "# looked in %s\n", quote(path))
		if path == r.file {
			break
		}
	}
	for _, t := range r.tables {
		if t.none != "" {
			fmt.Fprintf(&b, "# %s\n", t.none)
			continue
		}
		fmt.Fprintf(&b, "\n%s\n", t.header)
		for _, s := range t.entries {
			fmt.Fprintf(&b, "%-40s # %s\n", s.line, s.Origin)
		}
	}
	return b.String()
}

func (r *shown) json() ([]byte, error) {
	warnings := r.warnings
	if warnings == nil {
		warnings = []string{}
	}
	looked := r.looked
	if looked == nil {
		looked = []string{}
	}
	return json.MarshalIndent(struct {
		File     string         `json:"file"`
		LookedIn []string       `json:"looked_in"` // empty if the file was named
		Warnings []string       `json:"warnings"`
		Settings []shownSetting `json:"settings"`
	}{r.file, looked, warnings, r.settings()}, "", "  ")
}
