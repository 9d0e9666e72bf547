package transport

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"quarry/stratum/stratumtest"
)

// refused dials a server and returns the fault.
func refused(t *testing.T, url string, options TLSOptions) *Fault {
	t.Helper()
	d, _ := testDialer(t, target{URL: url, TLS: options}, Limits{TLS: 2 * time.Second})
	conn, err := d.Dial(context.Background())
	if err == nil {
		conn.Close()
		t.Error("connected")
		return &Fault{}
	}
	var f *Fault
	if !errors.As(err, &f) || f.Code == "" || f.What == "" || f.Remedy == "" || f.Err == nil {
		t.Errorf("not explained: %v", err)
		return &Fault{}
	}
	if strings.Contains(f.What, "x509: ") || strings.Contains(f.Error(), "tls: ") || strings.Contains(f.Error(), "\n") {
		t.Errorf("%s", f)
	}
	return f
}

// TestCertificateFaults has a certificate for each way of being refused: what is
// said fits it, and the whole pin stands there to be pasted.
func TestCertificateFaults(t *testing.T) {
	root := authority(t, nil, nil)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rsaRoot := authority(t, nil, nil, rsaKey)
	dated := func(from, to time.Duration) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(to) }
	}
	named := func(names ...string) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = names, nil }
	}
	hour := time.Hour
	year := time.Now().UTC().Format("2006-01-02")
	flat := authority(t, nil, func(c *x509.Certificate) { c.MaxPathLenZero = true })
	deep := authority(t, authority(t, flat, nil), nil)
	narrow := authority(t, nil, func(c *x509.Certificate) {
		c.PermittedDNSDomains, c.PermittedDNSDomainsCritical = []string{"example.org"}, true
	})
	sha1 := issue(t, rsaRoot, func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA })
	weakMiddle := issue(t, authority(t, rsaRoot, func(c *x509.Certificate) {
		c.SignatureAlgorithm, c.Subject.CommonName = x509.SHA1WithRSA, "a middle"
	}), nil)
	noMiddle := issue(t, authority(t, root, func(c *x509.Certificate) { c.Subject.CommonName = "a middle" }), nil)
	noMiddle.pair.Certificate = noMiddle.pair.Certificate[:1]
	clerk := issue(t, root, func(c *x509.Certificate) { c.Subject.CommonName = "a clerk" })
	expiredRoot := authority(t, nil, dated(-2*hour, -hour))
	const insteadOfCA = " in place of --tls-ca"
	for _, c := range []struct {
		name         string
		server       *issued
		ca           *issued // nil: the system's authorities
		host         string  // default 127.0.0.1
		code         string
		what, remedy string
	}{
		{"expired", issue(t, root, dated(-2*hour, -hour)), root, "", "certificate_expired", "clock says " + year, "operator to renew it"},
		{"expired authority", issue(t, expiredRoot, nil), expiredRoot, "", "certificate_expired", `the certificate of "an authority" in `, "put the authority's new certificate into that file"},
		{"expired middle", issue(t, authority(t, root, dated(-2*hour, -hour)), nil), root, "", "certificate_expired", `the certificate of "below an authority", above the server's, expired`, "operator to renew it"},
		{"not yet valid", issue(t, root, dated(hour, 2*hour)), root, "", "certificate_not_yet_valid", "clock says " + year, "set the clock if it is wrong"},
		{"self-signed", issue(t, nil, nil), nil, "", "certificate_self_signed", `(of "a server") is self-signed`, "if it is the pool's own: --tls-pin sha256:"},
		{"self-signed, another named", issue(t, nil, nil), root, "", "certificate_self_signed", "another one than in ", "if it is the pool's own: put it there, or --tls-pin"},
		{"unknown authority, another named", issue(t, root, nil), rsaRootNamed(t), "", "certificate_unknown_authority", `the authority "an authority", which is not in `, "if it is the pool's own: put that authority's certificate there, or --tls-pin"},
		{"authority of the same name", issue(t, root, nil), authority(t, nil, nil), "", "certificate_other_key", `names "an authority" as its authority`, "if the authority was renewed, put"},
		{"middle left out", noMiddle, root, "", "certificate_unknown_authority", `the authority "a middle", which is not in `, "put that authority's certificate there"},
		{"wrong name", issue(t, root, named("a.example", "*.b.example", "c.example", "d.example")), root, "localhost", "certificate_wrong_name", `is for "a.example", "*.b.example", "c.example", 1 more, not for localhost`, "check the host in the url"},
		{"wrong address", issue(t, root, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, []net.IP{net.IPv4(192, 0, 2, 1)} }), root, "", "certificate_wrong_name", "is for 192.0.2.1, not for 127.0.0.1", "check the host"},
		{"address not covered", issue(t, root, named("pool.example")), root, "", "certificate_no_address", `is for "pool.example", not for the address 127.0.0.1`, "use the pool's name in the url"},
		{"no names", issue(t, root, named()), root, "localhost", "certificate_no_names", `(of "a server") is for no host`, "issue it again"},
		{"hostile name", issue(t, root, named("evil\x1b[31m.example")), root, "localhost", "certificate_wrong_name", `\x1b[31m`, "check the host"},
		{"name not allowed", issue(t, narrow, nil), narrow, "localhost", "certificate_name_not_allowed", `may not issue one for "localhost"`, "operator"},
		{"for clients", issue(t, root, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), root, "", "certificate_wrong_usage", "is not meant for servers", "operator"},
		{"too many authorities", issue(t, deep, nil), flat, "", "certificate_chain_too_long", "more authorities than allowed", "operator"},
		{"weak signature", sha1, rsaRoot, "", "certificate_weak_signature", "the server's certificate is signed with SHA1-RSA", "signed again"},
		{"weak signature above", weakMiddle, rsaRoot, "", "certificate_weak_signature", `the certificate of "a middle", above the server's, is signed with SHA1-RSA`, "signed again"},
		{"signed by a clerk", issue(t, clerk, nil), root, "", "certificate_bad_issuer", "a certificate that may not sign others", "operator"},
		{"unknown extension", issue(t, root, func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
		}), root, "", "certificate_unknown_extension", "critical extension", "operator"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := stratumtest.ServeTLS(t, c.server.pair, echo)
			url, options := server.URL, TLSOptions{}
			if c.host != "" {
				url = strings.Replace(url, "127.0.0.1", c.host, 1)
			}
			if c.ca != nil {
				options.CAFile = c.ca.file(t)
			}
			f := refused(t, url, options)
			pin := pinText(leafSum(tls.ConnectionState{PeerCertificates: []*x509.Certificate{c.server.Certificate}}))
			if f.Code != c.code || !strings.Contains(f.What, c.what) || !strings.Contains(f.Remedy, c.remedy) || !errors.Is(f, ErrCertificate) {
				t.Errorf("%s: %s\n%s\nwant %s: %s\n%s", f.Code, f.What, f.Remedy, c.code, c.what, c.remedy)
			}
			if f.Pin != pin || strings.Count(f.Remedy, "--tls-pin "+pin) != 1 || strings.Contains(f.Remedy, insteadOfCA) != (c.ca != nil) {
				t.Errorf("the pin %s is not offered right: %s", pin, f.Remedy)
			}
			if strings.Contains(f.Remedy, "--tls-ca FILE") || strings.ContainsAny(f.Error(), "\x1b") {
				t.Errorf("%s", f)
			}
			// What is advised helps.
			conn, _, err := dialTest(t, url, TLSOptions{Pin: f.Pin}, Limits{})
			if err != nil {
				t.Fatalf("pinned: %v", err)
			}
			checkEcho(t, conn)
		})
	}
}

