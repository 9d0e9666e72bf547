package transport

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"quarry/stratum/stratumtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func dialTest(t *testing.T, url string, options TLSOptions, limits Limits) (Conn, *observer.ObservedLogs, error) {
	t.Helper()
	d, logs := testDialer(t, target{URL: url, TLS: options}, limits)
	transport, err := d.Dial(context.Background())
	if err == nil {
		t.Cleanup(func() { transport.Close() })
	}
	return transport, logs, err
}

// echo answers a line with its length.
func echo(c *stratumtest.Conn) {
	for {
		c.Send(`{"length":%d}`, len(c.Read().Line))
	}
}

func checkEcho(t *testing.T, transport Conn) {
	t.Helper()
	for _, text := range []string{`{}`, `{"text":"` + strings.Repeat("x", 500) + `"}`} {
		if err := transport.WriteMessage([]byte(text)); err != nil {
			t.Fatal(err)
		}
		got, err := transport.ReadMessage()
		if want := fmt.Sprintf(`{"length":%d}`, len(text)); err != nil || string(got) != want {
			t.Fatalf("got %s, %v; want %s", got, err, want)
		}
	}
}

func TestDialEveryScheme(t *testing.T) {
	certificate, ca := stratumtest.Certificate(t)
	for _, s := range []*stratumtest.Server{
		stratumtest.Serve(t, echo), stratumtest.ServeTLS(t, certificate, echo), stratumtest.ServeWS(t, echo), stratumtest.ServeWSS(t, certificate, echo),
	} {
		options := TLSOptions{}
		if u, _ := ParseURL(s.URL); u.TLS() {
			options.CAFile = ca
		}
		transport, _, err := dialTest(t, s.URL, options, Limits{})
		if err != nil {
			t.Errorf("%s: %v", s.URL, err)
			continue
		}
		checkEcho(t, transport)
	}
}

