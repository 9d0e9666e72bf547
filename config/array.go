package config

import (
	"fmt"
	"strings"
)

// mergeArray decides which layer's entries count (flags before environment before
// file) and applies the single values of the layers above to them.
//
// Values of the environment belong to the entry that the environment names, if
// it names one, so that a password never goes to a server it was not meant
// for; otherwise they apply to the entries of the file or the flags.
func mergeArray(c checker, t table, file []*entry, env, flags given) []*entry {
	entries := file
	byEnv, byFlags := named(t, env), named(t, flags)
	switch {
	case len(byFlags) > 0:
		entries = byFlags
	case len(byEnv) > 0:
		entries = byEnv
	}
	if len(byEnv) == 0 || len(byFlags) == 0 {
		overlay(c, t, entries, env)
	} else {
		warnUnused(c, t, env, flags)
	}
	overlay(c, t, entries, flags)
	return entries
}

// named returns the entries that a layer names by itself.
func named(t table, from given) []*entry {
	var entries []*entry
	for _, it := range from[t.name+"."+t.namedBy] {
		e := newEntry(t, it.at)
		e.items[t.namedBy] = it
		entries = append(entries, e)
	}
	return entries
}

// warnUnused reports values of the environment that the entries named by flags
// do not get, for settings that nobody expects to be dropped.
func warnUnused(c checker, t table, env, flags given) {
	namer, _ := t.setting(t.namedBy)
	for _, s := range t.settings {
		if items := env[s.Name()]; s.WarnUnused && len(items) > 0 && len(flags[s.Name()]) == 0 {
			c.warn("%s is not used: it belongs to %s, and --%s names another %s; give it with --%s",
				items[0].at.source, namer.Env, namer.Flag, t.name, s.Flag)
		}
	}
}

// overlay applies a layer's values to the entries: the i-th value to the i-th
// entry, or a single value to all.
func overlay(c checker, t table, entries []*entry, from given) {
	for _, s := range t.settings {
		items := from[s.Name()]
		if s.Key == t.namedBy || len(items) == 0 {
			continue
		}
		if len(entries) == 0 {
			noEntry(c, t, s, items[0])
			continue
		}
		if len(items) != 1 && len(items) != len(entries) {
			c.add(items[0].at.fault(s.Name(), fmt.Sprintf(
				"given %d times for %d %s(s); give it once for all, or once for each", len(items), len(entries), t.name)))
			for _, e := range entries {
				e.items[s.Key] = item{bad: true}
			}
			continue
		}
		for i, e := range entries {
			it := items[min(i, len(items)-1)]
			it.shared = len(items) == 1 && len(entries) > 1
			e.put(s.Key, it)
		}
	}
}

// noEntry reports a value that no entry can take. A flag is meant for this
// run, so it is a fault; an environment variable may be left over from another.
func noEntry(c checker, t table, s Setting, it item) {
	if it.at.layer != layerFlag {
		c.warn("%s is set, but no %s is configured that it could belong to", it.at.source, t.name)
		return
	}
	namer, _ := t.setting(t.namedBy)
	how := fmt.Sprintf("add a [[%s]] to the configuration file", t.name)
	if namer.Flag != "" {
		how = fmt.Sprintf("name the %s with --%s", t.name, namer.Flag)
	}
	c.add(it.at.fault(s.Name(), fmt.Sprintf("given without a %s; %s", t.name, how)))
}

// put sets a value. A secret and the file that holds it replace each other if
// they come from different layers; in one layer they contradict, which
// checkSecret reports.
func (e *entry) put(key string, it item) {
	rival := key + fileSuffix
	if secret, isFile := strings.CutSuffix(key, fileSuffix); isFile {
		rival = secret
	}
	if other, set := e.items[rival]; set && other.at.layer != it.at.layer {
		delete(e.items, rival)
	}
	e.items[key] = it
}
