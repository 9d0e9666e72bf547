package hashing

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"quarry/internal/testutil"
	"strings"
	"testing"
)

// random returns a fixed sequence, so that a failure can be repeated.
func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func randomHeader(r *rand.Rand) Header { return Header(randomBytes(r, HeaderSize)) }

func TestReferenceAgainstTheStandardLibrary(t *testing.T) {
	r := random(1)
	check := func(data []byte) {
		first := sha256.Sum256(data)
		if got := Sum256(data); got != Hash(first) {
			t.Fatalf("Sum256 of %d bytes is %x, want %x", len(data), got[:], first)
		}
		if got, want := Sum256d(data), sha256.Sum256(first[:]); got != Hash(want) {
			t.Fatalf("Sum256d of %d bytes is %x, want %x", len(data), got[:], want)
		}
	}
	for n := range 260 { // every position of the padding
		check(randomBytes(r, n))
	}
	for range 100 {
		check(randomBytes(r, r.IntN(10000)))
	}
}

func TestHashAsNumber(t *testing.T) {
	var h Hash
	h[31], h[0] = 0x80, 0x01
	if h.TopWord() != 0x80000000 {
		t.Errorf("top word is %08x, want 80000000", h.TopWord())
	}
	if got := hashNumber(h).String(); got != h.String() || !strings.HasPrefix(got, "80") || !strings.HasSuffix(got, "01") {
		t.Errorf("as a number the hash is %s, shown as %s", got, h)
	}
}

func TestTargetComparesAllBits(t *testing.T) {
	r := random(2)
	for range 2000 {
		a := Hash(randomBytes(r, 32))
		b := a
		b[r.IntN(32)] ^= 1 << r.IntN(8)
		x, y := hashNumber(a), hashNumber(b)
		want := x.big().Cmp(y.big())
		if x.Cmp(y) != want || y.Cmp(x) != -want || x.Cmp(x) != 0 {
			t.Fatalf("Cmp of %s and %s is %d, want %d", x, y, x.Cmp(y), want)
		}
		if y.MetBy(a) != (want <= 0) {
			t.Fatalf("target %s met by %s: %v", y, a, y.MetBy(a))
		}
		if TargetFromBytes(x.Bytes()) != x {
			t.Fatalf("%s does not survive its bytes", x)
		}
		if a.TopWord() > y.TopWord() && y.MetBy(a) {
			t.Fatalf("limit word of %s would lose %s", y, a)
		}
	}
	if !MaxTarget().MetBy(Hash{31: 0xff}) || (Target{}).MetBy(Hash{0: 1}) || !(Target{}).MetBy(Hash{}) {
		t.Error("the easiest or the hardest target is judged wrong")
	}
}

func TestDifficultyOne(t *testing.T) {
	parsed, err := ParseDifficulty("1")
	if err != nil || parsed != DifficultyOne() {
		t.Fatalf("ParseDifficulty(1) = %v, %v; want %v", parsed, err, DifficultyOne())
	}
	if got := DifficultyOne().Target().Difficulty(); got != 1 {
		t.Errorf("difficulty of its target is %v, want 1", got)
	}
	if DifficultyOne().Target().TopWord() != 0 {
		t.Error("limit word of difficulty 1 is not 0")
	}
}

func TestParseDifficultyRefuses(t *testing.T) {
	for _, text := range []string{
		"", " ", "0", "0.0", "-0", "-1", "-1e-9", "+1", "1 ", " 1", ".5", "5.", "1e", "1e+", "e5", "1e401", "1e-401",
		"1e99999999999999999999", "0x10", "1/3", "1_000", "1p4", "Inf", "NaN", "null", "1,5", "1.2.3", "1e5e5", "--1",
		strings.Repeat("1", 101), "1." + strings.Repeat("0", 200), "\x00", "½",
	} {
		if d, err := ParseDifficulty(text); err == nil {
			t.Errorf("ParseDifficulty(%.40q) = %v, want an error", text, d)
		} else if len(err.Error()) > 300 {
			t.Errorf("the error for %.40q has %d characters", text, len(err.Error()))
		}
	}
}

func TestParseDifficultyExtremes(t *testing.T) {
	one := Target{}
	one.limbs[3] = 1
	for text, want := range map[string]Target{
		"1e400": one, "1e68": one, "1e-400": MaxTarget(), "1e-10": MaxTarget(),
		"010": targetOf(t, "10"), "1E3": targetOf(t, "1000"), "1e+3": targetOf(t, "1000"),
		strings.Repeat("9", 95) + "e400": one,
	} {
		d, err := ParseDifficulty(text)
		if err != nil {
			t.Errorf("ParseDifficulty(%q): %v", text, err)
			continue
		}
		if d.Target() != want {
			t.Errorf("target of %s is %s, want %s", text, d.Target(), want)
		}
		if v := d.Float64(); !(v > 0) || math.IsInf(v, 0) {
			t.Errorf("%s as a float64 is %v, want it above zero and finite", text, v)
		}
	}
}

func targetOf(t *testing.T, text string) Target {
	t.Helper()
	d, err := ParseDifficulty(text)
	if err != nil {
		t.Fatal(err)
	}
	return d.Target()
}

