package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// DefaultWidth is the width in columns of output that is not a terminal.
const DefaultWidth = 80

// Column is a column of a Table.
type Column struct {
	Head string
	// Rank says when the column is left out: if the table is wider than the output,
	// those of the highest rank first. Columns of rank 0 stay.
	Rank int
}

// Table is a table for people that leaves out columns until it fits its width.
type Table struct {
	columns []Column
	rows    [][]string
}

// NewTable returns an empty table with these columns.
func NewTable(columns ...Column) *Table { return &Table{columns: columns} }

// Row adds a row. One with fewer cells than columns ends with a text that takes the
// rest of the line, and further lines where it is long.
func (t *Table) Row(cells ...string) { t.rows = append(t.rows, cells) }

const gap = 2 // between columns

// Write prints the table in that width. Columns without any value are left out.
func (t *Table) Write(w io.Writer, width int) error {
	widths := t.widths()
	for rank := t.highest(); rank > 0 && total(widths) > width; rank-- {
		for i, c := range t.columns {
			if c.Rank == rank {
				widths[i] = 0
			}
		}
	}
	var text strings.Builder
	heads := make([]string, len(t.columns))
	for i, c := range t.columns {
		heads[i] = c.Head
	}
	for _, row := range append([][]string{heads}, t.rows...) {
		t.line(&text, row, widths, width)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// widths returns the columns' widths; 0 leaves a column out.
func (t *Table) widths() []int {
	widths := make([]int, len(t.columns))
	for _, row := range t.rows {
		for i, cell := range row {
			if i < len(row)-1 || len(row) == len(t.columns) {
				widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			}
		}
	}
	for i, c := range t.columns {
		if widths[i] > 0 || i == 0 {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.Head))
		}
	}
	return widths
}

func (t *Table) highest() (rank int) {
	for _, c := range t.columns {
		rank = max(rank, c.Rank)
	}
	return rank
}

func total(widths []int) (sum int) {
	for _, w := range widths {
		if w > 0 {
			sum += w + gap
		}
	}
	return sum - gap
}

func (t *Table) line(text *strings.Builder, row []string, widths []int, width int) {
	var line strings.Builder
	at := 0
	for i, cell := range row {
		if i == len(row)-1 && len(row) < len(t.columns) {
			rest := Wrap(cell, max(width-at, 20))
			line.WriteString(strings.Join(rest, "\n"+strings.Repeat(" ", at)))
			break
		}
		if widths[i] > 0 {
			fmt.Fprintf(&line, "%-*s", widths[i]+gap, cell)
			at += widths[i] + gap
		}
	}
	text.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}

// Wrap breaks text at blanks into lines of that width. A longer word is left whole.
func Wrap(text string, width int) (lines []string) {
	line, length := "", 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		if length > 0 && length+1+n > width {
			lines = append(lines, line)
			line, length = "", 0
		}
		if length > 0 {
			line, length = line+" ", length+1
		}
		line, length = line+word, length+n
	}
	return append(lines, line)
}

// paragraph prints a line, and where it is longer than the width goes on with an
// indent.
func paragraph(w io.Writer, width int, format string, args ...any) {
	const indent = "  "
	text := strings.TrimRight(fmt.Sprintf(format, args...), " ")
	if utf8.RuneCountInString(text) <= width {
		fmt.Fprintln(w, text)
		return
	}
	fmt.Fprintln(w, strings.Join(Wrap(text, width-len(indent)), "\n"+indent))
}
