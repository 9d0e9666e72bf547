package main

import "quarry/hashing"

// candidates returns the kernels to measure. This build has none: the search builds
// the program again with another file in place of this one.
func candidates() []hashing.Kernel { return nil }
