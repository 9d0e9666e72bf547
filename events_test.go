package quarry

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestEventsDump(t *testing.T) {
	events := scanEvents(t)
	for _, name := range slices.Sorted(maps.Keys(events)) {
		e := events[name]
		var keys []string
		for _, k := range slices.Sorted(maps.Keys(e.keys)) {
			keys = append(keys, k+":"+e.keys[k])
		}
		fmt.Println(name, slices.Sorted(maps.Keys(e.levels)), strings.Join(keys, " "), e.at.String()[len("/tmp/wt/events/"):])
	}
}
