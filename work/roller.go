package work

import (
	"errors"
	"sync"
	"time"

	"quarry/hashing"
)

// ErrExhausted means that a job has no header left that was not searched
// before: wait for the next job, or for the clock.
var ErrExhausted = errors.New("every extranonce2, version and ntime of the job is searched")

const (
	// maxNTimeRoll is how far ahead of its job an ntime may run, in seconds,
	// however long the job lasts. The strictest pools allow 600.
	maxNTimeRoll = 600
)

// Start is where a Roller begins; the zero Start is as good as any. The
// version and the nonce apply to the first Work only.
type Start struct {
	Extranonce2 uint64 // first value of the extranonce2 counter
	Version     uint64 // how many values of the version mask to pass over
	Nonce       uint32
}

// Roller cuts jobs into works, for all workers and for as long as the miner
// lives. It rolls the version bits first (the cheapest: the tail of the header
// stays), then extranonce2, and ntime only when extranonce2 has run out.
//
// No header is given out twice, because the extranonce2 counter is one and
// never goes back: not for a new job, a repeated job id, a new difficulty, a
// resumed session or another pool. Where the extranonce2 is so short that the
// counter wraps around, the Roller knows for each content and ntime at which
// count it first saw them, and stops one round later. A pool may also move the
// border between extranonce1 and extranonce2 (mining.set_extranonce); since
// the counter stands big-endian at the end of the extranonce2, coinbases from
// both sides of such a move differ as long as the shorter one's round lasts.
type Roller struct {
	mu      sync.Mutex
	counter uint64 // the next extranonce2 that is unused

	// The place in the current job.
	job         *Job
	content     hashing.Hash
	space       space
	extranonce2 uint64
	ntime       uint32
	version     uint64 // the next value of the mask, up to 2^(bits of mask)
	open        bool   // extranonce2, ntime and version are a place
	full        uint32 // how many ntimes, from the job's own on, have no room left

	opened memory
	start  Start
}

// NewRoller begins at start.
func NewRoller(start Start) *Roller {
	return &Roller{counter: start.Extranonce2, start: start}
}

// Next fills w with a part of the job that was not searched before, of at most
// versions versions, ready to scan. Works of few versions are slow to search, so
// the values of a mask are dealt out evenly: 4 as 2 and 2 where 3 are allowed, not
// as 3 and 1. age is the time since the job arrived, which bounds the ntime. The first nonce to scan is returned; all 2^32 nonces
// from there on, modulo 2^32, belong to the work.
func (r *Roller) Next(w *Work, job *Job, versions int, age time.Duration) (nonce uint32, err error) {
	if nonce, err = r.take(w, job, versions, age); err != nil {
		return 0, err
	}
	w.prepare()
	return nonce, nil
}

// take chooses under the lock; the hashing of coinbase and midstates is left
// to the worker.
func (r *Roller) take(w *Work, job *Job, versions int, age time.Duration) (uint32, error) {
	r.mu.Lock()
	defer r.mu.Unlock()

	r.turnTo(job)
	if !r.open {
		if err := r.openPlace(age); err != nil {
			return 0, err
		}
	}
	all := r.space.versions()
	share := evenShare(all-r.version, uint64(max(min(versions, hashing.MaxVersions), 1)))
	w.Job, w.NTime, w.Versions = job, r.ntime, 0
	w.setExtranonce2(r.extranonce2)
	for range share {
		w.Version[w.Versions] = job.Version | spread(r.version, r.space.mask)
		w.Versions++
		r.version++
	}
	r.open = r.version < all
	nonce := r.start.Nonce
	r.start.Nonce = 0
	return nonce, nil
}

// evenShare is how many of left each of as few shares as can be has, of most at
// most; the last may have fewer.
func evenShare(left, most uint64) uint64 {
	shares := (left + most - 1) / most
	return (left + shares - 1) / shares
}

// turnTo makes job the current one. A job of the same content and space continues
// where its predecessor stopped; any other gets a fresh extranonce2.
func (r *Roller) turnTo(job *Job) {
	if r.job == job {
		return
	}
	content, space := contentOf(job), spaceOf(job)
	switch {
	case r.job == nil || content != r.content || space != r.space:
		r.open, r.full = false, 0
	case r.job.NTime != job.NTime:
		later := job.NTime - r.job.NTime // huge if it is earlier
		r.open, r.full = false, r.full-min(r.full, later)
	}
	r.job, r.content, r.space = job, content, space
}

// openPlace takes the next extranonce2 at the earliest ntime that still has
// room for it.
func (r *Roller) openPlace(age time.Duration) error {
	latest := uint32(min(max(age/time.Second, 0), maxNTimeRoll))
	ntime, found := r.firstRoom(latest, func(ntime uint32) bool {
		return r.opened.room(contentAt{r.content, ntime}, r.space, r.counter)
	})
	if !found {
		return ErrExhausted
	}
	r.extranonce2, r.ntime, r.version, r.open = r.counter, ntime, r.start.Version, true
	if r.version >= r.space.versions() {
		r.version = 0
	}
	r.start.Version = 0
	r.counter++
	return nil
}

// firstRoom returns the earliest ntime, at most latest seconds after the job's,
// that has room. The counter never goes back, so an ntime without room never
// has any again, and is not asked about a second time.
func (r *Roller) firstRoom(latest uint32, room func(ntime uint32) bool) (ntime uint32, found bool) {
	for ; r.full <= latest; r.full++ {
		if ntime = r.job.NTime + r.full; room(ntime) {
			return ntime, true
		}
	}
	return 0, false
}
