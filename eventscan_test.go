package quarry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quarry/internal/event"
)

// logEvent is an event that the sources can log.
type logEvent struct {
	levels map[string]bool
	keys   map[string]string // their types in JSON, by name
	at     token.Position
}

// scanner finds the events in the type-checked sources of this module. It follows
// messages and fields through variables, parameters and struct fields, as far as this
// module uses them.
type scanner struct {
	t       *testing.T
	fset    *token.FileSet
	info    *types.Info
	funcs   map[types.Object]*ast.FuncDecl   // by what they declare
	byName  map[string][]*ast.FuncDecl       // methods
	values  map[types.Object][]ast.Expr      // all that variables and struct fields are given
	forward map[types.Object]int             // functions that log, and which parameter is the message
	levels  map[types.Object]map[string]bool // of forward
	calls   []call
	events  map[string]*logEvent
}

// call is a call, and the function around it.
type call struct {
	*ast.CallExpr
	in []ast.Node // functions, the innermost last
}

// scanEvents returns the events of the program, and the codes in them that are
// written as phrases.
func scanEvents(t *testing.T) (map[string]*logEvent, map[string]bool) {
	s := &scanner{
		t: t, fset: token.NewFileSet(), funcs: map[types.Object]*ast.FuncDecl{}, byName: map[string][]*ast.FuncDecl{},
		values: map[types.Object][]ast.Expr{}, forward: map[types.Object]int{}, levels: map[types.Object]map[string]bool{}, events: map[string]*logEvent{},
		info: &types.Info{
			Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{},
			Uses: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{},
		},
	}
	for _, file := range s.load() {
		s.index(file)
	}
	for n := -1; n != len(s.forward); { // until no further function is known to forward its message
		n = len(s.forward)
		for _, c := range s.calls {
			s.logCall(c)
		}
	}
	return s.events, s.phrases()
}

// phrases returns the codes of all constant phrases.
func (s *scanner) phrases() map[string]bool {
	codes := map[string]bool{}
	for e, of := range s.info.Types {
		if of.Value == nil || types.TypeString(of.Type, nil) != "quarry/internal/event.Phrase" {
			continue
		}
		if text := constant.StringVal(of.Value); text != "" && !strings.Contains(s.fset.Position(e.Pos()).Filename, "internal/event") {
			codes[event.Name(text)] = true
		}
	}
	for _, o := range s.info.Defs { // reasons of verdicts, which the counters use, too
		c, ok := o.(*types.Const)
		if ok && c.Pkg().Path() == "quarry/work" && c.Val().Kind() == constant.String && (strings.HasPrefix(c.Name(), "Reason") || strings.HasPrefix(c.Name(), "Lost")) {
			codes[constant.StringVal(c.Val())] = true
		}
	}
	return codes
}

// load type-checks the sources of this module, without tests.
func (s *scanner) load() (files []*ast.File) {
	list := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Export,GoFiles,Dir,Standard,Module", "./cmd/quarry")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		s.t.Fatal(err)
	}
	exports, own := map[string]string{}, map[string]*types.Package{}
	others := importer.ForCompiler(s.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	config := types.Config{Importer: importerFunc(func(path string) (*types.Package, error) {
		if p := own[path]; p != nil {
			return p, nil
		}
		return others.Import(path)
	})}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath, Export, Dir string
			GoFiles                 []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return files
		} else if err != nil {
			s.t.Fatal(err)
		}
		exports[p.ImportPath] = p.Export
		if !strings.HasPrefix(p.ImportPath, "quarry/") {
			continue
		}
		var parsed []*ast.File
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(s.fset, filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				s.t.Fatal(err)
			}
			parsed = append(parsed, file)
		}
		if own[p.ImportPath], err = config.Check(p.ImportPath, s.fset, parsed, s.info); err != nil {
			s.t.Fatal(err)
		}
		if p.ImportPath != "quarry/internal/event" {
			files = append(files, parsed...)
		}
	}
}

type importerFunc func(string) (*types.Package, error)

func (f importerFunc) Import(path string) (*types.Package, error) { return f(path) }

// index notes a file's functions, calls and assignments.
func (s *scanner) index(file *ast.File) {
	var stack []ast.Node
	ast.Inspect(file, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		stack = append(stack, n)
		switch n := n.(type) {
		case *ast.FuncDecl:
			s.funcs[s.info.Defs[n.Name]] = n
			s.byName[n.Name.Name] = append(s.byName[n.Name.Name], n)
		case *ast.CallExpr:
			var in []ast.Node
			for _, outer := range stack {
				switch outer.(type) {
				case *ast.FuncDecl, *ast.FuncLit:
					in = append(in, outer)
				}
			}
			s.calls = append(s.calls, call{n, in})
			s.pass(n)
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				if len(n.Rhs) == len(n.Lhs) {
					s.give(left, n.Rhs[i])
				}
			}
		case *ast.ValueSpec:
			for i, name := range n.Names {
				if i < len(n.Values) {
					s.give(name, n.Values[i])
				}
			}
		case *ast.KeyValueExpr:
			s.give(n.Key, n.Value)
		case *ast.CompositeLit:
			if of, ok := s.typeOf(n).(*types.Struct); ok {
				for i, element := range n.Elts {
					if _, keyed := element.(*ast.KeyValueExpr); !keyed {
						s.values[of.Field(i)] = append(s.values[of.Field(i)], element)
					}
				}
			}
		case *ast.RangeStmt:
			if literal, ok := n.X.(*ast.CompositeLit); ok && n.Value != nil {
				for _, element := range literal.Elts {
					if pair, ok := element.(*ast.KeyValueExpr); ok {
						s.give(n.Value, pair.Value)
					}
				}
			}
		}
		return true
	})
}

