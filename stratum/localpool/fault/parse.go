package fault

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"quarry/internal/typed"
)

// setting is one fault that was asked for.
type setting struct {
	kind
	text    string  // as given or by default
	chance  float64 // of percent, 0 to 1
	reason  string
	time    time.Duration // of after, every, span, timespan
	most    time.Duration // of span
	shares  int           // of after; 0: by time
	subject string        // name or method
}

// String returns the setting as it is written.
func (s setting) String() string {
	if s.text == "" || s.subject == everyone {
		return s.name
	}
	return s.name + "=" + s.text
}

// repeatable reports whether several settings of this kind make sense.
func (k kind) repeatable() bool { return k.form == aUser || k.form == aMethod }

// parse reads the values of --fault, each a list of NAME[=VALUE] between commas.
func parse(values []string) ([]setting, error) {
	var all []setting
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			s, err := parseOne(strings.TrimSpace(item))
			if err != nil {
				return nil, err
			}
			for _, other := range all {
				if other.name == s.name && (!s.repeatable() || other.text == s.text) {
					return nil, fmt.Errorf("%s is given twice: give it once", s.name)
				}
			}
			all = append(all, s)
		}
	}
	return all, check(all)
}

func parseOne(item string) (setting, error) {
	given, value, valued := strings.Cut(item, "=")
	given = strings.ToLower(strings.TrimSpace(given))
	value = strings.TrimSpace(value)
	i := slices.IndexFunc(kinds(), func(k kind) bool { return k.name == given })
	if i < 0 {
		return setting{}, unknown(given)
	}
	s := setting{kind: kinds()[i], text: value}
	switch {
	case valued && s.form == none:
		return s, fmt.Errorf("%s takes no value, but was given %q", s.name, value)
	case valued && value == "", !valued && s.standard == "" && s.form != none:
		return s, fmt.Errorf("%s needs a value: %s", s.name, s.example())
	case !valued:
		s.text = s.standard
	}
	if err := s.read(); err != nil {
		return s, fmt.Errorf("%s %q: %w", s.name, s.text, err)
	}
	return s, nil
}

// example is a right value, and what is allowed.
func (k kind) example() string {
	switch k.form {
	case percent:
		return "give a percentage above 0% and up to 100%, such as 10%"
	case reason:
		return "give a percentage above 0% and up to 100%, such as 10%, or with a reason, such as 10%:stale"
	case after:
		return "give a time up to 24h, such as 30s, or a number of shares, such as 5shares"
	case every:
		return "give a time from 10ms to 24h, such as 30s"
	case gap:
		return "give a time from 1ms to 10m, such as 20ms"
	case span:
		return "give a time from 1ms to 10m, such as 500ms, or a range, such as 100ms-2s"
	case timespan:
		return "give a time up to 24h, such as 30s"
	case aMethod:
		return "give one of " + strings.Join(methods(), ", ")
	case aUser:
		return "give the name of a user"
	}
	return "give no value"
}

func (s *setting) read() (err error) {
	switch s.form {
	case percent:
		s.chance, err = s.percentage(s.text)
	case reason:
		number, why, named := strings.Cut(s.text, ":")
		s.reason = why
		if !named {
			s.reason = "other"
		}
		if _, known := reasons()[s.reason]; !known {
			return fmt.Errorf("no reason %q%s there are other, stale, duplicate, low", why, cmp.Or(nearest(why, []string{"other", "stale", "duplicate", "low"}), ";"))
		}
		s.chance, err = s.percentage(number)
	case after:
		if count, ok := strings.CutSuffix(strings.TrimSuffix(s.text, "s"), "share"); ok {
			s.shares, err = strconv.Atoi(strings.TrimRight(count, " -"))
			if err != nil || s.shares < 1 || s.shares > mostShares {
				return fmt.Errorf("give 1 to %d shares, such as 5shares", mostShares)
			}
			return nil
		}
		s.time, err = s.duration(s.text, 0, longest)
	case every:
		s.time, err = s.duration(s.text, shortestEvery, longest)
	case gap:
		s.time, err = s.duration(s.text, time.Millisecond, longestDelay)
	case timespan:
		s.time, err = s.duration(s.text, 0, longest)
	case span:
		return s.readSpan()
	case aUser:
		s.subject = s.text
	case aMethod:
		s.subject = strings.TrimPrefix(s.text, "mining.")
		if !slices.Contains(methods(), s.subject) {
			return fmt.Errorf("no such method%s %s", cmp.Or(nearest(s.subject, methods()), ";"), s.example())
		}
	}
	return err
}

func (s *setting) readSpan() (err error) {
	low, high, ranged := strings.Cut(s.text, "-")
	if s.time, err = s.duration(low, time.Millisecond, longestDelay); err != nil {
		return err
	}
	s.most = s.time
	if ranged {
		if s.most, err = s.duration(high, time.Millisecond, longestDelay); err != nil {
			return err
		}
		if s.most < s.time {
			return errors.New("the range ends before it begins: give the shorter time first")
		}
	}
	return nil
}

func (k kind) percentage(text string) (float64, error) {
	digits, ok := strings.CutSuffix(strings.TrimSpace(text), "%")
	n, err := strconv.ParseFloat(digits, 64)
	switch {
	case err == nil && !ok && n > 0 && n <= 100:
		return 0, fmt.Errorf("did you mean %s%%? %s", digits, k.example())
	case err != nil || !ok || !(n > 0 && n <= 100):
		return 0, errors.New(k.example())
	}
	return n / 100, nil
}

func (k kind) duration(text string, least, most time.Duration) (time.Duration, error) {
	d, likely, ok := typed.Duration(text)
	switch _, err := strconv.Atoi(text); {
	case !ok && err == nil && k.form == after:
		return 0, fmt.Errorf("did you mean %ss or %sshares? %s", text, text, k.example())
	case !ok && likely != "":
		return 0, fmt.Errorf("did you mean %s? %s", likely, k.example())
	case !ok || d < least || d > most:
		return 0, errors.New(k.example())
	}
	return d, nil
}

func unknown(given string) error {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	if given == "" {
		return errors.New("a fault without a name: give NAME or NAME=VALUE, between commas")
	}
	if like := nearest(given, names); like != "" {
		return fmt.Errorf("no fault %q%s", given, like)
	}
	return fmt.Errorf("no fault %q; there are %s", given, strings.Join(names, ", "))
}

// nearest returns "; did you mean X?" where one of the names is like text.
func nearest(text string, names []string) string {
	if like := typed.Nearest(text, names); like != "" {
		return fmt.Sprintf("; did you mean %s?", like)
	}
	return ""
}
