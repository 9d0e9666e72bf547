package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// zoneInterface has capital letters, as the kernel's names for some slots have.
const zoneInterface = "enP4p65s0"

// TestZoneIsDialed dials a link-local address in a network namespace of its own: plain,
// with TLS and as a WebSocket.
func TestZoneIsDialed(t *testing.T) {
	if os.Getenv("QUARRY_TEST_ZONE") != "" {
		inNamespace(t)
		return
	}
	t.Parallel()
	child := exec.Command(os.Args[0], "-test.run", "^TestZoneIsDialed$", "-test.v", "-test.timeout", "2m")
	child.Env = append(os.Environ(), "QUARRY_TEST_ZONE=1")
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Getuid() != 0 {
		child.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		child.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		child.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := child.CombinedOutput()
	switch {
	case err != nil && len(out) == 0, strings.Contains(string(out), "--- SKIP"):
		t.Skipf("no network namespace to be had: %v %s", err, out)
	case err != nil:
		t.Fatalf("%v\n%s", err, out)
	}
}

func inNamespace(t *testing.T) {
	ip := func(args string) error {
		out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip %s: %w: %s", args, err, out)
		}
		return nil
	}
	err := ip("link add " + zoneInterface + " type dummy")
	if err != nil { // not every kernel has these
		err = ip("link add " + zoneInterface + " type bridge")
	}
	for _, args := range []string{"link set lo up", "link set " + zoneInterface + " up", "-6 addr add fe80::1/64 dev " + zoneInterface + " nodad"} {
		if err == nil {
			err = ip(args)
		}
	}
	if err != nil {
		t.Skip("this machine makes no interface with a zone: ", err)
	}
	own := issue(t, nil, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, []net.IP{net.ParseIP("fe80::1")} })
	plain, secure := zoneServer(t, nil), zoneServer(t, own)
	hosts := make(chan string, 1)
	web := zoneListener(t)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hosts <- r.Host
		if ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil); err == nil {
			ws.Close()
		}
	})}
	go server.Serve(web)
	defer server.Close()
	port := func(l net.Listener) string { _, port, _ := net.SplitHostPort(l.Addr().String()); return port }
	for _, url := range []string{
		"[fe80::1%" + zoneInterface + "]:" + port(plain), "[FE80::1%25" + zoneInterface + "]:" + port(plain), "[fe80::1%2]:" + port(plain),
		"ssl://[fe80::1%25" + zoneInterface + "]:" + port(secure), "ssl://[fe80::1%" + zoneInterface + "]:" + port(secure),
		"ws://[fe80::1%" + zoneInterface + "]:" + port(web) + "/x",
	} {
		options := TLSOptions{}
		if strings.HasPrefix(url, "ssl") {
			options.CAFile = own.file(t)
		}
		conn, _, err := dialTest(t, url, options, Limits{})
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		conn.Close()
	}
	if host := <-hosts; host != "[fe80::1]:"+port(web) {
		t.Errorf("the web server was asked as %q: a zone is none of its business", host)
	}
	for url, want := range map[string]string{
		"[fe80::1]:" + port(plain): zoneInterface, "[fe80::1%" + strings.ToLower(zoneInterface) + "]:" + port(plain): "this machine has " + zoneInterface,
		"[fe80::1%99]:" + port(plain): zoneInterface, "[fe80::1%" + zoneInterface + "]:1": "refused",
	} {
		if _, _, err := dialTest(t, url, TLSOptions{}, Limits{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
}

// zoneListener listens at the link-local address, when the kernel has taken it.
func zoneListener(t *testing.T) net.Listener {
	t.Helper()
	var l net.Listener
	var err error
	for range 100 {
		if l, err = new(net.ListenConfig).Listen(context.Background(), "tcp", "[fe80::1%"+zoneInterface+"]:0"); err == nil {
			t.Cleanup(func() { l.Close() })
			return l
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal(err)
	return nil
}

// zoneServer accepts connections, and shakes hands on them if it has a certificate.
func zoneServer(t *testing.T, own *issued) net.Listener {
	l := zoneListener(t)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if own != nil {
				_ = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{own.pair}}).Handshake()
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-ended })
	return l
}
