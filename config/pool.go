package config

import (
	"slices"
	"strings"
)

// Pool is one [[pool]] entry.
type Pool struct {
	URL      string // as written; never holds credentials
	User     string
	Password Secret // already read from PasswordFile when that is set
	// PasswordFile is where Password was read from, or "".
	PasswordFile string
	TLSCA        string // PEM file of extra certificate authorities, or ""
	TLSPin       string // "sha256:…", or ""
	TLSInsecure  bool   // do not verify the certificate
	Proxy        string // "socks5://host:port" or "http://host:port", or ""; never holds credentials
	ProxyUser    string
	// ProxyPassword was read from ProxyPasswordFile when that is set.
	ProxyPassword     Secret
	ProxyPasswordFile string
	// VersionRolling allows the BIP 310 version-rolling request.
	VersionRolling bool
	// SuggestDifficulty is decimal text, exactly as written, SuggestAuto, or "" to suggest
	// nothing. It is text because a difficulty is never a float here.
	SuggestDifficulty string
	// ExtranonceSubscribe allows the pool to change the extranonce while
	// connected.
	ExtranonceSubscribe bool
	Quota               int // percent of the hash rate, with the strategy balance
}

// SuggestAuto as SuggestDifficulty stands for what fits the machine's speed.
const SuggestAuto = "auto"

// Pools is the [[pool]] entries in the order of preference.
type Pools []Pool

func (*Pools) table() table {
	return table{
		name: "pool", array: true, namedBy: "url", category: "Pool",
		title: "Where to mine. Several [[pool]] entries are tried in this order.\nWithout any, quarry mines its built-in practice pool, which pays nothing.",
		intro: "The pool to mine. Without one, quarry mines its built-in practice pool,\nwhich pays nothing. Give another [[pool]] below it as a backup.",
		none:  "no pool: quarry mine would mine the built-in practice pool",
		settings: []Setting{
			{Key: "url", Kind: String, Required: true, InSample: true, LoginKeys: "user and password (--user, --pass)", Env: "QUARRY_URL", Flag: "url", Aliases: []string{"o"},
				Doc:     "pool to mine",
				Long:    "Schemes: stratum+tcp://, stratum+ssl:// (also stratum+tls://,\nstratum+tcps://), stratum+ws:// and stratum+wss://, always with a port.\nUser and password do not go in here. #xnsub at the end is the same as\nextranonce_subscribe = true.",
				Example: "stratum+tcp://pool.example.com:3333"},
			{Key: "user", Kind: String, Required: true, InSample: true, Env: "QUARRY_USER", Flag: "user", Aliases: []string{"u"},
				Doc:     "user name, often address.worker",
				Long:    "What the pool pays to: for most pools a Bitcoin address or an account\nname, with \".worker\" behind it. As a flag without --url it applies to every\npool of this file.",
				Example: "address.worker"},
			{Key: "password", Kind: SecretText, InSample: true, Prompt: "pool password", Default: "x", Env: "QUARRY_PASS", Flag: "pass", Aliases: []string{"p", "password"},
				Doc:     "password; most pools ignore it",
				Long:    "As a flag, - reads it from standard input. It is never logged or shown.\nNot together with password_file.",
				Example: "x"},
			{Key: "password_file", Kind: Path, Env: "QUARRY_PASSWORD_FILE", Flag: "password-file",
				Doc:     "file that holds the password",
				Long:    "One line, at most 4096 bytes. Keep it readable for yourself only.",
				Example: "pool.password"},
			{Key: "tls_ca", Kind: Path, Env: "QUARRY_TLS_CA", Flag: "tls-ca",
				Doc:     "PEM file of certificate authorities to trust",
				Long:    "For a pool with a self-signed certificate.",
				Example: "pool-ca.pem"},
			{Key: "tls_pin", Kind: String, Env: "QUARRY_TLS_PIN", Flag: "tls-pin",
				Doc:  "accept only the certificate with this sha256:… fingerprint",
				Long: "sha256: and the fingerprint of the pool's certificate in hex."},
			{Key: "tls_insecure", Kind: Bool, Default: "false", Env: "QUARRY_TLS_INSECURE", Flag: "tls-insecure",
				Doc:  "do not verify the pool's certificate",
				Long: "Anyone between here and the pool can then take over the connection."},
			{Key: "proxy", Kind: String, WarnUnused: true, LoginKeys: "proxy_user and proxy_password (--proxy-user, --proxy-pass)", Env: "QUARRY_PROXY", Flag: "proxy",
				Doc:     "proxy to reach the pool through",
				Long:    "socks5://HOST:PORT or http://HOST:PORT (CONNECT). The proxy looks up the\npool's name, and TLS goes through it to the pool. User and password do not\ngo in here.",
				Example: "socks5://127.0.0.1:9050"},
			{Key: "proxy_user", Kind: String, Env: "QUARRY_PROXY_USER", Flag: "proxy-user",
				Doc:     "user name for the proxy",
				Example: "rig1"},
			{Key: "proxy_password", Kind: SecretText, Prompt: "proxy password", Env: "QUARRY_PROXY_PASS", Flag: "proxy-pass", Aliases: []string{"proxy-password"},
				Doc:     "password for the proxy",
				Long:    "As a flag, - reads it from standard input. It is never logged or shown.\nNot together with proxy_password_file.",
				Example: "secret"},
			{Key: "proxy_password_file", Kind: Path, Env: "QUARRY_PROXY_PASSWORD_FILE", Flag: "proxy-password-file",
				Doc:     "file that holds the password for the proxy",
				Long:    "One line, at most 4096 bytes. Keep it readable for yourself only.",
				Example: "proxy.password"},
			{Key: "version_rolling", Kind: Bool, Default: "true", Env: "QUARRY_VERSION_ROLLING", Flag: "no-version-rolling", Inverted: true,
				Doc:  "ask the pool for version rolling (BIP 310)",
				Long: "Turn it off for a pool that answers the request wrongly."},
			{Key: "suggest_difficulty", Kind: Decimal, Allowed: []string{SuggestAuto}, Env: "QUARRY_SUGGEST_DIFFICULTY", Flag: "suggest-difficulty",
				Doc:     "share difficulty to suggest to the pool, or auto",
				Long:    "A decimal number above 0, or auto: what this machine finds a share of in ten\nseconds. Empty suggests nothing. Pools may ignore it.",
				Example: "0.001"},
			{Key: "extranonce_subscribe", Kind: Bool, Default: "false", Env: "QUARRY_EXTRANONCE_SUBSCRIBE", Flag: "extranonce-subscribe",
				Doc:  "let the pool change the extranonce (also #xnsub behind the url)",
				Long: "Sends mining.extranonce.subscribe, which some pools and proxies want\nand others disconnect at."},
			{Key: "quota", Kind: Int, Default: "0", Max: 100, Env: "QUARRY_QUOTA", Flag: "quota",
				Doc:     "percent of the hash rate, with the strategy balance",
				Long:    "The quotas of all pools add up to 100. Pools with quota 0 are\nused only when all others are down.",
				Example: "60"},
		}}
}

