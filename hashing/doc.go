// Package hashing is the SHA-256d search: headers, targets, difficulties and
// the kernels that look for nonces. It is pure: no goroutine, no input or
// output, no clock, and it imports nothing else of quarry.
//
// A search goes like this. A [Header] with its nonce still open is turned into
// a [Prehash], which holds everything that does not depend on the nonce: the
// midstate of the first 64 bytes, the rest of the second block, and the limit
// word of the target. A [Kernel] scans nonces against it and returns [Hit]s.
// A hit is only a candidate: the caller hashes it again with [Header.Hash],
// the readable reference, and compares all 256 bits with the [Target].
//
// [ChooseFrom] picks the first of [Kernels] that the CPU can run and that passes
// its self-test ([Examiner]). Which is the fastest, package tune finds while
// mining.
//
// Byte orders, once and for all: a [Hash] is the 32 bytes that SHA-256 puts
// out ("internal" order); as a number it is read little-endian, so its most
// significant 32-bit word is the last one. Explorers show the bytes reversed
// ("display" order), which is what [Hash.String] prints.
package hashing
