package transport

import (
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"time"
)

// explain returns one fault that names all that is wrong with the certificate,
// which was refused with the error. Its code is that of the first.
func (c certificate) explain(err error) *Fault {
	faults := c.faults(err)
	first := faults[0]
	if len(faults) == 1 {
		return first
	}
	const own = "the server's certificate "
	var what, remedies []string
	unvouched := false
	for i, f := range faults {
		text := f.What
		if rest, found := strings.CutPrefix(text, own); found && i > 0 && strings.HasPrefix(faults[i-1].What, own) {
			text = "it " + rest
		}
		what = append(what, text)
		remedy := strings.TrimSuffix(f.Remedy, "; "+c.ifConfirmed())
		if !slices.Contains(remedies, remedy) {
			remedies = append(remedies, remedy)
		}
		unvouched = unvouched || slices.Contains(unvouchedCodes(), f.Code)
	}
	all := &Fault{Code: first.Code, What: strings.Join(what, "; "), Remedy: strings.Join(remedies, "; ") + "; " + c.ifConfirmed()}
	if unvouched {
		all.Remedy = "nothing vouches for this certificate, so the server may not be the pool's: check host and port, and ask the pool; only " + c.ifConfirmed()
		if c.clockIsWrong() {
			all.Remedy = setClock + "; " + all.Remedy
		}
	}
	return all
}

// ifConfirmed is the advice to pin the certificate, which is for those only who
// know from elsewhere that it is the pool's.
func (c certificate) ifConfirmed() string {
	return "if the pool's operator confirms this fingerprint: " + c.pin
}

// unvouchedCodes are the faults that leave nobody who says whose certificate it is.
func unvouchedCodes() []string {
	return []string{
		"certificate_self_signed", "certificate_unknown_authority", "certificate_other_key", "certificate_bad_issuer", "certificate_weak_signature",
	}
}

// faults are all that is wrong with the certificate, in the order in which it is
// verified: a verification ends with the first fault, so it is done again with
// each that was found excused.
func (c certificate) faults(err error) []*Fault {
	const most = 12 // faults; a server chooses what it sends
	found := []*Fault{c.fault(err)}
	v := c.verification()
	for range most {
		if !v.excuse(err) {
			break
		}
		if _, err = v.chain[0].Verify(v.options); err == nil {
			break
		}
		var invalid x509.CertificateInvalidError
		var unknown x509.UnknownAuthorityError
		if errors.As(err, &unknown) && v.options.Roots != c.roots {
			continue // the authority was found at fault already
		}
		dates := errors.As(err, &invalid) && invalid.Reason == x509.Expired
		if dates && (c.clockIsWrong() || !c.now.Before(invalid.Cert.NotBefore) && !c.now.After(invalid.Cert.NotAfter)) {
			continue // the clock's fault, or that of the time another certificate was excused with
		}
		f := c.fault(err)
		if !slices.ContainsFunc(found, func(o *Fault) bool { return o.Code == f.Code && o.What == f.What }) {
			found = append(found, f)
		}
	}
	return found
}

// verification is one in which some faults are excused.
type verification struct {
	chain     []*x509.Certificate // copies, changed where Go reads its own fields and not what is signed
	options   x509.VerifyOptions
	permitted bool // those above the server's may sign others
}

func (c certificate) verification() *verification {
	v := &verification{options: x509.VerifyOptions{Roots: c.roots, DNSName: c.url.Name(), CurrentTime: c.now}}
	for _, cert := range c.chain {
		changed := *cert
		v.chain = append(v.chain, &changed)
	}
	v.options.Intermediates = poolOf(v.chain[1:])
	return v
}

func poolOf(certs []*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, cert := range certs {
		pool.AddCert(cert)
	}
	return pool
}

// excuse changes the verification so that it does not end with the error again. It
// reports false if it cannot.
func (v *verification) excuse(err error) bool {
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var roots x509.SystemRootsError
	var extension x509.UnhandledCriticalExtension
	leaf, top := v.chain[0], v.chain[len(v.chain)-1]
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		v.excuseDates(invalid.Cert)
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		v.options.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
	case errors.As(err, &host):
		v.options.DNSName = ""
	case !v.permitted && len(v.chain) > 1 && (errors.As(err, &unknown) || errors.As(err, &invalid)):
		v.permit()
	case errors.As(err, &unknown), errors.As(err, &roots), errors.As(err, &invalid):
		if v.options.Roots != nil && v.options.Roots.Equal(poolOf(v.chain[:1])) {
			return false
		}
		anchor := top // what is between may have faults, too
		if v.options.Roots != nil && v.options.Roots.Equal(poolOf([]*x509.Certificate{top})) {
			anchor = leaf
		}
		v.options.Roots = poolOf([]*x509.Certificate{anchor})
	case errors.As(err, &extension):
		for _, cert := range v.chain {
			cert.UnhandledCriticalExtensions = nil
		}
	default:
		return false
	}
	return true
}

// permit lets the certificates above the server's sign others, any number of them.
func (v *verification) permit() {
	v.permitted = true
	for _, cert := range v.chain[1:] {
		cert.IsCA, cert.MaxPathLen, cert.KeyUsage = true, -1, cert.KeyUsage|x509.KeyUsageCertSign
	}
}

// excuseDates makes a certificate valid: itself one that the server sent, by another
// time an authority of this machine, whether or not the server sent that too, and
// all where the system verifies.
func (v *verification) excuseDates(cert *x509.Certificate) {
	const century = 100 * 365 * 24 * time.Hour
	for i, sent := range v.chain {
		if now := v.options.CurrentTime; sent.Equal(cert) && (i == 0 || !selfIssued(cert)) && (now.Before(sent.NotBefore) || now.After(sent.NotAfter)) {
			sent.NotBefore, sent.NotAfter = now.Add(-century), now.Add(century)
			return
		}
	}
	v.options.CurrentTime = cert.NotAfter
}
