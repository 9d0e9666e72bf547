package config

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"quarry/internal/typed"
)

// keyValue reads one key = value of an entry, nil = at the root of the document.
func (r *tomlReader) keyValue(e *entry, n *unstable.Node) {
	parts := r.key(n.Key())
	after := parts[len(parts)-1].end
	if e == nil {
		name := parts[0].name
		t, known := r.schema.find(name)
		switch {
		case !known:
			r.unknownKey(nil, parts)
			return
		case len(parts) == 1:
			r.inlineTable(t, r.at(parts[0].start), r.valuePlace(after), n.Value())
			return
		case t.array:
			r.add(r.at(parts[0].start).fault(joinKey(parts), fmt.Sprintf("there may be several %ss: write [[%s]] and the key below it", name, name)))
			return
		}
		if before, defined := r.headers[name]; defined && !r.dotted[name] {
			r.add(r.at(parts[0].start).fault(name, fmt.Sprintf("table given twice, first on line %d", before.line)))
		}
		r.dotted[name] = true
		e, parts = r.only(t), parts[1:]
	}
	setting, known := e.table.setting(parts[0].name)
	if !known || len(parts) > 1 {
		r.unknownKey(e, parts)
		return
	}
	if before, repeated := e.items[setting.Key]; repeated {
		r.add(r.at(parts[0].start).fault(setting.Name(), fmt.Sprintf("given twice, first on line %d", before.at.line)))
		return
	}
	e.items[setting.Key] = r.value(setting, n.Value(), r.valuePlace(after), r.at(parts[0].start).origin())
}

// valuePlace returns where the value after a key's end starts. Arrays carry no
// position of their own in the syntax tree.
func (r *tomlReader) valuePlace(end int) place {
	rest := bytes.TrimLeft(r.data[end:], " \t")
	rest = bytes.TrimLeft(bytes.TrimPrefix(rest, []byte("=")), " \t")
	return r.at(len(r.data) - len(rest))
}

// inlineTable reads cpu = {…} or, for an array, pool = [{…}, …] at the root.
func (r *tomlReader) inlineTable(t table, at, valueAt place, n *unstable.Node) {
	if t.array {
		r.inlineArray(t, at, valueAt, n)
		return
	}
	if n.Kind != unstable.InlineTable {
		fault := valueAt.fault(t.name, "is "+describe(n.Kind))
		fault.Expected = fmt.Sprintf("a table: write %s and its keys below it", t.header())
		r.add(fault)
		return
	}
	r.define(t.name, at)
	r.inlineKeys(r.only(t), n)
}

func (r *tomlReader) inlineArray(t table, at, valueAt place, n *unstable.Node) {
	if before, defined := r.headers[t.name]; defined {
		r.add(at.fault(t.name, fmt.Sprintf("%ss are already listed on line %d", t.name, before.line)))
		return
	}
	r.headers[t.name] = at
	wrong := func(problem string) {
		fault := valueAt.fault(t.name, problem)
		fault.Expected = t.header() + " and its keys below it"
		r.add(fault)
	}
	if n.Kind != unstable.Array {
		wrong("is " + describe(n.Kind))
		return
	}
	for it := n.Children(); it.Next() && !r.tooMany[t.name]; {
		element := it.Node()
		if element.Kind != unstable.InlineTable {
			wrong("holds " + describe(element.Kind))
			return
		}
		if e := r.append(t, r.at(r.base+int(element.Raw.Offset))); e != nil {
			r.inlineKeys(e, element)
		}
	}
}

func (r *tomlReader) inlineKeys(e *entry, n *unstable.Node) {
	for it := n.Children(); it.Next() && !r.full(); {
		if it.Node().Kind == unstable.KeyValue {
			r.keyValue(e, it.Node())
		}
	}
}

// unknownKey records a key that is no setting, with the valid one it looks
// like: of its own table, or the same key of another.
func (r *tomlReader) unknownKey(e *entry, parts []keyPart) {
	full, table := joinKey(parts), ""
	if e != nil {
		table = e.table.name
		full = table + "." + full
	}
	fault := r.at(parts[0].start).fault(full, "unknown key")
	var own, others []string
	for _, s := range r.schema.settings {
		switch {
		case s.Table == table:
			own = append(own, s.Key)
		case typed.Fold(parts[0].name) == s.Key:
			others = append(others, s.Name())
		}
	}
	switch {
	case len(parts) > 1:
	case len(others) > 0:
		fault.Nearest = others[0]
	case table == "":
		fault.Nearest = typed.Nearest(parts[0].name, r.schema.names())
	default:
		fault.Nearest = typed.Nearest(parts[0].name, own)
	}
	r.add(fault)
}

// value checks a value's TOML type and then its text.
func (r *tomlReader) value(s Setting, n *unstable.Node, at place, origin Origin) item {
	text, ok := r.text(s, n)
	if !ok {
		fault := at.fault(s.Name(), "is "+describe(n.Kind))
		fault.Expected = s.expected(true)
		if s.Kind == Duration {
			_, fault.Nearest, _ = typed.Duration(string(n.Data))
		}
		r.add(fault)
		return item{at: at, origin: origin, bad: true}
	}
	return r.item(s, text, at, origin)
}

// text returns the text form of a TOML value, if its type suits the setting.
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
