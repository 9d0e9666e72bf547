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
		" stratum+tcp://h:1\t\r\n":             "stratum+tcp://h:1",
		"\ufeffh:1\u00a0":                      "stratum+tcp://h:1",
		"h:1/#xnsub":                           "stratum+tcp://h:1#xnsub",
		"wss://h:1/mine?x=1#xnsub":             "stratum+wss://h:1/mine?x=1#xnsub",
		"stratum:3333":                         "stratum+tcp://stratum:3333",
		"tcp:3333":                             "stratum+tcp://tcp:3333",
		"[2001:DB8:0:0::1]:3333":               "stratum+tcp://[2001:db8::1]:3333",
		"[FE80::1%enP4p65s0]:3333":             "stratum+tcp://[fe80::1%enP4p65s0]:3333",
		"ssl://[fe80::1%25enP4p65s0]:3333":     "stratum+ssl://[fe80::1%enP4p65s0]:3333",
		"[fe80::1%7]:3333":                     "stratum+tcp://[fe80::1%7]:3333",
		"[fe80::1%25]:3333":                    "stratum+tcp://[fe80::1%25]:3333",
		"[fe80::1%2525]:3333":                  "stratum+tcp://[fe80::1%25]:3333",
		"[fe80::1%25251]:3333":                 "stratum+tcp://[fe80::1%25251]:3333",
		"[fe80::1%25eth0%2E100]:3333":          "stratum+tcp://[fe80::1%eth0.100]:3333",
		"ws://[fe80::1%br-lan_2~x]:1/p":        "stratum+ws://[fe80::1%br-lan_2~x]:1/p",
		"[fe80::1%Ethernet 2]:3333":            "stratum+tcp://[fe80::1%Ethernet 2]:3333",
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
		"hunter2@pool:1": "user and password settings", "::1:3333": "brackets", "[::1]": "port", "[::x]:1": "IPv6", "po ol:1": "blank",
		"pool\n:1": "character", "bücher.example:1": "xn--", "pool:1/path": "/path", "ws://h:1/a b": "blank",
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

// TestZone: the zone of an address is dialed as it was written, and no part of the
// server's name.
func TestZone(t *testing.T) {
	for text, zone := range map[string]string{
		"[fe80::1%enP4p65s0]:1": "enP4p65s0", "[fe80::1%25enP4p65s0]:1": "enP4p65s0", "[fe80::1%25]:1": "25", "[fe80::1%2525]:1": "25",
		"[fe80::1%25251]:1": "251", "[fe80::1%25a%20b]:1": "a b", "[FE80::1%2]:1": "2",
	} {
		u, err := ParseURL(text)
		if err != nil || u.Zone() != zone || u.Host != "fe80::1%"+zone || u.Address() != "[fe80::1%"+zone+"]:1" || u.Name() != "fe80::1" {
			t.Errorf("%s: %+v, dials %s, named %s, %v", text, u, u.Address(), u.Name(), err)
		}
	}
}

