package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"quarry/internal/typed"
)

// CheckEnviron checks the environment as Load does, for a command that reads no
// settings.
func CheckEnviron(in Input) (warnings []string, err error) {
	c := checker{in: in, schema: newSchema(&Config{}), collector: &collector{}}
	readEnv(c, parseEnviron(in.Environ))
	return c.warnings, c.err()
}

// readEnv reads the settings of the environment, and judges the other QUARRY_
// variables: one that is plainly meant for a setting is a fault, because it
// would have no effect. It never shows their values, which may be secret.
func readEnv(c checker, environ map[string]string) given {
	from := given{}
	known := []string{"QUARRY_CONFIG"}
	for _, s := range c.schema.settings {
		if s.Env == "" {
			continue
		}
		known = append(known, s.Env)
		if text, set := environ[s.Env]; set {
			at := place{layer: layerEnv, source: s.Env}
			from[s.Name()] = []item{c.item(s, text, at, at.origin())}
		}
	}
	synonyms := c.schema.synonyms()
	for _, name := range slices.Sorted(maps.Keys(environ)) {
		upper := strings.ToUpper(name)
		if !strings.HasPrefix(upper, envPrefix) || slices.Contains(known, name) || notOurs(upper, environ[name]) {
			continue
		}
		fault := place{layer: layerEnv, source: name}.fault("", "no setting has this environment variable")
		fault.Nearest = meantBy(upper, known, synonyms)
		if c.in.Hint != nil {
			if hint := c.in.Hint(upper, fault.Nearest != ""); hint != "" {
				fault.Problem, fault.Nearest = fault.Problem+"; "+hint, ""
				c.add(fault)
				continue
			}
		}
		if fault.Nearest != "" {
			c.add(fault)
			continue
		}
		c.warn("environment variable %s is not a setting of quarry, and is not used", name)
	}
	return from
}

const envPrefix = "QUARRY_"

// notOurs reports whether others set that variable: Kubernetes and Docker do for
// a service whose name begins with quarry, and quarry's own tests. They give the
// port as tcp://10.0.0.1:3333; a number is somebody's who means the pool's.
func notOurs(name, value string) bool {
	if strings.HasSuffix(name, "_PORT") && !regexp.MustCompile(`_(SERVICE|TCP|UDP|SCTP)_PORT$`).MatchString(name) &&
		!regexp.MustCompile(`^(tcp|udp|sctp)://`).MatchString(value) {
		return false
	}
	return regexp.MustCompile(`^QUARRY(_[A-Z0-9_]+)?_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`).MatchString(name) ||
		regexp.MustCompile(`^QUARRY_(CHAOS_.+|TEST_.+|BUILDS|WINNERS|REQUIRE_KERNELS|UPDATE_.+)$`).MatchString(name)
}

// meantBy returns the variable that was meant by another name, or "".
func meantBy(name string, known []string, synonyms map[string]string) string {
	numbered := regexp.MustCompile(`_?[0-9]+`) // QUARRY_POOL_1_URL
	extended := regexp.MustCompile(`_(NAME|URL|URI|ADDR|ADDRESS|HOST|HOSTNAME|PORT|COUNT|LIST|PATH|FILE)$`)
	prefixed := regexp.MustCompile(`^QUARRY_(POOL|STRATUM|MINER|MINING)_`) // QUARRY_STRATUM_URL
	for _, plain := range []string{name, numbered.ReplaceAllString(name, ""), extended.ReplaceAllString(name, ""), prefixed.ReplaceAllString(name, envPrefix)} {
		if meant := synonyms[plain]; meant != "" {
			return meant
		}
		if slices.Contains(known, plain) {
			return plain
		}
	}
	own := strings.TrimPrefix(name, envPrefix)
	if len(own) < 3 || len(own) > 40 {
		return ""
	}
	slips, others := 1, slices.Sorted(maps.Keys(synonyms))
	if len(own) >= 6 {
		slips = 2
	}
	for _, k := range append(slices.Clone(known), others...) {
		if len(k) >= len(envPrefix)+3 && typed.Distance(name, k) <= slips {
			if meant := synonyms[k]; meant != "" {
				return meant
			}
			return k
		}
	}
	for _, k := range known { // QUARRY_PRIO
		if rest, abbreviated := strings.CutPrefix(k, name); abbreviated && len(own) >= 4 && rest[0] != '_' {
			return k
		}
	}
	return ""
}

// synonyms are the names by which people may give a setting although its
// variable has another: its key, with and without the table, its flag and the
// flag's short forms; and the names that other programs have for them.
func (s *schema) synonyms() map[string]string {
	names := map[string]string{"QUARRY_CONFIG_FILE": "QUARRY_CONFIG", "QUARRY_C": "QUARRY_CONFIG"}
	add := func(meant string, others ...string) {
		for _, other := range others {
			name := envPrefix + strings.ToUpper(strings.ReplaceAll(other, "-", "_"))
			if _, taken := names[name]; !taken {
				names[name] = meant
			}
		}
	}
	for _, own := range s.settings {
		if own.Env == "" {
			continue
		}
		meant := own.Env
		if own.Inverted {
			add(meant+"=false", own.Flag)
		} else {
			add(meant, own.Flag)
		}
		add(meant, own.Aliases...)
		add(meant, own.Key, own.Table+"_"+own.Key, own.Table+"s_"+own.Key)
	}
	for _, t := range s.tables {
		if namer, _ := t.setting(t.namedBy); namer.Env != "" {
			add(namer.Env, t.name, t.name+"s")
		}
	}
	for other, name := range map[string]string{
		"username": "pool.user", "worker": "pool.user", "passwd": "pool.password", "pass_file": "pool.password_file",
		"proxy_pass_file": "pool.proxy_password_file", "server": "pool.url", "pool_host": "pool.url", "workers": "cpu.threads",
		"host": "pool.url", "port": "pool.url", "pool_port": "pool.url", "wallet": "pool.user", "address": "pool.user", "account": "pool.user",
		"xnsub": "pool.extranonce_subscribe", "extranonce": "pool.extranonce_subscribe", "difficulty": "pool.suggest_difficulty",
		"diff": "pool.suggest_difficulty", "suggest_diff": "pool.suggest_difficulty", "cert": "pool.tls_ca", "tls_fingerprint": "pool.tls_pin",
		"http_proxy": "pool.proxy", "https_proxy": "pool.proxy", "socks_proxy": "pool.proxy", "all_proxy": "pool.proxy",
		"cores": "cpu.threads", "num_threads": "cpu.threads", "affinity": "cpu.cpus", "cpu_affinity": "cpu.cpus",
		"debug": "log.level", "verbose": "log.level", "quiet": "log.level", "time_limit": "run.time", "print_time": "log.status_interval",
		"rig_id": "rig.name", "api_worker_id": "rig.name", "max_cpu_usage": "cpu.threads",
	} {
		if own, known := s.setting(name); known {
			add(own.Env, other)
		}
	}
	for _, own := range s.settings {
		delete(names, own.Env)
	}
	return names
}
