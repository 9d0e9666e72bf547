package localpool

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	maxIssued   = 64      // jobs a session remembers
	maxQueue    = 256     // lines waiting to be written
	maxDelayed  = 1 << 14 // the same when faults may delay them
	maxUsers    = 64      // authorized names on one connection
	maxBadLines = 3       // undecodable lines before the connection is dropped
)

// session is one connection and the terms of its jobs.
type session struct {
	pool   *Pool
	conn   conn
	log    *zap.Logger
	remote string
	scheme Transport
	since  time.Time
	queue  chan queued   // to the writer
	ended  chan struct{} // closed when nothing more is read
	faults Faults        // nil: none

	badLines int // reader only

	mu         sync.Mutex
	closed     bool // nothing is queued any more
	moved      bool // another connection resumed this session
	id         string
	subscribed bool
	userAgent  string
	users      []string
	rolling    bool
	mask       uint32
	extranonce extranonce
	wished     *extranonce // by set_extranonce, applies from the next job on
	difficulty Difficulty
	vardiff    *vardiff
	issued     []*Terms // oldest first
	lastSeq    uint64
	tally      tally
	rate       rate
	requests   uint64 // id of the last request to the miner
}

// extranonce is the miner's part of the coinbase.
type extranonce struct {
	one  []byte
	size int // bytes of extranonce2
}

func newSession(p *Pool, c conn, remote string, scheme Transport) *session {
	now := p.cfg.Now()
	s := &session{
		pool: p, conn: c, remote: remote, scheme: scheme, since: now,
		log:        p.log.With(zap.String("miner", remote)),
		queue:      make(chan queued, maxQueue),
		ended:      make(chan struct{}),
		difficulty: p.cfg.start,
	}
	if p.cfg.Faults != nil {
		s.queue = make(chan queued, maxDelayed)
		s.faults = p.cfg.Faults(Miner{s})
	}
	s.rate.start(now)
	if !p.cfg.fixed && p.cfg.Script == nil {
		s.vardiff = &vardiff{
			every: p.cfg.Vardiff.Seconds, current: p.cfg.start.value,
			min: p.cfg.min.value, max: p.cfg.max.value,
		}
		s.vardiff.begin(now)
	}
	return s
}

// run reads until the connection ends, and returns when the writer is gone too.
func (s *session) run() {
	var writer sync.WaitGroup
	writer.Go(s.write)
	if s.faults != nil {
		writer.Go(func() { s.faults.Run(s.ended) })
	}
	err := s.read()
	close(s.ended)
	s.mu.Lock()
	s.closed = true
	close(s.queue)
	s.mu.Unlock()
	writer.Wait()
	_ = s.conn.Close() // the peer may be gone already
	s.log.Info("miner disconnected", zap.String("cause", endReason(err)))
}

func (s *session) read() error {
	_ = s.conn.SetReadDeadline(time.Now().Add(s.pool.cfg.HandshakeTimeout)) // an error shows on reading
	for {
		line, err := s.conn.ReadLine()
		if errors.Is(err, errNotText) {
			line, err = nil, s.bad(err)
		}
		if err != nil {
			return err
		}
		if err := s.handle(line); err != nil {
			return err
		}
	}
}

// bad counts an unreadable line and returns an error when it is time to
// disconnect.
func (s *session) bad(reason error) error {
	s.badLines++
	if s.badLines >= maxBadLines {
		return fmt.Errorf("%d unreadable lines: %w", s.badLines, reason)
	}
	s.log.Debug("unreadable line", zap.Error(reason))
	return nil
}

// send queues a line; a miner that lets the queue fill up is disconnected. Caller
// holds mu.
func (s *session) send(line []byte, err error) {
	if err != nil {
		s.log.Error("cannot encode a message", zap.Error(err))
		return
	}
	if s.closed {
		return
	}
	select {
	case s.queue <- queued{line, time.Now()}:
	default:
		s.conn.kick()
	}
}

