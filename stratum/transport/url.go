package transport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
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
	Scheme string // one of the Scheme constants
	Host   string // a name or an IP address, without brackets
	Port   uint16
	Path   string // for WebSocket, else empty
}

const schemesHint = "use stratum+tcp://, stratum+ssl:// (also stratum+tls://, stratum+tcps://), stratum+ws:// or stratum+wss://"

// ParseURL reads the URL of a server. A scheme is optional (plain TCP), a port is not.
func ParseURL(text string) (URL, error) {
	if strings.Contains(text, "@") {
		// Never echoed: the part before the @ may be a password.
		return URL{}, errors.New("url: user and password do not belong in the url: use the user and password settings")
	}
	u, err := parseURL(text)
	if err != nil {
		return URL{}, fmt.Errorf("url %.100q: %w", text, err)
	}
	return u, nil
}

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
	address, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		address, path = rest[:i], rest[i:]
	}
	if u.Path, err = u.checkPath(path); err != nil {
		return URL{}, err
	}
	if u.Host, u.Port, err = splitAddress(address, schemesHint); err != nil {
		return URL{}, err
	}
	return u, nil
}

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
	case "http", "https":
		return "", errors.New("scheme http is getwork or getblocktemplate, another protocol than Stratum: " + schemesHint)
	case "stratum2+tcp", "stratum+sv2", "stratum2":
		return "", errors.New("version 2 of Stratum is not supported yet: " + schemesHint)
	}
	return "", fmt.Errorf("unknown scheme %q: %s", scheme, schemesHint)
}

func (u URL) checkPath(path string) (string, error) {
	switch {
	case path == "" || path == "/":
		return "", nil
	case !u.WebSocket():
		return "", fmt.Errorf("unexpected %q after the port", path)
	case strings.ContainsAny(path, "# \t\r\n\x00") || path[0] != '/':
		return "", fmt.Errorf("%q is not a path", path)
	}
	return path, nil
}

// splitAddress takes host:port, with brackets around an IPv6 address. The hint
// says what would be right.
func splitAddress(address, hint string) (host string, port uint16, err error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		if strings.Count(address, ":") > 1 && !strings.HasPrefix(address, "[") {
			return "", 0, errors.New("put an IPv6 address in brackets: [::1]:3333")
		}
		return "", 0, errors.New("needs a port, such as :3333 at the end: " + hint)
	}
	n, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("port %q is not between 1 and 65535", portText)
	}
	if err := checkHost(host); err != nil {
		return "", 0, err
	}
	return strings.ToLower(host), uint16(n), nil
}

func checkHost(host string) error {
	if host == "" {
		return errors.New("needs a host before the port")
	}
	if strings.Contains(host, ":") {
		if _, err := netip.ParseAddr(host); err != nil {
			return fmt.Errorf("%q is not an IPv6 address", host)
		}
		return nil
	}
	for _, r := range host {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.', r == '_':
		default:
			return fmt.Errorf("host %q has the character %q: use letters, digits, dots and hyphens (international names in their xn-- form)", host, r)
		}
	}
	if len(host) > 253 {
		return errors.New("host name is longer than 253 characters")
	}
	return nil
}

// TLS reports whether the connection is encrypted.
func (u URL) TLS() bool { return u.Scheme == SchemeTLS || u.Scheme == SchemeWSS }

// WebSocket reports whether messages go over a WebSocket.
func (u URL) WebSocket() bool { return u.Scheme == SchemeWS || u.Scheme == SchemeWSS }

// Address is host:port.
func (u URL) Address() string {
	return net.JoinHostPort(u.Host, strconv.Itoa(int(u.Port)))
}

// String is the URL in its one canonical spelling.
func (u URL) String() string { return u.Scheme + "://" + u.Address() + u.Path }
