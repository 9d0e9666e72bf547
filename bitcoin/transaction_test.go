package bitcoin

import (
	"encoding/hex"
	"strings"
	"testing"
)

func FuzzPaysTo(f *testing.F) {
	f.Add([]byte{}, []byte{})
	f.Add(make([]byte, 80), []byte{0})
	coinbase, _ := hex.DecodeString("0200000001" + strings.Repeat("00", 32) + "ffffffff0161ffffffff0100f2052a01000000015100000000")
	f.Add(coinbase, []byte{0x51})
	if pays, ok := PaysTo(coinbase, []byte{0x51}); !pays || !ok {
		f.Error("the seed does not pay")
	}
	f.Fuzz(func(t *testing.T, transaction, script []byte) {
		if pays, ok := PaysTo(transaction, script); pays && (!ok || !strings.Contains(string(transaction), string(script))) {
			t.Errorf("%x pays to %x", transaction, script)
		}
	})
}
