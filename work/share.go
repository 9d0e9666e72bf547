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
