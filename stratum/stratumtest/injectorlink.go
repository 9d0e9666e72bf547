package stratumtest

import (
	"bytes"
	"encoding/json"
	"net"
	"sync"
	"time"
)

// link is one connection through an Injector: a reader and a writer for each
// direction.
type link struct {
	injector *Injector
	number   int
	raw      net.Conn      // the client's, below TLS
	ended    chan struct{} // closed by end

	mu    sync.Mutex // guards reason and what is armed in the sides
	why   Fault
	sides [2]*side
}

// side is one direction of a link.
type side struct {
	direction Direction
	from, to  net.Conn
	lines     chan line

	swallow    bool
	delay      time.Duration
	delayUntil time.Time
	stallUntil time.Time
	flip       int // lines to damage
	truncate   bool
	reorder    int // lines to hold the next reply back for
	reorderFor time.Duration
}

// line is one line and the time to forward it. The last one of a side has no
// text.
type line struct {
	text []byte
	due  time.Time
}

func (l *link) run() {
	var all sync.WaitGroup
	for _, s := range l.sides {
		all.Go(func() { l.read(s) })
		all.Go(func() { l.write(s) })
	}
	all.Wait()
}

// cause returns why the link ended, empty if it has not.
func (l *link) cause() Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.why
}

// end ends the link; the first cause counts, and only its call returns true.
func (l *link) end(cause Fault) bool {
	l.mu.Lock()
	first := l.why == ""
	if first {
		l.why = cause
	}
	l.mu.Unlock()
	if !first {
		return false
	}
	l.injector.witness.Closed(l.number, cause)
	close(l.ended)
	client, pool := l.sides[ToPool].from, l.sides[ToPool].to
	pool.Close()
	l.raw.SetWriteDeadline(time.Now().Add(time.Second)) // of a line, and of the TLS close
	switch half, ok := client.(interface{ CloseWrite() error }); {
	case cause == Reset:
		if tcp, ok := l.raw.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		l.raw.Close()
	case cause == ByClient || !ok || half.CloseWrite() != nil || !l.closeWriteRaw():
		l.raw.Close()
	default:
		// Closing with unread bytes would send a reset; the reader continues
		// until the client closes its side, which it must do in time.
		l.raw.SetReadDeadline(time.Now().Add(lingerTime))
	}
	return true
}

// lingerTime is how long a client may keep a closed connection.
const lingerTime = 10 * time.Second

// closeWriteRaw also ends the stream below TLS.
func (l *link) closeWriteRaw() bool {
	half, ok := l.raw.(interface{ CloseWrite() error })
	return ok && half.CloseWrite() == nil
}

// read queues the lines of a side, each with the time at which it is due.
func (l *link) read(s *side) {
	defer close(s.lines)
	reader := newReader(s.from)
	for {
		text, err := reader.ReadBytes('\n')
		if len(text) > 0 {
			l.stall(s)
			s.lines <- line{text: text, due: l.due(s)}
		}
		if err != nil {
			s.lines <- line{due: l.due(s)}
			return
		}
	}
}

// stall waits while the side must not be read.
func (l *link) stall(s *side) {
	for {
		l.mu.Lock()
		left := time.Until(s.stallUntil)
		l.mu.Unlock()
		if left <= 0 || !l.sleep(min(left, healEvery)) {
			return
		}
	}
}

// healEvery is how soon a waiting line notices that its fault was healed.
const healEvery = 50 * time.Millisecond

// sleep returns false if the link ends first.
func (l *link) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.ended:
		return false
	}
}

func (l *link) due(s *side) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.After(s.delayUntil) {
		return now
	}
	return now.Add(s.delay)
}

// write forwards the lines of a side, or does not. It takes lines until the
// reader is done, even after the end of the link, so that each is accounted for.
func (l *link) write(s *side) {
	var held []byte // a reply out of order
	var left int    // lines that may still overtake it
	release := time.NewTimer(time.Hour)
	defer release.Stop()
	put := func() {
		if held != nil {
			l.injector.add(Reordered)
			l.pass(s, held)
		}
		held = nil
	}
	for {
		select {
		case next, ok := <-s.lines:
			switch {
			case !ok:
				put()
				return
			case next.text == nil:
				put()
				l.sleep(time.Until(next.due))
				l.end([...]Fault{ToPool: ByClient, ToClient: ByPool}[s.direction])
				continue
			}
			l.sleep(time.Until(next.due))
			if lines, most := l.holds(s, held, next.text); lines > 0 {
				held, left = next.text, lines
				release.Reset(most)
				continue
			}
			l.pass(s, next.text)
			if left--; held != nil && left <= 0 {
				put()
			}
		case <-release.C:
			put()
		}
	}
}

// holds returns for how many lines and how long to hold back the line.
func (l *link) holds(s *side, held, text []byte) (lines int, most time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.reorder == 0 || held != nil || !isReply(text) {
		return 0, 0
	}
	lines, most, s.reorder = s.reorder, s.reorderFor, 0
	return lines, most
}

// isReply reports whether a line answers a request.
func isReply(text []byte) bool {
	var message struct {
		ID     json.RawMessage
		Method *string
	}
	return json.Unmarshal(text, &message) == nil && message.Method == nil && len(message.ID) > 0 && string(message.ID) != "null"
}

// pass reports one line to the witness and forwards it, damaged as armed. A line
// that a disconnected receiver does not take counts as sent.
func (l *link) pass(s *side, text []byte) {
	p := Passage{Link: l.number, At: time.Now(), Direction: s.direction, Line: text}
	p.Sent, p.Fault = l.fate(s, text)
	if p.Sent != nil && !p.Whole() { // flipped or truncated just now
		l.injector.add(p.Fault)
	}
	l.injector.witness.Passed(p)
	if p.Sent != nil {
		s.to.Write(p.Sent) // an error also shows on reading
	}
	if p.Fault == Truncated {
		l.end(Truncated)
	}
}

// fate returns what is forwarded of a line, and why it is not the whole line.
func (l *link) fate(s *side, text []byte) (sent []byte, fault Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.why != "":
		return nil, l.why
	case s.swallow:
		return nil, HalfOpen
	case s.truncate:
		s.truncate = false
		return text[:l.injector.intn(len(text))], Truncated
	case s.flip > 0:
		s.flip--
		return l.flipped(text), Flipped
	}
	return text, ""
}

// flipped returns the line with one bit changed, still a single line.
func (l *link) flipped(text []byte) []byte {
	for {
		sent := bytes.Clone(text)
		at := l.injector.intn(max(len(sent)-1, 1))
		if sent[at] ^= 1 << l.injector.intn(8); sent[at] != '\n' {
			return sent
		}
	}
}
