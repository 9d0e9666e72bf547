//go:build unix

package tune

import (
	"io/fs"
	"os"
	"syscall"
)

// apart keeps the terminal's signals from a child: Ctrl-C is for the miner,
// which ends the child itself.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// ownFile reports whether a file can only have been written by this user.
func ownFile(info fs.FileInfo) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	return !ok || int(owner.Uid) == os.Geteuid() && info.Mode().Perm()&0o022 == 0
}
