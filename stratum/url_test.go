package stratum

import (
	"io"
	"strings"
	"testing"
	"time"

	"quarry/stratum/stratumtest"
	v1 "quarry/stratum/v1"
)

// TestExtranonceSubscribe: the request is sent where it is asked for, behind the
// URL as in other miners or by the setting, and nowhere else.
func TestExtranonceSubscribe(t *testing.T) {
	asked := make(chan bool, 1)
	script := func(c *stratumtest.Conn) {
		c.Welcome(stratumtest.Usual())
		c.Notify(today("1").Params())
		line := make([]byte, 200)
		n, _ := c.Raw().Read(line)
		asked <- strings.Contains(string(line[:n]), "mining.extranonce.subscribe")
		_, _ = io.Copy(io.Discard, c.Raw())
	}
	plain := stratumtest.Serve(t, script)
	for _, c := range []struct {
		pool Pool
		want bool
	}{
		{Pool{URL: plain.URL}, false},
		{Pool{URL: plain.URL, SubscribeExtra: true}, true},
		{Pool{URL: plain.URL + "#xnsub"}, true},
		{Pool{URL: plain.URL + "/#XNSUB"}, true},
	} {
		if _, said, _, err := checked(t, c.pool, v1.Limits{}, 300*time.Millisecond); err != nil {
			t.Fatalf("%s: %v\n%s", c.pool.URL, err, said)
		}
		if got := <-asked; got != c.want {
			t.Errorf("%+v: asked %v", c.pool, got)
		}
	}
	members, err := Members(Options{Pools: []Pool{{URL: "tcp://h:1/#xnsub", User: "x"}}})
	if err != nil || members[0].Name != "stratum+tcp://h:1" {
		t.Errorf("%+v, %v", members, err)
	}
	for _, text := range []string{"h:1#skipcbcheck", "h:1#xnsub,x", "h:1#xnsub#xnsub", "h:1/#xnsub/", "h:1#"} {
		if u, _, err := ParseURL(text); err == nil || !strings.Contains(err.Error(), "#") {
			t.Errorf("%s: %v, %v", text, u, err)
		}
	}
}