func (p *Pools) set(c checker, all values) {
	entries := all["pool"]
	anyTLS := slices.ContainsFunc(entries, func(e *entry) bool { return !plainURL(e.items["url"].text) })
	seen := map[string]item{}
	for _, e := range entries {
		checkPool(c, e, anyTLS)
		checkCA(c, e.items["tls_ca"])
		pool := newPool(c, e)
		checkWhole(c, e, pool, seen)
		*p = append(*p, pool)
	}
}

func newPool(c checker, e *entry) Pool {
	return Pool{
		URL:                 e.items["url"].text,
		User:                e.items["user"].text,
		Password:            e.secret(c, "password"),
		PasswordFile:        e.items["password_file"].text,
		TLSCA:               e.items["tls_ca"].text,
		TLSPin:              e.items["tls_pin"].text,
		TLSInsecure:         e.items["tls_insecure"].yes,
		Proxy:               e.items["proxy"].text,
		ProxyUser:           e.items["proxy_user"].text,
		ProxyPassword:       e.secret(c, "proxy_password"),
		ProxyPasswordFile:   e.items["proxy_password_file"].text,
		VersionRolling:      e.items["version_rolling"].yes,
		SuggestDifficulty:   e.items["suggest_difficulty"].text,
		ExtranonceSubscribe: e.items["extranonce_subscribe"].yes,
		Quota:               int(e.items["quota"].num),
	}
}

