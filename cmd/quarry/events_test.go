package main

import (
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"quarry/internal/testutil"
)

// eventsCommand returns "events FILE": each of its lines is an event as documented.
func eventsCommand(t *testing.T) func(*testscript.TestScript, bool, []string) {
	docs, err := testutil.ReadEventDocs("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: events FILE")
		}
		n := 0
		for line := range strings.Lines(ts.ReadFile(args[0])) {
			n++
			if err := docs.Check([]byte(line)); err != nil {
				ts.Logf("%v: %s", err, line)
				defer ts.Fatalf("%v", err)
			}
		}
		if n == 0 {
			ts.Fatalf("%s is empty", args[0])
		}
	}
}
