package screen

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"quarry/telemetry"
)

// at is when the messages of these tests are logged.
var at = time.Date(2026, 11, 28, 18, 43, 24, 0, time.UTC)

// shown returns what a terminal of that width shows of a message.
func shown(t *testing.T, columns int, color bool, setUp func(*Terminal), level zapcore.Level, message string, fields ...zap.Field) string {
	t.Helper()
	var out bytes.Buffer
	terminal := New(zapcore.AddSync(&out), func() int { return columns }, color)
	if setUp != nil {
		setUp(terminal)
	}
	if err := terminal.Core().Write(zapcore.Entry{Level: level, Time: at, Message: message}, fields); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

const poolA, poolB = "stratum+tcp://pool-a.example.com:3333", "stratum+tcp://pool-b.example.com:3333"

// watched has counts of 2 accepted and 1 rejected shares, and two pools.
func watched(terminal *Terminal) {
	ledger := telemetry.NewLedger(nil)
	for range 2 {
		ledger.Accepted(ledger.Found(telemetry.FoundShare{}))
	}
	ledger.Rejected(ledger.Found(telemetry.FoundShare{}), "duplicate")
	terminal.Watch(ledger, []string{poolA, poolB})
}

func alone(terminal *Terminal) { terminal.Watch(telemetry.NewLedger(nil), []string{poolA}) }

// TestEvents: what each event of mining looks like at 80 columns.
func TestEvents(t *testing.T) {
	share := []zap.Field{zap.Float64("share_difficulty", 0.0072), zap.Float64("job_difficulty", 0.002), zap.String("job", "cb891f7600000001")}
	latency, pool := zap.Duration("latency", 12*time.Millisecond), zap.String("pool", poolA)
	with := func(fields ...zap.Field) []zap.Field { return append(share[:len(share):len(share)], fields...) }
	long := func(terminal *Terminal) { watched(terminal); terminal.NextDetail() }
	bad := func(terminal *Terminal) { long(terminal); terminal.NextDetail() }
	hash := strings.Repeat("0123456789abcdef", 4)
	for _, c := range []struct {
		message string
		setUp   func(*Terminal)
		level   zapcore.Level
		fields  []zap.Field
		want    string
	}{
		{"share accepted", watched, zap.InfoLevel, with(latency, pool), "accepted 2/1  diff 0.0072  12ms  pool-a.example.com"},
		{"share accepted", alone, zap.InfoLevel, with(latency, pool), "accepted 0/0  diff 0.0072  12ms"},
		{"share accepted", long, zap.InfoLevel, with(latency, pool), "accepted 2/1  diff 0.0072 of 0.002  job cb891f7600000001  12ms\n         pool-a.example.com"},
		{"share accepted", bad, zap.InfoLevel, with(latency, pool), ""},
		{"share rejected", bad, zap.WarnLevel, with(zap.String("reason", "duplicate"), zap.Int("code", 22), zap.String("text", "Duplicate share"), latency, pool),
			"rejected 2/1  duplicate  \"Duplicate share\"  diff 0.0072  12ms\n         pool-a.example.com"},
		{"share rejected", alone, zap.WarnLevel, with(zap.String("reason", "other"), zap.Int("code", 20), zap.String("text", "On purpose"), latency, pool),
			"rejected 0/0  \"On purpose\"  diff 0.0072  12ms"},
		{"share rejected", alone, zap.WarnLevel, with(zap.String("reason", "other"), zap.Int("code", 20), zap.String("text", ""), latency, pool), "rejected 0/0  other  code 20  diff 0.0072  12ms"},
		{"share stale", alone, zap.WarnLevel, with(zap.String("reason", "the job was outdated"), zap.String("text", ""), pool), "stale 0/0  the job was outdated  diff 0.0072"},
		{"share lost", alone, zap.WarnLevel, with(zap.String("reason", "timeout"), zap.Error(errors.New("no answer")), pool), "lost 0/0  timeout  no answer  diff 0.0072"},
		{"block found", watched, zap.InfoLevel, with(zap.String("hash", hash), zap.Float64("network_difficulty", 98.2e12), pool),
			"BLOCK FOUND  net 98.2T  pool-a.example.com\n         " + hash},
		{"new block", watched, zap.InfoLevel, []zap.Field{zap.Uint64("height", 900012), zap.String("previous", hash), zap.Float64("network_difficulty", 98.2e12), pool},
			"new block 900012  net 98.2T  pool-a.example.com"},
		{"new block", alone, zap.InfoLevel, []zap.Field{zap.String("previous", hash), pool}, "new block"},
		{"difficulty", alone, zap.InfoLevel, []zap.Field{pool, zap.Float64("difficulty", 512)}, "difficulty 512"},
		{"authorized", watched, zap.InfoLevel, []zap.Field{pool, zap.String("user", "bob")}, "authorized as bob  pool-a.example.com"},
		{"active pool", watched, zap.InfoLevel, []zap.Field{pool, zap.String("instead_of", poolB), zap.String("reason", "its turn")}, "mining pool-a.example.com instead of pool-b.example.com  its turn"},
		{"active pool", alone, zap.InfoLevel, []zap.Field{pool, zap.String("reason", "first pool with work")}, "active pool  first pool with work"},
		{"mining started", alone, zap.InfoLevel, []zap.Field{zap.String("kernel", "avx2"), zap.String("reason", "chosen by --kernel")}, "hashing with avx2  chosen by --kernel"},
		{"kernels compared", alone, zap.InfoLevel, []zap.Field{zap.String("rates", "avx2 9.10 MH/s, sse2 8.20 MH/s (0.901), generic 1 MH/s (0.11)")},
			"kernels compared  avx2 9.10 MH/s  fastest of 3"},
		{"kernels compared", alone, zap.InfoLevel, []zap.Field{zap.String("rates", "avx2 9.10 MH/s")}, "kernels compared  avx2 9.10 MH/s"},
		{"share accepted", nil, zap.InfoLevel, []zap.Field{zap.String("worker", "rig1"), zap.String("miner", "127.0.0.1:50376"), zap.Float64("share_difficulty", 0.0163), zap.Float64("job_difficulty", 0.013), zap.String("job", "1")},
			"accepted  rig1  diff 0.0163 of 0.013"},
		{"share rejected", nil, zap.InfoLevel, []zap.Field{zap.String("worker", "rig1"), zap.Int("code", 21), zap.String("text", "job not found")}, "rejected  rig1  job not found  code 21"},
		{"difficulty set", nil, zap.InfoLevel, []zap.Field{zap.String("worker", "rig1"), zap.Float64("difficulty", 0.013)}, "difficulty  rig1  0.013"},
		{"pool rejects every share", watched, zap.WarnLevel, []zap.Field{pool, zap.Int("rejected_in_a_row", 12)}, "WARN pool rejects every share  pool=pool-a.example.com\n         rejected_in_a_row=12"},
		{"quarry starts", nil, zap.InfoLevel, []zap.Field{zap.String("version", "0.1.0"), zap.String("kernel", "auto"), zap.Int("threads", 2), zap.String("cpus", "0-1"), zap.String("priority", "low")},
			"quarry 0.1.0  threads 2, cpus 0-1, priority low, kernel auto"},
		{"practice pays nothing", nil, zap.WarnLevel, []zap.Field{zap.String("advice", "for a real pool: quarry mine -o stratum+tcp://HOST:PORT -u USER"), zap.String("pool", "stratum+tcp://127.0.0.1:36613")},
			"WARN practice pays nothing  pool=stratum+tcp://127.0.0.1:36613\n         for a real pool: quarry mine -o stratum+tcp://HOST:PORT -u USER"},
		{"connecting", alone, zap.InfoLevel, []zap.Field{pool}, "connecting  pool=" + poolA},
		{"an evil \x1b[2J message", nil, zap.ErrorLevel, []zap.Field{zap.String("text", "\x1b[31m\r\nred")}, `ERROR an evil ?[2J message  text="\x1b[31m\r\nred"`},
	} {
		got := shown(t, 80, false, c.setUp, c.level, c.message, c.fields...)
		want := "18:43:24 " + c.want + "\n"
		if c.want == "" {
			want = ""
		}
		if got != want {
			t.Errorf("%s:\n got %q\nwant %q", c.message, got, want)
		}
		checkWidths(t, c.setUp, c.level, c.message, c.fields...)
	}
}

// escapes are the codes of colors.
var escapes = regexp.MustCompile(`\x1b\[[0-9]+m`)

// checkWidths checks that whatever the width, no line is wider, in color as without,
// and that nothing is lost by breaking lines: names of pools may be cut short.
func checkWidths(t *testing.T, setUp func(*Terminal), level zapcore.Level, message string, fields ...zap.Field) {
	t.Helper()
	for columns := 60; columns <= 130; columns++ {
		text := shown(t, columns, false, setUp, level, message, fields...)
		for line := range strings.Lines(text) {
			if width := textWidth(strings.TrimSuffix(line, "\n")); width > columns-1 {
				t.Errorf("%d columns at a width of %d: %q", width, columns, line)
			}
		}
		if colored := shown(t, columns, true, setUp, level, message, fields...); escapes.ReplaceAllString(colored, "") != text {
			t.Errorf("colors change the text from %q to %q", text, colored)
		}
	}
}

// TestAnyMessageFits: words, values and names of any length and script.
func TestAnyMessageFits(t *testing.T) {
	pin := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	for _, text := range []string{
		"short", strings.Repeat("word ", 60), strings.Repeat("x", 500), "--tls-pin " + pin, strings.Repeat("漢字", 100), "e\u0301e\u0301 " + strings.Repeat("👍🏽", 40),
		strings.Repeat("key=value ", 30), "", "  ", "\t\n", "\xff\xfe",
	} {
		checkWidths(t, nil, zap.WarnLevel, "message "+text, zap.String("value", text), zap.String("pool", poolA))
		got := shown(t, 60, false, nil, zap.InfoLevel, "message", zap.String("value", text))
		all := strings.Join(strings.Fields(got), "")
		if want := strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), ""); text != "\t\n" && !strings.Contains(all, want) {
			t.Errorf("%.40q is not whole in %q", want, got)
		}
	}
	if got := shown(t, 80, false, nil, zap.InfoLevel, "certificate", zap.String("try", "--tls-pin "+pin)); !strings.Contains(got, "\n"+pin+"\"\n") && !strings.Contains(got, pin) {
		t.Errorf("the pin is broken: %q", got)
	}
}

