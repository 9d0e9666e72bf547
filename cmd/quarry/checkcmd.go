package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"
	"go.uber.org/zap"

	"quarry/config"
	"quarry/internal/cmdline"
	"quarry/screen"
	"quarry/stratum"
	"quarry/stratum/localpool"
	"quarry/telemetry"
)

const checkDescription = `Checks everything from the settings to a pool's first job, and reports the result
of each step and what to do: settings, kernel and speed of this machine; then for
each pool proxy, name, connection, certificate, subscription, authorization,
first job, and how often this machine finds a share at the pool's difficulty.
It submits nothing. Without a pool it checks the practice pool.

  quarry check --config rig.toml
  quarry check -o stratum+ssl://HOST:3334 -u USER
  quarry check --config rig.toml --format json

Takes the flags of quarry mine. Exit codes: 0 the rig can mine (at least one
pool works), 1 failed, 2 bad usage or configuration, 3 no pool works.`

func checkCommand() *cli.Command {
	return &cli.Command{
		Name:        "check",
		Usage:       "check settings, machine and pools before mining",
		Description: checkDescription,
		Flags:       append(mineFlags(), cmdline.Formats(outputCategory, "table", "json")),
		Action:      checkAction,
	}
}

// checkReport is what --format json prints.
type checkReport struct {
	CanMine bool         `json:"can_mine"`
	Steps   []stepReport `json:"steps"`
	Pools   []poolReport `json:"pools"`
}

type poolReport struct {
	URL   string       `json:"url"`
	User  string       `json:"user"`
	Works bool         `json:"works"`
	Steps []stepReport `json:"steps"`
}

type stepReport struct {
	Step    string         `json:"step"`
	State   string         `json:"state"` // "ok", "warn", "fail"
	Text    string         `json:"text"`
	Advice  string         `json:"advice,omitempty"`
	Seconds float64        `json:"seconds,omitempty"`
	Facts   map[string]any `json:"facts,omitempty"`
}

func checkAction(c *cli.Context) error {
	format := c.String("format")
	loaded, err := loadConfig(c)
	if err != nil {
		return err
	}
	log, err := newConsoleLogger("text", "warn", c.App.ErrWriter)
	if err != nil {
		return err
	}
	ctx, release := untilInterrupted(c.Context)
	defer release()
	table := screen.Fit(c.App.Writer)
	if format == "json" {
		table = io.Discard
	}
	report, err := checkRig(ctx, loaded, log, table)
	switch {
	case ctx.Err() != nil:
		return cli.Exit("interrupted", exitInterrupted)
	case err != nil:
		return err
	}
	if format == "json" {
		if err := writeIndented(c.App.Writer, report); err != nil {
			return err
		}
	}
	if !report.CanMine {
		return cli.Exit("no pool works: this rig cannot mine", exitNoPool)
	}
	return nil
}

// checkRig checks everything, and prints each step as soon as the ones before it
// are printed.
func checkRig(ctx context.Context, loaded *config.Result, log *zap.Logger, table io.Writer) (*checkReport, error) {
	report := &checkReport{Pools: []poolReport{}}
	for _, s := range configSteps(loaded) {
		report.Steps = append(report.Steps, printStep(table, s))
	}
	m, err := thisMachine(ctx, loaded.Config.CPU, log)
	if err != nil {
		return nil, err
	}
	report.Steps = append(report.Steps, printStep(table, m.step()))

	r := &rig{rate: func() float64 { return cmp.Or(m.rate.Rolled, m.rate.Plain) }}
	pools, err := r.pools(&loaded.Config)
	if err != nil {
		return nil, err
	}
	defer r.startPractice(ctx, log)()
	working := 0
	for _, done := range checkPools(ctx, pools, m) {
		fmt.Fprintf(table, "\n%s as %s\n", done.pool.URL, done.pool.User)
		p := poolReport{URL: done.pool.URL, User: done.pool.User}
		for s := range done.steps {
			p.Steps = append(p.Steps, printStep(table, s))
		}
		if p.Works = done.err == nil; p.Works {
			working++
		}
		report.Pools = append(report.Pools, p)
	}
	report.CanMine = working > 0
	if report.CanMine {
		fmt.Fprintf(table, "\nthis rig can mine; pools that work: %d of %d\n", working, len(pools))
	}
	return report, nil
}

// startPractice runs the practice pool, if that is to be checked, until end is
// called.
func (r *rig) startPractice(ctx context.Context, log *zap.Logger) (end func()) {
	if r.practice == nil {
		return func() {}
	}
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { runPractice(ctx, r.practice, log) })
	return func() { stop(); running.Wait() }
}

func runPractice(ctx context.Context, p *localpool.Pool, log *zap.Logger) {
	if err := p.Run(ctx); err != nil {
		log.Error("practice pool failed", zap.Error(err))
	}
}

// poolCheck is a check under way.
type poolCheck struct {
	pool  stratum.Pool
	steps chan stratum.Step // closed at the end
	err   error             // once steps is closed
}

// mostSteps is more than a check has, even with three attempts at a pool, so that
// no check waits until another one is printed.
const mostSteps = 64

// checkPools checks all pools concurrently.
func checkPools(ctx context.Context, pools []stratum.Pool, m *machine) (checks []*poolCheck) {
	for _, p := range pools {
		check := &poolCheck{pool: p, steps: make(chan stratum.Step, mostSteps)}
		checks = append(checks, check)
		go func() {
			defer close(check.steps)
			offer, err := stratum.Check(ctx, p, stratum.Options{UserAgent: userAgent()}, func(s stratum.Step) { check.steps <- s })
			if check.err = err; err == nil {
				check.steps <- difficultyStep(offer, p, m)
			}
		}()
	}
	return checks
}

// printStep prints the step and returns it as --format json prints it.
func printStep(w io.Writer, s stratum.Step) stepReport {
	took, state := "", string(s.State)
	if s.Took > 0 {
		took = " (" + telemetry.FormatDuration(s.Took) + ")"
	}
	if s.State == stratum.StateFail {
		state = strings.ToUpper(state)
	}
	fmt.Fprintf(w, "%-10s  %-4s  %s%s\n", s.Name, state, s.Text, took)
	if s.Advice != "" {
		fmt.Fprintf(w, "%-10s  %-4s  -> %s\n", "", "", s.Advice)
	}
	return stepReport{Step: s.Name, State: string(s.State), Text: s.Text, Advice: s.Advice, Seconds: s.Took.Seconds(), Facts: s.Facts}
}
