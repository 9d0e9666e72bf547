package stratum

import (
	"time"

	"quarry/stratum/localpool"
	"quarry/stratum/stratumtest"
)

// audit compares the books about all shares that were settled before a time,
// counts what became of them, and forgets them. A lost share must have an
// injected fault as its cause; that it has is the sum of what the client must
// do (see explain).
func (b *chaosBook) audit(before time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var done []shareKey // what is known of one share explains others, so all stay until the end
	for key, s := range b.shares {
		switch {
		case s.share == nil && len(s.submits) == 0: // known to the pool only
			if !b.arrivedDamaged(s, before) {
				continue
			}
		case s.settled.IsZero() || s.settled.After(before):
			continue
		default:
			b.judge(s)
		}
		done = append(done, key)
	}
	for _, key := range done {
		delete(b.shares, key)
	}
	b.forget(before.Add(-3 * time.Minute))
}

// arrivedDamaged counts a share that a pool got in a shape that the client
// never gave it.
func (b *chaosBook) arrivedDamaged(s *shareRecord, before time.Time) bool {
	for _, l := range b.pools[s.key.pool].links {
		if len(l.suspect) > 0 {
			b.strange++
			return true
		}
	}
	if len(s.judged) > 0 && before.After(time.Now()) { // the end: nobody will claim it
		b.violation("%v: the pool has a share that was not sent", s.key)
	}
	return false
}

// forget drops what no share refers to any longer.
func (b *chaosBook) forget(before time.Time) {
	for _, p := range b.pools {
		links := p.links[:0]
		for _, l := range p.links {
			if l.closed.IsZero() || l.closed.After(before) {
				links = append(links, l)
			}
		}
		clear(p.links[len(links):])
		p.links = links
		for _, l := range links {
			for id, r := range l.submits {
				if r.passed.At.Before(before) {
					delete(l.submits, id)
				}
			}
			if len(l.keys) > 50_000 {
				clear(l.keys)
			}
		}
		for id, j := range p.jobs {
			if len(j.on) == 0 || j.on[len(j.on)-1].at.Before(before) {
				delete(p.jobs, id)
			}
		}
		for len(p.blocks) > 1 && p.blocks[0].at.Before(before) {
			p.blocks = p.blocks[1:]
		}
	}
}

// judge judges the verdict on one share.
func (b *chaosBook) judge(s *shareRecord) {
	pool := b.pools[s.key.pool]
	yes, duplicates := s.judgments()
	job := pool.jobs[s.key.job]
	doubt := s.doubtful() || job == nil || job.tainted
	verdict := s.verdict.Kind.String()
	if yes > 1 {
		b.violation("%v: accepted %d times by the pool", s.key, yes)
	}
	if duplicates > 0 && len(s.submits) < 2 && !doubt {
		b.violation("%v: a duplicate at the pool, but sent once", s.key)
	}
	for _, r := range s.submits[:max(len(s.submits)-1, 0)] {
		if r.surelyAnswered(s.settled) && !doubt {
			b.violation("%v: sent again, although connection %d had given the answer %v before it was %s", s.key, r.link.number,
				r.link.over().Sub(r.reply.At).Round(time.Millisecond), r.link.trouble())
		}
	}
	switch {
	case verdict == "accepted":
		if len(s.submits) > 1 {
			b.resentYes++
		}
		if yes == 0 && doubt {
			b.excused["accepted by a misdirected reply"]++
		} else if yes == 0 {
			b.violation("%v: accepted by no pool, but by our books; it says %v", s.key, s.judged)
		}
	case verdict == "lost":
		b.judgeLost(s, job, yes)
	case yes > 0 && !doubt:
		b.violation("%v: the pool accepted it, our books say %v", s.key, s.verdict)
	case doubt:
		b.excused[verdict+", after a byte was flipped"]++
	case verdict == "rejected" && s.heldOverRaise(job):
		b.excused["rejected by the difficulty with which the pool gave the job again"]++
	case verdict == "rejected":
		b.violation("%v: %v; the pool says %v", s.key, s.verdict, reasons(s.judged))
	case !s.verdict.Sent:
		if !pool.movedOn(job, s.settled) && !pool.misledBy(job) {
			b.violation("%v: not sent as stale, while its block was the pool's newest", s.key)
		}
	case len(s.judged) == 0 || s.judged[len(s.judged)-1].Reason != "Stale":
		b.violation("%v: stale by our books, the pool says %v", s.key, reasons(s.judged))
	case s.knew && !s.share.Job.IsBlock(s.share.Hash):
		b.violation("%v: sent, although it was known to be stale", s.key)
	}
}

func (b *chaosBook) judgeLost(s *shareRecord, job *jobRecord, accepted int) {
	explanation, ok := b.explain(s, job)
	if accepted > 0 {
		explanation += " (the pool has it)"
	}
	b.lost[lostCase{s.verdict.Reason, explanation, ok}]++
	if !ok {
		b.violation("%v: %v, found %v and settled %v after it was handed over: %s", s.key, s.verdict,
			s.begun.Sub(s.found).Round(time.Millisecond), s.settled.Sub(s.begun).Round(time.Millisecond), explanation)
	}
}

func (s *shareRecord) judgments() (accepted, duplicates int) {
	for _, v := range s.judged {
		switch v.Code {
		case localpool.CodeAccepted:
			accepted++
		case localpool.CodeDuplicate:
			duplicates++
		}
	}
	return accepted, duplicates
}

func reasons(all []localpool.Verdict) (texts []string) {
	for _, v := range all {
		texts = append(texts, v.Reason)
	}
	return texts
}

// doubtful reports whether a byte was flipped in a message about the share.
func (s *shareRecord) doubtful() bool {
	for _, r := range s.submits {
		if r.link.suspect[r.id] || r.passed.Fault == stratumtest.Flipped || r.link.damaged {
			return true
		}
	}
	return false
}

// heldOverRaise reports whether the share was found before the pool gave the
// same job again with another difficulty. Real pools judge by either.
func (s *shareRecord) heldOverRaise(job *jobRecord) bool {
	if len(s.submits) == 0 || len(s.judged) == 0 || s.judged[len(s.judged)-1].Code != localpool.CodeLowDifficulty {
		return false
	}
	found, judged := "", ""
	for _, d := range job.on {
		if !d.at.After(s.share.Job.Received) {
			found = d.difficulty
		}
		if d.link == s.submits[len(s.submits)-1].link {
			judged = d.difficulty
		}
	}
	return found != "" && judged != "" && found != judged
}

// misledBy reports whether a client of one of the job's connections may believe
// in a block that there is not.
func (p *poolBook) misledBy(j *jobRecord) bool {
	for _, d := range j.on {
		if d.link.misled {
			return true
		}
	}
	return false
}

// doubtTime is how long before the end of a connection a reply may go unread.
const doubtTime = time.Second

// surelyAnswered reports whether the client had the pool's reply in time.
func (r *submitRecord) surelyAnswered(settled time.Time) bool {
	if r.reply == nil || !r.reply.Whole() || r.reply.At.After(settled) {
		return false
	}
	l := r.link
	over := l.over()
	switch {
	case over.IsZero():
		return true
	case over == l.left, l.cause == stratumtest.Reset, l.cause == stratumtest.ByClient:
		return r.reply.At.Add(doubtTime).Before(over)
	}
	return r.reply.At.Before(over)
}
