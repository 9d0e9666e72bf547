package transport

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

// feed gives a transport whose peer does what the function says.
func feed(t *testing.T, limits Limits, peer func(net.Conn)) *Lines {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		peer(conn)
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); l.Close(); <-done })
	return NewLines(conn, limits)
}

func hang(conn net.Conn) { conn.Read(make([]byte, 1)) }

func TestLines(t *testing.T) {
	long := strings.Repeat("x", 256<<10)
	l := feed(t, Limits{}, func(c net.Conn) {
		c.Write([]byte("\xef\xbb\xbfone\r\n\r\n\n  two \nthr"))
		c.Write([]byte("ee\n" + long + "\nfive\nsi"))
	})
	for _, want := range []string{"one", "two", "three", long, "five"} {
		line, err := l.ReadMessage()
		if err != nil || string(line) != want {
			t.Fatalf("%.20q, %v; want %.20q", line, err, want)
		}
	}
	if line, err := l.ReadMessage(); !errors.Is(err, ErrClosed) || !strings.Contains(err.Error(), "middle of a line") {
		t.Errorf("%q, %v at the end", line, err)
	}
}

func TestLinesRefuse(t *testing.T) {
	short := Limits{Line: 100, LineTime: 50 * time.Millisecond, Silence: 100 * time.Millisecond}
	trickle := func(c net.Conn) {
		for {
			if _, err := c.Write([]byte("x")); err != nil {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	for _, c := range []struct {
		name   string
		limits Limits
		peer   func(net.Conn)
		want   string
	}{
		{"a byte too long", Limits{Line: 100}, func(c net.Conn) { c.Write([]byte(strings.Repeat("x", 101) + "\n")) }, "longer than 100 bytes"},
		{"never ending", Limits{}, func(c net.Conn) {
			for {
				if _, err := c.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}, "longer than 262144 bytes"},
		{"slow", Limits{LineTime: 50 * time.Millisecond}, trickle, "not complete"},
		{"silent", short, hang, "is silent"},
		{"silent but for line ends", short, func(c net.Conn) {
			for {
				if _, err := c.Write([]byte("\n")); err != nil {
					return
				}
				time.Sleep(5 * time.Millisecond)
			}
		}, "is silent"},
		{"closing", Limits{}, func(net.Conn) {}, "closed"},
		{"tls alert", Limits{}, func(c net.Conn) { c.Write([]byte("\x15\x03\x01\x00\x02\x02\x0a")); hang(c) }, "stratum+ssl"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := feed(t, c.limits, c.peer)
			line, err := l.ReadMessage()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%.20q, %v; want %q", line, err, c.want)
			}
			if len(l.buf) > l.limits.Line+readChunk {
				t.Errorf("%d bytes held", len(l.buf))
			}
		})
	}
}

func TestLinesWriteDeadline(t *testing.T) {
	release := make(chan struct{})
	l := feed(t, Limits{Write: 50 * time.Millisecond}, func(net.Conn) { <-release })
	t.Cleanup(func() { close(release) })
	for {
		if err := l.WriteMessage(make([]byte, 1<<20)); err != nil {
			if !strings.Contains(err.Error(), "timeout") {
				t.Error(err)
			}
			return
		}
	}
}

// What comes out are the lines of the stream in their order, however it is cut
// into pieces; it ends early only at a line that is too long, or at TLS.
func FuzzLines(f *testing.F) {
	for _, stream := range []string{
		"", "{\"id\":1,\"result\":true}\n", "{\"id\":1", "{\"id\":1\n{\"id\":2}\n", "HTTP/1.1 400 Bad Request\r\n\r\n",
		"\x15\x03\x01\x00\x02\x02\x0a", "\r\n\n \n{}\n", "{\"id\":\"\x00\"}\n", "{\"id\":\"\xff\"}\n", strings.Repeat("[", 20000) + "\n",
		strings.Repeat("{\"id\":9,\"method\":\"ping\"}\n", 20),
	} {
		f.Add([]byte(stream), uint8(99))
	}
	f.Add([]byte("{\"id\":1}\r\n\n{\"id\":2}\n"), uint8(3))
	f.Add([]byte("\xef\xbb\xbf{}\n"), uint8(1))
	f.Add([]byte("{}\x00\r\n\x00{}\n\x00\n0\x00\n"), uint8(2))
	f.Add([]byte(strings.Repeat("x", 300)), uint8(200))
	f.Fuzz(func(t *testing.T, stream []byte, chunk uint8) {
		const limit = 64
		var want []string
		tooLong := len(stream) > 0 && (stream[0] == 0x15 || stream[0] == 0x16)
		rest := string(stream)
		for line, after, whole := strings.Cut(rest, "\n"); ; line, after, whole = strings.Cut(rest, "\n") {
			tooLong = tooLong || len(line) > limit
			if !whole {
				break
			}
			line = strings.TrimFunc(line, func(r rune) bool { return r <= ' ' && strings.ContainsRune("\x00\t\n\v\f\r ", r) || r == 0xfeff })
			if line != "" {
				want = append(want, line)
			}
			rest = after
		}
		l := NewLines(&pieces{rest: stream, size: int(chunk) + 1}, Limits{Line: limit})
		for n := 0; ; n++ {
			line, err := l.ReadMessage()
			if len(l.buf) > limit+readChunk {
				t.Fatalf("%d bytes held", len(l.buf))
			}
			if err != nil {
				if n < len(want) && !tooLong {
					t.Fatalf("%v after %d lines of %q", err, n, want)
				}
				return
			}
			if n >= len(want) || string(line) != want[n] || len(line) > limit {
				t.Fatalf("line %d is %q; want of %q", n, line, want)
			}
		}
	})
}

// pieces is a connection that gives a stream in pieces.
type pieces struct {
	net.Conn
	rest []byte
	size int
}

func (p *pieces) SetReadDeadline(time.Time) error { return nil }

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, net.ErrClosed
	}
	n := copy(b, p.rest[:min(p.size, len(p.rest))])
	p.rest = p.rest[n:]
	return n, nil
}
