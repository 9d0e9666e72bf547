package screen

import (
	"strings"
	"testing"
	"time"

	"quarry/telemetry"
)

// TestPoolLines: several pools have a line each, which says which one it is about
// even if two have the same URL; one pool has none.
func TestPoolLines(t *testing.T) {
	pool := func(user string, accepted uint64) telemetry.Pool {
		return telemetry.Pool{
			PoolStatus: telemetry.PoolStatus{Name: "tcp://a:1 (" + user + ")", URL: "tcp://a:1", User: user},
			Hashes:     3_200_000_000, ActiveSeconds: 750,
			Shares: telemetry.Shares{Accepted: accepted, AcceptedDifficulty: 1.5 * float64(accepted), RejectedBy: map[string]uint64{"duplicate": 1}, Rejected: 1},
		}
	}
	s := telemetry.Snapshot{Pools: []telemetry.Pool{pool("alice", 2), pool("bob", 0)}}
	text := strings.Join(summary{s}.TextLines(), "\n")
	for _, line := range []string{
		"pool tcp://a:1 as alice: 2 accepted, 1 rejected (duplicate 1), 0 stale, 0 lost, accepted difficulty 3, 12m30s, 3.2G hashes",
		"pool tcp://a:1 as bob: 0 accepted, 1 rejected (duplicate 1), 0 stale, 0 lost, accepted difficulty 0, 12m30s, 3.2G hashes",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("no %q in\n%s", line, text)
		}
	}
	s.Pools = s.Pools[:1]
	if text := strings.Join(summary{s}.TextLines(), "\n"); strings.Contains(text, "as alice") {
		t.Errorf("one pool has a line of its own:\n%s", text)
	}
}

// TestEverLine: the summary has the totals of all sessions where they are kept.
func TestEverLine(t *testing.T) {
	s := telemetry.Snapshot{Ever: &telemetry.Totals{Accepted: 12, Stale: 1, Hashes: 5e12, Seconds: 4*86400 + 6*3600}}
	if text := strings.Join(summary{s}.TextLines(), "\n"); !strings.Contains(text, "ever: 12 accepted, 0 rejected, 1 stale, 0 lost, 5T hashes in 4d06h, best difficulty none") {
		t.Error(text)
	}
	s.Ever.BestDifficulty, s.Ever.BestAt, s.Ever.BestPool, s.Ever.BlocksFound = 120, time.Date(2026, 11, 27, 12, 0, 0, 0, time.Local), "tcp://a:1", 1
	if text := strings.Join(summary{s}.TextLines(), "\n"); !strings.Contains(text, "best difficulty 120 on 2026-11-27 at tcp://a:1, 1 found a block") {
		t.Error(text)
	}
	s.Ever = nil
	if text := strings.Join(summary{s}.TextLines(), "\n"); strings.Contains(text, "ever:") {
		t.Error(text)
	}
}
