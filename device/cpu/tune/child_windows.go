package tune

import (
	"io/fs"
	"syscall"
)

// apart keeps the console's signals from a child: Ctrl-C is for the miner,
// which ends the child itself.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// ownFile: the profile's folder is the user's own, by its access list.
func ownFile(fs.FileInfo) bool { return true }
