//go:build !linux && !windows

package affinity

import (
	"errors"
	"fmt"
)

// PinThread fails: this system has no call to tie a thread to a CPU.
func PinThread(cpu int) error {
	return fmt.Errorf("pinning to cpu %d: %w", cpu, errors.ErrUnsupported)
}
