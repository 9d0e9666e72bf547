package main

// A stream is a piece of straight-line code cut into bundles, each a few
// instructions that stay together. Bundles keep their order in the stream.
type stream []func()

// emit writes streams one after the other.
func emit(streams ...stream) {
	for _, s := range streams {
		for _, bundle := range s {
			bundle()
		}
	}
}

// roundRobin takes one bundle of each stream in turn: for equal work on
// several lanes.
func roundRobin(lanes []stream) (all stream) {
	for i := 0; ; i++ {
		more := false
		for _, lane := range lanes {
			if i < len(lane) {
				all = append(all, lane[i])
				more = true
			}
		}
		if !more {
			return all
		}
	}
}

// weave mixes two streams in proportion to their lengths: x is always the
// further one, so y may use at any place what the same share of x has made.
func weave(x, y stream) (all stream) {
	for i, j := 0, 0; i < len(x) || j < len(y); {
		if j >= len(y) || i < len(x) && i*len(y) <= j*len(x) {
			all = append(all, x[i])
			i++
		} else {
			all = append(all, y[j])
			j++
		}
	}
	return all
}

// task is straight-line code for one lane's rounds, in whatever slot it gets.
type task []func(*state)

// roll runs tasks in slots side by side, a bundle of each in turn: a slot that
// has done with one task takes the next.
func roll(tasks []task, slots []state) (all stream) {
	type run struct {
		task task
		done int
		slot state
	}
	runs := make([]*run, len(slots))
	for {
		idle := true
		for i := range runs {
			if runs[i] == nil && len(tasks) > 0 {
				runs[i], tasks = &run{task: tasks[0], slot: slots[i]}, tasks[1:]
			}
			r := runs[i]
			if r == nil {
				continue
			}
			idle = false
			bundle := r.task[r.done]
			all = append(all, func() { bundle(&r.slot) })
			if r.done++; r.done == len(r.task) {
				runs[i] = nil
			}
		}
		if idle {
			return all
		}
	}
}
