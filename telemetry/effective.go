package telemetry

import (
	"math"
	"time"
)

// HashesPerDifficulty is the expected number of hashes for one share of difficulty 1: 2^256 over the difficulty-1
// target 0xffff * 2^208, that is 2^48 / 65535 (a little more than 2^32).
const HashesPerDifficulty = float64(1<<48) / 65535

// confidence is the coverage of an Effective's interval.
const confidence = 0.95

// ExpectedHashes returns the average number of hashes that finding one share of the difficulty takes.
func ExpectedHashes(difficulty float64) float64 { return difficulty * HashesPerDifficulty }

// ExpectedShareSeconds returns the average time between shares of a difficulty at a speed in hashes per second;
// unavailable unless both are above 0.
func ExpectedShareSeconds(difficulty, hashesPerSecond float64) Reading {
	if !(difficulty > 0) || !(hashesPerSecond > 0) {
		return Reading{}
	}
	return Known(ExpectedHashes(difficulty) / hashesPerSecond)
}

// Effective is the hash rate that the pool's accepted shares imply, in hashes per second. Low and High are the
// ends of its 95 % confidence interval.
type Effective struct {
	HashesPerSecond Reading `json:"hashes_per_second"`
	Low             Reading `json:"low_hashes_per_second"`
	High            Reading `json:"high_hashes_per_second"`
}

// Effective returns the effective rate over elapsed; current is the currently assigned difficulty (0: unknown),
// that of the next share.
//
// Shares come as a Poisson process, so for one difficulty this is the exact (Garwood) interval. When the
// difficulty changed in between it is the gamma interval of Fay and Feuer (Statistics in Medicine 16, 1997) for a
// weighted sum of Poisson counts, which is the same for equal weights.
func (s Shares) Effective(elapsed time.Duration, current float64) Effective {
	if elapsed < minElapsed {
		return Effective{}
	}
	scale := HashesPerDifficulty / elapsed.Seconds()
	low, high := weightedPoisson(s.weights, clamp(current))
	e := Effective{HashesPerSecond: Known(s.AcceptedDifficulty * scale), Low: Known(low * scale)}
	if high > 0 {
		e.High = Known(high * scale)
	}
	return e
}

// weightedPoisson bounds the expectation of a weighted sum of Poisson counts; high is 0 when it is unknown.
func weightedPoisson(w weights, current float64) (low, high float64) {
	tail := (1 - confidence) / 2
	if w.squares > 0 {
		unit := w.squares / w.sum // the weight of a share if all had the same
		low = unit * gammaQuantile(w.sum/unit, tail)
	}
	next := max(w.largest, current)
	sum, squares := w.sum+next, w.squares+next*next
	if squares > 0 {
		unit := squares / sum
		high = unit * gammaQuantile(sum/unit, 1-tail)
	}
	return low, high
}

// gammaQuantile returns the value that a gamma variable of the shape (>= 1 here) and scale 1 stays below with
// probability p: half the chi-square quantile for twice the shape. Above a shape of 1000 the Wilson-Hilferty
// approximation alone is accurate to better than 1e-6; below it is the first guess of a bisection.
func gammaQuantile(shape, p float64) float64 {
	c := 1 / (9 * shape)
	z := math.Sqrt2 * math.Erfinv(2*p-1)
	guess := shape * math.Pow(max(1-c+z*math.Sqrt(c), 0), 3)
	if shape > 1000 {
		return guess
	}
	low, high := 0.0, 2*guess+20
	for range 60 {
		mid := (low + high) / 2
		if gammaBelow(shape, mid) < p {
			low = mid
		} else {
			high = mid
		}
	}
	return (low + high) / 2
}

// gammaBelow returns the regularized lower incomplete gamma function P(shape, x), by its series (Abramowitz and Stegun
// 6.5.29); all terms are positive, so it is stable everywhere, and for shapes up to 1000 short enough.
func gammaBelow(shape, x float64) float64 {
	if x <= 0 {
		return 0
	}
	logGamma, _ := math.Lgamma(shape + 1)
	term := math.Exp(shape*math.Log(x) - x - logGamma)
	sum := term
	for n := 1.0; n < 10000 && term > sum*1e-16; n++ {
		term *= x / (shape + n)
		sum += term
	}
	return min(sum, 1)
}
