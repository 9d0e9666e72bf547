package stdio

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

// full is a disk with room for that many writes.
type full struct{ room int }

func (f *full) Write(p []byte) (int, error) {
	if f.room--; f.room < 0 {
		return 0, &fs.PathError{Op: "write", Path: "/dev/stdout", Err: fmt.Errorf("full for the %d. time", -f.room)}
	}
	return len(p), nil
}

// TestFailure: the first failure counts, whatever the command makes of it, and no
// failure changes nothing.
func TestFailure(t *testing.T) {
	for room, want := range map[int]string{0: "standard output cannot be written: full for the 1. time", 2: "standard output cannot be written: full for the 1. time", 9: ""} {
		w, o := Watch(&full{room})
		var err error
		for range 4 {
			if _, e := fmt.Fprint(w, "text"); err == nil {
				err = e
			}
		}
		for _, command := range []error{nil, err, fmt.Errorf("printing: %w", err)} {
			if err == nil && command != nil {
				continue
			}
			if got := o.Failure(command); fmt.Sprint(got) != want && !(want == "" && got == nil) {
				t.Errorf("room for %d, command %v: %v, want %q", room, command, got, want)
			}
		}
		other := errors.New("no pool works")
		if got := o.Failure(other); (got != nil) != (want != "") || got != nil && got.Error() != "no pool works; "+want {
			t.Errorf("room for %d, with another error: %v", room, got)
		}
	}
}

// TestUnwatched: messages go to the writer itself.
func TestUnwatched(t *testing.T) {
	buffer := &bytes.Buffer{}
	if w, _ := Watch(buffer); Unwatched(w) != buffer || Unwatched(buffer) != buffer || w == buffer {
		t.Error("not the writer given")
	}
}
