package v1

import (
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"

	"quarry/hashing"
	"quarry/work"
)

// guard keeps us from flooding a pool whose difficulty is far too low, which
// is also how a pool could make a miner do nothing but talk: a bucket of
// tokens, one for each share, and while it runs dry a least difficulty of our
// own, which rises until the shares above it fit.
type guard struct {
	rate, burst int // shares a second, and at once
	log         *zap.Logger

	mu      sync.Mutex
	tokens  float64
	at      time.Time // when tokens was right
	second  time.Time // when the present second began
	passed  int       // shares in it
	dry     bool      // there was a share too many in it
	least   float64   // our own difficulty, 0: none
	target  hashing.Target
	dropped uint64 // since the last warning
	warned  time.Time
}

// admit tells whether the share may be sent. Blocks always may.
func (g *guard) admit(share *work.Share, now time.Time) bool {
	if share.Job.MustSend(share.Hash) {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pass(now, share.Job.Difficulty.Float64())
	switch {
	case g.least > 0 && !g.target.MetBy(share.Hash):
	case g.tokens < 1:
		g.dry = true
	default:
		g.tokens--
		g.passed++
		return true
	}
	g.dropped++
	g.warn(now, share.Job)
	return false
}

// pass lets the time pass until now: tokens come back, and with each second
// our own difficulty doubles if there were too many shares, and halves if there
// were less than half as many as there may be.
func (g *guard) pass(now time.Time, pools float64) {
	if g.at.IsZero() {
		g.at, g.second, g.tokens = now, now, float64(g.burst)
	}
	if since := now.Sub(g.at); since > 0 {
		g.tokens = min(g.tokens+since.Seconds()*float64(g.rate), float64(g.burst))
		g.at = now
	}
	for now.Sub(g.second) >= time.Second && (g.dry || g.least > 0) {
		if g.dry {
			g.set(2*max(g.least, pools, hashing.MaxTarget().Difficulty()), pools)
		} else if 2*g.passed < g.rate {
			g.set(g.least/2, pools)
		}
		g.dry, g.passed, g.second = false, 0, g.second.Add(time.Second)
	}
	if now.Sub(g.second) >= time.Second {
		g.passed, g.second = 0, now
	}
}

// set makes least our own difficulty, unless the pool's is as high.
func (g *guard) set(least, pools float64) {
	g.least = 0
	if least <= pools || least <= hashing.MaxTarget().Difficulty() {
		return
	}
	if d, err := hashing.ParseDifficulty(strconv.FormatFloat(least, 'g', -1, 64)); err == nil {
		g.least, g.target = least, d.Target()
	}
}

// warn tells of dropped shares, at once and then once a minute.
func (g *guard) warn(now time.Time, job *work.Job) {
	if !g.warned.IsZero() && now.Sub(g.warned) < time.Minute {
		return
	}
	g.log.Warn("the pool's difficulty is so low that shares would flood it: the weakest are dropped",
		zap.Float64("difficulty", job.Difficulty.Float64()), zap.Int("shares_a_second", g.rate), zap.Uint64("dropped", g.dropped))
	g.warned, g.dropped = now, 0
}
