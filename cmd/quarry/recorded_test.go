package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"

	"quarry/affinity"
	"quarry/device/cpu"
	"quarry/hashing"
	"quarry/internal/testutil"
	"quarry/miner"
	"quarry/stratum"
	"quarry/stratum/stratumtest"
	"quarry/telemetry"
	"quarry/work"
)

// recorded is a share of testdata/stratum-v1.json: real jobs of mainnet and
// testnet, with the winning submit.
type recorded struct {
	Name      string
	Subscribe struct {
		Extranonce1     string
		Extranonce2Size int `json:"extranonce2_size"`
	}
	SetDifficulty json.RawMessage `json:"set_difficulty"`
	Notify        json.RawMessage `json:"notify_params"`
	Mask          *string         `json:"version_rolling_mask"`
	Submit        struct {
		Extranonce2, NTime, Nonce string
		VersionBits               string `json:"version_bits"`
	}
}

// TestRecordedJobs mines each recorded job through the whole miner, over TCP:
// started a little before the winning nonce, it must find exactly that one and
// send the recorded submit, byte for byte.
func TestRecordedJobs(t *testing.T) {
	var file struct{ Shares []recorded }
	testutil.Vectors(t, &file)
	if len(file.Shares) != 6 {
		t.Fatalf("%d recorded shares, want 6", len(file.Shares))
	}
	for _, kernel := range hashing.Kernels() {
		if missing := kernel.MissingHere(); missing != "" {
			t.Logf("kernel %s does not run here: the CPU lacks %s", kernel.Name, missing)
			continue
		}
		for _, r := range file.Shares {
			t.Run(kernel.Name+"/"+r.Name, func(t *testing.T) { r.mine(t, kernel) })
		}
	}
}

func (r recorded) mine(t *testing.T, kernel hashing.Kernel) {
	submitted := make(chan string, 10000)
	server := stratumtest.Serve(t, func(c *stratumtest.Conn) {
		offer := stratumtest.Offer{
			SessionID: "1", Extranonce1: r.Subscribe.Extranonce1, Size: r.Subscribe.Extranonce2Size,
			Difficulty: string(r.SetDifficulty),
		}
		if r.Mask != nil {
			offer.Mask = *r.Mask
		}
		c.Welcome(offer)
		c.Notify(string(r.Notify))
		for {
			request := c.Expect("mining.submit")
			submitted <- request.Line
			c.Result(request, "true")
		}
	})
	client, err := stratum.New(stratum.Options{Pools: []stratum.Pool{{URL: server.URL, User: "rig.1", Password: "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	device, err := cpu.New(cpu.Options{Kernels: []hashing.Kernel{kernel}, Placements: []affinity.Placement{{CPU: -1}}})
	if err != nil {
		t.Fatal(err)
	}
	o := miner.Options{
		Source: client, Devices: []miner.Device{device}, Start: r.start(t), Shares: 1, Telemetry: telemetry.New(nil, device.Counters()),
	}
	if err := miner.Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	server.Close()
	close(submitted)
	r.check(t, submitted)
	if s := o.Telemetry.Snapshot(); s.Shares.Accepted == 0 || s.HardwareErrors != 0 {
		t.Errorf("%d accepted, %d hardware errors", s.Shares.Accepted, s.HardwareErrors)
	}
}

// check wants the recorded submit to be the first. Below difficulty 1 there
// may be several on their way at once, and it is one of them.
func (r recorded) check(t *testing.T, submitted <-chan string) {
	var others []string
	for line := range submitted {
		if line == r.line(t, 4+len(others)) {
			return
		}
		others = append(others, line)
		if r.difficulty(t) >= 1 {
			break
		}
	}
	t.Errorf("submitted %q\nwant %s", others[:min(len(others), 3)], r.line(t, 4))
}

func (r recorded) difficulty(t *testing.T) float64 {
	d, err := strconv.ParseFloat(string(r.SetDifficulty), 64)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// start is 3000 nonces before the recorded one, or the recorded one itself where
// every second nonce is a share.
func (r recorded) start(t *testing.T) work.Start {
	number := func(s string) uint64 {
		n, err := strconv.ParseUint(s, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	start := work.Start{Extranonce2: number(r.Submit.Extranonce2), Nonce: uint32(number(r.Submit.Nonce))}
	if r.difficulty(t) > 1e-6 {
		start.Nonce -= 3000
	}
	if r.Mask != nil {
		// The first rolled version is the mask's lowest bit.
		start.Version = number(r.Submit.VersionBits) / (number(*r.Mask) & -number(*r.Mask))
	}
	return start
}

// line returns the submit as quarry writes it; the first one of a session is its
// fourth request.
func (r recorded) line(t *testing.T, id int) string {
	var params []json.RawMessage
	if err := json.Unmarshal(r.Notify, &params); err != nil {
		t.Fatal(err)
	}
	bits := ""
	if r.Mask != nil {
		bits = fmt.Sprintf(",%q", r.Submit.VersionBits)
	}
	return fmt.Sprintf(`{"id":%d,"method":"mining.submit","params":["rig.1",%s,%q,%q,%q%s]}`,
		id, params[0], r.Submit.Extranonce2, r.Submit.NTime, r.Submit.Nonce, bits)
}
