package config

import (
	"fmt"
	"slices"
	"strings"
)

// Reference is the full commented configuration file: every setting at its
// default, the pool as a commented example. reference.toml is a copy of it,
// which a test keeps equal.
func Reference() string {
	var b strings.Builder
	b.WriteString("# quarry: every setting, at its default. (quarry config reference)\n" +
		"#\n" +
		"# Defaults give way to this file, this file to environment variables, those\n" +
		"# to flags. File names are relative to this file's folder. Unknown keys and\n" +
		"# wrong values are refused: check with \"quarry config validate FILE\".\n")
	for _, t := range tables() {
		writeTable(&b, t[0], t[1])
	}
	return b.String()
}

func writeTable(b *strings.Builder, table, title string) {
	b.WriteString("\n")
	comment(b, title)
	off := ""
	if table == "pool" {
		b.WriteString("#\n#[[pool]]\n")
		off = "#" // an example: as it stands, the file names no pool
	} else {
		fmt.Fprintf(b, "[%s]\n", table)
	}
	for _, s := range Settings() {
		if s.Table != table {
			continue
		}
		b.WriteString("\n")
		comment(b, strings.ToUpper(s.Doc[:1])+s.Doc[1:]+".")
		if s.Long != "" {
			comment(b, s.Long)
		}
		if len(s.Allowed) > 0 {
			comment(b, "One of: "+strings.Join(s.Allowed, ", ")+".")
		} else if s.Kind == Int || s.Kind == Duration {
			comment(b, "Takes "+strings.TrimSuffix(s.expected(true), ",")+".")
		}
		fmt.Fprintf(b, "# Flag --%s, environment %s.", s.Flag, s.Env)
		if s.Example != "" {
			fmt.Fprintf(b, " Example: %s", s.toml(s.Example))
		}
		text := s.Default
		if s.Name() == "pool.url" || s.Name() == "pool.user" { // needed
			text = s.Example
		}
		fmt.Fprintf(b, "\n%s%s = %s\n", off, s.Key, s.toml(text))
	}
}

func comment(b *strings.Builder, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		b.WriteString("# " + line + "\n")
	}
}

// Sample is the short commented file to start from: it is valid as it stands
// and, until its pool is filled in, mines the practice pool.
func Sample() string {
	var b strings.Builder
	b.WriteString("# quarry configuration. Take the # away from what you want to set.\n" +
		"# All settings: quarry config reference. Check: quarry config validate FILE\n\n" +
		"# The pool to mine. Without one, quarry mines its built-in practice pool,\n" +
		"# which pays nothing. Give another [[pool]] below it as a backup.\n" +
		"#[[pool]]\n")
	sampleLines(&b, "pool.url", "pool.user", "pool.password")
	b.WriteString("\n[cpu]\n")
	sampleLines(&b, "cpu.threads", "cpu.priority")
	b.WriteString("\n[log]\n")
	sampleLines(&b, "log.level", "log.file", "log.status_interval")
	return b.String()
}

func sampleLines(b *strings.Builder, names ...string) {
	for _, s := range Settings() {
		if slices.Contains(names, s.Name()) {
			fmt.Fprintf(b, "#%-45s # %s\n", s.Key+" = "+s.toml(s.Example), s.Doc)
		}
	}
}
