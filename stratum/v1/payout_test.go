package v1

import (
	"encoding/hex"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"quarry/stratum/stratumtest"
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
		if got := hex.EncodeToString(outputScript(address)); got != want {
			t.Errorf("%s: script %s, want %s", address, got, want)
		}
	}
}

func TestAddressOf(t *testing.T) {
	for user, want := range map[string]string{"bc1abc.rig": "bc1abc", "1abc": "1abc", "1abc_rig": "1abc", "1abc+100": "1abc", ".x": "", "": ""} {
		if got := addressOf(user); got != want {
			t.Errorf("%q: %q, want %q", user, got, want)
		}
	}
}

// TestPayout: the warning comes when jobs paid to the user's address and do so
// no longer, and only then.
func TestPayout(t *testing.T) {
	const mine20, other20 = "751e76e8199196d454941c45d1b3a323f1433bd6", "0000000000000000000000000000000000000001"
	pay := func(to, value string) func(*stratumtest.Job) {
		return func(j *stratumtest.Job) {
			j.Coinb2 = "ffffffff02" + "0000000000000000036a0141" + value + "160014" + to + "00000000"
		}
	}
	ours, others := pay(mine20, "00f2052a01000000"), pay(other20, "00f2052a01000000")
	const address = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
	for _, c := range []struct {
		name, user string
		jobs       []func(*stratumtest.Job)
		warnings   int
	}{
		{"always", address + ".rig", []func(*stratumtest.Job){ours, ours}, 0},
		{"never", address, []func(*stratumtest.Job){others, others}, 0},
		{"only later", address, []func(*stratumtest.Job){others, ours}, 0},
		{"no longer", address + ".rig", []func(*stratumtest.Job){ours, others, ours, others}, 1},
		{"nothing", address, []func(*stratumtest.Job){ours, pay(mine20, "0000000000000000")}, 1},
		{"no address", "user", []func(*stratumtest.Job){ours, others}, 0},
		{"unreadable", address, []func(*stratumtest.Job){ours, func(j *stratumtest.Job) { j.Coinb2 += "00ff" }, func(j *stratumtest.Job) { j.Coinb2 = "ffffffff7f" }}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			core, logs := observer.New(zap.InfoLevel)
			server := stratumtest.Serve(t, func(p *pc) {
				p.Welcome(stratumtest.Usual())
				for _, change := range c.jobs {
					p.Notify(sampleWith("1", func(j *stratumtest.Job) {
						j.Coinb1 = "0200000001" + strings.Repeat("00", 32) + "ffffffff" + "0e03c943255c" + "61"
						change(j)
					}))
				}
			})
			m := mine(t, server, Config{User: c.user, Password: "x", Log: zap.New(core)})
			m.end() // the pool hangs up
			if n := logs.FilterMessageSnippet("no longer pay").Len(); n != c.warnings {
				t.Errorf("%d warnings, want %d: %v", n, c.warnings, logs.All())
			}
		})
	}
}

func FuzzPaysTo(f *testing.F) {
	f.Add([]byte{}, []byte{})
	for _, v := range vectors(f) {
		header, _ := hex.DecodeString(v.Expect.Header)
		f.Add(header, []byte{0})
	}
	coinbase, _ := hex.DecodeString("0200000001" + strings.Repeat("00", 32) + "ffffffff0161ffffffff0100f2052a01000000015100000000")
	f.Add(coinbase, []byte{0x51})
	if pays, ok := paysTo(coinbase, []byte{0x51}); !pays || !ok {
		f.Error("the seed does not pay")
	}
	f.Fuzz(func(t *testing.T, transaction, script []byte) {
		if pays, ok := paysTo(transaction, script); pays && (!ok || !strings.Contains(string(transaction), string(script))) {
			t.Errorf("%x pays to %x", transaction, script)
		}
	})
}

func FuzzOutputScript(f *testing.F) {
	f.Add("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
	f.Add("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa")
	f.Fuzz(func(t *testing.T, address string) {
		if script := outputScript(address); script != nil && (len(script) < 4 || len(script) > 42) {
			t.Errorf("%q: script of %d bytes", address, len(script))
		}
	})
}
