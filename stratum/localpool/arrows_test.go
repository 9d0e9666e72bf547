package localpool

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The pool judges by itself: it imports nothing of ours but its own folder, and
// no hashing but the standard library's.
func TestNothingOfOursIsImported(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			if path == "quarry" || strings.HasPrefix(path, "quarry/") && !strings.HasPrefix(path, "quarry/stratum/localpool/") || strings.Contains(path, "sha256-simd") {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}
