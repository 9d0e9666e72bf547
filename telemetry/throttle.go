package telemetry

import (
	"io/fs"
	"strconv"
)

// Throttles counts how often CPUs were slowed down because of heat, since boot
// (Linux on Intel CPUs; others do not count it). Each CPU of a package counts
// those of the package: only the rise of a sum is meaningful.
type Throttles struct {
	Core    uint64
	Package uint64
}

// ReadThrottles sums the counters of all CPUs; false means that there are
// none. root is the file system's root.
func ReadThrottles(root fs.FS) (t Throttles, ok bool) {
	for _, kind := range []struct {
		file string
		sum  *uint64
	}{{"core_throttle_count", &t.Core}, {"package_throttle_count", &t.Package}} {
		files, err := fs.Glob(root, "sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/"+kind.file)
		if err != nil {
			continue
		}
		for _, name := range files {
			text, err := readLine(root, name)
			if err != nil {
				continue // the CPU is offline
			}
			if n, err := strconv.ParseUint(text, 10, 64); err == nil {
				*kind.sum += n
				ok = true
			}
		}
	}
	return t, ok
}
