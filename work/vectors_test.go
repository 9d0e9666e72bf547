package work

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"testing"

	"quarry/hashing"
	"quarry/internal/testutil"
)

// vector is one share of testdata/stratum-v1.json.
type vector struct {
	Name      string
	Subscribe struct {
		Extranonce1     string
		Extranonce2Size int `json:"extranonce2_size"`
	}
	SetDifficulty json.Number `json:"set_difficulty"`
	Notify        []any       `json:"notify_params"`
	Mask          *string     `json:"version_rolling_mask"`
	Submit        struct {
		Extranonce2, NTime, Nonce string
		VersionBits               string `json:"version_bits"`
	}
	Expect struct {
		MerkleRoot  string  `json:"merkle_root_internal"`
		Version     string  `json:"version"`
		Header      string  `json:"header"`
		Hash        string  `json:"hash_internal"`
		Difficulty  float64 `json:"share_difficulty"`
		ShareTarget string  `json:"share_target"`
		Network     string  `json:"network_target"`
		IsBlock     bool    `json:"meets_network_target"`
		IsShare     bool    `json:"meets_share_target"`
	}
}

func loadVectors(t *testing.T) []vector {
	t.Helper()
	var file struct{ Shares []vector }
	testutil.Vectors(t, &file)
	if len(file.Shares) != 6 {
		t.Fatalf("%d share vectors, want 6", len(file.Shares))
	}
	return file.Shares
}

// job builds the vector's job by hand, apart from the Stratum decoder.
func (v vector) job(t *testing.T) *Job {
	t.Helper()
	text := func(i int) string { return v.Notify[i].(string) }
	prev := testutil.Unhex(t, text(1))
	for word := range slices.Chunk(prev, 4) {
		slices.Reverse(word)
	}
	difficulty, err := hashing.ParseDifficulty(v.SetDifficulty.String())
	if err != nil {
		t.Fatal(err)
	}
	job := &Job{
		ID: text(0), PrevHash: hashing.Hash(prev), Coinb1: testutil.Unhex(t, text(2)), Coinb2: testutil.Unhex(t, text(3)),
		Version: testutil.Word32(t, text(5)), NBits: testutil.Word32(t, text(6)), NTime: testutil.Word32(t, text(7)),
		Extranonce1: testutil.Unhex(t, v.Subscribe.Extranonce1), Extranonce2Size: v.Subscribe.Extranonce2Size,
		Difficulty: difficulty,
	}
	for _, branch := range v.Notify[4].([]any) {
		job.Branches = append(job.Branches, hashing.Hash(testutil.Unhex(t, branch.(string))))
	}
	if v.Mask != nil {
		job.VersionMask = testutil.Word32(t, *v.Mask)
	}
	job.NetworkTarget, err = hashing.TargetFromNBits(job.NBits)
	job.NetworkKnown = err == nil
	return job
}

// TestVectors rolls to each recorded share and verifies its nonce.
func TestVectors(t *testing.T) {
	for _, v := range loadVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			job := v.job(t)
			en2, nonce := testutil.Unhex(t, v.Submit.Extranonce2), testutil.Word32(t, v.Submit.Nonce)
			if got := job.MerkleRoot(en2); hex.EncodeToString(got[:]) != v.Expect.MerkleRoot {
				t.Errorf("merkle root %x, want %s", got, v.Expect.MerkleRoot)
			}
			header := job.Header(en2, testutil.Word32(t, v.Expect.Version), testutil.Word32(t, v.Submit.NTime), nonce)
			if got := hex.EncodeToString(header[:]); got != v.Expect.Header {
				t.Errorf("header %s, want %s", got, v.Expect.Header)
			}
			if got := job.NetworkTarget.String(); got != v.Expect.Network {
				t.Errorf("network target %s, want %s", got, v.Expect.Network)
			}
			checkShare(t, v, job, en2, nonce)
		})
	}
}

