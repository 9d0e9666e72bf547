// Package work is the vocabulary that pools and miners share: a [Job] is what
// a pool assigns, a [Work] is the part of it that one worker searches, a
// [Share] is what the search found, and a [Verdict] is what came of it. [Roller] cuts jobs into works so that no header is
// searched twice. Everything here is a pure value: no goroutine, no input or
// output, no clock.
package work
