package watch

import (
	"strings"
	"sync/atomic"

	"go.uber.org/zap"

	"quarry/bitcoin"
	"quarry/internal/event"
	"quarry/work"
)

// payout watches whether a pool that had us mine for our own address keeps
// doing so. Most pools never do: they pay later.
type payout struct {
	log       *zap.Logger
	printable func(string) string
	script    []byte      // of the address in the user's name; nil: there is none
	paid      bool        // by some job of this session
	pays      atomic.Bool // by the newest job
	warned    bool
}

// note looks at a new job.
func (p *payout) note(job *work.Job) {
	if p.script == nil || p.warned {
		return
	}
	switch pays, ok := bitcoin.PaysTo(job.Coinbase(make([]byte, job.Extranonce2Size)), p.script); {
	case !ok:
	case pays:
		p.paid = true
		p.pays.Store(true)
	case p.paid:
		p.pays.Store(false)
		p.warned = true
		p.log.Warn("jobs no longer pay the user's own address", event.Consequence("at a solo pool someone else would get your blocks"),
			zap.String("job", p.printable(job.ID)))
	}
}

// addressOf returns what may be an address in a user's name: what comes before
// the worker's name.
func addressOf(user string) string {
	if end := strings.IndexFunc(user, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}); end >= 0 {
		return user[:end]
	}
	return user
}
