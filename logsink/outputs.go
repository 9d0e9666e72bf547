package logsink

import (
	"context"
	"fmt"
	"io"
	"sync"

	"go.uber.org/zap"

	"quarry/internal/event"
)

// Screen is the name of the output that people look at.
const Screen = "standard output"

// Outputs are where one program's messages go. None of them ever blocks the program.
type Outputs struct {
	// Report gets what becomes of messages at any output, so that the others show
	// it. It is set before the first message.
	Report Report

	writers []*AsyncWriter
	files   []*File       // by writer, nil for those that are no file
	errors  *AsyncWriter  // the standard error output: what becomes of messages to Screen
	unread  chan struct{} // closed when all outputs are gone
	endUse  func()        // closes unread
}

// NewOutputs returns no outputs yet. Close ends it.
func NewOutputs(errors io.Writer) *Outputs {
	unread := make(chan struct{})
	return &Outputs{
		errors: NewAsyncWriter("standard error", errors, func(string, ...zap.Field) {}),
		unread: unread, endUse: sync.OnceFunc(func() { close(unread) }),
	}
}

// Add adds an output. All are added before the first message.
func (o *Outputs) Add(name string, w io.Writer) *AsyncWriter {
	file, _ := w.(*File)
	if file == nil {
		w = NewLines(w)
	}
	a := NewAsyncWriter(name, w, func(message string, fields ...zap.Field) { o.trouble(name, message, fields) })
	o.writers, o.files = append(o.writers, a), append(o.files, file)
	return a
}

// Unread returns a channel that is closed when nobody will ever read any of the
// outputs again: the reader of the pipe, head for instance, has ended.
func (o *Outputs) Unread() <-chan struct{} { return o.unread }

// trouble passes on what an output reports of itself.
func (o *Outputs) trouble(name, message string, fields []zap.Field) {
	if o.allGone() {
		o.endUse()
		return
	}
	o.Report(message, fields...)
	if name == Screen {
		o.complain(message, fields...)
	}
}

// complain writes a message to the standard error output.
func (o *Outputs) complain(message string, fields ...zap.Field) {
	separator := "  "
	for _, f := range fields {
		message += separator + f.Key + "=" + FieldText(f)
		separator = " "
	}
	fmt.Fprintf(o.errors, "quarry: %s\n", message)
}

// lost says at the end how many messages an output did not get.
func (o *Outputs) lost(a *AsyncWriter, messages uint64, reason event.Phrase) {
	o.complain("log messages lost", zap.String("output", a.name), zap.Uint64("messages", messages), event.Of("reason", reason))
}

func (o *Outputs) allGone() bool {
	for _, a := range o.writers {
		select {
		case <-a.gone:
		default:
			return false
		}
	}
	return true
}

// Close writes what is queued, but waits at most asyncFlush, whatever the outputs.
// What is not written then is reported to the standard error output.
func (o *Outputs) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), asyncFlush)
	defer cancel()
	for _, a := range o.writers {
		a.stop()
	}
	for i, a := range o.writers {
		if !a.wait(ctx) { // its file, if it has one, is in use
			o.lost(a, a.unwritten(), outputBlocked)
			continue
		}
		if a.failed > 0 {
			o.lost(a, a.failed, writeFailed)
		}
		if o.files[i] != nil {
			o.files[i].Close()
		}
	}
	o.errors.closeWithin(lastWords)
}
