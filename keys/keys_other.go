//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package keys

import (
	"context"
	"io"
	"os"
)

// Keyboard does not exist on this system.
type Keyboard struct{}

// Open returns nil: keys are not read here.
func Open(io.Reader, io.Writer) *Keyboard { return nil }

// Restore does nothing.
func (*Keyboard) Restore() {}

// Foreground returns false.
func (*Keyboard) Foreground() bool { return false }

// Run does nothing.
func (*Keyboard) Run(context.Context, func(byte)) error { return nil }

// Guard calls set, and back at the end.
func Guard(set, back func(), _ ...os.Signal) (release func()) {
	set()
	return back
}

// Signal returns false: no key is a signal here.
func Signal(byte) bool { return false }

// Background returns false: each program here has its terminal for itself.
func Background(int) bool { return false }
