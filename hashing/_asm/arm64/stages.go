package main

import (
	"fmt"
	"math/bits"
)

// each emits something for all lanes.
func (k *kernel) each(emit func(i int, l *lane)) {
	for i := range k.lanes {
		emit(i, &k.lanes[i])
	}
}

func round4(group int) (memory, bool) { return memory{k256, 16 * group}, true }

// stageA computes what depends on the nonces in the header's second block, for the
// group that begins first nonces after the current position: each nonce as a message
// word, and the words W18 and W19 in one register, the only words of group 4 that
// depend on it.
//
//	W18 = sigma0(nonce) + what job has, W19 = nonce + what job has
func (k *kernel) stageA(first int) {
	steps := []func(w, both x, i int){
		func(w, _ x, i int) { k.op("ADDW", fmt.Sprintf("$%d", first+i), nonce, w) },
		func(w, _ x, _ int) { k.op("REVW", w, w) }, // the header holds it little-endian
		func(w, both x, _ int) { k.op("RORW", "$7", w, both) },
		func(w, both x, _ int) { k.op("EORW", fmt.Sprintf("%v@>18", w), both, both) },
		func(w, both x, _ int) { k.op("EORW", fmt.Sprintf("%v>>3", w), both, both) },
		func(_, both x, _ int) { k.op("ADDW", word18, both, both) },
		func(w, both x, _ int) { k.op("ORR", fmt.Sprintf("%v<<32", w), both, both) },
		func(_, both x, _ int) { k.op("ADD", word19, both, both) },
	}
	for _, step := range steps {
		for i := range lanes {
			step(wordOf(i), bothOf(i), i)
		}
	}
}

// wordOf and bothOf are where stageA leaves a lane's nonce, and W18 and W19.
func wordOf(lane int) x { return scratchOf(2 * lane) }
func bothOf(lane int) x { return scratchOf(2*lane + 1) }

// takeA begins a group with the results of stageA: group 4 goes to the
// lanes, and the nonces to memory, where all versions find them.
func (k *kernel) takeA() {
	k.each(func(_ int, l *lane) { k.load(memory{job, jobGroup4}, l.w[0]) })
	k.each(func(i int, l *lane) { k.op("VMOV", bothOf(i), l.w[0].half(1)) })
	k.each(func(i int, _ *lane) { k.op("MOVW", wordOf(i), memory{kept, frameNonces + 4*i}) })
}

// scratchOf leaves out R16 to R18, which belong to the linker and the system.
func scratchOf(i int) x {
	if r := scratch + x(i); r < 16 {
		return r
	}
	return scratch + x(i) + 3
}

// enterRounds loads the next version: its state after round 3,
// with the nonce in a and e.
func (k *kernel) enterRounds() {
	k.op("ADD", fmt.Sprintf("$%d", jobStates), job, states)
	k.op("ADD", fmt.Sprintf("%v<<%d", version, bits.TrailingZeros(versionSize)), states, states)
	k.loadPair(memory{states, 0}, p, q)
	k.each(func(i int, l *lane) { k.op("FMOVS", memory{kept, frameNonces + 4*i}, l.abcd.float()) })
	k.each(func(_ int, l *lane) { k.add(q, l.abcd, l.efgh) })
	k.each(func(_ int, l *lane) { k.add(p, l.abcd, l.abcd) })
}

// headerConstant returns what the lanes share in a step of the header's second
// block, which begins with group 1: W+K in groups 1 to 3, K after them.
func headerConstant(step int) (memory, bool) {
	if step < 3 {
		return memory{job, jobPadded + 16*step}, true
	}
	return round4(step + 1)
}

// stageB is the header's second block from round 4 on, with its message
// schedule from group 5 on. Where keep is set, it keeps W+K in the frame. At
// its end is stage A for the next group.
func (k *kernel) stageB(keep bool) {
	k.enterRounds()
	k.each(func(_ int, l *lane) { k.load(memory{job, jobGroup3}, l.w[3]) })
	k.run(phase{
		steps:    15,
		constant: headerConstant,
		wk: func(step, lane int, constant, to v) v {
			group := step + 1
			if group < 4 {
				return constant
			}
			k.add(constant, k.lanes[lane].w[group%4], to)
			if keep {
				k.store(to, keptWK(lane, group))
			}
			return to
		},
		begin: func(step, lane int) {
			switch group := step + 1 + lead; {
			case group >= 8 && group < 16:
				k.sigma0(lane, group)
			case group >= 5 && group < 8: // it is constant
				k.load(memory{job, jobSigma0 + 16*(group-5)}, k.lanes[lane].w[group%4])
			}
		},
		finish: func(step, lane int) {
			if group := step + 1 + lead; group >= 5 && group < 16 {
				k.sigma1(lane, group)
			}
		},
	})
	k.stageA(lanes)
}

