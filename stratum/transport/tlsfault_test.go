package transport

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"quarry/stratum/stratumtest"
)

// answers serves connections: it reads the client's first flight, writes the answer,
// and hangs up, or resets the connection if that is empty.
func answers(t *testing.T, answer string) string {
	return stratumtest.Serve(t, func(c *stratumtest.Conn) {
		head := make([]byte, 5)
		if _, err := io.ReadFull(c.Raw(), head); err == nil {
			_, _ = io.ReadFull(c.Raw(), make([]byte, int(head[3])<<8|int(head[4])))
		}
		if answer == "" {
			_ = c.Raw().(*net.TCPConn).SetLinger(0)
			return
		}
		_, _ = c.Raw().Write([]byte(answer))
	}).Address
}

func alert(n int) string { return string([]byte{21, 3, 3, 0, 2, 2, byte(n)}) }

// hello is a server's first message, with that version and cipher.
func hello(version, cipher int) string {
	body := string([]byte{byte(version >> 8), byte(version)}) + strings.Repeat("r", 32) + string([]byte{0, byte(cipher >> 8), byte(cipher), 0})
	return "\x16\x03\x03\x00" + string([]byte{byte(len(body) + 4), 2, 0, 0, byte(len(body))}) + body
}

// TestHandshakeFaults has servers that end the handshake, each in its way.
func TestHandshakeFaults(t *testing.T) {
	for _, c := range []struct {
		name, answer, code string
		what, remedy       string
	}{
		{"alert 0", alert(0), "tls_hang_up", "", ""},
		{"alert 10", alert(10), "tls_alert", "(unexpected_message)", "operator"},
		{"alert 40", alert(40), "tls_no_common_cipher", "(handshake_failure)", "ECDHE"},
		{"alert 42", alert(42), "tls_client_certificate", "(bad_certificate)", "quarry has none to show"},
		{"alert 43", alert(43), "tls_client_certificate", "wants a certificate of the miner", "quarry has none to show"},
		{"alert 46", alert(46), "tls_client_certificate", "wants a certificate of the miner", "quarry has none to show"},
		{"alert 47", alert(47), "tls_alert", "(illegal_parameter)", "operator"},
		{"alert 48", alert(48), "tls_client_certificate", "wants a certificate of the miner", "quarry has none to show"},
		{"alert 49", alert(49), "tls_client_certificate", "(access_denied)", "quarry has none to show"},
		{"alert 50", alert(50), "tls_alert", "(error_decoding_message)", "operator"},
		{"alert 70", alert(70), "tls_old_version", "no longer secure", "TLS 1.2 or later"},
		{"alert 71", alert(71), "tls_no_common_cipher", "(insufficient_security_level)", "ECDHE"},
		{"alert 80", alert(80), "tls_server_error", "(internal_error)", "use the pool's name in the url"},
		{"alert 112", alert(112), "tls_unknown_name", `no certificate for "127.0.0.1"`, "use the pool's name in the url"},
		{"alert 116", alert(116), "tls_client_certificate", "(certificate_required)", "quarry has none to show"},
		{"alert 120", alert(120), "tls_other_protocol", "another protocol over TLS", "check host and port"},
		{"alert 222", alert(222), "tls_alert", "alert(222)", "operator"},
		{"old version chosen", hello(0x0301, 0xc02f), "tls_old_version", "no longer secure", "TLS 1.2 or later"},
		{"old record", "\x15\x03\x00\x00\x02\x02\x46", "tls_old_version", "no longer secure", "TLS 1.2 or later"},
		{"cipher not offered", hello(0x0303, 1), "tls_no_common_cipher", "refuses all ciphers", "ECDHE"},
		{"broken", "\x16\x03\x03\x00\x04\x02\x00\x00\x00", "tls_broken", "breaks the TLS protocol", "check host and port"},
		{"stratum", `{"id":null,"error":"bad json"}` + "\n", "tls_plain_answer", "does not speak TLS", "stratum+tcp://"},
		{"http", "HTTP/1.1 400 Bad Request\r\n\r\n", "tls_http_answer", "speaks HTTP without TLS", "check host and port"},
		{"ssh", "SSH-2.0-OpenSSH_9.7\r\n", "tls_ssh_answer", "speaks SSH", "check host and port"},
		{"short", "no", "tls_hang_up", "hung up", "stratum+tcp://"},
		{"reset", "", "tls_hang_up", "hung up", "stratum+tcp://"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := refused(t, "ssl://"+answers(t, c.answer), TLSOptions{})
			if f.Code != c.code || !strings.Contains(f.What, c.what) || !strings.Contains(f.Remedy, c.remedy) || errors.Is(f, ErrCertificate) || strings.Contains(f.Error(), "()") {
				t.Errorf("%s: %s; want %s: %s: %s", f.Code, f, c.code, c.what, c.remedy)
			}
			if strings.Contains(f.Remedy, "tls-") {
				t.Errorf("no setting of ours helps, but: %s", f.Remedy)
			}
		})
	}
	byName := strings.Replace(answers(t, alert(112)), "127.0.0.1", "localhost", 1)
	if f := refused(t, "ssl://"+byName, TLSOptions{}); !strings.Contains(f.Remedy, "check the host in the url") {
		t.Error(f)
	}
}

