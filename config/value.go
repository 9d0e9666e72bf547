package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"quarry/internal/typed"
)

// layer is where a value comes from; a later layer wins.
type layer int

const (
	layerDefault layer = iota
	layerFile
	layerEnv
	layerFlag
)

func (l layer) String() string { return [...]string{"default", "file", "env", "flag"}[l] }

// Origin says where an effective value came from.
type Origin struct {
	Kind  string `json:"kind"`            // "default", "file", "env" or "flag"
	Where string `json:"where,omitempty"` // "rig.toml:12:3", "QUARRY_USER", "--user"; "" for a default
}

// String returns the origin for people: "rig.toml:12:3", or "default".
func (o Origin) String() string {
	if o.Where == "" {
		return o.Kind
	}
	return o.Where
}

// value is one setting's value: its canonical text and the typed form of it
// that the kind has.
type value struct {
	text string
	num  int64 // Int; Duration in nanoseconds
	yes  bool
	cpus CPUList
}

// item is a value together with where it came from.
type item struct {
	value
	at     place // of the value, for faults
	origin Origin
	bad    bool // it was set, but wrongly: a fault says so already
	shared bool // one value given for several entries
}

// given reports whether the value is not a default.
func (it item) given() bool { return it.at.layer != layerDefault }

// orDefault returns a time, or the default if it is 0.
func (it item) orDefault(standard time.Duration) time.Duration {
	return cmp.Or(time.Duration(it.num), standard)
}

// maxText bounds a text setting, in bytes.
const maxText = 4096

// parse reads the text form of a setting. The problem it returns is "" when
// there is none; it never contains a secret.
func parse(s Setting, text string) (v value, problem string) {
	v.text = text
	if problem := unprintable(text); problem != "" {
		return v, problem
	}
	if s.trimmed() {
		text = strings.TrimSpace(text)
		v.text = text
	}
	wrong := ""
	switch s.Kind {
	case Int:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < s.Min || n > s.Max {
			wrong = quote(text) + " is not allowed"
		}
		v.num, v.text = n, strconv.FormatInt(n, 10)
	case Bool:
		yes, known := parseBool(text)
		if !known {
			wrong = quote(text) + " is not allowed"
		}
		v.yes, v.text = yes, strconv.FormatBool(yes)
	case Duration:
		if s.Auto && strings.EqualFold(text, "auto") {
			return value{text: "auto"}, ""
		}
		d, _, ok := typed.Duration(text)
		if !ok || (d != 0 && (int64(d) < s.Min || int64(d) > s.Max)) {
			wrong = quote(text) + " is not allowed"
		}
		v.num, v.text = int64(d), typed.FormatDuration(d)
		if s.Auto && d == 0 {
			v.text = "auto"
		}
	case Decimal:
		if text != "" && !isDecimal(text) && !slices.Contains(s.Allowed, text) {
			wrong = quote(text) + " is not allowed"
		}
	case CPUs:
		list, err := ParseCPUList(text)
		if err != nil {
			wrong = err.Error()
		}
		v.cpus, v.text = list, list.String()
	case Enum:
		if !slices.Contains(s.Allowed, text) {
			wrong = quote(text) + " is not allowed"
		}
	}
	return v, wrong
}

// trimmed reports whether blanks around the value are nothing but a slip of
// copying. In a name or a password they may be meant.
func (s Setting) trimmed() bool {
	return s.LoginKeys != "" || s.Kind != String && s.Kind != Path && s.Kind != SecretText
}

// unprintable describes what makes text unfit for a log line or a protocol line,
// without showing it.
func unprintable(text string) string {
	switch {
	case len(text) > maxText:
		return fmt.Sprintf("is longer than %d bytes", maxText)
	case !utf8.ValidString(text):
		return "is not UTF-8 text"
	}
	for _, r := range text {
		if r < ' ' || (r >= 0x7f && r < 0xa0) {
			return "holds a control character"
		}
	}
	return ""
}

func parseBool(text string) (yes, known bool) {
	switch strings.ToLower(text) {
	case "true", "yes", "on", "1":
		return true, true
	case "false", "no", "off", "0":
		return false, true
	}
	return false, false
}

// isDecimal reports whether text is digits with at most one point between
// them, above zero, and short enough for exact arithmetic to stay cheap.
func isDecimal(text string) bool {
	if len(text) > 40 {
		return false
	}
	whole, fraction, pointed := strings.Cut(text, ".")
	if whole == "" || (pointed && fraction == "") {
		return false
	}
	digits := whole + fraction
	return strings.Trim(digits, "0123456789") == "" && strings.Trim(digits, "0") != ""
}

// checker turns text into items: the kind's own rules first, then the check
// passed in for the setting.
type checker struct {
	in     Input
	schema *schema
	*collector
}

// item checks the text of a setting given at a place.
func (c checker) item(s Setting, text string, at place, origin Origin) item {
	it := item{at: at, origin: origin}
	v, problem := parse(s, text)
	if s.Kind == Path && problem == "" && !slices.Contains(s.Allowed, text) {
		v.text, problem = filePath(text, at)
	}
	it.value = v
	if problem != "" {
		fault := at.fault(s.Name(), problem)
		fault.Expected = s.expected(at.layer == layerFile)
		switch s.Kind {
		case Enum:
			fault.Nearest = typed.Nearest(text, s.Allowed)
		case Duration:
			_, fault.Nearest, _ = typed.Duration(text)
		}
		c.add(fault)
		it.bad = true
		return it
	}
	if problem := c.foreignProblem(s, it.text); problem != "" {
		c.add(at.fault(s.Name(), problem))
		it.bad = true
	}
	return it
}

// foreignProblem runs the check passed in for a setting, on its canonical
// text. Secrets are never handed out, and a URL with credentials in it is
// refused here, before a check could repeat it in its error.
func (c checker) foreignProblem(s Setting, text string) string {
	if text == "" || s.Kind == SecretText || s.Kind == Path {
		return ""
	}
	if problem := credentials(s, text); problem != "" {
		return problem
	}
	check := c.in.Checks[s.Name()]
	if check == nil {
		return ""
	}
	if err := check(text); err != nil {
		return err.Error()
	}
	return ""
}

// checkPath runs the check passed in for a setting that names a file.
func (c checker) checkPath(name string, file item) {
	check := c.in.Checks[name]
	if check == nil || file.bad || file.text == "" {
		return
	}
	if err := check(file.text); err != nil {
		c.add(file.at.fault(name, err.Error()))
	}
}

// credentials refuses a URL with an @ in its authority part.
func credentials(s Setting, url string) string {
	_, rest, found := strings.Cut(url, "://")
	if !found {
		rest = url
	}
	if s.LoginKeys != "" && strings.Contains(rest, "@") {
		return "user and password do not go into the url; give them with " + s.LoginKeys
	}
	return ""
}
