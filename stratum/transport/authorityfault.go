package transport

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"strings"
)

// unknown explains a certificate that no trusted authority has signed.
func (c certificate) unknown(err x509.UnknownAuthorityError) *Fault {
	leaf := c.chain[0]
	text := err.Error() // which alone has Go's guess at the reason
	weak := c.weaklySigned()
	switch {
	case selfIssued(leaf):
		return c.selfSigned(leaf)
	case c.rootless:
		return c.noRoots()
	case weak != nil:
		return &Fault{
			Code: "certificate_weak_signature", What: fmt.Sprintf("%s is signed with %s, which is no longer secure", c.which(weak), weak.SignatureAlgorithm),
			Remedy: "the pool's operator must have it signed again; " + c.ifConfirmed(),
		}
	case strings.Contains(text, "cannot sign this kind"), strings.Contains(text, "not authorized to sign"):
		return c.badIssuer(c.which(leaf))
	case strings.Contains(text, "candidate authority"):
		return c.otherKey()
	}
	return c.stranger()
}

// weaklySigned returns the first certificate that is signed with an algorithm
// which is not accepted any more, nil if none is.
func (c certificate) weaklySigned() *x509.Certificate {
	for _, cert := range c.chain {
		switch cert.SignatureAlgorithm {
		case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
			if !selfIssued(cert) {
				return cert
			}
		}
	}
	return nil
}

func selfIssued(cert *x509.Certificate) bool { return bytes.Equal(cert.RawIssuer, cert.RawSubject) }

func (c certificate) selfSigned(leaf *x509.Certificate) *Fault {
	if file := c.options.CAFile; file != "" {
		return &Fault{
			Code: "certificate_self_signed", What: fmt.Sprintf("the server's certificate (of %s) is self-signed, and another one than in %.100q", title(leaf), file),
			Remedy: "if it is the pool's own: put it there, or " + c.pin,
		}
	}
	return &Fault{
		Code: "certificate_self_signed", What: fmt.Sprintf("the server's certificate (of %s) is self-signed", title(leaf)),
		Remedy: "if it is the pool's own: " + c.pin,
	}
}

// otherKey explains an authority that has the right name, but has not made the
// signature.
func (c certificate) otherKey() *Fault {
	f := &Fault{
		Code: "certificate_other_key", What: fmt.Sprintf("the server's certificate names %s as its authority, which has signed with another key than the trusted one of this name", c.issuer()),
		Remedy: "if the authority was renewed, trust its new certificate; " + c.ifConfirmed(),
	}
	if c.options.CAFile != "" {
		f.Remedy = fmt.Sprintf("if the authority was renewed, put its new certificate into %.100q; ", c.options.CAFile) + c.ifConfirmed()
	}
	return f
}

// issuer is the authority at the upper end of what the server sent.
func (c certificate) issuer() string {
	last := c.chain[len(c.chain)-1]
	return name(last.Issuer.CommonName, last.Issuer.String())
}

// stranger explains an authority that is not among the trusted ones.
func (c certificate) stranger() *Fault {
	complete := selfIssued(c.chain[len(c.chain)-1]) // else it may leave out what is in between
	f := &Fault{Code: "certificate_unknown_authority"}
	if file := c.options.CAFile; file != "" {
		f.What = fmt.Sprintf("the server's certificate is from the authority %s, which is not in %.100q", c.issuer(), file)
		f.Remedy = "if it is the pool's own: put that authority's certificate there, or " + c.pin
		return f
	}
	f.What = fmt.Sprintf("the server's certificate is from the authority %s, which this machine does not know", c.issuer())
	f.Remedy = "if it is the pool's own: --tls-ca FILE with its certificate, or " + c.pin
	if !complete {
		f.Remedy = "if it is the pool's own: --tls-ca FILE with its certificate, or " + c.pin +
			"; if it is a public one, the server leaves out an intermediate certificate: tell its operator"
	}
	return f
}
