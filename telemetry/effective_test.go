package telemetry

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"
)

// The exact 95 % limits of a Poisson mean (Garwood 1936), recomputed by summing the distribution.
func garwood() []struct {
	n         int
	low, high float64
} {
	return []struct {
		n         int
		low, high float64
	}{
		{0, 0.000000, 3.688879},
		{1, 0.025318, 5.571643},
		{2, 0.242209, 7.224688},
		{3, 0.618672, 8.767273},
		{5, 1.623486, 11.668332},
		{10, 4.795389, 18.390356},
		{20, 12.216520, 30.888378},
		{50, 37.110964, 65.918767},
		{100, 81.363991, 121.626794},
		{500, 457.128577, 545.809269},
		{999, 938.004019, 1062.921151},
		{1001, 939.942034, 1064.983105},
		{1500, 1425.042468, 1577.877047},
	}
}

func TestEffectiveAgainstPoissonTable(t *testing.T) {
	for _, row := range garwood() {
		l := NewLedger(nil)
		for range row.n {
			l.Accepted(l.Found(FoundShare{Achieved: 9, Assigned: 4}))
		}
		unit := 4 * HashesPerDifficulty / 100 // one share of difficulty 4 in 100 s
		e := l.Snapshot().Effective(100*time.Second, 4)
		near(t, "rate", e.HashesPerSecond.Value/unit, float64(row.n), 1e-12)
		near(t, "low", e.Low.Value/unit, row.low, 2e-6)
		near(t, "high", e.High.Value/unit, row.high, 2e-6)
		if t.Failed() {
			t.Fatalf("for %d shares", row.n)
		}
	}
}

func TestEffectiveWithoutShares(t *testing.T) {
	s := NewLedger(nil).Snapshot()
	if e := s.Effective(0, 1); e.HashesPerSecond.OK || e.High.OK {
		t.Errorf("at time 0: %+v", e)
	}
	if e := s.Effective(time.Minute, 0); !e.HashesPerSecond.OK || e.HashesPerSecond.Value != 0 || e.High.OK {
		t.Errorf("no shares, no difficulty: %+v", e)
	}
}

// With difficulties that change, the interval must hold the true rate about 95 % of the time, never much less.
func TestEffectiveCoverage(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const trials, trueRate = 2000, 50e6
	covered := 0
	for range trials {
		l := NewLedger(nil)
		for _, phase := range []struct{ difficulty, seconds float64 }{{0.1, 100}, {0.5, 400}, {2, 1000}} {
			mean := phase.difficulty * HashesPerDifficulty / trueRate
			for at := rng.ExpFloat64() * mean; at < phase.seconds; at += rng.ExpFloat64() * mean {
				l.Accepted(l.Found(FoundShare{Assigned: phase.difficulty}))
			}
		}
		e := l.Snapshot().Effective(1500*time.Second, 2)
		if e.Low.Value <= trueRate && trueRate <= e.High.Value {
			covered++
		}
		if !(e.Low.Value < e.HashesPerSecond.Value && e.HashesPerSecond.Value < e.High.Value) {
			t.Fatalf("interval %+v", e)
		}
	}
	if share := float64(covered) / trials; share < 0.94 || share > 0.995 {
		t.Errorf("the interval held the true rate in %.1f %% of %d trials, want 95 %% or a little more", share*100, trials)
	}
}

func TestGammaQuantileSeam(t *testing.T) {
	// On both sides of the change from bisection to the approximation.
	for _, p := range []float64{0.025, 0.975} {
		below, above := gammaQuantile(1000, p), gammaQuantile(1000.0001, p)
		near(t, "quantile over the seam", above/below, 1, 1e-6)
	}
	// A gamma variable of shape 1 is exponential.
	near(t, "exponential", gammaQuantile(1, 0.975), -math.Log(0.025), 1e-12)
	near(t, "P(1, 2)", gammaBelow(1, 2), 1-math.Exp(-2), 1e-14)
	if gammaBelow(3, 0) != 0 || gammaBelow(3, 1e4) > 1 {
		t.Error("gammaBelow leaves [0, 1]")
	}
}

func TestExpectedShare(t *testing.T) {
	if ExpectedHashes(65535) != float64(1<<48) {
		t.Errorf("difficulty 65535 takes %v hashes, want 2^48", ExpectedHashes(65535))
	}
	got := ExpectedShareSeconds(1, 4295032833.0)
	near(t, "difficulty 1 at 4.295 GH/s", got.Value, 1, 1e-9)
	for _, bad := range [][2]float64{{0, 1}, {1, 0}, {-1, 1}, {math.NaN(), 1}, {1, math.NaN()}, {1e300, 1e-300}} {
		if r := ExpectedShareSeconds(bad[0], bad[1]); r.OK {
			t.Errorf("ExpectedShareSeconds(%v, %v) = %v, want unavailable", bad[0], bad[1], r)
		}
	}
}

// TestHashesPerDifficulty: 1 over the chance that a hash meets the target of
// difficulty 1, which is 0xffff * 2^208.
func TestHashesPerDifficulty(t *testing.T) {
	target := new(big.Int).Lsh(big.NewInt(0xffff), 208)
	chance, _ := new(big.Rat).SetFrac(target, new(big.Int).Lsh(big.NewInt(1), 256)).Float64()
	near(t, "hashes per difficulty", HashesPerDifficulty, 1/chance, 1e-14)
}
