package screen

import (
	"slices"
	"strings"
)

// poolNames are the pools' names on a terminal: as short as they can be told apart.
type poolNames struct {
	byName map[string]string
	alone  bool // there is one: its name is not repeated
}

func newPoolNames(full []string) *poolNames {
	n := &poolNames{byName: make(map[string]string), alone: len(full) == 1}
	for _, shorter := range []func(string) string{hostOf, hostPortOf} {
		var names []string
		for _, name := range full {
			names = append(names, shorter(name))
		}
		if sorted := slices.Compact(slices.Sorted(slices.Values(names))); len(sorted) == len(full) {
			for i, name := range full {
				n.byName[name] = names[i]
			}
			break
		}
	}
	return n
}

// short returns the pool's name in at most so many columns, 0: as many as it needs;
// empty: there is only one.
func (n *poolNames) short(full string, columns int) string {
	if n.alone {
		return ""
	}
	name, known := n.byName[full]
	if !known {
		name = full
	}
	if columns > 0 {
		name = shorten(clean(name), columns)
	}
	return name
}

func hostPortOf(url string) string {
	if _, rest, ok := strings.Cut(url, "://"); ok {
		url = rest
	}
	host, _, _ := strings.Cut(url, "/")
	return host
}

func hostOf(url string) string {
	host := hostPortOf(url)
	if colon := strings.LastIndexByte(host, ':'); colon > 0 {
		host = host[:colon]
	}
	return host
}
