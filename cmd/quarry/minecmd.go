package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"

	"github.com/urfave/cli/v2"
	"go.uber.org/zap"

	"quarry/config"
	"quarry/device/cpu/tune"
	"quarry/keys"
	"quarry/miner"
	"quarry/screen"
	"quarry/state"
	"quarry/work"
)

func mineCommand() *cli.Command {
	return &cli.Command{
		Name:  "mine",
		Usage: "mine a pool, or practice against the built-in one",
		Description: `Without a pool, quarry starts its own practice pool on a free loopback port and
mines that, over a real Stratum connection. Practice pays nothing.

  quarry mine                                             practice
  quarry mine -o stratum+tcp://HOST:3333 -u ADDRESS.rig1  one pool
  quarry mine -o A -u alice -o B -u bob                   B if A fails
  quarry mine -o stratum+ssl://HOST:3334 -u USER -p -     TLS; asks for it
  quarry mine --config rig.toml --format json             headless
  quarry mine --time 30s                                  ends by itself

Later settings win: defaults, file, environment (QUARRY_...), flags. Flags such
as -u without -o apply to every pool of the file. Names of variables, and all
settings explained: quarry config reference.

Ctrl-C ends cleanly with a summary; a second one ends at once, without one.
When the reader of the output ends, as in quarry mine | head, mining goes on if
there is a log file, and ends with exit code 1 if not.

Exit codes: 0 ended as asked, 1 failed, 2 bad usage or configuration,
3 no pool reachable (with --no-retry), 130 by a second Ctrl-C.`,
		Flags:  withFormat(mineFlags()),
		Action: mineAction,
	}
}

func mineAction(c *cli.Context) error {
	child := tune.Spawn(c.Context) // first of all: nothing is hashed before it has tested a kernel
	defer child.Stop()
	keyboard := keys.Open(c.App.Reader, c.App.Writer) // none where standard input is a pipe, from which passwords may come
	defer keyboard.Restore()
	loaded, err := loadConfig(c)
	if err != nil {
		return err
	}
	log, err := newLogging(loaded.Config.Log, c.App.Writer, c.App.ErrWriter)
	if err != nil {
		return usageFault("%v: %v", loaded.Origins["log.file"], err)
	}
	defer log.close()
	ctx, ignore := log.whileRead(c.Context)
	defer ignore()
	ctx, release := untilInterrupted(ctx, keyboard.Restore)
	defer release()
	ctx, unhang := onHangup(ctx, log)
	defer unhang()
	rig, err := newRig(ctx, &loaded.Config, child, log)
	if err != nil {
		return err
	}
	rig.announce(loaded, log)
	if !loaded.Config.Run.Keys {
		keyboard = nil
	}
	err = rig.mine(ctx, loaded.Config, log, c.App.Writer, keyboard)
	if errors.Is(err, work.ErrNoWork) {
		return cli.Exit(err.Error(), exitNoPool)
	}
	return cmp.Or(err, unread(ctx, "; with a log file (--log-file FILE) mining goes on"))
}

// mine runs one session: it starts the parts and ends them in order.
func (rig *rig) mine(ctx context.Context, c config.Config, log *logging, out io.Writer, keyboard *keys.Keyboard) error {
	defer rig.tuner.Stop()
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	defer running.Wait()
	defer stopBackground()
	if rig.practice != nil {
		running.Go(func() { runPractice(background, rig.practice, log.Logger) })
	}
	running.Go(func() { _ = rig.telemetry.Run(background) }) // ends with background, without an error
	report := &screen.Reporter{Log: log.Logger, Always: log.always, Telemetry: rig.telemetry, Practice: rig.practice != nil, Interval: statusInterval(c.Log, out)}
	running.Go(func() { report.Run(background) })
	running.Go(func() { rig.pace.Run(background) })
	totals := state.Keep(rig.stateFile(c.Run), rig.telemetry, log.Logger)
	if err := rig.attend(background, log, report, keyboard, &running); err != nil {
		return err
	}

	// Assembly cannot be preempted: with more Ps than workers, the network
	// never waits for a worker to finish its batch. It is never set back: that
	// would stop the world, and so wait for workers that get no CPU.
	runtime.GOMAXPROCS(len(rig.placements) + spareProcs)

	if c.Run.Time > 0 {
		var done context.CancelFunc
		ctx, done = context.WithTimeout(ctx, c.Run.Time)
		defer done()
	}
	err := miner.Run(ctx, rig.miner)
	stopBackground()
	running.Wait()
	totals.Close()
	if errors.Is(err, work.ErrNoWork) && c.Log.Format != "json" && rig.telemetry.Snapshot().Hashes == 0 {
		return err // what one looks for; zeros would hide it
	}
	report.Summary()
	return err
}

// spareProcs is how many threads Go may run besides the workers.
const spareProcs = 4

// untilInterrupted ends the context at the first SIGINT or SIGTERM, and the
// process at the second, after the last calls. That is not left to the default
// action, which is none where the signal was ignored from the start, as for the
// background jobs of shell scripts.
func untilInterrupted(parent context.Context, last ...func()) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancel(parent)
	released, release := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for range 2 {
			select {
			case s := <-signals:
				if ctx.Err() != nil {
					for _, call := range last {
						call()
					}
					os.Exit(killedBy(s))
				}
				end()
			case <-released.Done():
				return
			}
		}
	}()
	return ctx, func() { signal.Stop(signals); release(); end() }
}

// killedBy is the exit code that shells give to a process which a signal ended.
func killedBy(s os.Signal) int {
	if number, ok := s.(syscall.Signal); ok {
		return 128 + int(number)
	}
	return exitFailed
}

// onHangup reopens the log file at every SIGHUP, for logrotate. Without a
// log file SIGHUP means that the terminal is gone: it ends the context, unless
// it was ignored from the start (nohup).
func onHangup(parent context.Context, log *logging) (context.Context, context.CancelFunc) {
	if log.file == nil {
		if signal.Ignored(syscall.SIGHUP) {
			return parent, func() {}
		}
		return signal.NotifyContext(parent, syscall.SIGHUP)
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	ctx, cancel := context.WithCancel(parent)
	go func() {
		for {
			select {
			case <-hangups:
				log.file.Reopen()
				log.Info("log file reopened", zap.String("file", log.file.Name()))
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, func() { signal.Stop(hangups); cancel() }
}
