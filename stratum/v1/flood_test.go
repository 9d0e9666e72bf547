package v1

import (
	"crypto/tls"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"quarry/stratum/stratumtest"
)

// TestFloodOfJobs: of a burst of jobs the first are all acted on, the others
// only now and then; but the last one is, each in its order and with the
// difficulty that was in force.
func TestFloodOfJobs(t *testing.T) {
	const half = 400
	var burst strings.Builder
	for n := range 2 * half {
		if n == half {
			burst.WriteString(`{"id":null,"method":"mining.set_difficulty","params":[7]}` + "\n")
		}
		job := stratumtest.Sample(strconv.Itoa(n)).Params()
		if n%2 == 0 {
			fmt.Fprintf(&burst, `{"id":null,"method":"mining.notify","params":%s}`+"\n", job)
		} else { // as ckpool writes it
			fmt.Fprintf(&burst, `{"params": %s, "id": null, "method": "mining.notify"}`+"\n", job)
		}
	}
	server := stratumtest.Serve(t, func(c *stratumtest.Conn) {
		c.Welcome(stratumtest.Usual())
		c.Send("%s", strings.TrimSuffix(burst.String(), "\n"))
		c.Hang()
	})
	m := mine(t, server, Config{})
	count := 0
	for last := -1; last < 2*half-1; count++ {
		job := m.job()
		n, err := strconv.Atoi(job.ID)
		if err != nil || n <= last {
			t.Fatalf("job %q after %d", job.ID, last)
		}
		want := "1"
		if n >= half {
			want = "7"
		}
		if job.Difficulty.String() != want {
			t.Fatalf("job %d has difficulty %v, want %s", n, job.Difficulty, want)
		}
		last = n
	}
	if count <= maxPushesASecond || count == 2*half {
		t.Errorf("%d of %d jobs were acted on", count, 2*half)
	}
}

// TestDoze: what comes while the reader rests is there afterwards, though
// nothing follows it, and what comes later wakes the reader as ever.
func TestDoze(t *testing.T) {
	certificate, _ := stratumtest.Certificate(t)
	script := func(c *stratumtest.Conn) {
		for _, answer := range []string{"during", "after"} {
			c.Expect("ask")
			time.Sleep(5 * time.Millisecond)
			c.Send("%s", answer)
		}
		c.Hang()
	}
	for name, server := range map[string]*stratumtest.Server{"TCP": stratumtest.Serve(t, script), "TLS": stratumtest.ServeTLS(t, certificate, script)} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, server.Address)
			if name == "TLS" {
				conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
			}
			defer conn.Close()
			l := NewLines(conn, Limits{Silence: patience})
			ask := func() {
				if err := l.WriteMessage([]byte(`{"id":1,"method":"ask","params":[]}`)); err != nil {
					t.Fatal(err)
				}
			}
			answered := func(want string) {
				if line, err := l.ReadMessage(); err != nil || string(line) != want {
					t.Errorf("%q, %v, not %q", line, err, want)
				}
			}
			ask()
			l.Doze(true)
			time.Sleep(20 * time.Millisecond)
			l.Doze(false)
			answered("during")
			ask()
			answered("after")
		})
	}
}

func TestIsNotify(t *testing.T) {
	params := stratumtest.Sample("1").Params()
	for line, want := range map[string]bool{
		`{"id":null,"method":"mining.notify","params":` + params + `}`:                 true,
		`{"params": ` + params + `, "id": null, "method": "mining.notify"}`:            true,
		`{"id":null,"method":"mining.set_difficulty","params":[1]}`:                    false,
		`{"id":2,"result":[[["mining.notify","ae68"]],"08000002",4],"error":null}`:     false,
		`{"id":2,"error":[20,"mining.notify"]}`:                                        false,
		`{"id":null,"method":"client.show_message","params":["` + params[2:40] + `"]}`: false,
		``: false,
	} {
		if isNotify([]byte(line)) != want {
			t.Errorf("%.60s: %v", line, !want)
		}
	}
}
