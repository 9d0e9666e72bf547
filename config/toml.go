package config

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"
)

// maxPools bounds the pools of one file.
const maxPools = 64

// fileValues is what a file sets: items by setting name, and for each [[pool]]
// items by key.
type fileValues struct {
	items map[string]item
	pools []*poolEntry
}

// poolEntry is one pool's items by TOML key, and where the pool starts.
type poolEntry struct {
	items  map[string]item
	at     place
	broken bool // a line of it could not be read: what looks missing may not be
}

// tomlReader walks a document's syntax tree, because decoding into a struct
// would stop at the first wrong type. It knows only the table of settings, so
// it also finds what a decoder would: repeated keys and tables.
type tomlReader struct {
	checker
	name     string // of the file, for faults
	dir      string // relative file names are relative to it
	data     []byte
	base     int // where in data the parser started
	settings map[string]Setting

	out     fileValues
	table   string           // of the header the walk is under; "" = before any
	skip    bool             // under a header that is a fault already
	entry   *poolEntry       // the pool the walk is in
	headers map[string]place // tables written as [table] or table = {…}
	dotted  map[string]bool  // tables begun by a dotted key at the root
	tooMany bool             // pools, and a fault says so
}

// readTOML reads a document; what is wrong with it goes to the checker's
// collector. data must be UTF-8 without a byte order mark.
func readTOML(c checker, name string, data []byte) fileValues {
	r := &tomlReader{
		checker: c, name: name, dir: filepath.Dir(name), data: data,
		settings: map[string]Setting{},
		out:      fileValues{items: map[string]item{}},
		headers:  map[string]place{}, dotted: map[string]bool{},
	}
	for _, s := range Settings() {
		r.settings[s.Name()] = s
	}
	r.walk()
	return r.out
}

// walk goes over the document; after a syntax error it goes on with the next
// line, so that one slip does not hide the others.
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
	// The parser quotes the character it stumbled over, which may be the first
	// of an unquoted password.
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
		r.skip = true // whose keys follow is unknown
	}
	if r.entry != nil {
		r.entry.broken = true
	}
	return offset
}

// keyBefore is the key whose value stands at offset on one line, "" if that is
// not clear, and what the key expects, "" if it is not a setting's.
func (r *tomlReader) keyBefore(offset int) (name, expected string) {
	start := bytes.LastIndexByte(r.data[:offset], '\n') + 1
	key, _, behind := strings.Cut(string(r.data[start:offset]), "=")
	key = strings.TrimSpace(key)
	if !behind || r.skip || keyText(key) != key {
		return "", ""
	}
	if r.table != "" {
		key = r.table + "." + key
	}
	s, known := r.settings[key]
	if !known {
		return key, ""
	}
	return key, s.expected(true)
}

// at is the place of an offset into data. It takes time with the length of
// the file, so it is for what is kept or reported, not for every key.
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

// joinKey is a dotted key, cut after more parts than any setting has.
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

// keyText is a key as TOML writes it, so that a strange one stays readable.
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
			r.keyValue(r.table, r.entry, n)
		}
	}
}

// header enters [table] or [[table]].
func (r *tomlReader) header(parts []keyPart, array bool) {
	r.table, r.entry, r.skip = "", nil, true
	name := parts[0].name
	if name == "pool" && array && len(parts) == 1 && r.tooMany {
		return
	}
	at := r.at(parts[0].start)
	if !isTable(name) || len(parts) > 1 {
		fault := at.fault(joinKey(parts), "unknown table")
		if s, known := r.settings[joinKey(parts)]; known {
			fault.Problem, fault.Expected = "is a key, not a table", s.expected(true)
		} else if !isTable(name) {
			fault.Nearest = nearest(name, tableNames())
		}
		r.add(fault)
		return
	}
	r.table, r.skip = name, false
	if name == "pool" {
		if !array {
			r.add(at.fault(name, "there may be several pools: write [[pool]] in double brackets"))
		}
		r.enterPool(at)
		return
	}
	if array {
		r.add(at.fault(name, fmt.Sprintf("is one table: write [%s] in single brackets", name)))
	}
	r.define(name, at)
}

// enterPool begins a [[pool]] entry.
func (r *tomlReader) enterPool(at place) {
	if before, defined := r.headers["pool"]; defined {
		r.add(at.fault("pool", fmt.Sprintf("pools are already listed on line %d", before.line)))
	}
	r.entry = r.newPool(at)
	r.skip = r.entry == nil
}

// newPool returns a new entry, or nil when there are too many; the first one
// too many is a fault.
func (r *tomlReader) newPool(at place) *poolEntry {
	if len(r.out.pools) == maxPools {
		if !r.tooMany {
			r.tooMany = true
			r.add(at.fault("pool", fmt.Sprintf("more than %d pools", maxPools)))
		}
		return nil
	}
	entry := &poolEntry{items: map[string]item{}, at: at}
	r.out.pools = append(r.out.pools, entry)
	return entry
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
