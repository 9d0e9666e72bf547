package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind says what text a setting takes and how it is written in TOML.
type Kind int

// The kinds of setting.
const (
	String     Kind = iota // any printable text
	Int                    // whole number within Min and Max
	Bool                   // true or false
	Duration               // Go duration text, "90s"; Min and Max in nanoseconds, 0 always allowed
	Decimal                // decimal number above 0, kept as text; in TOML a number or a string
	CPUs                   // CPU list, "0-3,8"
	Enum                   // one of Allowed
	Path                   // file name; in a file relative to that file's folder
	SecretText             // text that is never shown
)

// Setting is one row of the table.
type Setting struct {
	Table    string // TOML table: "pool" (an array of tables), "strategy", "cpu", "log" or "run"
	Key      string // TOML key within Table
	Kind     Kind
	Default  string // in the text form that environment and flags use
	Env      string // environment variable
	Flag     string // long flag name without dashes
	Aliases  []string
	Inverted bool   // the flag, a switch, turns the setting off
	Doc      string // one line
	Long     string // more for the reference, wrapped at 76 columns
	Example  string // for the reference, where the default says little
	Allowed  []string
	Min, Max int64
}

// Name is the setting's full key, "cpu.threads": how Checks, Origins and
// faults call it.
func (s Setting) Name() string { return s.Table + "." + s.Key }

// tables are the TOML tables in the order of the reference, with their titles.
func tables() [][2]string {
	return [][2]string{
		{"pool", "Where to mine. Several [[pool]] entries are tried in this order.\nWithout any, quarry mines its built-in practice pool, which pays nothing."},
		{"strategy", "How several pools are used."},
		{"cpu", "Which CPUs hash, and how."},
		{"log", "What is reported, how and where."},
		{"run", "When a run ends by itself."},
	}
}

// Settings returns the table of all settings, in the order of the reference.
func Settings() []Setting {
	return slices.Concat(poolSettings(), strategySettings(), cpuSettings(), logSettings(), runSettings())
}

func poolSettings() []Setting {
	return []Setting{
		{Table: "pool", Key: "url", Kind: String, Env: "QUARRY_URL", Flag: "url", Aliases: []string{"o"},
			Doc:     "pool to mine; give it again for a backup pool",
			Long:    "Schemes: stratum+tcp://, stratum+ssl:// (also stratum+tls://,\nstratum+tcps://), stratum+ws:// and stratum+wss://, always with a port.\nUser and password do not go in here.",
			Example: "stratum+tcp://pool.example.com:3333"},
		{Table: "pool", Key: "user", Kind: String, Env: "QUARRY_USER", Flag: "user", Aliases: []string{"u"},
			Doc:     "user name, often address.worker",
			Long:    "What the pool pays to: for most pools a Bitcoin address or an account\nname, with \".worker\" behind it.",
			Example: "address.worker"},
		{Table: "pool", Key: "password", Kind: SecretText, Default: "x", Env: "QUARRY_PASS", Flag: "pass", Aliases: []string{"p", "password"},
			Doc:     "password; most pools ignore it",
			Long:    "As a flag, - reads it from standard input. It is never logged or shown.\nNot together with password_file.",
			Example: "x"},
		{Table: "pool", Key: "password_file", Kind: Path, Env: "QUARRY_PASSWORD_FILE", Flag: "password-file",
			Doc:     "file that holds the password",
			Long:    "One line, at most 4096 bytes. Keep it readable for yourself only.",
			Example: "pool.password"},
		{Table: "pool", Key: "tls_ca", Kind: Path, Env: "QUARRY_TLS_CA", Flag: "tls-ca",
			Doc:     "PEM file of certificate authorities to trust",
			Long:    "For a pool with a certificate of its own making.",
			Example: "pool-ca.pem"},
		{Table: "pool", Key: "tls_pin", Kind: String, Env: "QUARRY_TLS_PIN", Flag: "tls-pin",
			Doc:  "accept only the certificate with this sha256:… fingerprint",
			Long: "sha256: and the fingerprint of the pool's certificate in hex."},
		{Table: "pool", Key: "tls_insecure", Kind: Bool, Default: "false", Env: "QUARRY_TLS_INSECURE", Flag: "tls-insecure",
			Doc:  "do not verify the pool's certificate",
			Long: "Anyone on the way to the pool can then take over the connection."},
		{Table: "pool", Key: "proxy", Kind: String, Env: "QUARRY_PROXY", Flag: "proxy",
			Doc:     "proxy to reach the pool through",
			Long:    "socks5://HOST:PORT or http://HOST:PORT (CONNECT). The proxy looks up the\npool's name, and TLS goes through it to the pool. User and password do not\ngo in here.",
			Example: "socks5://127.0.0.1:9050"},
		{Table: "pool", Key: "proxy_user", Kind: String, Env: "QUARRY_PROXY_USER", Flag: "proxy-user",
			Doc:     "user name for the proxy",
			Example: "rig1"},
		{Table: "pool", Key: "proxy_password", Kind: SecretText, Env: "QUARRY_PROXY_PASS", Flag: "proxy-pass", Aliases: []string{"proxy-password"},
			Doc:     "password for the proxy",
			Long:    "As a flag, - reads it from standard input. It is never logged or shown.\nNot together with proxy_password_file.",
			Example: "secret"},
		{Table: "pool", Key: "proxy_password_file", Kind: Path, Env: "QUARRY_PROXY_PASSWORD_FILE", Flag: "proxy-password-file",
			Doc:     "file that holds the password for the proxy",
			Long:    "One line, at most 4096 bytes. Keep it readable for yourself only.",
			Example: "proxy.password"},
		{Table: "pool", Key: "version_rolling", Kind: Bool, Default: "true", Env: "QUARRY_VERSION_ROLLING", Flag: "no-version-rolling", Inverted: true,
			Doc:  "ask the pool for version rolling (BIP 310)",
			Long: "Turn it off for a pool that answers the request wrongly."},
		{Table: "pool", Key: "suggest_difficulty", Kind: Decimal, Env: "QUARRY_SUGGEST_DIFFICULTY", Flag: "suggest-difficulty",
			Doc:     "share difficulty to suggest to the pool",
			Long:    "A decimal number above 0; empty suggests nothing. Pools may ignore it.",
			Example: "0.001"},
		{Table: "pool", Key: "quota", Kind: Int, Default: "0", Max: 100, Env: "QUARRY_QUOTA", Flag: "quota",
			Doc:     "percent of the hashing, with the strategy balance",
			Long:    "The quotas of all pools add up to 100. A pool with 0 is hashed for only\nwhile no other works.",
			Example: "60"},
	}
}

