package telemetry

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
)

// maxCPUInfo bounds how much of /proc/cpuinfo is read: about 2 KB per CPU.
const maxCPUInfo = 16 << 20

// currentFrequency returns the current mean clock in hertz over the CPUs that report it: from cpufreq, else from
// /proc/cpuinfo. root is the file system's root.
func currentFrequency(root fs.FS) (float64, error) {
	files, err := fs.Glob(root, "sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq")
	if err != nil {
		return 0, err
	}
	var sum float64
	var count int
	for _, name := range files {
		text, err := fs.ReadFile(root, name)
		if err != nil {
			continue // the CPU is offline
		}
		if kilohertz, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32); err == nil && kilohertz > 0 {
			sum += float64(kilohertz) * 1e3
			count++
		}
	}
	if count > 0 {
		return sum / float64(count), nil
	}
	return cpuinfoFrequency(root)
}

func cpuinfoFrequency(root fs.FS) (float64, error) {
	file, err := root.Open("proc/cpuinfo")
	if err != nil {
		return 0, fmt.Errorf("current frequency: %w", err)
	}
	defer file.Close()
	var sum float64
	var count int
	lines := bufio.NewScanner(io.LimitReader(file, maxCPUInfo))
	for lines.Scan() {
		key, value, found := strings.Cut(lines.Text(), ":")
		if !found || strings.TrimSpace(key) != "cpu MHz" {
			continue
		}
		if mhz, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil && mhz > 0 && mhz < 1e6 {
			sum += mhz * 1e6
			count++
		}
	}
	if err := lines.Err(); err != nil {
		return 0, fmt.Errorf("current frequency: /proc/cpuinfo: %w", err)
	}
	if count == 0 {
		return 0, errors.New("current frequency: neither cpufreq nor /proc/cpuinfo has it")
	}
	return sum / float64(count), nil
}
