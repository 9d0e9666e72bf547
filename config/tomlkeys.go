package config

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// keyValue takes one key = value under table ("" = the root of the document).
func (r *tomlReader) keyValue(table string, entry *poolEntry, n *unstable.Node) {
	parts := r.key(n.Key())
	behind := parts[len(parts)-1].end
	if table == "" && isTable(parts[0].name) {
		name := parts[0].name
		switch {
		case len(parts) == 1:
			r.inlineTable(name, r.at(parts[0].start), r.valuePlace(behind), n.Value())
			return
		case name == "pool":
			r.add(r.at(parts[0].start).fault(joinKey(parts), "there may be several pools: write [[pool]] and the key below it"))
			return
		}
		if before, defined := r.headers[name]; defined && !r.dotted[name] {
			r.add(r.at(parts[0].start).fault(name, fmt.Sprintf("table given twice, first on line %d", before.line)))
		}
		r.dotted[name] = true
		table, parts = name, parts[1:]
	}
	setting, known := r.settings[table+"."+parts[0].name]
	if !known || len(parts) > 1 || (table == "pool" && entry == nil) {
		r.unknownKey(table, parts)
		return
	}
	items, id := r.out.items, setting.Name()
	if table == "pool" {
		items, id = entry.items, setting.Key
	}
	if before, repeated := items[id]; repeated {
		r.add(r.at(parts[0].start).fault(setting.Name(), fmt.Sprintf("given twice, first on line %d", before.at.line)))
		return
	}
	items[id] = r.value(setting, n.Value(), r.valuePlace(behind), r.at(parts[0].start).origin())
}

// valuePlace is where the value behind a key's end starts. Arrays carry no
// position of their own in the syntax tree.
func (r *tomlReader) valuePlace(end int) place {
	rest := bytes.TrimLeft(r.data[end:], " \t")
	rest = bytes.TrimLeft(bytes.TrimPrefix(rest, []byte("=")), " \t")
	return r.at(len(r.data) - len(rest))
}

// inlineTable takes cpu = {…} or pool = [{…}, …] at the root.
func (r *tomlReader) inlineTable(name string, at, valueAt place, n *unstable.Node) {
	if name == "pool" {
		r.inlinePools(at, valueAt, n)
		return
	}
	if n.Kind != unstable.InlineTable {
		fault := valueAt.fault(name, "is "+describe(n.Kind))
		fault.Expected = fmt.Sprintf("a table: write [%s] and its keys below it", name)
		r.add(fault)
		return
	}
	r.define(name, at)
	r.inlineKeys(name, nil, n)
}

func (r *tomlReader) inlinePools(at, valueAt place, n *unstable.Node) {
	if before, defined := r.headers["pool"]; defined {
		r.add(at.fault("pool", fmt.Sprintf("pools are already listed on line %d", before.line)))
		return
	}
	r.headers["pool"] = at
	if n.Kind != unstable.Array {
		fault := valueAt.fault("pool", "is "+describe(n.Kind))
		fault.Expected = "[[pool]] and its keys below it"
		r.add(fault)
		return
	}
	for it := n.Children(); it.Next() && !r.tooMany; {
		element := it.Node()
		if element.Kind != unstable.InlineTable {
			fault := valueAt.fault("pool", "holds "+describe(element.Kind))
			fault.Expected = "[[pool]] and its keys below it"
			r.add(fault)
			return
		}
		if entry := r.newPool(r.at(r.base + int(element.Raw.Offset))); entry != nil {
			r.inlineKeys("pool", entry, element)
		}
	}
}

func (r *tomlReader) inlineKeys(table string, entry *poolEntry, n *unstable.Node) {
	for it := n.Children(); it.Next() && !r.full(); {
		if it.Node().Kind == unstable.KeyValue {
			r.keyValue(table, entry, it.Node())
		}
	}
}

// unknownKey records a key that is no setting, with the valid one it looks
// like: of its own table, or the same key of another.
func (r *tomlReader) unknownKey(table string, parts []keyPart) {
	full := joinKey(parts)
	if table != "" {
		full = table + "." + full
	}
	fault := r.at(parts[0].start).fault(full, "unknown key")
	var own, others []string
	for _, s := range Settings() {
		switch {
		case s.Table == table:
			own = append(own, s.Key)
		case fold(parts[0].name) == s.Key:
			others = append(others, s.Name())
		}
	}
	switch {
	case len(parts) > 1:
	case len(others) > 0:
		fault.Nearest = others[0]
	case table == "":
		fault.Nearest = nearest(parts[0].name, tableNames())
	default:
		fault.Nearest = nearest(parts[0].name, own)
	}
	r.add(fault)
}

// value checks a value's TOML type and then its text.
func (r *tomlReader) value(s Setting, n *unstable.Node, at place, origin Origin) item {
	text, ok := r.text(s, n)
	if !ok {
		fault := at.fault(s.Name(), "is "+describe(n.Kind))
		fault.Expected = s.expected(true)
		r.add(fault)
		return item{at: at, origin: origin, bad: true}
	}
	if s.Kind == Path && text != "" && !filepath.IsAbs(text) {
		text = filepath.Join(r.dir, text)
	}
	return r.item(s, text, at, origin)
}

// text is the text form of a TOML value, if its type suits the setting.
func (r *tomlReader) text(s Setting, n *unstable.Node) (text string, ok bool) {
	data := string(n.Data)
	switch s.Kind {
	case Int:
		if n.Kind != unstable.Integer {
			return "", false
		}
		// TOML also writes 0x10, 0o20, 0b1 and 1_000; what does not fit 64
		// bits keeps its text and is refused by parse.
		if v, err := strconv.ParseInt(strings.ReplaceAll(data, "_", ""), 0, 64); err == nil {
			data = strconv.FormatInt(v, 10)
		}
		return data, true
	case Bool:
		return data, n.Kind == unstable.Bool
	case Decimal:
		return data, n.Kind == unstable.String || n.Kind == unstable.Integer || n.Kind == unstable.Float
	default:
		return data, n.Kind == unstable.String
	}
}

func describe(k unstable.Kind) string {
	switch k {
	case unstable.String:
		return "a string"
	case unstable.Bool:
		return "true or false"
	case unstable.Integer:
		return "a whole number"
	case unstable.Float:
		return "a number with a fraction"
	case unstable.Array:
		return "an array"
	case unstable.InlineTable:
		return "a table"
	default:
		return "a date or time"
	}
}

func tableNames() []string {
	var names []string
	for _, t := range tables() {
		names = append(names, t[0])
	}
	return names
}

func isTable(name string) bool { return slices.Contains(tableNames(), name) }
