package config

import (
	"fmt"
	"maps"
	"strings"
)

// flatValues are what the environment or the flags set: for every setting, by
// name, its items in the order given. Pool settings may have several.
type flatValues struct{ items map[string][]item }

// names reports whether the layer names pools of its own.
func (f flatValues) names() bool { return len(f.items["pool.url"]) > 0 }

// mergePools decides which layer's pools count - flags before environment
// before file - and lays the single values of the layers above over them.
//
// Values of the environment belong to QUARRY_URL when that is set, so that a
// password never goes to a pool it was not meant for; without QUARRY_URL they
// hold for the pools of the file or the flags.
func mergePools(c checker, file []*poolEntry, env, flags flatValues) []*poolEntry {
	pools := file
	switch {
	case flags.names():
		pools = newEntries(flags)
	case env.names():
		pools = newEntries(env)
	}
	if !env.names() || !flags.names() {
		overlay(c, pools, env)
	} else if proxy := env.items["pool.proxy"]; len(proxy) > 0 && len(flags.items["pool.proxy"]) == 0 {
		c.warn("%s is not used: it belongs to QUARRY_URL, and --url names another pool; give it with --proxy", proxy[0].at.source)
	}
	overlay(c, pools, flags)
	return pools
}

func newEntries(from flatValues) []*poolEntry {
	var pools []*poolEntry
	for _, url := range from.items["pool.url"] {
		pools = append(pools, &poolEntry{items: map[string]item{"url": url}, at: url.at})
	}
	return pools
}

// overlay lays a layer's values over the pools: the i-th value over the i-th
// pool, or a single value over all.
func overlay(c checker, pools []*poolEntry, from flatValues) {
	for _, s := range poolSettings() {
		items := from.items[s.Name()]
		if s.Key == "url" || len(items) == 0 {
			continue
		}
		if len(pools) == 0 {
			poolless(c, s, items[0])
			continue
		}
		if len(items) != 1 && len(items) != len(pools) {
			c.add(items[0].at.fault(s.Name(), fmt.Sprintf(
				"given %d times for %d pool(s); give it once for all, or once for each", len(items), len(pools))))
			for _, pool := range pools {
				pool.items[s.Key] = item{bad: true}
			}
			continue
		}
		for i, pool := range pools {
			it := items[min(i, len(items)-1)]
			it.shared = len(items) == 1 && len(pools) > 1
			pool.set(s.Key, it)
		}
	}
}

// poolless deals with a pool's value when there is no pool. A flag is meant
// for this run, so it is a fault; an environment variable may have been left
// from another.
func poolless(c checker, s Setting, it item) {
	if it.at.layer == layerFlag {
		c.add(it.at.fault(s.Name(), "given without a pool; name the pool with --url"))
		return
	}
	c.warn("%s is set, but no pool is configured that it could belong to", it.at.source)
}

// set gives a pool a value. Password and password file of different layers
// replace each other; in one layer they contradict, which checkPool reports.
func (p *poolEntry) set(key string, it item) {
	rival := key + "_file"
	if secret, isFile := strings.CutSuffix(key, "_file"); isFile {
		rival = secret
	}
	if other, set := p.items[rival]; set && other.at.layer != it.at.layer {
		delete(p.items, rival)
	}
	p.items[key] = it
}

// finishPools makes the typed pools: it fills in defaults, reads password
// files and refuses what only shows in a pool as a whole.
func finishPools(c checker, entries []*poolEntry) []Pool {
	var pools []Pool
	seen := map[string]item{}
	anyTLS := false
	for _, entry := range entries {
		anyTLS = anyTLS || !plainURL(entry.items["url"].text)
	}
	for _, entry := range entries {
		checkPool(c, entry, anyTLS)
		pool := entry.pool(c)
		checkWhole(c, entry, pool, seen)
		pools = append(pools, pool)
	}
	return pools
}

