package typed

import (
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "1h30m": 90 * time.Minute, "0": 0, "0s": 0, "-1s": -time.Second, " 5m ": 5 * time.Minute,
		"1d": day, "1d12h": day + 12*time.Hour, "1.5d": day + 12*time.Hour, "-2d": -2 * day, "0d": 0, "3650d": 3650 * day,
	} {
		if got, likely, ok := Duration(text); !ok || got != want || likely != "" {
			t.Errorf("%q: %v, %q, %v, want %v", text, got, likely, ok, want)
		}
	}
	for text, want := range map[string]string{
		"30": "30s", "1h30": "1h30m", "5m30": "5m30s", "1d6": "1d6h", "30 s": "30s", "5min": "5m", "2 days": "2d", "10 Minutes": "10m",
		"1h 30m": "1h30m", "1.5": "1.5s", "2H": "2h",
		"": "", "ten": "", "d": "", "1d-2h": "", "5x": "", "1e9d": "", "999999d": "", "1..5": "", "soon": "", "1d2d": "",
	} {
		if got, likely, ok := Duration(text); ok || likely != want {
			t.Errorf("%q: %v, %q, %v, want it refused, and %q suggested", text, got, likely, ok, want)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0s", time.Minute: "1m", 24 * time.Hour: "24h", 90 * time.Second: "1m30s"} {
		if got := FormatDuration(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"mine", "check", "threads", "status_interval", "idle"}
	for text, want := range map[string]string{
		"mien": "mine", "thread": "threads", "THREADS": "threads", "status": "status_interval", "status-intervall": "status_interval",
		"x": "", "nonsense": "", "ilde": "idle", "": "",
	} {
		if got := Nearest(text, known); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzDuration(f *testing.F) {
	f.Add("1h30")
	f.Fuzz(func(t *testing.T, text string) {
		if _, likely, ok := Duration(text); !ok && likely != "" {
			if _, _, ok := Duration(likely); !ok {
				t.Errorf("%q: the suggestion %q is no time", text, likely)
			}
		}
	})
}
