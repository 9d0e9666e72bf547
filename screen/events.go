package screen

import (
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap/zapcore"

	"quarry/logsink"
	"quarry/telemetry"
)

// event is one message with its fields.
type event struct {
	zapcore.Entry
	*Terminal
	fields []zapcore.Field
	room   int // columns behind the time
}

// short returns the form of an event of mining, by its message; nil: it has none.
func (e *event) short() func(*event) []word {
	if form := e.poolForm(); form != nil {
		return form
	}
	switch e.Message {
	case "share accepted":
		if e.has("latency") {
			return (*event).accepted
		}
	case "share rejected":
		if e.has("pool") {
			return (*event).rejected
		}
	case "share stale":
		return (*event).stale
	case "share lost":
		return (*event).lost
	case "block found", "practice block found":
		if e.has("network_difficulty") {
			return (*event).blockFound
		}
	case "new block":
		return (*event).newBlock
	case "difficulty":
		return (*event).difficulty
	case "quarry starts":
		return (*event).starts
	case "authorized":
		return (*event).authorized
	case "active pool":
		return (*event).activePool
	case "mining started":
		return (*event).started
	case "kernels compared", "switched to a faster kernel":
		return (*event).kernels
	}
	return nil
}

// lines returns the event as lines of words.
func (e *event) lines() [][]word {
	if t := logsink.TexterOf(e.fields); t != nil {
		return e.report(t)
	}
	if form := e.short(); form != nil {
		if line := form(e); line != nil {
			return [][]word{line}
		}
		return nil
	}
	return [][]word{e.plain()}
}

// report returns what the session reports about itself.
func (e *event) report(t logsink.Texter) [][]word {
	switch value := t.(type) {
	case status:
		return value.lines(e)
	case rates:
		return value.lines()
	case machine:
		return value.lines()
	}
	var lines [][]word
	for _, text := range t.TextLines() {
		lines = append(lines, append(e.level(), words(text, plain, 1)...))
	}
	return lines
}

// level is the level, but for usual messages.
func (e *event) level() []word {
	switch {
	case e.Level >= zapcore.ErrorLevel:
		return words("ERROR", red, 1)
	case e.Level == zapcore.WarnLevel:
		return words("WARN", yellow, 1)
	case e.Level == zapcore.DebugLevel:
		return words("debug", dim, 1)
	}
	return nil
}

// plain is the message with its fields.
func (e *event) plain() []word {
	line := e.level()
	add := func(more []word) { line = append(line, more...) }
	add(words(e.Message, plain, 1))
	var last []word // sentences
	gap := 2
	for _, f := range e.fields {
		text := logsink.FieldText(f)
		if f.Key == "pool" && e.Message != "connecting" {
			text = e.pool(f.String, 0)
		}
		if text == "" {
			continue
		}
		if prose := e.prose(f); len(prose) > 0 {
			last = append(last, prose...)
			continue
		}
		value := words(text, plain, 1)
		value[0].spans = append([]span{{clean(f.Key) + "=", dim}}, value[0].spans...)
		value[0].gap = gap
		gap = 1
		add(value)
	}
	return append(line, last...)
}

// prose returns a field that is a sentence, on a line of its own; nil: it is none.
func (e *event) prose(f zapcore.Field) []word {
	if f.Key != "advice" && f.Key != "consequence" {
		return nil
	}
	line := words(e.text(f.Key), plain, 1)
	if len(line) > 0 {
		line[0].own = true
	}
	return line
}

// starts is "quarry 0.1.0  threads 2, cpus 0-1, priority low, kernel auto".
func (e *event) starts() []word {
	line := words("quarry "+e.text("version"), plain, 1)
	return append(line, words(fmt.Sprintf("threads %s, cpus %s, priority %s, kernel %s",
		e.text("threads"), e.text("cpus"), e.text("priority"), e.text("kernel")), plain, 2)...)
}

func (e *event) blockFound() []word {
	line := append(words("BLOCK FOUND", bold, 1), words("net "+e.text("network_difficulty"), bold, 2)...)
	line = e.withPool(line)
	return append(line, words(e.text("hash"), plain, 2)...)
}

func (e *event) newBlock() []word {
	line := words("new block", cyan, 1)
	if height := e.text("height"); height != "" {
		line = append(line, words(height, cyan, 1)...)
	}
	if net := e.text("network_difficulty"); net != "" {
		line = append(line, words("net "+net, plain, 2)...)
	}
	return e.withPool(line)
}

func (e *event) difficulty() []word {
	return e.withPool(words("difficulty "+e.text("difficulty"), plain, 1))
}

func (e *event) authorized() []word {
	return e.withPool(words("authorized as "+e.text("user"), plain, 1))
}

func (e *event) activePool() []word {
	name := e.pool(e.text("pool"), 0)
	if name == "" {
		return append(words(e.Message, plain, 1), words(e.text("reason"), plain, 2)...)
	}
	line := words("mining "+name, plain, 1)
	if before := e.text("instead_of"); before != "" {
		line = append(line, words("instead of "+e.pool(before, 0), plain, 1)...)
	}
	line = append(line, words(e.text("reason"), plain, 2)...)
	return append(line, words(e.text("error"), plain, 2)...)
}

func (e *event) started() []word {
	return append(words("hashing with "+e.text("kernel"), plain, 1), words(e.text("reason"), plain, 2)...)
}

// kernels shows the fastest one; files have all.
func (e *event) kernels() []word {
	all := strings.Split(e.text("rates"), ", ")
	line := append(words(e.Message, plain, 1), words(all[0], plain, 2)...)
	if len(all) > 1 {
		line = append(line, words(fmt.Sprintf("fastest of %d", len(all)), plain, 2)...)
	}
	return line
}

// withPool adds the pool if there are several, shortened to the room that is left.
func (e *event) withPool(line []word) []word {
	used := 0
	for _, w := range line {
		used += w.gap + w.width()
	}
	const gap, leastName = 2, 12
	room := e.room - used - gap + 1 // the first word has no gap
	if room < leastName {
		room = 0 // it gets a line of its own
	}
	if name := e.pool(e.text("pool"), room); name != "" {
		line = append(line, words(name, dim, gap)...)
	}
	return line
}

// pool returns the pool's short name; empty: there is only one.
func (e *event) pool(url string, room int) string {
	names := e.pools.Load()
	if names == nil {
		return url
	}
	return names.short(url, room)
}

func (e *event) has(key string) bool {
	for _, f := range e.fields {
		if f.Key == key && f.Type != zapcore.SkipType {
			return true
		}
	}
	return false
}

// text returns the field's value for people, without quotes.
func (e *event) text(key string) string {
	for _, f := range e.fields {
		if f.Key != key {
			continue
		}
		switch f.Type {
		case zapcore.StringType:
			return f.String
		case zapcore.DurationType:
			return telemetry.FormatDuration(time.Duration(f.Integer))
		case zapcore.ErrorType:
			return fmt.Sprint(f.Interface)
		}
		if text, ok := f.Interface.(fmt.Stringer); ok {
			return text.String()
		}
		return logsink.FieldText(f)
	}
	return ""
}
