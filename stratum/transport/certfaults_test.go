package transport

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"quarry/stratum/stratumtest"
)

// TestSeveralCertificateFaults: each fault of a certificate is named, and pinning one
// that nothing vouches for is advised to nobody who does not know whose it is.
func TestSeveralCertificateFaults(t *testing.T) {
	const (
		expired, early, wrongName = "expired on ", "valid only from ", `is for "pool.example.org", not for localhost`
		clients, selfSigned       = "not meant for servers", "is self-signed"
		stranger, critical        = `the authority "an authority", which`, "critical extension"
		unvouched, confirmed      = "nothing vouches for this certificate", "; if the pool's operator confirms this fingerprint: --tls-pin "
	)
	all := []string{expired, early, wrongName, clients, selfSigned, stranger, critical}
	hour := time.Hour
	change := func(faults ...string) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			for _, f := range faults {
				switch f {
				case expired:
					c.NotBefore, c.NotAfter = time.Now().Add(-2*hour), time.Now().Add(-hour)
				case early:
					c.NotBefore, c.NotAfter = time.Now().Add(hour), time.Now().Add(2*hour)
				case wrongName:
					c.DNSNames, c.IPAddresses = []string{"pool.example.org"}, nil
				case clients:
					c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
				}
			}
		}
	}
	root, other := authority(t, nil, nil), rsaRootNamed(t)
	oldRoot := authority(t, nil, change(expired))
	oldMiddle := authority(t, root, change(expired))
	withRoot := issue(t, oldRoot, change(expired))
	withRoot.pair.Certificate = append(withRoot.pair.Certificate, oldRoot.Raw)
	clerk := issue(t, root, func(c *x509.Certificate) { c.Subject.CommonName = "a clerk" })
	flat := authority(t, authority(t, root, func(c *x509.Certificate) { c.MaxPathLenZero = true }), nil)
	for _, c := range []struct {
		name   string
		server *issued
		ca     *issued
		want   []string
	}{
		{"expired, wrong name", issue(t, root, change(expired, wrongName)), root, []string{expired, wrongName, "renew", "check the host", confirmed}},
		{"early, for clients", issue(t, root, change(early, clients)), root, []string{early, clients, "set the clock", confirmed}},
		{"all of a known authority", issue(t, root, change(expired, wrongName, clients)), root, []string{expired, wrongName, clients, confirmed}},
		{"expired, untrusted", issue(t, root, change(expired)), other, []string{expired, stranger, unvouched}},
		{"expired, untrusted by the system", issue(t, root, change(expired)), nil, []string{expired, stranger, unvouched}},
		{"early, untrusted", issue(t, root, change(early)), other, []string{early, stranger, unvouched}},
		{"wrong name, untrusted", issue(t, root, change(wrongName)), other, []string{wrongName, stranger, unvouched}},
		{"for clients, untrusted", issue(t, root, change(clients)), other, []string{clients, stranger, unvouched}},
		{"all, untrusted", issue(t, root, change(expired, wrongName, clients)), other, []string{expired, wrongName, clients, stranger, unvouched}},
		{"expired, self-signed", issue(t, nil, change(expired)), nil, []string{expired, selfSigned, unvouched}},
		{"early, self-signed", issue(t, nil, change(early)), other, []string{early, selfSigned, unvouched}},
		{"wrong name, self-signed", issue(t, nil, change(wrongName)), nil, []string{wrongName, selfSigned, unvouched}},
		{"all, self-signed", issue(t, nil, change(expired, wrongName, clients)), other, []string{expired, wrongName, clients, selfSigned, unvouched}},
		{"expired authority and certificate", issue(t, oldRoot, change(expired, wrongName)), oldRoot, []string{expired, `of "an authority" in `, wrongName, confirmed}},
		{"expired middle, untrusted", issue(t, oldMiddle, change(wrongName)), other, []string{expired, `of "below an authority", above`, wrongName, stranger, unvouched}},
		{"expired authority, sent too", withRoot, oldRoot, []string{expired, `of "an authority", above`, confirmed}},
		{"expired authority, sent and untrusted", withRoot, other, []string{expired, `of "an authority", above`, stranger, unvouched}},
		{"signed by a clerk, untrusted", issue(t, clerk, change(wrongName)), other, []string{wrongName, "may not sign others", stranger, unvouched}},
		{"too many authorities, untrusted", issue(t, flat, change(wrongName)), other, []string{wrongName, "more authorities than allowed", stranger, unvouched}},
		{"one fault", issue(t, root, change(expired)), root, []string{expired, confirmed}},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, options := stratumtest.ServeTLS(t, c.server.pair, echo), TLSOptions{}
			if c.ca != nil {
				options.CAFile = c.ca.file(t)
			} else if roots, err := x509.SystemCertPool(); err != nil || roots.Equal(x509.NewCertPool()) {
				t.Skip("this machine has no authorities")
			}
			f := refused(t, strings.Replace(server.URL, "127.0.0.1", "localhost", 1), options)
			text := f.Error()
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not in: %s", want, text)
				}
			}
			for _, fault := range all {
				if wanted := strings.Contains(strings.Join(c.want, "\n"), fault); !wanted && strings.Contains(text, fault) {
					t.Errorf("%q is in: %s", fault, text)
				}
			}
			untrusted := strings.Contains(text, unvouched)
			if untrusted != (c.want[len(c.want)-1] == unvouched) || untrusted && !strings.Contains(f.Remedy, "; only if the pool's operator confirms this fingerprint: --tls-pin "+f.Pin) {
				t.Errorf("the advice is wrong: %s", f.Remedy)
			}
			if strings.Count(text, f.Pin) != 1 || strings.Count(f.What, selfSigned)+strings.Count(f.What, stranger) > 1 || strings.Count(f.What, wrongName) > 1 {
				t.Errorf("said twice: %s", text)
			}
		})
	}
}
