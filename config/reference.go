package config

import (
	"fmt"
	"strings"
)

func (s *schema) reference() string {
	var b strings.Builder
	b.WriteString("# quarry: every setting, at its default. (quarry config reference)\n" +
		"#\n" +
		"# Defaults give way to this file, this file to environment variables, those\n" +
		"# to flags. File names are relative to this file's folder. Unknown keys and\n" +
		"# wrong values are refused: check with \"quarry config validate FILE\".\n")
	for _, t := range s.tables {
		t.reference(&b)
	}
	return b.String()
}

func (t table) reference(b *strings.Builder) {
	b.WriteString("\n")
	comment(b, t.title)
	off := ""
	if t.array {
		b.WriteString("#\n")
		off = "#" // an example: as it stands, the file has no entry
	}
	b.WriteString(off + t.header() + "\n")
	for _, s := range t.settings {
		b.WriteString("\n")
		comment(b, strings.ToUpper(s.Doc[:1])+s.Doc[1:]+".")
		if s.Long != "" {
			comment(b, s.Long)
		}
		if s.Kind == Enum {
			comment(b, "One of: "+strings.Join(s.Allowed, ", ")+".")
		} else if s.Kind == Int || s.Kind == Duration {
			comment(b, "Takes "+strings.TrimSuffix(s.expected(true), ",")+".")
		}
		if ways := s.ways(); ways != "" {
			comment(b, ways)
		}
		text := s.Default
		if s.Required {
			text = s.Example
		}
		fmt.Fprintf(b, "%s%s = %s\n", off, s.Key, s.toml(text))
	}
}

// ways returns the other ways to give the setting, and its example.
func (s Setting) ways() string {
	var ways []string
	if s.Flag != "" {
		ways = append(ways, "flag --"+s.Flag)
	}
	if s.Env != "" {
		ways = append(ways, "environment "+s.Env)
	}
	text := strings.Join(ways, ", ")
	if text != "" {
		text = strings.ToUpper(text[:1]) + text[1:] + "."
	}
	if s.Example != "" {
		text = strings.TrimPrefix(text+" Example: "+s.toml(s.Example), " ")
	}
	return text
}

func comment(b *strings.Builder, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		b.WriteString("# " + line + "\n")
	}
}

func (s *schema) sample() string {
	var b strings.Builder
	b.WriteString("# quarry configuration. Take the # away from what you want to set.\n" +
		"# All settings: quarry config reference. Check: quarry config validate FILE\n")
	for _, t := range s.tables {
		t.sample(&b)
	}
	return b.String()
}

// sample writes those settings of the table that a beginner needs, if any.
func (t table) sample(b *strings.Builder) {
	begun := false
	for _, s := range t.settings {
		if !s.InSample {
			continue
		}
		if !begun {
			begun = true
			b.WriteString("\n")
			if t.intro != "" {
				comment(b, t.intro)
			}
			if t.array {
				b.WriteString("#")
			}
			b.WriteString(t.header() + "\n")
		}
		fmt.Fprintf(b, "#%-45s # %s\n", s.Key+" = "+s.toml(s.Example), s.Doc)
	}
}
