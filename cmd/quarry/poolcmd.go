package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"
	"go.uber.org/zap"

	"quarry/config"
	"quarry/internal/cmdline"
	"quarry/stratum/localpool"
	"quarry/stratum/localpool/fault"
	"quarry/stratum/localpool/report"
	"quarry/stratum/localpool/selfsigned"
)

// poolDescription returns the help text.
func poolDescription() string {
	return `A Stratum V1 pool for practice and tests. It makes up its own blocks, verifies
every share with independent code, and pays nothing. Any SHA-256d miner that
speaks Stratum V1 can use it.

  quarry pool                                     on 127.0.0.1:3333
  quarry pool --listen 127.0.0.1:0                on a free port
  quarry pool --difficulty 0.001                  the same for all
  quarry pool --vardiff-seconds 10                one share every 10 s per miner
  quarry pool --listen-tls 127.0.0.1:3334         TLS too; prints a pin
  quarry pool --listen-ws 127.0.0.1:3335          WebSocket too
  quarry pool --block-interval 5s --job-interval 1s  frequent jobs and blocks
  quarry pool --format json
  quarry pool --fault reject=10%,hang-up=30s       misbehave, to test a miner

Ctrl-C stops it and prints a summary.

Faults, several at once; in brackets what a fault without a value means:

` + fault.Help() + `

Exit codes: 0 ended as asked, 1 failed, 2 bad usage.`
}

func poolCommand() *cli.Command {
	return &cli.Command{
		Name:        "pool",
		Usage:       "run the practice pool on its own",
		Description: poolDescription(),
		Flags:       poolFlags(),
		Action:      poolAction,
	}
}

func poolFlags() []cli.Flag {
	const addresses, difficulty, work, faults, reporting = "Addresses", "Difficulty", "Jobs", "Misbehavior", "Reporting"
	vardiff := localpool.DefaultVardiff()
	text := func(category, name, value, usage string) cli.Flag {
		return &cli.StringFlag{Category: category, Name: name, Value: value, Usage: usage}
	}
	return []cli.Flag{
		text(addresses, "listen", "127.0.0.1:3333", "serve stratum+tcp on this `HOST:PORT`; port 0 picks a free one, an empty value disables it"),
		text(addresses, "listen-tls", "", "serve stratum+ssl on this `HOST:PORT`"),
		text(addresses, "listen-ws", "", "serve stratum+ws on this `HOST:PORT`"),
		text(addresses, "listen-wss", "", "serve stratum+wss on this `HOST:PORT`"),
		&cli.StringFlag{Category: addresses, Name: "tls-cert", TakesFile: true, Usage: "PEM `FILE` with the certificate; default: a new self-signed one at each start"},
		&cli.StringFlag{Category: addresses, Name: "tls-key", TakesFile: true, Usage: "PEM `FILE` with the certificate's key"},
		text(difficulty, "difficulty", "", "the same difficulty for all, a decimal `NUMBER` such as 0.0005"),
		&cli.BoolFlag{Category: difficulty, Name: "vardiff", DisableDefaultText: true, Usage: "adjust the difficulty to each miner (the default without --difficulty)"},
		text(difficulty, "vardiff-start", vardiff.Start, "first difficulty, a decimal `NUMBER`"),
		text(difficulty, "vardiff-min", vardiff.Min, "lowest difficulty, a decimal `NUMBER`"),
		text(difficulty, "vardiff-max", vardiff.Max, "highest difficulty, a decimal `NUMBER`"),
		&cli.Float64Flag{Category: difficulty, Name: "vardiff-seconds", Value: vardiff.Seconds, Usage: "aim at one share every `SECONDS`"},
		text(work, "version-mask", "1fffe000", "version bits miners may roll (BIP 310), eight `HEX` digits"),
		&cli.BoolFlag{Category: work, Name: "no-version-rolling", DisableDefaultText: true, Usage: "refuse version rolling"},
		&cli.IntFlag{Category: work, Name: "extranonce2-size", Value: 8, Usage: "1 to 16 `BYTES`"},
		&cli.IntFlag{Category: work, Name: "branches", DefaultText: "varies from 0 to 12", Usage: "give each job `COUNT` merkle branches, 0 to 32"},
		text(work, "nbits", "", "fixed network difficulty in compact form, eight `HEX` digits; default: follows the miners"),
		&cli.DurationFlag{Category: work, Name: "block-interval", Value: time.Minute, Usage: "a new block every `TIME`, which makes earlier jobs stale"},
		&cli.DurationFlag{Category: work, Name: "job-interval", Value: 30 * time.Second, Usage: "a new job on the same block every `TIME`"},
		&cli.StringSliceFlag{Category: faults, Name: "fault", Usage: "misbehave: a list of `NAME[=VALUE]` between commas, of those above; repeatable"},
		&cli.Uint64Flag{Category: faults, Name: "seed", DefaultText: "another one each time", Usage: "with the same `NUMBER` the same shares are rejected, and so on"},
		&cli.DurationFlag{Category: reporting, Name: "status-interval", DefaultText: "10s on a terminal, else 1m", Usage: "print a status line every `TIME`"},
		&cmdline.Choice{Words: []string{"text", "json"}, Flag: &cli.StringFlag{Category: reporting, Name: "format", Aliases: []string{"log-format"}, Value: "text", Usage: "print messages in this `FORMAT`"}},
		&cmdline.Choice{Words: []string{"debug", "info", "warn", "error"}, Flag: text(reporting, "log-level", "info", "lowest `LEVEL` to print")},
	}
}

