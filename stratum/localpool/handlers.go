package localpool

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"
)

// handle answers one line. An error ends the connection.
func (s *session) handle(line []byte) error {
	if len(line) == 0 || string(line) == "\r" {
		return nil
	}
	m, err := decodeMessage(line)
	if err != nil {
		s.mu.Lock()
		s.refuse(json.RawMessage("null"), nil, CodeOther, "Invalid JSON")
		s.mu.Unlock()
		return s.bad(err)
	}
	if s.faults != nil && m.Method != "" {
		switch s.faults.Request(m.Method) {
		case Ignore:
			return nil
		case Refuse:
			s.mu.Lock()
			defer s.mu.Unlock()
			s.refuse(m.ID, nil, CodeOther, unknownMethod)
			return nil
		}
	}
	switch m.Method {
	case "": // a reply to client.get_version and the like
		s.log.Debug("reply from miner", zap.ByteString("id", clip(m.ID)), zap.ByteString("result", clip(m.Result)))
	case "mining.submit":
		s.submit(m)
	case "mining.subscribe":
		s.subscribe(m)
	case "mining.authorize":
		s.authorize(m)
	default:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.handleSmall(m)
	}
	return nil
}

// handleSmall answers requests that need only the session. Caller holds mu.
func (s *session) handleSmall(m message) {
	switch m.Method {
	case "mining.configure":
		s.configure(m)
	case "mining.suggest_difficulty":
		d, err := decodeSuggestedDifficulty(m.Params)
		s.suggest(m, d.value, err)
	case "mining.suggest_target":
		value, err := decodeSuggestedTarget(m.Params)
		s.suggest(m, value, err)
	case "mining.extranonce.subscribe":
		s.reply(m.ID, true)
	case "mining.ping", "client.ping":
		s.reply(m.ID, "pong")
	case "mining.get_transactions":
		s.transactions(m)
	default: // such as mining.capabilities, mining.multi_version, eth_submitLogin
		s.log.Debug("unknown method", zap.String("method", clipText(m.Method)))
		s.refuse(m.ID, nil, CodeOther, unknownMethod)
	}
}

const unknownMethod = "unknown method"

// transactions answers mining.get_transactions. A job without branches has none
// but its coinbase. Those of other jobs do not exist, and clients warn of an empty
// list beside branches at every job. Caller holds mu.
func (s *session) transactions(m message) {
	list, _ := items(m.Params)
	id, _ := text(list, 0)
	switch terms := s.find(id); {
	case terms == nil:
		s.refuse(m.ID, nil, CodeJobNotFound, "Job not found")
	case len(terms.Job.branches) > 0:
		s.refuse(m.ID, nil, CodeOther, "the transactions of practice blocks do not exist")
	default:
		s.reply(m.ID, []string{})
	}
}

// configure handles BIP 310: version rolling by the intersection of masks; any
// other extension is answered with false. Caller holds mu.
func (s *session) configure(m message) {
	request, err := decodeConfigure(m.Params)
	if err != nil {
		s.refuse(m.ID, nil, CodeOther, err.Error())
		return
	}
	result := make(map[string]any)
	for _, name := range request.Others {
		result[name] = false
	}
	if request.Asked {
		mask := request.grant(s.pool.cfg.VersionMask)
		s.setMask(mask)
		result["version-rolling"] = s.rolling
		if s.rolling {
			result["version-rolling.mask"] = fmt.Sprintf("%08x", mask)
		}
	}
	s.reply(m.ID, result)
}

// suggest sets the suggested difficulty within the pool's limits. Caller holds mu.
func (s *session) suggest(m message, value float64, err error) {
	if err != nil {
		s.refuse(m.ID, nil, CodeOther, err.Error())
		return
	}
	s.reply(m.ID, true)
	if s.vardiff == nil { // the difficulty is fixed
		return
	}
	cfg := s.pool.cfg
	value = min(max(value, cfg.min.value), cfg.max.value, s.pool.highestDifficulty())
	d, err := roundDifficulty(value)
	if err != nil {
		s.log.Error("suggested difficulty is invalid", zap.Error(err))
		return
	}
	if !s.subscribed { // sent after the reply to subscribe
		s.difficulty, s.vardiff.current = d, d.value
		return
	}
	s.setDifficulty(d)
}

// subscribe assigns an extranonce1, the previous one if the session named in the
// request can be resumed. A second request gets the same answer.
func (s *session) subscribe(m message) {
	request := decodeSubscribe(m.Params)
	var old *resumable
	if !s.subscribed { // written by this goroutine only
		old = s.pool.resume(request.SessionID) // locks another session
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.subscribed {
		s.open(request, old)
	}
	s.reply(m.ID, []any{
		[][]string{{"mining.set_difficulty", s.id}, {"mining.notify", s.id}},
		hex.EncodeToString(s.extranonce.one),
		s.extranonce.size,
	})
	s.pushDifficulty()
	s.begin()
}

// open fills in the subscription. Caller holds mu.
func (s *session) open(request subscribeRequest, old *resumable) {
	s.id, s.extranonce.one = s.pool.newIdentity(old != nil)
	s.extranonce.size = s.pool.cfg.Extranonce2Size
	if old != nil {
		s.extranonce, s.issued = old.extranonce, old.issued
		s.difficulty = old.difficulty
		if s.vardiff != nil {
			s.vardiff.current = old.difficulty.value
		}
	}
	s.subscribed = true
	s.userAgent = request.UserAgent
	s.pool.register(s.id, s)
	s.log.Info("miner subscribed", zap.String("agent", clipText(request.UserAgent)),
		zap.String("extranonce1", hex.EncodeToString(s.extranonce.one)), zap.Bool("resumed", old != nil))
}

// authorize allows a worker name to submit. Passwords go only to AllowUser.
func (s *session) authorize(m message) {
	list, err := items(m.Params)
	user, ok := text(list, 0)
	if err != nil || !ok || user == "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.refuse(m.ID, false, CodeOther, "authorize needs a user name and a password")
		return
	}
	password, _ := text(list, 1)
	allowed := s.pool.cfg.AllowUser == nil || s.pool.cfg.AllowUser(user, password)
	s.mu.Lock()
	defer s.mu.Unlock()
	known := slices.Contains(s.users, user)
	if !allowed || (!known && len(s.users) >= maxUsers) {
		s.workerLog(user).Info("worker refused")
		s.refuse(m.ID, false, CodeUnauthorized, "Unauthorized worker")
		return
	}
	if !known {
		s.users = append(s.users, user)
	}
	if len(s.users) == 1 {
		s.log = s.workerLog(user)
	}
	s.reply(m.ID, true)
	s.workerLog(user).Info("worker authorized")
	if len(s.users) == 1 && !known {
		_ = s.conn.SetReadDeadline(time.Time{}) // a slow miner may be silent for long
		s.begin()
	}
}

// begin sends the first job once the miner has subscribed and is authorized.
// Caller holds mu.
func (s *session) begin() {
	if !s.ready() || s.lastSeq > 0 {
		return
	}
	if s.vardiff != nil {
		s.vardiff.begin(s.pool.cfg.Now())
	}
	s.rate.start(s.pool.cfg.Now())
	s.issue(s.pool.currentJob())
}

func clip(b []byte) []byte { return b[:min(len(b), 64)] }

func clipText(s string) string { return string(clip([]byte(s))) }