// rsaRootNamed is an authority of another name.
func rsaRootNamed(t *testing.T) *issued {
	return authority(t, nil, func(c *x509.Certificate) { c.Subject.CommonName = "another authority" })
}

// TestUnknownAuthority: an authority that this machine does not know, or none known
// at all; and a clock that is surely wrong.
func TestUnknownAuthority(t *testing.T) {
	root := authority(t, nil, nil)
	leaf := issue(t, root, nil)
	unknown := x509.UnknownAuthorityError{Cert: leaf.Certificate}
	trusted := x509.NewCertPool()
	c := certificate{chain: []*x509.Certificate{leaf.Certificate}, pin: "--tls-pin sha256:ab", now: time.Now(), roots: trusted, url: URL{Host: "localhost"}}
	f := c.explain(unknown)
	if f.Code != "certificate_unknown_authority" || !strings.Contains(f.Remedy, "--tls-ca FILE") || !strings.Contains(f.Remedy, "intermediate") || !strings.Contains(f.Remedy, c.pin) {
		t.Errorf("%s: %s", f.Code, f)
	}
	c.chain = append(c.chain, root.Certificate)
	if f := c.explain(unknown); f.Code != "certificate_unknown_authority" || strings.Contains(f.Remedy, "intermediate") {
		t.Errorf("a whole chain: %s: %s", f.Code, f)
	}
	c.rootless = true
	if f := c.explain(unknown); f.Code != "no_authorities" || !strings.Contains(f.Remedy, "ca-certificates") || !strings.Contains(f.Remedy, c.pin) {
		t.Errorf("%s: %s", f.Code, f)
	}
	c.now, c.rootless = time.Unix(1000, 0), false
	expired := x509.CertificateInvalidError{Cert: leaf.Certificate, Reason: x509.Expired}
	if f := c.explain(expired); !strings.HasPrefix(f.Remedy, setClock+"; nothing vouches") || !strings.Contains(f.What, "does not know") {
		t.Errorf("a wrong clock, and an unknown authority: %s", f)
	}
	trusted.AddCert(root.Certificate)
	f = c.explain(expired)
	if f.Code != "certificate_not_yet_valid" || !strings.Contains(f.What, "clock says 1970-01-01 00:16 UTC") || !strings.Contains(f.Remedy, "which is wrong") || strings.Contains(f.Remedy, c.pin) {
		t.Errorf("%s: %s", f.Code, f)
	}
}

// TestWrongPin: the certificate that is there is named by its own pin.
func TestWrongPin(t *testing.T) {
	own := issue(t, nil, nil)
	server := stratumtest.ServeTLS(t, own.pair, echo)
	f := refused(t, server.URL, TLSOptions{Pin: "sha256:" + strings.Repeat("ab", 32)})
	if f.Code != "certificate_not_pinned" || !strings.Contains(f.Remedy, "--tls-pin "+f.Pin+";") || len(f.Pin) != len("sha256:")+64 || strings.Contains(f.Pin, "abab") {
		t.Errorf("%s: %s, %s", f.Code, f, f.Pin)
	}
}
