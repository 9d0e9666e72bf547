package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"quarry/config"
)

// mineFlags returns the flags of the settings, and --config. They hold text
// that config checks, so that a flag, a variable and a file get the same errors.
// config reads the environment too, so that it knows each value's origin.
func mineFlags() []cli.Flag {
	flags := []cli.Flag{&cli.StringFlag{
		Name: "config", Aliases: []string{"c"}, TakesFile: true,
		Usage: "read settings from this `FILE` ($QUARRY_CONFIG); default: the standard locations",
	}}
	for _, s := range config.Settings() {
		if s.Flag != "" {
			flags = append(flags, settingFlag(s))
		}
	}
	return flags
}

func settingFlag(s config.Setting) cli.Flag {
	switch {
	case s.Kind == config.Bool && s.Inverted:
		return &cli.BoolFlag{Name: s.Flag, Aliases: s.Aliases, Category: s.Category, DisableDefaultText: true,
			Usage: "do not " + s.Doc + envNote(s.Env, "=false")}
	case s.Kind == config.Bool:
		return &cli.BoolFlag{Name: s.Flag, Aliases: s.Aliases, Category: s.Category, DisableDefaultText: true,
			Usage: s.Doc + envNote(s.Env, "")}
	case s.Repeated:
		return &cli.GenericFlag{Name: s.Flag, Aliases: s.Aliases, Category: s.Category, DefaultText: s.Default,
			Value: &texts{}, TakesFile: s.Kind == config.Path, Usage: flagUsage(s)}
	}
	return &cli.StringFlag{Name: s.Flag, Aliases: s.Aliases, Category: s.Category, DefaultText: s.Default,
		TakesFile: s.Kind == config.Path, Usage: flagUsage(s)}
}

// texts is the value of a flag that may be given several times. The library's
// own slice flag would print its help line twice.
type texts struct{ given []string }

// sameFlag is what the library sets the other names of a flag to after one was
// given; here all names share one texts already.
const sameFlag = "\x00same flag"

// Set adds a value.
func (t *texts) Set(text string) error {
	if text != sameFlag {
		t.given = append(t.given, text)
	}
	return nil
}

// String is empty: the values may be secret.
func (t *texts) String() string { return "" }

// Serialize returns what the library passes to Set of the flag's other names.
func (t *texts) Serialize() string { return sameFlag }

// flagUsage marks the last word of the variable's name with backquotes, which
// makes it the name of the value in the help: --url URL … ($QUARRY_URL).
func flagUsage(s config.Setting) string {
	cut := strings.LastIndexByte(s.Env, '_') + 1
	doc := s.Doc
	if s.Kind == config.SecretText {
		doc += "; - reads it from standard input"
	}
	if s.Env == "" {
		return doc
	}
	return fmt.Sprintf("%s ($%s`%s`)", doc, s.Env[:cut], s.Env[cut:])
}

// envNote returns the variable of a switch for its help line.
func envNote(env, value string) string {
	if env == "" {
		return ""
	}
	return " ($" + env + value + ")"
}

// flagValues returns the settings' flags that were given, by long name.
func flagValues(c *cli.Context) map[string][]string {
	given := map[string][]string{}
	for _, s := range config.Settings() {
		if s.Flag == "" || !c.IsSet(s.Flag) {
			continue
		}
		switch {
		case s.Kind == config.Bool:
			given[s.Flag] = []string{fmt.Sprint(c.Bool(s.Flag))}
		case s.Repeated:
			given[s.Flag] = c.Generic(s.Flag).(*texts).given
		default:
			given[s.Flag] = []string{c.String(s.Flag)}
		}
	}
	return given
}

// loadConfig returns the effective settings of a command that has mineFlags. Its
// error has the exit code for bad usage.
func loadConfig(c *cli.Context) (*config.Result, error) {
	flags := flagValues(c)
	if c.IsSet("config") && c.String("config") == "" {
		return nil, usageFault("--config: the file name is empty")
	}
	lines := bufio.NewReader(c.App.Reader)
	for _, s := range config.Settings() {
		if s.Kind != config.SecretText {
			continue
		}
		if err := readPasswords(c, lines, s, flags[s.Flag]); err != nil {
			return nil, err
		}
	}
	result, err := config.Load(config.Input{
		File:      c.String("config"),
		Environ:   os.Environ(),
		Flags:     flags,
		Checks:    settingChecks(),
		CheckPool: checkPool,
	})
	if err != nil {
		return nil, configFault(err)
	}
	return result, nil
}

// configFault returns the faults in the settings, one per line, under a heading.
func configFault(err error) error {
	var faults config.Faults
	if errors.As(err, &faults) && len(faults) > 1 {
		return usageFault("%d faults in the settings:\n%v", len(faults), faults)
	}
	return usageFault("%v", err)
}

// readPasswords replaces each "-" among the values of a secret's flag with a
// line of standard input; on a terminal it prompts for it, without echo.
func readPasswords(c *cli.Context, lines *bufio.Reader, s config.Setting, passwords []string) error {
	for i, password := range passwords {
		if password != "-" {
			continue
		}
		text, err := readPassword(c, lines, s.Prompt+": ")
		if err != nil {
			return usageFault("--%s -: reading the password from standard input: %v", s.Flag, err)
		}
		passwords[i] = text
	}
	return nil
}

func readPassword(c *cli.Context, lines *bufio.Reader, question string) (string, error) {
	if file, ok := c.App.Reader.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return askPassword(file, c.App.ErrWriter, question)
	}
	line, err := lines.ReadSlice('\n') // no longer than the reader's buffer, 4096 bytes
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", errors.New("the line is too long")
	case errors.Is(err, io.EOF) && len(line) == 0:
		return "", errors.New("there is no line")
	case err != nil && !errors.Is(err, io.EOF):
		return "", err
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r"), nil
}

// askPassword asks on a terminal without echo. Ctrl-C and Ctrl-D cancel.
// (term.ReadPassword waits forever after a Ctrl-D.)
func askPassword(terminal *os.File, out io.Writer, question string) (string, error) {
	fd := int(terminal.Fd())
	state, err := term.MakeRaw(fd)
	if err != nil {
		return "", err
	}
	defer fmt.Fprintln(out)
	defer term.Restore(fd, state)
	fmt.Fprint(out, question)
	return typedPassword(terminal)
}

// typedPassword reads keys until Enter; erasing works as usual.
func typedPassword(keys io.Reader) (string, error) {
	const ctrlC, ctrlD, backspace, ctrlU, erase = 3, 4, 8, 21, 127
	var typed []byte
	for key := make([]byte, 1); len(typed) < 4096; {
		if _, err := keys.Read(key); err != nil {
			return "", err
		}
		switch key[0] {
		case '\r', '\n':
			return string(typed), nil
		case ctrlC, ctrlD:
			return "", errors.New("none was given")
		case backspace, erase:
			_, size := utf8.DecodeLastRune(typed)
			typed = typed[:len(typed)-size]
		case ctrlU:
			typed = typed[:0]
		default:
			typed = append(typed, key[0])
		}
	}
	return "", errors.New("it is too long")
}
