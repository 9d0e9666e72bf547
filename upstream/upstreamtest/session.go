package upstreamtest

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"go.uber.org/zap"

	"quarry/hashing"
	"quarry/upstream"
	"quarry/work"
)

// session is one that runs, with what it told.
type session struct {
	upstream.Session
	t     testing.TB
	jobs  chan *work.Job
	told  chan string
	end   context.CancelCauseFunc
	ended chan error
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