// checkPool finds what is missing, and what contradicts itself.
func checkPool(c checker, entry *poolEntry, anyTLS bool) {
	url, given := entry.items["url"]
	switch {
	case !given && !entry.broken:
		fault := entry.at.fault("pool.url", "the pool has no url")
		fault.Expected = `a line like url = "stratum+tcp://pool.example.com:3333"`
		c.add(fault)
	case given && !url.bad && url.text == "":
		c.add(url.at.fault("pool.url", "is empty"))
	case given && !url.bad:
		checkTLS(c, entry, url, anyTLS)
	}
	if user := entry.items["user"]; user.text == "" && !user.bad && !entry.broken {
		c.add(noUser(entry, url, user))
	}
	for _, key := range []string{"password", "proxy_password"} {
		if file := entry.items[key+"_file"]; file.text != "" && entry.items[key].text != "" {
			c.add(file.at.fault("pool."+key+"_file", "given together with "+key+"; give only one of them"))
		}
	}
	checkProxy(c, entry)
}

// checkProxy refuses a user and password for a proxy that is not there.
func checkProxy(c checker, entry *poolEntry) {
	if proxy := entry.items["proxy"]; proxy.text != "" || proxy.bad {
		return
	}
	for _, key := range []string{"proxy_user", "proxy_password", "proxy_password_file"} {
		if it := entry.items[key]; it.text != "" && !it.bad {
			c.add(it.at.fault("pool."+key, "is of no effect without a proxy; give it with proxy (--proxy)"))
			it.bad = true
			entry.items[key] = it
			return
		}
	}
}

// checkQuotas refuses quotas that do not add up, or that have no effect.
func checkQuotas(c checker, entries []*poolEntry, use item) {
	sum, last := int64(0), item{}
	for _, entry := range entries {
		quota := entry.items["quota"]
		if quota.bad || use.bad {
			return
		}
		sum += quota.num
		if quota.num > 0 {
			last = quota
		}
	}
	switch balance := use.text == "balance"; {
	case balance && len(entries) > 0 && sum == 0:
		c.add(use.at.fault("strategy.use", "balance needs the pools' quotas, like quota = 60, which add up to 100"))
	case balance && sum != 100 && len(entries) > 0:
		c.add(last.at.fault("pool.quota", fmt.Sprintf("the quotas of the pools add up to %d, not 100", sum)))
	case !balance && sum > 0:
		c.add(last.at.fault("pool.quota", "is of no effect with the strategy "+quote(use.text)+"; balance goes by it"))
	}
}

