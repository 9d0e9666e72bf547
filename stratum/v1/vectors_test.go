package v1

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"

	"quarry/stratum/stratumtest"
	"quarry/work"
)

// TestVectors plays each recorded share over a real connection: the job that
// comes out must give the recorded header, and the share must be sent in the
// recorded words.
func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			submitted := make(chan stratumtest.Request, 1)
			server := stratumtest.Serve(t, func(c *stratumtest.Conn) {
				offer := stratumtest.Offer{Extranonce1: v.Subscribe.Extranonce1, Size: v.Subscribe.Extranonce2Size, Difficulty: string(v.SetDifficulty)}
				if v.Mask != nil {
					offer.Mask = *v.Mask
				}
				c.Welcome(offer)
				c.Notify(string(v.Notify))
				r := c.Expect("mining.submit")
				submitted <- r
				c.Result(r, "true")
				c.Hang()
			})
			m := mine(t, server, Config{})
			share := vectorShare(t, v, m.job())
			if v := m.submit(share); v.Kind != work.Accepted {
				t.Fatal(v)
			}
			if got, want := (<-submitted).Line, vectorSubmit(v); got != want {
				t.Errorf("sent %s\nwant %s", got, want)
			}
		})
	}
}

// vectorShare checks the job against the vector and returns its share.
func vectorShare(t *testing.T, v vector, job *work.Job) *work.Share {
	t.Helper()
	extranonce2, err := hex.DecodeString(v.Submit.Extranonce2)
	if err != nil {
		t.Fatal(err)
	}
	root := job.MerkleRoot(extranonce2)
	if got := hex.EncodeToString(root[:]); got != v.Expect.MerkleRoot {
		t.Errorf("merkle root %s, want %s", got, v.Expect.MerkleRoot)
	}
	s := &work.Share{Job: job, Extranonce2: extranonce2, NTime: number(t, v.Submit.NTime), Nonce: number(t, v.Submit.Nonce)}
	s.Version = job.Version | number(t, v.Submit.VersionBits)
	header := job.Header(extranonce2, s.Version, s.NTime, s.Nonce)
	if got := hex.EncodeToString(header[:]); got != v.Expect.Header {
		t.Errorf("header %s, want %s", got, v.Expect.Header)
	}
	s.Hash = header.Hash()
	if got := hex.EncodeToString(s.Hash[:]); got != v.Expect.HashInternal {
		t.Errorf("hash %s, want %s", got, v.Expect.HashInternal)
	}
	if got := job.Difficulty.Target().String(); got != v.Expect.ShareTarget {
		t.Errorf("share target %s, want %s", got, v.Expect.ShareTarget)
	}
	if got := job.NetworkTarget.String(); got != v.Expect.NetworkTarget || !job.NetworkKnown {
		t.Errorf("network target %s, want %s", got, v.Expect.NetworkTarget)
	}
	if wireOf(job).rolling != (v.Mask != nil) {
		t.Errorf("version rolling is %v", wireOf(job).rolling)
	}
	return s
}

func vectorSubmit(v vector) string {
	var items []json.RawMessage
	if err := json.Unmarshal(v.Notify, &items); err != nil {
		panic(err)
	}
	bits := ""
	if v.Mask != nil {
		bits = fmt.Sprintf(",%q", v.Submit.VersionBits)
	}
	return fmt.Sprintf(`{"id":4,"method":"mining.submit","params":["user.rig",%s,%q,%q,%q%s]}`,
		items[0], v.Submit.Extranonce2, v.Submit.NTime, v.Submit.Nonce, bits)
}

func number(t *testing.T, text string) uint32 {
	t.Helper()
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(n)
}
