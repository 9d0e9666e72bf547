package localpool

import (
	"encoding/hex"
	"math"
	"testing"
	"time"
)

// The coinbase is a well-formed transaction with its parts where they belong.
func TestTemplateCoinbase(t *testing.T) {
	for _, size := range []int{1, 8, 16} {
		cfg, err := Config{Extranonce2Size: size}.check()
		if err != nil {
			t.Fatal(err)
		}
		job, err := newChain(cfg).template(time.Unix(1_800_000_000, 0))
		if err != nil {
			t.Fatal(err)
		}
		tx := append(append(append([]byte{}, job.coinb1...), make([]byte, extranonce1In+size)...), job.coinb2...)
		script := int(tx[41])
		if script > 100 || tx[42] != 3 || hex.EncodeToString(tx[43:46]) != "a1bb0d" { // 900001, little-endian
			t.Errorf("script of %d bytes begins %x", script, tx[42:46])
		}
		rest := tx[42+script:]
		if hex.EncodeToString(rest[:5]) != "ffffffff02" {
			t.Fatalf("after the script: %x", rest[:5])
		}
		rest = rest[5+8:]
		rest = rest[1+int(rest[0])+8:]
		commitment := rest[1 : 1+int(rest[0])]
		if len(commitment) != 38 || hex.EncodeToString(commitment[:6]) != "6a24aa21a9ed" {
			t.Errorf("commitment output %x", commitment)
		}
		if rest = rest[1+int(rest[0]):]; hex.EncodeToString(rest) != "00000000" {
			t.Errorf("at the end: %x", rest)
		}
		if job.NTime != "6b49d200" || job.Version != "20000000" || job.height != firstHeight+1 {
			t.Errorf("job %+v", job.Notify)
		}
	}
}

func TestTemplateBranches(t *testing.T) {
	for branches, ok := range map[int]func(int) bool{
		-1: func(n int) bool { return n == 0 },
		0:  func(n int) bool { return n <= 12 },
		7:  func(n int) bool { return n == 7 },
		32: func(n int) bool { return n == 32 },
	} {
		cfg, err := Config{Branches: branches}.check()
		if err != nil {
			t.Fatal(err)
		}
		c := newChain(cfg)
		seen := make(map[string]bool)
		for range 50 {
			job, err := c.template(time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if !ok(len(job.branches)) || seen[job.JobID] {
				t.Errorf("setting %d: %d branches, job %s", branches, len(job.branches), job.JobID)
			}
			seen[job.JobID] = true
		}
	}
}

func TestRetarget(t *testing.T) {
	cfg, err := Config{}.check()
	if err != nil {
		t.Fatal(err)
	}
	c := newChain(cfg)
	difficulty := func() float64 {
		target, ok := CompactTarget(c.nbits)
		if !ok {
			t.Fatalf("nbits %08x", c.nbits)
		}
		return difficultyOf(target)
	}
	near := func(want float64) {
		t.Helper()
		if got := difficulty(); math.Abs(got/want-1) > 0.05 {
			t.Errorf("network difficulty %v, want %v", got, want)
		}
	}
	near(startNetwork)
	c.retarget(1e12, 1)
	near(maxRetarget) // no faster
	for range 20 {
		c.retarget(1e12, 1)
	}
	near(1e12 * foundEvery.Seconds() / hashesPerDifficulty)
	for range 40 {
		c.retarget(0, 0)
	}
	near(minimalNetwork)
	c.retarget(0, 7)
	near(7 * networkPerJob)
}

func TestCompactRoundTrip(t *testing.T) {
	for _, difficulty := range []float64{5e-10, 1e-6, 0.0005, 0.5, 1, 4, 123, 1e6, 1e14} {
		target, ok := CompactTarget(nbitsOf(difficulty))
		if !ok || math.Abs(difficultyOf(target)/difficulty-1) > 0.05 {
			t.Errorf("difficulty %v became nbits %08x", difficulty, nbitsOf(difficulty))
		}
	}
}
