package screen

import (
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"quarry/telemetry"
)

const (
	usualColumns = 80 // of a terminal that does not say
	leastColumns = 20 // a narrower one wraps by itself
	timeColumns  = 9  // "15:04:05 ", by which continued lines are indented
)

// Terminal writes messages for a person who watches: each in a line or two that fit
// the width at that moment. Events of mining have short forms of their own.
type Terminal struct {
	out     zapcore.WriteSyncer
	color   bool
	columns func() int // 0: unknown

	shares atomic.Pointer[telemetry.Ledger] // nil: not known yet
	pools  atomic.Pointer[poolNames]
	detail atomic.Int32

	mu  sync.Mutex
	day string // of the last line
}

// Columns returns how wide the terminal w is whenever it is asked; 0: w does not say.
func Columns(w io.Writer) func() int {
	file, ok := w.(*os.File)
	if !ok {
		return func() int { return 0 }
	}
	return func() int {
		columns, _, err := term.GetSize(int(file.Fd()))
		if err != nil {
			return 0
		}
		return columns
	}
}

// New returns a terminal that out leads to.
func New(out zapcore.WriteSyncer, columns func() int, color bool) *Terminal {
	return &Terminal{out: out, columns: columns, color: color}
}

// Watch has share lines show the ledger's counts, and the pool's name if there are
// several.
func (t *Terminal) Watch(ledger *telemetry.Ledger, pools []string) {
	t.shares.Store(ledger)
	t.pools.Store(newPoolNames(pools))
}

// Core returns the terminal as a core that passes every level; the logger in front
// of it filters.
func (t *Terminal) Core() zapcore.Core { return &core{LevelEnabler: zapcore.DebugLevel, Terminal: t} }

// core is a Terminal with the fields of one logger.
type core struct {
	zapcore.LevelEnabler
	*Terminal
	fields []zapcore.Field
}

func (c *core) With(fields []zapcore.Field) zapcore.Core {
	clone := *c
	clone.fields = append(c.fields[:len(c.fields):len(c.fields)], fields...)
	return &clone
}

func (c *core) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

func (c *core) Sync() error { return c.out.Sync() }

func (c *core) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	e := event{Entry: entry, Terminal: c.Terminal, fields: append(c.fields[:len(c.fields):len(c.fields)], fields...)}
	e.room = c.width() - timeColumns
	var text strings.Builder
	text.WriteString(c.newDay(entry.Time))
	for _, line := range e.lines() {
		text.WriteString(c.paragraph(entry.Time, line))
	}
	_, err := io.WriteString(c.out, text.String())
	return err
}

// width is how many columns lines may have: the last one is left free, because some
// terminals begin a new line there by themselves.
func (t *Terminal) width() int {
	columns := t.columns()
	if columns <= 0 {
		columns = usualColumns
	}
	return max(columns, leastColumns) - 1
}

// paragraph returns the line behind its time, wrapped.
func (t *Terminal) paragraph(at time.Time, line []word) string {
	b := block{columns: t.width(), indent: timeColumns, color: t.color}
	b.add(word{spans: []span{{at.Format(time.TimeOnly), dim}}})
	for i, w := range line {
		if i == 0 {
			w.gap = 1
		}
		b.add(w)
	}
	return b.b.String() + "\n"
}

// newDay returns a line with the date if all messages before were of earlier days.
func (t *Terminal) newDay(at time.Time) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	before, day := t.day, at.Format(time.DateOnly)
	t.day = max(before, day)
	if before == "" || day <= before {
		return ""
	}
	b := block{columns: t.width(), color: t.color}
	for _, w := range words("-------- "+at.Format("Monday, 2 January 2006"), dim, 0) {
		b.add(w)
	}
	return b.b.String() + "\n"
}

// Detail is how much is said of shares.
type Detail int32

// The details.
const (
	DetailShort Detail = iota // a short line for each share
	DetailLong                // with what the pool asked for, and the job
	DetailBad                 // only shares that were not accepted, and blocks
	details
)

// NextDetail changes how much is said of shares, and returns what it is now.
func (t *Terminal) NextDetail() Detail {
	for {
		old := t.detail.Load()
		if next := (old + 1) % int32(details); t.detail.CompareAndSwap(old, next) {
			return Detail(next)
		}
	}
}

// Say writes a line to this terminal only.
func (t *Terminal) Say(text string) {
	_, _ = io.WriteString(t.out, t.paragraph(time.Now(), words(text, plain, 1)))
}
