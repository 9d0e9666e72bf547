package transport

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"unicode"

	"quarry/internal/typed"
)

// Schemes of URLs, in the spelling of [URL.String].
const (
	SchemeTCP = "stratum+tcp"
	SchemeTLS = "stratum+ssl"
	SchemeWS  = "stratum+ws"
	SchemeWSS = "stratum+wss"
)

// URL is the address of a server. It holds no secrets and may be logged.
type URL struct {
	Scheme   string // one of the Scheme constants
	Host     string // a name or an IP address, without brackets; IPv6 may have a zone: fe80::1%eth0
	Port     uint16
	Path     string // for WebSocket, else empty
	Fragment string // what followed a #: options for the protocol above
}

const schemesHint = "use stratum+tcp://, stratum+ssl:// (also stratum+tls://, stratum+tcps://), stratum+ws:// or stratum+wss://"

// ParseURL reads the URL of a server. A scheme is optional (plain TCP), a port is not.
func ParseURL(text string) (URL, error) {
	if strings.Contains(text, "@") {
		// Never echoed: the part before the @ may be a password.
		return URL{}, errors.New("url: user and password do not belong in the url: use the user and password settings")
	}
	text = strings.TrimFunc(text, blank)
	u, err := parseURL(text)
	if err == nil {
		return u, nil
	}
	if better := mistyped(text, urlSchemes(), canonicalScheme); better != nil {
		err = better
	}
	return URL{}, fmt.Errorf("url %.100q: %w", text, err)
}

// blank reports whether a character at either end of a URL can be ignored: it
// came along when the URL was copied.
func blank(r rune) bool { return unicode.IsSpace(r) || r == '\u200b' || r == '\ufeff' }

func parseURL(text string) (URL, error) {
	if text == "" {
		return URL{}, errors.New("is empty: give stratum+tcp://host:port")
	}
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		scheme, rest = "", text
	}
	u := URL{}
	var err error
	if u.Scheme, err = canonicalScheme(scheme); err != nil {
		return URL{}, err
	}
	rest, fragment, found := strings.Cut(rest, "#")
	if found && (fragment == "" || strings.ContainsFunc(fragment, unfit)) {
		return URL{}, fmt.Errorf("unexpected %q at the end", "#"+fragment)
	}
	u.Fragment = fragment
	address, path := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		address, path = rest[:i], rest[i:]
	}
	if u.Path, err = u.checkPath(path); err != nil {
		return URL{}, err
	}
	u.Host, u.Port, err = splitAddress(address)
	switch {
	case errors.Is(err, errNoPort):
		return URL{}, fmt.Errorf("%w: %s", err, schemesHint)
	case err != nil:
		return URL{}, err
	}
	return u, nil
}

// unfit reports whether a character has no place in a path or fragment.
func unfit(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }

func canonicalScheme(scheme string) (string, error) {
	switch strings.ToLower(scheme) {
	case "", "tcp", "stratum", SchemeTCP:
		return SchemeTCP, nil
	case "ssl", "tls", SchemeTLS, "stratum+tls", "stratum+tcps":
		return SchemeTLS, nil
	case "ws", SchemeWS:
		return SchemeWS, nil
	case "wss", SchemeWSS:
		return SchemeWSS, nil
	case "http", "https", "stratum+http", "stratum+https":
		return "", errors.New("scheme http is getwork or getblocktemplate, another protocol than Stratum: " + schemesHint)
	case "stratum2+tcp", "stratum+sv2", "stratum2":
		return "", errors.New("version 2 of Stratum is not supported yet: " + schemesHint)
	}
	if likely := typed.Nearest(scheme, urlSchemes()); likely != "" && likely != scheme {
		if _, err := canonicalScheme(likely); err == nil {
			return "", fmt.Errorf("unknown scheme %q, did you mean %s://? %s", scheme, likely, schemesHint)
		}
	}
	return "", fmt.Errorf("unknown scheme %q: %s", scheme, schemesHint)
}

// urlSchemes are all spellings that canonicalScheme has a word for, no one behind
// one that it begins with.
func urlSchemes() []string {
	return []string{
		"stratum+https", "stratum+http", "stratum+tcps", "stratum+tcp", "stratum+tls", "stratum+ssl", "stratum+sv2", "stratum+wss", "stratum+ws",
		"stratum2+tcp", "stratum2", "stratum", "https", "http", "tcp", "ssl", "tls", "wss", "ws",
	}
}

func (u URL) checkPath(path string) (string, error) {
	switch {
	case path == "" || path == "/":
		return "", nil
	case !u.WebSocket():
		return "", fmt.Errorf("unexpected %q after the port: the url ends there, and a user belongs in the user setting", path)
	case strings.ContainsFunc(path, unfit) || path[0] != '/':
		return "", fmt.Errorf("%q is not a path", path)
	}
	return path, nil
}

// TLS reports whether the connection is encrypted.
func (u URL) TLS() bool { return u.Scheme == SchemeTLS || u.Scheme == SchemeWSS }

// WebSocket reports whether messages go over a WebSocket.
func (u URL) WebSocket() bool { return u.Scheme == SchemeWS || u.Scheme == SchemeWSS }

// Address is host:port, as it is dialed.
func (u URL) Address() string {
	return net.JoinHostPort(u.Host, strconv.Itoa(int(u.Port)))
}

// Name is what certificates and web servers call the host: a zone is known to
// this machine only (RFC 6874, section 4).
func (u URL) Name() string {
	name, _, _ := strings.Cut(u.Host, "%")
	return name
}

// Zone is the network interface that the address belongs to, empty if it names none.
func (u URL) Zone() string {
	_, zone, _ := strings.Cut(u.Host, "%")
	return zone
}

// String is the URL in its one canonical spelling.
func (u URL) String() string {
	u.Host = writeZone(u.Host)
	text := u.Scheme + "://" + u.Address() + u.Path
	if u.Fragment != "" {
		text += "#" + u.Fragment
	}
	return text
}
