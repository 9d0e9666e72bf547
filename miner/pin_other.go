//go:build !linux && !windows

package miner

import (
	"errors"
	"fmt"
)

// PinThread fails: this system has no call to tie a thread to a CPU.
func PinThread(cpu int) error {
	return fmt.Errorf("pinning to cpu %d: %w", cpu, errors.ErrUnsupported)
}
