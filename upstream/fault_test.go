package upstream

import (
	"errors"
	"fmt"
	"testing"
)

// advised is an error with an advice and a name.
type advised struct{}

func (advised) Error() string     { return "the port is closed: open it" }
func (advised) Cause() string     { return "the port is closed" }
func (advised) FaultCode() string { return "port_closed" }

// TestAdviceIsGivenOnce: the error is logged with its advice and name; as the reason
// for something else, it is only what happened.
func TestAdviceIsGivenOnce(t *testing.T) {
	m := &member{Member: Member{Name: "A"}}
	for err, want := range map[error]string{advised{}: "A: the port is closed", errors.New("gone"): "A: gone"} {
		m.lastError, m.quit = err, nil
		if got := m.trouble(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		m.quit = fmt.Errorf("failed: %w", err)
		if got := m.trouble(); err == (advised{}) && got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if f := faultField(fmt.Errorf("failed: %w", advised{})); f.Key != "fault" || f.String != "port_closed" {
		t.Errorf("%+v", f)
	}
	if f := faultField(errors.New("gone")); f.Key != "" {
		t.Errorf("%+v", f)
	}
}
