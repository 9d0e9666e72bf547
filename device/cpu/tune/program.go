package tune

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// program is the file of the running program. Another version may take its name
// while it runs, as in an upgrade, and must not be started for it.
type program struct {
	file   string
	info   fs.FileInfo // of the file when it was found
	pinned bool        // the file is the running one, whatever happens to its name
	err    error       // why it is not known
}

// running is a link of Linux to the file that this process runs, also once that
// was replaced or deleted.
const running = "/proc/self/exe"

// thisProgram returns the running program: call it early.
func thisProgram() program {
	if runtime.GOOS == "linux" {
		if info, err := os.Stat(running); err == nil {
			return program{file: running, info: info, pinned: true}
		}
	}
	file, err := os.Executable() // an error in a Linux without /proc
	if err != nil {
		return program{err: err}
	}
	info, err := os.Stat(file)
	return program{file: file, info: info, err: err}
}

var errReplaced = errors.New("the program's file was replaced while it runs: restart it to use the new one")

// command returns the program as a child: without the user's arguments, without
// environment, and detached from the terminal.
func (p program) command(ctx context.Context) (*exec.Cmd, error) {
	if p.err != nil {
		return nil, p.err
	}
	if !p.pinned {
		now, err := os.Stat(p.file)
		if err != nil || !os.SameFile(now, p.info) || now.Size() != p.info.Size() || !now.ModTime().Equal(p.info.ModTime()) {
			return nil, errReplaced
		}
	}
	c := exec.CommandContext(ctx, p.file, Command)
	c.Args[0] = "quarry"
	c.Env = []string{}
	c.SysProcAttr = apart()
	c.WaitDelay = time.Second
	return c, nil
}
