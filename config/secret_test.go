package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const hunter = "hunter2-zebra"

func TestSecretIsNeverShown(t *testing.T) {
	result, err := Load(Input{
		File: write(t, t.TempDir(), "rig.toml", "[[pool]]\nurl = \"stratum+tcp://a:1\"\nuser = \"u\"\npassword = \""+hunter+"\"\n"+
			"proxy = \"socks5://p:1\"\nproxy_user = \"u\"\nproxy_password = \""+hunter+"\"\n"),
		Environ: []string{"QUARRY_PASS=" + hunter, "QUARRY_PROXY_PASS=" + hunter},
	})
	if err != nil {
		t.Fatal(err)
	}
	pool := result.Config.Pools[0]
	if pool.Password.Reveal() != hunter || pool.ProxyPassword.Reveal() != hunter {
		t.Fatalf("the password did not arrive")
	}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+"\n", pool.Password)
		fmt.Fprintf(&out, verb+"\n", &pool)
		fmt.Fprintf(&out, verb+"\n", result.Config)
	}
	shown, err := result.ShowJSON()
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	asTOML, err := toml.Marshal(result.Config)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(shown)
	out.Write(asJSON)
	out.Write(asTOML)
	out.WriteString(result.Show())
	log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(&out), zap.DebugLevel))
	log.Info("config", zap.Any("config", result.Config), zap.Stringer("password", pool.Password), zap.Reflect("pool", pool))
	log.Sugar().Infow("config", "pool", pool, "password", pool.Password)

	text := out.String()
	for _, form := range []string{hunter, fmt.Sprintf("%x", hunter), fmt.Sprintf("%d", []byte(hunter))} {
		if strings.Contains(text, form) {
			t.Errorf("the secret shows in:\n%s", text)
		}
	}
	if strings.Count(text, mask) < 20 {
		t.Errorf("the mask is missing in:\n%s", text)
	}
}

func TestEmptySecretIsShownAsEmpty(t *testing.T) {
	if got := fmt.Sprintf("%v %q", NewSecret(""), NewSecret("")); got != ` ""` {
		t.Errorf("got %s", got)
	}
}

func TestPasswordFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "empty", "\n")
	write(t, dir, "lines", hunter+"\n"+hunter+"\n")
	write(t, dir, "long", strings.Repeat(hunter, 400))
	write(t, dir, "utf16", "\xff\xfeh\x00u\x00")
	write(t, dir, "control", hunter+"\x1b")
	for name, want := range map[string]string{
		"none": "no such file", "folder": "is a directory, not a file", "empty": "is empty", "lines": "has more than one line",
		"long": "is bigger than 4 KiB", "utf16": "is not UTF-8 text", "control": "holds a control character",
	} {
		file := write(t, dir, "rig.toml", "[[pool]]\nurl = \"stratum+tcp://a:1\"\nuser = \"u\"\npassword_file = \""+name+"\"\n")
		_, err := Load(Input{File: file})
		problem := fmt.Sprintf("%q %s", filepath.Join(dir, name), want)
		if want := file + ":4:17: pool.password_file: " + problem; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		file = write(t, dir, "rig.toml", "[[pool]]\nurl = \"stratum+tcp://a:1\"\nuser = \"u\"\nproxy = \"http://p:1\"\nproxy_password_file = \""+name+"\"\n")
		_, err = Load(Input{File: file})
		if want := file + ":5:23: pool.proxy_password_file: " + problem; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestPasswordReplacesPasswordFileOfTheFile(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "rig.toml", "[[pool]]\nurl = \"stratum+tcp://a:1\"\nuser = \"u\"\npassword_file = \"none\"\n")
	result, err := Load(Input{File: file, Environ: []string{"QUARRY_PASS=" + hunter}})
	if err != nil {
		t.Fatal(err)
	}
	if p := result.Config.Pools[0]; p.Password.Reveal() != hunter || p.PasswordFile != "" {
		t.Errorf("got %+v", p)
	}
}

// TestProxySettings: faults are reported without the secret.
func TestProxySettings(t *testing.T) {
	pool := map[string][]string{"url": {"stratum+tcp://a:1"}, "user": {"u"}}
	for _, c := range []struct {
		flags map[string][]string
		want  string
	}{
		{map[string][]string{"proxy": {"socks5://me:" + hunter + "@h:1"}}, "--proxy: user and password do not go into the url; give them with proxy_user and proxy_password (--proxy-user, --proxy-pass)"},
		{map[string][]string{"proxy-user": {"me"}, "proxy-pass": {hunter}}, "--proxy-user: has no effect without a proxy; give it with proxy (--proxy)"},
		{map[string][]string{"proxy-pass": {hunter}}, "--proxy-pass: has no effect without a proxy; give it with proxy (--proxy)"},
		{map[string][]string{"proxy": {"http://h:1"}, "proxy-pass": {hunter}, "proxy-password-file": {write(t, t.TempDir(), "pw", hunter)}},
			"--proxy-password-file: given together with proxy_password; give only one of them"},
		{map[string][]string{"proxy": {"http://h:1", "http://h:2"}}, "--proxy: given 2 times for 1 pool(s); give it once for all, or once for each"},
	} {
		maps.Copy(c.flags, pool)
		if _, err := Load(Input{SearchPaths: []string{}, Flags: c.flags}); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

// TestProxyIsNotDroppedSilently: whoever set one may not want to be seen.
func TestProxyIsNotDroppedSilently(t *testing.T) {
	in := Input{SearchPaths: []string{}, Environ: []string{"QUARRY_PROXY=socks5://h:1"}, Flags: map[string][]string{"url": {"stratum+tcp://a:1"}, "user": {"u"}}}
	result, err := Load(in)
	if err != nil || result.Config.Pools[0].Proxy != "socks5://h:1" || len(result.Warnings) > 0 {
		t.Errorf("%+v, %v", result, err)
	}
	in.Environ = append(in.Environ, "QUARRY_URL=stratum+tcp://b:1")
	result, err = Load(in)
	if err != nil || result.Config.Pools[0].Proxy != "" || !strings.Contains(strings.Join(result.Warnings, ""), "QUARRY_PROXY is not used") {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestReadableSecretsAreWarnedOf(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("this system has no permission bits for everyone")
	}
	dir := t.TempDir()
	password := write(t, dir, "pw", hunter)
	inline := write(t, dir, "rig.toml", "[[pool]]\nurl = \"stratum+tcp://a:1\"\nuser = \"u\"\npassword = \""+hunter+"\"\n")
	for _, path := range []string{password, inline} {
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	byFile := Input{SearchPaths: []string{}, Flags: map[string][]string{"url": {"stratum+tcp://a:1"}, "user": {"u"}, "password-file": {password}}}
	for _, in := range []Input{byFile, {File: inline}} {
		result, err := Load(in)
		if err != nil {
			t.Fatal(err)
		}
		if w := strings.Join(result.Warnings, "\n"); strings.Count(w, "chmod 600") != 1 || strings.Contains(w, hunter) {
			t.Errorf("warnings %q, want one that names chmod 600", w)
		}
	}
}
