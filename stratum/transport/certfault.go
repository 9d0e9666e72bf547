package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// IsAddress reports whether a host is an IP address and not a name.
func IsAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// certificate is one that was refused.
type certificate struct {
	options TLSOptions
	url     URL
	chain   []*x509.Certificate // as the server sent it; the first one is its own
	pin     string              // --tls-pin and its value
	now     time.Time
	roots   *x509.CertPool // nil: the system's

	rootless bool // this machine knows no authority at all
}

// certificateFault explains why a certificate was refused. Pinning it is a way out
// of all of these faults, for those who know that it is the pool's.
func (d *Dialer) certificateFault(err *tls.CertificateVerificationError) error {
	c := certificate{options: d.options, url: d.URL, chain: err.UnverifiedCertificates, now: time.Now()}
	if c.options.CAFile == "" {
		roots, err := x509.SystemCertPool()
		c.rootless = err != nil || roots.Equal(x509.NewCertPool())
	} else if roots, err := loadCA(c.options.CAFile); err == nil {
		c.roots = roots
	}
	sum := pinText(leafSum(tls.ConnectionState{PeerCertificates: c.chain}))
	c.pin = "--tls-pin " + sum
	if d.options.CAFile != "" {
		c.pin += " in place of --tls-ca"
	}
	f := c.explain(err.Err)
	f.Pin, f.Err = sum, fmt.Errorf("%w: %w", ErrCertificate, err)
	return f
}

func (c certificate) fault(err error) *Fault {
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var extension x509.UnhandledCriticalExtension
	var roots x509.SystemRootsError
	operator := "tell the pool's operator; " + c.ifConfirmed()
	switch {
	case errors.As(err, &invalid):
		return c.invalid(invalid)
	case errors.As(err, &host):
		return c.wrongName(host.Certificate)
	case errors.As(err, &roots):
		return c.noRoots()
	case errors.As(err, &unknown):
		return c.unknown(unknown)
	case errors.As(err, &extension):
		return &Fault{Code: "certificate_unknown_extension", What: "the server's certificate has a critical extension that quarry does not know", Remedy: operator}
	}
	return &Fault{Code: "certificate_invalid", What: fmt.Sprintf("the server's certificate was not accepted (%.150q)", strings.TrimPrefix(err.Error(), "x509: ")), Remedy: operator}
}

// invalid explains faults in a certificate itself, the server's or one above it.
func (c certificate) invalid(err x509.CertificateInvalidError) *Fault {
	which := c.which(err.Cert)
	operator := "tell the pool's operator; " + c.ifConfirmed()
	switch err.Reason {
	case x509.Expired:
		return c.dates(err.Cert, which)
	case x509.TooManyIntermediates:
		return &Fault{Code: "certificate_chain_too_long", What: which + " stands under more authorities than allowed", Remedy: operator}
	case x509.IncompatibleUsage, x509.CANotAuthorizedForExtKeyUsage:
		return &Fault{Code: "certificate_wrong_usage", What: which + " is not meant for servers (its extended key usage)", Remedy: operator}
	case x509.CANotAuthorizedForThisName, x509.NameConstraintsWithoutSANs, x509.UnconstrainedName, x509.TooManyConstraints:
		return &Fault{Code: "certificate_name_not_allowed", What: fmt.Sprintf("an authority of the server's certificate may not issue one for %q", c.url.Name()), Remedy: operator}
	case x509.NotAuthorizedToSign, x509.NameMismatch:
		return c.badIssuer(which)
	}
	return &Fault{Code: "certificate_invalid", What: fmt.Sprintf("%s was not accepted (%.150q)", which, strings.TrimPrefix(err.Error(), "x509: ")), Remedy: operator}
}

func (c certificate) badIssuer(which string) *Fault {
	return &Fault{
		Code: "certificate_bad_issuer", What: which + " is signed by a certificate that may not sign others",
		Remedy: "tell the pool's operator; " + c.ifConfirmed(),
	}
}

