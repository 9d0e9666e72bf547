package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"

	"quarry/internal/typed"
)

// maxEntries bounds the entries of one array in one file.
const maxEntries = 64

// tomlReader walks a document's syntax tree, because decoding into a struct
// would stop at the first wrong type. It knows only the settings, so it also
// finds what a decoder would: repeated keys and tables.
type tomlReader struct {
	checker
	name string // of the file, for faults
	data []byte
	base int // where in data the parser started

	out     values
	entry   *entry           // that the walk is in; nil = before any header, or under one that is a fault
	skip    bool             // under a header that is a fault already
	headers map[string]place // tables written as [table], table = {…} or table = […]
	dotted  map[string]bool  // tables begun by a dotted key at the root
	tooMany map[string]bool  // arrays with more entries than allowed, which a fault reports
}

// readTOML reads a document and records what is wrong with it in the checker's
// collector. data must be UTF-8 without a byte order mark.
func readTOML(c checker, name string, data []byte) values {
	r := &tomlReader{
		checker: c, name: name, data: data, out: values{},
		headers: map[string]place{}, dotted: map[string]bool{}, tooMany: map[string]bool{},
	}
	r.walk()
	return r.out
}

// walk visits the whole document; after a syntax error it continues with the
// next line, so that one mistake does not hide the others.
func (r *tomlReader) walk() {
	var p unstable.Parser
	p.Reset(r.data)
	for !r.full() {
		if p.NextExpression() {
			r.expression(&p, p.Expression())
			continue
		}
		err := p.Error()
		if err == nil {
			return
		}
		offset := r.syntaxFault(&p, err)
		end := bytes.IndexByte(r.data[offset:], '\n')
		if end < 0 {
			return
		}
		r.base = offset + end + 1
		p.Reset(r.data[r.base:])
	}
}

// syntaxFault records a syntax error and returns its offset in data.
func (r *tomlReader) syntaxFault(p *unstable.Parser, err error) int {
	message, offset := err.Error(), len(r.data)
	var syntax *unstable.ParserError
	if errors.As(err, &syntax) {
		// A highlight is a part of the parser's data with the same end, so the
		// capacities give its offset.
		offset = r.base + cap(p.Data()) - cap(syntax.Highlight)
	}
	offset = min(max(offset, r.base), len(r.data))
	// The parser quotes the character that it could not read, which may be the
	// first of an unquoted password.
	for _, quoting := range []string{" but got U+", ": U+", " U+"} {
		message, _, _ = strings.Cut(message, quoting)
	}
	fault := r.at(offset).fault("", "not valid TOML: "+message)
	fault.Key, fault.Expected = r.keyBefore(offset)
	if strings.HasPrefix(message, "invalid escape") {
		fault.Expected = `\\ for a backslash, or single quotes around the text`
	}
	r.add(fault)
	line := r.data[bytes.LastIndexByte(r.data[:offset], '\n')+1:]
	if bytes.HasPrefix(bytes.TrimLeft(line, " \t"), []byte("[")) {
		r.skip = true // the table of the keys that follow is unknown
	}
	if r.entry != nil {
		r.entry.broken = true
	}
	return offset
}

// keyBefore returns the key whose value stands at offset on one line, "" if that is
// not clear, and what the key expects, "" if it is not that of a setting.
func (r *tomlReader) keyBefore(offset int) (name, expected string) {
	start := bytes.LastIndexByte(r.data[:offset], '\n') + 1
	key, _, behind := strings.Cut(string(r.data[start:offset]), "=")
	key = strings.TrimSpace(key)
	if !behind || r.skip || keyText(key) != key {
		return "", ""
	}
	if r.entry != nil {
		key = r.entry.table.name + "." + key
	}
	s, known := r.schema.setting(key)
	if !known {
		return key, ""
	}
	return key, s.expected(true)
}

