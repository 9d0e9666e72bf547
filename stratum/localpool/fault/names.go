package fault

import (
	"fmt"
	"strings"
	"time"
)

// form is what a fault's value may be.
type form int

const (
	none     form = iota // no value
	percent              // "10%"
	reason               // "10%", or "10%:stale"
	after                // "30s" after the connection began, or "5shares"
	every                // "30s", again and again
	gap                  // "20ms"
	span                 // "500ms", or "100ms-2s"
	timespan             // "90s"
	aUser                // a name
	aMethod              // of a request
)

// Limits of values.
const (
	shortestEvery = 10 * time.Millisecond
	longest       = 24 * time.Hour
	longestDelay  = 10 * time.Minute
	mostShares    = 1_000_000
)

// String returns how values look, for --help.
func (f form) String() string {
	return [...]string{"", "N%", "N%[:REASON]", "TIME|Nshares", "TIME", "TIME", "TIME[-TIME]", "TIME", "NAME", "METHOD"}[f]
}

// kind is one fault that can be asked for.
type kind struct {
	name     string
	form     form
	standard string // value when none is given; empty: one is needed
	does     string
}

// The names of faults.
const (
	reject         = "reject"
	noVerdict      = "no-verdict"
	delay          = "delay"
	slowLines      = "slow-lines"
	hangUp         = "hang-up"
	silent         = "silent"
	badLine        = "bad-line"
	refuseUser     = "refuse-user"
	refuse         = "refuse"
	ignore         = "ignore"
	difficulty     = "difficulty"
	noDifficulty   = "no-difficulty"
	extranonce     = "extranonce"
	versionMask    = "version-mask"
	oldBlock       = "old-block"
	oldJobs        = "old-jobs"
	noJob          = "no-job"
	lateJob        = "late-job"
	lastJob        = "last-job"
	badJob         = "bad-job"
	duplicateJobID = "duplicate-job-id"
	noResume       = "no-resume"
	forgetJobs     = "forget-jobs"
	reconnect      = "reconnect"
	questions      = "questions"
)

// kinds returns all faults, in the order of --help.
func kinds() []kind {
	return []kind{
		{reject, reason, "", "reject so many good shares, as REASON"},
		{noVerdict, percent, "100%", "judge so many shares without an answer"},
		{delay, span, "", "send everything so much later"},
		{slowLines, gap, "20ms", "send lines in small pieces, so far apart"},
		{hangUp, after, "", "cut each connection then"},
		{silent, after, "", "say nothing more then, stay connected"},
		{badLine, every, "10s", "send a line that is no message"},
		{refuseUser, aUser, everyone, "refuse the user, also as NAME.x; or all"},
		{refuse, aMethod, "", "answer METHOD: unknown method"},
		{ignore, aMethod, "", "do not answer METHOD"},
		{difficulty, every, "30s", "change the difficulty, up to 8-fold"},
		{noDifficulty, none, "", "never send mining.set_difficulty"},
		{extranonce, every, "30s", "change both extranonces"},
		{versionMask, every, "30s", "change the version mask"},
		{oldBlock, timespan, "0s", "stay on the block of then, take its shares"},
		{oldJobs, percent, "100%", "send jobs of the block before; stale"},
		{noJob, none, "", "send no job at all"},
		{lateJob, timespan, "90s", "no job until then or the next request"},
		{lastJob, timespan, "", "send no further job then"},
		{badJob, every, "10s", "send a broken job"},
		{duplicateJobID, none, "", "give all jobs the same id"},
		{noResume, none, "", "let no session be resumed"},
		{forgetJobs, none, "", "let sessions be resumed without their jobs"},
		{reconnect, every, "30s", "send client.reconnect"},
		{questions, every, "10s", "ping, ask the version, show a message"},
	}
}

// Help lists the faults, for --help.
func Help() string {
	var b strings.Builder
	for _, k := range kinds() {
		value := k.form.String()
		switch {
		case value == "":
		case k.standard == "":
			value = "=" + value
		default:
			value = "[=" + value + "]"
		}
		fmt.Fprintf(&b, "  %-22s  %s", k.name+value, k.does)
		if k.standard != "" && k.form != aUser {
			fmt.Fprintf(&b, " [%s]", k.standard)
		}
		b.WriteByte('\n')
	}
	return b.String() + `
A TIME is 10ms to 24h, for delay and slow-lines 1ms to 10m; where it is no
period, it counts from the start of a connection, and may be 0s. N% is above
0% and up to 100%, shares are 1 to 1000000, as in 5shares.
REASON: other, stale, duplicate, low.
METHOD: ` + strings.Join(methods(), ", ") + "."
}

// methods are those that refuse and ignore can name, without "mining.".
func methods() []string {
	return []string{"configure", "subscribe", "authorize", "suggest_difficulty", "ping"}
}
