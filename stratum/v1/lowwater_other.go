//go:build !linux

package v1

import "syscall"

// setLowWater does nothing: other systems wake readers as they like.
func setLowWater(syscall.Conn, int) {}