func poolAction(c *cli.Context) error {
	format := c.String("format")
	interval := c.Duration("status-interval")
	if interval < 0 || interval > 0 && interval < time.Second || interval > 24*time.Hour {
		return usageFault("--status-interval %v: give 1s to 24h, or 0s for the usual one", interval)
	}
	cfg, err := poolConfig(c)
	if err != nil {
		return err
	}
	plan, err := poolFaults(c, &cfg)
	if err != nil {
		return err
	}
	log, err := newLogging(config.Log{Format: format, Level: c.String("log-level")}, c.App.Writer, c.App.ErrWriter)
	if err != nil {
		return err
	}
	defer log.close()
	printer := report.Printer{Out: log.plain(), Log: log.always, JSON: format == "json", Book: &report.Book{}, Listen: cfg.Listen}
	cfg.Logger, cfg.Judged = log.Logger, printer.Book.Judged
	if printer.Pool, err = localpool.New(cfg); err != nil {
		return usageFault("%v", err)
	}
	if err := printer.Pool.Listen(); err != nil {
		return listenAdvice(err)
	}
	ctx, ignore := log.whileRead(c.Context)
	defer ignore()
	ctx, release := untilInterrupted(ctx)
	defer release()
	if plan != nil {
		printer.Acts = plan.Acted
		log.always.Warn("pool misbehaves on purpose", zap.Strings("faults", plan.Settings()), zap.Uint64("seed", plan.Seed()))
	}
	err = servePool(ctx, printer, cfg.TLS, statusInterval(config.Log{StatusInterval: interval}, c.App.Writer))
	return cmp.Or(err, unread(ctx, ""))
}

// servePool serves and reports until ctx ends.
func servePool(ctx context.Context, printer report.Printer, certificates *tls.Config, interval time.Duration) error {
	var pin string
	if certificates != nil {
		pin = selfsigned.Pin(certificates.Certificates[0])
	}
	printer.Welcome(pin)
	reporting, stop := context.WithCancel(ctx)
	var reporter sync.WaitGroup
	reporter.Go(func() { printer.Run(reporting, interval) })
	began := time.Now()
	last, err := runPool(ctx, printer.Pool)
	stop()
	reporter.Wait()
	printer.Summary(last, time.Since(began))
	return err
}

// poolFaults reads --fault and --seed; nil without a fault.
func poolFaults(c *cli.Context, cfg *localpool.Config) (*fault.Plan, error) {
	asked := c.StringSlice("fault")
	if len(asked) == 0 {
		if c.IsSet("seed") {
			return nil, usageFault("--seed has no effect without --fault")
		}
		return nil, nil
	}
	seed := c.Uint64("seed")
	if !c.IsSet("seed") {
		seed = rand.Uint64N(1_000_000)
	}
	plan, err := fault.New(asked, seed)
	if err == nil {
		err = plan.Apply(cfg)
	}
	if err != nil {
		return nil, usageFault("--fault: %v", err)
	}
	return plan, nil
}

// runPool serves until ctx ends. Its statistics are taken just before connections
// are closed.
func runPool(ctx context.Context, pool *localpool.Pool) (localpool.Stats, error) {
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	last := make(chan localpool.Stats, 1)
	detach := context.AfterFunc(ctx, func() {
		last <- pool.Stats()
		stop()
	})
	err := pool.Run(serving)
	if detach() { // it ended by itself
		last <- pool.Stats()
	}
	return <-last, err
}

// poolConfig reads the flags. localpool.New validates the values, except where
// its zero value stands for a default.
func poolConfig(c *cli.Context) (localpool.Config, error) {
	cfg := localpool.Config{
		Difficulty: c.String("difficulty"),
		Vardiff: localpool.Vardiff{
			Start: c.String("vardiff-start"), Min: c.String("vardiff-min"), Max: c.String("vardiff-max"),
			Seconds: c.Float64("vardiff-seconds"),
		},
		NoVersionRolling: c.Bool("no-version-rolling"),
		Extranonce2Size:  c.Int("extranonce2-size"),
		NBits:            c.String("nbits"),
		BlockInterval:    c.Duration("block-interval"),
		JobInterval:      c.Duration("job-interval"),
	}
	if c.IsSet("difficulty") && (c.Bool("vardiff") || cfg.Difficulty == "") {
		return cfg, usageFault("--difficulty needs a number, and excludes --vardiff")
	}
	for _, name := range []string{"extranonce2-size", "block-interval", "job-interval", "vardiff-seconds"} {
		if strings.Trim(fmt.Sprint(c.Value(name)), "0.s") == "" {
			return cfg, usageFault("--%s 0: give a value above zero", name)
		}
	}
	mask, err := strconv.ParseUint(c.String("version-mask"), 16, 32)
	if err != nil || mask == 0 {
		return cfg, usageFault("--version-mask %q: give up to eight hex digits above zero, or --no-version-rolling", c.String("version-mask"))
	}
	cfg.VersionMask = uint32(mask)
	if c.IsSet("branches") {
		if cfg.Branches = c.Int("branches"); cfg.Branches < 0 || cfg.Branches > localpool.MaxBranches {
			return cfg, usageFault("--branches %d: give 0 to %d", cfg.Branches, localpool.MaxBranches)
		}
		if cfg.Branches == 0 {
			cfg.Branches = -1 // none, where the configuration's zero varies
		}
	}
	if cfg.Listen, err = poolListeners(c); err != nil {
		return cfg, err
	}
	cfg.TLS, err = poolTLS(c, cfg.Listen)
	return cfg, err
}
