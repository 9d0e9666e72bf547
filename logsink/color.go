package logsink

import (
	"io"
	"os"
)

// IsColorTerminal reports whether w shows colors. NO_COLOR forbids them (no-color.org); FORCE_COLOR and
// CLICOLOR_FORCE demand them anywhere, as for "| less -R" (force-color.org, bixense.com/clicolors); otherwise a
// terminal has them unless it is dumb, or a console that does not understand escape codes.
func IsColorTerminal(w io.Writer) bool { return showsColor(w, os.Getenv, takesEscapes) }

// showsColor asks takes whether a terminal understands escape codes, which may switch it to them.
func showsColor(w io.Writer, env func(string) string, takes func(*os.File) bool) bool {
	if env("NO_COLOR") != "" {
		return false
	}
	file, terminal := w.(*os.File)
	if terminal = terminal && IsTerminal(w); terminal {
		terminal = takes(file)
	}
	if demanded(env("FORCE_COLOR")) || demanded(env("CLICOLOR_FORCE")) {
		return true
	}
	return terminal && env("TERM") != "dumb" && env("CLICOLOR") != "0"
}

func demanded(value string) bool { return value != "" && value != "0" && value != "false" }
