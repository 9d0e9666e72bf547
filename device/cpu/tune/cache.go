package tune

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"quarry/hashing"
	"quarry/internal/atomicfile"
)

// This file saves kernel rates and test results between runs.

const (
	schema       = 2
	maxEntries   = 32      // newest first
	maxFileBytes = 1 << 18 // size of the file
	maxFindings  = 64      // kernels of one entry
	maxFault     = 400     // bytes of a fault's text
)

// entry is the results for one key.
type entry struct {
	Key
	Measured time.Time `json:"measured"`
	Kernels  []Finding `json:"kernels"`
}

// Finding is the results for one kernel.
type Finding struct {
	Kernel          string  `json:"kernel"`
	SelfTestSeconds float64 `json:"self_test_seconds,omitempty"` // 0: not tested
	// Hashes a second on all threads, for jobs without versions to roll and with;
	// 0: not measured.
	Plain  float64 `json:"plain_hashes_per_second"`
	Rolled float64 `json:"rolled_hashes_per_second"`
	Fault  string  `json:"fault,omitempty"` // why it must not be used; never saved

	crashed bool // the fault is an ErrCrash
}

// rate returns the rate for jobs with version rolling, or without.
func (f *Finding) rate(rolling bool) float64 {
	if rolling {
		return f.Rolled
	}
	return f.Plain
}

// Order sorts kernels by their rates, best first, for jobs with version
// rolling or without. Kernels without a rate come last, in the order of the list.
func Order(kernels []hashing.Kernel, found []Finding, rolling bool) []hashing.Kernel {
	rates := map[string]float64{}
	for _, f := range found {
		if f.Fault == "" {
			rates[f.Kernel] = f.rate(rolling)
		}
	}
	kernels = slices.Clone(kernels)
	slices.SortStableFunc(kernels, func(a, b hashing.Kernel) int { return cmp.Compare(rates[b.Name], rates[a.Name]) })
	return kernels
}

// content is the content of the file.
type content struct {
	Schema  int     `json:"schema"`
	Entries []entry `json:"entries"`
}

// Path returns the file that rates are saved in.
func Path() (string, error) {
	folder, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache directory for kernel rates: %w", err)
	}
	return filepath.Join(folder, "quarry", "kernels.json"), nil
}

// readEntries reads the file at path. The error is fs.ErrNotExist if there is none;
// any other says why the file cannot be trusted.
func readEntries(path string) ([]entry, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait
		return nil, errors.New("it is not a file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil {
		return nil, err
	}
	if !ownFile(info) {
		return nil, errors.New("it belongs to another user, or others may write it")
	}
	text, err := io.ReadAll(io.LimitReader(file, maxFileBytes+1))
	if err != nil {
		return nil, err
	}
	return parseEntries(text)
}

// parseEntries accepts only what save writes.
func parseEntries(text []byte) ([]entry, error) {
	if len(text) > maxFileBytes {
		return nil, fmt.Errorf("it is larger than %d bytes", maxFileBytes)
	}
	var read content
	if err := decodeStrictly(text, &read); err != nil {
		return nil, err
	}
	if read.Schema != schema || len(read.Entries) > maxEntries {
		return nil, fmt.Errorf("it has schema %d and %d entries, want %d and %d at most", read.Schema, len(read.Entries), schema, maxEntries)
	}
	for _, e := range read.Entries {
		if err := checkFindings(e.Kernels); err != nil {
			return nil, err
		}
	}
	return read.Entries, nil
}

func decodeStrictly(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("something follows the JSON")
	}
	return nil
}

func checkFindings(list []Finding) error {
	if len(list) > maxFindings {
		return fmt.Errorf("%d kernels in one list", len(list))
	}
	for i, f := range list {
		switch {
		case f.Kernel == "" || len(f.Kernel) > 40 || len(f.Fault) > maxFault:
			return fmt.Errorf("kernel %.40q has a name or fault of a wrong length", f.Kernel)
		case slices.ContainsFunc(list[:i], func(before Finding) bool { return before.Kernel == f.Kernel }):
			return fmt.Errorf("kernel %q comes twice", f.Kernel)
		}
		for _, number := range []float64{f.Plain, f.Rolled, f.SelfTestSeconds} {
			if !(number >= 0) || number > math.MaxFloat32 {
				return fmt.Errorf("kernel %q has the rate %v", f.Kernel, number)
			}
		}
	}
	return nil
}

// save writes e to the file at path, replacing the entry with its key.
func save(path string, e entry) error {
	old, err := readEntries(path)
	if err != nil {
		old = nil // missing or not trusted: rewritten
	}
	entries := append([]entry{e}, slices.DeleteFunc(old, func(o entry) bool { return o.Key == e.Key })...)
	text, err := json.MarshalIndent(content{schema, entries[:min(len(entries), maxEntries)]}, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return atomicfile.Write(path, append(text, '\n'), 0o600)
}

// load returns the rates in the file at path for key; none without such a file. If
// there are only those of the same program on another number of CPUs, it returns them
// by the CPU as a guess. An error says why the file cannot be trusted.
func load(path string, key Key) (known, guess []Finding, err error) {
	entries, err := readEntries(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	for _, e := range entries {
		switch {
		case e.Key == key:
			return e.Kernels, nil, nil
		case guess == nil && e.CPU == key.CPU && e.Quarry == key.Quarry:
			guess = scaled(e.Kernels, key.wider(e.Key))
		}
	}
	return nil, guess, err
}

func scaled(list []Finding, factor float64) []Finding {
	list = slices.Clone(list)
	for i := range list {
		list[i].Plain *= factor
		list[i].Rolled *= factor
	}
	return list
}
