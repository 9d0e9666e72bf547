package v1

import (
	"fmt"
	"time"

	"go.uber.org/zap"

	"quarry/stratum/watch"
)

// pushLimits counts and limits the pool's pushes, for the reader.
type pushLimits struct {
	badNotifies int // in a row
	extranonces window
	replies     watch.Limiter
	messages    watch.Limiter
	ignoredLog  watch.Limiter
}

func hex8(n uint32) string { return fmt.Sprintf("%08x", n) }

// push handles unsolicited messages of the pool. It runs on the reader goroutine; an
// error ends the connection.
func (s *Session) push(m Message, now time.Time) error {
	switch m.Method {
	case "mining.notify":
		return s.pushNotify(m, now)
	case "mining.set_difficulty", "mining.set_target":
		s.ignore(m, now, s.pushDifficulty(m))
	case "mining.set_extranonce":
		return s.pushExtranonce(m, now)
	case "mining.set_version_mask", "mining.set_version": // the latter by a bug of a library
		mask, err := ParseMask(m.Params)
		if err == nil {
			s.changeMask(mask)
		}
		s.ignore(m, now, err)
	case "client.reconnect":
		return ParseReconnect(m.Params, m.words)
	default:
		return s.pushRequest(m, now)
	}
	return nil
}

// pushRequest handles pushes that may want an answer.
func (s *Session) pushRequest(m Message, now time.Time) error {
	switch m.Method {
	case "client.show_message":
		if s.pushes.messages.Allow(now) { // first: words is expensive for long texts
			if text := ParseText(m.Params, m.words); text != "" {
				s.log.Info("message from the pool", zap.String("text", text))
			}
		}
		return s.answer(m, now, true, nil)
	case "mining.ping", "client.ping":
		return s.answer(m, now, "pong", nil)
	case "client.get_version":
		return s.answer(m, now, s.cfg.UserAgent, nil)
	}
	return s.answer(m, now, nil, []any{-3, "Method not found", nil})
}

// answer replies if the pool wants a reply: a few times at once, then once a
// second, so that no pool can make us send without end.
func (s *Session) answer(m Message, now time.Time, result, failure any) error {
	if !m.WantsReply() || !s.pushes.replies.Allow(now) {
		return nil
	}
	return s.conn.reply(m.ID, result, failure)
}

func (s *Session) pushNotify(m Message, now time.Time) error {
	notify, err := ParseNotify(m.Params, s.cfg.Limits)
	if err != nil {
		if s.pushes.badNotifies++; s.pushes.badNotifies >= maxBadNotifies {
			return fmt.Errorf("%d malformed jobs in a row, the last: %s", maxBadNotifies, s.redact(err.Error()))
		}
		s.ignore(m, now, err)
		return nil
	}
	s.pushes.badNotifies = 0
	s.state.Lock()
	difficulty, announced := s.state.difficulty, s.state.announced
	s.state.Unlock()
	s.begin(&pendingNotify{notify, difficulty, announced, now})
	return nil
}

// pushDifficulty keeps the difficulty for the next job. The first one is also for
// the job before, which had none.
func (s *Session) pushDifficulty(m Message) error {
	parse := ParseSetDifficulty
	if m.Method == "mining.set_target" {
		parse = ParseSetTarget
	}
	difficulty, err := parse(m.Params)
	if err != nil {
		return err
	}
	s.amend(func(st *state) {
		st.difficulty, st.announced = difficulty, true
		if p := st.parked; p != nil && !p.announced {
			p.difficulty, p.announced = difficulty, true
		}
	})
	s.unpark(false)
	return nil
}

// pushExtranonce keeps the extranonces for the next job.
func (s *Session) pushExtranonce(m Message, now time.Time) error {
	if s.pushes.extranonces.add(now) > maxExtranonces {
		return fmt.Errorf("mining.set_extranonce came more than %d times in a minute", maxExtranonces)
	}
	s.state.Lock()
	latest := s.state.extranonce
	if s.state.next != nil {
		latest = *s.state.next
	}
	next, err := ParseSetExtranonce(m.Params, latest, s.cfg.Limits)
	if err == nil {
		s.state.next = &next
	}
	s.state.Unlock()
	s.ignore(m, now, err)
	return nil
}

// ignore logs, at most once a second, that a push was malformed.
func (s *Session) ignore(m Message, now time.Time, err error) {
	if err != nil && s.pushes.ignoredLog.Allow(now) {
		s.log.Warn("ignored a malformed message",
			zap.String("method", m.words(m.Method)), zap.String("error", s.redact(err.Error())))
	}
}
