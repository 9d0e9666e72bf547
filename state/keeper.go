package state

import (
	"errors"
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"

	"quarry/internal/event"
	"quarry/telemetry"
)

const (
	savePeriod = 5 * time.Minute  // a crash costs no more of the totals
	bestPeriod = 20 * time.Second // and of a new best share, or a block
	lockTime   = time.Second      // that another miner may take to save
	endTime    = 2 * time.Second  // that the last save may take
)

// Keeper keeps the totals of one session at a time in a file.
type Keeper struct {
	path      string
	standard  bool // the path is DefaultPath
	telemetry *telemetry.Telemetry
	log       *zap.Logger
	stop      chan struct{}
	done      chan struct{}

	// The goroutine's:
	off   bool             // the file is left alone
	said  bool             // that it cannot be written
	mine  telemetry.Totals // this session's part of what was saved
	all   telemetry.Totals // what was saved
	saved time.Time
}

// Places for the file that are no file names; the empty text is None, too.
const (
	Auto = "auto" // DefaultPath
	None = "none"
)

// Keep reads the file, reports what it says, and saves the session's totals to it
// until Close. It does not wait for the disk. With None it returns nil, whose Close
// does nothing.
func Keep(path string, t *telemetry.Telemetry, log *zap.Logger) *Keeper {
	standard := path == Auto
	switch path {
	case None, "":
		return nil
	case Auto:
		var err error
		if path, err = DefaultPath(); err != nil {
			log.Warn("totals are not kept", zap.Error(fmt.Errorf("no place for them, name one with --state: %w", err)))
			return nil
		}
	}
	k := &Keeper{
		path: path, standard: standard, telemetry: t, log: log.With(zap.String("file", path)),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	go k.run()
	return k
}

// Close saves a last time, and waits for that, but not long.
func (k *Keeper) Close() {
	if k == nil {
		return
	}
	close(k.stop)
	limit := time.NewTimer(endTime)
	defer limit.Stop()
	select {
	case <-k.done:
	case <-limit.C:
		k.log.Warn("totals not saved in time", event.Advice("the disk does not answer"))
	}
}

func (k *Keeper) run() {
	defer close(k.done)
	k.open()
	tick := time.NewTicker(bestPeriod)
	defer tick.Stop()
	for ended := false; !ended && !k.off; {
		select {
		case <-tick.C:
		case <-k.stop:
			ended = true
		}
		now := k.telemetry.Snapshot().Session()
		if ended || time.Since(k.saved) >= savePeriod || now.BestDifficulty > k.all.BestDifficulty || now.BlocksFound > k.mine.BlocksFound {
			k.save(now)
		}
	}
}

// open reads the file for the first time.
func (k *Keeper) open() {
	all, err := load(k.path)
	if errors.Is(err, errDamaged) {
		err = k.setAside(err)
	}
	if err != nil {
		k.off = true
		k.log.Warn("totals are not kept", zap.Error(err))
		return
	}
	k.all, k.saved = all, time.Now()
	k.telemetry.SetEver(all, telemetry.Totals{})
	if err := makeFolder(k.path, k.standard); err != nil {
		k.unsaved(err)
	}
	if all.Hashes == 0 && all.BestDifficulty == 0 {
		return
	}
	k.log.Info("totals of all sessions so far",
		zap.Uint64("accepted", all.Accepted), zap.Uint64("rejected", all.Rejected), zap.Uint64("blocks_found", all.BlocksFound),
		zap.Float64("hashes", float64(all.Hashes)), zap.Duration("mined", time.Duration(all.Seconds*float64(time.Second))),
		zap.Float64("best_difficulty", all.BestDifficulty), zap.String("best_at", Stamp(all.BestAt)), zap.String("best_pool", all.BestPool))
}

// Stamp returns the time for people, empty if it is not known.
func Stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Local().Format(time.RFC3339)
}

// setAside moves a damaged file away, and says so.
func (k *Keeper) setAside(damage error) error {
	aside, err := setAside(k.path)
	if err != nil {
		return fmt.Errorf("%w, and cannot be moved away: %w", damage, err)
	}
	k.log.Warn("totals begin at zero", zap.Error(damage), zap.String("kept_as", aside))
	return nil
}

// save adds what the session did since the last time. It says once that this fails:
// what could not be saved is saved with the next attempt.
func (k *Keeper) save(now telemetry.Totals) {
	err := k.write(now)
	switch {
	case err == nil:
		if k.said {
			k.log.Info("totals saved again")
		}
		k.said, k.saved = false, time.Now()
	case errors.Is(err, errNewer), errors.Is(err, errNoFile):
		k.off = true
		k.log.Warn("totals are not kept any more", zap.Error(err))
	default:
		k.unsaved(err)
	}
}

func (k *Keeper) unsaved(err error) {
	if !k.said {
		k.log.Warn("totals cannot be saved", zap.Error(err))
	}
	k.said, k.saved = true, time.Now()
}

func (k *Keeper) write(now telemetry.Totals) error {
	if err := makeFolder(k.path, k.standard); err != nil {
		return err
	}
	unlock, err := lock(k.path + ".lock")
	if err != nil {
		return err
	}
	defer unlock()
	all, err := load(k.path)
	switch {
	case errors.Is(err, errDamaged):
		if err := k.setAside(err); err != nil {
			return err
		}
		all = k.all // what it said before
	case err != nil:
		return err
	case all == telemetry.Totals{}: // it is gone
		all = k.all
	}
	all = all.Add(now.Since(k.mine))
	if err := store(k.path, all); err != nil {
		return err
	}
	k.all, k.mine = all, now
	k.telemetry.SetEver(all, now)
	return nil
}

var errLocked = errors.New("another quarry holds its lock")

// lock takes the lock, for which it waits a while.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for limit := time.Now().Add(lockTime); !tryLock(f); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(limit) {
			return nil, errors.Join(errLocked, f.Close())
		}
	}
	return func() { _ = f.Close() }, nil
}
