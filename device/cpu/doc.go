// Package cpu is the device that searches with the machine's CPUs.
//
//  1. device.go     workers, one for each placement, and their end
//  2. worker.go     assignment -> work -> batches of nonces
//  3. batch.go      kernel scan -> hit -> verified share
//  4. kernelset.go  the kernels to choose from; one found wrong is removed
//  5. trial.go      all workers try a kernel for some milliseconds of their real
//     work, for the caller to choose (package tune)
//  6. duty.go       rests between batches, for heat and power
package cpu
