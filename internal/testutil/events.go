package testutil

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// EventDocs is what docs/events.md promises.
type EventDocs struct {
	Events map[string]EventDoc
	Keys   map[string]string            // their types
	Codes  map[string]bool              // of phrases
	Parts  map[string]map[string]string // types of the keys of objects, by the object's title
}

// EventDoc is an event's line in it.
type EventDoc struct {
	Levels, Keys []string
	Section      string
}

// ReadEventDocs reads the tables of docs/events.md.
func ReadEventDocs(file string) (*EventDocs, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	d := &EventDocs{Events: map[string]EventDoc{}, Keys: map[string]string{}, Codes: map[string]bool{}, Parts: map[string]map[string]string{}}
	chapter, section := "", ""
	for line := range strings.Lines(string(text)) {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			chapter, section = strings.TrimSpace(title), ""
		} else if title, ok := strings.CutPrefix(line, "### "); ok {
			section = strings.TrimSpace(title)
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		name := strings.Trim(cells[0], " `")
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		switch chapter {
		case "Events":
			if _, twice := d.Events[name]; twice || len(cells) != 4 {
				return nil, fmt.Errorf("%s: the line of %s: it is there twice, or has not four columns", file, name)
			}
			keys := strings.FieldsFunc(cells[3], func(r rune) bool { return strings.ContainsRune("`, ", r) })
			d.Events[name] = EventDoc{Levels: strings.Split(cells[1], ", "), Keys: keys, Section: section}
		case "Keys":
			d.Keys[name] = cells[1]
		case "Codes":
			d.Codes[name] = true
		case "Snapshot", "Burn-in":
			if d.Parts[section] == nil {
				d.Parts[section] = map[string]string{}
			}
			d.Parts[section][name] = cells[1]
		}
	}
	return d, nil
}

// Check returns what an event does that is not documented, nil if it is all right.
func (d *EventDocs) Check(line []byte) error {
	var e map[string]any
	if err := json.Unmarshal(line, &e); err != nil {
		return err
	}
	if twice := repeated(line); twice != "" {
		return fmt.Errorf("the key %s is there twice", twice)
	}
	name, _ := e["event"].(string)
	doc, known := d.Events[name]
	if !known {
		return fmt.Errorf("event %q is not documented", name)
	}
	for key, value := range e {
		of, ok := map[string]string{"level": "code", "time": "time", "event": "code", "msg": "text", "schema": "number"}[key]
		if !ok {
			if of = d.Keys[key]; !slices.Contains(doc.Keys, key) {
				return fmt.Errorf("event %s has the key %s, which is not documented", name, key)
			}
		}
		if !fits(of, value) {
			return fmt.Errorf("event %s: %s is %v, want a %s", name, key, value, of)
		}
	}
	for _, key := range []string{"level", "time", "msg", "schema"} {
		if e[key] == nil {
			return fmt.Errorf("event %s is without %s", name, key)
		}
	}
	if level := e["level"].(string); !slices.Contains(doc.Levels, level) {
		return fmt.Errorf("event %s at level %s is not documented", name, level)
	}
	return nil
}

// fits reports whether a JSON value is of the type that the documents name.
func fits(of string, value any) bool {
	switch v := value.(type) {
	case float64:
		return of == "number"
	case bool:
		return of == "boolean"
	case []any:
		return of == "list"
	case map[string]any:
		return of == "object"
	case string:
		switch of {
		case "time":
			_, err := time.Parse(time.RFC3339Nano, v)
			return err == nil
		case "code":
			return v != "" && !strings.ContainsFunc(v, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9') })
		}
		return of == "text"
	}
	return false
}

// repeated returns a key that an object has twice.
func repeated(line []byte) string {
	decoder := json.NewDecoder(bytes.NewReader(line))
	seen, depth, key := map[string]bool{}, 0, true
	for {
		token, err := decoder.Token()
		if err != nil {
			return ""
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		default:
			if depth == 1 && key {
				name := token.(string)
				if seen[name] {
					return name
				}
				seen[name], key = true, false
				continue
			}
		}
		key = depth == 1
	}
}
