package screen

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// style is an SGR code; empty is plain.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	cyan   style = "36"
)

// span is text of one style.
type span struct {
	text  string
	style style
}

// word is what a line is not broken within, unless it is longer than a line: a
// value is broken from its key first.
type word struct {
	spans []span
	gap   int  // spaces before it, unless it begins a line
	own   bool // it begins a line in any case
}

func (w word) width() int {
	sum := 0
	for _, s := range w.spans {
		sum += textWidth(s.text)
	}
	return sum
}

// words splits the text at its spaces.
func words(text string, s style, gap int) []word {
	var all []word
	for _, field := range strings.Fields(text) {
		all = append(all, word{spans: []span{{clean(field), s}}, gap: gap})
		gap = 1
	}
	return all
}

// block is a paragraph on its way to the terminal: no line of it is wider than
// columns, and those after the first are indented.
type block struct {
	columns int
	indent  int
	color   bool

	b    strings.Builder
	used int // columns of the current line
}

// add writes the word, on a new line if it does not fit.
func (b *block) add(w word) {
	width := w.width()
	switch {
	case b.used == 0:
	case w.own:
		b.newline()
	case b.used == b.indent && b.b.Len() > b.indent: // just after a break
	case b.used+w.gap+width <= b.columns:
		b.spaces(w.gap)
	case b.indent+width <= b.columns || len(w.spans) < 2:
		b.newline()
	default: // the key here, its value on the next line
		b.add(word{spans: w.spans[:1], gap: w.gap})
		b.add(word{spans: w.spans[1:]})
		return
	}
	if b.used+width > b.columns && b.used == b.indent && width <= b.columns {
		b.unindent() // so that what is to be copied stays in one piece
	}
	for _, s := range w.spans {
		b.write(s)
	}
}

// write writes the span, broken where it does not fit.
func (b *block) write(s span) {
	for b.used+textWidth(s.text) > b.columns {
		head, tail := cut(s.text, b.columns-b.used)
		if head == "" && b.used <= b.indent { // a character wider than the line
			break
		}
		b.paint(span{head, s.style})
		b.newline()
		s.text = tail
	}
	b.paint(s)
}

func (b *block) paint(s span) {
	if s.text == "" {
		return
	}
	if b.color && s.style != plain {
		s.text, b.used = "\x1b["+string(s.style)+"m"+s.text+"\x1b[0m", b.used+textWidth(s.text)
		b.b.WriteString(s.text)
		return
	}
	b.b.WriteString(s.text)
	b.used += textWidth(s.text)
}

func (b *block) spaces(n int) {
	b.b.WriteString(strings.Repeat(" ", n))
	b.used += n
}

func (b *block) newline() {
	b.b.WriteByte('\n')
	b.used = 0
	b.spaces(b.indent)
}

// unindent takes the spaces at the beginning of the current line back.
func (b *block) unindent() {
	text := b.b.String()[:b.b.Len()-b.used]
	b.b.Reset()
	b.b.WriteString(text)
	b.used = 0
}

// cut splits the text after at most so many columns.
func cut(text string, columns int) (head, tail string) {
	used := 0
	for i, r := range text {
		if used += runeWidth(r); used > columns {
			return text[:i], text[i:]
		}
	}
	return text, ""
}

// shorten cuts the middle out of a text that is wider than columns.
func shorten(text string, columns int) string {
	if textWidth(text) <= columns {
		return text
	}
	const dots = ".."
	head, _ := cut(text, max((columns-len(dots))/2, 0))
	tail := text
	for textWidth(head)+len(dots)+textWidth(tail) > columns && tail != "" {
		_, size := utf8.DecodeRuneInString(tail)
		tail = tail[size:]
	}
	return head + dots + tail
}

// textWidth returns the columns that a text takes, at most: characters that join
// with others are counted as if they did not.
func textWidth(text string) int {
	sum := 0
	for _, r := range text {
		sum += runeWidth(r)
	}
	return sum
}

func runeWidth(r rune) int {
	if r < 0x300 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me) && r != 0xfe0f { // U+FE0F may make the one before it wide
		return 0
	}
	if kind := width.LookupRune(r).Kind(); kind == width.EastAsianWide || kind == width.EastAsianFullwidth {
		return 2
	}
	return 1
}

// clean replaces what would control the terminal.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}