// which names a certificate in a sentence.
func (c certificate) which(cert *x509.Certificate) string {
	switch {
	case cert == nil, cert.Equal(c.chain[0]):
		return "the server's certificate"
	case !c.sent(cert) && c.options.CAFile != "":
		return fmt.Sprintf("the certificate of %s in %.100q, above the server's,", title(cert), c.options.CAFile)
	}
	return fmt.Sprintf("the certificate of %s, above the server's,", title(cert))
}

func (c certificate) sent(cert *x509.Certificate) bool {
	for _, known := range c.chain {
		if known.Equal(cert) {
			return true
		}
	}
	return false
}

// title is whom a certificate is for, safe to print.
func title(cert *x509.Certificate) string {
	return name(cert.Subject.CommonName, cert.Subject.String())
}

func name(common, full string) string {
	if common == "" {
		common = full
	}
	return fmt.Sprintf("%.80q", common)
}

const setClock = "set this machine's clock, which is wrong (timedatectl set-ntp true)"

// clockIsWrong reports whether the time is before this program was made.
func (c certificate) clockIsWrong() bool { return c.now.Year() < 2026 }

// dates explains a certificate that is not valid at this time, by this machine's
// clock: that one may be wrong.
func (c certificate) dates(cert *x509.Certificate, which string) *Fault {
	const minutes = "2006-01-02 15:04 MST"
	clock := "this machine's clock says " + c.now.UTC().Format(minutes)
	if c.now.Before(cert.NotBefore) {
		f := &Fault{
			Code: "certificate_not_yet_valid", What: fmt.Sprintf("%s is valid only from %s on, and %s", which, cert.NotBefore.UTC().Format(minutes), clock),
			Remedy: "set the clock if it is wrong; else wait; " + c.ifConfirmed(),
		}
		if c.clockIsWrong() {
			f.Remedy = setClock
		}
		return f
	}
	f := &Fault{
		Code: "certificate_expired", What: fmt.Sprintf("%s expired on %s, and %s", which, cert.NotAfter.UTC().Format(minutes), clock),
		Remedy: "if the clock is right, tell the pool's operator to renew it; " + c.ifConfirmed(),
	}
	if !c.sent(cert) && c.options.CAFile != "" {
		f.Remedy = "if the clock is right, put the authority's new certificate into that file; " + c.ifConfirmed()
	}
	return f
}

// wrongName explains a certificate that is for other hosts.
func (c certificate) wrongName(cert *x509.Certificate) *Fault {
	host := c.url.Name()
	var names []string
	for _, n := range cert.DNSNames {
		names = append(names, fmt.Sprintf("%.80q", n))
	}
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	const shown = 3
	if more := len(names) - shown; more > 0 {
		names = append(names[:shown], fmt.Sprintf("%d more", more))
	}
	orPin := "; " + c.ifConfirmed()
	switch {
	case len(names) == 0:
		return &Fault{
			Code: "certificate_no_names", What: fmt.Sprintf("the server's certificate (of %s) is for no host: it has no subject alternative names", title(cert)),
			Remedy: "its operator must issue it again with them" + orPin,
		}
	case IsAddress(host) && len(cert.DNSNames) > 0:
		return &Fault{
			Code: "certificate_no_address", What: fmt.Sprintf("the server's certificate is for %s, not for the address %s", strings.Join(names, ", "), host),
			Remedy: "use the pool's name in the url" + orPin,
		}
	}
	return &Fault{
		Code: "certificate_wrong_name", What: fmt.Sprintf("the server's certificate is for %s, not for %s", strings.Join(names, ", "), host),
		Remedy: "check the host in the url" + orPin,
	}
}

func (c certificate) noRoots() *Fault {
	return &Fault{
		Code: "no_authorities", What: "this machine has no certificate authorities to verify the server's certificate by",
		Remedy: "install them (package ca-certificates); " + c.ifConfirmed(),
	}
}
