package quarry

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"quarry/bench/report"
	"quarry/internal/event"
	"quarry/internal/testutil"
	"quarry/telemetry"
)

const eventDocs = "docs/events.md"

func readEventDocs(t *testing.T) *testutil.EventDocs {
	t.Helper()
	docs, err := testutil.ReadEventDocs(eventDocs)
	if err != nil {
		t.Fatal(err)
	}
	return docs
}

// TestEventsAreDocumented: docs/events.md lists the events that the sources log, their
// levels, keys and codes, and nothing else; each message is constant, and each key too.
func TestEventsAreDocumented(t *testing.T) {
	docs, used := readEventDocs(t), map[string]bool{}
	events, codes := scanEvents(t)
	for name, e := range events {
		doc, ok := docs.Events[name]
		if !ok {
			t.Errorf("%v: event %s is not in %s", e.at, name, eventDocs)
			continue
		}
		levels := slices.Sorted(maps.Keys(e.levels))
		if !e.levels["varies"] && !slices.Equal(levels, slices.Sorted(slices.Values(doc.Levels))) {
			t.Errorf("%v: event %s is logged at %v, documented at %v", e.at, name, levels, doc.Levels)
		}
		if keys := slices.Sorted(maps.Keys(e.keys)); !slices.Equal(keys, slices.Sorted(slices.Values(doc.Keys))) {
			t.Errorf("%v: event %s has the keys\n%v, documented\n%v", e.at, name, keys, doc.Keys)
		}
		for key, kind := range e.keys {
			used[key] = true
			if docs.Keys[key] != kind {
				t.Errorf("%v: event %s: %s is a %s, documented as a %q", e.at, name, key, kind, docs.Keys[key])
			}
		}
	}
	for name := range docs.Events {
		if events[name] == nil {
			t.Errorf("%s lists %s, which nothing logs", eventDocs, name)
		}
	}
	for code := range codes {
		if !docs.Codes[code] {
			t.Errorf("the code %s is not in %s", code, eventDocs)
		}
	}
	for code := range docs.Codes {
		if !codes[code] {
			t.Errorf("%s lists the code %s, which nothing uses", eventDocs, code)
		}
	}
	for key := range docs.Keys {
		if !used[key] {
			t.Errorf("%s lists the key %s, which no event has", eventDocs, key)
		}
	}
}

// TestObjectsAreDocumented: docs/events.md has the keys of the objects in events.
func TestObjectsAreDocumented(t *testing.T) {
	docs, known := readEventDocs(t), map[string]bool{}
	for title, value := range map[string]any{
		"Snapshot": telemetry.Snapshot{}, "Rates": telemetry.Rates{}, "Device": telemetry.DeviceSnapshot{}, "Worker": telemetry.WorkerRates{},
		"Sensors": telemetry.DeviceSensors{}, "Pool": telemetry.Pool{}, "Shares": telemetry.Shares{}, "Latency": telemetry.Latency{},
		"Totals": telemetry.Totals{}, "Effective": telemetry.Effective{}, "Hardware": telemetry.Hardware{},
		"burn_in_status": report.StressLine{}, "burn_in_verdict": report.Stress{}, "Core": report.StressCore{},
	} {
		known[title] = true
		got := map[string]string{}
		objectKeys(reflect.TypeOf(value), got)
		if want := docs.Parts[title]; !maps.Equal(got, want) {
			t.Errorf("%s has\n%v, documented\n%v", title, got, want)
		}
	}
	for title := range docs.Parts {
		if !known[title] {
			t.Errorf("%s has a table of %s, which no event has", eventDocs, title)
		}
	}
}

// objectKeys collects the keys of a struct in JSON, and their types.
func objectKeys(t reflect.Type, into map[string]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() {
			continue
		}
		if f.Anonymous && name == "" {
			objectKeys(f.Type, into)
			continue
		}
		kind := objectKind(f.Type)
		if options != "" {
			kind += ", may be absent"
		}
		into[name] = kind
	}
}

func objectKind(t reflect.Type) string {
	titles := map[reflect.Type]string{
		reflect.TypeFor[time.Time](): "time", reflect.TypeFor[telemetry.Text](): "text or null", reflect.TypeFor[telemetry.Reading](): "number or null",
		reflect.TypeFor[telemetry.PoolState](): "code", reflect.TypeFor[telemetry.DeviceSnapshot](): "Device", reflect.TypeFor[telemetry.WorkerRates](): "Worker",
		reflect.TypeFor[telemetry.DeviceSensors](): "Sensors", reflect.TypeFor[report.StressCore](): "Core",
	}
	if title, ok := titles[t]; ok {
		return title
	}
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "text"
	case reflect.Map:
		return "object"
	case reflect.Pointer:
		return objectKind(t.Elem()) + " or null"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Float64 {
			return "list or null"
		}
		return "list of " + objectKind(t.Elem())
	case reflect.Struct:
		return t.Name()
	}
	return "number"
}

// TestEventExamples: the example in docs/events.md is an event as documented.
func TestEventExamples(t *testing.T) {
	docs := readEventDocs(t)
	text, err := os.ReadFile(eventDocs)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "{") {
			continue
		}
		n++
		if err := docs.Check([]byte(line)); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		var e struct {
			Event, Msg string
			Schema     int
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Event != event.Name(e.Msg) || e.Schema != event.Schema {
			t.Errorf("%s: %+v, %v", line, e, err)
		}
	}
	if n == 0 {
		t.Error("there is no example")
	}
	for _, wrong := range []string{
		`{}`, `{"event":"share_eaten"}`, `{"level":"info","time":"2026-11-28T04:30:57Z","event":"mining_paused","msg":"mining paused"}`,
		`{"level":"error","time":"2026-11-28T04:30:57Z","event":"mining_paused","msg":"mining paused","schema":1}`,
		`{"level":"info","time":"yesterday","event":"mining_paused","msg":"mining paused","schema":1}`,
		`{"level":"info","time":"2026-11-28T04:30:57Z","event":"mining_paused","msg":"mining paused","schema":1,"schema":1}`,
		`{"level":"info","time":"2026-11-28T04:30:57Z","event":"mining_paused","msg":"mining paused","schema":1,"pool":"x"}`,
		`{"level":"info","time":"2026-11-28T04:30:57Z","event":"difficulty","msg":"difficulty","schema":1,"difficulty":"1"}`,
	} {
		if docs.Check([]byte(wrong)) == nil {
			t.Errorf("%s is taken for a documented event", wrong)
		}
	}
}
