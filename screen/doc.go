// Package screen writes what a mining session reports for people: the status, the
// summary, and on a terminal every message, in lines that fit its width.
package screen
