// Package upstreamtest holds the tests that every kind of session must pass to be
// a member of an upstream client's list.
package upstreamtest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"quarry/upstream"
	"quarry/work"
)

// Peer is the other side of a session: a pool or a node that does as it is told,
// over a real connection. It makes its first job known when a session begins.
type Peer interface {
	// Job sends another job. Those of one block have the same previous hash.
	Job(block byte)
	// Judge sets how shares are answered from now on: Accepted, Rejected, or
	// NoVerdict, which is not to answer.
	Judge(work.VerdictKind)
	// Submits is how many shares have arrived.
	Submits() int
	// HangUp closes the connection.
	HangUp()
}

// Fixture is one member under test.
type Fixture struct {
	Protocol upstream.Protocol
	Peer     Peer
	Resumes  bool // whether the peer resumes sessions
}

// patience is far more than anything here takes.
const patience = 30 * time.Second

// Run runs the suite; start makes a fresh member for each test.
func Run(t *testing.T, start func(testing.TB) Fixture) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Fixture)
	}{
		{"Events", events}, {"Verdicts", verdicts}, {"Duplicate", duplicate}, {"HangUp", hangUp}, {"Cause", cause},
		{"Retire", retire}, {"Outdated", outdated}, {"Resume", resume},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, start(t)) })
	}
}

func events(t *testing.T, f Fixture) {
	s, job := begin(t, f)
	if job.Session != firstNumber || job.Received.IsZero() || job.ID == "" {
		t.Errorf("job %+v", job)
	}
	status := s.Status()
	if !status.Subscribed || !status.Authorized || status.Difficulty.Float64() <= 0 {
		t.Errorf("status %+v", status)
	}
	f.Peer.Job(1)
	if next := s.job(); next == job || next.Session != firstNumber || next.Received.Before(job.Received) {
		t.Errorf("second job %+v", next)
	}
}

func verdicts(t *testing.T, f Fixture) {
	s, job := begin(t, f)
	f.Peer.Judge(work.Accepted)
	expect(t, "first", s.submit(share(job, 1)), work.Accepted, true)
	f.Peer.Judge(work.Rejected)
	v := s.submit(share(job, 2))
	expect(t, "second", v, work.Rejected, true)
	if v.Reason == "" {
		t.Errorf("%+v has no reason", v)
	}
	f.Peer.Judge(work.Accepted)
	var all sync.WaitGroup
	for n := range uint32(20) {
		all.Go(func() { expect(t, "of many", s.submit(share(job, 10+n)), work.Accepted, true) })
	}
	all.Wait()
}

func duplicate(t *testing.T, f Fixture) {
	s, job := begin(t, f)
	f.Peer.Judge(work.Accepted)
	expect(t, "once", s.submit(share(job, 1)), work.Accepted, true)
	if v := s.submit(share(job, 1)); !v.RejectedFor(work.ReasonDuplicate) || v.Sent {
		t.Errorf("twice: %+v", v)
	}
}

func hangUp(t *testing.T, f Fixture) {
	s, job := begin(t, f)
	f.Peer.Judge(work.NoVerdict)
	waiting := make(chan work.Verdict, 1)
	go func() { waiting <- s.submit(share(job, 1)) }()
	awaitSubmit(t, f)
	f.Peer.HangUp()
	v := <-waiting
	expect(t, "under way", v, work.Lost, true)
	if v.Reason != work.LostDisconnected {
		t.Errorf("under way: %+v", v)
	}
	if err := s.over(); err == nil || f.Protocol.Class(err).Kind != upstream.Failed {
		t.Errorf("ended with %v: %+v", err, f.Protocol.Class(err))
	}
	if v := s.submit(share(job, 2)); !v.LostFor(work.LostDisconnected) || v.Sent {
		t.Errorf("afterwards: %+v", v)
	}
}

// awaitSubmit waits until a share has reached the peer.
func awaitSubmit(t testing.TB, f Fixture) {
	t.Helper()
	for deadline := time.Now().Add(patience); f.Peer.Submits() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no share reaches the peer")
		}
	}
}

func cause(t *testing.T, f Fixture) {
	s, job := begin(t, f)
	f.Peer.Judge(work.NoVerdict)
	waiting := make(chan work.Verdict, 1)
	go func() { waiting <- s.submit(share(job, 1)) }()
	awaitSubmit(t, f)
	why := errors.New("the user went home")
	if err := s.stop(why); !errors.Is(err, why) {
		t.Errorf("Run returned %v, want the cause", err)
	}
	v := <-waiting
	expect(t, "under way", v, work.Lost, true)
	if !errors.Is(v.Cause, why) {
		t.Errorf("the share was lost to %v, want the cause", v.Cause)
	}
	published := len(s.jobs)
	f.Peer.Job(2)
	time.Sleep(20 * time.Millisecond)
	if len(s.jobs) != published {
		t.Error("a job was published after the end")
	}
}

func retire(t *testing.T, f Fixture) {
	s, job := begin(t, f)
	f.Peer.Judge(work.NoVerdict)
	ctx, giveUp := context.WithCancel(context.Background())
	waiting := make(chan work.Verdict, 1)
	go func() { waiting <- s.Submit(ctx, share(job, 1)) }()
	awaitSubmit(t, f)
	if s.Retire() {
		t.Error("retired with a share under way")
	}
	giveUp()
	if v := <-waiting; !v.LostFor(work.LostShutdown) {
		t.Errorf("given up: %+v", v)
	}
	if !s.Retire() {
		t.Error("not retired without a share")
	}
	expect(t, "retired", s.submit(share(job, 2)), work.Lost, false)
}

func outdated(t *testing.T, f Fixture) {
	s, old := begin(t, f)
	if s.Outdated(old) {
		t.Error("the only job is outdated")
	}
	f.Peer.Job(1)
	job := s.job()
	if !s.Outdated(old) || s.Outdated(job) {
		t.Errorf("after a block: the old job %v, the new one %v", s.Outdated(old), s.Outdated(job))
	}
}

func resume(t *testing.T, f Fixture) {
	s, old := begin(t, f)
	f.Peer.Judge(work.Accepted)
	f.Peer.HangUp()
	_ = s.over()
	left := s.Resume()
	if left == nil || left.Possible() != f.Resumes {
		t.Fatalf("%v is left, and the peer resumes: %v", left, f.Resumes)
	}
	if !f.Resumes {
		return
	}
	again := open(t, f, firstNumber+1, left)
	again.hears("resumed")
	again.hears("working")
	expect(t, "share of the session before", again.submit(share(old, 5)), work.Accepted, true)
	if job := again.job(); job.Session != firstNumber+1 {
		t.Errorf("job %+v", job)
	}
}
