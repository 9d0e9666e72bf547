package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
)

// tlsFault explains why a handshake failed. The server may have asked for a
// certificate of ours.
func (d *Dialer) tlsFault(err error, asked bool) error {
	plain := "if this port is plain, use " + d.plainScheme() + "://"
	var known *Fault
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("tls: %w", context.Canceled)
	case errors.As(err, &certificate):
		return d.certificateFault(certificate)
	case errors.As(err, &record):
		return d.recordFault(record)
	case isTimeout(err):
		return &Fault{"tls_silent", fmt.Sprintf("no TLS handshake within %v", d.limits.TLS), plain + "; else the server is stuck or a firewall is in between", "", err}
	}
	if f := alertFault(d.URL, err); f != nil {
		if asked {
			f = wantsCertificate(alertName(err), err)
		}
		return f
	}
	if isHangUp(err) {
		return &Fault{"tls_hang_up", "no TLS handshake: the server hung up", plain + "; else it refuses this machine, or is just starting", "", err}
	}
	return localFault(err)
}

func (d *Dialer) plainScheme() string {
	if d.URL.WebSocket() {
		return SchemeWS
	}
	return SchemeTCP
}

// recordFault explains an answer that is not TLS, by how it begins.
func (d *Dialer) recordFault(record tls.RecordHeaderError) *Fault {
	head := record.RecordHeader
	f := &Fault{"tls_plain_answer", "the server does not speak TLS", fmt.Sprintf("use %s:// if this port is meant to be plain", d.plainScheme()), "", record}
	switch {
	case head[0] >= 20 && head[0] <= 23 && head[1] == 3, strings.Contains(record.Msg, "SSLv2"):
		return oldVersion(record)
	case string(head[:]) == "HTTP/":
		f.Code, f.What = "tls_http_answer", "the server speaks HTTP without TLS"
		if !d.URL.WebSocket() {
			f.Remedy = "it is a web server or proxy: check host and port"
		}
	case string(head[:4]) == "SSH-":
		f.Code, f.What, f.Remedy = "tls_ssh_answer", "the server speaks SSH", "check host and port"
	}
	return f
}

func oldVersion(err error) *Fault {
	return &Fault{
		"tls_old_version", "the server speaks only versions of TLS that are no longer secure",
		"it must offer TLS 1.2 or later: tell its operator, or use another port of the pool", "", err,
	}
}

func noCipher(why string, err error) *Fault {
	return &Fault{
		"tls_no_common_cipher", fmt.Sprintf("the server refuses all ciphers and keys that quarry offers (%s)", why),
		"it must offer TLS 1.3, or TLS 1.2 with ECDHE and AES or ChaCha20: tell its operator, or use another port of the pool", "", err,
	}
}

func wantsCertificate(why string, err error) *Fault {
	return &Fault{
		"tls_client_certificate", fmt.Sprintf("the server wants a certificate of the miner (%s)", why),
		"quarry has none to show: use another port of the pool, or ask its operator", "", err,
	}
}

// alertName is the alert with which the server ended a connection, in the words of
// RFC 8446 with underscores, empty if it is none.
func alertName(err error) string {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return ""
	}
	return strings.ReplaceAll(strings.TrimPrefix(op.Err.Error(), "tls: "), " ", "_")
}

// alertFault explains an alert of the server, nil if the error is none. In TLS 1.3
// it may come after the handshake.
func alertFault(u URL, err error) *Fault {
	name := alertName(err)
	wrongName := "check the host in the url: this server knows other names"
	if IsAddress(u.Host) {
		wrongName = "use the pool's name in the url, in place of its address"
	}
	switch name {
	case "":
		return nil
	case "handshake_failure", "insufficient_security_level":
		return noCipher(name, err)
	case "protocol_version_not_supported":
		return oldVersion(err)
	case "unrecognized_name":
		return &Fault{"tls_unknown_name", fmt.Sprintf("the server has no certificate for %q (%s)", u.Name(), name), wrongName, "", err}
	case "certificate_required", "bad_certificate", "unsupported_certificate", "unknown_certificate_authority", "unknown_certificate", "access_denied":
		return wantsCertificate(name, err)
	case "internal_error":
		f := &Fault{"tls_server_error", fmt.Sprintf("the server has a fault of its own (%s)", name), "try again later, or tell its operator", "", err}
		if IsAddress(u.Host) {
			f.Remedy = wrongName + ": many servers have a certificate for that only"
		}
		return f
	case "no_application_protocol":
		return &Fault{"tls_other_protocol", fmt.Sprintf("the server wants another protocol over TLS (%s)", name), "it is for web browsers or the like: check host and port", "", err}
	}
	return &Fault{"tls_alert", fmt.Sprintf("the server ended the TLS connection (%s)", name), "check host and port, or tell its operator", "", err}
}

// localFault explains what we ended the handshake for. Go has only texts for that.
func localFault(err error) *Fault {
	const operator = "only its operator can mend that: use another port or pool meanwhile"
	text := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "local error: "), "tls: ")
	has := func(part string) bool { return strings.Contains(text, part) }
	broken := fmt.Errorf("%w: %w", ErrCertificate, err)
	switch {
	case has("protocol version"):
		return oldVersion(err)
	case has("cipher suite"):
		return noCipher("it chose another one", err)
	case has("failed to parse certificate"):
		_, why, _ := strings.Cut(text, "x509: ")
		return &Fault{"certificate_malformed", fmt.Sprintf("the server's certificate is malformed (%.100q)", why), operator, "", broken}
	case has("empty certificates message"), has("no certificates"):
		return &Fault{"certificate_missing", "the server shows no certificate", operator, "", broken}
	case has("RSA key larger"), has("unsupported type of public key"), has("unsupported certificate"):
		return &Fault{"certificate_key_unsupported", fmt.Sprintf("the key of the server's certificate is of a kind that quarry cannot use (%.100q)", text), operator, "", broken}
	case has("insecure"), has("key size"), has("key too small"), has("message too long for RSA"):
		return &Fault{"certificate_weak_key", "the RSA key of the server's certificate is too short to be secure", operator, "", broken}
	case has("invalid signature by the server certificate"):
		return &Fault{"certificate_key_mismatch", "the server does not have the key of the certificate that it shows", operator, "", broken}
	}
	return &Fault{"tls_broken", fmt.Sprintf("the server breaks the TLS protocol (%.100q)", text), "check host and port, or tell its operator", "", err}
}
