package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"quarry/stratum/localpool"
	"quarry/stratum/localpool/selfsigned"
)

// listenFlag is a flag with an address, and what is spoken there.
type listenFlag struct {
	flag      string
	transport localpool.Transport
}

func listenFlags() []listenFlag {
	return []listenFlag{{"listen", localpool.TCP}, {"listen-tls", localpool.TLS}, {"listen-ws", localpool.WS}, {"listen-wss", localpool.WSS}}
}

// listenAdvice adds to an error of [localpool.Pool.Listen] what to do.
func listenAdvice(err error) error {
	var failed *localpool.ListenError
	if !errors.As(err, &failed) {
		return err
	}
	flag := ""
	for _, l := range listenFlags() {
		if l.transport == failed.Transport {
			flag = l.flag
		}
	}
	const inUseOnWindows = syscall.Errno(10048) // WSAEADDRINUSE
	switch {
	case errors.Is(err, syscall.EADDRINUSE), runtime.GOOS == "windows" && errors.Is(err, inUseOnWindows):
		return fmt.Errorf("%w; another program has this port: try --%s 127.0.0.1:0, which picks a free one", err, flag)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w; this user may not have this port: try --%s 127.0.0.1:0, which picks a free one", err, flag)
	}
	return fmt.Errorf("%w; try an address of this machine: --%s 127.0.0.1:0", err, flag)
}

func poolListeners(c *cli.Context) ([]localpool.Listener, error) {
	var out []localpool.Listener
	for _, l := range listenFlags() {
		addr := c.String(l.flag)
		if addr == "" {
			continue
		}
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, usageFault("--%s %q: give HOST:PORT, such as 127.0.0.1:3333", l.flag, addr)
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return nil, usageFault("--%s %q: the port is not a number from 0 to 65535", l.flag, addr)
		}
		out = append(out, localpool.Listener{Transport: l.transport, Addr: addr})
	}
	if len(out) == 0 {
		return nil, usageFault("nothing to listen on; give --listen HOST:PORT")
	}
	return out, nil
}

// poolTLS loads or generates the certificate; nil when no listener needs one.
func poolTLS(c *cli.Context, listeners []localpool.Listener) (*tls.Config, error) {
	certFile, keyFile := c.String("tls-cert"), c.String("tls-key")
	if (certFile == "") != (keyFile == "") {
		return nil, usageFault("--tls-cert and --tls-key are needed together")
	}
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	var needed bool
	for _, l := range listeners {
		needed = needed || l.Transport == localpool.TLS || l.Transport == localpool.WSS
		if host, _, _ := net.SplitHostPort(l.Addr); host != "" && !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	if !needed {
		if certFile != "" {
			return nil, usageFault("--tls-cert has no effect without --listen-tls or --listen-wss")
		}
		return nil, nil
	}
	var certificate tls.Certificate
	var err error
	if certFile != "" {
		if certificate, err = tls.LoadX509KeyPair(certFile, keyFile); err != nil {
			return nil, usageFault("--tls-cert %q with --tls-key %q: %v", certFile, keyFile, err)
		}
	} else if certificate, err = selfsigned.Certificate(time.Now(), hosts...); err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, nil
}