func FuzzParseDifficulty(f *testing.F) {
	for _, v := range loadVectors(f).Difficulties {
		f.Add(v.Difficulty)
	}
	for _, text := range []string{"-1", "1e400", "1e-400", "0x1p3", "1/3", "", "1e999999999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDifficulty(text)
		if err != nil {
			return
		}
		if d.Target() == (Target{}) || !(d.Float64() > 0) || math.IsInf(d.Float64(), 0) {
			t.Fatalf("%q gives target %s, float64 %v", text, d.Target(), d.Float64())
		}
		// The target is the largest T with T * d <= difficulty 1's target.
		ratio, _ := new(big.Rat).SetString(text)
		limit := new(big.Rat).SetInt(difficultyOne())
		number := d.Target().big()
		if number.Cmp(big.NewInt(1)) > 0 && new(big.Rat).Mul(new(big.Rat).SetInt(number), ratio).Cmp(limit) > 0 {
			t.Fatalf("%q gives target %s: too easy", text, d.Target())
		}
		next := new(big.Rat).SetInt(number.Add(number, big.NewInt(1)))
		if d.Target() != MaxTarget() && next.Mul(next, ratio).Cmp(limit) <= 0 {
			t.Fatalf("%q gives target %s: too hard", text, d.Target())
		}
	})
}

func FuzzTargetFromNBits(f *testing.F) {
	for _, v := range loadVectors(f).NBits {
		f.Add(testutil.Word32(f, v.NBits))
	}
	f.Add(uint32(0x21ffff00))
	f.Add(uint32(0x2200ffff))
	f.Add(uint32(0x230000ff))
	f.Fuzz(func(t *testing.T, nbits uint32) {
		got, err := TargetFromNBits(nbits)
		// Bitcoin's arith_uint256::SetCompact, with numbers of any size.
		size, word := int(nbits>>24), int64(nbits&0x7fffff)
		want := new(big.Int).Lsh(big.NewInt(word), uint(8*max(size-3, 0)))
		want.Rsh(want, uint(8*max(3-size, 0)))
		switch {
		case want.Sign() == 0:
			if !errors.Is(err, ErrNBitsZero) {
				t.Fatalf("%08x: error is %v, want zero", nbits, err)
			}
		case nbits&0x800000 != 0:
			if !errors.Is(err, ErrNBitsNegative) {
				t.Fatalf("%08x: error is %v, want negative", nbits, err)
			}
		case want.BitLen() > 256:
			if !errors.Is(err, ErrNBitsOverflow) {
				t.Fatalf("%08x: error is %v, want overflow", nbits, err)
			}
		default:
			if err != nil || got.big().Cmp(want) != 0 {
				t.Fatalf("%08x gives %s, %v; want %064x", nbits, got, err, want)
			}
		}
	})
}

func TestPrehashHoldsTheMidstates(t *testing.T) {
	r := random(3)
	for range 50 {
		header := randomHeader(r)
		versions := make([]uint32, 1+r.IntN(MaxVersions))
		for i := range versions {
			versions[i] = r.Uint32()
		}
		var p Prehash
		p.Set(&header, versions, r.Uint32())
		if p.Versions != len(versions) {
			t.Fatalf("prehash has %d versions, want %d", p.Versions, len(versions))
		}
		for i, version := range versions {
			// Continue from the midstate: the result must be the header's SHA-256.
			h := header
			h.SetVersion(version)
			block := [16]uint32{p.Tail[0], p.Tail[1], p.Tail[2], binary.BigEndian.Uint32(h[76:]), 0x80000000, 15: 640}
			state := p.Midstates[i]
			compress(&state, &block)
			for j, want := range wordsOf(sha256.Sum256(h[:])) {
				if state[j] != want {
					t.Fatalf("version %d: word %d is %08x, want %08x", i, j, state[j], want)
				}
			}
		}
	}
}

func wordsOf(sum [32]byte) (words [8]uint32) {
	for i := range words {
		words[i] = binary.BigEndian.Uint32(sum[4*i:])
	}
	return words
}

func TestPrehashRefusesAWrongNumberOfVersions(t *testing.T) {
	for _, n := range []int{0, MaxVersions + 1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Set with %d versions did not panic", n)
				}
			}()
			new(Prehash).Set(new(Header), make([]uint32, n), 0)
		}()
	}
}

// TestDifficultyFromTarget wants the difficulty of a target to be never easier, and
// harder by less than one in 2^40.
func TestDifficultyFromTarget(t *testing.T) {
	r := random(8)
	for bits := range 256 {
		target := targetFromBig(new(big.Int).Lsh(big.NewInt(r.Int64N(1<<62)|1<<62), uint(bits)))
		d, err := DifficultyFromTarget(target)
		if err != nil {
			t.Fatal(err)
		}
		lost := new(big.Int).Sub(target.big(), d.Target().big())
		if lost.Sign() < 0 || lost.Lsh(lost, 40).Cmp(target.big()) >= 0 {
			t.Errorf("%v became %v, difficulty %v", target, d.Target(), d)
		}
	}
	if d, err := DifficultyFromTarget(Target{}); err == nil {
		t.Errorf("no target has difficulty %v", d)
	}
}
