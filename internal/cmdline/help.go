package cmdline

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// The help's width: the terminal's within these bounds, and the usual one where
// there is no terminal.
const (
	narrowest  = 40
	usualWidth = 80
	widest     = 100
)

func width(w io.Writer) int {
	if file, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 {
			return min(max(columns, narrowest), widest)
		}
	}
	return usualWidth
}

// column returns where the texts of flags begin.
func column(width int) int {
	if width < 60 {
		return 8 // on a line of their own
	}
	return 30
}

// printHelp prints the help of the command that the path leads to.
func printHelp(w io.Writer, app *cli.App, path []*cli.Command, width int) error {
	n := at(app, path)
	var b strings.Builder
	wrap(&b, n.name+": "+n.usage, width, 0, 0)
	b.WriteString("\n")
	for _, use := range n.uses() {
		wrap(&b, "usage: "+use, width, 0, 7)
	}
	if n.about != "" {
		b.WriteString("\n")
		flow(&b, n.about, width)
	}
	n.listCommands(&b, width)
	n.listFlags(&b, width)
	_, err := io.WriteString(w, b.String())
	return err
}

// uses returns how the command is called.
func (n node) uses() (lines []string) {
	if n.runs {
		line := n.name
		if len(n.flags) > 0 {
			line += " [FLAG...]"
		}
		lines = append(lines, strings.TrimSpace(line+" "+n.args))
	}
	if len(n.commands) > 0 {
		lines = append(lines, n.name+" COMMAND [FLAG...]")
	}
	return lines
}

func (n node) listCommands(b *strings.Builder, width int) {
	if len(n.commands) == 0 {
		return
	}
	b.WriteString("\nCommands:\n")
	longest := 0
	for _, c := range n.commands {
		longest = max(longest, len(c.Name))
	}
	for _, c := range n.commands {
		if !c.Hidden {
			wrap(b, fmt.Sprintf("  %-*s  %s", longest, c.Name, c.Usage), width, 0, longest+4)
		}
	}
	b.WriteString("\n")
	wrap(b, "Flags of a command: "+n.name+" COMMAND --help", width, 0, 2)
}

// listFlags lists the flags under their categories, in the order of both.
func (n node) listFlags(b *strings.Builder, width int) {
	var order []string
	sections := map[string][]doc{}
	for _, f := range n.flags {
		d := docOf(f)
		if d.hidden {
			continue
		}
		if d.category == "" {
			d.category = "Flags"
		}
		if sections[d.category] == nil {
			order = append(order, d.category)
		}
		sections[d.category] = append(sections[d.category], d)
	}
	for _, category := range order {
		b.WriteString("\n" + category + ":\n")
		for _, d := range sections[category] {
			column := column(width)
			name := "  " + strings.TrimRight(d.names+" "+d.value, " ")
			if len(name)+2 > column {
				b.WriteString(name + "\n")
				name = ""
			}
			wrap(b, fmt.Sprintf("%-*s%s", column, name, d.text), width, column, column)
		}
	}
}

// flow writes a description: what begins at the margin are paragraphs, whatever
// their lines, and indented lines stay lines.
func flow(b *strings.Builder, text string, width int) {
	paragraph := ""
	flush := func() {
		if paragraph != "" {
			wrap(b, paragraph, width, 0, 0)
		}
		paragraph = ""
	}
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		switch {
		case line != "" && indent(line) == 0:
			paragraph = strings.TrimPrefix(paragraph+" "+line, " ")
		default:
			flush()
			wrap(b, line, width, 0, indent(line)+2)
		}
	}
	flush()
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// wrap writes the text in lines of at most width characters. Later lines begin
// with hanging blanks. The first keeps blanks before the column fixed, and any
// text that fits stays as it is.
func wrap(b *strings.Builder, text string, width, fixed, hanging int) {
	text = strings.TrimRight(text, " ")
	for utf8.RuneCountInString(text) > width {
		runes := []rune(text)
		cut := width
		for cut > max(fixed, hanging) && runes[cut] != ' ' {
			cut--
		}
		if cut <= max(fixed, hanging) { // a word longer than the line
			cut = width
		}
		b.WriteString(strings.TrimRight(string(runes[:cut]), " ") + "\n")
		text = strings.Repeat(" ", hanging) + strings.TrimLeft(string(runes[cut:]), " ")
		fixed = hanging
	}
	b.WriteString(text + "\n")
}
