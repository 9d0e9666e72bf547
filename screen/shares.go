package screen

import (
	"fmt"
	"strconv"

	"quarry/telemetry"
)

// accepted is "accepted 386/1  diff 0.0072  12ms  pool-a".
func (e *event) accepted() []word {
	if Detail(e.detail.Load()) == DetailBad {
		return nil
	}
	return e.share("accepted", green, nil)
}

// rejected says why: by our word for it, unless that is only "other", and in the
// pool's words, or by its code if it gave none.
func (e *event) rejected() []word {
	var why []word
	text := e.text("text")
	if reason := e.text("reason"); reason != "other" || text == "" {
		why = append(why, words(reason, plain, 2)...)
	}
	if text != "" {
		why = append(why, words(strconv.Quote(text), plain, 2)...)
	} else {
		why = append(why, word{spans: []span{{"code " + e.text("code"), plain}}, gap: 2})
	}
	return e.share("rejected", red, why)
}

func (e *event) stale() []word {
	why := e.text("text")
	if why == "" {
		why = e.text("reason")
	}
	return e.share("stale", yellow, words(why, plain, 2))
}

func (e *event) lost() []word {
	why := words(e.text("reason"), plain, 2)
	return e.share("lost", yellow, append(why, words(e.text("error"), plain, 2)...))
}

// share is a line about a share, with the reasons for a bad verdict.
func (e *event) share(verdict string, s style, why []word) []word {
	line := words(verdict, s, 1)
	if ledger := e.shares.Load(); ledger != nil {
		line = append(line, words(countText(ledger.Snapshot()), plain, 1)...)
	}
	line = append(line, why...)
	line = append(line, words("diff "+e.text("share_difficulty"), plain, 2)...)
	if Detail(e.detail.Load()) == DetailLong {
		line = append(line, words("of "+e.text("job_difficulty"), plain, 1)...)
		line = append(line, words("job "+e.text("job"), plain, 2)...)
	}
	if latency := e.text("latency"); latency != "" {
		line = append(line, words(latency, plain, 2)...)
	}
	return e.withPool(line)
}

// countText is "386/1": the shares that were accepted, and all others that have
// their verdict.
func countText(s telemetry.Shares) string {
	return fmt.Sprintf("%d/%d", s.Accepted, s.Rejected+s.Stale+s.Lost)
}
