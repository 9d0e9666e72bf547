package hashing

// Hit is a nonce whose hash has a top word at or below the limit: a candidate
// for a share.
type Hit struct {
	Nonce   uint32
	Version uint32 // index into the Prehash's versions
}

// Kernel is an implementation of the nonce search. Kernels are values without state:
// the same Kernel may scan on many threads at once.
type Kernel struct {
	// Name is its name in --kernel and reports, such as "shani".
	Name string
	// Lanes is how many nonces it hashes in parallel.
	Lanes int
	// Versions is how many version-rolled headers it searches at once with the
	// best rate: 1 if rolling gains nothing. Every kernel takes any number up to
	// MaxVersions.
	Versions int
	// Needs is the required CPU features in words, such as "SHA-NI, SSE4.1".
	Needs string
	// Missing returns which of them this CPU lacks; empty means that the kernel
	// can run here. Nil means the same: it needs none.
	Missing func() string
	// Scan searches count nonces from start on (modulo 2^32) under every
	// version of p. It writes the hits into the buffer, in any order, each
	// exactly once, and returns how many there are and how many nonces are
	// done. It stops early, with done < count, only when the buffer has no
	// room for the next step, or when p.Stop says so, which may be before the
	// first: continue at start+done. The buffer must hold at least MinHits. Scan
	// does not allocate, and assembly cannot be preempted: call it for a few
	// milliseconds at a time.
	Scan func(p *Prehash, start, count uint32, hits []Hit) (found int, done uint32)
}

// MinHits is the smallest hit buffer that Scan accepts: room for one step of
// the widest kernel with all versions.
const MinHits = 64 * MaxVersions
