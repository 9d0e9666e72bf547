package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// section is one table of the file and the Go type that it fills. Config is
// the list of them: each of its fields is a section.
type section interface {
	// table describes the file's table: its name, its settings.
	table() table
	// set fills the receiver from checked values with defaults filled in, and
	// records the faults that show only in several values together. A value
	// that is wrong by itself has been recorded already and is marked bad.
	set(c checker, all values)
}

// table describes one table of the file: [name], or [[name]] if array.
type table struct {
	name     string
	title    string // what it is for, above it in the reference
	intro    string // the same for the sample, where its name does not say it
	category string // heading of its flags in the help
	array    bool   // any number of [[name]] entries
	// namedBy is the key of an array that tells entries apart: its environment
	// variable or flags name entries in place of the file's. "" = the file
	// alone has entries; variables and flags of other keys apply to those.
	namedBy  string
	none     string // of an array: what having no entry means, for Show, or ""
	settings []Setting
}

// setting returns the setting of that key.
func (t table) setting(key string) (setting Setting, known bool) {
	i := slices.IndexFunc(t.settings, func(s Setting) bool { return s.Key == key })
	if i < 0 {
		return Setting{}, false
	}
	return t.settings[i], true
}

// values are the entries of each table by its name: any number for an array,
// exactly one otherwise.
type values map[string][]*entry

// one returns the entry of a table that is not an array.
func (v values) one(table string) *entry { return v[table][0] }

// entry is the values of one [table] or [[table]], by key.
type entry struct {
	table  table
	items  map[string]item
	at     place // where it starts
	broken bool  // a line of it could not be read: what looks missing may not be
}

func newEntry(t table, at place) *entry {
	return &entry{table: t, items: map[string]item{}, at: at}
}

// faulty reports whether one of the values is wrong by itself.
func (e *entry) faulty() bool {
	for _, it := range e.items {
		if it.bad {
			return true
		}
	}
	return e.broken
}

// fill gives every setting without a value its default.
func (e *entry) fill() {
	for _, s := range e.table.settings {
		if _, given := e.items[s.Key]; !given {
			v, _ := parse(s, s.Default)
			e.items[s.Key] = item{value: v, origin: Origin{Kind: layerDefault.String()}}
		}
	}
}

// reset sets a key to its default.
func (e *entry) reset(key string) {
	delete(e.items, key)
	e.fill()
}

// schema is the sections of one configuration type.
type schema struct {
	sections []section
	tables   []table   // of the sections, in the order of the reference
	settings []Setting // of all tables
}

// newSchema returns the sections among the fields of the struct that config
// points to, in their order.
func newSchema(config any) *schema {
	s := &schema{}
	fields := reflect.ValueOf(config).Elem()
	for i := range fields.NumField() {
		part, ok := fields.Field(i).Addr().Interface().(section)
		if !ok {
			continue // TestEveryFieldIsASection
		}
		t := part.table()
		for j := range t.settings {
			own := &t.settings[j]
			own.Table, own.Category, own.Repeated = t.name, t.category, t.array
		}
		s.sections = append(s.sections, part)
		s.tables = append(s.tables, t)
		s.settings = append(s.settings, t.settings...)
	}
	return s
}

// find returns the table of that name.
func (s *schema) find(name string) (t table, known bool) {
	for _, t := range s.tables {
		if t.name == name {
			return t, true
		}
	}
	return table{}, false
}

// setting returns the setting of that full name.
func (s *schema) setting(name string) (setting Setting, known bool) {
	tableName, key, _ := strings.Cut(name, ".")
	t, _ := s.find(tableName)
	return t.setting(key)
}

func (s *schema) names() []string {
	var names []string
	for _, t := range s.tables {
		names = append(names, t.name)
	}
	return names
}

// given is what the environment or the flags set: for every setting, by name,
// its items in the order given. Settings of an array may have several.
type given map[string][]item

// merge returns the entries of every table: the file's under the environment's
// under the flags' values, and defaults for the rest.
func merge(c checker, file values, env, flags given) values {
	all := maps.Clone(file)
	for _, t := range c.schema.tables {
		if t.array {
			all[t.name] = mergeArray(c, t, file[t.name], env, flags)
		} else {
			all[t.name] = []*entry{mergeOne(t, file[t.name], env, flags)}
		}
		for _, e := range all[t.name] {
			e.fill()
		}
	}
	return all
}

func mergeOne(t table, file []*entry, env, flags given) *entry {
	e := newEntry(t, place{})
	if len(file) > 0 {
		e = file[0]
	}
	for _, from := range []given{env, flags} {
		for _, s := range t.settings {
			if items := from[s.Name()]; len(items) > 0 {
				e.put(s.Key, items[len(items)-1])
			}
		}
	}
	return e
}
