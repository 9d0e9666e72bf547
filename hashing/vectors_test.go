package hashing

import (
	"encoding/hex"
	"errors"
	"math"
	"quarry/internal/testutil"
	"strconv"
	"testing"
)

// vectors is the part of testdata/stratum-v1.json that concerns this package.
type vectors struct {
	Shares []struct {
		Name   string
		Expect struct {
			Header          string
			HashInternal    string  `json:"hash_internal"`
			HashDisplay     string  `json:"hash_display"`
			ShareDifficulty float64 `json:"share_difficulty"`
			NetworkTarget   string  `json:"network_target"`
			MeetsNetwork    bool    `json:"meets_network_target"`
			ShareTarget     string  `json:"share_target"`
			MeetsShare      bool    `json:"meets_share_target"`
		}
	}
	Headers []struct {
		Name, Header, Version, Ntime, Nbits, Nonce string
		MerkleRoot                                 string `json:"merkle_root_internal"`
		HashInternal                               string `json:"hash_internal"`
		HashDisplay                                string `json:"hash_display"`
		Difficulty                                 float64
		NetworkDifficulty                          float64 `json:"network_difficulty"`
		MeetsNetwork                               bool    `json:"meets_network_target"`
	}
	Difficulties []struct {
		Difficulty, Float64, Target string
		FromText                    string `json:"target_from_decimal_text"`
		Same                        bool
		Roundtrip                   float64
	} `json:"difficulty_targets"`
	NBits []struct {
		NBits              string
		Negative, Overflow bool
		Target             *string
		Difficulty         *float64
	}
}

func loadVectors(t testing.TB) *vectors {
	t.Helper()
	v := new(vectors)
	testutil.Vectors(t, v)
	if len(v.Shares) != 6 || len(v.Headers) != 2 || len(v.Difficulties) != 28 || len(v.NBits) != 18 {
		t.Fatalf("vectors have %d shares, %d headers, %d difficulties, %d nbits: the file changed",
			len(v.Shares), len(v.Headers), len(v.Difficulties), len(v.NBits))
	}
	return v
}

func target(t testing.TB, text string) Target {
	t.Helper()
	return TargetFromBytes([32]byte(testutil.Unhex(t, text)))
}

// near tolerates the last digit of a float64 that was rounded twice.
func near(got, want float64) bool { return math.Abs(got-want) <= 1e-14*want }

func TestShareVectors(t *testing.T) {
	for _, share := range loadVectors(t).Shares {
		t.Run(share.Name, func(t *testing.T) {
			want := share.Expect
			header := Header(testutil.Unhex(t, want.Header))
			hash := header.Hash()
			if got := hex.EncodeToString(hash[:]); got != want.HashInternal {
				t.Errorf("hash is %s, want %s", got, want.HashInternal)
			}
			if hash.String() != want.HashDisplay {
				t.Errorf("hash shows as %s, want %s", hash, want.HashDisplay)
			}
			if got := hash.Difficulty(); !near(got, want.ShareDifficulty) {
				t.Errorf("share difficulty is %v, want %v", got, want.ShareDifficulty)
			}
			if got := target(t, want.ShareTarget).MetBy(hash); got != want.MeetsShare {
				t.Errorf("meets the share target: %v, want %v", got, want.MeetsShare)
			}
			if got := target(t, want.NetworkTarget).MetBy(hash); got != want.MeetsNetwork {
				t.Errorf("meets the network target: %v, want %v", got, want.MeetsNetwork)
			}
		})
	}
}

func TestHeaderVectors(t *testing.T) {
	for _, v := range loadVectors(t).Headers {
		t.Run(v.Name, func(t *testing.T) {
			whole := Header(testutil.Unhex(t, v.Header))
			prev, root := Hash(whole[4:36]), Hash(testutil.Unhex(t, v.MerkleRoot))
			header := NewHeader(testutil.Word32(t, v.Version), prev, root, testutil.Word32(t, v.Ntime), testutil.Word32(t, v.Nbits), testutil.Word32(t, v.Nonce))
			if header != whole {
				t.Fatalf("header is\n%x, want\n%x", header, whole)
			}
			hash := header.Hash()
			if got := hex.EncodeToString(hash[:]); got != v.HashInternal || hash.String() != v.HashDisplay {
				t.Errorf("hash is %s (shown as %s), want %s (%s)", got, hash, v.HashInternal, v.HashDisplay)
			}
			if got := hash.Difficulty(); !near(got, v.Difficulty) {
				t.Errorf("difficulty is %v, want %v", got, v.Difficulty)
			}
			network, err := TargetFromNBits(testutil.Word32(t, v.Nbits))
			if err != nil {
				t.Fatal(err)
			}
			if got := network.Difficulty(); !near(got, v.NetworkDifficulty) {
				t.Errorf("network difficulty is %v, want %v", got, v.NetworkDifficulty)
			}
			if got := network.MetBy(hash); got != v.MeetsNetwork {
				t.Errorf("meets the network target: %v, want %v", got, v.MeetsNetwork)
			}
		})
	}
}

func TestDifficultyVectors(t *testing.T) {
	for _, v := range loadVectors(t).Difficulties {
		t.Run(v.Difficulty, func(t *testing.T) {
			d, err := ParseDifficulty(v.Difficulty)
			if err != nil {
				t.Fatal(err)
			}
			if got := d.Target().String(); got != v.FromText {
				t.Errorf("target is %s, want %s", got, v.FromText)
			}
			// The float64 column starts from the nearest binary fraction: only
			// where that is the decimal number itself must the two agree.
			if same := d.Target() == target(t, v.Target); same != v.Same {
				t.Errorf("same as the target from float64: %v, want %v", same, v.Same)
			}
			if want, _ := strconv.ParseFloat(v.Float64, 64); d.Float64() != want {
				t.Errorf("as float64 it is %v, want %v", d.Float64(), want)
			}
			if d.String() != v.Difficulty {
				t.Errorf("text is %q, want %q", d.String(), v.Difficulty)
			}
			if got := target(t, v.Target).Difficulty(); !near(got, v.Roundtrip) {
				t.Errorf("round trip gives %v, want %v", got, v.Roundtrip)
			}
		})
	}
}

func TestNBitsVectors(t *testing.T) {
	for _, v := range loadVectors(t).NBits {
		t.Run(v.NBits, func(t *testing.T) {
			got, err := TargetFromNBits(testutil.Word32(t, v.NBits))
			switch {
			case v.Negative:
				if !errors.Is(err, ErrNBitsNegative) {
					t.Fatalf("error is %v, want %v", err, ErrNBitsNegative)
				}
			case v.Overflow:
				if !errors.Is(err, ErrNBitsOverflow) {
					t.Fatalf("error is %v, want %v", err, ErrNBitsOverflow)
				}
			case *v.Target == (Target{}).String():
				if !errors.Is(err, ErrNBitsZero) {
					t.Fatalf("error is %v, want %v", err, ErrNBitsZero)
				}
			case err != nil:
				t.Fatal(err)
			default:
				if got.String() != *v.Target {
					t.Errorf("target is %s, want %s", got, *v.Target)
				}
				if !near(got.Difficulty(), *v.Difficulty) {
					t.Errorf("difficulty is %v, want %v", got.Difficulty(), *v.Difficulty)
				}
			}
		})
	}
}
