package main

import (
	"errors"
	"io"
	"io/fs"
	"sync"

	"github.com/urfave/cli/v2"

	"quarry/logsink"
)

// output is standard output. It remembers that it could not be written, so that no
// command can forget to say so. A command that only prints ends quietly by SIGPIPE
// when its reader is gone, like any Unix program; see [logging.whileRead] for those
// that mine or serve.
type output struct {
	io.Writer
	mu  sync.Mutex
	err error // the first one
}

// watched returns what the commands write to. A terminal is not watched: it is never
// full, and commands look at it themselves.
func watched(stdout io.Writer) (io.Writer, *output) {
	o := &output{Writer: stdout}
	if logsink.IsTerminal(stdout) {
		return stdout, o
	}
	return o, o
}

// unwatched returns the writer that output writes to: messages have other outputs,
// too, and what becomes of them is reported there.
func unwatched(w io.Writer) io.Writer {
	if o, ok := w.(*output); ok {
		return o.Writer
	}
	return w
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.err == nil {
			o.err = err
		}
	}
	return n, err
}

// failure returns the error of a command that returned err: that its output could not
// be written counts more.
func (o *output) failure(err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		return err
	}
	cause, text := o.err, ""
	var path *fs.PathError
	if errors.As(cause, &path) {
		cause = path.Err
	}
	if err != nil && !errors.Is(err, o.err) {
		text = err.Error() + "\nquarry: "
	}
	return cli.Exit(text+"standard output cannot be written: "+cause.Error(), exitFailed)
}
