// Package testutil has helpers for the tests of several packages; the program does
// not import it, nor do the tests of localpool, which judges independently.
package testutil

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// Vectors decodes the recorded jobs, shares and targets of
// testdata/stratum-v1.json; each package has a type for the part that it tests.
func Vectors(t testing.TB, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(moduleRoot(t), "testdata", "stratum-v1.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// moduleRoot returns the folder of go.mod: tests run in their package's folder.
func moduleRoot(t testing.TB) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			t.Fatal("no go.mod here or above: run the test in its package's folder")
		}
		folder = parent
	}
}

// Unhex decodes hex.
func Unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Word32 decodes 8 hex digits, the most significant first.
func Word32(t testing.TB, text string) uint32 {
	t.Helper()
	n, err := strconv.ParseUint(text, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(n)
}
