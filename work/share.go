package work

import "quarry/hashing"

// Share is a complete submission. It refers to nothing "current": all it
// needs is in it or in its job.
type Share struct {
	Job         *Job
	Extranonce2 []byte
	NTime       uint32
	Version     uint32 // the whole header version
	Nonce       uint32
	Hash        hashing.Hash
}

// VersionBits are the version bits, as Stratum V1 submits them: the rolled
// ones, or all of the pool's mask if it wants that.
func (s *Share) VersionBits() uint32 {
	if s.Job.MaskedBits {
		return s.Version & s.Job.PoolMask
	}
	return s.Version &^ s.Job.Version
}
