// Package sharelimit bounds how many shares a pool is sent.
package sharelimit

import (
	"strconv"
	"time"

	"go.uber.org/zap"

	"quarry/hashing"
	"quarry/internal/event"
	"quarry/work"
)

// Limiter keeps us from flooding a pool whose difficulty is far too low, which
// is also how a pool could keep a miner busy with nothing but sending: a token
// bucket, one token for each share, and while it runs dry a minimum difficulty of
// our own, which rises until the shares above it fit.
type Limiter struct {
	rate, burst int // shares a second, and at once
	log         *zap.Logger

	tokens  float64
	at      time.Time // when tokens was last computed
	second  time.Time // when the present second began
	passed  int       // shares in it
	dry     bool      // there was a share too many in it
	least   float64   // our own difficulty, 0: none
	target  hashing.Target
	dropped uint64 // since the last warning
	warned  time.Time
}

// New makes a limiter that lets so many shares through in a second in the long run,
// and so many at once.
func New(rate, burst int, log *zap.Logger) *Limiter {
	return &Limiter{rate: rate, burst: burst, log: log}
}

// Admit reports whether the share may be sent. Blocks always may where they are
// rare, and so may those too weak for a share: the miner sends few of them.
func (l *Limiter) Admit(share *work.Share, now time.Time) bool {
	if share.Job.MustSend(share.Hash) || share.Job.IsWeakBlock(share.Hash) {
		return true
	}
	l.pass(now, share.Job.Difficulty.Float64())
	switch {
	case l.least > 0 && !l.target.MetBy(share.Hash):
	case l.tokens < 1:
		l.dry = true
	default:
		l.tokens--
		l.passed++
		return true
	}
	l.dropped++
	l.warn(now, share.Job)
	return false
}

// pass lets the time pass until now: tokens come back, and with each second
// our own difficulty doubles if there were too many shares, and halves if there
// were less than half as many as there may be.
func (l *Limiter) pass(now time.Time, pools float64) {
	if l.at.IsZero() {
		l.at, l.second, l.tokens = now, now, float64(l.burst)
	}
	if since := now.Sub(l.at); since > 0 {
		l.tokens = min(l.tokens+since.Seconds()*float64(l.rate), float64(l.burst))
		l.at = now
	}
	for now.Sub(l.second) >= time.Second && (l.dry || l.least > 0) {
		if l.dry {
			l.set(2*max(l.least, pools, hashing.MaxTarget().Difficulty()), pools)
		} else if 2*l.passed < l.rate {
			l.set(l.least/2, pools)
		}
		l.dry, l.passed, l.second = false, 0, l.second.Add(time.Second)
	}
	if now.Sub(l.second) >= time.Second {
		l.passed, l.second = 0, now
	}
}

// set makes least our own difficulty, unless the pool's is as high.
func (l *Limiter) set(least, pools float64) {
	l.least = 0
	if least <= pools || least <= hashing.MaxTarget().Difficulty() {
		return
	}
	if d, err := hashing.ParseDifficulty(strconv.FormatFloat(least, 'g', -1, 64)); err == nil {
		l.least, l.target = least, d.Target()
	}
}

// warn logs dropped shares, at once and then once a minute.
func (l *Limiter) warn(now time.Time, job *work.Job) {
	if !l.warned.IsZero() && now.Sub(l.warned) < time.Minute {
		return
	}
	l.log.Warn("difficulty is so low that shares would flood the pool", event.Consequence("the weakest are dropped"),
		zap.Float64("difficulty", job.Difficulty.Float64()), zap.Int("shares_per_second", l.rate), zap.Uint64("dropped", l.dropped))
	l.warned, l.dropped = now, 0
}
