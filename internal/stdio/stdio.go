// Package stdio has standard output remember that it could not be written.
package stdio

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"quarry/logsink"
)

// Output is standard output. It remembers its first failure, so that no command can
// forget to report it. A command that only prints ends quietly by SIGPIPE when its
// reader is gone, like any Unix program.
type Output struct {
	out io.Writer
	mu  sync.Mutex
	err error
}

// Watch returns what the commands write to. A terminal is not watched: it is never
// full, and commands look at it themselves.
func Watch(stdout io.Writer) (io.Writer, *Output) {
	o := &Output{out: stdout}
	if logsink.IsTerminal(stdout) {
		return stdout, o
	}
	return o, o
}

// Unwatched returns the writer that an Output writes to. Messages go there: they have
// other outputs too, and what becomes of them is reported there.
func Unwatched(w io.Writer) io.Writer {
	if o, ok := w.(*Output); ok {
		return o.out
	}
	return w
}

func (o *Output) Write(p []byte) (int, error) {
	n, err := o.out.Write(p)
	if err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.err == nil {
			o.err = err
		}
	}
	return n, err
}

// Failure returns why standard output could not be written, with the error of the
// command if that is another one; nil if it could.
func (o *Output) Failure(command error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		return nil
	}
	cause := o.err
	var path *fs.PathError
	if errors.As(cause, &path) {
		cause = path.Err
	}
	failure := fmt.Errorf("standard output cannot be written: %w", cause)
	if command != nil && !errors.Is(command, o.err) {
		failure = fmt.Errorf("%w; %w", command, failure)
	}
	return failure
}
