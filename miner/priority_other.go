//go:build !linux && !windows

package miner

import (
	"errors"
	"fmt"
)

// setThreadPriority can only leave the priority as it is: this system's nice value belongs to the whole process.
func setThreadPriority(p Priority) error {
	if p == PriorityNormal {
		return nil
	}
	return fmt.Errorf("setting the thread's priority to %v: %w", p, errors.ErrUnsupported)
}
