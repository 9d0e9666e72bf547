// Package order puts independent instruction streams into one: bundle by bundle
// ([Stream]), instruction by instruction ([Beat]), in the orders that were measured
// to be the fastest ([Table]).
package order

// A Stream is a piece of straight-line code cut into bundles, each a few
// instructions that stay together. Bundles keep their order in the stream.
type Stream []func()

// Emit writes streams one after the other.
func Emit(streams ...Stream) {
	for _, s := range streams {
		for _, bundle := range s {
			bundle()
		}
	}
}

// RoundRobin takes one bundle of each stream in turn, for equal work on several
// lanes.
func RoundRobin(lanes []Stream) (all Stream) {
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

// Weave interleaves two streams in proportion to their lengths: x is always the
// further one, so y may use at any place what the same share of x has made.
func Weave(x, y Stream) (all Stream) {
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

// Task is straight-line code for one lane's rounds, in whatever slot it gets.
type Task[Slot any] []func(*Slot)

// Roll runs tasks in parallel slots, a bundle of each in turn: a slot that finished a
// task takes the next.
func Roll[Slot any](tasks []Task[Slot], slots []Slot) (all Stream) {
	type run struct {
		task Task[Slot]
		done int
		slot Slot
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
