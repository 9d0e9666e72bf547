package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"

	"go.uber.org/zap"

	"quarry/affinity"
	"quarry/config"
	"quarry/device/cpu"
	"quarry/device/cpu/tune"
	"quarry/hashing"
	"quarry/internal/event"
	"quarry/logsink"
	"quarry/miner"
	"quarry/pace"
	"quarry/state"
	"quarry/stratum"
	"quarry/stratum/localpool"
	"quarry/stratum/transport"
	"quarry/telemetry"
	"quarry/upstream"
	"quarry/work"
)

// This file is where the packages meet: settings become parts.

// rig is one mining session, built but not started.
type rig struct {
	miner      miner.Options
	placements []affinity.Placement // of the CPU's workers
	room       int                  // how many of them can run at once
	quota      float64              // of the cgroup, in CPUs; 0 without one
	priority   affinity.Priority
	telemetry  *telemetry.Telemetry
	client     *upstream.Client
	practice   *localpool.Pool // nil with a real pool
	tuner      *tune.Tuner     // started
	pace       *pace.Watch     // nil in quarry check
	rate       func() float64  // of this machine, in hashes a second; 0: unknown
}

func newRig(ctx context.Context, c *config.Config, child *tune.Child, log *logging) (r *rig, err error) {
	set, placements, err := choosePlacements(c.CPU)
	if err != nil {
		return nil, err
	}
	tuner := newTuner(set, placements, child, log.Logger)
	rate := tuner.Expected(c.CPU.Kernel)
	kernels, err := kernelOptions(ctx, tuner, c.CPU.Kernel)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			tuner.Stop()
		}
	}()
	priority, err := affinity.ParsePriority(c.CPU.Priority)
	if err != nil {
		return nil, usageFault("%v", err)
	}
	device, err := cpu.New(cpu.Options{Kernels: kernels, Tune: tuner.Run, Placements: placements, Priority: priority})
	if err != nil {
		return nil, err
	}
	r = &rig{
		placements: placements, room: set.Room(c.CPU.CPUs), quota: set.Quota, priority: priority, tuner: tuner,
		telemetry: telemetry.New(log.Logger, device.Counters()),
	}
	r.telemetry.Rig = rigName(c.Rig)
	r.pace = pace.New(r.telemetry, rate, suggested(c.Pools), log.Logger)
	r.rate = r.pace.Rate
	pools, err := r.pools(c)
	if err != nil {
		return nil, err
	}
	r.client, err = stratum.New(stratum.Options{
		Pools: pools, Strategy: upstream.Strategy(c.Strategy.Use), Failback: c.Strategy.Failback, Turn: c.Strategy.Turn,
		SubmitStale: c.Strategy.SubmitStale, NoRetry: !c.Run.Retry, UserAgent: userAgent(), Log: log.Logger,
	})
	if err != nil {
		return nil, usageFault("%v", err) // New does not connect: it can only dislike the settings
	}
	r.miner = miner.Options{
		Source: r.client, Devices: []miner.Device{device},
		Shares: uint64(c.Run.Shares), Telemetry: r.telemetry, Log: log.Logger,
		// Rigs that share an extranonce1 (p2pool gives all of them none) must
		// not search the same headers.
		Start: work.Start{Extranonce2: rand.Uint64()},
	}
	return r, nil
}

// rigName returns the machine's name among others; empty if the system does not
// tell it either.
func rigName(c config.Rig) string {
	if c.Name != "" {
		return c.Name
	}
	host, _ := os.Hostname()
	return host
}

// stateFile returns where totals are kept: nowhere in practice.
func (r *rig) stateFile(c config.Run) string {
	if r.practice != nil {
		return state.None
	}
	return c.State
}

// announce says what is about to happen.
func (r *rig) announce(loaded *config.Result, log *logging) {
	log.Info("quarry starts", zap.String("version", versionText()), zap.String("kernel", loaded.Config.CPU.Kernel), zap.Int("threads", len(r.placements)),
		zap.Array("cpus", placed(r.placements)), zap.Stringer("priority", r.priority))
	if n := len(r.placements); n > r.room {
		quota := zap.Skip()
		if r.quota > 0 {
			quota = zap.Float64("cpu_quota", r.quota)
		}
		log.Warn("more threads than cpus", zap.Int("threads", n), zap.Int("usable_cpus", r.room), quota,
			event.Consequence("no faster, and new jobs reach them later"))
	}
	if loaded.File != "" {
		log.Info("settings read", zap.String("file", loaded.File))
	}
	for _, warning := range loaded.Warnings {
		log.Warn("unwise setting", zap.String("text", warning), event.Shown(warning))
	}
	if r.practice != nil {
		log.Warn("practice pays nothing", zap.String("pool", "stratum+tcp://"+r.practice.Addr()),
			event.Advice("for a real pool: quarry mine -o stratum+tcp://HOST:PORT -u USER"))
	}
}

