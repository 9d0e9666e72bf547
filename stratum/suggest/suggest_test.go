package suggest

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/zap"

	"quarry/hashing"
)

func number(t *testing.T, text string) hashing.Difficulty {
	t.Helper()
	d, err := hashing.ParseDifficulty(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var errLow = errors.New("below the minimum")

func TestGood(t *testing.T) {
	for rate, want := range map[float64]string{0: "0", 5e6: "0.01", 50e6: "0.1", 1e9: "2", 100e12: "200000", 512: "0.000001"} {
		if got := Text(Good(rate)); got != want {
			t.Errorf("%v H/s: %s, want %s", rate, got, want)
		}
	}
}

// TestNothing: without a number or a rate nothing is asked for.
func TestNothing(t *testing.T) {
	a := New(hashing.Difficulty{}, nil, zap.NewNop())
	if a != nil || a.Early(time.Now())+a.Late(time.Now())+a.Again(time.Now())+string(a.HungUp(time.Now(), true)) != "" {
		t.Error("something is asked for")
	}
	a.Job(1)
}

// TestFixed: the user's number is asked for at both times, and never changed.
func TestFixed(t *testing.T) {
	a, now := New(number(t, "0.25"), nil, zap.NewNop()), time.Unix(1e9, 0)
	if early, late := a.Early(now), a.Late(now); early != "0.25" || late != "0.25" {
		t.Errorf("%q, %q", early, late)
	}
	a.Job(1e6)
	a.Refused(errLow)
	if again := a.Again(now.Add(time.Hour)); again != "" {
		t.Errorf("again %q", again)
	}
}

// TestAuto: by the rate, once it is known; and again if the pool refuses or ignores
// it or the rate changes, but not often.
func TestAuto(t *testing.T) {
	rate, now := 0.0, time.Unix(1e9, 0)
	a := New(hashing.Difficulty{}, func() float64 { return rate }, zap.NewNop())
	expect := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	expect("early, rate unknown", a.Early(now), "")
	expect("late, rate unknown", a.Late(now), "")
	a.Job(1000)
	expect("rate unknown", a.Again(now), "")
	rate = 5e6
	expect("rate known", a.Again(now), "0.01")
	expect("pool has no time to follow", a.Again(now.Add(10*time.Second)), "")
	expect("no job yet", a.Again(now.Add(time.Minute)), "")
	a.Job(1000)
	expect("ignored: a whole number", a.Again(now.Add(time.Minute)), "1")
	a.Job(1000)
	expect("ignored again", a.Again(now.Add(2*time.Minute)), "")
	a.Refused(errLow)
	expect("refused: a higher one", a.Again(now.Add(2*time.Minute)), "8")
	a.Refused(errLow)
	expect("refused again", a.Again(now.Add(130*time.Second)), "64")
	a.Refused(errLow)
	expect("and again", a.Again(now.Add(140*time.Second)), "512")
	a.Refused(errLow)
	expect("nothing is left below the pool's", a.Again(now.Add(150*time.Second)), "")
	expect("the next session begins where this one ended", a.Early(now), "512")

	a = New(hashing.Difficulty{}, func() float64 { return rate }, zap.NewNop())
	a.Late(now)
	a.Job(1000)
	a.Refused(errors.New("Method not found (-3)"))
	expect("the request is unknown", a.Again(now.Add(time.Minute)), "")

	a = New(hashing.Difficulty{}, func() float64 { return rate }, zap.NewNop())
	expect("early", a.Early(now), "0.01")
	expect("late", a.Late(now), "0.01")
	a.Job(0.01)
	rate = 50e6
	expect("too early for another rate", a.Again(now.Add(time.Minute)), "")
	expect("another rate", a.Again(now.Add(3*time.Minute)), "0.1")
	expect("followed", a.Again(now.Add(4*time.Minute)), "")
	for range 100 { // a rate that jumps
		rate = 55e6 - rate
		now = now.Add(10 * time.Minute)
		a.Again(now)
	}
	if a.count > maxAsked {
		t.Errorf("asked %d times in a session", a.count)
	}
}

// TestHungUp: a pool that hangs up is asked later, then not at all; one that worked
// is not blamed.
func TestHungUp(t *testing.T) {
	a, now := New(number(t, "2"), nil, zap.NewNop()), time.Now()
	a.Early(now)
	if change := a.HungUp(now, false); change == "" || a.Early(now) != "" || a.Late(now) != "2" {
		t.Errorf("after the first time: %q", change)
	}
	if change := a.HungUp(now, true); change == "" || a.Early(now) != "" || a.Late(now) != "" || a.HungUp(now, true) != "" {
		t.Errorf("after the second time: %q", change)
	}
	a = New(number(t, "2"), nil, zap.NewNop())
	for try, want := range []bool{false, true} { // once may be chance
		a.Early(now)
		a.Late(now)
		a.Job(2)
		if change := a.HungUp(now.Add(time.Second), true); change != "" != want {
			t.Errorf("try %d, with a job: %q", try, change)
		}
	}
	if a.Early(now) != "2" || a.Late(now) != "" {
		t.Error("not asked less often")
	}
	a.Job(2)
	if change := a.HungUp(now.Add(gap), true); change != "" {
		t.Errorf("blamed for what it survived: %q", change)
	}
	if change := a.HungUp(now, false); change != "" {
		t.Errorf("blamed: %s", change)
	}
}

// TestTooLate: a pool that listens only before the authorization is connected to again,
// once, when the rate is known only later.
func TestTooLate(t *testing.T) {
	rate, now := 0.0, time.Now()
	a := New(hashing.Difficulty{}, func() float64 { return rate }, zap.NewNop())
	if a.Early(now)+a.Late(now) != "" {
		t.Fatal("asked without a rate")
	}
	a.Job(16384)
	rate = 5e6
	if got := a.Again(now); got != "0.01" {
		t.Fatalf("asked for %q", got)
	}
	if err := a.TooLate(now.Add(patience - time.Second)); err != nil {
		t.Errorf("impatient: %v", err)
	}
	if err := a.TooLate(now.Add(patience)); !errors.Is(err, ErrTooLate) {
		t.Errorf("after %v: %v", patience, err)
	}
	if got := a.Early(now.Add(patience)); got != "0.01" {
		t.Errorf("then asked for %q before the authorization", got)
	}
	a.Job(16384)
	if err := a.TooLate(now.Add(time.Hour)); err != nil {
		t.Errorf("again: %v", err)
	}
	// A pool that follows keeps its session.
	rate = 0
	b := New(hashing.Difficulty{}, func() float64 { return rate }, zap.NewNop())
	b.Early(now)
	rate = 5e6
	b.Again(now)
	b.Job(0.01)
	if err := b.TooLate(now.Add(time.Hour)); err != nil {
		t.Errorf("a pool that follows: %v", err)
	}
}
