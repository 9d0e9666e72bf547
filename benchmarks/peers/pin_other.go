//go:build !linux

package main

import (
	"context"
	"os/exec"
)

// startPinned starts the process unpinned, because pinning another program is not
// implemented for this system. The peer may pin itself.
func startPinned(process *exec.Cmd, _ []int) error { return process.Start() }

// watch returns nothing here, and the output says so.
func watch(context.Context, int) hashThread { return hashThread{} }
