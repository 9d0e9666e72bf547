//go:build !windows

package logsink

import "os"

// takesEscapes reports whether the terminal understands escape codes: all but dumb ones do.
func takesEscapes(*os.File) bool { return true }
