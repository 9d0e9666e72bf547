//go:build !linux && !windows

package affinity

import (
	"errors"
	"fmt"
)

// SetThreadPriority can only leave the priority as it is: this system's nice value belongs to the whole process.
func SetThreadPriority(p Priority) error {
	if p == PriorityNormal {
		return nil
	}
	return fmt.Errorf("setting the thread's priority to %v: %w", p, errors.ErrUnsupported)
}
