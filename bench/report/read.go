package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"quarry/telemetry"
	"strings"
	"unicode"
)

// Limits of a report that is read. A report of "quarry bench" stays far below them;
// anything above would only cost time and memory.
const (
	maxReportBytes = 16 << 20
	maxSeries      = 256 // in each list
	maxSamples     = 1000
	maxKernelName  = 64
)

// Read reads the JSON of one Report. It rejects other schemas, more than 16 MiB, and
// impossible rates, so that what it returns is safe to calculate with. Unknown keys
// are skipped, so that a newer quarry may add some without a new schema.
func Read(r io.Reader) (*Report, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxReportBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the report: %w", err)
	}
	if len(text) > maxReportBytes {
		return nil, fmt.Errorf("it is larger than %d MiB, so it is not a report of quarry bench", maxReportBytes>>20)
	}
	// The schema first: a report of another schema may not fit the types.
	var head struct {
		Schema *int `json:"schema"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, notAReport(err)
	}
	switch {
	case head.Schema == nil:
		return nil, errors.New(`it has no "schema", so it is not a report of quarry bench`)
	case *head.Schema != Schema:
		return nil, fmt.Errorf("its schema is %d and this quarry reads only schema %d: measure again, or use the quarry that wrote it", *head.Schema, Schema)
	}
	report := new(Report)
	if err := json.Unmarshal(text, report); err != nil {
		return nil, notAReport(err)
	}
	if err := report.check(); err != nil {
		return nil, err
	}
	return report, nil
}

func notAReport(err error) error {
	return fmt.Errorf("it is not a JSON report of quarry bench: %w", err)
}

// check rejects values that are not safe to calculate with.
func (r *Report) check() error {
	for _, list := range []struct {
		name   string
		series []Series
	}{{"kernels", r.Kernels}, {"scaling", r.Scaling}} {
		if len(list.series) > maxSeries {
			return fmt.Errorf("%s has %d series, more than %d", list.name, len(list.series), maxSeries)
		}
		seen := map[SeriesKey]bool{}
		for i, s := range list.series {
			if err := s.check(); err != nil {
				return fmt.Errorf("%s, series %d: %w", list.name, i+1, err)
			}
			if seen[s.Key()] {
				return fmt.Errorf("%s, series %d: there is already one of %s", list.name, i+1, s.Key())
			}
			seen[s.Key()] = true
		}
	}
	return nil
}

func (s *Series) check() error {
	switch {
	case !isKernelName(s.Kernel):
		return fmt.Errorf("%.70q is not a kernel's name", s.Kernel)
	case s.Versions < 1:
		return fmt.Errorf("%s: versions is %d, below 1", s.Kernel, s.Versions)
	case s.Threads < 1:
		return fmt.Errorf("%s: threads is %d, below 1", s.Kernel, s.Threads)
	case len(s.Samples) > maxSamples:
		return fmt.Errorf("%s: %d samples, more than %d", s.Kernel, len(s.Samples), maxSamples)
	case s.Error != "":
		return nil // no figure; the rates are ignored
	}
	for _, rate := range append([]float64{s.Median, s.Low, s.High, s.Min, s.Max}, s.Samples...) {
		if !(rate > 0) { // JSON has no infinities and NaN, but a report may be built in memory
			return fmt.Errorf("%s: a rate of %v H/s without an error that says why", s.Kernel, rate)
		}
	}
	return nil
}

// isKernelName rejects characters that would disturb a terminal or a table.
func isKernelName(name string) bool {
	return name != "" && len(name) <= maxKernelName && !strings.ContainsFunc(name, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsPrint(r) || r == ' '
	})
}

// SeriesKey identifies a measurement.
type SeriesKey struct {
	Kernel   string `json:"kernel"`
	Versions int    `json:"versions"`
	Threads  int    `json:"threads"`
}

// Key returns what the series measured.
func (s *Series) Key() SeriesKey { return SeriesKey{s.Kernel, s.Versions, s.Threads} }

// String returns text such as "shani-avx512 x32, 2 threads".
func (k SeriesKey) String() string {
	return k.Name() + ", " + telemetry.FormatItems(k.Threads, "thread")
}

// Name returns the kernel with its number of rolled versions.
func (k SeriesKey) Name() string {
	if k.Versions > 1 {
		return fmt.Sprintf("%s x%d", k.Kernel, k.Versions)
	}
	return k.Kernel
}
