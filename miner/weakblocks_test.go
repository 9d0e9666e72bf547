package miner

import (
	"testing"
	"time"

	"quarry/work"
)

// TestWeakBlocksArePaced: one for a job, the next after a pause that grows while the
// pool rejects them.
func TestWeakBlocksArePaced(t *testing.T) {
	var w weakBlocks
	now := time.Unix(1e9, 0)
	for i, c := range []struct {
		verdict work.VerdictKind // on the one before
		want    time.Duration
	}{
		{work.NoVerdict, easyPause}, {work.Lost, easyPause}, {work.Rejected, 2 * easyPause}, {work.Rejected, 4 * easyPause},
		{work.Accepted, easyPause}, {work.Rejected, 2 * easyPause},
	} {
		w.judged(work.Verdict{Kind: c.verdict})
		share := &work.Share{Job: &work.Job{}}
		if !w.admit(share, now) || w.admit(share, now) {
			t.Errorf("%d: not exactly one for a job", i)
		}
		if got := w.next.Sub(now); got != c.want {
			t.Errorf("%d: the next after %v, want %v", i, got, c.want)
		}
	}
	for range 20 {
		w.judged(work.Verdict{Kind: work.Rejected})
	}
	if w.pause != maxEasyPause {
		t.Errorf("pause %v after many rejections", w.pause)
	}
}
