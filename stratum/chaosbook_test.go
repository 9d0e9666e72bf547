package stratum

import (
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"quarry/stratum/localpool"
	"quarry/stratum/stratumtest"
	"quarry/work"
)

// chaosBook is what everybody says of every share: the miner's verdict, the
// lines between client and pool, the pool's verdict. It is read once a share is
// settled, see chaosaudit_test.go.
type chaosBook struct {
	log        *zap.Logger // of the lines between client and pools
	mu         sync.Mutex
	waiting    int           // shares with the client
	patience   time.Duration // how long shares wait in the client, by its own clock
	pools      []*poolBook
	shares     map[shareKey]*shareRecord
	violations []string
	broken     int // violations, with those that are not kept

	verdicts  map[string]uint64 // shares that were settled, by class
	lost      map[lostCase]uint64
	excused   map[string]uint64 // rejected or misjudged after a byte was flipped
	resent    uint64            // submits of shares that were sent before
	resentYes uint64            // of these shares, those that ended as accepted
	ends      map[stratumtest.Fault]uint64
	strange   uint64 // judged by a pool, damaged on the way there
}

// lostCase is one line of the table of losses.
type lostCase struct {
	reason, explanation string
	explained           bool
}

// shareKey names a share as its submit does.
type shareKey struct {
	pool                   int
	job, en2, ntime, nonce string
	bits                   string
}

// shareRecord is one share.
type shareRecord struct {
	key     shareKey
	share   *work.Share
	begun   time.Time // handed to the client
	found   time.Time
	settled time.Time
	verdict work.Verdict
	waiting int  // shares with the client when it was settled
	knew    bool // when it was begun, the client had published a job on another block

	submits []*submitRecord
	judged  []localpool.Verdict
}

// submitRecord is one sending of a share.
type submitRecord struct {
	link   *linkRecord
	id     string
	passed stratumtest.Passage  // the request, without its lines
	reply  *stratumtest.Passage // nil: the pool did not answer, or not in time
}

// linkRecord is one connection.
type linkRecord struct {
	number         int
	opened, closed time.Time
	left           time.Time // the client stopped reading
	difficulty     string    // that the next job is given with
	cause          stratumtest.Fault

	asked       map[string]string // method by id, but for submits
	offered     string            // the session that it wanted to resume
	subscribing bool              // the request went to the pool
	subscribed  bool              // the reply went to the client, whole
	extranonce1 string
	changed     bool // by set_extranonce
	firstBlock  string
	firstJob    time.Time
	swallowed   bool            // half-open
	damaged     bool            // a byte was flipped in the handshake
	misled      bool            // a byte was flipped in what the client takes for a job
	tainted     map[string]bool // by method: the last of it was damaged
	submits     map[string]*submitRecord
	suspect     map[string]bool // ids of damaged requests and replies, as they were and as they became
	keys        map[shareKey]bool
}

// poolBook is one pool over all its lives.
type poolBook struct {
	links    []*linkRecord
	jobs     map[string]*jobRecord
	blocks   []blockRecord
	restarts []time.Time
	accepted uint64          // by its own word
	newest   string          // block of the job published last
	forged   map[string]bool // certificates that it must not be known by
}

type jobRecord struct {
	block   string // previous hash, as in the notify
	first   time.Time
	tainted bool
	on      []delivery
}

type delivery struct {
	link       *linkRecord
	at         time.Time
	difficulty string
}

type blockRecord struct {
	block string
	at    time.Time
}

func newChaosBook(log *zap.Logger, pools int, patience time.Duration) *chaosBook {
	b := &chaosBook{
		log: log, patience: patience,
		shares: make(map[shareKey]*shareRecord), verdicts: make(map[string]uint64), lost: make(map[lostCase]uint64),
		excused: make(map[string]uint64), ends: make(map[stratumtest.Fault]uint64),
	}
	for range pools {
		b.pools = append(b.pools, &poolBook{jobs: make(map[string]*jobRecord), forged: make(map[string]bool)})
	}
	return b
}

// maxViolations are kept with their texts.
const maxViolations = 40

func (b *chaosBook) violation(format string, args ...any) {
	if b.broken++; len(b.violations) < maxViolations {
		b.violations = append(b.violations, fmt.Sprintf(format, args...))
	}
}

