package main

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"quarry/device/cpu/tune"
	"quarry/hashing"
	"quarry/internal/testutil"
	"quarry/stratum/localpool/selfsigned"
	"quarry/stratum/stratumtest"
	"quarry/telemetry"
)

func TestMain(m *testing.M) {
	testscript.Main(testutil.SideBySide{M: m, Tests: 4}, map[string]func(){"quarry": func() { // main, but it measures only for a moment
		var out io.Writer = os.Stdout
		if len(os.Args) == 2 && os.Args[1] == tune.Command {
			out = trap{os.Stdout}
		}
		os.Exit(run(context.Background(), os.Args, os.Stdin, out, os.Stderr, 50*time.Millisecond))
	}})
}

// trap is the output of the child process that tests kernels. It ends that like a
// kernel with an illegal instruction would, when one begins that the file "trap" of the
// working folder names. There is no file in it if nothing is to trap.
type trap struct{ io.Writer }

func (w trap) Write(line []byte) (int, error) {
	n, err := w.Writer.Write(line)
	if kernel, _ := os.ReadFile("trap"); len(kernel) > 0 && strings.Contains(string(line), fmt.Sprintf(`{"begin":%q}`, strings.TrimSpace(string(kernel)))) {
		self, _ := os.FindProcess(os.Getpid())
		_ = self.Signal(syscall.SIGILL)
		time.Sleep(time.Hour)
	}
	return n, err
}

// TestScripts drives the real program as a user does: testdata/*.txtar.
func TestScripts(t *testing.T) {
	// Two proxies for all scripts. They resolve a name that is not in DNS.
	hosts := map[string]string{"pool.invalid": "127.0.0.1"}
	socks := stratumtest.ServeSOCKS5(t, stratumtest.ProxyRules{Hosts: hosts})
	connect := stratumtest.ServeCONNECT(t, stratumtest.ProxyRules{User: "rig", Password: "hunter2", Hosts: hosts})
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     cmdExits,
			"events":    eventsCommand(t),
			"summary":   cmdSummary,
			"waitfor":   cmdWaitFor,
			"expandenv": cmdExpandEnv,
			"badpool":   cmdBadPool,
			"waitlog":   cmdWaitLog,
			"hangup":    cmdHangup,
			"daylog":    cmdDayLog,
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "nohup":
				return signal.Ignored(syscall.SIGHUP), nil
			case "mounts": // a script may mount what it likes, in a namespace of its own
				return exec.Command("unshare", "-m", "true").Run() == nil, nil
			case "choice": // more than one kernel runs here
				runnable := 0
				for _, k := range hashing.Kernels() {
					if k.MissingHere() == "" {
						runnable++
					}
				}
				return runnable > 1, nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Setup: func(env *testscript.Env) error {
			// A home without settings, and two ports that were free just now.
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_CONFIG_HOME", env.WorkDir+"/xdg")
			env.Setenv("XDG_CACHE_HOME", env.WorkDir+"/cache")
			env.Setenv("XDG_STATE_HOME", env.WorkDir+"/state")
			env.Setenv("NO_COLOR", "1")
			env.Setenv("SOCKS", socks.URL)
			env.Setenv("CONNECT", connect.URL)
			for _, name := range []string{"PORT", "PORT2"} {
				port, err := freePort()
				if err != nil {
					return err
				}
				env.Setenv(name, port)
			}
			return writeCertificate(env)
		},
	})
}

