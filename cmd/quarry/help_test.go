package main

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// TestHelpFits: at every command, 80 columns, no blanks at the end, none of the
// library's texts, and each flag and each value of it is named.
func TestHelpFits(t *testing.T) {
	app := newApp(nil, io.Discard, io.Discard, time.Second)
	check := func(path []string, flags []cli.Flag, about string) {
		var out, faults bytes.Buffer
		if code := run(t.Context(), slices.Concat([]string{"quarry"}, path, []string{"--help"}), nil, &out, &faults, time.Second); code != exitOK {
			t.Fatalf("%v: exit code %d, %s", path, code, faults.String())
		}
		for line := range strings.Lines(about) {
			if strings.HasPrefix(line, " ") && utf8.RuneCountInString(line) > 81 {
				t.Errorf("%v: this line would be wrapped: %q", path, line)
			}
		}
		for line := range strings.Lines(out.String()) {
			line = strings.TrimSuffix(line, "\n")
			if utf8.RuneCountInString(line) > 80 || strings.TrimRight(line, " ") != line || strings.ContainsAny(line, "`\t") ||
				strings.Contains(line, "OPTIONS") || strings.Contains(line, "Shows a list") || strings.Contains(line, "($QUARRY") {
				t.Errorf("%v: %q", path, line)
			}
		}
		for _, f := range flags {
			if v, ok := f.(cli.VisibleFlag); ok && !v.IsVisible() || f.Names()[0] == "json" {
				continue
			}
			if !strings.Contains(out.String(), "--"+f.Names()[0]) {
				t.Errorf("%v: no --%s", path, f.Names()[0])
			}
		}
	}
	check(nil, nil, app.Description)
	var walk func(path []string, commands []*cli.Command)
	walk = func(path []string, commands []*cli.Command) {
		for _, c := range commands {
			own := append(slices.Clone(path), c.Name)
			check(own, c.Flags, c.Description)
			walk(own, c.Subcommands)
		}
	}
	walk(nil, app.Commands)

	var out bytes.Buffer
	run(t.Context(), []string{"quarry", "mine", "--help"}, nil, &out, io.Discard, time.Second)
	words := strings.Join(strings.Fields(out.String()), " ")
	order := 0
	for _, want := range []string{"-o, --url URL", "-u, --user", "-p, --pass", "-c, --config FILE", "config.toml", "-t, --threads NUMBER",
		"(idle, low or normal; default: low)", "--kernel", "auto, ", "generic", "debug, info, warn or error", "--format", "text or json", "failover, round-robin or balance"} {
		at := strings.Index(words[order:], want)
		if at < 0 {
			t.Fatalf("no %q behind %q", want, words[:order])
		}
		order += at
	}
}
