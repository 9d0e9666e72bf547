package main

import (
	"math"
	"strings"
	"testing"

	"quarry/hashing"
	"quarry/stratum"
	"quarry/work"
)

func TestDifficultyStep(t *testing.T) {
	m := &machine{rate: hashing.Rate{Plain: 100e6, Rolled: 200e6}}
	network, err := hashing.ParseDifficulty("1e9")
	if err != nil {
		t.Fatal(err)
	}
	suggested, err := hashing.ParseDifficulty("0.4")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		difficulty string
		mask       uint32
		pool       stratum.Pool
		machine    *machine
		state      stratum.State
		says       string
	}{
		{"1", 0x1fffe000, stratum.Pool{}, m, stratum.StateOK, "one share in 21s at 200.00 MH/s"},
		{"1", 0, stratum.Pool{}, m, stratum.StateOK, "one share in 43s at 100.00 MH/s"},
		{"0.0002", 0x1fffe000, stratum.Pool{}, m, stratum.StateOK, "until the pool raises it (--suggest-difficulty 0.5"},
		{"16384", 0x1fffe000, stratum.Pool{}, m, stratum.StateWarn, "one share in 4d02h at 200.00 MH/s; pools that disconnect after 5m00s without a share would do so every 5m00s -> " +
			"ask for a lower difficulty (--suggest-difficulty 0.5, or the password d=0.5 where the pool supports it), or use a pool for small miners"},
		{"16384", 0x1fffe000, stratum.Pool{SuggestDifficulty: suggested}, m, stratum.StateWarn, "ignores the suggested difficulty: try the password d=0.5"},
		{"1e10", 0, stratum.Pool{}, &machine{}, stratum.StateWarn, "a share is harder to find than a block"},
		{"1e10", 0, stratum.Pool{}, m, stratum.StateWarn, "or use a pool for small miners"},
		{"1e300", 0, stratum.Pool{}, m, stratum.StateWarn, "one share in over a million years"},
		{"1e-300", 0, stratum.Pool{}, m, stratum.StateOK, "one share in <1ms"},
		{"1", 0, stratum.Pool{}, &machine{}, stratum.StateOK, "the speed of this machine is unknown"},
	} {
		d, err := hashing.ParseDifficulty(c.difficulty)
		if err != nil {
			t.Fatal(err)
		}
		job := &work.Job{VersionMask: c.mask, NetworkKnown: true, NetworkTarget: network.Target()}
		s := difficultyStep(&stratum.Offer{Job: job, Difficulty: d}, c.pool, c.machine)
		if text := s.Text + " -> " + s.Advice; s.State != c.state || !strings.Contains(text, c.says) {
			t.Errorf("difficulty %s: %s %s\nwant %s %s", c.difficulty, s.State, text, c.state, c.says)
		}
	}
}

// TestTimeToIdle against a sum: pauses come one after another, each is short
// with the chance q, and a short one lasts on average as long as it does.
func TestTimeToIdle(t *testing.T) {
	for _, each := range []float64{30, 100, 300, 3000} {
		const pause = 300.0
		q := -math.Expm1(-pause / each)
		short := each - pause*(1-q)/q // the mean of an exponential pause below the bound
		want := pause
		for chance, n := q, 0; n < 1e6 && chance > 0; n++ { // another short pause before
			want += chance * short
			chance *= q
		}
		if got := timeToIdle(each, pause); math.Abs(got-want) > 1e-6*want {
			t.Errorf("%v: %v, want %v", each, got, want)
		}
	}
}