// writeCertificate leaves cert.pem, key.pem and $PIN for a pool with TLS.
func writeCertificate(env *testscript.Env) error {
	c, err := selfsigned.Certificate(time.Now(), "127.0.0.1")
	if err != nil {
		return err
	}
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		return err
	}
	env.Setenv("PIN", selfsigned.Pin(c))
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: c.Certificate[0]},
		"key.pem":  {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(filepath.Join(env.WorkDir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// freePort is below the ports that systems give to those who ask for any (32768 and
// above with Linux, 49152 with others), which tests next to this one do all the time.
func freePort() (string, error) {
	for range 1000 {
		port := strconv.Itoa(15000 + rand.IntN(15000))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			return port, l.Close()
		}
	}
	return "", errors.New("no free port between 15000 and 30000")
}

// cmdExits is "exits CODE PROGRAM ARGS...": it runs the program and checks its
// exit code. Its output is there for stdout and stderr.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// cmdSummary is "summary FILE FIELD OP VALUE...": the last line of the file is
// the JSON summary, whose snapshot has fields, or fields of its shares, that
// satisfy the comparisons (== or >). The books of the pools add up to it.
func cmdSummary(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args)%3 != 1 {
		ts.Fatalf("usage: summary FILE [FIELD OP VALUE]...")
	}
	lines := strings.Split(strings.TrimSpace(ts.ReadFile(args[0])), "\n")
	var line struct {
		Msg      string
		Snapshot map[string]any
	}
	ts.Check(json.Unmarshal([]byte(lines[len(lines)-1]), &line))
	if line.Msg != "summary" || line.Snapshot["schema"] != float64(telemetry.Schema) {
		ts.Fatalf("the last line is no summary: %s", lines[len(lines)-1])
	}
	fields := line.Snapshot["shares"].(map[string]any)
	pools := line.Snapshot["pools"].([]any)
	for field := range fields {
		if n, sum := number(fields, field), 0.0; slices.Contains(counted, field) {
			for _, pool := range pools {
				sum += number(pool.(map[string]any)["shares"].(map[string]any), field)
			}
			if sum != n {
				ts.Fatalf("%v %s, but %v by pool: %s", n, field, sum, lines[len(lines)-1])
			}
		}
	}
	if found := number(fields, counted[1:]...); found != number(fields, "found") {
		ts.Fatalf("found %v shares, but verdicts for %v", fields["found"], found)
	}
	maps.Copy(fields, line.Snapshot)
	for args = args[1:]; len(args) > 0; args = args[3:] {
		got, ok := fields[args[0]].(float64)
		want, err := strconv.ParseFloat(args[2], 64)
		ts.Check(err)
		if !ok || args[1] == "==" && got != want || args[1] == ">" && got <= want {
			ts.Fatalf("%s is %v, want %s %s", args[0], fields[args[0]], args[1], args[2])
		}
	}
}

// counted are shares, and what became of them.
var counted = []string{"found", "accepted", "rejected", "stale", "lost"}

// number is the sum of numeric fields.
func number(object map[string]any, fields ...string) (total float64) {
	for _, f := range fields {
		n, _ := object[f].(float64)
		total += n
	}
	return total
}

// cmdWaitFor is "waitfor ADDRESS": it returns when the address accepts connections.
func cmdWaitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitfor ADDRESS")
	}
	var err error
	for range 3000 {
		var c net.Conn
		if c, err = net.DialTimeout("tcp", args[0], 10e6); err == nil {
			c.Close()
			return
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			pauseBriefly()
		}
	}
	ts.Fatalf("nobody listens: %v", err)
}

func pauseBriefly() { time.Sleep(10 * time.Millisecond) }

// cmdExpandEnv is "expandenv FILE": ${NAME} in the file becomes its value.
func cmdExpandEnv(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: expandenv FILE")
	}
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// cmdBadPool is "badpool KIND ADDRESS": a server there, until the script ends,
// that is not a pool (http, ssh, silent), refuses the user (refuses) or gives no
// verdict on any share (deaf).
func cmdBadPool(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: badpool KIND ADDRESS")
	}
	l, err := net.Listen("tcp", args[1])
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	answers := map[string]func(net.Conn){
		"http":   func(c net.Conn) { fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>\n") },
		"ssh":    func(c net.Conn) { fmt.Fprint(c, "SSH-2.0-OpenSSH_9.2p1\r\n") },
		"silent": func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
		"refuses": func(c net.Conn) {
			for lines := bufio.NewScanner(c); lines.Scan(); {
				handshake(c, lines.Bytes(), "false")
			}
		},
		"deaf": func(c net.Conn) {
			for lines := bufio.NewScanner(c); lines.Scan(); {
				if handshake(c, lines.Bytes(), "true") == "mining.authorize" {
					fmt.Fprintf(c, `{"id":null,"method":"mining.set_difficulty","params":[1e-6]}`+"\n"+
						`{"id":null,"method":"mining.notify","params":%s}`+"\n", stratumtest.Sample("1").Params())
				}
			}
		},
	}
	answer, known := answers[args[0]]
	if !known {
		ts.Fatalf("no such kind of pool")
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				answer(c)
			}()
		}
	}()
}

// handshake answers a Stratum request unless it is a submit; authorized is the
// result of mining.authorize. It returns the request's method.
func handshake(c net.Conn, line []byte, authorized string) (method string) {
	var request struct {
		ID     int
		Method string
	}
	if json.Unmarshal(line, &request) != nil {
		return ""
	}
	result := "true"
	switch request.Method {
	case "mining.configure":
		result = `{"version-rolling":false}`
	case "mining.subscribe":
		result = `[[["mining.notify","1"]],"aabbccdd",4]`
	case "mining.authorize":
		result = authorized
	case "mining.submit":
		return request.Method
	}
	fmt.Fprintf(c, `{"id":%d,"result":%s,"error":null}`+"\n", request.ID, result)
	return request.Method
}

// cmdWaitLog is "waitlog FILE TEXT": it returns when the text is in the file.
func cmdWaitLog(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitlog FILE TEXT")
	}
	for range 6000 {
		if text, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && strings.Contains(string(text), args[1]) {
			return
		}
		pauseBriefly()
	}
	ts.Fatalf("%q does not come up in %s", args[1], args[0])
}

// cmdHangup is "hangup": it sends SIGHUP to all background programs of the script.
func cmdHangup(ts *testscript.TestScript, _ bool, _ []string) {
	for _, c := range ts.BackgroundCmds() {
		ts.Check(c.Process.Signal(syscall.SIGHUP))
	}
}
