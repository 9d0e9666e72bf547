// Package hashing is the SHA-256d search: headers, targets, difficulties and the
// kernels that look for nonces. It is pure: no goroutines, no I/O, no clock, and no
// imports from the rest of quarry.
//
// A search works as follows. A [Header] without its nonce is turned into a [Prehash], which holds everything that does not depend on the nonce: the
// midstate of the first 64 bytes, the rest of the second block, and the limit
// word of the target. A [Kernel] scans nonces against it and returns [Hit]s.
// A hit is only a candidate: the caller hashes it again with [Header.Hash],
// the readable reference, and compares all 256 bits with the [Target].
//
// [ChooseFrom] picks the first of [Kernels] that the CPU can run and that passes
// its self-test ([Examiner]). Package tune finds the
// fastest one while mining.
//
// Byte orders: a [Hash] is the 32 bytes that SHA-256 outputs ("internal" order); as a number it is read little-endian, so its most
// significant 32-bit word is the last one. Explorers show the bytes reversed
// ("display" order), which is what [Hash.String] prints.
package hashing
