package transport

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// TLSOptions say how the certificate of a server is verified. The zero value
// verifies it against the system's authorities and the host name.
type TLSOptions struct {
	// CAFile is a PEM file of the authorities to trust instead of the
	// system's.
	CAFile string
	// Pin is the SHA-256 of the server's own (leaf) certificate in DER, as
	// "sha256:" and 64 hex digits; upper case and colons are fine. It takes
	// the place of the verification: authority, name and dates do not count.
	Pin string
	// Insecure verifies nothing.
	Insecure bool
}

// ErrCertificate means that a server's certificate was not accepted.
var ErrCertificate = errors.New("the server's certificate was not accepted")

const maxCAFile = 4 << 20

// Check reports what is wrong with the options themselves.
func (o TLSOptions) Check() error {
	_, err := o.config("")
	return err
}

// config checks the options and makes them a configuration for the host.
func (o TLSOptions) config(host string) (*tls.Config, error) {
	c := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	switch {
	case o.Pin != "" && o.Insecure:
		return nil, errors.New("tls pin and tls insecure exclude each other")
	case o.Pin != "" && o.CAFile != "":
		return nil, errors.New("tls pin and tls ca exclude each other: a pin takes the place of the verification")
	case o.Pin != "":
		pin, err := parsePin(o.Pin)
		if err != nil {
			return nil, err
		}
		c.InsecureSkipVerify = true // the pin is verified instead
		c.VerifyConnection = func(state tls.ConnectionState) error { return checkPin(pin, state) }
	case o.Insecure:
		c.InsecureSkipVerify = true
	case o.CAFile != "":
		roots, err := loadCA(o.CAFile)
		if err != nil {
			return nil, err
		}
		c.RootCAs = roots
	}
	return c, nil
}

func parsePin(text string) (pin [sha256.Size]byte, err error) {
	digits, found := strings.CutPrefix(strings.ToLower(text), "sha256:")
	b, err := hex.DecodeString(strings.ReplaceAll(digits, ":", ""))
	if !found || err != nil || len(b) != len(pin) {
		return pin, fmt.Errorf("tls pin %.100q: want sha256: and 64 hex digits, the SHA-256 of the server's certificate", text)
	}
	copy(pin[:], b)
	return pin, nil
}

func checkPin(pin [sha256.Size]byte, state tls.ConnectionState) error {
	got := leafSum(state)
	if subtle.ConstantTimeCompare(got[:], pin[:]) != 1 {
		return &Fault{
			Code: "certificate_not_pinned", What: "the server's certificate is not the pinned one", Pin: pinText(got), Err: ErrCertificate,
			Remedy: "ask the pool whether it has a new one: if so, --tls-pin " + pinText(got) + "; if not, someone is in between",
		}
	}
	return nil
}

// leafSum is the SHA-256 of the server's own certificate.
func leafSum(state tls.ConnectionState) [sha256.Size]byte {
	if len(state.PeerCertificates) == 0 {
		return [sha256.Size]byte{}
	}
	return sha256.Sum256(state.PeerCertificates[0].Raw)
}

// Pin returns the pin (see [TLSOptions]) of the certificate that the server
// showed.
func Pin(state tls.ConnectionState) string { return pinText(leafSum(state)) }

func pinText(sum [sha256.Size]byte) string { return "sha256:" + hex.EncodeToString(sum[:]) }

func loadCA(name string) (*x509.CertPool, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("tls ca: %w", err)
	}
	defer file.Close()
	pem, err := io.ReadAll(io.LimitReader(file, maxCAFile))
	if err != nil {
		return nil, fmt.Errorf("tls ca: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("tls ca %q: no certificate in PEM form in it", name)
	}
	return roots, nil
}
