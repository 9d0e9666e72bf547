package bench

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/klauspost/cpuid/v2"

	"quarry/bench/report"
	"quarry/telemetry"
)

const (
	// unavailable stands for what the machine does not report.
	unavailable = "unavailable"
	// maxCPUInfo limits how much of /proc/cpuinfo is read: the first CPU is enough.
	maxCPUInfo = 64 << 10
)

// kernelFeatures returns the CPU features that make kernels fast or slow.
func kernelFeatures() []cpuid.FeatureID {
	return []cpuid.FeatureID{
		cpuid.SSE2, cpuid.SSSE3, cpuid.SSE4, cpuid.AVX, cpuid.AVX2, cpuid.BMI2, cpuid.SHA, cpuid.VAES, cpuid.GFNI,
		cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL, cpuid.AVX512VBMI, cpuid.AVX10,
		cpuid.ASIMD, cpuid.SHA1, cpuid.SHA2, cpuid.SHA3, cpuid.SVE,
	}
}

// ThisCPU returns the part of a Machine that comes from CPUID and the microcode
// version, which decides which kernel is fast. It is quick.
func ThisCPU() report.Machine { return describeCPU(os.DirFS("/")) }

func describeCPU(root fs.FS) report.Machine {
	m := report.Machine{
		Features: []string{},
		CPU:      orUnavailable(cpuid.CPU.BrandName), Family: cpuid.CPU.Family, Model: cpuid.CPU.Model, Stepping: cpuid.CPU.Stepping,
		Microcode: orUnavailable(microcode(root)), Hypervisor: hypervisor(),
	}
	for _, f := range kernelFeatures() {
		if cpuid.CPU.Supports(f) {
			m.Features = append(m.Features, f.String())
		}
	}
	return m
}

// describeMachine returns the description of the machine; root is the file system's
// root and h the sensors' readings.
func describeMachine(root fs.FS, h telemetry.Hardware, usable []int) report.Machine {
	m := describeCPU(root)
	m.Governor, m.UsableCPUs = orUnavailable(governors(root)), usable
	m.PhysicalCores, m.LogicalCores = h.PhysicalCores, h.LogicalCores
	m.OS = strings.Join([]string{runtime.GOOS, h.HostPlatform.String(), h.HostKernel.String()}, ", ")
	if m.CPU == unavailable {
		m.CPU = h.CPUModel.String()
	}
	return m
}

func orUnavailable(text string) string {
	if text = strings.TrimSpace(text); text == "" {
		return unavailable
	}
	return text
}

// hypervisor returns the name of the virtual machine, empty for none.
func hypervisor() string {
	switch {
	case runtime.GOARCH != "amd64" && runtime.GOARCH != "386":
		return unavailable
	case !cpuid.CPU.Supports(cpuid.HYPERVISOR):
		return ""
	case cpuid.CPU.HypervisorVendorString != "":
		return strings.TrimRight(cpuid.CPU.HypervisorVendorString, "\x00 ")
	}
	return "of unknown make"
}

// microcode returns the first CPU's version, as in /proc/cpuinfo ("0xb00212e"); empty
// if it is missing.
func microcode(root fs.FS) string {
	file, err := root.Open("proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer file.Close()
	lines := bufio.NewScanner(io.LimitReader(file, maxCPUInfo))
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		if strings.TrimSpace(key) == "microcode" {
			return fmt.Sprintf("%.40s", strings.TrimSpace(value))
		}
	}
	return ""
}

// governors returns the names of the CPUs' frequency governors, each once.
func governors(root fs.FS) string {
	files, err := fs.Glob(root, "sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor")
	if err != nil {
		return ""
	}
	var names []string
	for _, file := range files {
		if text, err := fs.ReadFile(root, file); err == nil {
			names = append(names, fmt.Sprintf("%.40s", strings.TrimSpace(string(text))))
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}
