package event

import (
	"errors"
	"maps"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func TestName(t *testing.T) {
	for message, want := range map[string]string{
		"share accepted": "share_accepted", "BLOCK FOUND": "block_found", "tls": "tls",
		"kernel failed its self-test": "kernel_failed_its_self_test", "best guess for this CPU's features": "best_guess_for_this_cpus_features",
		"a (practice: b).": "a_practice_b", "": "", "  x2  ": "x2",
	} {
		if got := Name(message); got != want {
			t.Errorf("%q: %q, want %q", message, got, want)
		}
	}
}

func TestFields(t *testing.T) {
	values := zapcore.NewMapObjectEncoder()
	for _, f := range Fields([]zap.Field{
		zap.Duration("latency", 1500*time.Millisecond), Of("reason", "it is the first"), Advice("do this"), Consequence("that"),
		zap.Error(errors.Join(errors.New("a"), errors.New("b"))), zap.Int("lines", 3), zap.Skip(),
	}) {
		f.AddTo(values)
	}
	want := map[string]any{"latency_seconds": 1500 * time.Millisecond, "reason": "it_is_the_first", "error": "a\nb", "lines": int64(3)}
	if !maps.Equal(values.Fields, want) {
		t.Errorf("%#v, want %#v", values.Fields, want)
	}
}
