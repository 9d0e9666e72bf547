package config

import (
	"strings"
	"testing"
)

// TestVariablesThatAreNotUsed: whoever sets one of these means a setting, and
// would mine something else without an error.
func TestVariablesThatAreNotUsed(t *testing.T) {
	for name, meant := range map[string]string{
		"QUARRY_PASSWORD": "QUARRY_PASS", "QUARRY_POOL": "QUARRY_URL", "QUARRY_POOLS": "QUARRY_URL", "QUARRY_CPU_THREADS": "QUARRY_THREADS",
		"QUARRY_POOL_URL": "QUARRY_URL", "QUARRY_POOL_USER": "QUARRY_USER", "QUARRY_POOL_PASSWORD": "QUARRY_PASS", "QUARRY_O": "QUARRY_URL",
		"QUARRY_LEVEL": "QUARRY_LOG_LEVEL", "QUARRY_FORMAT": "QUARRY_LOG_FORMAT", "QUARRY_FILE": "QUARRY_LOG_FILE", "QUARRY_NAME": "QUARRY_RIG",
		"QUARRY_RIG_NAME": "QUARRY_RIG", "QUARRY_STRATEGY_USE": "QUARRY_STRATEGY", "QUARRY_USE": "QUARRY_STRATEGY", "QUARRY_RUN_TIME": "QUARRY_TIME",
		"QUARRY_NO_RETRY": "QUARRY_RETRY=false", "QUARRY_NO_VERSION_ROLLING": "QUARRY_VERSION_ROLLING=false", "QUARRY_T": "QUARRY_THREADS",
		"QUARRY_PROXY_PASSWORD": "QUARRY_PROXY_PASS", "QUARRY_LOG_STATUS_INTERVAL": "QUARRY_STATUS_INTERVAL", "QUARRY_MAX_SIZE": "QUARRY_LOG_MAX_SIZE",
		"QUARRY_TREADS": "QUARRY_THREADS", "QUARRY_URI": "QUARRY_URL", "QUARRY_PASWORD": "QUARRY_PASS", "QUARRY_USERNAME": "QUARRY_USER",
		"QUARRY_POOL_1_URL": "QUARRY_URL", "QUARRY_URL2": "QUARRY_URL", "QUARRY_USER_NAME": "QUARRY_USER", "QUARRY_PROXY_URL": "QUARRY_PROXY",
		"QUARRY_POOL_USERNAME": "QUARRY_USER", "QUARRY_STRATUM_URL": "QUARRY_URL", "QUARRY_MINER_THREADS": "QUARRY_THREADS",
		"QUARRY_XNSUB": "QUARRY_EXTRANONCE_SUBSCRIBE", "QUARRY_DIFFICULTY": "QUARRY_SUGGEST_DIFFICULTY", "QUARRY_HOST": "QUARRY_URL",
		"QUARRY_WALLET": "QUARRY_USER", "QUARRY_STATE_FILE": "QUARRY_STATE", "QUARRY_PRIO": "QUARRY_PRIORITY", "QUARRY_PORT": "QUARRY_URL",
		"QUARRY_POOL_PORT": "QUARRY_URL", "QUARRY_PROXY_PORT": "QUARRY_PROXY", "QUARRY_HTTP_PROXY": "QUARRY_PROXY", "QUARRY_STRAT": "QUARRY_STRATEGY",
		"QUARRY_PASS_FILE": "QUARRY_PASSWORD_FILE", "QUARRY_WORKERS": "QUARRY_THREADS", "QUARRY_POOL_ADDRESS": "QUARRY_URL",
		"QUARRY_CONFIG_FILE": "QUARRY_CONFIG", "QUARRY_CONFIG_PATH": "QUARRY_CONFIG", "QUARRY_CONFG": "QUARRY_CONFIG", "quarry_url": "QUARRY_URL", "Quarry_Pool": "QUARRY_URL",
	} {
		_, err := Load(Input{SearchPaths: []string{}, Environ: []string{name + "=hunter2"}})
		want := name + `: no setting has this environment variable; did you mean "` + meant + `"?`
		if err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", name, err, want)
		}
	}
	for _, s := range Settings() { // every name that a setting has anywhere
		for _, other := range append([]string{s.Key, s.Table + "_" + s.Key, s.Flag}, s.Aliases...) {
			name := envPrefix + strings.ToUpper(strings.ReplaceAll(other, "-", "_"))
			_, err := Load(Input{SearchPaths: []string{}, Environ: []string{name + "=\a"}}) // no setting's value
			if err == nil && name != s.Env || strings.Contains(errorText(err), "\a") {
				t.Errorf("%s of %s: error %v", name, s.Name(), err)
			}
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestVariablesOfOthers: what Kubernetes sets for a service, and our tests.
func TestVariablesOfOthers(t *testing.T) {
	for _, name := range []string{
		"QUARRY_SERVICE_HOST", "QUARRY_SERVICE_PORT", "QUARRY_SERVICE_PORT_STRATUM", "QUARRY_PORT", "QUARRY_PORT_3333_TCP",
		"QUARRY_PORT_3333_TCP_PROTO", "QUARRY_PORT_3333_TCP_PORT", "QUARRY_PORT_3333_TCP_ADDR", "QUARRY_PORT_53_UDP_ADDR",
		"QUARRY_POOL_SERVICE_HOST", "QUARRY_POOL_SERVICE_PORT", "QUARRY_POOL_PORT", "QUARRY_POOL_PORT_3333_TCP_ADDR", "QUARRY_LOG_PORT",
		"QUARRY_CHAOS_SEED", "QUARRY_CHAOS_TIME", "QUARRY_CHAOS_LOG", "QUARRY_WINNERS", "QUARRY_REQUIRE_KERNELS", "QUARRY_TEST_PEER",
		"QUARRY_BUILDS", "QUARRY_UPDATE_REFERENCE", "QUARRYMEN_URL",
	} {
		result, err := Load(Input{SearchPaths: []string{}, Environ: []string{name + "=tcp://10.0.0.1:3333"}})
		if err != nil || len(result.Warnings) > 0 {
			t.Errorf("%s: %v, %v", name, err, result)
		}
	}
	result, err := Load(Input{SearchPaths: []string{}, Environ: []string{"QUARRY_IMAGE=hunter2", "QUARRY_VERSION=0.1.0", "QUARRY_HOME=/srv"}})
	if err != nil || len(result.Warnings) != 3 || strings.Contains(strings.Join(result.Warnings, ""), "hunter2") {
		t.Errorf("unknown ones: %v, %v, want a warning for each", err, result)
	}
}

func TestBlanksAroundAURL(t *testing.T) {
	result, err := Load(Input{SearchPaths: []string{}, Environ: []string{"QUARRY_URL= stratum+tcp://a:1 ", "QUARRY_USER=u "}, Flags: map[string][]string{"threads": {" 2"}}})
	if err != nil || result.Config.Pools[0].URL != "stratum+tcp://a:1" || result.Config.Pools[0].User != "u " || result.Config.CPU.Threads != 2 {
		t.Errorf("%v, %+v", err, result)
	}
}
