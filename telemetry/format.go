package telemetry

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// FormatRate writes hashes per second for people: "51.32 MH/s", "512 H/s". Negative values and NaN give 0.
func FormatRate(hashesPerSecond float64) string {
	if !(hashesPerSecond > 0) {
		return "0 H/s"
	}
	v, prefix := siPrefix(hashesPerSecond)
	if prefix == "" {
		return trimZeros(strconv.FormatFloat(v, 'f', 2, 64)) + " H/s"
	}
	return strconv.FormatFloat(v, 'f', 2, 64) + " " + prefix + "H/s"
}

// FormatDifficulty writes a difficulty for people: "1.25k", "16.5", "0.00031", three digits below 1.
func FormatDifficulty(d float64) string {
	if !(d > 0) {
		return "0"
	}
	if d < 1e-9 {
		return strconv.FormatFloat(d, 'g', 3, 64)
	}
	if d < 0.9995 {
		digits := 2 - int(math.Floor(math.Log10(d)))
		return trimZeros(strconv.FormatFloat(d, 'f', digits, 64))
	}
	v, prefix := siPrefix(d)
	return trimZeros(strconv.FormatFloat(v, 'f', 2, 64)) + prefix
}

// FormatCount writes a number of hashes or shares for people: "1.25G", "512".
func FormatCount(n uint64) string {
	if n < 1000 {
		return strconv.FormatUint(n, 10)
	}
	return FormatDifficulty(float64(n))
}

// FormatItems writes a number of things: "1 thread", "2 threads".
func FormatItems(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// FormatBytes writes a size with binary units: "23.4 MiB".
func FormatBytes(bytes float64) string {
	if !(bytes > 0) {
		return "0 B"
	}
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	i := 0
	for bytes >= 1023.95 && i < len(units)-1 {
		bytes /= 1024
		i++
	}
	return trimZeros(strconv.FormatFloat(bytes, 'f', 1, 64)) + " " + units[i]
}

// FormatDuration writes a duration in its two largest units: "850ms", "7.3s", "42s", "3m05s", "1h02m", "4d06h".
func FormatDuration(d time.Duration) string { return FormatSeconds(d.Seconds()) }

// FormatSeconds is FormatDuration for times that a time.Duration cannot hold: "312y" for a share far out of reach.
// Negative times and NaN give "0s".
func FormatSeconds(s float64) string {
	const day, year = 86400, 365.25 * 86400
	switch {
	case !(s > 0):
		return "0s"
	case s < 0.0005:
		return "<1ms"
	case s < 0.9995:
		return strconv.FormatFloat(s*1000, 'f', 0, 64) + "ms"
	case s < 9.95:
		return strconv.FormatFloat(s, 'f', 1, 64) + "s"
	case s < 59.5:
		return strconv.FormatFloat(s, 'f', 0, 64) + "s"
	case s < 3599.5:
		n := int(math.Round(s))
		return fmt.Sprintf("%dm%02ds", n/60, n%60)
	case s < day-30:
		n := int(math.Round(s / 60))
		return fmt.Sprintf("%dh%02dm", n/60, n%60)
	case s < 2*year:
		n := int(math.Round(s / 3600))
		return fmt.Sprintf("%dd%02dh", n/24, n%24)
	case s < 1e6*year:
		return strconv.FormatFloat(s/year, 'f', 0, 64) + "y"
	}
	return "over a million years"
}

// FormatCelsius writes a temperature: "64°C".
func FormatCelsius(c float64) string { return strconv.FormatFloat(c, 'f', 0, 64) + "°C" }

// FormatHertz writes a clock frequency: "3.59 GHz".
func FormatHertz(hz float64) string {
	if !(hz > 0) {
		return "0 Hz"
	}
	v, prefix := siPrefix(hz)
	return strconv.FormatFloat(v, 'f', 2, 64) + " " + prefix + "Hz"
}

// siPrefix scales v so that it stays below 1000.00 with two decimals.
func siPrefix(v float64) (float64, string) {
	prefixes := []string{"", "k", "M", "G", "T", "P", "E", "Z"}
	i := 0
	for v >= 999.995 && i < len(prefixes)-1 {
		v /= 1000
		i++
	}
	return v, prefixes[i]
}

func trimZeros(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
