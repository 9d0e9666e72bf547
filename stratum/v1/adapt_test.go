package v1

import (
	"fmt"
	"slices"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"quarry/hashing"
	"quarry/stratum/stratumtest"
	"quarry/work"
)

// between is a share of the job, the n-th that meets the job's target but not
// the harder one.
func between(t *testing.T, job *work.Job, harder hashing.Difficulty, n int) *work.Share {
	t.Helper()
	for nonce := range uint32(100000) {
		if s := share(job, nonce); job.Bound().MetBy(s.Hash) && !harder.Target().MetBy(s.Hash) {
			if n--; n < 0 {
				return s
			}
		}
	}
	t.Fatal("no such share")
	return nil
}

const (
	tooLow    = `"result":null,"error":[23,"low difficulty share",null]`
	lineNew   = "pool judges all shares by its newest difficulty"
	lineBits  = "sending all version bits of the mask"
	lineAsWas = "sending only rolled version bits again"
)

// TestRaise: three shares rejected for a difficulty that is newer than their
// job, and weaker ones are no longer sent, also in the next session.
func TestRaise(t *testing.T) {
	raised := difficulty(t, "4e-10")
	quirks := &Quirks{}
	core, logs := observer.New(zap.InfoLevel)
	for _, c := range []struct {
		name    string
		answers []string // to the shares below the raised difficulty
		unsent  bool     // the next one
	}{
		{"two rejected", []string{tooLow, tooLow}, false},
		{"accepted again", []string{yes, tooLow, tooLow}, false},
		{"for other reasons", []string{`"error":[21,"Job not found",null]`, tooLow, `"error":[20,"no",null]`, tooLow, tooLow}, true},
		{"in the next session", nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := stratumtest.Serve(t, func(p *pc) {
				p.Welcome(stratumtest.Usual())
				weak(p, "1")
				p.Difficulty("4e-10")
				p.Send(`{"method":"mining.set_version_mask","params":["00ff0000"]}`) // makes a job: the difficulty is known
				for _, answer := range c.answers {
					p.Send(`{"id":%s,%s}`, p.Expect("mining.submit").ID, answer)
				}
				judge(p)
			})
			m := mine(t, server, Config{Quirks: quirks, Log: zap.New(core)})
			job := m.job()
			m.job()
			for n, answer := range c.answers {
				if v := m.submit(between(t, job, raised, n)); (v.Kind == work.Accepted) != (answer == yes) || !v.Sent {
					t.Errorf("share %d: %v", n, v)
				}
			}
			v := m.submit(between(t, job, raised, 90))
			if unsent := !v.Sent && v.RejectedFor(work.ReasonLowDifficulty); unsent != c.unsent || !unsent && v.Kind != work.Accepted {
				t.Errorf("the next one: %v, want it not sent: %v", v, c.unsent)
			}
			strong := share(job, 1)
			strong.Hash = hashing.Hash{}
			if v := m.submit(strong); v.Kind != work.Accepted {
				t.Errorf("one that meets both: %v", v)
			}
		})
	}
	if logs.FilterMessage(lineNew).Len() != 1 {
		t.Errorf("log %v", logs.All())
	}
}

// TestPoolsBits: pools that differ in their arithmetic, and a job that has bits
// of the mask set.
func TestPoolsBits(t *testing.T) {
	const version, mask, rolled = 0x20006000, 0x1fffe000, 0x00010000
	for _, c := range []struct {
		name   string
		accept func(bits uint32) bool
		sent   []uint32
		log    []string
	}{
		{"or", func(b uint32) bool { return version|b == version|rolled }, []uint32{rolled, rolled, rolled}, nil},
		{"xor", func(b uint32) bool { return version^b == version|rolled }, []uint32{rolled, rolled, rolled}, nil},
		{"masked", func(b uint32) bool { return version&^mask|b&mask == version|rolled }, []uint32{rolled, rolled | 0x6000, rolled | 0x6000}, []string{lineBits}},
		{"nothing is right", func(uint32) bool { return false }, []uint32{rolled, rolled | 0x6000, rolled, rolled}, []string{lineBits, lineAsWas}},
	} {
		t.Run(c.name, func(t *testing.T) {
			quirks := &Quirks{}
			core, logs := observer.New(zap.InfoLevel)
			var sent []uint32
			done := make(chan struct{}, 1)
			server := stratumtest.Serve(t, func(p *pc) {
				p.Welcome(stratumtest.Usual())
				p.Difficulty("2e-10")
				for i := range c.sent {
					p.Notify(sampleWith(fmt.Sprint("job ", i), func(j *stratumtest.Job) { j.Version = hex8(version) }))
					r := p.Expect("mining.submit")
					bits := number(t, r.Params[5].(string))
					sent = append(sent, bits)
					if c.accept(bits) {
						p.Result(r, "true")
					} else {
						p.Error(r, `[23,"H-not-zero",null]`)
					}
				}
				done <- struct{}{}
				p.Hang()
			})
			m := mine(t, server, Config{Quirks: quirks, Log: zap.New(core)})
			for i := range c.sent {
				job := m.job()
				for job.ID != fmt.Sprint("job ", i) { // it is the last one, amended
					job = m.job()
				}
				m.submit(rolledShare(t, job, rolled, uint32(i)))
			}
			<-done
			if !slices.Equal(sent, c.sent) {
				t.Errorf("sent %08x, want %08x", sent, c.sent)
			}
			var told []string
			for _, entry := range logs.All() {
				if entry.Message == lineBits || entry.Message == lineAsWas {
					told = append(told, entry.Message)
				}
			}
			if !slices.Equal(told, c.log) {
				t.Errorf("told %q, want %q", told, c.log)
			}
			want := c.name == "masked"
			if quirks.maskedBits() != want {
				t.Errorf("quirks: masked %v", quirks.maskedBits())
			}
		})
	}
}

