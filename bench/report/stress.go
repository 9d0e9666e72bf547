package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"quarry/internal/event"
	"quarry/telemetry"
)

// StressLine is a progress line of a burn-in.
type StressLine struct {
	Seconds float64           `json:"seconds"` // since the beginning
	Rate    float64           `json:"hashes_per_second"`
	Hashes  uint64            `json:"hashes"` // verified so far
	Errors  uint64            `json:"errors"` // so far
	Celsius telemetry.Reading `json:"celsius"`
	Hertz   telemetry.Reading `json:"hertz"` // median of the threads' own clocks
}

// Stress is the result of a burn-in.
type Stress struct {
	Kernel   string  `json:"kernel"`
	Versions int     `json:"versions"`
	Seconds  float64 `json:"seconds"`
	// Hashes counts the batches whose planted winners were all found, and nothing
	// else. A single wrong hash shows with a chance of 1 in 128, if it adds a
	// winner or removes one. Faulty hardware does that soon.
	Hashes uint64       `json:"hashes"`
	Errors uint64       `json:"errors"` // winners missed, false hits, and faults
	Rate   float64      `json:"hashes_per_second"`
	Cores  []StressCore `json:"cores"`

	Hottest           telemetry.Reading `json:"hottest_celsius"`
	Slowest           telemetry.Reading `json:"slowest_hertz"`
	Watts             telemetry.Reading `json:"watts"`
	JoulesPerTerahash telemetry.Reading `json:"joules_per_terahash"`
	Throttled         []string          `json:"throttled"`
	Warnings          []string          `json:"warnings"`

	Passed     bool `json:"passed"` // no errors, and every thread hashed
	Incomplete bool `json:"incomplete,omitempty"`
}

// StressCore is the result of one thread.
type StressCore struct {
	Thread int    `json:"thread"`
	CPU    int    `json:"cpu"` // -1 if it was not pinned
	Hashes uint64 `json:"hashes"`
	Errors uint64 `json:"errors"`
	First  string `json:"first_error,omitempty"`
}

// Verdict returns "passed: 1.2T hashes verified, 0 errors" or
// "FAILED: core 3: 2 errors".
func (r *Stress) Verdict() string {
	if r.Passed {
		text := "passed"
		if r.Incomplete {
			text = "ended early, without errors so far"
		}
		return fmt.Sprintf("%s: %s hashes verified, 0 errors", text, telemetry.FormatCount(r.Hashes))
	}
	var bad []string
	for _, core := range r.Cores {
		switch {
		case core.Errors > 0:
			bad = append(bad, fmt.Sprintf("%s: %s (%s)", core.name(), telemetry.FormatItems(int(core.Errors), "error"), core.First))
		case core.Hashes == 0:
			bad = append(bad, core.name()+": it hashed nothing")
		}
	}
	return "FAILED: " + strings.Join(bad, "; ")
}

func (core StressCore) name() string {
	if core.CPU >= 0 {
		return fmt.Sprintf("core %d", core.CPU)
	}
	return fmt.Sprintf("thread %d (not pinned)", core.Thread)
}

// StressPrinter prints a burn-in as it goes, as text or JSON lines.
type StressPrinter struct {
	Out   io.Writer
	JSON  bool
	Width int   // of text, in columns
	Err   error // the first failure to write
}

// Begin prints what is about to run; cpus is text for people.
func (s *StressPrinter) Begin(kernel string, versions, threads int, cpus string, d time.Duration) {
	if s.JSON {
		s.object("burn-in", struct {
			Kernel   string  `json:"kernel"`
			Versions int     `json:"versions"`
			Threads  int     `json:"threads"`
			Seconds  float64 `json:"seconds"`
		}{kernel, versions, threads, d.Seconds()})
		return
	}
	paragraph(s, s.Width, "burn-in: %s with %s on %s (CPUs %s)", telemetry.FormatDuration(d), kernelText(kernel, versions),
		telemetry.FormatItems(threads, "thread"), cpus)
}

// Line prints a progress line.
func (s *StressPrinter) Line(l StressLine) {
	if s.JSON {
		s.object("burn-in status", l)
		return
	}
	text := fmt.Sprintf("%6s  %s  %s hashes verified  %s", telemetry.FormatSeconds(l.Seconds), telemetry.FormatRate(l.Rate),
		telemetry.FormatCount(l.Hashes), errorsText(l.Errors))
	for _, r := range []string{textIf(l.Celsius, telemetry.FormatCelsius), textIf(l.Hertz, telemetry.FormatHertz)} {
		text += prefixed("  ", r)
	}
	s.printf("%s\n", text)
}

func errorsText(n uint64) string {
	if n == 0 {
		return "0 errors"
	}
	return "ERRORS " + fmt.Sprint(n)
}

// End prints the result of each thread, and the verdict.
func (s *StressPrinter) End(r *Stress) {
	if s.JSON {
		s.object("burn-in verdict", r)
		return
	}
	var text strings.Builder
	for _, core := range r.Cores {
		fmt.Fprintf(&text, "%s: %s hashes verified, %s\n", core.name(), telemetry.FormatCount(core.Hashes), errorsText(core.Errors))
	}
	paragraph(&text, s.Width, "rate: %s on average%s%s", telemetry.FormatRate(r.Rate),
		prefixed("; temperature at the hottest ", textIf(r.Hottest, telemetry.FormatCelsius)),
		prefixed("; clock at the slowest ", textIf(r.Slowest, telemetry.FormatHertz)))
	if r.Watts.OK {
		fmt.Fprintf(&text, "power: %.1f W, %.3g J/TH\n", r.Watts.Value, r.JoulesPerTerahash.Value)
	}
	writeThrottled(&text, r.Throttled, s.Width)
	for _, warning := range r.Warnings {
		paragraph(&text, s.Width, "note: %s", warning)
	}
	paragraph(&text, s.Width, "%s", r.Verdict())
	_, _ = io.WriteString(s, text.String())
}

// object writes one JSON line: kind and the value's fields.
func (s *StressPrinter) object(kind string, value any) {
	fields, err := json.Marshal(value)
	if err != nil {
		s.Err = cmp.Or(s.Err, err)
		return
	}
	s.printf("{\"event\":%q,\"msg\":%q,\"schema\":%d,%s\n", event.Name(kind), kind, event.Schema, fields[1:])
}

// Write passes text to the output and keeps the first failure.
func (s *StressPrinter) Write(text []byte) (int, error) {
	n, err := s.Out.Write(text)
	s.Err = cmp.Or(s.Err, err)
	return n, err
}

func (s *StressPrinter) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(s, format, args...)
}
