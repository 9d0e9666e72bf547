// Package upstreamtest holds the tests that every kind of session must pass to be
// a member of an upstream client's list.
package upstreamtest

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"quarry/hashing"
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

// session is one that runs, with what it told.
type session struct {
	upstream.Session
	t      testing.TB
	jobs   chan *work.Job
	told   chan string
	end    context.CancelCauseFunc
	ended  chan error
	closed sync.Once
}

const firstNumber = 7

// open opens a session and waits until it works. Every event asks for the status
// and the last two would find a lock that is held.
func open(t testing.TB, f Fixture, number uint64, before upstream.Resume) *session {
	t.Helper()
	ctx, end := context.WithCancelCause(context.Background())
	s := &session{t: t, jobs: make(chan *work.Job, 100), told: make(chan string, 100), end: end, ended: make(chan error, 1)}
	ready := make(chan struct{})
	tell := func(what string) {
		<-ready
		s.Status()
		s.told <- what
	}
	terms := upstream.Terms{Number: number, Resume: before, Log: zap.NewNop(), Events: upstream.Events{
		Publish: func(job *work.Job) { <-ready; s.Status(); s.jobs <- job },
		Subscribed: func(resumed bool) {
			tell(map[bool]string{false: "new", true: "resumed"}[resumed])
		},
		Working: func() { tell("working") },
		Health:  func(error) { <-ready; s.Status() },
	}}
	opened, err := f.Protocol.Open(ctx, terms)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	s.Session = opened
	close(ready)
	go func() { s.ended <- s.Run(ctx) }()
	t.Cleanup(func() { s.stop(errors.New("the test is over")) })
	return s
}

// stop ends the session and returns what Run said.
func (s *session) stop(why error) (err error) {
	s.end(why)
	return s.over()
}

// over waits for the session's end.
func (s *session) over() (err error) {
	s.t.Helper()
	select {
	case err = <-s.ended:
		s.ended <- err
	case <-time.After(patience):
		s.t.Error("the session does not end")
	}
	return err
}

func (s *session) hears(want string) {
	s.t.Helper()
	select {
	case got := <-s.told:
		if got != want {
			s.t.Fatalf("told %q, want %q", got, want)
		}
	case err := <-s.ended:
		s.t.Fatalf("ended with %v instead of %q", err, want)
	case <-time.After(patience):
		s.t.Fatalf("nothing told, want %q", want)
	}
}

func (s *session) job() *work.Job {
	s.t.Helper()
	select {
	case job := <-s.jobs:
		return job
	case <-time.After(patience):
		s.t.Fatal("no job")
	}
	return nil
}

// begin waits until shares of the returned job are taken.
func begin(t testing.TB, f Fixture) (*session, *work.Job) {
	t.Helper()
	s := open(t, f, firstNumber, nil)
	s.hears("new")
	s.hears("working")
	return s, s.job()
}

func (s *session) submit(share *work.Share) work.Verdict {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return s.Submit(ctx, share)
}

// share is one of the job that meets every target. The hash is not that of its
// header: peers judge as they are told.
func share(job *work.Job, n uint32) *work.Share {
	s := &work.Share{Job: job, Extranonce2: make([]byte, job.Extranonce2Size), Version: job.Version, NTime: job.NTime, Nonce: n}
	s.Hash = hashing.Hash{}
	binary.LittleEndian.PutUint32(s.Hash[:], n)
	return s
}

func expect(t testing.TB, what string, v work.Verdict, kind work.VerdictKind, sent bool) {
	t.Helper()
	if v.Kind != kind || v.Sent != sent {
		t.Errorf("%s: %+v, want %v, sent %v", what, v, kind, sent)
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
	expect(t, "under way", <-waiting, work.Lost, true)
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
