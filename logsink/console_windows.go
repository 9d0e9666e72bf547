package logsink

import (
	"os"

	"golang.org/x/sys/windows"
)

// takesEscapes switches the console to escape codes, which it prints as text by default, and reports whether it
// understands them: consoles before Windows 10 version 1511 do not. The mode outlives the program; shells set
// their own before each prompt.
func takesEscapes(console *os.File) bool {
	handle := windows.Handle(console.Fd())
	var mode uint32
	if err := windows.GetConsoleMode(handle, &mode); err != nil {
		return false
	}
	const escapes = windows.ENABLE_PROCESSED_OUTPUT | windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING
	return mode&escapes == escapes || windows.SetConsoleMode(handle, mode|escapes) == nil
}