// TestStatusFits: the status is one line where that is possible, with all that is
// known, and nothing that is not.
func TestStatusFits(t *testing.T) {
	s := status{Snapshot: telemetry.Snapshot{
		Hashrate: telemetry.Rates{TenSeconds: 4.789e6, Minute: 4.82e6}, Seconds: 1025,
		Shares:               telemetry.Shares{Found: 387, Accepted: 386, Rejected: 1, BestDifficulty: 9.3},
		ExpectedShareSeconds: telemetry.Known(6.6), NetworkDifficulty: telemetry.Known(0.25),
		Hardware: telemetry.Hardware{CPUCelsius: telemetry.Known(61)},
		Pools:    []telemetry.Pool{{PoolStatus: telemetry.PoolStatus{Name: poolA, State: telemetry.PoolActive, Connected: true}}},
	}}
	solo := s
	solo.practice, solo.withOdds = true, true
	lost, paused, early := s, s, status{}
	lost.Pools = []telemetry.Pool{{PoolStatus: telemetry.PoolStatus{Name: poolB, State: telemetry.PoolActive}}}
	lost.HardwareErrors, lost.Devices = 2, []telemetry.DeviceSnapshot{{Kernel: "avx2"}}
	paused.Paused = true
	for _, c := range []struct {
		name    string
		status  status
		columns int
		setUp   func(*Terminal)
		want    string
	}{
		{"usual", s, 80, alone, "4.79 MH/s  4.82 1m | 386/1 | best 9.3 | share 6.6s | 61C | up 17m"},
		{"narrow", s, 60, alone, "4.79 MH/s  386/1  best 9.3  share 6.6s  61C  up 17m"},
		{"several pools", s, 120, watched, "4.79 MH/s  4.82 1m | 386/1 | best 9.3 | share 6.6s | 61C | up 17m | pool-a.example.com"},
		{"alone", solo, 80, alone, "4.79 MH/s  4.82 1m | 386/1 | best 9.3 | share 6.6s | 61C | up 17m\n18:43:24 odds  a block in 3m43s on average, over 99% within a day  net 0.25"},
		{"paused", paused, 86, alone, "PAUSED (r resumes) | 386/1 | best 9.3 | 61C | up 17m"},
		{"early", early, 80, nil, "0 H/s  0 1m | 0/0 | best none | up 0s"},
		{"in trouble", lost, 150, watched, "4.79 MH/s  4.82 1m | 386/1 | best 9.3 | share 6.6s | HARDWARE ERRORS 2, kernel now avx2 | 61C | up 17m | not connected pool-b.example.com"},
	} {
		got := shown(t, c.columns, false, c.setUp, zap.InfoLevel, "status", zap.Reflect("snapshot", c.status))
		if want := "18:43:24 " + c.want + "\n"; strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(want), " ") {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, want)
		}
		checkWidths(t, c.setUp, zap.InfoLevel, "status", zap.Reflect("snapshot", c.status))
	}
}

