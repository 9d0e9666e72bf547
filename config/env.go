package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"quarry/internal/typed"
)

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
		if !strings.HasPrefix(upper, envPrefix) || slices.Contains(known, name) || notOurs(upper) {
			continue
		}
		if meant := meantBy(upper, known, synonyms); meant != "" {
			fault := place{layer: layerEnv, source: name}.fault("", "no setting has this environment variable")
			fault.Nearest = meant
			c.add(fault)
			continue
		}
		c.warn("environment variable %s is not a setting of quarry, and is not used", name)
	}
	return from
}

const envPrefix = "QUARRY_"

// notOurs reports whether others set that variable: Kubernetes and Docker do for
// a service whose name begins with quarry, and quarry's own tests.
func notOurs(name string) bool {
	return regexp.MustCompile(`^QUARRY(_[A-Z0-9_]+)?_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`).MatchString(name) ||
		regexp.MustCompile(`^QUARRY_(CHAOS_.+|TEST_.+|BUILDS|WINNERS|REQUIRE_KERNELS|UPDATE_.+)$`).MatchString(name)
}

// meantBy returns the variable that was meant by another name, or "".
func meantBy(name string, known []string, synonyms map[string]string) string {
	numbered := regexp.MustCompile(`_?[0-9]+`) // QUARRY_POOL_1_URL
	extended := regexp.MustCompile(`_(NAME|URL|URI|ADDR|ADDRESS|COUNT|LIST|PATH)$`)
	for _, plain := range []string{name, numbered.ReplaceAllString(name, ""), extended.ReplaceAllString(name, "")} {
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
