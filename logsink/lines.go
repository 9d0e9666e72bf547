package logsink

import (
	"errors"
	"io"
	"syscall"
	"time"
)

// Lines writes lines to out. A line that was cut short, by a full disk for
// instance, is ended before the next one, so that the two do not become one.
type Lines struct {
	out  io.Writer
	torn bool // out ends within a line
}

// NewLines returns a writer of lines to out, which begins a line.
func NewLines(out io.Writer) *Lines { return &Lines{out: out} }

// Write writes one or more whole lines.
func (l *Lines) Write(p []byte) (int, error) {
	text := p
	if l.torn {
		text = append([]byte{'\n'}, p...)
	}
	n, err := l.out.Write(text)
	for errors.Is(err, syscall.EAGAIN) {
		time.Sleep(blockedPause)
		var more int
		more, err = l.out.Write(text[n:])
		n += more
	}
	if n > 0 {
		l.torn = text[n-1] != '\n'
	}
	return max(0, n-(len(text)-len(p))), err
}

// blockedPause is how long to wait for an output that neither takes more nor can be
// waited for: a terminal that another program made non-blocking, a FIFO on macOS.
const blockedPause = 20 * time.Millisecond
