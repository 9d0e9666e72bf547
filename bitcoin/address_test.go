package bitcoin

import (
	"encoding/hex"
	"strings"
	"testing"
)

// TestOutputScript has the vectors of BIP 173 and BIP 350, and some old
// addresses.
func TestOutputScript(t *testing.T) {
	for address, want := range map[string]string{
		"BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4":                                 "0014751e76e8199196d454941c45d1b3a323f1433bd6",
		"tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7":             "00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262",
		"bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y": "5128751e76e8199196d454941c45d1b3a323f1433bd6751e76e8199196d454941c45d1b3a323f1433bd6",
		"BC1SW50QGDZ25J":                       "6002751e",
		"bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs": "5210751e76e8199196d454941c45d1b3a323",
		"tb1qqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesrxh6hy": "0020000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433",
		"tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c": "5120000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433",
		"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0": "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
		"bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080":                   "0014751e76e8199196d454941c45d1b3a323f1433bd6",
		"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa":                             "76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac",
		"1111111111111111111114oLvT2":                                    "76a914000000000000000000000000000000000000000088ac",
		"3P14159f73E4gFr7JterCCQh9QjiTjiZrG":                             "a914e9c3dd0c07aac76179ebc76a6c78d4d67c6c160a87",
		"mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn":                             "76a914243f1394f44554f4ce3fd68649c19adc483ce92488ac",
		"2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc":                            "a9144e9f39ca4688ff102128ea4ccda34105324305b087",

		// Wrong: prefix, checksum, the other checksum, version, length, mixed case, padding.
		"tc1qw508d6qejxtdg4y5r3zarvary0c5xw7kg3g4ty":                     "",
		"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5":                     "",
		"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd": "",
		"BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL": "",
		"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh":                     "",
		"BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R": "",
		"bc1pw5dgrnzv":                         "",
		"BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P": "",
		"tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq47Zagq":   "",
		"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf": "",
		"bc1gmk9yu":                          "",
		"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb": "",
		"LM2WMpR1Rp6j3Sa59cMXMs1SPzj9eXpGc1": "", // another coin
		"user":                               "", "": "", "1": "", strings.Repeat("1", 91): "",
	} {
		if got := hex.EncodeToString(OutputScript(address)); got != want {
			t.Errorf("%s: script %s, want %s", address, got, want)
		}
	}
}

func FuzzOutputScript(f *testing.F) {
	f.Add("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
	f.Add("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa")
	f.Fuzz(func(t *testing.T, address string) {
		if script := OutputScript(address); script != nil && (len(script) < 4 || len(script) > 42) {
			t.Errorf("%q: script of %d bytes", address, len(script))
		}
	})
}
