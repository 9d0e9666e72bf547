// Package state keeps the totals and the best share of all sessions in a small file.
//
// Miners that share a file add up in it: each saves what it did since it last saved,
// under a lock, and replaces the file as a whole. Nothing that goes wrong with the
// file stops or delays mining.
package state
