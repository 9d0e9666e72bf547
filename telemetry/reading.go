package telemetry

import (
	"encoding/json"
	"math"
	"strconv"
)

// unavailable is the text for a value that the machine does not have.
const unavailable = "unavailable"

// Reading is a measured value or the lack of one: JSON null, text "unavailable", never a zero that looks
// measured. The zero Reading is unavailable.
type Reading struct {
	Value float64
	OK    bool
}

// Known returns an available reading; NaN and infinities give an unavailable one.
func Known(v float64) Reading {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return Reading{}
	}
	return Reading{Value: v, OK: true}
}

// Format returns f of the value, or "unavailable".
func (r Reading) Format(f func(float64) string) string {
	if !r.OK {
		return unavailable
	}
	return f(r.Value)
}

// String returns the plain number, or "unavailable".
func (r Reading) String() string {
	return r.Format(func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) })
}

// MarshalJSON writes the number, or null.
func (r Reading) MarshalJSON() ([]byte, error) {
	if !r.OK || math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(r.Value)
}

// UnmarshalJSON reads a number, or null as unavailable.
func (r *Reading) UnmarshalJSON(b []byte) error {
	var v *float64
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*r = Reading{}
	if v != nil {
		*r = Reading{Value: *v, OK: true}
	}
	return nil
}

// Text is a name that the machine may not have: empty means unavailable, JSON null.
type Text string

// String returns the text, or "unavailable".
func (t Text) String() string {
	if t == "" {
		return unavailable
	}
	return string(t)
}

// MarshalJSON writes the string, or null.
func (t Text) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(t))
}
