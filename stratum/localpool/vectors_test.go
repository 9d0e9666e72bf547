package localpool

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
)

type vectors struct {
	Shares  []vectorShare `json:"shares"`
	Headers []struct {
		Name       string
		Version    string
		PrevHash   string `json:"prevhash_stratum"`
		Root       string `json:"merkle_root_internal"`
		NTime      string
		NBits      string
		Nonce      string
		Header     string
		Hash       string `json:"hash_internal"`
		Difficulty float64
	} `json:"headers"`
	VersionBits []struct {
		Job  string `json:"job_version"`
		Mask string
		Bits string `json:"version_bits"`
		Or   string `json:"or_"`
	} `json:"version_bits_semantics"`
	Difficulties []struct {
		Difficulty json.RawMessage
		Target     string `json:"target_from_decimal_text"`
	} `json:"difficulty_targets"`
	NBits []struct {
		NBits      string
		Negative   bool
		Overflow   bool
		Target     *string
		Difficulty *float64
	} `json:"nbits"`
	PrevHash []struct {
		Stratum string
		Header  string
	} `json:"prevhash"`
}

type vectorShare struct {
	Name      string
	Subscribe struct {
		Extranonce1 string `json:"extranonce1"`
		Size        int    `json:"extranonce2_size"`
	}
	Difficulty json.Number `json:"set_difficulty"`
	Notify     Notify      `json:"notify_params"`
	Mask       *string     `json:"version_rolling_mask"`
	Submit     struct {
		Extranonce2 string
		NTime       string
		Nonce       string
		VersionBits *string `json:"version_bits"`
	}
	Expect struct {
		Coinbase   string
		Root       string `json:"merkle_root_internal"`
		Header     string
		Hash       string  `json:"hash_internal"`
		Difficulty float64 `json:"share_difficulty"`
		Block      bool    `json:"meets_network_target"`
	}
}

