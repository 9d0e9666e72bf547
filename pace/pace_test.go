package pace

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"quarry/telemetry"
)

// moment is what is seen at one of the pools for a while.
type moment struct {
	pool       int
	difficulty float64
	network    float64 // 0: unknown
	rate       float64 // measured
	lasts      time.Duration
}

// watch has the watch look at the moments.
func watch(w *Watch, moments ...moment) {
	now := time.Unix(1e9, 0)
	for _, m := range moments {
		for passed := time.Duration(0); passed < m.lasts; passed += tick {
			s := telemetry.Snapshot{Time: now, Pools: []telemetry.Pool{{}, {}}, Difficulty: telemetry.Known(m.difficulty)}
			s.Pools[0].Name, s.Pools[1].Name = "a", "b"
			s.Pools[m.pool].State = telemetry.PoolActive
			s.Hashrate.TenSeconds, s.Hashrate.Minute = m.rate, m.rate
			if m.network > 0 {
				s.NetworkDifficulty = telemetry.Known(m.network)
			}
			w.look(s)
			now = now.Add(tick)
		}
	}
}

func TestOutOfReach(t *testing.T) {
	const far, near, fast = 100_000.0, 0.01, 5e6
	for name, c := range map[string]struct {
		expected float64
		moments  []moment
		want     int
	}{
		"in reach":              {fast, []moment{{0, near, 1e14, fast, time.Hour}}, 0},
		"far":                   {fast, []moment{{0, far, 1e14, fast, time.Hour}}, 1},
		"rate unknown at first": {0, []moment{{0, far, 1e14, fast, time.Minute}}, 1},
		"rate never known":      {0, []moment{{0, far, 1e14, 0, time.Hour}}, 0},
		"for a moment":          {fast, []moment{{0, far, 1e14, fast, 4 * time.Second}, {0, near, 1e14, fast, time.Hour}}, 0},
		"of one order":          {fast, []moment{{0, far, 1e14, fast, time.Hour}, {0, near, 1e14, fast, time.Hour}, {0, 2 * far, 1e14, fast, time.Hour}}, 1},
		"of another order":      {fast, []moment{{0, far, 1e14, fast, time.Hour}, {0, 100 * far, 1e14, fast, time.Hour}}, 2},
		"two pools in turns":    {fast, []moment{{0, far, 0, fast, time.Minute}, {1, far, 0, fast, time.Minute}, {0, far, 0, fast, time.Minute}, {1, far, 0, fast, time.Minute}}, 2},
		"easy chain":            {fast, []moment{{0, far, 1e-9, fast, time.Hour}}, 0},
		"a rig":                 {1e15, []moment{{0, far, 1e14, 1e15, time.Hour}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			core, logs := observer.New(zap.WarnLevel)
			watch(New(nil, c.expected, []bool{false, true}, zap.New(core)), c.moments...)
			if logs.Len() != c.want {
				t.Fatalf("said %v, want %d lines", logs.All(), c.want)
			}
			for _, line := range logs.All() {
				fields := line.ContextMap()
				advice := map[any]string{"a": "ask for a lower one with --suggest-difficulty", "b": "does not follow the suggested one"}[fields["pool"]]
				if !strings.Contains(fields["advice"].(string), advice) || fields["suggested_difficulty"] != 0.01 || fields["time_per_share"].(time.Duration) < 24*365*time.Hour {
					t.Errorf("%s %v", line.Message, fields)
				}
			}
		})
	}
}

// TestRate: what was expected counts until it was measured for a while, and a pause
// does not count.
func TestRate(t *testing.T) {
	w := New(nil, 7, nil, zap.NewNop())
	clock := time.Duration(0)
	for _, c := range []struct {
		moment
		want float64
	}{
		{moment{0, 1, 0, 5, 10 * time.Second}, 7}, {moment{0, 1, 0, 5, 10 * time.Second}, 5}, {moment{0, 1, 0, 6, 2 * time.Minute}, 6},
		{moment{0, 1, 0, 0, time.Hour}, 6}, {moment{0, 1, 0, 1, 10 * time.Second}, 6}, {moment{0, 1, 0, 8, 10 * time.Second}, 8},
	} {
		s := telemetry.Snapshot{Pools: []telemetry.Pool{{PoolStatus: telemetry.PoolStatus{State: telemetry.PoolActive}}}, Difficulty: telemetry.Known(1)}
		s.Hashrate.TenSeconds, s.Hashrate.Minute = c.rate, c.rate
		for passed := time.Duration(0); passed < c.lasts; passed += tick {
			clock += tick
			s.Time = time.Unix(1e9, 0).Add(clock)
			w.look(s)
		}
		if w.Rate() != c.want {
			t.Errorf("%+v: rate %v, want %v", c.moment, w.Rate(), c.want)
		}
	}
}
