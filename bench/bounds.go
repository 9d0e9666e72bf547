package bench

import (
	"quarry/bench/report"
	"quarry/telemetry"
)

// portBound returns the least number of cycles that a hash can take with this
// kernel, with the pipes that it needs most busy in every cycle, by the CPU's
// family. It is counted by instruction, and on Zen 4 measured by instruction. No
// kernel is known to reach it. It is unavailable for other CPUs and kernels.
func portBound(m report.Machine, s report.SeriesKey) telemetry.Reading {
	var bound float64
	switch cores := coreOf(m); s.Kernel {
	case "avx512":
		bound = lanes512(cores, s.Versions)
	case "avx2":
		bound = lanes256(cores, s.Versions)
	case "shani":
		bound = shaOnly(cores, s.Versions)
	case "shani-avx512":
		bound = hybrid(cores, s.Versions)
	}
	return telemetry.Reading{Value: bound, OK: bound > 0}
}

// core is a core design whose pipes are known.
type core int

const (
	unknownCore core = iota
	zen4
	zen5       // those with 512-bit pipes
	sunnyCove  // Intel's servers with two 512-bit pipes: Ice Lake to Emerald Rapids
	amdFamily4 = 25
	amdFamily5 = 26
)

func coreOf(m report.Machine) core {
	within := func(low, high int) bool { return low <= m.Model && m.Model <= high }
	switch {
	case m.Family == amdFamily4 && (within(0x10, 0x1f) || within(0x60, 0x7f) || within(0xa0, 0xaf)):
		return zen4
	// Strix Point and Krackan (0x20 to 0x3f, 0x60 on) have halved pipes.
	case m.Family == amdFamily5 && (within(0x00, 0x1f) || within(0x40, 0x4f)):
		return zen5
	case m.Family == 6 && (within(0x6a, 0x6a) || within(0x6c, 0x6c) || within(0x8f, 0x8f) || within(0xcf, 0xcf)):
		return sunnyCove
	}
	return unknownCore
}

// knownLoad returns the load that a look measures on an undisturbed core, where the
// reference loop's additions run at four a cycle next to the clock's chain. 0 is
// unknown.
func knownLoad(m report.Machine) float64 {
	if coreOf(m) == zen4 && vectorReference {
		return 1
	}
	return 0
}

// lanes512: 2,847 instructions for 16 hashes, with V versions 2,387 + 460/V,
// because they share the schedule of the second block. Two a cycle, four on Zen 5.
func lanes512(c core, versions int) float64 {
	instructions := 2387 + 460/float64(versions)
	switch c {
	case zen4, sunnyCove:
		return instructions / 16 / 2
	case zen5:
		return instructions / 16 / 4
	}
	return 0
}

// lanes256: 5,753 instructions for 8 hashes, four a cycle on AMD, three on
// Intel; with many versions about 160 on AMD.
func lanes256(c core, versions int) float64 {
	const instructions, manyVersions = 5753, 160
	switch {
	case c == zen4 && versions == 1:
		return instructions / 8.0 / 4
	case c == zen4 && versions == 32:
		return manyVersions
	case c == sunnyCove && versions == 1:
		return instructions / 8.0 / 3
	}
	return 0
}

// shaOnly: 61 SHA256RNDS2 a hash, one a cycle, and with the schedules 267
// slots, four a cycle; with versions the slots are fewer, and not counted.
func shaOnly(c core, versions int) float64 {
	switch {
	case c != zen4:
		return 0
	case versions == 1:
		return max(61, 267/4.0)
	}
	return 61
}

// hybrid: 59 SHA256RNDS2 a hash and 165 vector instructions, with versions 54
// and 118; one and four of all of them a cycle.
func hybrid(c core, versions int) float64 {
	switch {
	case c != zen4:
		return 0
	case versions == 1:
		return max(59, (59+165)/4.0)
	}
	return max(54, (54+118)/4.0)
}
