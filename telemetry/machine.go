package telemetry

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"

	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/host"
	"github.com/shirou/gopsutil/v3/load"
	"github.com/shirou/gopsutil/v3/mem"
	"github.com/shirou/gopsutil/v3/process"
)

// machineProbes returns the probes of this operating system. What they leave out stays unavailable:
//   - frequency outside Linux: gopsutil knows only the nominal one;
//   - temperature outside Linux: without cgo there is none on macOS and BSD, and Windows' ACPI zones are not the CPU;
//   - load average on Windows: gopsutil estimates it from a queue length in a goroutine that never ends.
func machineProbes() []probe {
	probes := []probe{
		{name: "cpu", once: true, read: readCPU},
		{name: "host", once: true, read: readHost},
		{name: "core load", read: readCoreLoad},
		{name: "memory", read: readMemory},
		{name: "process", read: processProbe()},
		{name: "uptime", read: readUptime},
	}
	if runtime.GOOS != "windows" {
		probes = append(probes, probe{name: "load average", read: readLoadAverage})
	}
	if runtime.GOOS == "linux" {
		probes = append(probes,
			probe{name: "frequency", read: frequencyProbe(os.DirFS("/"))},
			probe{name: "temperature", read: temperatureProbe(os.DirFS("/"))},
		)
	}
	return probes
}

func readCPU(ctx context.Context) (func(*Hardware), error) {
	infos, errInfo := cpu.InfoWithContext(ctx)
	physical, errPhysical := cpu.CountsWithContext(ctx, false)
	logical, errLogical := cpu.CountsWithContext(ctx, true)
	var model Text
	if len(infos) > 0 && infos[0].ModelName != "Undefined" { // gopsutil's name for an unknown ARM part
		model = Text(cleanName(infos[0].ModelName))
	}
	return func(h *Hardware) {
		h.CPUModel = model
		h.PhysicalCores = positive(float64(physical))
		h.LogicalCores = positive(float64(logical))
	}, errors.Join(errInfo, errPhysical, errLogical)
}

func readHost(ctx context.Context) (func(*Hardware), error) {
	platform, _, version, errPlatform := host.PlatformInformationWithContext(ctx)
	kernel, errKernel := host.KernelVersionWithContext(ctx)
	name := cleanName(platform + " " + version)
	return func(h *Hardware) {
		h.HostOS = Text(runtime.GOOS + "/" + runtime.GOARCH)
		h.HostPlatform = Text(name)
		h.HostKernel = Text(cleanName(kernel))
	}, errors.Join(errPlatform, errKernel)
}

func readUptime(ctx context.Context) (func(*Hardware), error) {
	seconds, err := host.UptimeWithContext(ctx)
	if err != nil {
		return nil, err
	}
	return func(h *Hardware) { h.UptimeSeconds = positive(float64(seconds)) }, nil
}

func readCoreLoad(ctx context.Context) (func(*Hardware), error) {
	percent, err := cpu.PercentWithContext(ctx, 0, true) // since the previous call
	if err != nil {
		return nil, err
	}
	if len(percent) == 0 {
		return nil, errors.New("no per-core load")
	}
	var sum float64
	for _, p := range percent {
		sum += p
	}
	return func(h *Hardware) {
		h.CoreLoadPercent = percent
		h.LoadPercent = Known(sum / float64(len(percent)))
	}, nil
}

func readLoadAverage(ctx context.Context) (func(*Hardware), error) {
	avg, err := load.AvgWithContext(ctx)
	if err != nil {
		return nil, err
	}
	return func(h *Hardware) {
		h.LoadAverage1, h.LoadAverage5, h.LoadAverage15 = Known(avg.Load1), Known(avg.Load5), Known(avg.Load15)
	}, nil
}

func readMemory(ctx context.Context) (func(*Hardware), error) {
	m, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return nil, err
	}
	return func(h *Hardware) {
		h.MemoryTotalBytes, h.MemoryUsedBytes = positive(float64(m.Total)), positive(float64(m.Used))
	}, nil
}

// processProbe looks up this process once, because each lookup holds a file descriptor until it is collected.
func processProbe() func(context.Context) (func(*Hardware), error) {
	p, errNew := process.NewProcess(int32(os.Getpid()))
	return func(ctx context.Context) (func(*Hardware), error) {
		if errNew != nil {
			return nil, errNew
		}
		m, err := p.MemoryInfoWithContext(ctx)
		if err != nil {
			return nil, err
		}
		return func(h *Hardware) { h.ResidentBytes = positive(float64(m.RSS)) }, nil
	}
}

// temperatureProbe keeps the CPU's sensors once they are found.
func temperatureProbe(root fs.FS) func(context.Context) (func(*Hardware), error) {
	t := thermometer{root: root}
	return func(context.Context) (func(*Hardware), error) {
		hottest, celsius, err := t.read()
		if err != nil {
			return nil, err
		}
		return func(h *Hardware) {
			h.CPUCelsius, h.CriticalCelsius, h.TemperatureSensor = Known(celsius), hottest.critical, Text(hottest.key)
		}, nil
	}
}

func frequencyProbe(root fs.FS) func(context.Context) (func(*Hardware), error) {
	return func(context.Context) (func(*Hardware), error) {
		hertz, err := currentFrequency(root)
		if err != nil {
			return nil, err
		}
		return func(h *Hardware) { h.FrequencyHertz = positive(hertz) }, nil
	}
}

// cleanName makes foreign text printable; empty text stays empty (unavailable).
func cleanName(s string) string {
	if s = cleanReason(s); s == unknownReason {
		return ""
	}
	return s
}
