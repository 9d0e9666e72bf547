package cmdline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// completeCommand is what the scripts for shells call, with the words typed so
// far and the one to complete.
const completeCommand = "complete-words"

// oldRequest ends a line whose words are to be completed, in the library's way.
const oldRequest = "--generate-bash-completion"

// completionRequest returns the words to complete.
func completionRequest(args []string) (words []string, asked bool) {
	switch {
	case len(args) > 0 && args[0] == completeCommand:
		return args[1:], true
	case len(args) > 0 && args[len(args)-1] == oldRequest:
		words = args[:len(args)-1]
		if len(words) == 0 || !strings.HasPrefix(words[len(words)-1], "-") {
			words = append(slices.Clone(words), "")
		}
		return words, true
	}
	return nil, false
}

// candidate is a word that may stand next.
type candidate struct{ word, about string }

// printCompletions prints a candidate a line, with a tab before what it is.
// Nothing means a file's name.
func printCompletions(app *cli.App, words []string) error {
	for _, c := range complete(app, words) {
		if _, err := fmt.Fprintf(app.Writer, "%s\t%s\n", c.word, c.about); err != nil {
			return err
		}
	}
	return nil
}

// complete returns what the last word may become. Bash takes --name=value for
// three words.
func complete(app *cli.App, words []string) []candidate {
	if len(words) == 0 {
		words = []string{""}
	}
	before, current := words[:len(words)-1], words[len(words)-1]
	switch current {
	case `""`: // how PowerShell passes nothing
		current = ""
	case "=":
		before, current = words, ""
	}
	if n := len(before); n > 1 && before[n-1] == "=" {
		before = before[:n-1]
	}
	n, pending, ended := follow(app, before)
	switch {
	case ended:
		return nil
	case pending != nil:
		return matching(valuesOf(pending, ""), current)
	}
	if name, _, has := strings.Cut(current, "="); has && isFlag(current) {
		if f, known := n.flag(strings.TrimLeft(name, "-")); known {
			return matching(valuesOf(f, name+"="), current)
		}
		return nil
	}
	var found []candidate
	for _, c := range n.commands {
		if !c.Hidden {
			found = append(found, candidate{c.Name, c.Usage})
		}
	}
	if strings.HasPrefix(current, "-") || len(n.commands) == 0 && n.args == "" {
		found = append(found, flagsOf(n)...)
		if n.name == app.Name {
			found = append(found, candidate{"--version", "print the version"})
		}
	}
	return matching(found, current)
}

// follow returns the command that the words lead to, and the flag whose value
// comes next. After -- there are only arguments.
func follow(app *cli.App, words []string) (n node, pending cli.Flag, ended bool) {
	var path []*cli.Command
	for _, word := range words {
		n = at(app, path)
		switch {
		case word == "--":
			return n, nil, true
		case pending != nil:
			pending = nil
		case isFlag(word):
			name, _, has := strings.Cut(strings.TrimLeft(word, "-"), "=")
			if f, known := n.flag(name); known && !has && takesValue(f) {
				pending = f
			}
		default:
			if c, _ := n.command(word); c != nil {
				path = append(path, c)
			}
		}
	}
	return at(app, path), pending, false
}

func valuesOf(f cli.Flag, prefix string) (found []candidate) {
	_, words, _ := chosen(f)
	for _, word := range words {
		found = append(found, candidate{prefix + word, ""})
	}
	return found
}

func flagsOf(n node) (found []candidate) {
	for _, f := range n.flags {
		d := docOf(f)
		for _, name := range f.Names() {
			if !d.hidden && len(name) > 1 {
				found = append(found, candidate{"--" + name, d.text})
			}
		}
	}
	return append(found, candidate{"--help", "show the help"})
}

func matching(all []candidate, current string) (found []candidate) {
	for _, c := range all {
		if strings.HasPrefix(c.word, current) {
			found = append(found, c)
		}
	}
	return found
}
