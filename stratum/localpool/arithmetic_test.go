package localpool

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestVectorHeaders(t *testing.T) {
	for _, h := range loadVectors(t).Headers {
		job, err := NewJob(Notify{PrevHash: h.PrevHash, Version: h.Version, NBits: h.NBits, NTime: h.NTime})
		if err != nil {
			t.Fatal(err)
		}
		root, err := decode32(h.Root)
		if err != nil {
			t.Fatal(err)
		}
		nonce, err := decodeUint32(h.Nonce)
		if err != nil {
			t.Fatal(err)
		}
		got := header(job, job.version, root, job.ntime, nonce)
		hash := sha256d(got[:])
		if hex.EncodeToString(got[:]) != h.Header || hex.EncodeToString(hash[:]) != h.Hash {
			t.Errorf("%s: header %x hash %x", h.Name, got, hash)
		}
		if d := difficultyOf(hashNumber(hash)); math.Abs(d/h.Difficulty-1) > 1e-12 {
			t.Errorf("%s: difficulty %v, want %v", h.Name, d, h.Difficulty)
		}
	}
}

func TestVectorVersionBits(t *testing.T) {
	for _, row := range loadVectors(t).VersionBits {
		job, err1 := decodeUint32(row.Job)
		mask, err2 := decodeUint32(row.Mask)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		terms := Terms{Job: &Job{version: job}, Mask: mask, Rolling: true}
		got, reason := rolledVersion(terms, Submission{VersionBits: row.Bits, HasBits: true})
		if fmt.Sprintf("%08x", got) != row.Or || reason != "" {
			t.Errorf("%s with %s: %08x %q, want %s", row.Job, row.Bits, got, reason, row.Or)
		}
		_, reason = rolledVersion(terms, Submission{VersionBits: "80000000", HasBits: true})
		if reason == "" {
			t.Errorf("bits outside mask %s were taken", row.Mask)
		}
	}
}

func TestVectorDifficulties(t *testing.T) {
	for _, row := range loadVectors(t).Difficulties {
		text := strings.Trim(string(row.Difficulty), `"`)
		d, err := ParseDifficulty(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%064x", d.Target()); got != row.Target {
			t.Errorf("difficulty %s: target %s, want %s", text, got, row.Target)
		}
	}
}

func TestVectorNBits(t *testing.T) {
	for _, row := range loadVectors(t).NBits {
		nbits, err := decodeUint32(row.NBits)
		if err != nil {
			t.Fatal(err)
		}
		target, ok := CompactTarget(nbits)
		if ok != (row.Difficulty != nil) {
			t.Errorf("nbits %s: usable %v", row.NBits, ok)
			continue
		}
		if !ok {
			continue
		}
		if got := fmt.Sprintf("%064x", target); got != *row.Target {
			t.Errorf("nbits %s: target %s, want %s", row.NBits, got, *row.Target)
		}
		if d := difficultyOf(target); math.Abs(d / *row.Difficulty - 1) > 1e-12 {
			t.Errorf("nbits %s: difficulty %v, want %v", row.NBits, d, *row.Difficulty)
		}
		if again, ok := CompactTarget(compactFrom(target)); !ok || again.Cmp(target) != 0 {
			t.Errorf("nbits %s does not come back: %08x", row.NBits, compactFrom(target))
		}
	}
}

func TestVectorPrevHash(t *testing.T) {
	for _, row := range loadVectors(t).PrevHash {
		in, err := decode32(row.Stratum)
		if err != nil {
			t.Fatal(err)
		}
		if got := swapWords(in); hex.EncodeToString(got[:]) != row.Header {
			t.Errorf("%s became %x", row.Stratum, got)
		}
	}
}

func TestParseDifficulty(t *testing.T) {
	for _, bad := range []string{"", "0", "-1", "0.0", "1/2", "0x10", "1_0", "1e999999999", "1e-401", "NaN", "Inf",
		" 1", "1 ", "+1", ".5", "5.", "07", "null", strings.Repeat("1", 65)} {
		if d, err := ParseDifficulty(bad); err == nil {
			t.Errorf("%q was taken as %v", bad, d)
		}
	}
	for text, want := range map[string]string{
		"1e-400": strings.Repeat("f", 64),
		"1e400":  strings.Repeat("0", 63) + "1",
	} {
		d, err := ParseDifficulty(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%064x", d.Target()); got != want {
			t.Errorf("%s: target %s, want %s", text, got, want)
		}
	}
	for value, want := range map[float64]string{0.00028734: "0.00029", 579.2: "580", 2.94e-6: "0.0000029", 1: "1", 1.26e9: "1300000000"} {
		if d, err := roundDifficulty(value); err != nil || d.String() != want {
			t.Errorf("%v rounds to %v (%v), want %s", value, d, err, want)
		}
	}
}
