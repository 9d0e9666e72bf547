package v1

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"quarry/hashing"
	"quarry/stratum/stratumtest"
	"quarry/work"
)

// strong is a share of the job with about that difficulty, which only a pool that
// trusts its word takes.
func strong(job *work.Job, n uint32, d hashing.Difficulty) *work.Share {
	s := share(job, n)
	b := d.Target().Bytes() // big-endian
	for i := range b {
		s.Hash[len(b)-1-i] = b[i]
	}
	s.Hash[0] = byte(n)
	return s
}

// TestGuess: a pool that announces no difficulty rejects what is too weak for it.
// What was learned stays for the next session, until one is announced.
func TestGuess(t *testing.T) {
	quirks := &Quirks{}
	core, logs := observer.New(zap.InfoLevel)
	announce := make(chan struct{})
	offer := stratumtest.Usual()
	offer.Difficulty = ""
	pool := func(p *pc) {
		p.Welcome(offer)
		p.Notify(sample("1"))
		for _, answer := range []string{tooLow, tooLow, yes, `"error":[21,"stale",null]`} {
			p.Send(`{"id":%s,%s}`, p.Expect("mining.submit").ID, answer)
		}
		<-announce
		p.Difficulty("64")
		judge(p)
	}
	config := Config{Quirks: quirks, Log: zap.New(core), Limits: Limits{LateTerms: time.Millisecond}}
	m := mine(t, stratumtest.Serve(t, pool), config)
	job := m.job()
	if d := job.Difficulty.Float64(); d != 1 {
		t.Errorf("guessed %v at first", d)
	}
	for i, c := range []struct{ found, next string }{{"5", "5"}, {"300", "300"}, {"1000", ""}, {"2000", ""}} {
		m.submit(strong(job, uint32(i), difficulty(t, c.found)))
		if c.next == "" {
			continue
		}
		if job = m.job(); job.Difficulty.String() != c.next || job.ID != "1" || job.Clean {
			t.Errorf("after a share of %s: job %+v", c.found, job)
		}
	}
	if n := m.Status().Difficulty.String(); n != "300" {
		t.Errorf("difficulty %s", n)
	}
	close(announce)
	if job = m.job(); job.Difficulty.String() != "64" || wireOf(job).guessed {
		t.Errorf("after the announcement: job %+v", job)
	}
	if quirks.newestDifficulty() {
		t.Error("a guess was taken for a difficulty of the pool")
	}
	if n := logs.FilterMessageSnippet("guessed the difficulty of a job").Len(); n != 1 {
		t.Errorf("said %d times that it is a guess", n)
	}
	m.stop()
	again := mine(t, stratumtest.Serve(t, func(p *pc) { p.Welcome(offer); p.Notify(sample("1")); p.Hang() }), config)
	if job := again.job(); job.Difficulty.String() != "300" {
		t.Errorf("in the next session: %v", job.Difficulty)
	}
}

// TestParkedJobs: of the jobs that wait for a difficulty the last is mined, and none
// once the session is over.
func TestParkedJobs(t *testing.T) {
	offer := stratumtest.Usual()
	offer.Difficulty = ""
	pool := func(end bool) stratumtest.Script {
		return func(p *pc) {
			p.Welcome(offer)
			p.Notify(sample("1"))
			p.Notify(sample("2"))
			if !end {
				p.Send(`{"method":"mining.set_target","params":["0x%s"]}`, strings.Repeat("0", 8)+"ffff"+strings.Repeat("0", 52))
				p.Hang()
			}
		}
	}
	m := mine(t, stratumtest.Serve(t, pool(false)), Config{Limits: Limits{LateTerms: time.Hour}})
	if job := m.job(); job.ID != "2" || job.Difficulty.Float64() != 1 || wireOf(job).guessed {
		t.Errorf("job %+v", job)
	}
	m = mine(t, stratumtest.Serve(t, pool(true)), Config{Limits: Limits{LateTerms: 50 * time.Millisecond}})
	m.end()
	time.Sleep(100 * time.Millisecond)
	if len(m.jobs) > 0 {
		t.Errorf("job %+v after the end", <-m.jobs)
	}
}

// TestFirstJobAfterAMinuteAndAHalf: there are pools that send it only then.
func TestFirstJobAfterAMinuteAndAHalf(t *testing.T) {
	bubble(t, func(p *pc) {
		p.Welcome(stratumtest.Usual())
		begun := time.Now()
		p.Expect("mining.extranonce.subscribe")
		if waited := time.Since(begun); waited != 2*time.Second {
			t.Errorf("nudged after %v", waited)
		}
		time.Sleep(90*time.Second - time.Since(begun))
		p.Notify(sample("1"))
		p.Hang()
	}, Config{}, func(t *testing.T, m *miner) { m.job() })
	bubble(t, func(p *pc) { p.Welcome(stratumtest.Usual()); p.Expect("mining.extranonce.subscribe"); p.Hang() }, Config{}, func(t *testing.T, m *miner) {
		begun := time.Now()
		if err := m.end(); !errors.Is(err, ErrNoJob) {
			t.Errorf("ended with %v", err)
		}
		if waited := time.Since(begun); waited != 110*time.Second {
			t.Errorf("gave up after %v", waited)
		}
	})
}

// TestTheSameExtranonceAgain: said to be changed only if it was.
func TestTheSameExtranonceAgain(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	m := mine(t, stratumtest.Serve(t, func(p *pc) {
		p.Welcome(stratumtest.Usual())
		p.Send(`{"method":"mining.set_extranonce","params":["0a0b0c0d",4]}`)
		p.Notify(sample("1"))
		p.Send(`{"method":"mining.set_extranonce","params":["0x0a0b0c0e"]}`)
		p.Notify(sample("2"))
		p.Notify(sample("3"))
		p.Hang()
	}), Config{Log: zap.New(core)})
	if one, two := m.job(), m.job(); one.Extranonce1[3] != 0x0d || two.Extranonce1[3] != 0x0e {
		t.Errorf("extranonce1 %x, then %x", one.Extranonce1, two.Extranonce1)
	}
	m.job() // all about those before is logged
	if n := logs.FilterMessage("pool changed the extranonce").Len(); n != 1 {
		t.Errorf("said %d times to be changed, want once", n)
	}
}
