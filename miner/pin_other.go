//go:build !linux && !windows

package miner

import (
	"errors"
	"fmt"
)

// pinThread fails: this system has no call to tie a thread to a CPU.
func pinThread(cpu int) error {
	return fmt.Errorf("pinning to cpu %d: %w", cpu, errors.ErrUnsupported)
}
