package hashing

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Difficulty is how many times harder than difficulty 1 a share is to find. It is
// parsed from decimal text and holds the exact target, so that no float64 ever
// decides about a share. The zero Difficulty is not
// valid; DifficultyOne is the default until a pool sets another.
type Difficulty struct {
	text   string
	value  float64
	target Target
}

const (
	maxDifficultyText = 100 // characters
	maxExponent       = 400 // decimal, positive or negative: limits the big numbers
)

// difficultyOne returns the target of difficulty 1, the truncated one that every
// pool uses ("bdiff"): 0xFFFF * 2^208.
func difficultyOne() *big.Int {
	n := big.NewInt(0xffff)
	return n.Lsh(n, 208)
}

// DifficultyOne is difficulty 1.
func DifficultyOne() Difficulty {
	return Difficulty{text: "1", value: 1, target: targetFromBig(difficultyOne())}
}

// ParseDifficulty reads a positive decimal number in JSON's notation, such as
// 1024, 0.0005 or 1e-9, exactly. Its target is floor(0xFFFF * 2^208 / d), kept
// within 1 .. 2^256-1.
func ParseDifficulty(text string) (Difficulty, error) {
	if err := checkDecimal(text); err != nil {
		return Difficulty{}, fmt.Errorf("difficulty %.40q: %w", text, err)
	}
	d, ok := new(big.Rat).SetString(text)
	if !ok {
		return Difficulty{}, fmt.Errorf("difficulty %.40q: want a decimal number such as 1024 or 0.0005", text)
	}
	if d.Sign() <= 0 {
		return Difficulty{}, fmt.Errorf("difficulty %.40q: must be above zero", text)
	}
	number := new(big.Int).Mul(difficultyOne(), d.Denom())
	target := targetFromBig(number.Quo(number, d.Num()))
	value, _ := d.Float64()
	if value == 0 || math.IsInf(value, 0) { // beyond the range of float64 and targets
		value = target.Difficulty()
	}
	return Difficulty{text: text, value: value, target: target}, nil
}

// DifficultyFromTarget returns the difficulty of a target, which must not be zero:
// rounded up in the 25th decimal place (the 85th below difficulty 1), so that its
// own target is never above the one given.
func DifficultyFromTarget(t Target) (Difficulty, error) {
	target := t.big()
	if target.Sign() == 0 {
		return Difficulty{}, errors.New("target: must be above zero")
	}
	ratio := new(big.Rat).SetFrac(difficultyOne(), target)
	digits := 85
	if ratio.Cmp(big.NewRat(1, 1)) >= 0 {
		digits = 25
	}
	ulp := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil))
	return ParseDifficulty(ratio.Add(ratio, ulp).FloatString(digits))
}

// checkDecimal accepts only JSON numbers of limited size, because big.Rat would also
// read fractions, hex and exponents of any size.
func checkDecimal(text string) error {
	if len(text) == 0 || len(text) > maxDifficultyText {
		return fmt.Errorf("want 1 to %d characters", maxDifficultyText)
	}
	mantissa, exponent, hasExponent := strings.Cut(strings.ToLower(text), "e")
	whole, fraction, hasFraction := strings.Cut(strings.TrimPrefix(mantissa, "-"), ".")
	if !digits(whole) || hasFraction && !digits(fraction) {
		return fmt.Errorf("want a decimal number such as 1024 or 0.0005")
	}
	if hasExponent {
		e, err := strconv.Atoi(exponent)
		if err != nil || e < -maxExponent || e > maxExponent {
			return fmt.Errorf("want an exponent between -%d and %d", maxExponent, maxExponent)
		}
	}
	return nil
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// Target returns the share target of this difficulty.
func (d Difficulty) Target() Target { return d.target }

// Float64 returns the nearest float64, always above zero and finite: for people
// and statistics.
func (d Difficulty) Float64() float64 { return d.value }

// String returns the decimal text that the difficulty was parsed from.
func (d Difficulty) String() string { return d.text }
