package v1

import (
	"bytes"
	"encoding/binary"

	"go.uber.org/zap"

	"quarry/work"
)

// payout watches whether a pool that had us mine for our own address goes on
// doing so. Most pools never do: they pay later.
type payout struct {
	log    *zap.Logger
	script []byte // of the address that is the user's name, nil: it is none
	paid   bool   // by some job of this session
	told   bool
}

// note looks at a new job.
func (p *payout) note(job *work.Job) {
	if p.script == nil || p.told {
		return
	}
	switch pays, ok := paysTo(job.Coinbase(make([]byte, job.Extranonce2Size)), p.script); {
	case !ok:
	case pays:
		p.paid = true
	case p.paid:
		p.told = true
		p.log.Warn("jobs no longer pay to the user's own address, as earlier ones did: at a solo pool someone else would get your blocks",
			zap.String("job", Sanitise(job.ID)))
	}
}

// paysTo tells whether an output of the transaction (in its serialisation
// without witness) gives more than nothing to the script. It is not ok if the
// transaction cannot be read.
func paysTo(transaction, script []byte) (pays, ok bool) {
	r := reader{rest: transaction}
	r.take(4) // version
	inputs := r.number()
	for ; inputs > 0 && !r.failed; inputs-- {
		r.take(36) // what is spent
		r.take(r.number())
		r.take(4) // sequence
	}
	for outputs := r.number(); outputs > 0 && !r.failed; outputs-- {
		value := r.take(8)
		pays = bytes.Equal(r.take(r.number()), script) && len(bytes.Trim(value, "\x00")) > 0 || pays
	}
	r.take(4) // lock time
	return pays && !r.failed, !r.failed
}

// reader reads a transaction. Once something is missing it has failed.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) take(n uint64) []byte {
	if r.failed || n > uint64(len(r.rest)) {
		r.failed = true
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

// number reads a number of Bitcoin's variable length.
func (r *reader) number() uint64 {
	first := r.take(1)
	if r.failed {
		return 0
	}
	size := uint64(0)
	switch first[0] {
	default:
		return uint64(first[0])
	case 0xfd:
		size = 2
	case 0xfe:
		size = 4
	case 0xff:
		size = 8
	}
	var b [8]byte
	copy(b[:], r.take(size))
	return binary.LittleEndian.Uint64(b[:])
}
