package screen

import (
	"fmt"
	"math"
	"strings"
	"time"

	"quarry/telemetry"
)

// oddsPause is the time between two lines about the odds of a block.
const oddsPause = time.Minute

// lines returns the status in one line if it fits, and once a minute the odds.
func (s status) lines(e *event) [][]word {
	var line []word
	for _, form := range []struct {
		separator string
		minute    bool
	}{{"|", true}, {"|", false}, {"", false}} {
		line = s.line(e, form.separator, form.minute)
		used := -1
		for _, w := range line {
			used += w.gap + w.width()
		}
		if used <= e.room {
			break
		}
	}
	lines := [][]word{line}
	if odds := s.odds(); odds != nil {
		lines = append(lines, odds)
	}
	return lines
}

// line is "4.79 MH/s  4.82 1m | 386/1 | best 9.3 | share 6.6s | 61C | up 17m".
func (s status) line(e *event, separator string, minute bool) []word {
	line := words(rateText(s.Hashrate.TenSeconds)+" ", bold, 1)
	if minute {
		value, unit := cutRate(s.Hashrate.Minute)
		if _, same := cutRate(s.Hashrate.TenSeconds); unit == same {
			unit = ""
		} else {
			unit = " " + unit
		}
		line = append(line, words(value+unit+" 1m", plain, 2)...)
	}
	if s.Paused {
		line = append(words("PAUSED", yellow, 1), words("(r resumes)", dim, 1)...)
	}
	for _, part := range s.parts(e) {
		gap := 2
		if separator != "" {
			line = append(line, word{spans: []span{{separator, dim}}, gap: 1})
			gap = 1
		}
		line = append(line, word{spans: []span{part}, gap: gap})
	}
	return line
}

// parts are what follows the rates.
func (s status) parts(e *event) []span {
	parts := []span{{countText(s.Shares), plain}, {"best " + bestText(s.Shares), plain}}
	add := func(text string, s style) { parts = append(parts, span{text, s}) }
	if one := known(s.ExpectedShareSeconds, telemetry.FormatSeconds); one != "" && !s.Paused {
		add("share "+one, plain)
	}
	if s.HardwareErrors > 0 {
		add(fmt.Sprintf("HARDWARE ERRORS %d, kernel now %s", s.HardwareErrors, s.Kernel()), red)
	}
	if temperature := known(s.Hardware.CPUCelsius, func(c float64) string { return fmt.Sprintf("%.0fC", c) }); temperature != "" {
		add(temperature, plain)
	}
	add("up "+upText(s.Seconds), plain)
	switch pool := s.Pool(); {
	case pool == nil:
	case !pool.Connected:
		add(strings.TrimSpace("not connected "+e.pool(pool.Name, 0)), yellow)
	default:
		if name := e.pool(pool.Name, 0); name != "" {
			add(name, dim)
		}
	}
	return parts
}

// upText is a time; between ten minutes and an hour it is in minutes.
func upText(seconds float64) string {
	if seconds < 600 || seconds >= 3600 {
		return telemetry.FormatSeconds(seconds)
	}
	return fmt.Sprintf("%.0fm", math.Floor(seconds/60))
}

// rateText is a rate with three digits: "4.79 MH/s", "47.9 MH/s".
func rateText(hashesPerSecond float64) string {
	value, unit := cutRate(hashesPerSecond)
	return value + " " + unit
}

// cutRate splits the rate into a number of three digits and its unit.
func cutRate(hashesPerSecond float64) (value, unit string) {
	value, unit, _ = strings.Cut(telemetry.FormatRate(hashesPerSecond), " ")
	if whole, _, ok := strings.Cut(value, "."); ok && len(value) > 4 {
		if value = value[:4]; len(whole) >= 3 {
			value = whole
		}
	}
	return value, unit
}

// lines returns the rates of the devices' workers.
func (r rates) lines() [][]word {
	var lines [][]word
	for _, d := range r {
		line := words("rates of "+d.Name+" with "+d.Kernel.String()+", 10s and 1m", plain, 1)
		for i, w := range d.Workers {
			text, s := fmt.Sprintf("%d: %s %s", i, rateText(w.TenSeconds), rateText(w.Minute)), plain
			if w.HardwareErrors > 0 {
				text, s = fmt.Sprintf("%s (%d hardware errors)", text, w.HardwareErrors), red
			}
			line = append(line, word{spans: []span{{text, s}}, gap: 2})
		}
		lines = append(lines, line)
	}
	return lines
}

// lines has "machine  AMD EPYC, 2 CPUs, 2.60 GHz, 617.2 MiB of 23.5 GiB used, load 1.05".
// There is none where all is unknown.
func (m machine) lines() [][]word {
	var parts []string
	add := func(format string, r telemetry.Reading, write func(float64) string) {
		if r.OK {
			parts = append(parts, fmt.Sprintf(format, write(r.Value)))
		}
	}
	if m.CPUModel != "" {
		parts = append(parts, string(m.CPUModel))
	}
	add("%s CPUs", m.LogicalCores, func(n float64) string { return fmt.Sprintf("%.0f", n) })
	add("%s", m.FrequencyHertz, telemetry.FormatHertz)
	add("%s", m.CPUCelsius, func(c float64) string { return fmt.Sprintf("%.0fC", c) })
	add("%s of memory", m.MemoryTotalBytes, telemetry.FormatBytes)
	add("load %s", m.LoadAverage1, func(n float64) string { return fmt.Sprintf("%.2f", n) })
	if len(parts) == 0 {
		return nil
	}
	return [][]word{append(words("machine", plain, 1), words(strings.Join(parts, ", "), plain, 2)...)}
}

// alone reports whether a block would be paid to this miner alone.
func (s status) alone() bool {
	if pool := s.Pool(); s.practice || pool != nil && pool.PaysUser {
		return true
	}
	return s.NetworkDifficulty.OK && s.Difficulty.Value >= s.NetworkDifficulty.Value // every share is a block
}

// odds is when a block can be expected; nil: that is unknown, or for the pool.
func (s status) odds() []word {
	block := telemetry.ExpectedShareSeconds(s.NetworkDifficulty.Value, s.Hashrate.Minute)
	if !s.withOdds || !s.NetworkDifficulty.OK || !block.OK {
		return nil
	}
	line := words("odds", cyan, 1)
	line = append(line, words("a block in "+telemetry.FormatSeconds(block.Value)+" on average,", plain, 2)...)
	line = append(line, words(chanceText(86400/block.Value)+" within a day", plain, 1)...)
	return append(line, words("net "+telemetry.FormatDifficulty(s.NetworkDifficulty.Value), plain, 2)...)
}

// chanceText is the chance of one event or more where so many are expected: "12%", "1 in 4.1M".
func chanceText(expected float64) string {
	chance := -math.Expm1(-expected)
	switch {
	case chance > 0.99:
		return "over 99%"
	case chance >= 0.01:
		return fmt.Sprintf("%.0f%%", 100*chance)
	}
	return "1 in " + telemetry.FormatDifficulty(1/chance)
}