func strategySettings() []Setting {
	return []Setting{
		{Table: "strategy", Key: "use", Kind: Enum, Default: "failover", Allowed: []string{"failover", "round-robin", "balance"}, Env: "QUARRY_STRATEGY", Flag: "strategy",
			Doc:     "which of several pools to hash for",
			Long:    "failover is the first that works; round-robin is all that work, in turns\nof equal length; balance is all that work, each for its quota of the time.",
			Example: "balance"},
		{Table: "strategy", Key: "failback", Kind: Duration, Default: "2m", Min: int64(time.Second), Max: int64(24 * time.Hour), Env: "QUARRY_FAILBACK", Flag: "failback",
			Doc:     "time that a better pool must stay healthy before it takes over again",
			Long:    "0s means 2m. It is connected to and sends jobs for so long, beside the\npool that is hashed for. Of effect with failover.",
			Example: "10m"},
		{Table: "strategy", Key: "turn", Kind: Duration, Default: "1m", Min: int64(time.Second), Max: int64(24 * time.Hour), Env: "QUARRY_TURN", Flag: "turn",
			Doc:     "length of a pool's turn, with the strategy round-robin",
			Long:    "0s means 1m.",
			Example: "30m"},
		{Table: "strategy", Key: "submit_stale", Kind: Bool, Default: "false", Env: "QUARRY_SUBMIT_STALE", Flag: "submit-stale",
			Doc:  "submit shares of an old block too",
			Long: "Pools refuse them, as a rule. Those that are blocks are always submitted."},
	}
}

func cpuSettings() []Setting {
	return []Setting{
		{Table: "cpu", Key: "threads", Kind: Int, Default: "0", Max: maxCPU + 1, Env: "QUARRY_THREADS", Flag: "threads", Aliases: []string{"t"},
			Doc:  "hashing threads, 0 = one for each CPU",
			Long: "0 takes every CPU the process may use (affinity and cgroup limits\ncount), or every CPU of cpus.", Example: "4"},
		{Table: "cpu", Key: "cpus", Kind: CPUs, Env: "QUARRY_CPUS", Flag: "cpus",
			Doc:  "CPUs to hash on, like 0-3,8; empty = all",
			Long: "One thread is pinned to each CPU of the list where the system can pin.", Example: "0-3,8"},
		{Table: "cpu", Key: "priority", Kind: Enum, Default: "low", Allowed: []string{"idle", "low", "normal"}, Env: "QUARRY_PRIORITY", Flag: "priority",
			Doc:  "priority of the hashing threads",
			Long: "idle hashes only when nothing else wants the CPU; low gives way to\nordinary programs.", Example: "idle"},
		{Table: "cpu", Key: "kernel", Kind: String, Default: "auto", Env: "QUARRY_KERNEL", Flag: "kernel",
			Doc:  "hashing kernel; \"quarry kernels\" lists them",
			Long: "auto takes the fastest of those that this CPU can run and that pass their\nself-test. It is found while mining, by trying all for some milliseconds, and\nkept in the user's cache folder as the next start's first guess. A kernel\nfound wrong while mining is replaced by the next fastest, a named one too.", Example: "generic"},
	}
}

