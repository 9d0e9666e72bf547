package bitcoin

import (
	"bytes"
	"encoding/binary"
)

// PaysTo reports whether an output of the transaction (in its serialization
// without witness) pays more than nothing to the script. It is not ok if the
// transaction cannot be read.
func PaysTo(transaction, script []byte) (pays, ok bool) {
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

// reader reads a transaction. It fails for good once bytes are missing.
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

// number reads an integer of variable length (CompactSize).
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
