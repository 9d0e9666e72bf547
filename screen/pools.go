package screen

import (
	"fmt"

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