func (s *scanner) give(to, value ast.Expr) {
	if o := s.object(to); o != nil {
		s.values[o] = append(s.values[o], value)
	}
}

// pass gives a function's parameters their values.
func (s *scanner) pass(c *ast.CallExpr) {
	signature, ok := s.typeOf(c.Fun).(*types.Signature)
	if !ok {
		return
	}
	for i, arg := range c.Args {
		if at := min(i, signature.Params().Len()-1); at >= 0 {
			o := signature.Params().At(at)
			s.values[o] = append(s.values[o], arg)
		}
	}
}

func (s *scanner) typeOf(e ast.Expr) types.Type {
	if t := s.info.TypeOf(e); t != nil {
		return t.Underlying()
	}
	return nil
}

// object returns what a name or a selector means.
func (s *scanner) object(e ast.Expr) types.Object {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		if o := s.info.Defs[e]; o != nil {
			return o
		}
		return s.info.Uses[e]
	case *ast.SelectorExpr:
		return s.info.Uses[e.Sel]
	}
	return nil
}

// logCall notes the events of a call that logs.
func (s *scanner) logCall(c call) {
	message, levels := s.messageOf(c)
	if message < 0 || message >= len(c.Args) {
		return
	}
	for _, text := range s.texts(c, c.Args[message], levels) {
		name := event.Name(text)
		if strings.ToLower(text) != text || strings.ContainsAny(text, ";?.") && !strings.Contains(text, "mining.") {
			s.t.Errorf("%s: %q is no short lower-case phrase", s.fset.Position(c.Pos()), text)
		}
		e := s.events[name]
		if e == nil {
			e = &logEvent{levels: map[string]bool{}, keys: map[string]string{}, at: s.fset.Position(c.Pos())}
			s.events[name] = e
		}
		for level := range levels {
			e.levels[level] = true
		}
		seen := map[ast.Node]bool{}
		for _, arg := range c.Args[message+1:] {
			s.keys(arg, e.keys, seen)
		}
		s.keys(c.Fun, e.keys, seen)
		if o := s.object(c.Fun); o != nil {
			for _, value := range s.bodies(o) { // what a function adds to the fields that it is given
				s.keys(value, e.keys, seen)
			}
		}
	}
}

// messageOf returns which argument of a call is the message, -1 if it does not log,
// and the levels that it may log at.
func (s *scanner) messageOf(c call) (int, map[string]bool) {
	o := s.object(c.Fun)
	if o == nil {
		return -1, nil
	}
	if at, forwards := s.forward[o]; forwards {
		return at, s.levels[o]
	}
	if f, ok := o.(*types.Func); ok && f.Signature().Recv() != nil && f.Pkg() != nil && f.Pkg().Path() == "go.uber.org/zap" {
		switch name := o.Name(); name {
		case "Debug", "Info", "Warn", "Error", "DPanic", "Panic", "Fatal":
			return 0, map[string]bool{strings.ToLower(name): true}
		case "Log", "Check":
			return 1, map[string]bool{"varies": true}
		case "Sugar":
			s.t.Errorf("%s: a SugaredLogger has no constant keys", s.fset.Position(c.Pos()))
		}
		return -1, nil
	}
	if v, isVar := o.(*types.Var); isVar && isReport(v.Type()) {
		return 0, map[string]bool{"warn": true} // a logsink.Report
	}
	return -1, nil
}

// texts returns the constant messages that an expression may be. If it is a
// parameter, the function around it forwards it.
func (s *scanner) texts(c call, e ast.Expr, levels map[string]bool) []string {
	if v := s.info.Types[e].Value; v != nil && v.Kind() == constant.String {
		return []string{constant.StringVal(v)}
	}
	o := s.object(e)
	for i := len(c.in) - 1; i >= 0 && o != nil; i-- {
		if at, is := s.parameter(c.in[i], o); is {
			s.forwards(c.in[i], at, levels)
			return nil
		}
	}
	var all []string
	for _, value := range s.values[o] {
		if v := s.info.Types[value].Value; v != nil && v.Kind() == constant.String {
			all = append(all, constant.StringVal(v))
		} else {
			all = nil
			break
		}
	}
	if all == nil {
		s.t.Errorf("%s: the message is not a constant", s.fset.Position(c.Pos()))
	}
	return all
}

