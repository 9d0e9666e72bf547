//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package keys

import (
	"context"
	"io"
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
