package bench

import (
	"testing"

	"quarry/telemetry"
)

// TestClock has only an upper bound: load makes the clock look slower, but
// nothing makes it look faster, except a chain that is shorter than assumed.
func TestClock(t *testing.T) {
	hertz := clock()
	if !clockKnown() {
		if hertz.OK {
			t.Errorf("a clock of %v where nobody has checked the loop", hertz)
		}
		return
	}
	if hertz.OK && (hertz.Value <= 0 || hertz.Value > 10e9) {
		t.Errorf("a clock of %v hertz", hertz)
	}
}

func TestDependentChain(t *testing.T) {
	x := uint64(3)
	for range 8 {
		x = (x + 5) ^ 5
	}
	if got := dependent(3, 5, 1); got != x {
		t.Errorf("one step gives %d, want %d", got, x)
	}
}

func TestAgreed(t *testing.T) {
	some := telemetry.Known
	for _, c := range []struct{ before, after, want telemetry.Reading }{
		{some(4e9), some(4e9), some(4e9)},
		{some(4e9), some(3.9e9), some(3.95e9)},
		{some(4e9), some(3.7e9), telemetry.Reading{}},
		{telemetry.Reading{}, some(4e9), telemetry.Reading{}},
		{some(4e9), telemetry.Reading{}, telemetry.Reading{}},
	} {
		if got := agreed(c.before, c.after); got != c.want {
			t.Errorf("agreed(%v, %v) = %v, want %v", c.before, c.after, got, c.want)
		}
	}
}
