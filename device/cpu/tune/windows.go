package tune

// ratioOf returns a window's rate as a fraction of the best kernel's, from the
// workers' rates in it and in the best one's windows before and after. It uses the
// workers that have a rate in all three; ok is false if those are fewer than a quarter.
func ratioOf(before, tried, after []float64) (ratio float64, ok bool) {
	if len(before) != len(tried) || len(after) != len(tried) {
		return 0, false
	}
	of, by, valid := 0.0, 0.0, 0
	for i := range tried {
		if before[i] > 0 && tried[i] > 0 && after[i] > 0 {
			of, by, valid = of+tried[i], by+(before[i]+after[i])/2, valid+1
		}
	}
	if valid == 0 || 4*valid < len(tried) {
		return 0, false
	}
	return of / by, true
}

func sum(rates []float64) (all float64) {
	for _, r := range rates {
		all += r
	}
	return all
}
