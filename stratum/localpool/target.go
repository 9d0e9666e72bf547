package localpool

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

const (
	maxDifficultyText = 64  // characters of a difficulty
	maxExponent       = 400 // decimal exponent beyond which no difficulty makes sense
)

// Difficulty is a share difficulty as it is sent to the miner, a decimal text
// that is a JSON number, and the exact bound that follows from it.
type Difficulty struct {
	text   string
	value  float64  // for control and display only, never for a verdict
	target *big.Int // floor(0xFFFF * 2^208 / text), within [1, 2^256-1]
}

// String returns the decimal text, as sent in mining.set_difficulty.
func (d Difficulty) String() string { return d.text }

// Float64 returns the nearest float64, for display.
func (d Difficulty) Float64() float64 { return d.value }

// Target returns a copy of the 256-bit bound: a hash, read as a little-endian
// number, is a share when it is not above it.
func (d Difficulty) Target() *big.Int { return new(big.Int).Set(d.target) }

// ParseDifficulty reads a positive decimal number ("512", "0.0001", "1e-4").
// The target is computed exactly from the text, not from a float64.
func ParseDifficulty(text string) (Difficulty, error) {
	ratio, err := parseRatio(text)
	if err != nil {
		return Difficulty{}, err
	}
	target := new(big.Int).Mul(difficultyOne(), ratio.Denom())
	target.Quo(target, ratio.Num())
	if target.Sign() == 0 {
		target.SetUint64(1)
	}
	if target.BitLen() > 256 {
		target = maxTarget()
	}
	value, _ := ratio.Float64()
	return Difficulty{text: text, value: value, target: target}, nil
}

// parseRatio reads a positive JSON number of bounded length and exponent, so
// that "1e999999999" costs nothing.
func parseRatio(text string) (*big.Rat, error) {
	if text == "" || len(text) > maxDifficultyText {
		return nil, fmt.Errorf("difficulty of %d characters: give a positive decimal number such as 0.0005", len(text))
	}
	if strings.Trim(text, "0123456789.eE+-") != "" || !json.Valid([]byte(text)) {
		return nil, fmt.Errorf("difficulty %q is not a decimal number: give one such as 0.0005", text)
	}
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		exponent, err := strconv.Atoi(text[i+1:])
		if err != nil || exponent < -maxExponent || exponent > maxExponent {
			return nil, fmt.Errorf("difficulty %q has an exponent beyond %d", text, maxExponent)
		}
	}
	ratio, ok := new(big.Rat).SetString(text)
	if !ok || ratio.Sign() <= 0 {
		return nil, fmt.Errorf("difficulty %q is not above zero", text)
	}
	return ratio, nil
}

// roundDifficulty returns value with two significant digits, in plain decimal
// notation, since some miners do not read exponents.
func roundDifficulty(value float64) (Difficulty, error) {
	short, err := strconv.ParseFloat(strconv.FormatFloat(value, 'e', 1, 64), 64)
	if err != nil {
		return Difficulty{}, fmt.Errorf("round difficulty %v: %w", value, err)
	}
	return ParseDifficulty(strconv.FormatFloat(short, 'f', -1, 64))
}

// difficultyOne returns the truncated difficulty-1 target that every pool uses, 0xFFFF * 2^208.
func difficultyOne() *big.Int { return new(big.Int).Lsh(big.NewInt(0xFFFF), 208) }

func maxTarget() *big.Int {
	one := big.NewInt(1)
	return new(big.Int).Sub(new(big.Int).Lsh(one, 256), one)
}

// CompactTarget expands nbits (Bitcoin's compact form: top byte the length in
// bytes, bit 23 the sign). It reports false when the value is zero, negative
// or beyond 256 bits: the network target is then unknown.
func CompactTarget(nbits uint32) (*big.Int, bool) {
	size, mantissa := uint(nbits>>24), int64(nbits&0x007fffff)
	target := big.NewInt(mantissa)
	if size <= 3 {
		target.Rsh(target, 8*(3-size))
	} else {
		target.Lsh(target, 8*(size-3))
	}
	negative := nbits&0x00800000 != 0
	if target.Sign() == 0 || negative || target.BitLen() > 256 {
		return nil, false
	}
	return target, true
}

// compactFrom returns the inverse of CompactTarget, rounding the target down.
func compactFrom(target *big.Int) uint32 {
	size := uint((target.BitLen() + 7) / 8)
	mantissa := new(big.Int).Set(target)
	if size <= 3 {
		mantissa.Lsh(mantissa, 8*(3-size))
	} else {
		mantissa.Rsh(mantissa, 8*(size-3))
	}
	bits := uint32(mantissa.Uint64())
	if bits&0x00800000 != 0 { // the sign bit must stay clear
		bits >>= 8
		size++
	}
	return uint32(size)<<24 | bits
}

// hashNumber reads a SHA-256d output as the little-endian number that targets
// are compared with.
func hashNumber(hash [32]byte) *big.Int {
	slices.Reverse(hash[:])
	return new(big.Int).SetBytes(hash[:])
}

// difficultyOf returns 0xFFFF * 2^208 / number as the nearest float64; zero counts as one.
func difficultyOf(number *big.Int) float64 {
	if number.Sign() == 0 {
		number = big.NewInt(1)
	}
	value, _ := new(big.Rat).SetFrac(difficultyOne(), number).Float64()
	return value
}

// displayHash formats a block hash as usual: bytes reversed, in hex.
func displayHash(hash [32]byte) string {
	slices.Reverse(hash[:])
	return hex.EncodeToString(hash[:])
}