func loadVectors(t testing.TB) vectors {
	t.Helper()
	data, err := os.ReadFile("../../testdata/stratum-v1.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Shares) != 6 || len(v.Headers) != 2 || len(v.VersionBits) != 7 ||
		len(v.Difficulties) != 28 || len(v.NBits) != 18 || len(v.PrevHash) != 2 {
		t.Fatal("the vectors are not the ones these tests were written for")
	}
	return v
}

func (v vectorShare) terms(t testing.TB) Terms {
	t.Helper()
	job, err := NewJob(v.Notify)
	if err != nil {
		t.Fatal(err)
	}
	one, err := hex.DecodeString(v.Subscribe.Extranonce1)
	if err != nil {
		t.Fatal(err)
	}
	d, err := ParseDifficulty(v.Difficulty.String())
	if err != nil {
		t.Fatal(err)
	}
	terms := Terms{Job: job, Extranonce1: one, Extranonce2Size: v.Subscribe.Size, Difficulty: d}
	if v.Mask != nil {
		if terms.Mask, err = decodeUint32(*v.Mask); err != nil {
			t.Fatal(err)
		}
		terms.Rolling = true
	}
	return terms
}

func (v vectorShare) submission() Submission {
	s := Submission{
		Worker: "rig", JobID: v.Notify.JobID,
		Extranonce2: v.Submit.Extranonce2, NTime: v.Submit.NTime, Nonce: v.Submit.Nonce,
	}
	if v.Submit.VersionBits != nil {
		s.VersionBits, s.HasBits = *v.Submit.VersionBits, true
	}
	return s
}

func TestVectorShares(t *testing.T) {
	for _, share := range loadVectors(t).Shares {
		t.Run(share.Name, func(t *testing.T) {
			v := Judge(share.terms(t), share.submission())
			if !v.Accepted() {
				t.Fatalf("rejected: %d %s", v.Code, v.Reason)
			}
			for _, c := range []struct{ what, got, want string }{
				{"coinbase", hex.EncodeToString(v.Coinbase), share.Expect.Coinbase},
				{"merkle root", hex.EncodeToString(v.MerkleRoot[:]), share.Expect.Root},
				{"header", hex.EncodeToString(v.Header[:]), share.Expect.Header},
				{"hash", hex.EncodeToString(v.Hash[:]), share.Expect.Hash},
			} {
				if c.got != c.want {
					t.Errorf("%s %s, want %s", c.what, c.got, c.want)
				}
			}
			if v.Block != share.Expect.Block {
				t.Errorf("block %v, want %v", v.Block, share.Expect.Block)
			}
			if math.Abs(v.Achieved/share.Expect.Difficulty-1) > 1e-12 {
				t.Errorf("achieved %v, want %v", v.Achieved, share.Expect.Difficulty)
			}
		})
	}
}

// flip changes one hex digit of a text.
func flip(s string, at int) string {
	b := []byte(s)
	d, _ := strconv.ParseUint(string(b[at]), 16, 8)
	b[at] = fmt.Sprintf("%x", d^1)[0]
	return string(b)
}

// alterations returns the share with each of its fields changed in one digit,
// at every digit, so that also the regtest share (half of all hashes pass)
// meets changes that break it.
func alterations(share vectorShare) map[string][]vectorShare {
	out := make(map[string][]vectorShare)
	add := func(field, text string, set func(*vectorShare, string)) {
		for i := range text {
			changed := share
			changed.Notify.Branches = append([]string(nil), share.Notify.Branches...)
			set(&changed, flip(text, i))
			out[field] = append(out[field], changed)
		}
	}
	add("extranonce1", share.Subscribe.Extranonce1, func(s *vectorShare, x string) { s.Subscribe.Extranonce1 = x })
	add("prevhash", share.Notify.PrevHash, func(s *vectorShare, x string) { s.Notify.PrevHash = x })
	add("coinb1", share.Notify.Coinb1, func(s *vectorShare, x string) { s.Notify.Coinb1 = x })
	add("coinb2", share.Notify.Coinb2, func(s *vectorShare, x string) { s.Notify.Coinb2 = x })
	for i, branch := range share.Notify.Branches {
		add(fmt.Sprint("branch", i), branch, func(s *vectorShare, x string) { s.Notify.Branches[i] = x })
	}
	add("version", share.Notify.Version, func(s *vectorShare, x string) { s.Notify.Version = x })
	add("nbits", share.Notify.NBits, func(s *vectorShare, x string) { s.Notify.NBits = x })
	add("extranonce2", share.Submit.Extranonce2, func(s *vectorShare, x string) { s.Submit.Extranonce2 = x })
	add("ntime", share.Submit.NTime, func(s *vectorShare, x string) { s.Submit.NTime = x })
	add("nonce", share.Submit.Nonce, func(s *vectorShare, x string) { s.Submit.Nonce = x })
	if share.Submit.VersionBits != nil {
		add("version bits", *share.Submit.VersionBits, func(s *vectorShare, x string) { s.Submit.VersionBits = &x })
	}
	return out
}

func TestVectorSharesAltered(t *testing.T) {
	for _, share := range loadVectors(t).Shares {
		regtest := strings.HasPrefix(share.Name, "regtest")
		for field, altered := range alterations(share) {
			rejected := 0
			for _, a := range altered {
				v := Judge(a.terms(t), a.submission())
				if !v.Accepted() {
					rejected++
				} else if hex.EncodeToString(v.Hash[:]) == share.Expect.Hash {
					t.Errorf("%s: altering %s left the hash as it was", share.Name, field)
				}
			}
			if (!regtest && rejected != len(altered)) || rejected == 0 {
				t.Errorf("%s: altered %s: %d of %d rejected", share.Name, field, rejected, len(altered))
			}
		}
	}
}

// A difficulty that asks for just a little more than the share has refuses it.
func TestVectorShareAtItsExactDifficulty(t *testing.T) {
	for _, share := range loadVectors(t).Shares {
		terms := share.terms(t)
		v := Judge(terms, share.submission())
		number := hashNumber(v.Hash)
		terms.Difficulty.target = number
		if v := Judge(terms, share.submission()); !v.Accepted() {
			t.Errorf("%s: a hash equal to the target was rejected", share.Name)
		}
		terms.Difficulty.target = number.Sub(number, difficultyOne().SetUint64(1))
		if v := Judge(terms, share.submission()); v.Code != CodeLowDifficulty {
			t.Errorf("%s: a hash one above the target got %d", share.Name, v.Code)
		}
	}
}
