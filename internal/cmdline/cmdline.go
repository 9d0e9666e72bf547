// Package cmdline reads quarry's command line before the library cli does: it
// finds the command, puts flags into one form wherever they stand, translates
// those of other miners, suggests what was meant by an unknown one, and prints
// the help and the completions. All faults of a line are reported at once.
package cmdline

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// ExitUsage is the exit code for a command line that is not understood.
const ExitUsage = 2

// Fault returns an error with the exit code for bad usage.
func Fault(format string, args ...any) error {
	return cli.Exit(fmt.Sprintf(format, args...), ExitUsage)
}

// Run runs the command that the arguments name, with args[0] the program.
func Run(ctx context.Context, app *cli.App, args []string) error {
	prepare(app)
	if len(args) == 0 {
		args = []string{app.Name}
	}
	if words, asked := completionRequest(args[1:]); asked {
		return printCompletions(app, words)
	}
	l, err := read(app, args[1:])
	switch {
	case err != nil:
		return err
	case l.help:
		return printHelp(app.Writer, app, l.path, width(app.Writer))
	}
	return app.RunContext(ctx, append([]string{app.Name}, l.canonical()...))
}

// prepare turns off what the library would do in its own way.
func prepare(app *cli.App) {
	app.HideHelp, app.HideVersion = true, true
	app.DisableSliceFlagSeparator = true              // a password may hold a comma
	app.ExitErrHandler = func(*cli.Context, error) {} // the caller decides
	app.OnUsageError = func(_ *cli.Context, err error, _ bool) error { return Fault("%v", err) }
	each(app.Commands, func(c *cli.Command) {
		c.HideHelp = true
		c.OnUsageError = app.OnUsageError
	})
}

func each(commands []*cli.Command, do func(*cli.Command)) {
	for _, c := range commands {
		do(c)
		each(c.Subcommands, do)
	}
}

// node is the program or one of its commands.
type node struct {
	name     string // in full, "quarry bench compare"
	usage    string
	about    string // its description
	args     string // "FILE", or "" if it takes none
	runs     bool   // it does something without a subcommand
	flags    []cli.Flag
	commands []*cli.Command
}

// at returns the node that the path leads to.
func at(app *cli.App, path []*cli.Command) node {
	n := node{name: app.Name, usage: app.Usage, about: app.Description, commands: app.Commands}
	for _, c := range path {
		n = node{name: n.name + " " + c.Name, usage: c.Usage, about: c.Description, args: c.ArgsUsage, runs: c.Action != nil,
			flags: c.Flags, commands: c.Subcommands}
	}
	return n
}

// command returns the visible names of the node's commands, and the one of that
// name.
func (n node) command(name string) (found *cli.Command, names []string) {
	for _, c := range n.commands {
		if c.HasName(name) {
			found = c
		}
		if !c.Hidden {
			names = append(names, c.Name)
		}
	}
	return found, names
}

// flag returns the flag of that name, without dashes.
func (n node) flag(name string) (cli.Flag, bool) {
	for _, f := range n.flags {
		for _, known := range f.Names() {
			if known == name {
				return f, true
			}
		}
	}
	return nil, false
}

// longFlags returns the names of the visible flags that are longer than a letter.
func (n node) longFlags() (names []string) {
	for _, f := range n.flags {
		if v, ok := f.(cli.VisibleFlag); ok && !v.IsVisible() {
			continue
		}
		for _, name := range f.Names() {
			if len(name) > 1 {
				names = append(names, name)
			}
		}
	}
	return names
}

// dashed returns a flag's name as it is typed: -o, --url.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// oneOf returns "a, b or c".
func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
