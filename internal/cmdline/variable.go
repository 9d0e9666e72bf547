package cmdline

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// VariableHint says what to do instead of an environment variable that is named
// like a flag: of the running command, of another one, or of another miner. It
// returns "" for other variables. If guessed, the caller knows a variable that
// may be meant, and only a flag of the running command is likelier.
func VariableHint(c *cli.Context, variable string, guessed bool) string {
	_, name, _ := strings.Cut(variable, "_")
	name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	if !isMiner(c.Command) && (node{flags: c.Command.Flags}).has(name) {
		return "give --" + name
	}
	if guessed || len(name) < 2 {
		return ""
	}
	hint := ""
	each(c.App.Commands, func(other *cli.Command) {
		if hint == "" && !isMiner(other) && (node{flags: other.Flags}).has(name) {
			hint = c.App.Name + " " + other.Name + " takes --" + name
		}
	})
	if mine, _ := at(c.App, nil).command("mine"); hint == "" && mine != nil {
		if f := foreignFlag(at(c.App, []*cli.Command{mine}), name); f != nil {
			if hint = f.answer; hint == "" {
				hint = "leave it out"
			}
		}
	}
	return hint
}

// FlagNotGiven reports whether the running command has a flag of that name which was
// not given.
func FlagNotGiven(c *cli.Context, name string) bool {
	f, known := (node{flags: c.Command.Flags}).flag(name)
	return known && !slices.ContainsFunc(f.Names(), c.IsSet)
}

// has reports whether a visible flag has that long name.
func (n node) has(name string) bool { return slices.Contains(n.longFlags(), name) }

// isMiner reports whether the command takes the flags of quarry mine.
func isMiner(c *cli.Command) bool { return (node{flags: c.Flags}).has("url") }