func TestTLSVerification(t *testing.T) {
	certificate, ca := stratumtest.Certificate(t)
	_, otherCA := stratumtest.Certificate(t)
	sum := sha256.Sum256(certificate.Certificate[0])
	pin := "sha256:" + hex.EncodeToString(sum[:])
	colons := func(sum [sha256.Size]byte) string {
		return "SHA256:" + strings.ReplaceAll(strings.ToUpper(fmt.Sprintf("% x", sum)), " ", ":")
	}
	server := stratumtest.ServeTLS(t, certificate, echo)
	byName := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	foreign, foreignCA := stratumtest.Certificate(t, "pool.example.org")
	foreignSum := sha256.Sum256(foreign.Certificate[0])
	foreignPin := "sha256:" + hex.EncodeToString(foreignSum[:])
	wrongName := stratumtest.ServeTLS(t, foreign, echo).URL
	for _, c := range []struct {
		name, url string
		options   TLSOptions
		fails     string // empty: connects
	}{
		{"untrusted", server.URL, TLSOptions{}, pin},
		{"own authority", server.URL, TLSOptions{CAFile: ca}, ""},
		{"by name", byName, TLSOptions{CAFile: ca}, ""},
		{"wrong name", wrongName, TLSOptions{CAFile: foreignCA}, "127.0.0.1"},
		{"other authority", server.URL, TLSOptions{CAFile: otherCA}, "another one than in"},
		{"pin", server.URL, TLSOptions{Pin: pin}, ""},
		{"pin with colons", wrongName, TLSOptions{Pin: colons(foreignSum)}, ""},
		{"wrong pin", server.URL, TLSOptions{Pin: "sha256:" + strings.Repeat("ab", 32)}, pin},
		{"insecure", wrongName, TLSOptions{Insecure: true}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			transport, logs, err := dialTest(t, c.url, c.options, Limits{})
			if c.fails != "" {
				if !errors.Is(err, ErrCertificate) || !strings.Contains(err.Error(), c.fails) {
					t.Fatalf("%v, want %q", err, c.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkEcho(t, transport)
			if logs.FilterField(zap.String("certificate", pin)).Len()+logs.FilterField(zap.String("certificate", foreignPin)).Len() != 1 {
				t.Error("the certificate is not logged")
			}
			if warned := logs.FilterLevelExact(zap.WarnLevel).Len() == 1; warned != c.options.Insecure {
				t.Errorf("warned: %v", warned)
			}
		})
	}
}

func TestTLSOptions(t *testing.T) {
	_, ca := stratumtest.Certificate(t)
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		options TLSOptions
		want    string
	}{
		{TLSOptions{CAFile: empty + ".missing"}, "no such file"},
		{TLSOptions{CAFile: empty}, "no certificate"},
		{TLSOptions{Pin: strings.Repeat("ab", 32)}, "sha256:"},
		{TLSOptions{Pin: "sha256:ab"}, "64 hex digits"},
		{TLSOptions{Pin: "sha1:" + strings.Repeat("ab", 20)}, "sha256:"},
		{TLSOptions{Pin: "sha256:" + strings.Repeat("ab", 32), Insecure: true}, "exclude"},
		{TLSOptions{Pin: "sha256:" + strings.Repeat("ab", 32), CAFile: ca}, "exclude"},
	} {
		if _, err := c.options.config("host"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.options, err, c.want)
		}
	}
	if c, err := (TLSOptions{CAFile: ca}).config("host"); err != nil || c.MinVersion != tls.VersionTLS12 || c.ServerName != "host" || c.InsecureSkipVerify {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestWrongPort: servers of another kind than the URL says.
func TestWrongPort(t *testing.T) {
	t.Parallel()
	certificate, _ := stratumtest.Certificate(t)
	talks := stratumtest.Serve(t, func(c *stratumtest.Conn) { c.Send("Invalid JSON, disconnecting"); c.Hang() })
	hangsUp := stratumtest.Serve(t, func(c *stratumtest.Conn) {})
	hangs := stratumtest.Serve(t, func(c *stratumtest.Conn) { c.Raw().Read(make([]byte, 1<<16)); c.Raw().Read(make([]byte, 1<<16)) })
	ws := stratumtest.ServeWS(t, echo)
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		for err == nil {
			_, err = conn.Write([]byte("HTTP/1.1 101 x\r\n" + strings.Repeat("a: b\r\n", 1000))[16:])
		}
	}))
	defer endless.Close()
	short := Limits{TLS: time.Second}
	for _, c := range []struct{ name, url, want string }{
		{"plain on tls, talking", "ssl://" + talks.Address, "stratum+tcp://"},
		{"plain on tls, hanging up", "ssl://" + hangsUp.Address, "stratum+tcp://"},
		{"plain on tls, silent", "ssl://" + hangs.Address, "stratum+tcp://"},
		{"plain websocket on tls", "wss://" + ws.Address, "stratum+ws://"},
		{"plain stratum on websocket", "ws://" + talks.Address, "websocket"},
		{"silent on websocket", "ws://" + hangs.Address, "no answer within"},
		{"web server on websocket", "ws://" + web.Listener.Addr().String(), "404"},
		{"endless answer on websocket", "ws://" + endless.Listener.Addr().String(), "websocket"},
		{"tls on websocket", "ws://" + stratumtest.ServeTLS(t, certificate, echo).Address, "websocket"},
		{"nobody", "tcp://" + stratumtest.ClosedPort(t), "refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, _, err := dialTest(t, c.url, TLSOptions{}, short); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// TestDialCanceled: a context that ends stops every phase of dialing.
func TestDialCanceled(t *testing.T) {
	server := stratumtest.Serve(t, func(c *stratumtest.Conn) { c.Raw().Read(make([]byte, 1<<16)); c.Raw().Read(make([]byte, 1<<16)) })
	for _, scheme := range []string{"ssl://", "ws://", "wss://"} {
		u, err := ParseURL(scheme + server.Address)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(50*time.Millisecond, cancel)
		d, err := NewDialer(u, Options{Limits: Limits{TLS: time.Hour}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Dial(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func TestWebSocketLimits(t *testing.T) {
	for name, c := range map[string]struct {
		limits Limits
		pool   stratumtest.Script
		want   string
	}{
		"too long":   {Limits{Line: 100}, func(c *stratumtest.Conn) { c.Send(strings.Repeat("x", 101)); c.Hang() }, "longer than 100"},
		"silent":     {Limits{Silence: 50 * time.Millisecond}, func(c *stratumtest.Conn) { c.Hang() }, "is silent"},
		"incomplete": {Limits{LineTime: 50 * time.Millisecond}, func(c *stratumtest.Conn) { c.Raw().Write([]byte{0x81, 5, 'a'}); c.Hang() }, "not complete"},
		"closing": {Limits{}, func(c *stratumtest.Conn) {
			c.WS.WriteMessage(8, []byte{3, 0xf0, 'b', 'y', 'e', 0x1b})
		}, "(1008)"},
		"hanging up": {Limits{}, func(c *stratumtest.Conn) {}, "closed"},
	} {
		t.Run(name, func(t *testing.T) {
			transport, _, err := dialTest(t, stratumtest.ServeWS(t, c.pool).URL, TLSOptions{}, c.limits)
			if err != nil {
				t.Fatal(err)
			}
			if message, err := transport.ReadMessage(); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("%.20q, %v; want %q", message, err, c.want)
			}
		})
	}
}
