package main

// The SHA-2 extension works on a state in two registers, and on message words
// in groups of four, the word of the lowest index in the lowest place:
//
//	abcd, efgh              the state
//	SHA256H, SHA256H2       four rounds: the new abcd, the new efgh, each from
//	                        the whole old state and four sums W+K
//	SHA256SU0               W[t-16] + sigma0(W[t-15]) for four words
//	SHA256SU1               plus W[t-7] + sigma1(W[t-2])
//
// SHA256H overwrites the abcd that SHA256H2 still needs, so four rounds cost a
// copy, and the addition of K. A processor does one or two of the SHA256
// instructions a cycle, and takes two to six cycles for each: only independent
// lanes fill them.

// lane is what one hash has in registers.
type lane struct {
	abcd, efgh v
	// w holds the message: group i, words 4i to 4i+3, is in w[i%4], and the
	// group i+4 takes its place.
	w [4]v
}

// temporary registers of four rounds: W+K, and the copy of abcd.
type temporary struct{ wk, copy v }

// A phase is a number of steps; each is four rounds on all lanes and what of
// the message schedule goes along with them.
type phase struct {
	steps int
	// constant says where the words K of a step are, which are loaded once for
	// all lanes; false if it needs none.
	constant func(step int) (memory, bool)
	// wk leaves W+K in a register, which may be k, the step's constant, or to.
	wk func(step, lane int, k, to v) v
	// begin and finish are a lane's part of the message schedule. There are
	// some instructions between the two, because finish waits for begin.
	begin, finish func(step, lane int)
	// onlyE leaves out abcd in the last step.
	onlyE bool
}

// run emits the steps of a phase, lane by lane in turn. One lane's sums and
// copies are made while the lane before it does its rounds, which helps
// in-order processors; out-of-order ones look far enough ahead anyway.
func (k *kernel) run(f phase) {
	var wk [len(temporaries)]v // of the pending turns
	prepare := func(turn int) {
		step, lane := turn/lanes, turn%lanes
		if lane == 1 {
			k.loadConstant(f, step+1)
		}
		t := temporaries[turn%len(temporaries)]
		wk[turn%len(wk)] = f.wk(step, lane, constants[step%2], t.wk)
		if !(f.onlyE && step == f.steps-1) {
			k.copy(k.lanes[lane].abcd, t.copy)
		}
		f.begin(step, lane)
	}
	k.loadConstant(f, 0)
	prepare(0)
	for turn := range f.steps * lanes {
		if turn+1 < f.steps*lanes {
			prepare(turn + 1)
		}
		step, l := turn/lanes, &k.lanes[turn%lanes]
		t, sum := temporaries[turn%len(temporaries)], wk[turn%len(wk)]
		if f.onlyE && step == f.steps-1 {
			k.op("SHA256H2", sum.words(), l.abcd, l.efgh)
		} else {
			k.op("SHA256H", sum.words(), l.efgh, l.abcd)
			k.op("SHA256H2", sum.words(), t.copy, l.efgh)
		}
		f.finish(step, turn%lanes)
	}
}

func (k *kernel) loadConstant(f phase, step int) {
	if step == f.steps {
		return
	}
	if from, ok := f.constant(step); ok {
		k.load(from, constants[step%2])
	}
}

// sigma0 begins a group of the message schedule in the place of the one four
// groups before.
func (k *kernel) sigma0(lane, group int) {
	w := &k.lanes[lane].w
	k.op("SHA256SU0", w[(group+1)%4].words(), w[group%4].words())
}

// sigma1 finishes it.
func (k *kernel) sigma1(lane, group int) {
	w := &k.lanes[lane].w
	k.op("SHA256SU1", w[(group+3)%4].words(), w[(group+2)%4].words(), w[group%4].words())
}

// lead is how many groups the schedule is ahead of the rounds: enough that no round
// waits for it, and few enough that it does not end long before the rounds.
const lead = 2
