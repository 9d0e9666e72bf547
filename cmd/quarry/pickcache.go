package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"quarry/benchmarks"
	"quarry/hashing"
	"quarry/miner"
)

// This file keeps what was measured of the kernels, for later starts.

const (
	pickSchema   = 1
	maxPicks     = 32      // entries kept, newest first
	maxPickBytes = 1 << 18 // of the file
)

// cpuKey is what the CPU tells of itself: other values, other rates.
type cpuKey struct {
	CPU        string `json:"cpu"`
	Family     int    `json:"family"`
	Model      int    `json:"model"`
	Stepping   int    `json:"stepping"`
	Features   string `json:"features"`
	Microcode  string `json:"microcode"`
	Hypervisor string `json:"hypervisor"`
	Arch       string `json:"arch"`
}

func thisCPU() cpuKey {
	m := benchmarks.ThisCPU()
	if runtime.GOARCH != "amd64" {
		m.CPU = strings.TrimSpace(m.CPU + " " + cpuParts(os.DirFS("/")))
	}
	return cpuKey{
		CPU: m.CPU, Family: m.Family, Model: m.Model, Stepping: m.Stepping, Features: strings.Join(m.Features, " "),
		Microcode: m.Microcode, Hypervisor: m.Hypervisor, Arch: runtime.GOARCH,
	}
}

// cpuParts are the numbers by which Linux names the makes of arm64 cores, each
// once; empty elsewhere.
func cpuParts(root fs.FS) string {
	file, err := root.Open("proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer file.Close()
	var parts []string
	for lines := bufio.NewScanner(io.LimitReader(file, maxPickBytes)); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), ":")
		switch strings.TrimSpace(key) {
		case "CPU implementer", "CPU part", "CPU variant", "CPU revision":
			if value = strings.TrimSpace(value); !slices.Contains(parts, value) && len(parts) < maxFindings {
				parts = append(parts, fmt.Sprintf("%.20s", value))
			}
		}
	}
	return strings.Join(parts, " ")
}

// pickKey is what a measurement holds for.
type pickKey struct {
	cpuKey
	Quarry  string `json:"quarry"` // the build
	Threads int    `json:"threads"`
	Cores   int    `json:"cores"` // physical ones that the threads are pinned to; 0: not known
	CPUs    string `json:"cpus"`
}

func newPickKey(set miner.CPUSet, placements []miner.Placement) pickKey {
	cores := map[int]bool{}
	for _, p := range placements {
		if core, known := set.Core[p.CPU]; known && p.Pinned {
			cores[core] = true
		}
	}
	return pickKey{cpuKey: thisCPU(), Quarry: buildText(), Threads: len(placements), Cores: len(cores), CPUs: placementText(placements)}
}

// buildText is the version. A build that is of no commit is known by its file.
func buildText() string {
	text := versionText()
	if strings.Contains(text, "+") && !strings.HasSuffix(text, ".dirty") {
		return text
	}
	file, err := os.Executable()
	if err != nil {
		return text
	}
	info, err := os.Stat(file)
	if err != nil {
		return text
	}
	return fmt.Sprintf("%s %d bytes of %s", text, info.Size(), info.ModTime().UTC().Format(time.RFC3339Nano))
}

// pick is one measurement, or what two of them say together.
type pick struct {
	pickKey
	Measured time.Time `json:"measured"`
	Kernels  []finding `json:"kernels"`
	looks    int       // measurements that it is made of, by better
}

// finding is what is known of one kernel.
type finding struct {
	Kernel          string  `json:"kernel"`
	SelfTestSeconds float64 `json:"self_test_seconds"`
	Plain           float64 `json:"plain_hashes_per_second"`  // 0: not measured
	Rolled          float64 `json:"rolled_hashes_per_second"` // with as many versions as the kernel likes; 0: not measured
	Fault           string  `json:"fault,omitempty"`          // why it must not be used
}

