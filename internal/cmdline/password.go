package cmdline

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"quarry/keys"
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
	state, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	var failure error
	first, asked := true, false
	release := keys.Guard(func() {
		if keys.Background(fd) {
			return // it is asked there
		}
		_, err := term.MakeRaw(fd)
		if first {
			failure, first = err, false
		}
		if !asked {
			fmt.Fprint(out, question)
			asked = true
		}
	}, func() {
		if asked && !keys.Background(fd) {
			_ = term.Restore(fd, state)
			fmt.Fprintln(out)
			asked = false
		}
	}, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGABRT)
	defer release()
	if failure != nil {
		return "", failure
	}
	return typedPassword(terminal)
}

// typedPassword reads keys until Enter; erasing works as usual, and so do the keys
// that are signals.
func typedPassword(typing io.Reader) (string, error) {
	const ctrlC, ctrlD, backspace, ctrlU, erase = 3, 4, 8, 21, 127
	var typed []byte
	for key := make([]byte, 1); len(typed) < 4096; {
		if _, err := typing.Read(key); err != nil {
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
			if keys.Signal(key[0]) {
				continue
			}
			typed = append(typed, key[0])
		}
	}
	return "", errors.New("it is too long")
}