// at returns the place of an offset into data. Its time grows with the length
// of the file, so it is for what is kept or reported, not for every key.
func (r *tomlReader) at(offset int) place {
	before := r.data[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	return place{layer: layerFile, source: r.name,
		line: 1 + bytes.Count(before, []byte{'\n'}), col: 1 + utf8.RuneCount(before[start:])}
}

// keyPart is one part of a possibly dotted key.
type keyPart struct {
	name       string
	start, end int // offsets in data
}

func (r *tomlReader) key(it unstable.Iterator) []keyPart {
	var parts []keyPart
	for it.Next() {
		n := it.Node()
		start := r.base + int(n.Raw.Offset)
		parts = append(parts, keyPart{name: string(n.Data), start: start, end: start + int(n.Raw.Length)})
	}
	return parts
}

// joinKey returns a dotted key, cut after more parts than any setting has.
func joinKey(parts []keyPart) string {
	var names []string
	for i, part := range parts {
		if i == 4 {
			return strings.Join(names, ".") + ".…"
		}
		names = append(names, keyText(part.name))
	}
	return strings.Join(names, ".")
}

// keyText returns a key as TOML writes it, so that a strange one stays readable.
func keyText(name string) string {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return quote(name)
		}
	}
	if name == "" || len(name) > 80 {
		return quote(name)
	}
	return name
}

func (r *tomlReader) expression(p *unstable.Parser, n *unstable.Node) {
	switch n.Kind {
	case unstable.Table, unstable.ArrayTable:
		r.header(r.key(n.Key()), n.Kind == unstable.ArrayTable)
	case unstable.KeyValue:
		if !r.skip {
			r.keyValue(r.entry, n)
		}
	}
}

// header enters [table] or [[table]].
func (r *tomlReader) header(parts []keyPart, double bool) {
	r.entry, r.skip = nil, true
	name := parts[0].name
	if double && len(parts) == 1 && r.tooMany[name] {
		return
	}
	at := r.at(parts[0].start)
	t, known := r.schema.find(name)
	if !known || len(parts) > 1 {
		fault := at.fault(joinKey(parts), "unknown table")
		if s, isKey := r.schema.setting(joinKey(parts)); isKey {
			fault.Problem, fault.Expected = "is a key, not a table", s.expected(true)
		} else if !known {
			fault.Nearest = typed.Nearest(name, r.schema.names())
		}
		r.add(fault)
		return
	}
	switch {
	case t.array:
		if !double {
			r.add(at.fault(name, fmt.Sprintf("there may be several %ss: write [[%s]] in double brackets", name, name)))
		}
		if before, defined := r.headers[name]; defined {
			r.add(at.fault(name, fmt.Sprintf("%ss are already listed on line %d", name, before.line)))
		}
		r.entry = r.append(t, at)
	case double:
		r.add(at.fault(name, fmt.Sprintf("is one table: write [%s] in single brackets", name)))
		fallthrough
	default:
		r.define(name, at)
		r.entry = r.only(t)
	}
	r.skip = r.entry == nil
}

// append returns a new entry of an array, or nil when there are too many; the
// first one too many is a fault.
func (r *tomlReader) append(t table, at place) *entry {
	if len(r.out[t.name]) == maxEntries {
		if !r.tooMany[t.name] {
			r.tooMany[t.name] = true
			r.add(at.fault(t.name, fmt.Sprintf("more than %d %ss", maxEntries, t.name)))
		}
		return nil
	}
	e := newEntry(t, at)
	r.out[t.name] = append(r.out[t.name], e)
	return e
}

// only returns the entry of a table that is not an array.
func (r *tomlReader) only(t table) *entry {
	if r.out[t.name] == nil {
		r.out[t.name] = []*entry{newEntry(t, place{})}
	}
	return r.out.one(t.name)
}

// define records that a table is written out, and refuses a second time.
func (r *tomlReader) define(name string, at place) {
	before, defined := r.headers[name]
	if defined {
		r.add(at.fault(name, fmt.Sprintf("table given twice, first on line %d", before.line)))
		return
	}
	if r.dotted[name] {
		r.add(at.fault(name, "table given twice, first by a dotted key"))
	}
	r.headers[name] = at
}
