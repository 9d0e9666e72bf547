// Package miner takes jobs from a source and brings shares back to it. The
// files follow one share's journey:
//
//  1. source.go  a Source publishes jobs and takes shares
//  2. feed.go    the newest job, where every worker sees it
//  3. worker.go  job -> work -> batches of nonces
//  4. batch.go   kernel scan -> hit -> verified share
//  5. submit.go  share -> Source.Submit -> verdict -> ledger
//  6. miner.go   starts these, ends them in the right order
//
// lineup.go is the kernels to choose from, and how one found wrong goes out;
// trial.go lets all workers try one for some milliseconds of their real work,
// for whoever chooses (package tune).
//
// Goroutines cross twice: a job goes down through the feed, a share goes up
// through the submitter's channel. Nothing on the way calls back.
package miner
