package screen

import "unicode"

// Controls do what keys ask for.
type Controls struct {
	Terminal *Terminal
	Reporter *Reporter
	Pause    func() bool // each reports whether that is a change
	Resume   func() bool
	Quit     func()
}

// Keys is what there is to press.
const Keys = "keys: s status, h rates, p pause, r resume, l lines, q quit, ? help"

// Press does what the key means.
func (c *Controls) Press(key byte) {
	say := c.Terminal.Say
	switch unicode.ToLower(rune(key)) {
	case 's', '\r', '\n':
		c.Reporter.Status()
	case 'h':
		c.Reporter.Rates()
	case 'p':
		if !c.Pause() {
			say("paused already; r resumes")
		}
	case 'r':
		if !c.Resume() {
			say("not paused")
		}
	case 'l':
		say([]string{
			DetailShort: "share lines: short",
			DetailLong:  "share lines: long, with the difficulty asked for and the job",
			DetailBad:   "share lines: only what was not accepted, and blocks",
		}[c.Terminal.NextDetail()])
	case 'q':
		c.Quit()
	case '?':
		c.help()
	default:
		if key > ' ' && key < 0x7f {
			say("no key " + string(rune(key)) + "; ? lists them")
		}
	}
}

func (c *Controls) help() {
	for _, line := range []string{
		"s  status now, with the odds of a block for who mines alone (also Enter)",
		"h  hash rate of each worker",
		"p  pause: hashing stops, jobs are followed, shares under way are sent",
		"r  resume",
		"l  share lines: short, long, only bad ones",
		"q  quit with a summary, as Ctrl-C; Ctrl-C again ends at once",
		"386/1 are shares accepted and not: rejected, stale or lost",
	} {
		c.Terminal.Say(line)
	}
}
