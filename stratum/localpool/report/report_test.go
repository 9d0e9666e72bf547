package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"quarry/stratum/localpool"
)

func TestBook(t *testing.T) {
	var b Book
	good := localpool.Verdict{Asked: 0.5, Achieved: 3}
	for range 4 {
		b.Judged("", localpool.Submission{Worker: "b"}, good)
	}
	b.Judged("", localpool.Submission{Worker: "a"}, localpool.Verdict{Code: localpool.CodeDuplicate, Asked: 7, Achieved: 9})
	all := b.Workers()
	if len(all) != 2 || all[0] != (Worker{Name: "a", Rejected: 1}) {
		t.Fatalf("%+v", all)
	}
	if w := all[1]; w.Accepted != 4 || w.Best != 3 || w.Hashes < 8.589e9 || w.Hashes > 8.591e9 { // 2 * 2^32 and a little
		t.Errorf("%+v", w)
	}
}

// The rate is that of the last minute, whoever is connected.
func TestRate(t *testing.T) {
	var b Book
	now := time.Now()
	b.Judged("", localpool.Submission{Worker: "a"}, localpool.Verdict{Asked: 1 / hashesPerDifficulty * 600})
	for _, c := range []struct {
		later, up time.Duration
		want      float64
	}{{0, time.Hour, 10}, {0, 20 * time.Second, 30}, {50 * time.Second, time.Hour, 10}, {2 * time.Minute, time.Hour, 0}, {time.Hour, time.Hour, 0}} {
		if got := b.Rate(now.Add(c.later), c.up); got < c.want*0.999 || got > c.want*1.001 {
			t.Errorf("%v later, up for %v: %v, want %v", c.later, c.up, got, c.want)
		}
	}
}

// Strangers' names are bounded in number and length, and their shares still counted.
func TestBookIsBounded(t *testing.T) {
	var b Book
	for i := range 10 * mostWorkers {
		b.Judged("", localpool.Submission{Worker: fmt.Sprint(i, strings.Repeat("ä", 100))}, localpool.Verdict{})
	}
	var n uint64
	all := b.Workers()
	for _, w := range all {
		if n += w.Accepted; len(w.Name) > mostName+2 {
			t.Errorf("name of %d bytes", len(w.Name))
		}
	}
	if len(all) != mostWorkers+1 || n != 10*mostWorkers {
		t.Errorf("%d workers, %d shares", len(all), n)
	}
}

func TestSummary(t *testing.T) {
	var out strings.Builder
	p := Printer{Out: &out, Log: zap.NewNop(), Book: &Book{}, Acts: func() map[string]uint64 { return map[string]uint64{"reject": 2, "delay": 1} }}
	p.Book.Judged("", localpool.Submission{Worker: "rig\x1b"}, localpool.Verdict{Asked: 1, Achieved: 2})
	p.Summary(localpool.Stats{
		Accepted: 1, Rejected: map[localpool.Code]uint64{21: 2, 20: 1}, Best: 2, Blocks: 1,
		Miners: []localpool.MinerStats{{Users: []string{"rig"}}, {}},
	}, 10*time.Second)
	for _, want := range []string{
		"ended after 10s: 1 share accepted, 3 rejected (1 of code 20, 2 of code 21).\n1 practice block, best difficulty 2, 1 miner still connected.\n",
		"4.3G hashes, 429.50 MH/s on average.\n",
		`  "rig\x1b": 1 accepted, 0 rejected, 429.50 MH/s on average, best 2` + "\n",
		"Faults on purpose: delay 1, reject 2.\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %s", want, out.String())
		}
	}
	if line := statusLine(localpool.Stats{}, 0, time.Minute); line != "0 miners | 0 H/s | 0 accepted, 0 rejected | best none | up 1m00s" {
		t.Error(line)
	}
}

// The URL of a link-local address has the zone, or no miner gets there.
func TestZone(t *testing.T) {
	for _, c := range []struct{ addr, asked, want string }{
		{"[fe80::1]:3401", "[fe80::1%enP4p65s0]:0", "[fe80::1%enP4p65s0]:3401"},
		{"[fe80::1%2]:3401", "[fe80::1%enP4p65s0]:3401", "[fe80::1%enP4p65s0]:3401"},
		{"[fe80::1]:3401", "[fe80::1%25]:3401", "[fe80::1%25]:3401"},
		{"[fe80::1]:3401", "[fe80::1%251]:3401", "[fe80::1%25251]:3401"},
		{"[fe80::1]:3401", "[fe80::1]:0", "[fe80::1]:3401"},
		{"127.0.0.1:3401", "localhost:0", "127.0.0.1:3401"},
		{"[::]:3401", "[::%eth0]:3401", "[::]:3401"},
	} {
		if got := withZone(c.addr, c.asked); got != c.want {
			t.Errorf("%s, asked for as %s: %s, want %s", c.addr, c.asked, got, c.want)
		}
	}
}

// TestNoSharesYet: sums of nothing are empty in JSON, and not null.
func TestNoSharesYet(t *testing.T) {
	var out bytes.Buffer
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zapcore.EncoderConfig{}), zapcore.AddSync(&out), zap.InfoLevel)
	p := Printer{JSON: true, Log: zap.New(core), Book: new(Book)}
	p.Status(localpool.Stats{}, time.Second)
	p.Summary(localpool.Stats{}, time.Second)
	if text := out.String(); strings.Count(text, `"rejected_by_code":{}`) != 2 || !strings.Contains(text, `"workers":[]`) {
		t.Error(text)
	}
}
