//go:build !purego

package hashing

// job is the input and progress of the assembly kernels for amd64; _asm/job.go has
// the same layout. Words in groups of four are stored lowest first.
type job struct {
	position
	limit  [4]uint32  // the limit word, four times
	head   [4]uint32  // W0, W1, W2 of the second block, 0
	group4 [4]uint32  // sigma1(W14) .. sigma1(W17)
	group5 [4]uint32  // W20 .. W23 without sigma1
	group7 [4]uint32  // W12+sigma0(W13) .. W15+sigma0(W16)
	known  [20]uint32 // W16 .. W35: the sum of the terms that do not depend on the nonce
	knownK [4]uint32  // W16+K16, W17+K17, 0, 0
	states [MaxVersions]jobVersion
	hits   [mostGroupHits]groupHits
}

// jobVersion is one version's states in the order of the SHA extensions.
type jobVersion struct {
	start    [2][4]uint32 // after round 3, without the nonce: abef, cdgh
	midstate [2][4]uint32 // abef, cdgh
	h        [4]uint32    // h+K+W of the rounds 4, 5 and 6, 0: independent of the nonce
}

// extensionOrder returns a state as the SHA extensions hold it: abef and cdgh,
// named from the highest word down.
func extensionOrder(s *[8]uint32) [2][4]uint32 {
	return [2][4]uint32{{s[5], s[4], s[1], s[0]}, {s[7], s[6], s[3], s[2]}}
}

// set computes everything that does not depend on the nonce.
func (job *job) set(p *Prehash) {
	job.versions = uint32(p.Versions)
	job.stop = p.Stop
	job.limit = [4]uint32{p.Limit, p.Limit, p.Limit, p.Limit}
	w := [36]uint32{p.Tail[0], p.Tail[1], p.Tail[2], 0, 0x80000000, 15: 8 * HeaderSize}
	job.setKnown(&w)
	job.head = [4]uint32(w[:4])
	for i := range 4 {
		job.group4[i] = smallSigma1(w[14+i])
		job.group5[i] = w[4+i] + smallSigma0(w[5+i]) + w[13+i]
		job.group7[i] = w[12+i] + smallSigma0(w[13+i])
	}
	for v := range p.Versions {
		start := &p.starts[v]
		job.states[v] = jobVersion{
			start:    extensionOrder(start),
			midstate: extensionOrder(&p.Midstates[v]),
			h: [4]uint32{
				start[7] + roundConstants[4] + w[4],
				start[6] + roundConstants[5] + w[5],
				start[5] + roundConstants[6] + w[6],
			},
		}
	}
}

// setKnown computes the message words from 16 on, as far as they do not depend on
// the nonce, which is word 3. W16 and W17 do not at all.
func (job *job) setKnown(w *[36]uint32) {
	nonce := [36]bool{3: true} // words that depend on it
	for t := 16; t < len(w); t++ {
		term := func(back int, value uint32) {
			if nonce[t-back] {
				nonce[t] = true
			} else {
				w[t] += value
			}
		}
		term(2, smallSigma1(w[t-2]))
		term(7, w[t-7])
		term(15, smallSigma0(w[t-15]))
		term(16, w[t-16])
		job.known[t-16] = w[t]
	}
	job.knownK = [4]uint32{w[16] + roundConstants[16], w[17] + roundConstants[17]}
}

// scan implements Scan for a kernel whose groups have that many lanes.
func (a assembly) scan(lanes uint64, p *Prehash, start, count uint32, hits []Hit) (found int, done uint32) {
	var job job
	job.set(p)
	s := groupScan{lanes: lanes, start: start, end: uint64(count), hits: hits}
	for s.next(&job.position) {
		a.scanGroups(&job)
		s.record(&job.position, &job.hits)
	}
	return s.result()
}
