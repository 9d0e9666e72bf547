package transport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

var errNoPort = errors.New("needs a port")

// splitAddress takes host:port, with brackets around an IPv6 address.
func splitAddress(address string) (host string, port uint16, err error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, addressFault(address)
	}
	if host, err = canonicalHost(host); err != nil {
		return "", 0, err
	}
	if portText == "" {
		return "", 0, addressFault(strings.TrimSuffix(address, ":"))
	}
	n, err := strconv.ParseUint(portText, 10, 16)
	switch {
	case errors.Is(err, strconv.ErrSyntax):
		return "", 0, fmt.Errorf("port %q is not a number: give one between 1 and 65535", portText)
	case err != nil || n == 0:
		return "", 0, fmt.Errorf("port %q is not between 1 and 65535", portText)
	}
	return host, uint16(n), nil
}

// addressFault returns why an address cannot be taken apart into host and port.
func addressFault(address string) error {
	inner, bracketed := strings.CutPrefix(strings.TrimSuffix(address, "]"), "[")
	bracketed = bracketed && strings.HasSuffix(address, "]")
	cut := max(0, strings.LastIndexByte(address, ':'))
	first, last := address[:cut], address[cut:]
	switch host, err := canonicalHost(inner); {
	case isIPv6(first) && last != ":":
		return fmt.Errorf("put the IPv6 address in brackets: [%s]%s", first, last)
	case err == nil && (bracketed || !strings.Contains(address, "[")):
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return fmt.Errorf("%w, such as %s:3333", errNoPort, host)
	case strings.Contains(address, "["), strings.Contains(address, "::"):
		return errors.New("put an IPv6 address in brackets, and the port behind them: [::1]:3333")
	case strings.Count(address, ":") < 2:
		return fmt.Errorf("%w, such as :3333 at the end", errNoPort)
	}
	return errors.New("has too many colons: want host:port, and nothing behind it")
}

func isIPv6(host string) bool {
	_, err := canonicalIPv6(host)
	return err == nil && strings.Contains(host, ":")
}

// canonicalHost checks a name or an IP address and returns it in its canonical
// spelling. The zone of an IPv6 address stays as it is.
func canonicalHost(host string) (string, error) {
	switch {
	case host == "":
		return "", errors.New("needs a host before the port")
	case strings.Contains(host, ":"):
		return canonicalIPv6(host)
	case strings.Contains(host, "%"):
		return "", fmt.Errorf("host %q has the character '%%': only an IPv6 address has a zone behind it, [fe80::1%%eth0]", host)
	case len(host) > 253:
		return "", errors.New("host name is longer than 253 characters")
	}
	for _, r := range host {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.', r == '_':
		default:
			return "", fmt.Errorf("host %q has the character %q: use letters, digits, dots and hyphens (international names in their xn-- form)", host, r)
		}
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 {
			return "", fmt.Errorf("host %q is not a name: between its dots are 1 to 63 characters", host)
		}
	}
	// No top-level domain is a number, so it was meant to be an address (RFC 1123).
	if strings.Trim(labels[len(labels)-1], "0123456789") == "" && len(labels) > 1 {
		if _, err := netip.ParseAddr(host); err != nil {
			return "", fmt.Errorf("%q is not an IPv4 address: want four numbers from 0 to 255, without leading zeros", host)
		}
	}
	return strings.ToLower(host), nil
}

func canonicalIPv6(host string) (string, error) {
	address, zone, zoned := strings.Cut(host, "%")
	a, err := netip.ParseAddr(address)
	switch {
	case err != nil:
		return "", fmt.Errorf("%q is not an IPv6 address", address)
	case !zoned:
		return a.String(), nil
	case a.Is4In6():
		return "", fmt.Errorf("%q is an IPv4 address in disguise, which has no zone", address)
	}
	if zone, err = readZone(zone); err != nil {
		return "", err
	}
	return a.WithZone(zone).String(), nil
}

// readZone reads what follows an address and its %: the network interface by its
// name or number, as in RFC 4007 and on the command line, or escaped behind a
// further "25", as in URLs (RFC 6874).
func readZone(text string) (zone string, err error) {
	zone = text
	if escaped, found := strings.CutPrefix(text, "25"); found && escaped != "" {
		if zone, err = url.PathUnescape(escaped); err != nil {
			return "", fmt.Errorf("zone %q is badly escaped: write it as it is, [fe80::1%%eth0]", text)
		}
	}
	unfit := func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune(`%/\?#[]@`, r) }
	switch {
	case zone == "":
		return "", errors.New("has no zone behind the %: name the network interface, [fe80::1%eth0]")
	case strings.ContainsFunc(zone, unfit), len(zone) > 253:
		return "", fmt.Errorf("zone %q is not the name or number of a network interface", zone)
	}
	return zone, nil
}

// writeZone returns a host as it stands in a URL, so that reading it gives the
// same again: as it is, because that is what people and tools write (RFC 9844),
// unless its zone looks escaped.
func writeZone(host string) string {
	if address, zone, _ := strings.Cut(host, "%"); strings.HasPrefix(zone, "25") && zone != "25" {
		return address + "%25" + url.PathEscape(zone)
	}
	return host
}
