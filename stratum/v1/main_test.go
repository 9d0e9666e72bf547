package v1

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"quarry/hashing"
	"quarry/internal/testutil"
	"quarry/stratum/stratumtest"
	"quarry/stratum/transport"
	"quarry/work"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// vector is a share of testdata/stratum-v1.json.
type vector struct {
	Name      string
	Subscribe struct {
		Extranonce1     string
		Extranonce2Size int `json:"extranonce2_size"`
	}
	SetDifficulty json.Number     `json:"set_difficulty"`
	Notify        json.RawMessage `json:"notify_params"`
	Mask          *string         `json:"version_rolling_mask"`
	Submit        struct {
		Extranonce2, NTime, Nonce string
		VersionBits               string `json:"version_bits"`
	}
	Expect struct {
		Header        string
		HashInternal  string `json:"hash_internal"`
		MerkleRoot    string `json:"merkle_root_internal"`
		ShareTarget   string `json:"share_target"`
		NetworkTarget string `json:"network_target"`
	}
}

func vectors(t testing.TB) []vector {
	var file struct {
		Shares  []vector
		Targets []struct {
			Difficulty json.Number
			Decimal    string `json:"target_from_decimal_text"`
		} `json:"difficulty_targets"`
	}
	testutil.Vectors(t, &file)
	if len(file.Shares) == 0 {
		t.Fatal("no shares in the vectors")
	}
	// The shares have the target that follows from the float64; what counts is
	// the one that follows from the decimal text.
	for i := range file.Shares {
		for _, target := range file.Targets {
			if target.Difficulty == file.Shares[i].SetDifficulty {
				file.Shares[i].Expect.ShareTarget = target.Decimal
			}
		}
	}
	return file.Shares
}

// recorded is a line of the capture.
type recorded struct {
	Conn int
	Dir  string
	Line *string
}

func capture(t testing.TB) []recorded {
	file, err := os.Open("../../testdata/captures/ckpool-lhr-solo.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var lines []recorded
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		var r recorded
		if err := json.Unmarshal(scanner.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, r)
	}
	return lines
}

// miner is a session with a scripted pool, running.
type miner struct {
	*Session
	t        *testing.T
	patience time.Duration
	clock    atomic.Int64 // of a bubble: see Session.realTime
	jobs     chan *work.Job
	ended    chan error
	stop     context.CancelFunc
}

// mine connects to the pool and runs a session.
func mine(t *testing.T, server *stratumtest.Server, cfg Config) *miner {
	t.Helper()
	conn := dial(t, server.Address)
	cfg.Pool = server.URL
	return run(t, newMiner(t, conn, cfg))
}

func dial(t testing.TB, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// bubble runs a session with a pool in memory, in a synctest bubble: hours
// pass in no time.
func bubble(t *testing.T, pool stratumtest.Script, cfg Config, test func(*testing.T, *miner)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := newMiner(t, stratumtest.Pipe(t, pool), cfg)
		m.patience = 24 * time.Hour
		m.realTime = func() time.Duration { return time.Duration(m.clock.Load()) } // the true one is no part of the bubble
		test(t, run(t, m))
	})
}

func newMiner(t *testing.T, conn net.Conn, cfg Config) *miner {
	m := &miner{t: t, patience: patience, jobs: make(chan *work.Job, 10000), ended: make(chan error, 1)}
	if cfg.User == "" {
		cfg.User, cfg.Password = "user.rig", "secret"
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "quarry/test"
	}
	if cfg.Generation == 0 {
		cfg.Generation = 7
	}
	cfg.Publish = func(j *work.Job) { m.jobs <- j }
	m.Session = NewSession(transport.NewLines(conn, cfg.Limits.Limits), cfg)
	return m
}

func run(t *testing.T, m *miner) *miner {
	ctx, cancel := context.WithCancel(context.Background())
	m.stop = cancel
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.ended <- m.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return m
}

func (m *miner) job() *work.Job {
	m.t.Helper()
	select {
	case job := <-m.jobs:
		return job
	case err := <-m.ended:
		m.ended <- err
		if len(m.jobs) > 0 {
			return <-m.jobs
		}
		m.t.Fatalf("the session ended without a job: %v", err)
	case <-time.After(m.patience):
		m.t.Fatal("no job came")
	}
	return nil
}

func (m *miner) end() error {
	m.t.Helper()
	select {
	case err := <-m.ended:
		m.ended <- err
		return err
	case <-time.After(m.patience):
		m.t.Fatal("the session did not end")
	}
	return nil
}

func (m *miner) submit(share *work.Share) work.Verdict {
	ctx, cancel := context.WithTimeout(context.Background(), m.patience)
	defer cancel()
	return m.Submit(ctx, share)
}

// share is some share of the job; the number makes it different from others.
func share(job *work.Job, n uint32) *work.Share {
	s := &work.Share{Job: job, Extranonce2: make([]byte, job.Extranonce2Size), NTime: job.NTime, Version: job.Version, Nonce: n}
	header := job.Header(s.Extranonce2, s.Version, s.NTime, s.Nonce)
	s.Hash = header.Hash()
	return s
}

func difficulty(t testing.TB, text string) hashing.Difficulty {
	t.Helper()
	d, err := hashing.ParseDifficulty(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
