package upstream

import (
	"testing"
	"time"
)

// TestTurnLog: the first turns are shown, and of short ones one a minute after that;
// long ones all.
func TestTurnLog(t *testing.T) {
	for _, c := range []struct {
		turn                  time.Duration
		turns                 int
		wantShown, wantHidden int
	}{
		{5 * time.Second, 4, 4, 0},
		{5 * time.Second, 28, 6, 22}, // 12 turns a minute: 4 at first, then the 16th and the 28th
		{2 * time.Minute, 50, 50, 0},
	} {
		var l turnLog
		now, shown, hidden := time.Unix(1e9, 0), 0, 0
		for range c.turns {
			ok, before := l.admit(now)
			if ok {
				shown++
			}
			hidden += before
			now = now.Add(c.turn)
		}
		if shown != c.wantShown || hidden != c.wantHidden {
			t.Errorf("%d turns of %v: %d shown, %d reported as not shown; want %d, %d", c.turns, c.turn, shown, hidden, c.wantShown, c.wantHidden)
		}
	}
}
