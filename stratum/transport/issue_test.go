package transport

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// issued is a certificate and its key.
type issued struct {
	*x509.Certificate
	key  crypto.Signer
	pair tls.Certificate // with the certificates above it, without the uppermost one
}

// file is the certificate as a file of an authority.
func (c *issued) file(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// issue makes a good certificate for 127.0.0.1 and localhost, changed as the test
// wants. Without a parent it is self-signed.
func issue(t *testing.T, parent *issued, change func(*x509.Certificate), keys ...crypto.Signer) *issued {
	t.Helper()
	var key crypto.Signer
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if len(keys) > 0 {
		key = keys[0]
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "a server"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	if change != nil {
		change(template)
	}
	above, signer := template, key
	if parent != nil {
		above, signer = parent.Certificate, parent.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, above, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	c := &issued{Certificate: made, key: key, pair: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}
	if parent != nil && !selfIssued(parent.Certificate) {
		c.pair.Certificate = append(c.pair.Certificate, parent.pair.Certificate...)
	}
	return c
}

// authority makes a certificate that may sign others.
func authority(t *testing.T, parent *issued, change func(*x509.Certificate), keys ...crypto.Signer) *issued {
	t.Helper()
	return issue(t, parent, func(c *x509.Certificate) {
		c.Subject.CommonName, c.IsCA, c.DNSNames, c.IPAddresses, c.ExtKeyUsage = "an authority", true, nil, nil, nil
		c.KeyUsage = x509.KeyUsageCertSign
		if parent != nil {
			c.Subject.CommonName = "below " + parent.Subject.CommonName
		}
		if change != nil {
			change(c)
		}
	}, keys...)
}