// checkPool reports what is missing from a pool and what contradicts itself.
func checkPool(c checker, e *entry, anyTLS bool) {
	url := e.items["url"]
	switch given := url.given(); {
	case !given && !e.broken:
		fault := e.at.fault("pool.url", "the pool has no url")
		fault.Expected = `a line like url = "stratum+tcp://pool.example.com:3333"`
		c.add(fault)
	case given && !url.bad && url.text == "":
		c.add(url.at.fault("pool.url", "is empty"))
	case given && !url.bad:
		checkTLS(c, e, url, anyTLS)
	}
	if user := e.items["user"]; user.text == "" && !user.bad && !e.broken {
		c.add(noUser(e, url, user))
	}
	e.checkSecret(c, "password")
	e.checkSecret(c, "proxy_password")
	checkProxy(c, e)
}

// checkProxy refuses a user or password without a proxy.
func checkProxy(c checker, e *entry) {
	if proxy := e.items["proxy"]; proxy.text != "" || proxy.bad {
		return
	}
	for _, key := range []string{"proxy_user", "proxy_password", "proxy_password_file"} {
		if it := e.items[key]; it.text != "" && !it.bad {
			c.add(it.at.fault("pool."+key, "has no effect without a proxy; give it with proxy (--proxy)"))
			it.bad = true
			e.items[key] = it
			return
		}
	}
}

// noUser returns the fault of a pool without a user, at the empty value or at
// the pool.
func noUser(e *entry, url, user item) Fault {
	at, problem := e.at, "the pool has no user"
	switch {
	case user.at.source != "":
		at, problem = user.at, "is empty"
	case url.text != "" && !url.bad:
		problem = "the pool " + quote(url.text) + " has no user"
	}
	fault := at.fault("pool.user", problem)
	fault.Expected = "one by --user or QUARRY_USER"
	if at.layer == layerFile {
		fault.Expected = `a line like user = "address.worker"`
	}
	return fault
}

// checkWhole refuses a pool that is given twice, and runs the check passed in.
func checkWhole(c checker, e *entry, pool Pool, seen map[string]item) {
	url := e.items["url"]
	if url.bad || url.text == "" || c.in.CheckPool == nil {
		return
	}
	identity, err := c.in.CheckPool(pool)
	if err != nil && !e.faulty() {
		c.add(url.at.fault("pool", err.Error()))
	}
	identity += "\n" + pool.User // two accounts at one pool are two pools
	if before, repeated := seen[identity]; repeated {
		c.add(url.at.fault("pool.url", "two pools with one url and user, "+quote(url.text)+", the first at "+before.at.origin().String()))
		return
	}
	seen[identity] = url
}

// checkTLS refuses TLS settings that would not do what they promise. A single
// flag for several pools applies to those of them that use TLS.
func checkTLS(c checker, e *entry, url item, anyTLS bool) {
	for _, key := range []string{"tls_ca", "tls_pin", "tls_insecure"} {
		it := e.items[key]
		if it.bad || it.text == "" || it.text == "false" {
			continue
		}
		if key != "tls_insecure" && e.items["tls_insecure"].yes {
			c.add(it.at.fault("pool."+key, "has no effect with tls_insecure, which turns verification off; drop one of them"))
		}
		if key == "tls_pin" && e.items["tls_ca"].text != "" {
			c.add(it.at.fault("pool.tls_pin", "excludes tls_ca: a pinned certificate is not verified by an authority; drop one of them"))
		}
		if !plainURL(url.text) {
			continue
		}
		if it.shared && anyTLS {
			e.reset(key)
			continue
		}
		fault := it.at.fault("pool."+key, "the pool's url does not use TLS, so this protects nothing")
		fault.Expected = "a url with stratum+ssl:// or stratum+wss://"
		c.add(fault)
	}
}

// plainURL reports whether a URL's scheme is one without TLS. A scheme that is
// unknown is for the URL check to refuse.
func plainURL(url string) bool {
	scheme, _, found := strings.Cut(strings.ToLower(url), "://")
	if !found {
		return false
	}
	for _, secure := range []string{"ssl", "tls", "tcps", "wss"} {
		if strings.HasSuffix(scheme, secure) {
			return false
		}
	}
	return true
}

// checkCA refuses a file of authorities that cannot be read, and runs the check
// passed in for its content.
func checkCA(c checker, ca item) {
	if ca.text == "" || ca.bad {
		return
	}
	if _, problem := readLimited(ca.text, maxPEMFile, true); problem != "" {
		c.add(ca.at.fault("pool.tls_ca", quote(ca.text)+" "+problem))
		return
	}
	c.checkPath("pool.tls_ca", ca)
}