// checkShare finds the share through Roller, Prehash and Verify.
func checkShare(t *testing.T, v vector, job *Job, en2 []byte, nonce uint32) {
	start := Start{Nonce: nonce}
	for _, b := range en2 {
		start.Extranonce2 = start.Extranonce2<<8 | uint64(b)
	}
	var bits string
	if v.Mask != nil {
		bits = v.Submit.VersionBits
		for spread(start.Version, job.VersionMask) != testutil.Word32(t, bits) {
			start.Version++
		}
	}
	var w Work
	first, err := NewRoller(start).Next(&w, job, 1, 0)
	if err != nil || first != nonce {
		t.Fatalf("roller: nonce %08x, %v", first, err)
	}
	share, verdict := w.Verify(hashing.Hit{Nonce: nonce})
	if wantFound := v.Expect.IsShare; (verdict == Found) != wantFound {
		t.Fatalf("verdict %v, want share %v", verdict, wantFound)
	}
	if hex.EncodeToString(share.Hash[:]) != v.Expect.Hash {
		t.Errorf("hash %x, want %s", share.Hash, v.Expect.Hash)
	}
	if hex.EncodeToString(share.Extranonce2) != v.Submit.Extranonce2 {
		t.Errorf("extranonce2 %x, want %s", share.Extranonce2, v.Submit.Extranonce2)
	}
	if bits != "" && share.Version&^job.Version != testutil.Word32(t, bits) {
		t.Errorf("version bits %08x, want %s", share.Version&^job.Version, bits)
	}
	if job.IsBlock(share.Hash) != v.Expect.IsBlock {
		t.Errorf("block: %v, want %v", job.IsBlock(share.Hash), v.Expect.IsBlock)
	}
	if _, verdict := w.Verify(hashing.Hit{Nonce: nonce + 1}); verdict == Found {
		t.Error("the next nonce passes for a share, too")
	}
}

// TestVerifyTellsMismatchFromMiss: a wrong claim is the kernel's error, a
// right top word above the rest of the target is not.
func TestVerifyTellsMismatchFromMiss(t *testing.T) {
	job := loadVectors(t)[0].job(t) // the genesis block
	job.Difficulty = hashing.DifficultyOne()
	var w Work
	if _, err := NewRoller(Start{Extranonce2: 0x616e6b73}).Next(&w, job, 1, 0); err != nil {
		t.Fatal(err)
	}
	if _, verdict := w.Verify(hashing.Hit{Nonce: 0x7c2bac1d}); verdict != Found {
		t.Errorf("the genesis nonce: verdict %v, want Found", verdict)
	}
	if _, verdict := w.Verify(hashing.Hit{Nonce: 1}); verdict != Mismatch {
		t.Errorf("a nonce of no worth: verdict %v, want Mismatch", verdict)
	}
	if _, verdict := w.Verify(hashing.Hit{Nonce: 0x7c2bac1d, Version: 5}); verdict != Mismatch {
		t.Errorf("a version that the work has not: verdict %v, want Mismatch", verdict)
	}
	harder, err := hashing.ParseDifficulty("2536.5") // the block achieves 2536.43
	if err != nil {
		t.Fatal(err)
	}
	job.Difficulty, job.NetworkKnown = harder, false
	if _, verdict := w.Verify(hashing.Hit{Nonce: 0x7c2bac1d}); verdict != Miss {
		t.Errorf("just above the target: verdict %v, want Miss", verdict)
	}
}

func TestBoundTakesTheEasierTarget(t *testing.T) {
	parse := func(s string) hashing.Difficulty {
		d, err := hashing.ParseDifficulty(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	job := &Job{Difficulty: parse("1e9"), NetworkTarget: parse("1000").Target(), NetworkKnown: true}
	if job.Bound() != job.NetworkTarget {
		t.Error("a block below the share difficulty would be withheld")
	}
	job.NetworkTarget = parse("4.7e-10").Target() // regtest: every second hash a block
	if job.Bound() != job.Difficulty.Target() {
		t.Error("on a toy chain the share target must count alone")
	}
	job.NetworkTarget, job.NetworkKnown = parse("1").Target(), false
	if job.Bound() != job.Difficulty.Target() {
		t.Error("an unknown network target must not count")
	}
}
