// Package config turns a TOML file, QUARRY_ environment variables and
// command-line flags into one typed, checked Config, and says of every value
// where it came from. The order is defaults < file < environment < flags.
//
// One table, Settings, is the source of everything: the strict TOML check, the
// environment names, the flags (built from it in cmd), the reference text and
// the suggestions for misspelt keys.
//
// The package imports nothing else of this module. What only other packages
// can judge (a pool URL, a CPU of this machine, a kernel's name) is handed in
// as Input.Checks.
package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Config holds the effective settings. It is not changed after Load.
type Config struct {
	Pools    []Pool // in the order of preference; empty = mine the built-in practice pool
	Strategy Strategy
	CPU      CPU
	Log      Log
	Run      Run
}

// Pool is one [[pool]] entry.
type Pool struct {
	URL      string // as written; never holds credentials
	User     string
	Password Secret // already read from PasswordFile when that is set
	// PasswordFile is where Password was read from, or "".
	PasswordFile string
	TLSCA        string // PEM file of extra certificate authorities, or ""
	TLSPin       string // "sha256:…", or ""
	TLSInsecure  bool   // do not verify the certificate
	Proxy        string // "socks5://host:port" or "http://host:port", or ""; never holds credentials
	ProxyUser    string
	// ProxyPassword was read from ProxyPasswordFile when that is set.
	ProxyPassword     Secret
	ProxyPasswordFile string
	// VersionRolling allows the BIP 310 version-rolling request.
	VersionRolling bool
	// SuggestDifficulty is decimal text, exactly as written, or "" to suggest
	// nothing. It is text because a difficulty is never a float here.
	SuggestDifficulty string
	Quota             int // percent of the hashing, with the strategy balance
}

// Strategy is the [strategy] table: how several pools are used.
type Strategy struct {
	Use         string        // "failover", "round-robin" or "balance"
	Failback    time.Duration // that a better pool must stay healthy; 0 = 2 min
	Turn        time.Duration // of a pool, with round-robin; 0 = 1 min
	SubmitStale bool          // submit shares of an old block too
}

// CPU is the [cpu] table.
type CPU struct {
	Threads  int     // 0 = one for each CPU of CPUs, or each CPU the process may use
	CPUs     CPUList // empty = all the process may use
	Priority string  // "idle", "low" or "normal"
	Kernel   string  // "auto" or a kernel's name
}

// Log is the [log] table.
type Log struct {
	Level          string        // "debug", "info", "warn" or "error"
	Format         string        // "auto", "text" or "json"
	File           string        // "" = standard output only
	MaxSize        int           // MiB at which File is rotated
	MaxFiles       int           // rotated files kept besides File
	StatusInterval time.Duration // 0 = 10 s on a terminal, 60 s otherwise
}

// Run is the [run] table: when the run ends by itself.
type Run struct {
	Shares int64         // end after this many accepted shares; 0 = never
	Time   time.Duration // end after this time; 0 = never
	Retry  bool          // keep trying when no pool is reachable
}

// Secret is text that no log, error or dump shows: every way of formatting or
// encoding it gives a mask. Only Reveal gives the text.
type Secret struct{ text string }

// mask stands for any secret, so that not even its length shows.
const mask = "********"

// NewSecret wraps text.
func NewSecret(text string) Secret { return Secret{text: text} }

// Reveal returns the secret itself, for the one place that sends it.
func (s Secret) Reveal() string { return s.text }

// String returns a mask, or "" when the secret is empty.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return mask
}

// GoString is String in quotes, for %#v.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// Format writes the mask whatever the verb, so that %x or %d do not reach the
// text.
func (s Secret) Format(f fmt.State, verb rune) {
	if verb == 'q' || (verb == 'v' && f.Flag('#')) {
		_, _ = f.Write([]byte(s.GoString()))
		return
	}
	_, _ = f.Write([]byte(s.String()))
}

// MarshalText gives the mask; encoding/json, zap and go-toml use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// CPUList is a list of logical CPU numbers, ascending, without repeats.
type CPUList []int

// maxCPU is the highest CPU number a list may name; the machine's own limit is
// checked by whoever knows the machine.
const maxCPU = 4095

// ParseCPUList reads "0-3,8": single numbers and inclusive ranges from 0 to
// 4095. The empty text is the empty list.
func ParseCPUList(text string) (CPUList, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var chosen [maxCPU + 1]bool
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		first, last, ok := parseCPUs(part)
		switch {
		case !ok:
			return nil, fmt.Errorf("%s is not a CPU number or range from 0 to %d", quote(part), maxCPU)
		case last < first:
			return nil, fmt.Errorf("range %s runs backwards", quote(part))
		}
		for n := first; n <= last; n++ {
			chosen[n] = true
		}
	}
	var list CPUList
	for n, in := range chosen {
		if in {
			list = append(list, n)
		}
	}
	return list, nil
}

// parseCPUs reads "8" or "0-3".
func parseCPUs(part string) (first, last int, ok bool) {
	low, high, isRange := strings.Cut(part, "-")
	if !isRange {
		high = low
	}
	first, firstOK := parseCPU(low)
	last, lastOK := parseCPU(high)
	return first, last, firstOK && lastOK
}

func parseCPU(text string) (n int, ok bool) {
	number, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
	return int(number), err == nil && number <= maxCPU
}

// String is the shortest text ParseCPUList reads back: "0-3,8".
func (l CPUList) String() string {
	var b strings.Builder
	for i := 0; i < len(l); {
		end := i
		for end+1 < len(l) && l[end+1] == l[end]+1 {
			end++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(l[i]))
		if end > i {
			b.WriteByte('-')
			b.WriteString(strconv.Itoa(l[end]))
		}
		i = end + 1
	}
	return b.String()
}
