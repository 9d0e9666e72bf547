package upstream

import "time"

// Lines about turns.
const (
	turnBurst = 4           // shown at first, so that it can be seen that all members get theirs
	turnQuiet = time.Minute // between two lines afterwards
)

// turnLog decides which turns are logged at the info level: each of them where
// turns are long, and else enough to see that they change.
type turnLog struct {
	shown  int
	hidden int // since the last line
	last   time.Time
}

// admit reports whether the turn that begins now is shown, and how many were not
// since the last one that was.
func (l *turnLog) admit(now time.Time) (shown bool, hidden int) {
	if l.shown >= turnBurst && now.Sub(l.last) < turnQuiet {
		l.hidden++
		return false, 0
	}
	hidden, l.hidden = l.hidden, 0
	l.shown++
	l.last = now
	return true, hidden
}