// parameter returns which parameter of a function the object is.
func (s *scanner) parameter(function ast.Node, o types.Object) (at int, is bool) {
	var list *ast.FieldList
	switch f := function.(type) {
	case *ast.FuncDecl:
		list = f.Type.Params
	case *ast.FuncLit:
		list = f.Type.Params
	}
	for _, field := range list.List {
		for _, name := range field.Names {
			if s.info.Defs[name] == o {
				return at, true
			}
			at++
		}
	}
	return 0, false
}

// forwards notes that a function logs one of its parameters.
func (s *scanner) forwards(function ast.Node, at int, levels map[string]bool) {
	note := func(o types.Object) {
		if s.forward[o] = at; s.levels[o] == nil {
			s.levels[o] = map[string]bool{}
		}
		for level := range levels {
			s.levels[o][level] = true
		}
	}
	if f, ok := function.(*ast.FuncDecl); ok {
		note(s.info.Defs[f.Name])
		return
	}
	for o, values := range s.values {
		if slices.Contains(values, ast.Expr(function.(*ast.FuncLit))) {
			note(o)
		}
	}
}

// bodies returns what the function that the object means does.
func (s *scanner) bodies(o types.Object) (nodes []ast.Node) {
	f, isFunc := o.(*types.Func)
	switch {
	case isFunc && s.funcs[o] != nil:
		return []ast.Node{s.funcs[o].Body}
	case isFunc && f.Pkg() != nil && strings.HasPrefix(f.Pkg().Path(), "quarry/") && f.Pkg().Path() != "quarry/internal/event": // of an interface
		for _, method := range s.byName[o.Name()] {
			nodes = append(nodes, method.Body)
		}
	case o != nil:
		for _, value := range s.values[o] {
			if literal, ok := value.(*ast.FuncLit); ok {
				nodes = append(nodes, literal.Body)
			} else if other := s.object(value); other != nil && other != o {
				nodes = append(nodes, s.bodies(other)...)
			}
		}
	}
	return nodes
}

// carries reports whether a value of the type may have fields in it.
func carries(t types.Type) bool {
	if t == nil {
		return false
	}
	return isField(t) || strings.HasSuffix(types.TypeString(t, nil), "go.uber.org/zap.Logger")
}

func isField(t types.Type) bool {
	if slice, ok := t.(*types.Slice); ok {
		t = slice.Elem()
	}
	return t != nil && types.TypeString(types.Unalias(t), nil) == "go.uber.org/zap/zapcore.Field"
}

// isReport reports whether the type is that of logsink.Report.
func isReport(t types.Type) bool {
	f, ok := t.Underlying().(*types.Signature)
	return ok && f.Variadic() && f.Params().Len() == 2 && f.Params().At(0).Type() == types.Typ[types.String] && isField(f.Params().At(1).Type())
}

// keys collects the keys of fields and loggers in the node, and of what it uses.
func (s *scanner) keys(n ast.Node, into map[string]string, seen map[ast.Node]bool) {
	if seen[n] {
		return
	}
	seen[n] = true
	ast.Inspect(n, func(n ast.Node) bool {
		switch e := n.(type) {
		case *ast.FuncLit:
			return s.info.TypeOf(e) != nil
		case *ast.CallExpr:
			s.field(e, into)
			if o := s.object(e.Fun); o != nil && carries(s.info.TypeOf(e)) {
				for _, body := range s.bodies(o) {
					s.keys(body, into, seen)
				}
			}
		case *ast.Ident:
			if o := s.object(e); o != nil && carries(o.Type()) {
				for _, value := range s.values[o] {
					s.keys(value, into, seen)
				}
			}
		}
		return true
	})
}

// field notes the key of a call that makes a field.
func (s *scanner) field(c *ast.CallExpr, into map[string]string) {
	o := s.object(c.Fun)
	if o == nil || o.Pkg() == nil || !isField(s.info.TypeOf(c)) {
		return
	}
	kind := map[string]string{
		"String": "text", "Stringer": "text", "ByteString": "text", "Of": "code", "Time": "time", "Bool": "boolean", "Strings": "list",
		"Array": "list", "Reflect": "object", "Any": "object", "Duration": "number", "Float64": "number", "Int": "number", "Int64": "number",
		"Uint32": "number", "Uint64": "number", "Uint": "number",
	}[o.Name()]
	switch path := o.Pkg().Path(); {
	case path == "go.uber.org/zap" && o.Name() == "Skip":
		return
	case path == "go.uber.org/zap" && o.Name() == "Error":
		into["error"] = "text"
		return
	case path == "quarry/internal/event" && o.Name() != "Of", strings.HasPrefix(path, "quarry/") && path != "quarry/internal/event":
		return
	}
	v := s.info.Types[c.Args[0]].Value
	if v == nil || kind == "" {
		s.t.Errorf("%s: a field whose key is not constant, or of a kind that this test does not know", s.fset.Position(c.Pos()))
		return
	}
	if _, list := s.typeOf(c.Args[len(c.Args)-1]).(*types.Slice); list && kind == "object" {
		kind = "list"
	}
	key := constant.StringVal(v)
	if o.Name() == "Duration" {
		key += "_seconds"
	}
	if before := into[key]; before != "" && before != kind {
		kind = fmt.Sprint(before, "/", kind)
	}
	into[key] = kind
}
