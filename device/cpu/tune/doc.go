// Package tune finds the kernel to mine with, while mining.
//
//  1. machine.go  what a choice holds for: CPU, build, threads
//  2. cache.go    what was known at earlier starts; it only orders the first guess
//  3. child.go    has each kernel tested by a child process, the guess first:
//     an illegal instruction ends the child, not the miner
//  4. probe.go    the child; measure.go measures too, for quarry kernels --measure
//  5. tuner.go    lets the workers use what passed, and holds the contests
//  6. contest.go  which kernel is tried next, and which is the best so far
//  7. budget.go   what trying may cost
//
// The device's part, to have all workers use one kernel for some milliseconds of
// their work, is [cpu.Selector].
package tune