// noUser is the fault of a pool without a user, at the empty value or at the
// pool.
func noUser(entry *poolEntry, url, user item) Fault {
	at, problem := entry.at, "the pool has no user"
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

// faulty tells whether one of the pool's values is wrong by itself.
func (p *poolEntry) faulty() bool {
	for _, it := range p.items {
		if it.bad {
			return true
		}
	}
	return p.broken
}

// checkWhole refuses a pool that is given twice, and what the check handed in
// does not like.
func checkWhole(c checker, entry *poolEntry, pool Pool, seen map[string]item) {
	url := entry.items["url"]
	if url.bad || url.text == "" || c.checkPool == nil {
		return
	}
	identity, err := c.checkPool(pool)
	if err != nil && !entry.faulty() {
		c.add(url.at.fault("pool", err.Error()))
	}
	if before, repeated := seen[identity]; repeated {
		c.add(url.at.fault("pool.url", "two pools with one url, "+quote(url.text)+", the first at "+before.at.origin().String()))
		return
	}
	seen[identity] = url
}

// checkTLS refuses TLS settings that would not do what they promise. A single
// flag for several pools counts for those of them that use TLS.
func checkTLS(c checker, entry *poolEntry, url item, anyTLS bool) {
	for _, key := range []string{"tls_ca", "tls_pin", "tls_insecure"} {
		it, given := entry.items[key]
		if !given || it.bad || it.text == "" || it.text == "false" {
			continue
		}
		if key != "tls_insecure" && entry.items["tls_insecure"].yes {
			c.add(it.at.fault("pool."+key, "is of no use with tls_insecure, which turns verification off; drop one of them"))
		}
		if key == "tls_pin" && entry.items["tls_ca"].text != "" {
			c.add(it.at.fault("pool.tls_pin", "excludes tls_ca: a pinned certificate is not verified by an authority; drop one of them"))
		}
		if !plainURL(url.text) {
			continue
		}
		if it.shared && anyTLS {
			delete(entry.items, key)
			continue
		}
		fault := it.at.fault("pool."+key, "the pool's url does not use TLS, so this protects nothing")
		fault.Expected = "a url with stratum+ssl:// or stratum+wss://"
		c.add(fault)
	}
}

// plainURL reports whether a URL's scheme is one without TLS. A scheme that is
// none at all is for the URL check to refuse.
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

// pool is the typed form, after defaults and password file.
func (p *poolEntry) pool(c checker) Pool {
	p.items = withDefaults("pool", p.items)
	checkCA(c, p.items["tls_ca"])
	return Pool{
		URL:               p.items["url"].text,
		User:              p.items["user"].text,
		Password:          p.secret(c, "password"),
		PasswordFile:      p.items["password_file"].text,
		TLSCA:             p.items["tls_ca"].text,
		TLSPin:            p.items["tls_pin"].text,
		TLSInsecure:       p.items["tls_insecure"].yes,
		Proxy:             p.items["proxy"].text,
		ProxyUser:         p.items["proxy_user"].text,
		ProxyPassword:     p.secret(c, "proxy_password"),
		ProxyPasswordFile: p.items["proxy_password_file"].text,
		VersionRolling:    p.items["version_rolling"].yes,
		SuggestDifficulty: p.items["suggest_difficulty"].text,
		Quota:             int(p.items["quota"].num),
	}
}

// checkCA makes sure that a file of authorities can be read, and lets the
// check handed in look at what it holds.
func checkCA(c checker, ca item) {
	if ca.text == "" || ca.bad {
		return
	}
	if _, problem := readLimited(ca.text, maxPEMFile, true); problem != "" {
		c.add(ca.at.fault("pool.tls_ca", quote(ca.text)+" "+problem))
		return
	}
	if check := c.checks["pool.tls_ca"]; check != nil {
		if err := check(ca.text); err != nil {
			c.add(ca.at.fault("pool.tls_ca", err.Error()))
		}
	}
}

// secret is the password of that key, read from its file when there is one.
func (p *poolEntry) secret(c checker, key string) Secret {
	password, file := p.items[key], p.items[key+"_file"]
	if file.text == "" || file.bad {
		worth := password.text != "" && password.text != "x" // x is what pools that ignore it are given
		if worth && password.at.layer == layerFile && worldReadable(password.at.source) {
			c.warn("%s holds a password and every user of this machine may read it; run: chmod 600 %s",
				quote(password.at.source), quote(password.at.source))
		}
		return NewSecret(password.text)
	}
	text, problem := readSecret(file.text)
	if problem != "" {
		c.add(file.at.fault("pool."+key+"_file", quote(file.text)+" "+problem))
	} else if worldReadable(file.text) {
		c.warn("password file %s: every user of this machine may read it; run: chmod 600 %s", quote(file.text), quote(file.text))
	}
	// The password's origin is now the file's.
	password.origin, password.value = file.origin, value{text: text}
	p.items[key] = password
	return NewSecret(text)
}

// withDefaults returns items by key with every setting of a table present.
func withDefaults(table string, items map[string]item) map[string]item {
	full := maps.Clone(items)
	for _, s := range Settings() {
		if _, given := full[s.Key]; s.Table == table && !given {
			v, _ := parse(s, s.Default)
			full[s.Key] = item{value: v, origin: Origin{Kind: layerDefault.String()}}
		}
	}
	return full
}
