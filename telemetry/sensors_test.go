package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func set(f func(*Hardware)) func(context.Context) (func(*Hardware), error) {
	return func(context.Context) (func(*Hardware), error) { return f, nil }
}

// eventually waits for a condition that another goroutine brings about.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for !done() {
		select {
		case <-deadline:
			t.Fatalf("waited 30 s for: %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}

// start runs s and returns a function that ends it and checks its Run.
func start(t *testing.T, s *Sensors) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return func() {
		t.Helper()
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("Run does not return")
		}
	}
}

func TestSensorsHangingProbeHarmsNobody(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	var hangs, rounds atomic.Int64
	core, logs := observer.New(zap.DebugLevel)
	s := newSensors(zap.New(core), []probe{
		{name: "hangs", read: func(context.Context) (func(*Hardware), error) {
			hangs.Add(1)
			<-release // deaf to its context, like a read stuck in the kernel
			return func(h *Hardware) { h.CPUCelsius = Known(50) }, nil
		}},
		{name: "works", read: set(func(h *Hardware) { rounds.Add(1); h.MemoryTotalBytes = Known(1 << 30) })},
	})
	s.period, s.timeout, s.grace = time.Millisecond, 50*time.Millisecond, 50*time.Millisecond
	stop := start(t, s)
	eventually(t, "several rounds next to a hanging probe", func() bool {
		return rounds.Load() > 5 && s.Snapshot().MemoryTotalBytes == Known(1<<30)
	})
	if h := s.Snapshot(); h.CPUCelsius.OK || h.SampledAt.IsZero() {
		t.Errorf("snapshot %+v", h)
	}
	stop()
	if hangs.Load() != 1 {
		t.Errorf("the hanging probe was started %d times, want once", hangs.Load())
	}
	if n := logs.FilterField(zap.String("sensor", "hangs")).Len(); n != 1 {
		t.Errorf("the hanging probe was logged %d times, want once", n)
	}
}

func TestSensorsRecoverAndFail(t *testing.T) {
	defer goleak.VerifyNone(t)
	var round, onces atomic.Int64
	s := newSensors(nil, []probe{
		{name: "late", read: func(context.Context) (func(*Hardware), error) {
			n := float64(round.Add(1))
			return func(h *Hardware) { h.CPUCelsius = Known(n) }, nil
		}},
		{name: "once", once: true, read: func(context.Context) (func(*Hardware), error) {
			if onces.Add(1) < 3 {
				return nil, errors.New("not yet")
			}
			return func(h *Hardware) { h.CPUModel = "model" }, nil
		}},
		{name: "partial", read: func(context.Context) (func(*Hardware), error) {
			return func(h *Hardware) { h.LoadAverage1 = Known(1) }, errors.New("half of it")
		}},
		{name: "panics", read: func(context.Context) (func(*Hardware), error) { panic("bad driver text") }},
	})
	s.period = time.Millisecond
	if h := s.Snapshot(); !h.SampledAt.IsZero() || h.CPUCelsius.OK {
		t.Errorf("before the first sample: %+v", h)
	}
	stop := start(t, s)
	eventually(t, "ten rounds", func() bool { return round.Load() > 10 })
	stop()
	h := s.Snapshot()
	if h.CPUModel != "model" || h.LoadAverage1 != Known(1) || h.CPUCelsius.Value < 9 {
		t.Errorf("snapshot %+v", h)
	}
	if onces.Load() != 3 {
		t.Errorf("the constant was read %d times, want 3", onces.Load())
	}
}

func TestSensorsSample(t *testing.T) {
	reads := 0.0
	s := newSensors(nil, []probe{{name: "counts", read: func(context.Context) (func(*Hardware), error) {
		reads++
		n := reads
		return func(h *Hardware) { h.CPUCelsius = Known(n) }, nil
	}}})
	for want := 1.0; want < 4; want++ {
		if h := s.Sample(context.Background()); h.CPUCelsius != Known(want) || h.SampledAt.IsZero() {
			t.Errorf("sample %v: %v", want, h.CPUCelsius)
		}
	}
	ended, end := context.WithCancel(context.Background())
	end()
	if h := s.Sample(ended); !h.CPUCelsius.OK {
		t.Error("an ended context takes the last sample away")
	}
}

func TestSensorsOfThisMachine(t *testing.T) {
	s := NewSensors(nil)
	stop := start(t, s)
	eventually(t, "a sample with the constants", func() bool {
		h := s.Snapshot()
		return h.LogicalCores.OK && h.HostOS != "" && h.MemoryTotalBytes.OK
	})
	stop()
	h := s.Snapshot()
	b, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", b)
	// A person or program must not mistake "unavailable" for a measured zero.
	if strings.Contains(string(b), `"cpu_celsius":0`) || strings.Contains(string(b), `"frequency_hertz":0`) {
		t.Errorf("a sensor reads zero: %s", b)
	}
}

func TestCurrentFrequency(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	const sys = "sys/devices/system/cpu/"
	for name, row := range map[string]struct {
		files fstest.MapFS
		want  float64 // 0: unavailable
	}{
		"cpufreq before cpuinfo": {fstest.MapFS{
			sys + "cpu0/cpufreq/scaling_cur_freq":  file("3000000\n"),
			sys + "cpu1/cpufreq/scaling_cur_freq":  file("4000000\n"),
			sys + "cpu2/cpufreq/cpuinfo_max_freq":  file("9000000\n"),
			sys + "cpufreq/policy0/scaling_driver": file("x\n"),
			"proc/cpuinfo":                         file("cpu MHz\t\t: 1000.0\n"),
		}, 3.5e9},
		"cpuinfo": {fstest.MapFS{"proc/cpuinfo": file("processor\t: 0\ncpu MHz\t\t: 2596.148\n\ncpu MHz : 2596.150\n")}, 2596.149e6},
		"broken cpufreq": {fstest.MapFS{
			sys + "cpu0/cpufreq/scaling_cur_freq": file("<unknown>\n"),
			"proc/cpuinfo":                        file("cpu MHz\t: 800\n"),
		}, 800e6},
		"arm without":   {fstest.MapFS{"proc/cpuinfo": file("processor\t: 0\nBogoMIPS\t: 108.00\n")}, 0},
		"nonsense":      {fstest.MapFS{"proc/cpuinfo": file("cpu MHz : NaN\ncpu MHz: -1\ncpu MHz : 1e300\n")}, 0},
		"no such files": {fstest.MapFS{}, 0},
	} {
		got, err := currentFrequency(row.files)
		if (err == nil) != (row.want > 0) {
			t.Errorf("%s: error %v", name, err)
		}
		near(t, name, got, row.want, 1e-12)
	}
}
