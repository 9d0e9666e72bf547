package fault

import (
	"fmt"
	"slices"

	"quarry/stratum/localpool"
)

// everyone stands for all users.
const everyone = "*"

// pairs are faults that exclude each other, and why.
func pairs() [][3]string {
	return [][3]string{
		{oldBlock, oldJobs, "both say which block jobs are on"},
		{difficulty, noDifficulty, "a change of the difficulty has to be sent"},
		{noResume, forgetJobs, "a session that is not resumed has no jobs to forget"},
		{lateJob, silent, "what is sent late would never be sent"},
	}
}

// check refuses combinations in which one fault keeps another from happening.
func check(all []setting) error {
	given := func(name string) *setting {
		if i := slices.IndexFunc(all, func(s setting) bool { return s.name == name }); i >= 0 {
			return &all[i]
		}
		return nil
	}
	for _, p := range pairs() {
		if given(p[0]) != nil && given(p[1]) != nil {
			return fmt.Errorf("%s and %s exclude each other: %s", p[0], p[1], p[2])
		}
	}
	jobs := []string{oldBlock, oldJobs, lateJob, lastJob, badJob, duplicateJobID, forgetJobs}
	shares := []string{reject, noVerdict}
	for _, s := range all {
		var pointless []string
		why := ""
		switch {
		case s.name == noJob:
			pointless, why = slices.Concat(jobs, shares), "no job is sent, so no share comes"
		case s.subject == everyone:
			pointless, why = slices.Concat(jobs, shares, []string{noJob}), "no user is let in, so no job is sent"
		case s.name == noVerdict && s.chance == 1:
			pointless, why = []string{reject}, "no share is answered"
		case s.name == ignore:
			if i := slices.IndexFunc(all, func(o setting) bool { return o.name == refuse && o.subject == s.subject }); i >= 0 {
				return fmt.Errorf("%v and %v exclude each other", all[i], s)
			}
		case s.name == hangUp:
			if o := given(silent); o != nil && s.shares == 0 && o.shares == 0 && s.time <= o.time || o != nil && s.shares > 0 && o.shares >= s.shares {
				return fmt.Errorf("%v has no effect: the connection is cut before, by %v", o, s)
			}
		}
		for _, name := range pointless {
			if o := given(name); o != nil {
				return fmt.Errorf("%v has no effect with %v: %s", o, s, why)
			}
		}
	}
	return nil
}

// fits refuses faults that a pool with cfg cannot have.
func (p *Plan) fits(cfg localpool.Config) error {
	if p.has(slowLines) && slices.ContainsFunc(cfg.Listen, func(l localpool.Listener) bool {
		return l.Transport == localpool.WS || l.Transport == localpool.WSS
	}) {
		return fmt.Errorf("%s is for TCP and TLS: a WebSocket message has no pieces", slowLines)
	}
	if p.has(versionMask) && cfg.NoVersionRolling {
		return fmt.Errorf("%s has no effect: version rolling is refused", versionMask)
	}
	return nil
}
