package affinity

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// UsableCPUs finds the CPUs in this process's affinity mask, which the kernel keeps within the cgroup's cpuset, and
// the cgroup's CPU quota. Call it from a goroutine that is not pinned.
func UsableCPUs() (CPUSet, error) {
	mask := unix.NewCPUSet(maxCPUs)
	if err := unix.SchedGetaffinityDynamic(0, mask); err != nil {
		return CPUSet{}, fmt.Errorf("reading the cpu affinity: %w", err)
	}
	set := CPUSet{CanPin: true}
	for cpu := range maxCPUs {
		if mask.IsSet(cpu) {
			set.CPUs = append(set.CPUs, cpu)
		}
	}
	if len(set.CPUs) == 0 {
		return CPUSet{}, errors.New("reading the cpu affinity: it is empty")
	}
	root := os.DirFS("/")
	set.Core = readCores(root, set.CPUs)
	set.Quota = readQuota(root)
	return set, nil
}

// readCores maps each CPU to the lowest CPU of its physical core. CPUs that sysfs does not describe are left out.
func readCores(root fs.FS, cpus []int) map[int]int {
	cores := make(map[int]int, len(cpus))
	for _, cpu := range cpus {
		name := fmt.Sprintf("sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu)
		text, err := fs.ReadFile(root, name)
		if err != nil {
			continue
		}
		siblings, err := parseCPUList(string(text))
		if err == nil && slices.Contains(siblings, cpu) {
			cores[cpu] = siblings[0]
		}
	}
	return cores
}

// readQuota returns the smallest CPU quota of the process's cgroup and those above it, as a number of CPUs; 0 without
// one. root is the file system's root.
func readQuota(root fs.FS) float64 {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	mounts, err := fs.ReadFile(root, "proc/self/mountinfo")
	if err != nil {
		return 0
	}
	smallest := 0.0
	for line := range strings.Lines(string(groups)) {
		// "0::/path" for cgroup v2, "4:cpu,cpuacct:/path" for v1 (cgroups(7)).
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		unified := parts[0] == "0" && parts[1] == ""
		if !unified && !slices.Contains(strings.Split(parts[1], ","), "cpu") {
			continue
		}
		read := quotaV1
		if unified {
			read = quotaV2
		}
		top, group := findCgroup(string(mounts), unified, parts[2])
		if top == "" {
			continue
		}
		for dir := group; ; dir = path.Dir(dir) {
			if q := read(root, dir); q > 0 && (smallest == 0 || q < smallest) {
				smallest = q
			}
			if dir == top || len(dir) <= len(top) {
				break
			}
		}
	}
	return smallest
}

// findCgroup finds where the hierarchy is mounted and the group's directory below that, both relative to the root;
// top is empty if it is not mounted. Lines of mountinfo read "id parent major:minor root mountpoint options
// [tags] - type source superoptions" (proc(5)).
func findCgroup(mounts string, unified bool, group string) (top, dir string) {
	for line := range strings.Lines(mounts) {
		before, after, found := strings.Cut(line, " - ")
		place, kind := strings.Fields(before), strings.Fields(after)
		if !found || len(place) < 5 || len(kind) < 3 {
			continue
		}
		wanted := kind[0] == "cgroup2"
		if !unified {
			wanted = kind[0] == "cgroup" && slices.Contains(strings.Split(kind[2], ","), "cpu")
		}
		if !wanted {
			continue
		}
		// In a container the mount may show only the part of the hierarchy below place[3]. Clean also ends
		// "/../" at the root: a group outside the cgroup namespace.
		group = path.Clean("/" + group)
		if shown := path.Clean("/" + place[3]); shown != "/" {
			if below, ok := strings.CutPrefix(group+"/", shown+"/"); ok {
				group = below
			}
		}
		top = strings.TrimPrefix(path.Clean(place[4]), "/")
		return top, path.Join(top, group)
	}
	return "", ""
}

// quotaV2 reads "150000 100000" or "max 100000" (microseconds of each period) from cpu.max.
func quotaV2(root fs.FS, dir string) float64 {
	text, err := fs.ReadFile(root, path.Join(dir, "cpu.max"))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) != 2 {
		return 0
	}
	return ratio(fields[0], fields[1])
}

func quotaV1(root fs.FS, dir string) float64 {
	quota, err := fs.ReadFile(root, path.Join(dir, "cpu.cfs_quota_us"))
	if err != nil {
		return 0
	}
	period, err := fs.ReadFile(root, path.Join(dir, "cpu.cfs_period_us"))
	if err != nil {
		return 0
	}
	return ratio(strings.TrimSpace(string(quota)), strings.TrimSpace(string(period)))
}

// ratio returns 0 for "max", -1 and anything else that is not a limit.
func ratio(quota, period string) float64 {
	q, errQ := strconv.ParseInt(quota, 10, 64)
	p, errP := strconv.ParseInt(period, 10, 64)
	if errQ != nil || errP != nil || q <= 0 || p <= 0 {
		return 0
	}
	return float64(q) / float64(p)
}
