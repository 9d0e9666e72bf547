package cmdline

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"quarry/internal/typed"
)

// commandMissing answers flags without a command; those of no miner's command are
// answered themselves.
func (l *line) commandMissing(n node, tokens []token) error {
	if len(l.path) > 0 {
		_, names := n.command("")
		return Fault("%s needs a command: %s", n.name, oneOf(names))
	}
	mine := n
	if c, _ := n.command("mine"); c != nil {
		mine = at(l.app, []*cli.Command{c})
	}
	for _, t := range tokens {
		if meant := typed.Nearest(t.name, append(mine.longFlags(), "help", "version")); meant == "help" || meant == "version" {
			return Fault("%s is not a flag of %s%s", t.typed, n.name, didYouMean(dashed(meant)))
		}
		if !l.known(mine, t.name) && typed.Nearest(t.name, mine.longFlags()) == "" {
			return Fault("%s is not a flag of %s; see %s --help", t.typed, n.name, n.name)
		}
		if l.flag(mine, t); len(l.faults) > 0 {
			return Fault("%s", l.faults[0])
		}
	}
	return Fault("%s needs a command, like: %s %s …; see %s --help", n.name, mine.name, tokens[0].typed, n.name)
}

// slipOf returns the word of which text is a slip or two away, or "".
func slipOf(text string, words []string) string {
	slips := 1
	if len(text) >= 6 {
		slips = 2
	}
	for _, word := range words {
		if len(text) >= 4 && typed.Distance(text, word) <= slips {
			return word
		}
	}
	return ""
}

func noCommand(n node, name string, names []string) error {
	likely := "; there are"
	if near := typed.Nearest(name, names); near != "" {
		likely = fmt.Sprintf("; did you mean %q? There are", near)
	} else if strings.Contains(name, "://") && !strings.Contains(name, "@") {
		return Fault("%.80q is a URL, not a command: quarry mine -o %.80s -u USER", name, name)
	}
	return Fault("no command %.80q%s: %s", name, likely, strings.Join(names, ", "))
}

func noArguments(n node, first string) string {
	text := n.name + " takes no arguments, but was given one"
	if strings.Contains(first, "@") { // it may be a URL with a password
		return text + " with an @; flags begin with --"
	}
	text = fmt.Sprintf("%s takes no arguments, but was given %.80q; flags begin with --", n.name, first)
	if _, isMiner := n.flag("url"); isMiner && strings.Contains(first, ":") {
		text += fmt.Sprintf("; did you mean -o %.80s?", first)
	}
	return text
}
