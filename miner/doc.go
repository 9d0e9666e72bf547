// Package miner takes jobs from a source, has devices search them, and brings
// shares back to the source. It does not know what a device is made of. The
// files follow one share's journey:
//
//  1. source.go  a Source publishes jobs and takes shares
//  2. feed.go    the newest job, where every device sees it
//  3. device.go  a Device searches
//  4. search.go  what it gets for that: work, and where shares go
//  5. submit.go  share -> Source.Submit -> verdict -> ledger
//  6. miner.go   starts these, ends them in the right order
//
// Goroutines cross twice: a job goes down through the feed, a share goes up
// through the submitter's channel. Nothing on the way calls back.
package miner
