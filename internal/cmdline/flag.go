package cmdline

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"quarry/internal/typed"
)

// Choice is a flag with a few possible values, which help and completion show.
type Choice struct {
	cli.Flag
	Words []string
	// Loose leaves it to the command to refuse other values.
	Loose bool
}

// chosen returns the flag without what surrounds it, and its possible values.
func chosen(f cli.Flag) (inner cli.Flag, words []string, strict bool) {
	type wrapper interface{ Unwrap() cli.Flag }
	for {
		switch outer := f.(type) {
		case *Choice:
			f, words, strict = outer.Flag, outer.Words, !outer.Loose
		case wrapper:
			f = outer.Unwrap()
		default:
			return f, words, strict
		}
	}
}

// Formats is the flag --format of a command that prints these forms, the first
// by default.
func Formats(category string, words ...string) cli.Flag {
	return &Choice{Words: words, Flag: &cli.StringFlag{Name: "format", Category: category, Value: words[0], Usage: "print in this `FORMAT`"}}
}

func takesValue(f cli.Flag) bool {
	inner, _, _ := chosen(f)
	d, ok := inner.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}

// value checks the text of a flag whose type the library knows, and returns it
// in the library's form. The problem is "" when there is none.
func value(f cli.Flag, text string) (canonical, problem string) {
	inner, words, strict := chosen(f)
	if slices.Contains(f.Names(), "format") {
		text = plainFormat(words, text)
	}
	if strict {
		return text, choiceProblem(words, text)
	}
	switch inner.(type) {
	case *cli.BoolFlag:
		if _, err := strconv.ParseBool(text); err != nil {
			return text, fmt.Sprintf("%.40q: want true or false", text)
		}
	case *cli.DurationFlag:
		d, likely, ok := typed.Duration(text)
		if !ok {
			return text, fmt.Sprintf("%.40q: want a time, like 90s, 1h30m or 1d%s", text, didYouMean(likely))
		}
		return d.String(), ""
	case *cli.IntFlag:
		if _, err := strconv.Atoi(text); err != nil {
			return text, fmt.Sprintf("%.40q: want a whole number", text)
		}
	case *cli.Uint64Flag:
		if _, err := strconv.ParseUint(text, 0, 64); err != nil {
			return text, fmt.Sprintf("%.40q: want a whole number of 0 or more", text)
		}
	case *cli.Float64Flag:
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return text, fmt.Sprintf("%.40q: want a number", text)
		}
	}
	return text, ""
}

// plainFormat returns the name that a command has for its text, which others
// call text or table.
func plainFormat(words []string, text string) string {
	if slices.Contains(words, text) || text != "text" && text != "table" {
		return text
	}
	for _, word := range words {
		if slices.Contains([]string{"text", "table", "toml"}, word) {
			return word
		}
	}
	return text
}

func choiceProblem(words []string, text string) string {
	for _, word := range words {
		if word == text {
			return ""
		}
	}
	return fmt.Sprintf("%.40q: want %s%s", text, oneOf(words), didYouMean(typed.Nearest(text, words)))
}

// didYouMean returns the end of a fault; nothing if there is no suggestion.
func didYouMean(likely string) string {
	if likely == "" {
		return ""
	}
	return "; did you mean " + likely + "?"
}

// doc is what the help says of a flag.
type doc struct {
	category string
	names    string // "-o, --url"
	value    string // the name of its value, "URL", or ""
	text     string
	hidden   bool
	file     bool // its value is a file
}

func docOf(f cli.Flag) doc {
	inner, words, _ := chosen(f)
	var d doc
	if v, ok := inner.(cli.VisibleFlag); ok {
		d.hidden = !v.IsVisible()
	}
	if c, ok := inner.(cli.CategorizableFlag); ok {
		d.category = c.GetCategory()
	}
	short, long := "    ", ""
	for _, name := range f.Names() {
		switch {
		case len(name) == 1:
			short = "-" + name + ", "
		case long == "": // other long names are accepted, and not shown
			long = "--" + name
		}
	}
	d.names = short + long
	g, ok := inner.(cli.DocGenerationFlag)
	if !ok {
		return d
	}
	d.value, d.text = unquoted(g.GetUsage())
	if named, ok := f.(interface{ ValueName() string }); ok {
		d.value = named.ValueName()
	}
	switch s := inner.(type) {
	case *cli.StringFlag:
		d.file = s.TakesFile
	case *cli.GenericFlag:
		d.file = s.TakesFile
	}
	if !g.TakesValue() {
		d.value = ""
		return d
	}
	var notes []string
	if len(words) > 0 {
		notes = append(notes, oneOf(words))
	}
	if standard := strings.Trim(g.GetDefaultText(), `"`); standard != "" && standard != "0" && standard != "0s" {
		if duration, _, isTime := typed.Duration(standard); isTime && strings.HasSuffix(standard, "s") {
			standard = typed.FormatDuration(duration)
		}
		notes = append(notes, "default: "+standard)
	}
	if len(notes) > 0 {
		d.text += " (" + strings.Join(notes, "; ") + ")"
	}
	return d
}

// unquoted returns the word in backquotes, and the text without them.
func unquoted(usage string) (word, text string) {
	before, rest, found := strings.Cut(usage, "`")
	if !found {
		return "VALUE", usage
	}
	word, after, _ := strings.Cut(rest, "`")
	return word, before + word + after
}
