package screen

import (
	"fmt"
	"time"

	"quarry/telemetry"
)

// poolLines returns what became of the hashes spent on each pool, if there are several.
func poolLines(pools []telemetry.Pool) []string {
	if len(pools) < 2 {
		return nil
	}
	lines := make([]string, len(pools))
	for i, p := range pools {
		s := p.Shares
		lines[i] = fmt.Sprintf("pool %s as %s: %d accepted, %d rejected%s, %d stale%s, %d lost%s, accepted difficulty %s, %s, %s hashes",
			p.URL, p.User, s.Accepted, s.Rejected, reasonsText(s.RejectedBy), s.Stale, unsentText(s), s.Lost, reasonsText(s.LostBy),
			telemetry.FormatDifficulty(s.AcceptedDifficulty), telemetry.FormatSeconds(p.ActiveSeconds), telemetry.FormatCount(p.Hashes))
	}
	return lines
}

// everLine returns what all sessions together did.
func everLine(t telemetry.Totals) string {
	line := fmt.Sprintf("ever: %d accepted, %d rejected, %d stale, %d lost, %s hashes in %s, best difficulty ",
		t.Accepted, t.Rejected, t.Stale, t.Lost, telemetry.FormatCount(t.Hashes), telemetry.FormatSeconds(t.Seconds))
	if t.BestDifficulty == 0 {
		return line + "none"
	}
	line += telemetry.FormatDifficulty(t.BestDifficulty) + " on " + t.BestAt.Local().Format(time.DateOnly) + " at " + t.BestPool
	if t.BlocksFound > 0 {
		line += fmt.Sprintf(", %d found a block", t.BlocksFound)
	}
	return line
}
