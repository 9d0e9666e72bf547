package v1

import (
	"testing"
	"time"
)

// TestWindow: what counts is the last minute, not a minute of the clock.
func TestWindow(t *testing.T) {
	var w window
	begun := time.Now()
	for _, c := range []struct {
		seconds time.Duration
		want    int
	}{{0, 1}, {55, 2}, {65, 2}, {70, 3}, {200, 1}} {
		if got := w.add(begun.Add(c.seconds * time.Second)); got != c.want {
			t.Errorf("at %d s: %d, want %d", c.seconds, got, c.want)
		}
	}
}
