package transport

import (
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	for text, want := range map[string]string{
		"stratum+tcp://pool.example.org:3333":  "stratum+tcp://pool.example.org:3333",
		"stratum+tcp://pool.example.org:3333/": "stratum+tcp://pool.example.org:3333",
		"STRATUM+TCP://Pool.Example.Org:3333":  "stratum+tcp://pool.example.org:3333",
		"tcp://pool:1":                         "stratum+tcp://pool:1",
		"pool.example.org:65535":               "stratum+tcp://pool.example.org:65535",
		"192.0.2.1:3333":                       "stratum+tcp://192.0.2.1:3333",
		"[2001:db8::1]:3333":                   "stratum+tcp://[2001:db8::1]:3333",
		"stratum+ssl://[::1]:3333":             "stratum+ssl://[::1]:3333",
		"stratum+tls://h:1":                    "stratum+ssl://h:1",
		"stratum+tcps://h:1":                   "stratum+ssl://h:1",
		"ssl://h:1":                            "stratum+ssl://h:1",
		"tls://h:1":                            "stratum+ssl://h:1",
		"ws://h:1":                             "stratum+ws://h:1",
		"stratum+ws://h:1/":                    "stratum+ws://h:1",
		"stratum+wss://h:1/mine?x=1":           "stratum+wss://h:1/mine?x=1",
		"wss://h:1":                            "stratum+wss://h:1",
		"my_rig-pool.lan:3333":                 "stratum+tcp://my_rig-pool.lan:3333",
	} {
		u, err := ParseURL(text)
		if err != nil || u.String() != want {
			t.Errorf("%s: %s, %v; want %s", text, u, err, want)
			continue
		}
		if again, err := ParseURL(u.String()); err != nil || again != u {
			t.Errorf("%s is not canonical: %+v, %v", u, again, err)
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"": "empty", "pool.example.org": "port", "stratum+tcp://pool.example.org": "port", "stratum+tcp://pool:": "port", "pool:0": "65535",
		"pool:65536": "65535", "pool:-1": "65535", "pool:abc": "65535", ":3333": "host", "stratum+tcp://:3333": "host",
		"http://pool:80": "getwork", "https://pool:443": "getwork", "stratum2+tcp://pool:1": "version 2 of Stratum is not supported yet",
		"ftp://pool:1": "stratum+ssl://", "://pool:1": "", "stratum+tcp://user:hunter2@pool:1": "user and password settings",
		"hunter2@pool:1": "user and password settings", "::1:3333": "brackets", "[::1]": "port", "[::x]:1": "IPv6", "po ol:1": "character",
		"pool\n:1": "character", "bücher.example:1": "xn--", "pool:1#xnsub": "#xnsub", "pool:1/path": "/path", "ws://h:1/a b": "path",
		strings.Repeat("a", 254) + ":1": "253",
	} {
		u, err := ParseURL(text)
		if text == "://pool:1" { // an empty scheme is none
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") || strings.ContainsAny(err.Error(), "\n") {
			t.Errorf("%q: %v, %v; want %q", text, u, err, want)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	for _, text := range []string{"stratum+tcp://pool:3333", "[::1]:1", "wss://h:1/p?q", "user:pass@h:1", "http://x:1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseURL(text)
		if err != nil {
			return
		}
		if again, err := ParseURL(u.String()); err != nil || again != u || u.Port == 0 || u.Host == "" {
			t.Errorf("%q: %+v, then %+v, %v", text, u, again, err)
		}
	})
}
