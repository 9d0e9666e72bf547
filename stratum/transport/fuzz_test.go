package transport

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// FuzzWebSocket lets a server say anything at all once the WebSocket is open.
// Each message is within the limit and not blank, and the reader ends with the
// stream.
func FuzzWebSocket(f *testing.F) {
	const limit = 300
	frame := func(head byte, payload string) []byte {
		b := []byte{head}
		if len(payload) < 126 {
			b = append(b, byte(len(payload)))
		} else {
			b = binary.BigEndian.AppendUint16(append(b, 126), uint16(len(payload)))
		}
		return append(b, payload...)
	}
	const text, fragment, binaryMessage, rest, closing, ping, pong = 0x81, 0x01, 0x82, 0x80, 0x88, 0x89, 0x8a
	for _, stream := range [][]byte{
		{}, frame(text, `{"id":1,"result":true}`), frame(binaryMessage, `{"id":1}`), frame(text, " \r\n"), frame(text, "\xef\xbb\xbf{}"),
		append(frame(fragment, `{"id":`), frame(rest, `1}`)...), append(frame(fragment, `{"id":`), frame(ping, "x")...), frame(ping, "x"), frame(pong, ""),
		frame(closing, "\x03\xe8bye\x1b[2J"), frame(closing, "\x03"), frame(closing, ""), frame(text, strings.Repeat("x", limit+1)), frame(text, strings.Repeat("x", limit)),
		{text, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {text, 127, 0, 0, 0, 0, 0, 0, 0, 1, 'x'}, {text, 126, 0}, {0xf1, 1, 'x'}, {text, 0x81, 1, 2, 3, 4, 5},
		[]byte("{\"id\":1}\n"), append(frame(text, "\xff\xfe"), frame(text, "{}")...),
	} {
		f.Add(stream, uint16(4095))
		f.Add(stream, uint16(0))
	}
	f.Fuzz(func(t *testing.T, stream []byte, chunk uint16) {
		conn := &upgraded{stream: stream, chunk: int(chunk) + 1}
		dialer := websocket.Dialer{NetDialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
		ws, _, err := dialer.DialContext(t.Context(), "ws://pool/", nil)
		if err != nil {
			t.Fatal(err)
		}
		ws.SetReadLimit(limit)
		w := &webSocket{ws: ws, limits: Limits{}.WithDefaults()}
		for left := len(stream); ; left-- { // each message takes a byte at least
			message, err := w.ReadMessage()
			if err != nil {
				if text := err.Error(); strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) || len(text) > 1000 {
					t.Errorf("error %q", text)
				}
				return
			}
			if len(message) == 0 || len(message) > limit || left < 0 {
				t.Fatalf("message %q", message)
			}
		}
	})
}

// upgraded is a connection to a server that agrees to a WebSocket and then
// says the stream.
type upgraded struct {
	net.Conn
	stream []byte
	chunk  int
	asked  []byte
	answer []byte
}

func (u *upgraded) Write(b []byte) (int, error) {
	if u.answer == nil {
		u.asked = append(u.asked, b...)
		if request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(u.asked))); err == nil {
			sum := sha1.Sum([]byte(request.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
			u.answer = []byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
				base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n")
		}
	}
	return len(b), nil
}

func (u *upgraded) Read(b []byte) (int, error) {
	from := &u.answer
	if len(u.answer) == 0 {
		from = &u.stream
	}
	if len(*from) == 0 {
		return 0, io.EOF
	}
	n := copy(b, (*from)[:min(u.chunk, len(*from))])
	*from = (*from)[n:]
	return n, nil
}

func (u *upgraded) Close() error                     { return nil }
func (u *upgraded) SetDeadline(time.Time) error      { return nil }
func (u *upgraded) SetReadDeadline(time.Time) error  { return nil }
func (u *upgraded) SetWriteDeadline(time.Time) error { return nil }