// serveAs serves with a configuration of TLS that is not the usual one.
func serveAs(t *testing.T, config *tls.Config) string {
	return stratumtest.Serve(t, func(c *stratumtest.Conn) {
		conn := tls.Server(c.Raw(), config)
		if conn.Handshake() == nil {
			_, _ = conn.Read(make([]byte, 1))
		}
	}).Address
}

// TestServersOfAnotherKind has real servers that want or show what does not fit.
func TestServersOfAnotherKind(t *testing.T) {
	good, other := issue(t, nil, nil), issue(t, nil, nil)
	with := func(chain [][]byte, key *issued) []tls.Certificate {
		return []tls.Certificate{{Certificate: chain, PrivateKey: key.key}}
	}
	anyKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	byRSA := issue(t, nil, nil, anyKey)
	for _, c := range []struct {
		name   string
		config *tls.Config
		code   string
	}{
		{"old version", &tls.Config{Certificates: []tls.Certificate{good.pair}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, "tls_old_version"},
		{"old cipher", &tls.Config{Certificates: []tls.Certificate{byRSA.pair}, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}, "tls_no_common_cipher"},
		{"client certificate", &tls.Config{Certificates: []tls.Certificate{good.pair}, MaxVersion: tls.VersionTLS12, ClientAuth: tls.RequireAnyClientCert}, "tls_client_certificate"},
		{"malformed", &tls.Config{Certificates: with([][]byte{[]byte("no certificate \x1b")}, good)}, "certificate_malformed"},
		{"none", &tls.Config{Certificates: with([][]byte{}, good)}, "certificate_missing"},
		{"key of another", &tls.Config{Certificates: with(good.pair.Certificate, other)}, "certificate_key_mismatch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := refused(t, "ssl://"+serveAs(t, c.config), TLSOptions{Insecure: true})
			if f.Code != c.code || strings.HasPrefix(c.code, "certificate") != errors.Is(f, ErrCertificate) {
				t.Errorf("%s: %s, want %s", f.Code, f, c.code)
			}
			if strings.Contains(f.Error(), "tls-") {
				t.Errorf("no setting of ours helps, but: %s", f)
			}
		})
	}
}

// TestClientCertificateWanted: in TLS 1.3 a server says so after the handshake.
func TestClientCertificateWanted(t *testing.T) {
	good := issue(t, nil, nil)
	address := serveAs(t, &tls.Config{Certificates: []tls.Certificate{good.pair}, MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAnyClientCert})
	for _, url := range []string{"ssl://" + address, "wss://" + address} {
		conn, _, err := dialTest(t, url, TLSOptions{Insecure: true}, Limits{})
		if err == nil {
			_, err = conn.ReadMessage()
		}
		if f := (*Fault)(nil); !errors.As(err, &f) || f.Code != "tls_client_certificate" || errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestShortKey: a server whose RSA key is too short. Only an older program has one, so
// it is played by a child process that is allowed to.
func TestShortKey(t *testing.T) {
	if os.Getenv("QUARRY_TEST_SHORT_KEY") != "" {
		serveShortKey(t)
		return
	}
	child := exec.Command(os.Args[0], "-test.run", "^TestShortKey$", "-test.timeout", "2m")
	child.Env = append(os.Environ(), "QUARRY_TEST_SHORT_KEY=1", "GODEBUG=rsa1024min=0")
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var address string
	if _, err := fmt.Fscanln(out, &address); err != nil {
		t.Fatal(err)
	}
	for _, options := range []TLSOptions{{Insecure: true}, {}} {
		f := refused(t, "ssl://"+address, options)
		if want := "certificate_weak_key"; options.Insecure && f.Code != want || !options.Insecure && f.Code != "certificate_self_signed" {
			t.Errorf("%+v: %s: %s", options, f.Code, f)
		}
	}
	in.Close()
	_, _ = io.Copy(io.Discard, out)
	_ = child.Wait()
}

func serveShortKey(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 768)
	if err != nil {
		t.Fatal(err)
	}
	short := issue(t, nil, func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA256WithRSA }, key)
	fmt.Println(serveAs(t, &tls.Config{Certificates: []tls.Certificate{short.pair}, MaxVersion: tls.VersionTLS12}))
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// TestTLSTexts: what no server here can be made to do, by Go's own words for it.
func TestTLSTexts(t *testing.T) {
	for text, code := range map[string]string{
		"tls: server sent certificate containing RSA key larger than 8192 bits":                "certificate_key_unsupported",
		"tls: server's certificate contains an unsupported type of public key: *dsa.PublicKey": "certificate_key_unsupported",
		"tls: received empty certificates message":                                             "certificate_missing",
		"local error: tls: no certificates":                                                    "certificate_missing",
		"tls: server selected unsupported protocol version 301":                                "tls_old_version",
		"tls: something new": "tls_broken",
	} {
		var f *Fault
		if d := (&Dialer{URL: URL{Scheme: SchemeTLS}}); !errors.As(d.tlsFault(errors.New(text), false), &f) || f.Code != code {
			t.Errorf("%s: %v", text, f)
		}
	}
}
