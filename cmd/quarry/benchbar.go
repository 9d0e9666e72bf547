package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"quarry/bench"
	"quarry/bench/report"
	"quarry/logsink"
	"quarry/screen"
)

// benchBar is a progress bar on a terminal; elsewhere it does nothing. It draws
// only when progress is reported, which is between samples: library bars redraw on
// their own goroutine, during a measurement.
type benchBar struct{ terminal *os.File }

func newBenchBar(w io.Writer) *benchBar {
	if file, ok := w.(*os.File); ok && logsink.IsTerminal(w) && os.Getenv("TERM") != "dumb" {
		return &benchBar{file}
	}
	return &benchBar{}
}

const barWidth = 30

func (b *benchBar) show(p bench.Progress) {
	if b.terminal == nil {
		return
	}
	width := terminalWidth(b.terminal) - 1
	fmt.Fprintf(b.terminal, "\r%-*s", width, barLine(p, width)) // blanks, not escape codes: all consoles have them
}

// terminalWidth returns the columns of a terminal, 80 where it does not say.
func terminalWidth(terminal *os.File) int {
	if columns := screen.Columns(terminal)(); columns > 1 {
		return columns
	}
	return report.DefaultWidth
}

// outputWidth returns the width of lines for people: the terminal's, but not below 60,
// or else that in COLUMNS, or 80.
func outputWidth(w io.Writer) int {
	width, _ := strconv.Atoi(os.Getenv("COLUMNS"))
	if file, ok := w.(*os.File); ok && logsink.IsTerminal(w) {
		width = terminalWidth(file)
	}
	if width <= 0 {
		return report.DefaultWidth
	}
	return max(width, 60)
}

// barLine is "[=====>    ] 12/45 measuring shani", cut to the width.
func barLine(p bench.Progress, width int) string {
	line := p.Now
	if p.Total > 0 {
		full := barWidth * min(p.Done, p.Total) / p.Total
		bar := strings.Repeat("=", full) + strings.Repeat(" ", barWidth-full)
		line = fmt.Sprintf("[%s] %d/%d %s", bar, p.Done, p.Total, p.Now)
	}
	return line[:min(len(line), width)]
}

// clear erases the bar.
func (b *benchBar) clear() {
	if b.terminal != nil {
		fmt.Fprintf(b.terminal, "\r%*s\r", terminalWidth(b.terminal)-1, "")
	}
}
