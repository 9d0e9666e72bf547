package stratum

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"quarry/stratum/localpool"
	"quarry/work"
)

// TestPracticePool mines at the practice pool, which judges with its own code,
// through changes of everything that a pool can change. Each share it must
// accept, unless its block ended while it was found.
func TestPracticePool(t *testing.T) {
	for name, cfg := range map[string]localpool.Config{
		"version rolling":    {Difficulty: "0.0000005", Extranonce2Size: 4},
		"no version rolling": {Difficulty: "0.0000002", NoVersionRolling: true, Extranonce2Size: 3, Branches: 5},
	} {
		t.Run(name, func(t *testing.T) {
			pool, err := localpool.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			if err := pool.Listen(); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- pool.Run(ctx) }()
			t.Cleanup(func() { cancel(); <-done })
			mineAtPracticePool(t, pool)
		})
	}
}

func mineAtPracticePool(t *testing.T, pool *localpool.Pool) {
	r := run(t, pools("stratum+tcp://"+pool.Addr()), nil)
	rig := func() localpool.Miner { return pool.Miners()[0] }
	events := []func(){
		func() { pool.NewJob() },
		func() { rig().SetDifficulty("0.0000003") },
		func() { pool.NewJob() },
		func() { rig().SetVersionMask(0x00ffe000) },
		func() { pool.NewBlock() },
		func() { rig().SetExtranonce("aabbcc", 5) },
		func() { pool.NewJob() },
		func() {
			rig().Ask("mining.ping")
			rig().Ask("client.get_version")
			rig().Push("client.show_message", "hello")
		},
		func() { rig().Push("client.reconnect", "evil.example", 3333, 0) },
	}
	job := r.job()
	accepted, lost := 0, 0
	for counter := uint64(1); accepted < 60; counter++ {
		for len(r.jobs) > 0 || job == nil {
			job = r.job()
		}
		share := find(job, counter)
		switch v := r.submit(share); {
		case v.Kind == work.Accepted:
			accepted++
		case v.Kind == work.Lost:
			lost++
		case v.Kind == work.Stale:
		default:
			t.Fatalf("share of job %+v: %v", job, v)
		}
		if accepted%5 == 0 && len(events) > 0 {
			events[0]()
			events = events[1:]
		}
	}
	if lost > 2 {
		t.Errorf("%d shares lost", lost)
	}
	if n := pool.Stats(); t.Failed() {
		t.Logf("the pool says %+v", n)
	}
}

// find searches a share with an extranonce2 of its own and, where it may, with
// rolled version bits.
func find(job *work.Job, counter uint64) *work.Share {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], counter)
	extranonce2 := append(make([]byte, 16), b[:]...)
	extranonce2 = extranonce2[len(extranonce2)-job.Extranonce2Size:]
	version := job.Version | job.VersionMask&uint32(counter*0x2545f491)
	ntime := job.NTime + uint32(time.Since(job.Received)/time.Second)
	header := job.Header(extranonce2, version, ntime, 0)
	bound := job.Bound()
	for nonce := uint32(0); ; nonce++ {
		header.SetNonce(nonce)
		if hash := header.Hash(); bound.MetBy(hash) {
			return &work.Share{Job: job, Extranonce2: extranonce2, NTime: ntime, Version: version, Nonce: nonce, Hash: hash}
		}
	}
}
