// Package pace watches how often the pools' difficulty lets this machine find a share.
package pace

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"quarry/internal/event"
	"quarry/stratum/suggest"
	"quarry/telemetry"
)

const (
	tick    = 2 * time.Second
	settled = 12 * time.Second // of mining, until the rate of ten seconds is that of the machine
	longer  = 65 * time.Second // the same for the rate of a minute
	grace   = 10 * time.Second // that a pool gets to lower its difficulty
	tooRare = 600.0            // expected seconds per share
)

// Watch knows the machine's rate, and warns of difficulties that are out of its reach.
type Watch struct {
	telemetry *telemetry.Telemetry
	log       *zap.Logger
	suggested []bool // by pool: a difficulty is suggested to it
	rate      atomic.Uint64

	// The goroutine's:
	mining time.Time // since when jobs were mined without a gap; zero: not
	high   time.Time // since when the difficulty has been out of reach, or may be while the rate is unknown; zero: it is not
	of     class     // what high is about
	warned map[class]bool
}

// class is a pool and the order of magnitude of its difficulty.
type class struct {
	pool      string
	magnitude int
}

// New makes a watch. The rate, in hashes a second, is what earlier runs lead to
// expect, 0 if that is unknown; suggested says by pool whether it is asked for a
// difficulty.
func New(t *telemetry.Telemetry, rate float64, suggested []bool, log *zap.Logger) *Watch {
	w := &Watch{telemetry: t, log: log, suggested: suggested, warned: map[class]bool{}}
	w.rate.Store(math.Float64bits(rate))
	return w
}

// Rate returns the machine's rate in hashes a second, as measured while it had work;
// 0 if it is unknown.
func (w *Watch) Rate() float64 { return math.Float64frombits(w.rate.Load()) }

// Run watches until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			w.look(w.telemetry.Snapshot())
		}
	}
}

func (w *Watch) look(s telemetry.Snapshot) {
	pool := s.Pool()
	if pool == nil || pool.State != telemetry.PoolActive {
		w.mining, w.high = time.Time{}, time.Time{}
		return
	}
	switch {
	case s.Paused || s.Hashrate.TenSeconds == 0: // or not begun
		w.mining = time.Time{}
	case w.mining.IsZero():
		w.mining = s.Time
	}
	switch mined := s.Time.Sub(w.mining); {
	case w.mining.IsZero():
	case mined >= longer && s.Hashrate.Minute > 0:
		w.rate.Store(math.Float64bits(s.Hashrate.Minute))
	case mined >= settled && s.Hashrate.TenSeconds > 0:
		w.rate.Store(math.Float64bits(s.Hashrate.TenSeconds))
	}
	w.judge(s, pool)
}

// judge warns once for each pool and order of magnitude, unless the chain is so easy
// that blocks come sooner than shares: that has a warning of its own.
func (w *Watch) judge(s telemetry.Snapshot, pool *telemetry.Pool) {
	difficulty := s.Difficulty.Value
	each := telemetry.ExpectedShareSeconds(difficulty, w.Rate())
	easyChain := s.NetworkDifficulty.OK && s.NetworkDifficulty.Value < difficulty
	suggested := w.suggestedTo(s, pool.Name)
	if !(difficulty > 0) || each.OK && each.Value <= tooRare || easyChain || !each.OK && suggested { // what is suggested needs the rate, too
		w.high = time.Time{}
		return
	}
	now := class{pool.Name, int(math.Floor(math.Log10(difficulty)))}
	if w.high.IsZero() || w.of != now {
		w.high, w.of = s.Time, now
	}
	if !each.OK || s.Time.Sub(w.high) < grace || w.warned[now] {
		return
	}
	w.warned[now] = true
	advice := "ask for a lower one with --suggest-difficulty, or use the pool's port for small miners"
	if suggested {
		advice = "the pool does not follow the suggested one: use its port for small miners, or a password like d=NUMBER where it knows that"
	}
	w.log.Warn("difficulty out of reach", event.Advice(advice), zap.String("pool", pool.Name), zap.Float64("difficulty", difficulty),
		zap.Duration("time_per_share", seconds(each.Value)), zap.Float64("hashes_per_second", w.Rate()),
		zap.Float64("suggested_difficulty", suggest.Good(w.Rate())))
}

func (w *Watch) suggestedTo(s telemetry.Snapshot, name string) bool {
	for i, p := range s.Pools {
		if p.Name == name && i < len(w.suggested) {
			return w.suggested[i]
		}
	}
	return false
}

// seconds returns the duration, or the longest one there is: 292 years.
func seconds(s float64) time.Duration {
	if s >= math.MaxInt64/float64(time.Second) {
		return math.MaxInt64
	}
	return time.Duration(s * float64(time.Second))
}