// TestMistyped: slips in a URL are named, with what would be right.
func TestMistyped(t *testing.T) {
	for text, want := range map[string]string{
		"stratum+tcp:pool.org:3333":           `the // is missing behind "stratum+tcp:": write stratum+tcp://pool.org:3333`,
		"Stratum+TCP:pool.org:3333":           `write Stratum+TCP://pool.org:3333`,
		"stratum:pool.org:3333":               `the // is missing behind "stratum:": write stratum://pool.org:3333`,
		"stratum+ssl:pool.org:3333":           "// is missing",
		"stratum+tcps:pool.org:3333":          "write stratum+tcps://pool.org:3333",
		"ssl:pool.org:3333":                   "// is missing",
		"tcp:pool.org:3333":                   "// is missing",
		"tls:[::1]:3333":                      "write tls://[::1]:3333",
		"ws:pool.org:3333/x":                  "write ws://pool.org:3333/x",
		"stratum+tcp:pool.org":                "// is missing",
		"http:pool.org:3333":                  "getwork",
		"stratum+tcp:/pool.org:3333":          "write stratum+tcp://pool.org:3333",
		`stratum+tcp:\\pool.org:3333`:         "write stratum+tcp://pool.org:3333",
		"stratum+tcp:///pool.org:3333":        `has "/" behind the ://: leave it out and write stratum+tcp://pool.org:3333`,
		"stratum+tcp//pool.org:3333":          "write stratum+tcp://pool.org:3333",
		"stratum+tcp;//pool.org:3333":         "write stratum+tcp://pool.org:3333",
		"stratum+tcp:// pool.org:3333":        `has " " behind the ://: leave it out and write stratum+tcp://pool.org:3333`,
		"stratum+tcp ://pool.org:3333":        "write stratum+tcp://pool.org:3333",
		"stratum+tcp://":                      "write stratum+tcp://HOST:PORT",
		"//pool.org:3333":                     "begins with a slash: write stratum+tcp://pool.org:3333",
		"http://stratum+tcp://pool.org:3333":  "two schemes",
		"stratum tcp://pool.org:3333":         "scheme",
		"startum+tcp://pool.org:3333":         `unknown scheme "startum+tcp", did you mean stratum+tcp://?`,
		"stratum+udp:127.0.0.1:3333":          `unknown scheme "stratum+udp", did you mean stratum+tcp://?`,
		"stratm+tcp:pool.org:3333":            `unknown scheme "stratm+tcp", did you mean stratum+tcp://?`,
		"stratm+tcp:/pool.org:3333":           `unknown scheme "stratm+tcp", did you mean stratum+tcp://?`,
		"stratm+tcp:pool.org":                 `unknown scheme "stratm+tcp", did you mean stratum+tcp://?`,
		"startum:pool.org:3333":               `unknown scheme "startum", did you mean stratum://?`,
		"udp:127.0.0.1:3333":                  `unknown scheme "udp"`,
		"stratum+ssl:// /pool.org:3333":       `has " /" behind the ://: leave it out and write stratum+ssl://pool.org:3333`,
		"pool:3333:5":                         "too many colons",
		"localhost:3333:user":                 "too many colons",
		`"stratum+tcp://pool.org:3333"`:       "quotation marks",
		"'pool.org:3333'":                     "quotation marks",
		"“pool.org:3333”":                     "quotation marks",
		"pool.org：3333":                       `(U+FF1A) in place of ':'`,
		"stratum+tcp:／／pool.org:3333":         `(U+FF0F) in place of '/'`,
		"pool–eu.org:3333":                    `(U+2013) in place of '-'`,
		"pool.org:３３３３":                       `in place of '3'`,
		"pool\u200b.org:3333":                 "invisible character in it (U+200B)",
		"pool.org:\t3333":                     "invisible character",
		"pool.org: 3333":                      "blank",
		"pool.org :3333":                      "blank",
		"pool.org 3333":                       "blank",
		"a.org:1,b.org:2":                     "more than one",
		"stratum+tcp://a.org:1 ssl://b.org:2": "more than one",
		"pool.org":                            "needs a port, such as pool.org:3333",
		"stratum+tcp://pool.org":              "needs a port, such as pool.org:3333",
		"pool.org:":                           "needs a port, such as pool.org:3333",
		"[::1]":                               "needs a port, such as [::1]:3333",
		"[::1:3333]":                          "needs a port, such as [::1:3333]:3333",
		"::1":                                 "needs a port, such as [::1]:3333",
		"2001:db8::1:3333":                    "brackets",
		"fe80::1%eth0:3333":                   "brackets",
		"[::1]3333":                           "brackets",
		"[::1:3333":                           "brackets",
		"pool.org:3333:user":                  "too many colons",
		"pool.org:PORT":                       "not a number",
		"pool.org:3333,":                      "is mistyped: write pool.org:3333",
		"pool.org:0x50":                       "not a number",
		"pool.org:3333/user.rig":              "user setting",
		"pool.org:3333?user=rig":              "user setting",
		"pool.org:3333#":                      `"#"`,
		"pool.org:3333#a b":                   "blank",
		"256.1.1.1:3333":                      "not an IPv4 address",
		"192.0.2:3333":                        "not an IPv4 address",
		"192.168.001.002:3333":                "leading zeros",
		"pool..org:3333":                      "not a name",
		".pool.org:3333":                      "not a name",
		strings.Repeat("a", 64) + ".org:3333": "not a name",
		"<pool.org>:3333":                     "character '<'",
		"127.0.0.1%lo:3333":                   "only an IPv6 address has a zone",
		"[::ffff:192.0.2.1%eth0]:3333":        "no zone",
		"[fe80::1%]:3333":                     "no zone",
		"[fe80::1%25%]:3333":                  "badly escaped",
		"[fe80::1%a%2Fb]:3333":                "interface",
		"[fe80::1%25a%2Fb]:3333":              "interface",
		"ws://pool.org:1/\x1b[31m":            "invisible",
		"wss://pool.org:1/a#\x1b":             "invisible",
	} {
		u, err := ParseURL(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }) {
			t.Errorf("%q: %v, %v; want %q", text, u, err, want)
		}
	}
	for text, want := range map[string]string{
		"socks5:127.0.0.1:9050": "write socks5://127.0.0.1:9050", "socks5h:/127.0.0.1:9050": "write socks5h://127.0.0.1:9050",
		"127.0.0.1:9050": "needs a scheme", "socks5://127.0.0.1": "needs a port, such as 127.0.0.1:3333", "'http://h:1'": "quotation marks", "sock5:127.0.0.1:9050": `"sock5" is not a kind of proxy`, "socks5:// h:1": `has " " behind the ://`,
	} {
		if err := (ProxyOptions{URL: text}).Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("proxy %q: %v; want %q", text, err, want)
		}
	}
	if err := (ProxyOptions{URL: " socks5://[fe80::1%25enP4p65s0]:9050\n"}).Check(); err != nil {
		t.Error(err)
	}
}

func FuzzParseURL(f *testing.F) {
	for _, text := range []string{
		"stratum+tcp://pool:3333", "[::1]:1", "wss://h:1/p?q", "user:pass@h:1", "http://x:1", "[fe80::1%enP4p65s0]:1", "[fe80::1%25251]:1",
		"[fe80::1%25a%20b]:1", "stratum+tcp:h:1", "stratum+ssl:\\\\h:1", "h:1/#xnsub", "ws://h:1/p#xnsub", " h:1\n", "h：1", "'h:1'", "a:1,b:2", "::1:1",
	} {
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