func (b *chaosBook) record(key shareKey) *shareRecord {
	s := b.shares[key]
	if s == nil {
		s = &shareRecord{key: key}
		b.shares[key] = s
	}
	return s
}

// keyOf is the key of a share of ours.
func keyOf(pool int, s *work.Share) shareKey {
	k := shareKey{
		pool: pool, job: s.Job.ID, en2: hex.EncodeToString(s.Extranonce2), ntime: fmt.Sprintf("%08x", s.NTime), nonce: fmt.Sprintf("%08x", s.Nonce),
	}
	if s.Job.VersionMask != 0 {
		k.bits = fmt.Sprintf("%08x", s.Version&^s.Job.Version)
	}
	return k
}

// published notes what the client has the miner work on.
func (b *chaosBook) published(pool int, job *work.Job) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pools[pool].newest = job.PrevHash.String()
}

// begun notes that the miner hands a share to the client.
func (b *chaosBook) begun(pool int, share *work.Share) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, p := b.record(keyOf(pool, share)), b.pools[pool]
	s.share, s.begun, s.knew = share, time.Now(), p.newest != share.Job.PrevHash.String()
	b.waiting++
}

// settled notes the miner's verdict.
func (b *chaosBook) settled(pool int, share *work.Share, found time.Time, verdict work.Verdict) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.record(keyOf(pool, share))
	if !s.settled.IsZero() {
		b.violation("%v: settled twice, %v and %v", s.key, s.verdict, verdict)
	}
	s.share, s.found, s.settled, s.verdict, s.waiting = share, found, time.Now(), verdict, b.waiting
	if !s.begun.IsZero() {
		b.waiting--
	}
	b.verdicts[verdict.Kind.String()]++
}

// judged notes a pool's verdict.
func (b *chaosBook) judged(pool int, s localpool.Submission, v localpool.Verdict) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if v.Accepted() {
		b.pools[pool].accepted++
	}
	key := shareKey{pool, s.JobID, strings.ToLower(s.Extranonce2), strings.ToLower(s.NTime), strings.ToLower(s.Nonce), strings.ToLower(s.VersionBits)}
	r := b.record(key)
	v.Coinbase = nil
	r.judged = append(r.judged, v)
}

// ended notes that the client is done with its connection to a pool.
func (b *chaosBook) ended(pool int, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if links := b.pools[pool].links; len(links) > 0 && links[len(links)-1].left.IsZero() {
		links[len(links)-1].left = at
	}
}

func (b *chaosBook) restarted(pool int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pools[pool].restarts = append(b.pools[pool].restarts, time.Now())
}

// forge records a certificate that clients must refuse.
func (b *chaosBook) forge(pool int, c *tls.Certificate) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pools[pool].forged[string(c.Certificate[0])] = true
}

// witness sees everything between the client and one pool.
func (b *chaosBook) witness(pool int) stratumtest.Witness {
	return stratumtest.Witness{
		Opened: func(link int, shown *tls.Certificate) {
			b.mu.Lock()
			defer b.mu.Unlock()
			p := b.pools[pool]
			if shown != nil && p.forged[string(shown.Certificate[0])] {
				b.violation("pool %d, connection %d: the client took a certificate that it must refuse", pool, link)
			}
			p.links = append(p.links, &linkRecord{
				number: link, opened: time.Now(), asked: make(map[string]string), tainted: make(map[string]bool),
				submits: make(map[string]*submitRecord), suspect: make(map[string]bool), keys: make(map[shareKey]bool),
			})
		},
		Passed: func(passage stratumtest.Passage) {
			b.mu.Lock()
			defer b.mu.Unlock()
			if l := b.pools[pool].link(passage.Link); l != nil {
				b.passed(pool, l, passage)
			}
		},
		Closed: func(link int, cause stratumtest.Fault) {
			b.mu.Lock()
			defer b.mu.Unlock()
			if l := b.pools[pool].link(link); l != nil {
				l.closed, l.cause = time.Now(), cause
			}
			b.ends[cause]++
		},
	}
}

func (p *poolBook) link(number int) *linkRecord {
	for i := len(p.links) - 1; i >= 0; i-- {
		if p.links[i].number == number {
			return p.links[i]
		}
	}
	return nil
}
