package localpool

import (
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// Transport is the protocol below Stratum on a listener.
type Transport string

// The transports; the values are the schemes of pool URLs.
const (
	TCP Transport = "stratum+tcp"
	TLS Transport = "stratum+ssl"
	WS  Transport = "stratum+ws"  // one JSON object per text message, any path
	WSS Transport = "stratum+wss" // WS inside TLS
)

// Listener is one address to serve. Port 0 takes a free one.
type Listener struct {
	Transport Transport
	Addr      string // host:port
}

// Config configures a Pool. The zero value is complete: a free loopback port,
// vardiff, synthetic jobs.
type Config struct {
	Listen []Listener  // default: TCP on 127.0.0.1:0
	TLS    *tls.Config // certificates, needed for TLS and WSS

	Difficulty string  // decimal text for all jobs; empty: vardiff
	Vardiff    Vardiff // used when Difficulty is empty

	VersionMask      uint32 // bits miners may roll, default 1fffe000
	NoVersionRolling bool   // refuse version rolling
	Extranonce2Size  int    // bytes, 1 to 16, default 8
	Branches         int    // merkle branches of synthetic jobs; 0: varies from 0 to 12, -1: none
	NBits            string // 8 hex, fixed network difficulty; empty: follows the miners

	JobInterval   time.Duration // new job, same previous block, default 30 s
	BlockInterval time.Duration // new previous block, default 60 s

	// Judged is called with each verdict on a share before the miner gets it,
	// and with the id of the session that sent the share. It must not block;
	// may be nil.
	Judged func(session string, share Submission, verdict Verdict)

	// AllowUser judges mining.authorize; nil allows all. It must not block.
	AllowUser func(user, password string) bool

	// Faults returns what is wrong with a new connection; nil: nothing is.
	Faults func(Miner) Faults
	// Memory is what a session that is resumed inherits.
	Memory Memory

	Script *Script // recorded jobs instead of synthetic ones

	MaxConnections   int           // default 1024
	MaxLine          int           // bytes, default 8192
	HandshakeTimeout time.Duration // TLS, upgrade, and authorization, default 60 s
	WriteTimeout     time.Duration // per line, default 10 s
	ResumeFor        time.Duration // how long a session can be resumed, default 600 s

	Now    func() time.Time // default time.Now
	Logger *zap.Logger      // nil is silent
}

// Memory is how much a pool remembers of a session when its miner returns.
type Memory int

// The values of Memory.
const (
	KeepAll        Memory = iota // its extranonces and its jobs
	KeepExtranonce               // its extranonces: shares of its jobs are of unknown jobs
	KeepNothing
)

// Vardiff settings. The texts are decimal difficulties.
type Vardiff struct {
	Start   string
	Min     string
	Max     string
	Seconds float64 // target time per share
}

// DefaultVardiff returns what an empty or zero field of Vardiff stands for.
func DefaultVardiff() Vardiff {
	return Vardiff{Start: "0.0002", Min: "0.000001", Max: "1000000000000", Seconds: 2.5}
}

// Script replays recorded jobs: timers, block changes and vardiff are off, and
// each notify goes out exactly as given. The first job is current from the
// start; tests push the others.
type Script struct {
	Jobs []Notify
	// Sessions are handed to new connections in order, the last one
	// repeatedly. Empty: generated as usual.
	Sessions []ScriptSession
}

// ScriptSession is what mining.subscribe answers.
type ScriptSession struct {
	ID          string
	Extranonce1 string // hex, may be empty
}

// DefaultVersionMask is the range that BIP 320 reserves for miners.
const DefaultVersionMask = 0x1fffe000

// settings is a checked Config.
type settings struct {
	Config
	fixed           bool // difficulty
	start, min, max Difficulty
	nbits           uint32 // zero: follows the miners
}

func (c Config) check() (settings, error) {
	c = c.withDefaults()
	s := settings{Config: c, fixed: c.Difficulty != ""}
	problems := []error{c.checkListeners(), c.checkRanges(), s.parseDifficulties(), s.parseNBits()}
	if c.Script != nil {
		problems = append(problems, c.Script.check())
	}
	return s, errors.Join(problems...)
}

func (c Config) withDefaults() Config {
	if len(c.Listen) == 0 {
		c.Listen = []Listener{{TCP, "127.0.0.1:0"}}
	}
	def(&c.VersionMask, DefaultVersionMask)
	if c.NoVersionRolling {
		c.VersionMask = 0
	}
	def(&c.Extranonce2Size, 8)
	def(&c.JobInterval, 30*time.Second)
	def(&c.BlockInterval, 60*time.Second)
	def(&c.MaxConnections, 1024)
	def(&c.MaxLine, 8192)
	def(&c.HandshakeTimeout, 60*time.Second)
	def(&c.WriteTimeout, 10*time.Second)
	def(&c.ResumeFor, 600*time.Second)
	vardiff := DefaultVardiff()
	def(&c.Vardiff.Start, vardiff.Start)
	def(&c.Vardiff.Min, vardiff.Min)
	def(&c.Vardiff.Max, vardiff.Max)
	def(&c.Vardiff.Seconds, vardiff.Seconds)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	return c
}

func def[T comparable](value *T, standard T) {
	var zero T
	if *value == zero {
		*value = standard
	}
}

func (c Config) checkListeners() error {
	for _, l := range c.Listen {
		switch l.Transport {
		case TCP, WS:
		case TLS, WSS:
			if c.TLS == nil || (len(c.TLS.Certificates) == 0 && c.TLS.GetCertificate == nil) {
				return fmt.Errorf("listener %s on %q needs a certificate", l.Transport, l.Addr)
			}
		default:
			return fmt.Errorf("unknown transport %q: give %s, %s, %s or %s", l.Transport, TCP, TLS, WS, WSS)
		}
	}
	return nil
}

func (c Config) checkRanges() error {
	var errs []error
	if c.Extranonce2Size < 1 || c.Extranonce2Size > 16 {
		errs = append(errs, fmt.Errorf("extranonce2 size %d: give 1 to 16 bytes", c.Extranonce2Size))
	}
	if c.Branches < -1 || c.Branches > MaxBranches {
		errs = append(errs, fmt.Errorf("%d merkle branches: give 1 to %d, 0 for a varying number, -1 for none", c.Branches, MaxBranches))
	}
	for _, d := range []time.Duration{c.JobInterval, c.BlockInterval} {
		if d < 10*time.Millisecond {
			errs = append(errs, fmt.Errorf("interval %v: give at least 10ms", d))
		}
	}
	if !(c.Vardiff.Seconds >= 0.1 && c.Vardiff.Seconds <= 3600) {
		errs = append(errs, fmt.Errorf("%v seconds per share: give 0.1 to 3600", c.Vardiff.Seconds))
	}
	if c.MaxConnections < 1 || c.MaxLine < 512 {
		errs = append(errs, fmt.Errorf("limits of %d connections and %d bytes a line: give at least 1 and 512", c.MaxConnections, c.MaxLine))
	}
	return errors.Join(errs...)
}

func (s *settings) parseDifficulties() (err error) {
	if s.fixed {
		if s.start, err = ParseDifficulty(s.Difficulty); err != nil {
			return err
		}
		s.min, s.max = s.start, s.start
		return nil
	}
	if s.start, err = ParseDifficulty(s.Vardiff.Start); err != nil {
		return fmt.Errorf("vardiff start: %w", err)
	}
	if s.min, err = ParseDifficulty(s.Vardiff.Min); err != nil {
		return fmt.Errorf("vardiff min: %w", err)
	}
	if s.max, err = ParseDifficulty(s.Vardiff.Max); err != nil {
		return fmt.Errorf("vardiff max: %w", err)
	}
	if s.min.value > s.start.value || s.start.value > s.max.value {
		return fmt.Errorf("vardiff start %s is not between min %s and max %s", s.start, s.min, s.max)
	}
	return nil
}

func (s *settings) parseNBits() (err error) {
	if s.NBits == "" {
		return nil
	}
	if s.nbits, err = decodeUint32(s.NBits); err != nil {
		return fmt.Errorf("nbits %q: %w", s.NBits, err)
	}
	network, ok := CompactTarget(s.nbits)
	if !ok {
		return fmt.Errorf("nbits %q is not a target: give one such as 1d00ffff", s.NBits)
	}
	if s.start.target != nil && s.start.target.Cmp(network) < 0 {
		return fmt.Errorf("difficulty %s is above the network difficulty %.3g of nbits %s", s.start, difficultyOf(network), s.NBits)
	}
	return nil
}

func (s *Script) check() error {
	if len(s.Jobs) == 0 {
		return errors.New("script without jobs: give at least one")
	}
	for _, n := range s.Jobs {
		if _, err := NewJob(n); err != nil {
			return fmt.Errorf("script: %w", err)
		}
	}
	for _, session := range s.Sessions {
		if raw, err := hex.DecodeString(session.Extranonce1); err != nil || len(raw) > 32 {
			return fmt.Errorf("script: extranonce1 %q is not up to 32 bytes of hex", session.Extranonce1)
		}
	}
	return nil
}
