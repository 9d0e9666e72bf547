package main

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"quarry/config"
)

// runFlags runs a command that has mineFlags, without the rest of the program.
func runFlags(t *testing.T, stdin string, args ...string) (*config.Result, error) {
	t.Helper()
	var result *config.Result
	app := &cli.App{
		Reader: strings.NewReader(stdin), Writer: &bytes.Buffer{}, ErrWriter: &bytes.Buffer{},
		ExitErrHandler: func(*cli.Context, error) {},
		Flags:          mineFlags(),
		Action: func(c *cli.Context) (err error) {
			result, err = loadConfig(c)
			return err
		},
	}
	return result, app.RunContext(context.Background(), append([]string{"quarry"}, args...))
}

func TestFlagsReachTheConfig(t *testing.T) {
	t.Setenv("QUARRY_CONFIG", "")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	result, err := runFlags(t, " first, line \r\nsecond\n",
		"-o", "stratum+tcp://127.0.0.1:1", "-u", "a,b", "-p", "-",
		"-o", "stratum+tcp://127.0.0.1:2", "-u", "c ", "-p", "-", "--no-retry", "--no-version-rolling", "-t", "1")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range result.Config.Pools {
		got = append(got, p.URL, p.User, p.Password.Reveal())
		if p.VersionRolling {
			t.Error("--no-version-rolling had no effect")
		}
	}
	want := []string{"stratum+tcp://127.0.0.1:1", "a,b", " first, line ", "stratum+tcp://127.0.0.1:2", "c ", "second"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("pools %q, want %q", got, want)
	}
	if result.Config.Run.Retry || result.Config.CPU.Threads != 1 || result.Origins["run.retry"].Where != "--no-retry" {
		t.Errorf("got %+v, retry from %v", result.Config, result.Origins["run.retry"])
	}
}

func TestFlagFaultsHaveTheUsageExitCode(t *testing.T) {
	pool := []string{"-o", "stratum+tcp://127.0.0.1:1"}
	for name, tc := range map[string]struct {
		stdin string
		args  []string
		want  string
	}{
		"two faults":    {args: []string{"--threads", "x", "--time", "30"}, want: "2 faults in the settings:\n--threads: "},
		"no password":   {args: append(pool, "-p", "-"), want: "there is no line"},
		"long password": {stdin: strings.Repeat("x", 5000), args: append(pool, "-p", "-"), want: "the line is too long"},
		"empty config":  {args: []string{"--config", ""}, want: "the file name is empty"},
		"missing file":  {args: []string{"--config", "/none/rig.toml"}, want: "/none/rig.toml: no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := runFlags(t, tc.stdin, tc.args...)
			var coded cli.ExitCoder
			if !errors.As(err, &coded) || coded.ExitCode() != exitUsage || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want exit code %d and %q", err, exitUsage, tc.want)
			}
		})
	}
}
