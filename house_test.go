// Package quarry checks the structure of the repository: imports and sizes.
package quarry

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// arrows are the imports that packages of this module may have of each other
// (tests aside). A new arrow is a line here, and a reason in the commit.
var arrows = map[string][]string{
	"affinity":               {},
	"bench":                  {"affinity", "bench/report", "bench/stats", "hashing", "telemetry"},
	"bench/plot":             {"bench/report", "bench/stats", "internal/atomicfile", "telemetry"},
	"bench/report":           {"affinity", "bench/stats", "internal/event", "telemetry"},
	"bench/stats":            {},
	"bitcoin":                {},
	"benchmarks":             {}, // its tests may use everything
	"benchmarks/ordersearch": {"bench", "bench/report", "bench/stats", "hashing"},
	"benchmarks/peers":       {"affinity", "bench", "bench/report", "bench/stats", "hashing", "telemetry"},
	"cmd/quarry":             {"affinity", "bench", "bench/plot", "bench/report", "bench/stats", "config", "device/cpu", "device/cpu/tune", "hashing", "internal/cmdline", "internal/event", "internal/stdio", "internal/typed", "keys", "logsink", "miner", "pace", "screen", "state", "stratum", "stratum/localpool", "stratum/localpool/fault", "stratum/localpool/report", "stratum/localpool/selfsigned", "stratum/suggest", "stratum/transport", "telemetry", "upstream", "work"},
	"config":                 {"internal/typed"},
	"device/cpu":             {"affinity", "hashing", "internal/event", "miner", "telemetry", "work"},
	"device/cpu/tune":        {"affinity", "bench", "bench/stats", "device/cpu", "hashing", "internal/atomicfile", "internal/event", "telemetry"},
	"hashing":                {},
	"internal/atomicfile":    {},
	"internal/cmdline":       {"internal/typed", "keys"},
	"internal/event":         {},
	"internal/stdio":         {"logsink"},
	"internal/testutil":      {},
	"internal/typed":         {},
	"keys":                   {},
	"logsink":                {"internal/event", "telemetry"},
	"miner":                  {"internal/event", "telemetry", "work"}, // device-neutral: no CPU code
	"miner/minertest":        {"hashing", "miner", "telemetry", "work"},
	"screen":                 {"logsink", "telemetry"},
	"pace":                   {"internal/event", "stratum/suggest", "telemetry"},
	"state":                  {"internal/atomicfile", "internal/event", "telemetry"},
	"stratum":                {"bitcoin", "hashing", "internal/event", "stratum/printable", "stratum/suggest", "stratum/transport", "stratum/v1", "stratum/watch", "upstream", "work"},
	"stratum/localpool":      {}, // verifies shares, so it shares no code with the miner
	"stratum/printable":      {},
	"stratum/sharelimit":     {"hashing", "internal/event", "work"},
	"stratum/stratumtest":    {},
	"stratum/suggest":        {"hashing", "internal/event"},
	"stratum/transport":      {"internal/event", "internal/typed"}, // bytes and messages, no mining terms
	"stratum/v1":             {"hashing", "internal/event", "stratum/printable", "stratum/sharelimit", "stratum/suggest", "stratum/transport", "stratum/watch", "work"},
	"stratum/watch":          {"bitcoin", "hashing", "internal/event", "work"},
	"telemetry":              {},
	"upstream":               {"hashing", "internal/event", "telemetry", "work"}, // knows sessions by an interface, and no protocol
	"upstream/upstreamtest":  {"hashing", "upstream", "work"},
	"work":                   {"hashing"},

	"stratum/localpool/fault":      {"internal/typed", "stratum/localpool"},
	"stratum/localpool/report":     {"internal/event", "stratum/localpool", "telemetry"},
	"stratum/localpool/selfsigned": {},
}

// fenced lists the libraries that only the named packages may import.
var fenced = map[string][]string{
	"github.com/go-analyze/charts": {"bench/plot"},
	"github.com/gorilla/websocket": {"stratum/localpool", "stratum/stratumtest", "stratum/transport"},
	"github.com/shirou/gopsutil":   {"telemetry"},
	"github.com/urfave/cli":        {"cmd/quarry", "internal/cmdline"},
	"github.com/pelletier/go-toml": {"config"},
	"github.com/klauspost/cpuid":   {"bench", "hashing"},
	"golang.org/x/net":             {"stratum/transport"},
}

func TestImportsFollowTheArrows(t *testing.T) {
	seen := map[string]bool{}
	eachSourceFile(t, func(pkg, file string) {
		seen[pkg] = true
		allowed, known := arrows[pkg]
		if !known {
			t.Errorf("%s: package %s is not listed in arrows", file, pkg)
			return
		}
		for _, imported := range imports(t, file) {
			if own, ok := strings.CutPrefix(imported, "quarry/"); ok && !slices.Contains(allowed, own) {
				t.Errorf("%s imports %s: no such arrow", file, imported)
			}
			if imported == "C" {
				t.Errorf("%s uses cgo", file)
			}
			for library, packages := range fenced {
				if strings.HasPrefix(imported, library) && !slices.Contains(packages, pkg) {
					t.Errorf("%s imports %s, which only %v may", file, imported, packages)
				}
			}
		}
	})
	for pkg := range arrows {
		if !seen[pkg] {
			t.Errorf("no source file in %s: is arrows out of date?", pkg)
		}
	}
}

// TestNoInitFunctions: importing a package must have no effect.
func TestNoInitFunctions(t *testing.T) {
	eachSourceFile(t, func(_, file string) {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range topLevelFunctions(parsed) {
			if name == "init" {
				t.Errorf("%s has an init function", file)
			}
		}
	})
}

// TestSizes: no package has more than 3,000 lines without its tests, and no
// hand-written file more than 300.
func TestSizes(t *testing.T) {
	const mostOfPackage, mostOfFile = 3000, 300
	sizes := map[string]int{}
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		file = filepath.ToSlash(file)
		n := bytes.Count(text, []byte("\n"))
		sizes[path.Dir(file)] += n
		if generated := bytes.HasPrefix(text, []byte("// Code generated")); n > mostOfFile && !generated {
			t.Errorf("%s has %d lines, more than %d", file, n, mostOfFile)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg, n := range sizes {
		if n > mostOfPackage {
			t.Errorf("package folder %s has %d lines without tests, more than %d", pkg, n, mostOfPackage)
		}
	}
}

// eachSourceFile visits the Go files of this module, without tests.
func eachSourceFile(t *testing.T, visit func(pkg, file string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && file != "." && strings.ContainsAny(entry.Name()[:1], "._"), entry.Name() == "testdata":
			return filepath.SkipDir
		case strings.HasSuffix(file, ".go") && !strings.HasSuffix(file, "_test.go"):
			visit(path.Dir(filepath.ToSlash(file)), file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func imports(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, spec := range parsed.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	return paths
}

func topLevelFunctions(file *ast.File) []string {
	var names []string
	for _, declaration := range file.Decls {
		if f, ok := declaration.(*ast.FuncDecl); ok && f.Recv == nil {
			names = append(names, f.Name.Name)
		}
	}
	return names
}
