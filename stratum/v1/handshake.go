package v1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"quarry/internal/event"
	"quarry/stratum/transport"
)

// Steps of the handshake that failed, from which the caller decides what to do next.
var (
	// ErrConfigure: unanswered, or it ended the connection; connect again with
	// NoConfigure.
	ErrConfigure = errors.New("mining.configure failed")
	// ErrSubscribe: the answer was unusable; connect again with BareSubscribe.
	ErrSubscribe = errors.New("mining.subscribe failed")
	// ErrAuthorize: mining.authorize was not answered.
	ErrAuthorize = errors.New("mining.authorize failed")
	// ErrUnauthorized: the pool refuses the user.
	ErrUnauthorized = errors.New("the pool refuses the user")
	// ErrNoJob: authorized, but without a job.
	ErrNoJob = errors.New("the pool sends no job")
)

// configure asks for version rolling (BIP 310).
func (s *Session) configure(ctx context.Context) error {
	if s.cfg.NoConfigure {
		return nil
	}
	s.state.Lock()
	s.state.asked = true
	s.state.Unlock()
	params := []any{[]string{"version-rolling"}, rollingRequest{fmt.Sprintf("%08x", versionBits), 2}}
	err := s.conn.call(ctx, s.cfg.Limits.Configure, "mining.configure", params, s.configured)
	if errors.Is(err, ErrNoAnswer) || errors.Is(err, transport.ErrClosed) {
		return fmt.Errorf("%w: %w", ErrConfigure, err)
	}
	return err
}

type rollingRequest struct {
	Mask        string `json:"version-rolling.mask"`
	MinBitCount int    `json:"version-rolling.min-bit-count"`
}

// configured acts on the reply to mining.configure. One that refuses the request
// leaves the connection as good as before at most pools.
func (s *Session) configured(reply Message) error {
	rolling := ParseConfigured(reply.Result)
	refusal := reply.Refusal()
	if refusal != nil {
		rolling = Rolling{}
	}
	s.state.Lock()
	s.state.answered, s.state.refused, s.state.rolling = true, refusal, rolling
	s.state.poolMask = rolling.Mask
	s.state.Unlock()
	switch {
	case refusal != nil:
		s.log.Info("pool refuses version rolling", zap.String("pool_said", refusal.Error()))
	case rolling.Agreed && !rolling.Known:
		s.log.Warn("pool agreed to version rolling without a mask that can be read", event.Consequence("no version rolling for now"), zap.String("answer", reply.words(string(reply.Result))))
	}
	return nil
}

// subscribe learns the extranonces. Jobs can be made from then on.
func (s *Session) subscribe(ctx context.Context) error {
	params := []any{s.cfg.UserAgent}
	if h := s.cfg.ResumeState; h != nil && h.SessionID != "" {
		params = append(params, h.SessionID)
	}
	if s.cfg.BareSubscribe {
		params = []any{}
	}
	err := s.conn.call(ctx, s.cfg.Limits.Handshake, "mining.subscribe", params, s.subscribed)
	s.state.Lock()
	refused := s.state.refused
	s.state.Unlock()
	if refused != nil && (errors.Is(err, ErrNoAnswer) || errors.Is(err, transport.ErrClosed)) {
		return fmt.Errorf("%w: %w; then %w", ErrConfigure, refused, err)
	}
	return err
}

// subscribed acts on the reply to mining.subscribe. A text as result is how
// ckpool says that it is still starting; a different request would not help.
func (s *Session) subscribed(m Message) error {
	if refusal := m.Refusal(); refusal != nil {
		if _, isText := textOf(m.Result); isText {
			return fmt.Errorf("the pool is not ready: %w", refusal)
		}
		return fmt.Errorf("%w: %w", ErrSubscribe, refusal)
	}
	subscription, err := ParseSubscription(m.Result, s.cfg.Limits)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrSubscribe, s.redact(err.Error()))
	}
	s.state.Lock()
	s.state.subscribed = true
	s.state.sessionID = subscription.SessionID
	s.state.extranonce, s.state.given = subscription.Extranonce, subscription.Extranonce
	resumed := s.state.inherit(s.cfg.ResumeState)
	s.state.Unlock()
	s.reportResumed(resumed)
	s.unpark(false)
	return nil
}

func (s *Session) authorize(ctx context.Context) error {
	err := s.conn.call(ctx, s.cfg.Limits.Handshake, "mining.authorize", []any{s.cfg.User, s.cfg.Password}, s.authorizedBy)
	if errors.Is(err, ErrNoAnswer) {
		return fmt.Errorf("%w: %w", ErrAuthorize, err)
	}
	return err
}

// authorizedBy acts on the reply to mining.authorize: shares may go out.
func (s *Session) authorizedBy(m Message) error {
	if refusal := m.Refusal(); refusal != nil {
		return fmt.Errorf("%w %q: %w", ErrUnauthorized, s.cfg.User, refusal)
	}
	s.state.Lock()
	s.state.authorized = time.Now()
	working := !s.state.firstJob.IsZero()
	s.state.Unlock()
	close(s.authorized)
	s.log.Info("authorized", zap.String("user", s.cfg.User))
	if working {
		s.cfg.Working()
	}
	return nil
}

// suggest sends the optional requests that no pool has to answer.
func (s *Session) suggest(context.Context) error {
	if s.cfg.SubscribeExtra {
		if err := s.conn.post("mining.extranonce.subscribe", []any{}); err != nil {
			return err
		}
	}
	return s.ask(s.cfg.Suggest.Late(time.Now()))
}

func (s *Session) suggestEarly(context.Context) error { return s.ask(s.cfg.Suggest.Early(time.Now())) }

// ask suggests the difficulty, if it is not empty.
func (s *Session) ask(difficulty string) error {
	if difficulty == "" {
		return nil
	}
	_, err := s.conn.ask("mining.suggest_difficulty", []any{json.RawMessage(difficulty)}, func(reply Message) {
		if why := reply.Refusal(); why != nil {
			s.cfg.Suggest.Refused(why)
		}
	})
	return err
}