// pools are the configured ones, or the practice pool.
func (r *rig) pools(c *config.Config) ([]stratum.Pool, error) {
	if len(c.Pools) == 0 {
		practice, err := localpool.New(localpool.Config{})
		if err != nil {
			return nil, fmt.Errorf("practice pool: %w", err)
		}
		if err := practice.Listen(); err != nil {
			return nil, fmt.Errorf("practice pool: %w", err)
		}
		r.practice = practice
		return []stratum.Pool{{URL: "stratum+tcp://" + practice.Addr(), User: "practice", Password: "x"}}, nil
	}
	var pools []stratum.Pool
	for _, p := range c.Pools {
		pool := stratum.Pool{
			URL: p.URL, User: p.User, Password: p.Password.Reveal(), NoVersionRolling: !p.VersionRolling, Quota: p.Quota,
			SubscribeExtra: p.ExtranonceSubscribe,
			TLS:            transport.TLSOptions{CAFile: p.TLSCA, Pin: p.TLSPin, Insecure: p.TLSInsecure},
			Proxy:          proxyOptions(p),
		}
		switch p.SuggestDifficulty {
		case "":
		case config.SuggestAuto:
			pool.Rate = r.rate
		default:
			var err error
			if pool.SuggestDifficulty, err = hashing.ParseDifficulty(p.SuggestDifficulty); err != nil {
				return nil, usageFault("suggest_difficulty: %v", err)
			}
		}
		pools = append(pools, pool)
	}
	return pools, nil
}

// suggested says which of the pools are asked for a difficulty.
func suggested(pools config.Pools) []bool {
	asked := make([]bool, len(pools))
	for i, p := range pools {
		asked[i] = p.SuggestDifficulty != ""
	}
	return asked
}

func proxyOptions(p config.Pool) transport.ProxyOptions {
	return transport.ProxyOptions{URL: p.Proxy, User: p.ProxyUser, Password: p.ProxyPassword.Reveal()}
}

// settingChecks judge what the config package cannot know.
func settingChecks() map[string]func(string) error {
	return map[string]func(string) error{
		"pool.url": func(url string) error {
			_, _, err := stratum.ParseURL(url)
			return err
		},
		"pool.proxy": func(url string) error { return transport.ProxyOptions{URL: url}.Check() },
		"pool.suggest_difficulty": func(number string) error {
			if number == config.SuggestAuto {
				return nil
			}
			_, err := hashing.ParseDifficulty(number)
			return err
		},
		"log.file": func(file string) error {
			if err := logsink.CheckFile(file); err != nil {
				return fmt.Errorf("%q %w", file, err)
			}
			return nil
		},
		"pool.tls_ca":  func(file string) error { return transport.TLSOptions{CAFile: file}.Check() },
		"pool.tls_pin": func(pin string) error { return transport.TLSOptions{Pin: pin}.Check() },
		"cpu.kernel": func(name string) error {
			if name == hashing.Auto {
				return nil
			}
			if _, err := hashing.Lookup(name); err != nil {
				return unknownKernel(name, kernelNames(hashing.Auto))
			}
			return nil
		},
		"cpu.cpus": func(list string) error {
			cpus, err := config.ParseCPUList(list)
			if err != nil {
				return err
			}
			set, err := affinity.UsableCPUs()
			if err != nil {
				return err
			}
			_, err = affinity.ChooseCPUs(set, 0, cpus)
			return err
		},
	}
}

// checkPool judges a pool as a whole for the config package.
func checkPool(p config.Pool) (identity string, err error) {
	url, _, err := stratum.ParseURL(p.URL)
	if err != nil {
		return "", err
	}
	if err := proxyOptions(p).CheckFor(url); err != nil {
		return url.String(), err
	}
	return url.String(), stratum.CheckCredentials(p.User, p.Password.Reveal(), userAgent())
}
