package typed

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration reads a time: Go's form and days, like 90s, 1h30m, 1d or 1d12h. If
// the text is not one, likely is the time that it probably means, or "".
func Duration(text string) (d time.Duration, likely string, ok bool) {
	text = strings.TrimSpace(text)
	if d, ok = parseDuration(text); ok {
		return d, "", true
	}
	likely = complete(text)
	if _, understood := parseDuration(likely); !understood {
		likely = ""
	}
	return 0, likely, false
}

// parseDuration takes whole or decimal days before what Go takes.
func parseDuration(text string) (time.Duration, bool) {
	sign, rest := time.Duration(1), text
	if after, negative := strings.CutPrefix(text, "-"); negative {
		sign, rest = -1, after
	}
	number, clock, hasDays := strings.Cut(rest, "d")
	if !hasDays {
		d, err := time.ParseDuration(text)
		return d, err == nil
	}
	days, err := strconv.ParseFloat(number, 64)
	if err != nil || strings.Trim(number, "0123456789.") != "" || days > maxDays {
		return 0, false
	}
	d := time.Duration(days * float64(24*time.Hour))
	if clock != "" {
		below, err := time.ParseDuration(clock)
		if err != nil || strings.ContainsAny(clock[:1], "+-") {
			return 0, false
		}
		d += below
	}
	return sign * d, true
}

// maxDays keeps the sum within a time.Duration, which ends after 292 years.
const maxDays = 100_000

// complete writes the units that people leave out or write in full: 30, 1h30,
// "5 min", 2days.
func complete(text string) string {
	parts := regexp.MustCompile(`^([0-9.]+)\s*([a-zA-Zµ]*)\s*`)
	below := map[string]string{"d": "h", "h": "m", "m": "s", "s": "ms", "": "s"}
	last, out := "", ""
	for text != "" && len(out) < 40 {
		found := parts.FindStringSubmatch(text)
		if found == nil {
			return ""
		}
		unit := unitOf(found[2])
		if found[2] == "" {
			unit = below[last]
		}
		if unit == "" {
			return ""
		}
		last, out, text = unit, out+found[1]+unit, text[len(found[0]):]
	}
	return out
}

// unitOf returns the unit that a word stands for, or "".
func unitOf(word string) string {
	switch strings.ToLower(word) {
	case "d", "day", "days":
		return "d"
	case "h", "hr", "hrs", "hour", "hours":
		return "h"
	case "m", "min", "mins", "minute", "minutes":
		return "m"
	case "s", "sec", "secs", "second", "seconds":
		return "s"
	case "ms", "msec", "millisecond", "milliseconds":
		return "ms"
	}
	return ""
}

// FormatDuration formats d without trailing zero units: "24h", not "24h0m0s".
func FormatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
