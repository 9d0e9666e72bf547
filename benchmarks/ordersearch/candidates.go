package main

import "quarry/hashing"

// candidates returns the kernels to measure. This program has none: the search
// builds it once more with others in this file's place.
func candidates() []hashing.Kernel { return nil }
