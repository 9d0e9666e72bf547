package tune

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"quarry/affinity"
	"quarry/bench"
)

// CPU identifies the CPU: if any field differs, so may the rates.
type CPU struct {
	CPU        string `json:"cpu"`
	Family     int    `json:"family"`
	Model      int    `json:"model"`
	Stepping   int    `json:"stepping"`
	Features   string `json:"features"`
	Microcode  string `json:"microcode"`
	Hypervisor string `json:"hypervisor"`
	Arch       string `json:"arch"`
}

func thisCPU() CPU {
	m := bench.ThisCPU()
	if runtime.GOARCH != "amd64" {
		m.CPU = strings.TrimSpace(m.CPU + " " + cpuParts(os.DirFS("/")))
	}
	return CPU{
		CPU: m.CPU, Family: m.Family, Model: m.Model, Stepping: m.Stepping, Features: strings.Join(m.Features, " "),
		Microcode: m.Microcode, Hypervisor: m.Hypervisor, Arch: runtime.GOARCH,
	}
}

// maxCPUInfo limits how much of /proc/cpuinfo is read, in bytes.
const maxCPUInfo = 1 << 18

// cpuParts returns the part numbers of the arm64 cores in /proc/cpuinfo, each once;
// empty elsewhere.
func cpuParts(root fs.FS) string {
	file, err := root.Open("proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer file.Close()
	var parts []string
	for lines := bufio.NewScanner(io.LimitReader(file, maxCPUInfo)); lines.Scan(); {
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

// Key is what rates are valid for.
type Key struct {
	CPU
	Quarry  string `json:"quarry"` // the build
	Threads int    `json:"threads"`
	Cores   int    `json:"cores"` // physical ones that the threads are pinned to; 0: unknown
	CPUs    string `json:"cpus"`
}

// newKey returns the key for mining on the placements, which belong to the set.
func newKey(set affinity.CPUSet, placements []affinity.Placement, own program, version string) Key {
	cores, cpus := map[int]bool{}, []string{}
	for _, p := range placements {
		if !p.Pinned {
			continue
		}
		cpus = append(cpus, fmt.Sprint(p.CPU))
		if core, known := set.Core[p.CPU]; known {
			cores[core] = true
		}
	}
	return Key{CPU: thisCPU(), Quarry: build(own, version), Threads: len(placements), Cores: len(cores), CPUs: strings.Join(cpus, ",")}
}

// wider returns how many times the cores of the other key this one has, or the CPUs
// where cores are unknown.
func (k Key) wider(other Key) float64 {
	if k.Cores > 0 && other.Cores > 0 {
		return float64(k.Cores) / float64(other.Cores)
	}
	most := max(runtime.NumCPU(), 1)
	return float64(min(k.Threads, most)) / float64(max(min(other.Threads, most), 1))
}

// build returns the version. A build without a commit is identified by its file.
func build(own program, version string) string {
	if own.err != nil || strings.Contains(version, "+") && !strings.HasSuffix(version, ".dirty") {
		return version
	}
	return fmt.Sprintf("%s %d bytes of %s", version, own.info.Size(), own.info.ModTime().UTC().Format(time.RFC3339Nano))
}
