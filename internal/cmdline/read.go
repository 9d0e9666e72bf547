package cmdline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"quarry/internal/typed"
)

// line is a command line that was read.
type line struct {
	app    *cli.App
	path   []*cli.Command
	flags  []string // of the last command, each as --name=value
	args   []string
	help   bool
	faults []string
}

// canonical returns the line for the library.
func (l *line) canonical() (args []string) {
	for _, c := range l.path {
		args = append(args, c.Name)
	}
	args = append(args, l.flags...)
	if len(l.args) > 0 {
		args = append(append(args, "--"), l.args...)
	}
	return args
}

// token is a flag as it was typed.
type token struct {
	typed    string // "--thread", "-t"
	name     string // without dashes
	value    string
	hasValue bool
	follows  string // what follows in place of the value that it needs
}

// read splits the arguments into command, flags and arguments, and checks the
// flags.
func read(app *cli.App, args []string) (*line, error) {
	l := &line{app: app}
	tokens, err := l.split(args)
	if err != nil || l.help {
		return l, err
	}
	n := at(app, l.path)
	for _, t := range tokens {
		if n.runs {
			l.flag(n, t)
		}
	}
	switch {
	case !n.runs && len(tokens) > 0:
		return l, l.commandMissing(n, tokens)
	case !n.runs:
		l.help = true
		return l, nil
	case n.args == "" && len(l.args) > 0:
		l.faults = append(l.faults, noArguments(n, l.args[0]))
	}
	switch len(l.faults) {
	case 0:
		return l, nil
	case 1:
		return l, Fault("%s", l.faults[0])
	}
	return l, Fault("%d faults in the command line:\n%s", len(l.faults), strings.Join(l.faults, "\n"))
}

// split finds the command, the flags anywhere, and the arguments.
func (l *line) split(args []string) (tokens []token, err error) {
	for i := 0; i < len(args); i++ {
		n, arg := at(l.app, l.path), args[i]
		switch {
		case arg == "--":
			l.args = append(l.args, args[i+1:]...)
			return tokens, nil
		case arg == "-h" || arg == "-help" || arg == "--help":
			l.help = true
		case isFlag(arg):
			t := l.cut(n, arg)
			if !t.hasValue && l.wantsValue(n, t, args[i+1:]) {
				i++
				t.value, t.hasValue = args[i], true
			} else if i+1 < len(args) {
				t.follows = args[i+1]
			}
			if l.versionAsked(t) {
				if len(n.flags) > 0 { // of mine, which version has not
					return nil, nil
				}
				continue
			}
			tokens = append(tokens, t)
		case strings.TrimLeft(arg, longDashes) != arg:
			name, _, _ := strings.Cut(strings.TrimLeft(arg, longDashes), "=")
			return nil, Fault("%.40q begins with a long dash, which word processors make of --; type %s", flagName(arg), dashed(name))
		case arg == "help" && n.args == "" && len(l.args) == 0:
			l.help = true
		case len(l.args) > 0 || len(n.commands) == 0:
			l.args = append(l.args, arg)
		default:
			c, names := n.command(arg)
			if c == nil {
				return nil, noCommand(n, arg, names)
			}
			l.path = append(l.path, c)
		}
	}
	return tokens, nil
}

// longDashes are what pages and word processors make of hyphens.
const longDashes = "‐‑‒–—―−"

func isFlag(arg string) bool { return len(arg) > 1 && arg[0] == '-' }

// versionAsked makes --version of the program, or of mine as in other miners,
// the command version.
func (l *line) versionAsked(t token) bool {
	if len(l.path) > 1 || len(l.path) == 1 && (l.path[0].Name != "mine" || t.typed == "-v") {
		return false
	}
	if !slices.Contains([]string{"-v", "-V", "-version", "--version"}, t.typed) {
		return false
	}
	c, _ := at(l.app, nil).command("version")
	l.path = []*cli.Command{c}
	return true
}