func keptWK(lane, group int) memory {
	return memory{kept, frameKept + keptSize*lane + 16*(group-4)}
}

// stageC is the same for another version: W+K comes from the frame, two
// groups at a time, in the registers where the message would be.
func (k *kernel) stageC() {
	k.enterRounds()
	none := func(int, int) {}
	k.run(phase{
		steps: 15,
		constant: func(step int) (memory, bool) {
			from, _ := headerConstant(step)
			return from, step < 3
		},
		wk: func(step, lane int, constant, _ v) v {
			group, w := step+1, &k.lanes[lane].w
			if group < 4 {
				return constant
			}
			if group%2 == 0 {
				k.loadPair(keptWK(lane, group), w[group%4], w[group%4+1])
			}
			return w[group%4]
		},
		begin: none, finish: none,
	})
}

// stageD is the second hash: rounds 1 to 60, and groups of the message that
// begin with word 1, 5, 9 ...
func (k *kernel) stageD() {
	k.digests()
	k.run(phase{
		steps:    15,
		constant: func(step int) (memory, bool) { return memory{k256, 16*step + 4}, true },
		wk: func(step, lane int, constant, to v) v {
			if step == 2 {
				return constant // words 9 to 12 are zero
			}
			k.add(constant, k.lanes[lane].w[step%4], to)
			return to
		},
		begin: func(step, lane int) {
			if step < 2 {
				k.secondStart(step, lane)
			} else if group := step + lead; group >= 7 && group < 15 {
				k.sigma0(lane, group)
			}
		},
		finish: func(step, lane int) {
			if group := step + lead; group >= 4 && group < 15 {
				k.sigma1(lane, group)
			}
		},
		onlyE: true,
	})
}

// digests ends the first hash and leaves in the lane's registers the state
// after round 0 of the second one; the groups 0 and 1 of its message, in w[0]
// and w[1]; and in w[2] and w[3] the sums W[t-16] + sigma0(W[t-15]) for words
// 16 to 19 and 20 to 23.
func (k *kernel) digests() {
	midABCD, midEFGH := temporaries[0].wk, temporaries[0].copy
	abcd0, efgh0 := temporaries[1].wk, temporaries[1].copy
	k.loadPair(memory{states, midstate}, midABCD, midEFGH)
	k.loadPair(memory{job, jobRound0}, abcd0, efgh0)
	k.loadPair(memory{job, jobEnd}, p, q) // q is jobLength; both are needed in secondStart, too
	k.each(func(_ int, l *lane) { k.add(midABCD, l.abcd, l.w[2]) })
	k.each(func(_ int, l *lane) { k.add(midEFGH, l.efgh, l.w[3]) })
	k.each(func(_ int, l *lane) { k.op("FMOVS", l.w[2].float(), l.efgh.float()) }) // W0, 0, 0, 0
	k.each(func(_ int, l *lane) { k.nextWords(l.w[2], l.w[3], l.w[0]) })
	k.each(func(_ int, l *lane) { k.nextWords(l.w[3], p, l.w[1]) })
	k.each(func(_ int, l *lane) { k.op("SHA256SU0", l.w[3].words(), l.w[2].words()) })
	k.each(func(_ int, l *lane) { k.op("SHA256SU0", p.words(), l.w[3].words()) })
	k.each(func(_ int, l *lane) { k.add(abcd0, l.efgh, l.abcd) })
	k.each(func(_ int, l *lane) { k.add(efgh0, l.efgh, l.efgh) })
}

// secondStart moves those sums by one word, to where sigma1 wants them, as
// soon as the rounds have used the groups 0 and 1: groups 4 and 5 begin with
// them. W16 is complete, so group 3 is: 0, 0, length, W16. Group 2 is zero,
// and so is what group 6 begins with.
func (k *kernel) secondStart(step, lane int) {
	w := &k.lanes[lane].w
	if step == 0 {
		k.nextWords(w[2], w[3], w[0])
		return
	}
	k.nextWords(w[3], p, w[1])
	k.nextWords(q, w[2], w[3])
	k.zero(w[2])
}
