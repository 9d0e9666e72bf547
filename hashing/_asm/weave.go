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