// workerLog returns the log for what one worker does: its name comes first.
func (s *session) workerLog(user string) *zap.Logger {
	return s.pool.log.With(zap.String("worker", clipText(user)), zap.String("miner", s.remote))
}

// reply answers a request that carries an id. Caller holds mu.
func (s *session) reply(id json.RawMessage, result any) {
	if id != nil {
		s.send(encodeReply(id, result, nil))
	}
}

// refuse answers with an error. Caller holds mu.
func (s *session) refuse(id json.RawMessage, result any, code Code, text string) {
	if id != nil {
		s.send(encodeReply(id, result, &failure{code, text}))
	}
}

// push sends a notification. Caller holds mu.
func (s *session) push(method string, params any) {
	s.send(encodePush(0, method, params))
}

// ready reports whether jobs may be sent. Caller holds mu.
func (s *session) ready() bool { return s.subscribed && len(s.users) > 0 && !s.moved }

// announce sends job unless a newer one was sent already.
func (s *session) announce(job *Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issue(job)
}

// issue freezes the terms of job and sends it. Caller holds mu.
func (s *session) issue(job *Job) {
	if !s.ready() || job.seq <= s.lastSeq {
		return
	}
	if s.faults != nil {
		if job = s.faults.Job(job); job == nil {
			return
		}
	}
	first := s.lastSeq == 0
	s.lastSeq = job.seq
	if s.wished != nil {
		s.extranonce, s.wished = *s.wished, nil
	}
	notify := job.Notify
	if s.pool.cfg.Script == nil {
		notify.Clean = first || len(s.issued) == 0 || s.issued[len(s.issued)-1].Job.prev != job.prev
	}
	s.issued = slices.DeleteFunc(s.issued, func(t *Terms) bool { return t.Job.JobID == job.JobID })
	if len(s.issued) >= maxIssued {
		s.issued = slices.Delete(s.issued, 0, 1)
	}
	s.issued = append(s.issued, &Terms{
		Job: job, Extranonce1: s.extranonce.one, Extranonce2Size: s.extranonce.size,
		Mask: s.mask, Rolling: s.rolling, Difficulty: s.difficulty,
	})
	s.push("mining.notify", notify)
}

// find returns the terms of a job by id. Caller holds mu.
func (s *session) find(jobID string) *Terms {
	for _, t := range slices.Backward(s.issued) {
		if t.Job.JobID == jobID {
			return t
		}
	}
	return nil
}

// setMask changes the bits the miner may roll, at once, and also for the jobs
// it has: their shares may use either mask. Caller holds mu.
func (s *session) setMask(mask uint32) {
	s.mask, s.rolling = mask, mask != 0
	for i, t := range s.issued {
		widened := *t
		widened.Mask |= mask
		widened.Rolling = widened.Rolling && s.rolling
		s.issued[i] = &widened // judges may be reading the old one
	}
}

// setDifficulty sends the difficulty of the next jobs and, with synthetic jobs,
// a job. Caller holds mu.
func (s *session) setDifficulty(d Difficulty) {
	s.difficulty = d
	if s.vardiff != nil {
		s.vardiff.current = d.value
		s.vardiff.begin(s.pool.cfg.Now())
	}
	s.pushDifficulty()
	s.log.Info("difficulty set", zap.Float64("difficulty", d.value))
	if !s.ready() {
		return
	}
	if job := s.pool.freshJob(); job != nil {
		s.issue(job)
	}
}

func (s *session) pushDifficulty() {
	s.push("mining.set_difficulty", []json.RawMessage{json.RawMessage(s.difficulty.text)})
}

// tick lets vardiff notice that time passes.
func (s *session) tick(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.vardiff != nil && s.ready() {
		s.adopt(s.vardiff.tick(now, s.pool.highestDifficulty()))
	}
}

// adopt applies a proposal of vardiff. Caller holds mu.
func (s *session) adopt(next float64, changed bool) {
	if !changed {
		return
	}
	d, err := roundDifficulty(next)
	if err != nil {
		s.log.Error("vardiff chose an invalid difficulty", zap.Error(err))
		return
	}
	s.setDifficulty(d)
}
