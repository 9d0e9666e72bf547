package cmdline

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
)

// ReadPassword returns a line of the app's input; on a terminal it asks for it,
// without echo. lines reads that input.
func ReadPassword(c *cli.Context, lines *bufio.Reader, question string) (string, error) {
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
