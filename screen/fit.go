package screen

import (
	"io"
	"strings"

	"go.uber.org/zap/zapcore"

	"quarry/logsink"
)

// Fit returns where lines go that shall fit the width of w, if that is a terminal;
// otherwise w. Lines may be long in files and pipes: programs read them.
func Fit(w io.Writer) io.Writer {
	if !logsink.IsTerminal(w) {
		return w
	}
	return New(zapcore.AddSync(w), Columns(w), false)
}

// FitText returns the lines as Fit would write them.
func FitText(w io.Writer, text string) string {
	if t, ok := Fit(w).(*Terminal); ok {
		return t.fit(text)
	}
	return text
}

// Write writes whole lines that are no messages, wrapped.
func (t *Terminal) Write(p []byte) (int, error) {
	_, err := io.WriteString(t.out, t.fit(string(p)))
	return len(p), err
}

// mostIndent is where the last column of a table may begin for the lines that go on
// to be indented to it.
const mostIndent = 28

// fit wraps lines that are too long. What goes on is indented to the last column of a
// table, or by two.
func (t *Terminal) fit(lines string) string {
	var text strings.Builder
	for line := range strings.Lines(lines) {
		line = clean(strings.ReplaceAll(strings.TrimRight(line, " \r\n"), "\t", "    "))
		if textWidth(line) > t.width() {
			b := block{columns: t.width(), indent: hangingIndent(line, min(t.width()*2/3, mostIndent)), color: t.color}
			for line != "" {
				rest := strings.TrimLeft(line, " ")
				gap := len(line) - len(rest)
				end := strings.IndexByte(rest+" ", ' ')
				if b.used == 0 { // the line's beginning
					b.spaces(gap)
					gap = 0
				}
				b.add(word{spans: []span{{rest[:end], plain}}, gap: gap})
				line = rest[end:]
			}
			line = b.b.String()
		}
		text.WriteString(line + "\n")
	}
	return text.String()
}

// hangingIndent returns where the last column of a table's row begins: behind two
// spaces or more. It is at most that much.
func hangingIndent(line string, most int) int {
	const arrow = "-> " // in front of advice
	text := strings.TrimLeft(line, " ")
	indent := len(line) - len(text) + 2
	if strings.HasPrefix(text, arrow) {
		indent += len(arrow) - 2
	}
	for at, column := 0, 0; at < len(line); {
		word := strings.IndexByte(line[at:]+" ", ' ')
		column += textWidth(line[at : at+word])
		at += word
		gap := len(line[at:]) - len(strings.TrimLeft(line[at:], " "))
		at, column = at+gap, column+gap
		if column > most {
			break
		}
		if gap > 1 && strings.TrimSpace(line[:at]) != "" {
			indent = column
		}
	}
	return min(indent, most)
}
