package config

import "time"

// Run is the [run] table: when the run ends by itself, and what it leaves.
type Run struct {
	Shares int64         // end after this many accepted shares; 0 = never
	Time   time.Duration // end after this time; 0 = never
	Retry  bool          // keep trying when no pool is reachable
	State  string        // file of the totals of all runs; "auto" = the standard place, "" = none
	Keys   bool          // read keys on a terminal
}

func (*Run) table() table {
	return table{name: "run", category: "Run", title: "When a run ends by itself.", settings: []Setting{
		{Key: "shares", Kind: Int, Default: "0", Max: 1e15, Env: "QUARRY_SHARES", Flag: "shares",
			Doc: "end after this many accepted shares, 0 = no limit", Example: "100"},
		{Key: "time", Kind: Duration, Default: "0s", Min: int64(time.Millisecond), Max: int64(10 * 365 * 24 * time.Hour), Env: "QUARRY_TIME", Flag: "time",
			Doc: "end after this time, 0s = no limit", Example: "8h"},
		{Key: "retry", Kind: Bool, Default: "true", Env: "QUARRY_RETRY", Flag: "no-retry", Inverted: true,
			Doc:  "keep trying when no pool can be reached",
			Long: "When off, quarry ends with exit code 3 instead."},
		{Key: "state", Kind: Path, Default: "auto", Allowed: []string{"auto", "none"}, Env: "QUARRY_STATE", Flag: "state",
			Doc:     "file for totals and the best share of all runs, auto or none",
			Long:    "auto is quarry/state.json in $XDG_STATE_HOME or ~/.local/state (on Windows\nin %LocalAppData%). Runs that share a file add up in it; practice does not\ncount. none, or an empty text, keeps nothing.",
			Example: "/var/lib/quarry/state.json"},
		{Key: "keys", Kind: Bool, Default: "true", Env: "QUARRY_KEYS", Flag: "no-keys", Inverted: true,
			Doc: "read keys on a terminal, such as p for pause"},
	}}
}

func (s *Run) set(_ checker, all values) {
	own := all.one("run").items
	*s = Run{
		Shares: own["shares"].num,
		Time:   time.Duration(own["time"].num),
		Retry:  own["retry"].yes,
		State:  own["state"].text,
		Keys:   own["keys"].yes,
	}
}