// TestOdds: of what is far away, too.
func TestOdds(t *testing.T) {
	for expected, want := range map[float64]string{10: "over 99%", 0.5: "39%", 0.02: "2%", 1e-3: "1 in 1k", 2.5e-13: "1 in 4T"} {
		if got := chanceText(expected); got != want {
			t.Errorf("%v expected: %s, want %s", expected, got, want)
		}
	}
}

// TestNewDay: the date comes with the first message of a day, but for the first of all.
func TestNewDay(t *testing.T) {
	var out bytes.Buffer
	log := New(zapcore.AddSync(&out), func() int { return 0 }, false).Core()
	named := log.With([]zap.Field{zap.String("of", "y")})
	const day = 24 * time.Hour
	for i, time := range []time.Time{at, at.Add(time.Minute), at.Add(6 * time.Hour), at.Add(time.Minute), at.Add(day), at.Add(3 * day)} {
		_ = []zapcore.Core{log, named}[i%2].Write(zapcore.Entry{Time: time, Message: "x"}, nil)
	}
	if want := "18:43:24 x\n18:44:24 x  of=y\n-------- Sunday, 29 November 2026\n00:43:24 x\n18:44:24 x  of=y\n18:43:24 x\n" +
		"-------- Tuesday, 1 December 2026\n18:43:24 x  of=y\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

// TestPoolNames: as short as they can be told apart.
func TestPoolNames(t *testing.T) {
	for _, c := range []struct{ pools, want []string }{
		{[]string{poolA}, []string{""}},
		{[]string{poolA, poolB}, []string{"pool-a.example.com", "pool-b.example.com"}},
		{[]string{"stratum+tcp://[::1]:1", "stratum+ssl://[::1]:2"}, []string{"[::1]:1", "[::1]:2"}},
		{[]string{"stratum+tcp://h:1", "stratum+ssl://h:1"}, []string{"stratum+tcp://h:1", "stratum+ssl://h:1"}},
		{[]string{"stratum+tcp://h:1 (alice)", "stratum+tcp://h:1 (bob)"}, []string{"h:1 (alice)", "h:1 (bob)"}},
	} {
		names := newPoolNames(c.pools)
		for i, name := range c.pools {
			if got := names.short(name, 0); got != c.want[i] {
				t.Errorf("%s of %v is %q, want %q", name, c.pools, got, c.want[i])
			}
		}
	}
	if got := shorten("pool-a.example.com", 10); got != "pool...com" && textWidth(got) != 10 {
		t.Errorf("shortened to %q", got)
	}
}

// TestPlainLinesFit: those that are no messages, such as the practice pool's welcome.
func TestPlainLinesFit(t *testing.T) {
	var out bytes.Buffer
	pin := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	terminal := New(zapcore.AddSync(&out), func() int { return 80 }, false)
	text := "short\n\n  two words\n  quarry then needs --tls-pin " + pin + "\n"
	if n, err := terminal.Write([]byte(text)); n != len(text) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if want := "short\n\n  two words\n  quarry then needs --tls-pin\n    " + pin + "\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
