package transport

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// mistyped returns what is wrong with a text that was refused as a URL, nil if it is
// none of the usual slips. A scheme that begins with another stands before it;
// canonical judges one.
func mistyped(text string, schemes []string, canonical func(string) (string, error)) error {
	if strings.Trim(text, quotes) != text && text != "" {
		return errors.New("has quotation marks that belong to it now: leave them out (env files do not remove them)")
	}
	for _, r := range text {
		switch plain := lookalike(r); {
		case plain != 0:
			return fmt.Errorf("has the character %q (%U) in place of %q", r, r, plain)
		case !unicode.IsPrint(r):
			return fmt.Errorf("has an invisible character in it (%U): leave it out", r)
		}
	}
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' || r == '|' || r == ' ' })
	if len(parts) > 1 && isURL(parts[0]) && isURL(parts[1]) {
		return errors.New("is more than one: give --url again for each, or a [[pool]] in the file")
	}
	for _, scheme := range schemes {
		if len(text) >= len(scheme) && strings.EqualFold(text[:len(scheme)], scheme) {
			if err := mistypedScheme(text[:len(scheme)], text[len(scheme):], canonical); err != nil {
				return err
			}
			break
		}
	}
	if err := unknownScheme(text, canonical); err != nil {
		return err
	}
	if host := strings.TrimLeft(text, `/\`); host != text && isURL(host) {
		return fmt.Errorf("begins with a slash: write %s://%s", SchemeTCP, host)
	}
	right := repaired(text)
	switch {
	case strings.Contains(text, " ") && right != "":
		return fmt.Errorf("has a blank in it: write %s", right)
	case strings.Contains(text, " "):
		return errors.New("has a blank in it: leave it out")
	case right != "":
		return fmt.Errorf("is mistyped: write %s", right)
	}
	return nil
}

// repaired returns the URL that the text becomes when one kind of character is left
// out or replaced by the colon before the port, empty if there is none.
func repaired(text string) string {
	at := strings.Index(text, "://")
	if at >= 0 {
		at += len("://")
	}
	scheme, rest := text[:max(at, 0)], text[max(at, 0):]
	for _, r := range []string{
		strings.ReplaceAll(rest, " ", ""), strings.ReplaceAll(rest, `\`, ""), strings.TrimRight(rest, ":.,;"), strings.ReplaceAll(rest, "::", ":"),
		strings.ReplaceAll(rest, " ", ":"), strings.ReplaceAll(rest, ",", ":"), strings.ReplaceAll(rest, ";", ":"), strings.ReplaceAll(rest, "/", ":"),
	} {
		if r != rest && isURL(scheme+r) {
			return scheme + r
		}
	}
	return ""
}

const quotes = "\"'`“”„‘’«»"

// lookalike returns the ASCII character that this one was meant to be, 0 if it is
// none that input methods and word processors are known to put in place of one.
func lookalike(r rune) rune {
	switch {
	case r >= '\uff01' && r <= '\uff5e': // full width
		return r - '\uff01' + '!'
	case r == '\u2236', r == '\ua789', r == '\ufe55', r == '\u02d0':
		return ':'
	case r == '\u2044', r == '\u2215', r == '\u29f8':
		return '/'
	case r >= '\u2010' && r <= '\u2015', r == '\u2212':
		return '-'
	case r == '\u3002', r == '\u2024':
		return '.'
	}
	return 0
}

// mistypedScheme returns an error if the rest of the text is not "://" and a host.
func mistypedScheme(scheme, rest string, canonical func(string) (string, error)) error {
	host := strings.TrimLeft(rest, `:;/\ `)
	between := rest[:len(rest)-len(host)]
	switch {
	case between == "://" && strings.Contains(host, "://"):
		return errors.New("has two schemes: leave one of them out")
	case strings.Contains(scheme, "+") && strings.Trim(rest, ":/0123456789") == "" && between != "://":
		return fmt.Errorf("needs a host and a port: write %s://HOST:PORT", scheme)
	case between == "", between == "://" && host != "", strings.HasPrefix(rest, "://:"), between == ":" && strings.Trim(host, "0123456789") == "":
		return nil
	}
	if _, err := canonical(scheme); err != nil {
		return err
	}
	if host == "" {
		host = "HOST:PORT"
	}
	if between == ":" {
		return fmt.Errorf(`the // is missing behind "%s:": write %s://%s`, scheme, scheme, host)
	}
	if extra, found := strings.CutPrefix(between, "://"); found {
		return fmt.Errorf("has %q behind the ://: leave it out and write %s://%s", extra, scheme, host)
	}
	return fmt.Errorf("the scheme is to be followed by ://: write %s://%s", scheme, host)
}

// unknownScheme returns an error if the text begins with a scheme that there is not,
// and lacks what is to follow one: else the host is found to have a colon too many.
func unknownScheme(text string, canonical func(string) (string, error)) error {
	const separators = `:;/\ `
	end := strings.IndexAny(text, separators)
	if end <= 0 || strings.Contains(text, "://") || !unicode.IsLetter(rune(text[0])) {
		return nil
	}
	scheme, address := text[:end], strings.TrimLeft(text[end:], separators)
	host, _, _ := strings.Cut(address, ":")
	behind := text[end] == ':' && isURL(address) && strings.Trim(host, "0123456789") != "" // as in pool:3333:user, which has no scheme
	if !strings.Contains(scheme, "+") && (!behind || strings.Contains(scheme, ".")) {
		return nil
	}
	_, err := canonical(scheme)
	return err
}

func isURL(text string) bool {
	_, err := parseURL(text)
	return err == nil
}