// rates are the kernels' measured rates by name.
func (p *pick) rates() map[string]hashing.Rate {
	rates := map[string]hashing.Rate{}
	for _, f := range p.Kernels {
		if f.Fault == "" && f.Plain > 0 {
			rates[f.Kernel] = hashing.Rate{Plain: f.Plain, Rolled: f.Rolled}
		}
	}
	return rates
}

// faults are the kernels that must not be used, by name, and why.
func (p *pick) faults() map[string]string {
	faults := map[string]string{}
	for _, f := range p.Kernels {
		if f.Fault != "" {
			faults[f.Kernel] = f.Fault
		}
	}
	return faults
}

// covers tells whether it says something of each of the kernels.
func (p *pick) covers(kernels []hashing.Kernel) bool {
	for _, k := range kernels {
		if !slices.ContainsFunc(p.Kernels, func(f finding) bool { return f.Kernel == k.Name && (f.Fault != "" || f.Plain > 0) }) {
			return false
		}
	}
	return true
}

// pickFile is the content of the file.
type pickFile struct {
	Schema int    `json:"schema"`
	Picks  []pick `json:"picks"`
}

// pickPath is where measurements are kept.
func pickPath() (string, error) {
	folder, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("there is no place to keep measurements: %w", err)
	}
	return filepath.Join(folder, "quarry", "kernels.json"), nil
}

// readPicks reads the file at path. One that is not there is an error
// fs.ErrNotExist, any other error says why it cannot be trusted.
func readPicks(path string) ([]pick, error) {
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
	text, err := io.ReadAll(io.LimitReader(file, maxPickBytes+1))
	if err != nil {
		return nil, err
	}
	return parsePicks(text)
}

// parsePicks takes only what writePicks writes.
func parsePicks(text []byte) ([]pick, error) {
	if len(text) > maxPickBytes {
		return nil, fmt.Errorf("it is larger than %d bytes", maxPickBytes)
	}
	var content pickFile
	if err := decodeStrictly(text, &content); err != nil {
		return nil, err
	}
	if content.Schema != pickSchema || len(content.Picks) > maxPicks {
		return nil, fmt.Errorf("it has schema %d and %d entries, want %d and %d at most", content.Schema, len(content.Picks), pickSchema, maxPicks)
	}
	for _, p := range content.Picks {
		if err := checkFindings(p.Kernels); err != nil {
			return nil, err
		}
	}
	return content.Picks, nil
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

// maxFindings bounds the kernels of one measurement.
const maxFindings = 64

func checkFindings(list []finding) error {
	if len(list) > maxFindings {
		return fmt.Errorf("%d kernels in one measurement", len(list))
	}
	for i, f := range list {
		switch {
		case f.Kernel == "" || len(f.Kernel) > 40 || len(f.Fault) > maxFault:
			return fmt.Errorf("kernel %.40q has a name or fault of a wrong length", f.Kernel)
		case slices.ContainsFunc(list[:i], func(before finding) bool { return before.Kernel == f.Kernel }):
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

// keepPick writes p as the newest entry to the file at path. Of the older ones
// with its key it leaves so many that with it there are looks.
func keepPick(path string, p pick, looks int) error {
	old, err := readPicks(path)
	if err != nil {
		old = nil // not there or not to be trusted: written anew
	}
	old = slices.DeleteFunc(old, func(o pick) bool {
		if o.pickKey == p.pickKey {
			looks--
		}
		return o.pickKey == p.pickKey && looks < 1
	})
	picks := append([]pick{p}, old...)
	text, err := json.MarshalIndent(pickFile{pickSchema, picks[:min(len(picks), maxPicks)]}, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return benchmarks.WriteWhole(path, append(text, '\n'), 0o600)
}

// findPicks are the kept measurements for key that cover the kernels, the
// newest first and mostLooks at most. An error says that the file cannot be
// trusted.
func findPicks(path string, key pickKey, kernels []hashing.Kernel) (found []pick, err error) {
	picks, err := readPicks(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	for _, p := range picks {
		if p.pickKey == key && p.covers(kernels) && len(found) < mostLooks {
			found = append(found, p)
		}
	}
	return found, nil
}
