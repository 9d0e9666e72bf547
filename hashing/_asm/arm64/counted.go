package main

import "fmt"

// counted returns the count of instructions for each hash, as a comment for the
// head of the assembly.
func (k *kernel) counted() string {
	return `// Instructions for each hash, counted by the generator, not measured. Those of
// rounds and schedule are the SHA256 ones.
//
//	               rounds schedule   vector   memory    other      all
` + k.countLine(1) + k.countLine(4) + k.countLine(32) + "\n"
}

// countLine returns the count for one group of nonces under a number of versions,
// divided by the hashes.
func (k *kernel) countLine(versions int) string {
	var all [5]int
	add := func(times int, sections ...string) {
		for _, name := range sections {
			c := k.counts[name]
			for i, n := range []int{c.rounds, c.schedule, c.vector, c.memory, c.other} {
				all[i] += times * n
			}
		}
	}
	if versions == 1 {
		add(1, "A", "B alone")
	} else {
		add(1, "A", "B")
		add(versions-1, "C")
	}
	add(versions, "D", "E", "next version")
	add(1, "next group")

	line, sum := fmt.Sprintf("//\t%2d versions   ", versions), 0.0
	for _, n := range all {
		each := float64(n) / float64(versions*lanes)
		line += fmt.Sprintf("%6.1f   ", each)
		sum += each
	}
	return fmt.Sprintf("%s%6.1f\n", line, sum)
}
