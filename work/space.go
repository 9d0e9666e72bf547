package work

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"strings"

	"quarry/hashing"
)

// space is what one job leaves for the Roller to choose in the headers of one
// content: an extranonce2 behind a fixed beginning, and the values of a version
// mask.
type space struct {
	prefix        string // what is fixed of the coinbase's last [MaxExtranonce2] bytes before coinb2
	size          int    // of extranonce2, in bytes
	version, mask uint32 // no bit is in both
}

func spaceOf(job *Job) space {
	_, prefix := beforeExtranonce2(job)
	return space{
		prefix: string(prefix), size: job.Extranonce2Size,
		version: job.Version, mask: job.VersionMask &^ job.Version,
	}
}

// beforeExtranonce2 is coinb1 and extranonce1, of which only the concatenation
// is hashed, split where the longest extranonce2 would begin: wherever the
// border to extranonce2 lies, it lies in the second part or at its end. That
// part has fewer than MaxExtranonce2 bytes.
func beforeExtranonce2(job *Job) (head, prefix []byte) {
	b := append(append([]byte(nil), job.Coinb1...), job.Extranonce1...)
	split := max(len(b)+job.Extranonce2Size-MaxExtranonce2, 0)
	return b[:split], b[split:]
}

// versions is how many values the mask has.
func (s space) versions() uint64 { return 1 << bits.OnesCount32(s.mask) }

// meets reports whether two spaces of one content may have a header in common.
func (s space) meets(o space) bool {
	return (s.version^o.version)&^(s.mask|o.mask) == 0 &&
		(strings.HasPrefix(s.prefix, o.prefix) || strings.HasPrefix(o.prefix, s.prefix))
}

// contentOf is a digest of all that the pool puts into the headers of a job
// besides the ntime and the job's space. Contents are equal for jobs that only
// move the border between extranonce1 and extranonce2.
func contentOf(job *Job) hashing.Hash {
	size := len(job.Coinb1) + len(job.Extranonce1) + len(job.Coinb2) + len(hashing.Hash{})*(1+len(job.Branches))
	b := make([]byte, 0, size+4*(4+len(job.Branches))+1)
	part := func(p []byte) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	head, prefix := beforeExtranonce2(job)
	part(job.PrevHash[:])
	part(head)
	b = append(b, byte(len(prefix)+job.Extranonce2Size))
	part(job.Coinb2)
	for _, branch := range job.Branches {
		part(branch[:])
	}
	b = binary.BigEndian.AppendUint32(b, job.NBits)
	return sha256.Sum256(b)
}

// contentAt is a content at an ntime.
type contentAt struct {
	content hashing.Hash
	ntime   uint32
}

// memory knows at which count of the extranonce2 counter each space was first
// opened. The zero memory is ready to use.
type memory struct {
	opened map[contentAt][]opening
	order  []contentAt // one for each opening, oldest first
}

type opening struct {
	space space
	count uint64
}

// rememberedOpenings bounds the memory. Only a space that returns after so
// many others, with an extranonce2 so short that the counter has wrapped around,
// could be searched twice.
const rememberedOpenings = 4096

// room reports whether the counter's value count is new to the space and to all
// that it meets: each of them saw values since its opening only, and as long
// as they differ from count in the bytes of the shorter extranonce2, so do the
// coinbases. What has room is remembered.
func (m *memory) room(at contentAt, s space, count uint64) bool {
	known := false
	for _, o := range m.opened[at] {
		if size := min(s.size, o.space.size); s.meets(o.space) && size < 8 && count-o.count >= 1<<(8*size) {
			return false
		}
		known = known || o.space == s
	}
	if !known {
		m.remember(at, opening{s, count})
	}
	return true
}

func (m *memory) remember(at contentAt, o opening) {
	if m.opened == nil {
		m.opened = make(map[contentAt][]opening)
	}
	if len(m.order) == rememberedOpenings {
		oldest := m.order[0]
		m.order = m.order[1:]
		if m.opened[oldest] = m.opened[oldest][1:]; len(m.opened[oldest]) == 0 {
			delete(m.opened, oldest)
		}
	}
	m.opened[at] = append(m.opened[at], o)
	m.order = append(m.order, at)
}