func logSettings() []Setting {
	return []Setting{
		{Table: "log", Key: "level", Kind: Enum, Default: "info", Allowed: []string{"debug", "info", "warn", "error"}, Env: "QUARRY_LOG_LEVEL", Flag: "log-level",
			Doc: "least serious messages to report", Example: "debug"},
		{Table: "log", Key: "format", Kind: Enum, Default: "auto", Allowed: []string{"auto", "text", "json"}, Env: "QUARRY_LOG_FORMAT", Flag: "log-format",
			Doc:  "form of the messages",
			Long: "text is lines for people, json one JSON object a line; auto is text,\ncoloured on a terminal unless NO_COLOR is set.", Example: "json"},
		{Table: "log", Key: "file", Kind: Path, Env: "QUARRY_LOG_FILE", Flag: "log-file",
			Doc:  "write messages to this file too",
			Long: "The file is rotated by size, and opened anew on SIGHUP.", Example: "quarry.log"},
		{Table: "log", Key: "max_size", Kind: Int, Default: "10", Min: 1, Max: 10240, Env: "QUARRY_LOG_MAX_SIZE", Flag: "log-max-size",
			Doc: "size in MiB at which the log file is rotated", Example: "50"},
		{Table: "log", Key: "max_files", Kind: Int, Default: "3", Min: 1, Max: 1000, Env: "QUARRY_LOG_MAX_FILES", Flag: "log-max-files",
			Doc: "rotated log files to keep", Example: "10"},
		{Table: "log", Key: "status_interval", Kind: Duration, Default: "0s", Min: int64(time.Second), Max: int64(24 * time.Hour), Env: "QUARRY_STATUS_INTERVAL", Flag: "status-interval",
			Doc:  "time between status lines, 0s = chosen by quarry",
			Long: "0s means 10s on a terminal and 60s otherwise.", Example: "30s"},
	}
}

func runSettings() []Setting {
	return []Setting{
		{Table: "run", Key: "shares", Kind: Int, Default: "0", Max: 1e15, Env: "QUARRY_SHARES", Flag: "shares",
			Doc: "end after this many accepted shares, 0 = no limit", Example: "100"},
		{Table: "run", Key: "time", Kind: Duration, Default: "0s", Min: int64(time.Millisecond), Max: int64(10 * 365 * 24 * time.Hour), Env: "QUARRY_TIME", Flag: "time",
			Doc: "end after this time, 0s = no limit", Example: "8h"},
		{Table: "run", Key: "retry", Kind: Bool, Default: "true", Env: "QUARRY_RETRY", Flag: "no-retry", Inverted: true,
			Doc:  "keep trying when no pool can be reached",
			Long: "When off, quarry ends with exit code 3 instead."},
	}
}

// expected says in words what the setting takes; inTOML adds how it is
// written there.
func (s Setting) expected(inTOML bool) string {
	quoted := func(text string) string {
		if inTOML {
			return text + " in quotes"
		}
		return text
	}
	switch s.Kind {
	case Int:
		return fmt.Sprintf("a whole number from %d to %d", s.Min, s.Max)
	case Bool:
		return "true or false"
	case Duration:
		return quoted(fmt.Sprintf("0s or a time from %s to %s, like 90s, 5m or 1h30m,", shortDuration(time.Duration(s.Min)), shortDuration(time.Duration(s.Max))))
	case Decimal:
		return "a decimal number above 0, like 0.5 or 1024"
	case CPUs:
		return quoted("a CPU list like 0-3,8")
	case Enum:
		return "one of \"" + strings.Join(s.Allowed, "\", \"") + "\""
	case Path:
		return quoted("a file name")
	default:
		return quoted("text")
	}
}

// shortDuration is d without trailing zero units: "24h", not "24h0m0s".
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
