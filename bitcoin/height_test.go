package bitcoin

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

const coinbaseHead = "0100000001" + "0000000000000000000000000000000000000000000000000000000000000000" + "ffffffff"

func TestCoinbaseHeight(t *testing.T) {
	for _, c := range []struct {
		script string
		height uint64
		known  bool
	}{
		{"1903c943255c7075626c69632d706f6f6c5c", 0x2543c9, true}, // public-pool's recording, testnet
		{"4503a0bb0d", 900000, true},
		{"0151", 1, true}, // regtest's first blocks are opcodes
		{"0160", 16, true},
		{"020111", 17, true},
		{"03028000", 128, true}, // a zero above, or it were negative
		{"020180", 0, false},    // negative
		{"06050100000001", 1<<32 + 1, true},
		{"0704ffff001d", 0x1d00ffff, true}, // the genesis block's, which is no height but looks so
		{"4500", 0, false},
		{"45", 0, false},
		{"4503a0bb", 0, false},
		{"0203a0bb0d", 0, false}, // the script ends before the push
		{"", 0, false},
	} {
		b, err := hex.DecodeString(coinbaseHead + c.script)
		if err != nil {
			t.Fatal(err)
		}
		if height, known := CoinbaseHeight(b); known != c.known || known && height != c.height {
			t.Errorf("%s: %d, %v; want %d, %v", c.script, height, known, c.height, c.known)
		}
	}
	for _, head := range []string{strings.Replace(coinbaseHead, "00000001", "00000002", 1), strings.Replace(coinbaseHead, "ffffffff", "fffffffe", 1)} {
		b, _ := hex.DecodeString(head + "4503a0bb0d")
		if _, known := CoinbaseHeight(b); known {
			t.Errorf("%s is no coinbase", head)
		}
	}
}

// FuzzCoinbaseHeight: no coinbase makes it panic, and what it returns was there to
// be read.
func FuzzCoinbaseHeight(f *testing.F) {
	head, _ := hex.DecodeString(coinbaseHead)
	f.Add(append(bytes.Clone(head), 0x19, 3, 0xc9, 0x43, 0x25, 'x'))
	f.Add(append(bytes.Clone(head), 0x19, 5, 0xc9))
	f.Add(head)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, coinbase []byte) {
		height, known := CoinbaseHeight(coinbase)
		if known && (height >= 1<<39 || len(coinbase) < len(head)+2) {
			t.Errorf("%x: %d", coinbase, height)
		}
	})
}
