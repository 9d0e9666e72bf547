// Package tune finds the kernel to mine with, while mining.
//
//  1. machine.go  what a choice is valid for: CPU, build, threads
//  2. cache.go    results of earlier runs; they only order the first guess
//  3. child.go    tests each kernel in a child process, the guess first:
//     an illegal instruction ends the child, not the miner
//     program.go  which file that child is; examine.go serves commands that do not mine
//  4. probe.go    the child; measure.go measures as well, for quarry kernels --measure
//  5. tuner.go    hands the workers what passed, and runs the contests
//  6. contest.go  which kernel runs next, and which is the best so far
//  7. budget.go   what contests may cost
//
// The device's part, which makes all workers use one kernel for a few milliseconds
// of their work, is [cpu.Selector].
package tune
