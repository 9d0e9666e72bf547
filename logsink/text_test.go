package logsink

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// clock gives a logger the times that the test sets.
type clock struct{ at time.Time }

func (c *clock) Now() time.Time                       { return c.at }
func (c *clock) NewTicker(time.Duration) *time.Ticker { return nil }

// TestTimes: lines in files and pipes have date and zone. Terminals: screen.TestNewDay.
func TestTimes(t *testing.T) {
	zone := time.FixedZone("", 5*3600+1800)
	for form, want := range map[Form]string{
		{}: "2026-12-31T23:59:58+05:30 one\n2026-12-31T23:59:59+05:30 two  pool=b\n" +
			"2027-01-01T00:00:00+05:30 WARN three\n2026-12-31T23:59:59+05:30 late\n2027-01-01T12:00:00+05:30 four  pool=b\n2027-01-03T00:00:01+05:30 five\n",
	} {
		var out bytes.Buffer
		c := &clock{time.Date(2026, 12, 31, 23, 59, 58, 999e6, zone)}
		log := zap.New(NewCore(zapcore.AddSync(&out), form), zap.WithClock(c))
		named := log.With(zap.String("pool", "b"))
		log.Info("one")
		c.at = time.Date(2026, 12, 31, 23, 59, 59, 999e6, zone)
		named.Info("two")
		late := c.at
		c.at = time.Date(2027, 1, 1, 0, 0, 0, 0, zone)
		log.Warn("three")
		c.at = late // of another goroutine
		log.Info("late")
		c.at = time.Date(2027, 1, 1, 12, 0, 0, 0, zone)
		named.Info("four")
		c.at = time.Date(2027, 1, 3, 0, 0, 1, 0, zone)
		log.Info("five")
		if out.String() != want {
			t.Errorf("%+v:\n%swant\n%s", form, &out, want)
		}
	}
}

// TestOneEventInTwoForms: an output that is JSON and one that is text show the same
// messages, each in its form.
func TestOneEventInTwoForms(t *testing.T) {
	var text, object bytes.Buffer
	log := zap.New(zapcore.NewTee(NewCore(zapcore.AddSync(&text), Form{}), NewCore(zapcore.AddSync(&object), Form{JSON: true})))
	log.Info("share accepted", zap.Duration("latency", 1500*time.Millisecond), zap.String("pool", "a b"))
	var got map[string]any
	if err := json.Unmarshal(object.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if _, err := time.Parse(time.RFC3339Nano, fmt.Sprint(got["time"])); err != nil || got["msg"] != "share accepted" || got["pool"] != "a b" ||
		got["event"] != "share_accepted" || got["schema"] != 1.0 || got["latency_seconds"] != 1.5 || len(got) != 7 {
		t.Errorf("%s, %v", &object, err)
	}
	if !strings.HasSuffix(text.String(), ` share accepted  latency=1.5s pool="a b"`+"\n") {
		t.Errorf("%s", &text)
	}
}
