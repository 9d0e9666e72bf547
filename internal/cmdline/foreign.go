package cmdline

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"

	"quarry/internal/typed"
)

// foreign is a flag of other miners, as in the help of cpuminer, cpuminer-opt,
// xmrig, cgminer and bfgminer.
type foreign struct {
	names string // separated by blanks; one may end in * for any rest
	value bool   // it takes a value
	// ours returns our flags that mean exactly the same, none if quarry does so
	// anyway; ok is false if the value has no equal here. It may be nil.
	ours func(value string) (flags []string, ok bool)
	// answer says what to do instead.
	answer string
	// reply is the answer where it depends on the value.
	reply func(value string) string
}

// foreignFlag returns the entry for a command that has no such flag, or nil.
func foreignFlag(n node, name string) *foreign {
	if name == "" {
		return nil
	}
	var table []foreign
	if _, isMiner := n.flag("url"); isMiner {
		table = minerFlags()
	} else if _, isPool := n.flag("listen"); isPool {
		table = poolFlags()
	}
	if _, prints := n.flag("format"); prints {
		table = append(table, foreign{names: "json", answer: "give --format json"})
	}
	for i, f := range table {
		for known := range strings.FieldsSeq(f.names) {
			stem, open := strings.CutSuffix(known, "*")
			if name == known || open && strings.HasPrefix(name, stem) {
				return &table[i]
			}
		}
	}
	return nil
}

// foreign translates another miner's flag or answers with ours.
func (l *line) foreign(n node, f *foreign, t token) {
	if f.value && !t.hasValue {
		l.fault("%s needs a value, and is not a flag of %s%s", t.typed, n.name, f.text(""))
		return
	}
	if f.ours != nil {
		if flags, ok := f.ours(t.value); ok {
			l.flags = append(l.flags, flags...)
			return
		}
	}
	l.fault("%s is not a flag of %s%s", t.typed, n.name, f.text(t.value))
}

func (f *foreign) text(value string) string {
	answer := f.answer
	if f.reply != nil && value != "" {
		answer = f.reply(value)
	}
	if answer == "" {
		return ""
	}
	return ": " + answer
}

// as returns the same value under our name.
func as(name string) func(string) ([]string, bool) {
	return func(value string) ([]string, bool) { return []string{"--" + name + "=" + value}, true }
}

// always returns one flag of ours.
func always(flags ...string) func(string) ([]string, bool) {
	return func(string) ([]string, bool) { return flags, true }
}

// only drops the flag if its value is one of those, because quarry does so anyway.
func only(values ...string) func(string) ([]string, bool) {
	return func(value string) ([]string, bool) { return nil, slices.Contains(values, strings.ToLower(value)) }
}

// seconds returns a whole number above 0 as a time under our name.
func seconds(name string) func(string) ([]string, bool) {
	return func(value string) ([]string, bool) {
		n, err := strconv.ParseUint(value, 10, 32)
		return []string{"--" + name + "=" + value + "s"}, err == nil && n > 0
	}
}

// file returns the log file's name. A number is cgminer's interval.
func file(value string) ([]string, bool) {
	_, err := strconv.Atoi(value)
	return []string{"--log-file=" + value}, err != nil
}

// login splits user:password at the first colon, as cpuminer does.
func login(value string) ([]string, bool) {
	user, password, found := strings.Cut(value, ":")
	return []string{"--user=" + user, "--pass=" + password}, found
}

// cpusOfMask returns the CPU list of a bit mask, 0x3 or 3.
func cpusOfMask(value string) string {
	mask, err := strconv.ParseUint(value, 0, 64)
	if err != nil || mask == 0 {
		return "name CPUs with --cpus 0-3,8"
	}
	var list []string
	for mask != 0 {
		first := bits.TrailingZeros64(mask)
		length := bits.TrailingZeros64(^(mask >> first))
		item := strconv.Itoa(first)
		if length > 1 {
			item += "-" + strconv.Itoa(first+length-1)
		}
		list = append(list, item)
		mask &^= (1<<length - 1) << first
	}
	return "one thread on each CPU of the mask is --cpus " + strings.Join(list, ",")
}

// priorityOf answers --cpu-priority, 0 (idle) to 5.
func priorityOf(value string) string {
	switch value {
	case "0":
		return "give --priority idle"
	case "1":
		return "give --priority low"
	}
	return "give --priority normal; quarry does not go above it"
}

// minutes answers cgminer's --rotate.
func minutes(value string) string {
	if d, _, ok := typed.Duration(value + "m"); ok && d > 0 {
		return fmt.Sprintf("give --strategy round-robin --turn %s", typed.FormatDuration(d.Round(time.Second)))
	}
	return "give --strategy round-robin --turn 10m"
}
