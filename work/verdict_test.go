package work

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// TestVerdictInWords: the text of each kind, and that the zero verdict counts as
// none.
func TestVerdictInWords(t *testing.T) {
	for _, c := range []struct {
		v    Verdict
		want string
	}{
		{Verdict{}, "no verdict"},
		{Verdict{Sent: true, Reason: ReasonDuplicate, Text: "x"}, "no verdict"},
		{Verdict{Kind: Lost + 1}, "no verdict"},
		{Verdict{Kind: Accepted, Sent: true}, "accepted"},
		{Verdict{Kind: Rejected, Reason: ReasonDuplicate, Code: 22, Text: "Duplicate share", Sent: true}, "rejected (duplicate): Duplicate share"},
		{Verdict{Kind: Stale}, "stale: the job was outdated: not sent"},
		{Verdict{Kind: Stale, Text: "Stale", Sent: true}, "stale: the job was outdated, the pool says: Stale"},
		{Verdict{Kind: Stale, Text: "Job not found", Code: 21, Sent: true}, "stale: the job was outdated, the pool says: Job not found (21)"},
		{Verdict{Kind: Lost, Reason: LostTooMany}, "lost: too many shares"},
		{Verdict{Kind: Lost, Reason: LostTimeout, Cause: errors.New("no answer"), Sent: true}, "lost: timeout: no answer"},
	} {
		if got := c.v.String(); got != c.want {
			t.Errorf("%#v is %q, want %q", c.v, got, c.want)
		}
		if accepted := c.want == "accepted"; (c.v.Kind == Accepted) != accepted || (c.v.Kind.String() == "accepted") != accepted {
			t.Errorf("%#v: accepted %v, want %v", c.v, !accepted, accepted)
		}
	}
}

// TestVerdictReasons: a reason counts for its own kind only.
func TestVerdictReasons(t *testing.T) {
	for _, kind := range []VerdictKind{NoVerdict, Accepted, Rejected, Stale, Lost} {
		v := Verdict{Kind: kind, Reason: LostTimeout}
		if v.LostFor(LostTimeout) != (kind == Lost) || v.LostFor(LostShutdown) {
			t.Errorf("%v: lost by a timeout %v", kind, v.LostFor(LostTimeout))
		}
		if v.RejectedFor(ReasonOther, LostTimeout) != (kind == Rejected) || v.RejectedFor(ReasonOther) || v.RejectedFor() {
			t.Errorf("%v: rejected for it %v", kind, v.RejectedFor(ReasonOther, LostTimeout))
		}
	}
}

func TestLostTo(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("reset by peer"), LostDisconnected},
		{fmt.Errorf("no more: %w", context.Canceled), LostShutdown},
		{context.DeadlineExceeded, LostTimeout},
	} {
		if v := LostTo(c.err); v != (Verdict{Kind: Lost, Reason: c.want, Cause: c.err}) {
			t.Errorf("%v: %+v", c.err, v)
		}
	}
}
