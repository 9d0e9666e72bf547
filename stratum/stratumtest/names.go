package stratumtest

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
)

// Names is a name server that tests control. The zero value answers that no name
// exists.
type Names struct {
	mu        sync.Mutex
	addresses map[string][]netip.Addr
}

// Set gives a name its addresses; without any, it does not exist.
func (n *Names) Set(name string, addresses ...string) {
	var parsed []netip.Addr
	for _, a := range addresses {
		parsed = append(parsed, netip.MustParseAddr(a))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.addresses == nil {
		n.addresses = make(map[string][]netip.Addr)
	}
	n.addresses[name] = parsed
}

// Resolver returns a resolver that asks only this name server, over pipes:
// nothing leaves the process. Names of the hosts file keep their addresses.
func (n *Names) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go n.serve(server)
		return client, nil
	}}
}

// serve answers the queries of one connection, with length prefixes as over TCP.
func (n *Names) serve(conn net.Conn) {
	defer conn.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		answer := n.answer(query)
		if answer == nil {
			return
		}
		answer = append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

// Parts of DNS messages (RFC 1035).
const (
	headerSize = 12
	typeA      = 1
	typeAAAA   = 28
	noSuchName = 3
)

// answer returns the reply to a query of one question, or nil if it is not one.
func (n *Names) answer(query []byte) []byte {
	name, end := question(query)
	if end == 0 {
		return nil
	}
	kind := binary.BigEndian.Uint16(query[end-4:])
	n.mu.Lock()
	known := n.addresses[name]
	n.mu.Unlock()
	var records []byte
	count := 0
	for _, a := range known {
		if a.Is4() != (kind == typeA) || a.Is6() != (kind == typeAAAA) {
			continue
		}
		count++
		bytes := a.AsSlice()
		records = append(records, 0xc0, headerSize)                // the question's name
		records = append(records, query[end-4:end]...)             // type and class
		records = append(records, 0, 0, 0, 0, 0, byte(len(bytes))) // time to live: 0 s
		records = append(records, bytes...)
	}
	flags := uint16(0x8180)
	if len(known) == 0 {
		flags |= noSuchName
	}
	answer := append([]byte(nil), query[:2]...)
	for _, field := range []uint16{flags, 1, uint16(count), 0, 0} {
		answer = binary.BigEndian.AppendUint16(answer, field)
	}
	return append(append(answer, query[headerSize:end]...), records...)
}

// question returns the name that a query asks for and the end of the question;
// 0 means that it is not such a query.
func question(query []byte) (name string, end int) {
	var labels []string
	at := headerSize
	for {
		if at >= len(query) {
			return "", 0
		}
		size := int(query[at])
		at++
		if size == 0 {
			break
		}
		if size > 63 || at+size > len(query) {
			return "", 0
		}
		labels = append(labels, string(query[at:at+size]))
		at += size
	}
	if at+4 > len(query) {
		return "", 0
	}
	return strings.ToLower(strings.Join(labels, ".")), at + 4
}