// cut separates name and value: --threads=4, -t4.
func (l *line) cut(n node, arg string) token {
	text := strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-")
	name, value, hasValue := strings.Cut(text, "=")
	t := token{typed: arg[:len(arg)-len(text)] + name, name: name, value: value, hasValue: hasValue}
	if strings.HasPrefix(arg, "--") || len(name) < 2 || l.known(n, name) {
		return t
	}
	if takes, known := l.arity(n, name[:1]); !known || !takes || slipOf(name, n.longFlags()) != "" {
		return t
	}
	return token{typed: arg[:2], name: text[:1], value: strings.TrimPrefix(text[1:], "="), hasValue: true}
}

func (l *line) known(n node, name string) bool {
	_, known := l.arity(n, name)
	return known
}

// arity reports whether a flag is known, and whether it takes a value. Before the
// command, the flags of all commands are.
func (l *line) arity(n node, name string) (takes, known bool) {
	if f, ok := n.flag(name); ok {
		return takesValue(f), true
	}
	if f := foreignFlag(n, name); f != nil {
		return f.value, true
	}
	if len(n.commands) == 0 {
		return false, false
	}
	each(n.commands, func(c *cli.Command) {
		if f, ok := (node{flags: c.Flags}).flag(name); ok && !known {
			takes, known = takesValue(f), true
		}
	})
	return takes, known
}

// wantsValue reports whether the next argument is the flag's value. One after an
// unknown flag is taken for one, so that it is not reported too.
func (l *line) wantsValue(n node, t token, next []string) bool {
	if len(next) == 0 {
		return false
	}
	if takes, known := l.arity(n, t.name); known {
		follows, isLong := strings.CutPrefix(next[0], "--")
		name, _, _ := strings.Cut(follows, "=")
		return takes && !(isLong && l.known(n, name))
	}
	c, _ := n.command(next[0])
	return c == nil && !isFlag(next[0])
}

// flag checks a flag of the command and adds it to the line in the library's form.
func (l *line) flag(n node, t token) {
	f, known := n.flag(t.name)
	if !known {
		l.unknown(n, t)
		return
	}
	switch {
	case !takesValue(f) && !t.hasValue:
		t.value = "true"
	case !t.hasValue && t.follows != "":
		l.fault("%s needs a value, but %s follows", t.typed, flagName(t.follows))
		return
	case !t.hasValue:
		l.fault("%s needs a value: %s %s", t.typed, t.typed, docOf(f).value)
		return
	}
	if own, ok := f.(interface{ SetTyped(string) }); ok {
		own.SetTyped(t.typed)
	}
	canonical, problem := value(f, t.value)
	if problem != "" {
		l.fault("%s %s", t.typed, problem)
	}
	// One name for all forms of a flag: of those given twice the last counts.
	l.flags = append(l.flags, "--"+f.Names()[0]+"="+canonical)
}

func (l *line) fault(format string, args ...any) {
	l.faults = append(l.faults, fmt.Sprintf(format, args...))
}

// flagName cuts a value off: it may be secret.
func flagName(arg string) string {
	name, _, _ := strings.Cut(arg, "=")
	return name
}

// unknown translates a flag of another miner, or says which one was meant.
func (l *line) unknown(n node, t token) {
	if f := foreignFlag(n, t.name); f != nil {
		l.foreign(n, f, t)
		return
	}
	what := fmt.Sprintf("%s is not a flag of %s", t.typed, n.name)
	if likely := typed.Nearest(t.name, append(n.longFlags(), "help")); likely != "" {
		l.fault("%s%s", what, didYouMean(dashed(likely)))
		return
	}
	if _, prints := n.flag("format"); prints && slipOf(t.name, []string{"json"}) != "" {
		l.fault("%s%s", what, didYouMean("--format json"))
		return
	}
	for _, c := range l.app.Commands {
		if _, known := (node{flags: c.Flags}).flag(t.name); known && len(t.name) > 1 {
			l.fault("%s, but of %s %s", what, l.app.Name, c.Name)
			return
		}
	}
	l.fault("%s; see %s --help", what, n.name)
}