// rolledShare is the n-th share of the job with the bits set in its version.
func rolledShare(t *testing.T, job *work.Job, bits, n uint32) *work.Share {
	t.Helper()
	rolled := *job
	rolled.Version |= bits
	s := good(t, &rolled, 1000*n)
	s.Job, s.Version = job, job.Version|bits
	return s
}

// TestBitsChangeTheJob: a share is built from its job only, so the form of its
// bits is the job's, and the current job is published again with the new one.
func TestBitsChangeTheJob(t *testing.T) {
	server := stratumtest.Serve(t, func(p *pc) {
		p.Welcome(stratumtest.Usual())
		p.Difficulty("2e-10")
		p.Notify(sampleWith("1", func(j *stratumtest.Job) { j.Version = "20006000" }))
		for _, want := range []string{"00010000", "00020000", "00016000"} {
			r := p.Expect("mining.submit")
			if r.Params[5] != want {
				t.Errorf("bits %v, want %s", r.Params[5], want)
			}
			if want == "00016000" {
				p.Result(r, "true")
			} else {
				p.Error(r, `[23,"low difficulty",null]`)
			}
		}
		p.Hang()
	})
	quirks := &Quirks{}
	m := mine(t, server, Config{Quirks: quirks})
	old := m.job()
	m.submit(rolledShare(t, old, 0x10000, 0))
	job := m.job()
	if wireOf(old).masked || !wireOf(job).masked || job.ID != old.ID || job.VersionMask != old.VersionMask || job.Clean || wireOf(job).mask != 0x1fffe000 {
		t.Errorf("job %+v", job)
	}
	m.submit(rolledShare(t, old, 0x20000, 1)) // found meanwhile: its rejection says nothing new
	if !quirks.maskedBits() {
		t.Error("given up for a share of the old form")
	}
	if v := m.submit(rolledShare(t, job, 0x10000, 2)); v.Kind != work.Accepted {
		t.Error(v)
	}
}

// TestBitsNeedAReason: shares that say nothing about version bits.
func TestBitsNeedAReason(t *testing.T) {
	for name, c := range map[string]struct {
		version string
		rolled  uint32
		answer  string
	}{
		"no bit of the mask is set": {"20000000", 0x10000, tooLow},
		"no bit was rolled":         {"20006000", 0, tooLow},
		"stale":                     {"20006000", 0x10000, `"error":[21,"stale",null]`},
		"accepted":                  {"20006000", 0x10000, yes},
	} {
		t.Run(name, func(t *testing.T) {
			server := stratumtest.Serve(t, func(p *pc) {
				p.Welcome(stratumtest.Usual())
				p.Difficulty("2e-10")
				p.Notify(sampleWith("1", func(j *stratumtest.Job) { j.Version = c.version }))
				answering(p, func(int) string { return c.answer })
			})
			quirks := &Quirks{}
			m := mine(t, server, Config{Quirks: quirks})
			v := m.submit(rolledShare(t, m.job(), c.rolled, 0))
			if (v.Kind == work.Accepted) != (c.answer == yes) || !v.Sent || v.Kind == work.Lost {
				t.Errorf("verdict %v, want the pool's: %s", v, c.answer)
			}
			if quirks.maskedBits() {
				t.Error("the other form is used")
			}
		})
	}
}
