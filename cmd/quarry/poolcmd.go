package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"go.uber.org/zap"

	"quarry/config"
	"quarry/stratum/localpool"
)

const poolDescription = `A Stratum V1 pool for practice and tests. It makes up its own blocks, verifies
every share with independent code, and pays nothing. Any SHA-256d miner that
speaks Stratum V1 can use it.

  quarry pool                                      on 127.0.0.1:3333
  quarry pool --listen 127.0.0.1:0                 on a free port
  quarry pool --difficulty 0.001                   the same for all
  quarry pool --vardiff-seconds 10                 one share every 10 s per miner
  quarry pool --listen-tls 127.0.0.1:3334          TLS too; prints a pin
  quarry pool --listen-ws 127.0.0.1:3335           WebSocket too
  quarry pool --block-interval 5s --job-interval 1s   frequent jobs and blocks
  quarry pool --log-format json

Ctrl-C stops it and prints a summary.

Exit codes: 0 ended as asked, 1 failed, 2 bad usage.`

func poolCommand() *cli.Command {
	return &cli.Command{
		Name:        "pool",
		Usage:       "run the practice pool on its own",
		Description: poolDescription,
		Flags:       poolFlags(),
		Action:      poolAction,
	}
}

func poolFlags() []cli.Flag {
	const addresses, difficulty, work, report = "Addresses", "Difficulty", "Jobs", "Reporting"
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
		text(report, "log-format", "text", "write `FORMAT`, text or json"),
		text(report, "log-level", "info", "lowest `LEVEL` to print: debug, info, warn or error"),
	}
}

func poolAction(c *cli.Context) error {
	format := c.String("log-format")
	if format != "text" && format != "json" {
		return usageFault("log format %q: want text or json", format)
	}
	cfg, err := poolConfig(c)
	if err != nil {
		return err
	}
	log, err := newLogging(config.Log{Format: format, Level: c.String("log-level")}, c.App.Writer, c.App.ErrWriter)
	if err != nil {
		return err
	}
	defer log.close()
	cfg.Logger = log.Logger
	pool, err := localpool.New(cfg)
	if err != nil {
		return usageFault("%v", err)
	}
	if err := pool.Listen(); err != nil {
		return err
	}
	printer := poolPrinter{out: log.screen, log: log.Logger, json: format == "json"}
	ctx, ignore := log.whileRead(c.Context)
	defer ignore()
	ctx, release := untilInterrupted(ctx)
	defer release()
	printer.welcome(pool, cfg)
	began := time.Now()
	last, err := runPool(ctx, pool)
	printer.summary(last, time.Since(began))
	return cmp.Or(err, unread(ctx))
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

func poolListeners(c *cli.Context) ([]localpool.Listener, error) {
	var out []localpool.Listener
	for _, l := range []struct {
		flag      string
		transport localpool.Transport
	}{{"listen", localpool.TCP}, {"listen-tls", localpool.TLS}, {"listen-ws", localpool.WS}, {"listen-wss", localpool.WSS}} {
		addr := c.String(l.flag)
		if addr == "" {
			continue
		}
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, usageFault("--%s %q: give HOST:PORT, such as 127.0.0.1:3333", l.flag, addr)
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return nil, usageFault("--%s %q: the port is not a number from 0 to 65535", l.flag, addr)
		}
		out = append(out, localpool.Listener{Transport: l.transport, Addr: addr})
	}
	if len(out) == 0 {
		return nil, usageFault("nothing to listen on; give --listen HOST:PORT")
	}
	return out, nil
}

// poolTLS loads or generates the certificate; nil when no listener needs one.
func poolTLS(c *cli.Context, listeners []localpool.Listener) (*tls.Config, error) {
	certFile, keyFile := c.String("tls-cert"), c.String("tls-key")
	if (certFile == "") != (keyFile == "") {
		return nil, usageFault("--tls-cert and --tls-key are needed together")
	}
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	var needed bool
	for _, l := range listeners {
		needed = needed || l.Transport == localpool.TLS || l.Transport == localpool.WSS
		if host, _, _ := net.SplitHostPort(l.Addr); host != "" && !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	if !needed {
		if certFile != "" {
			return nil, usageFault("--tls-cert has no effect without --listen-tls or --listen-wss")
		}
		return nil, nil
	}
	var certificate tls.Certificate
	var err error
	if certFile != "" {
		if certificate, err = tls.LoadX509KeyPair(certFile, keyFile); err != nil {
			return nil, usageFault("--tls-cert %q with --tls-key %q: %v", certFile, keyFile, err)
		}
	} else if certificate, err = localpool.SelfSigned(time.Now(), hosts...); err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, nil
}

// poolPrinter prints the pool's addresses and summary.
type poolPrinter struct {
	out  io.Writer
	log  *zap.Logger
	json bool
}

func (p poolPrinter) welcome(pool *localpool.Pool, cfg localpool.Config) {
	var urls []string
	for _, e := range pool.Endpoints() {
		if host, port, _ := net.SplitHostPort(e.Addr); net.ParseIP(host).IsUnspecified() {
			e.Addr = "THIS-MACHINE:" + port
		}
		urls = append(urls, e.URL())
		if !loopback(e.Addr) {
			p.log.Warn("the practice pool is reachable from other machines and checks no passwords; bind it to 127.0.0.1 unless that is intended",
				zap.String("url", e.URL()))
		}
	}
	var pin string
	if cfg.TLS != nil {
		pin = localpool.Pin(cfg.TLS.Certificates[0])
	}
	if p.json {
		p.log.Info("practice pool, pays nothing", zap.Strings("urls", urls), zap.String("tls_pin", pin))
		return
	}
	fmt.Fprintln(p.out, "Practice pool: its blocks are made up and it pays nothing. Any user and password will do.")
	for _, url := range urls {
		fmt.Fprintf(p.out, "  point a miner at %s\n", url)
	}
	if pin != "" {
		fmt.Fprintf(p.out, "  certificate %s (quarry: --tls-pin)\n", pin)
	}
	fmt.Fprintln(p.out, "Ctrl-C stops it.")
}

// summary prints the summary: with JSON, the last line of the output.
func (p poolPrinter) summary(st localpool.Stats, took time.Duration) {
	var rejected uint64
	var reasons []string
	for _, code := range slices.Sorted(maps.Keys(st.Rejected)) {
		rejected += st.Rejected[code]
		reasons = append(reasons, fmt.Sprintf("%d of code %d", st.Rejected[code], code))
	}
	if p.json {
		p.log.Info("summary", zap.Uint64("accepted", st.Accepted), zap.Uint64("rejected", rejected),
			zap.Uint64("blocks", st.Blocks), zap.Float64("best", st.Best), zap.Float64("hashrate_connected", st.Hashrate),
			zap.Int("connections", st.Connections), zap.Float64("seconds", took.Seconds()))
		return
	}
	fmt.Fprintf(p.out, "Practice pool ended after %v: %d shares accepted, %d rejected", took.Round(time.Second), st.Accepted, rejected)
	if len(reasons) > 0 {
		fmt.Fprintf(p.out, " (%s)", strings.Join(reasons, ", "))
	}
	fmt.Fprintf(p.out, ", %d practice blocks, best difficulty %.4g, miners connected at the end: %d (%.4g MH/s).\n",
		st.Blocks, st.Best, st.Connections, st.Hashrate/1e6)
}

// loopback reports whether host:port can be reached from this machine only.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || (ip != nil && ip.IsLoopback()))
}
