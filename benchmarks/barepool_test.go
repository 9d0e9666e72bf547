package benchmarks

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// barePool is a pool in its own process, connected to the miner only by a socket.
// It does the minimum: the handshake, jobs on demand, and it accepts every share.
type barePool struct {
	address string
	process int // its id
	say     io.Writer
	heard   *bufio.Reader
}

const barePoolVariable = "QUARRY_TEST_POOL"

// TestMain is the bare pool's main function where the test binary was started
// as one.
func TestMain(m *testing.M) {
	if mask, isPool := os.LookupEnv(barePoolVariable); isPool {
		serveBarePool(mask)
		return
	}
	os.Exit(m.Run())
}

// startBarePool starts a pool that grants the mask for version rolling, none if
// it is empty.
func startBarePool(b *testing.B, mask string) *barePool {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), barePoolVariable+"="+mask, "GOMAXPROCS=2")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	check(b, err)
	out, err := cmd.StdoutPipe()
	check(b, err)
	check(b, cmd.Start())
	b.Cleanup(func() { in.Close(); cmd.Wait() })
	p := &barePool{process: cmd.Process.Pid, say: in, heard: bufio.NewReader(out)}
	p.address = p.line(b)
	return p
}

// order gives the pool one of the orders that follow knows.
func (p *barePool) order(b *testing.B, format string, args ...any) {
	b.Helper()
	_, err := fmt.Fprintf(p.say, format+"\n", args...)
	check(b, err)
}

// awaitMiner waits for a miner's handshake, and gives it a job.
func (p *barePool) awaitMiner(b *testing.B) {
	b.Helper()
	if line := p.line(b); line != "miner" {
		b.Fatalf("the pool says %q", line)
	}
	p.order(b, "job")
}

func (p *barePool) line(b *testing.B) string {
	b.Helper()
	line, err := p.heard.ReadString('\n')
	check(b, err)
	return strings.TrimSpace(line)
}

// The rest runs in the pool's process.

type bareServer struct {
	mask string

	mu     sync.Mutex
	conn   net.Conn
	number int
	line   []byte
}

func serveBarePool(mask string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	s := &bareServer{mask: mask}
	go s.follow()
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go s.serve(conn)
	}
}

// follow executes the benchmark's orders until it hangs up: "difficulty D" and
// "job" send one message.
func (s *bareServer) follow() {
	defer os.Exit(0)
	for orders := bufio.NewScanner(os.Stdin); orders.Scan(); {
		switch words := strings.Fields(orders.Text()); words[0] {
		case "difficulty":
			s.send(fmt.Appendf(nil, `{"id":null,"method":"mining.set_difficulty","params":[%s]}`+"\n", words[1]))
		case "job":
			s.notify()
		}
	}
}

func (s *bareServer) serve(conn net.Conn) {
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		var call struct {
			ID     json.RawMessage
			Method string
		}
		if json.Unmarshal(lines.Bytes(), &call) != nil {
			return
		}
		result := "true"
		switch call.Method {
		case "mining.configure":
			result = fmt.Sprintf(`{"version-rolling":%v,"version-rolling.mask":%q}`, s.mask != "", s.mask)
		case "mining.subscribe":
			result = `[[["mining.notify","1"]],"0a0b0c0d",8]`
		case "mining.authorize":
			s.mu.Lock()
			s.conn = conn
			s.mu.Unlock()
		}
		s.send(fmt.Appendf(nil, `{"id":%s,"result":%s,"error":null}`+"\n", call.ID, result), conn)
		if call.Method == "mining.authorize" {
			fmt.Println("miner")
		}
	}
}

// send writes to the connection, by default the miner's.
func (s *bareServer) send(line []byte, to ...net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	conn := s.conn
	if len(to) > 0 {
		conn = to[0]
	}
	conn.Write(line) // a disconnected miner is ignored
}

// notify sends a job like those of the main net, with 12 branches. Its id is
// when the writing began, in nanoseconds of Unix time.
func (s *bareServer) notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.number++
	s.line = append(s.line[:0], `{"id":null,"method":"mining.notify","params":["`...)
	at := len(s.line)
	s.line = append(s.line, "0123456789abcdef"+`","171592f223740e92d223f6e68bff25279af7ac4f2246451e0000000200000000","0200000001`...)
	s.line = append(s.line, strings.Repeat("0", 64)+"ffffffff3503"...)
	s.line = hex.AppendEncode(s.line, binary.BigEndian.AppendUint64(nil, uint64(s.number)))
	s.line = append(s.line, strings.Repeat("5c", 32)+`","ffffffff02`+strings.Repeat("00f2052a01000000160014751e76e8199196d454941c45d1b3a323f1433bd6", 3)+`00000000",["`...)
	s.line = append(s.line, strings.Repeat(strings.Repeat("3c", 32)+`","`, 11)+strings.Repeat("7e", 32)...)
	s.line = append(s.line, `"],"20000000","17034219","6745f1c0",false]}`+"\n"...)
	hex.Encode(s.line[at:], binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixNano())))
	s.conn.Write(s.line)
}
