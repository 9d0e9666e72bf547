package quarry

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestTheWayOfAShare: ARCHITECTURE.md tells it in at most ten stops in at most
// twelve files, and the functions that it names are where it says.
func TestTheWayOfAShare(t *testing.T) {
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## One share, from the pool's line to the verdict")
	section, _, _ = strings.Cut(section, "\n## ")
	stops := len(regexp.MustCompile(`(?m)^\d+\. `).FindAllString(section, -1))
	files := map[string]bool{}
	for _, named := range regexp.MustCompile("`([\\w/]+\\.go)`\\s+`(\\w+)`").FindAllStringSubmatch(section, -1) {
		file, function := named[1], named[2]
		files[file] = true
		if !declares(t, file, function) {
			t.Errorf("%s has no function %s: is ARCHITECTURE.md out of date?", file, function)
		}
	}
	if stops < 5 || stops > 10 || len(files) < stops || len(files) > 12 {
		t.Errorf("%d stops in %d files, want at most 10 in at most 12", stops, len(files))
	}
}

// declares reports whether the file has a function or method of that name.
func declares(t *testing.T, file, function string) bool {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, declaration := range parsed.Decls {
		if f, ok := declaration.(*ast.FuncDecl); ok && f.Name.Name == function {
			return true
		}
	}
	return false
}
