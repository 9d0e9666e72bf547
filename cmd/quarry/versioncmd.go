package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"quarry/bench/report"

	"github.com/urfave/cli/v2"

	"quarry/internal/cmdline"
)

// version is raised with each release, together with CHANGELOG.md.
const version = "0.1.0"

// versionText returns the version with the commit it was built from, where known.
func versionText() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version
	}
	var revision, dirty string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			revision = "+" + s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = ".dirty"
		}
	}
	if revision == "" {
		return version
	}
	return version + revision + dirty
}

// userAgent returns the name that quarry gives itself to pools.
func userAgent() string { return "quarry/" + version }

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:        "version",
		Usage:       "print the version and what it was built with",
		Description: "  quarry version\n  quarry --version\n  quarry version --format json",
		Flags:       []cli.Flag{cmdline.Formats(outputCategory, "text", "json")},
		Action: func(c *cli.Context) error {
			if wantsJSON(c) {
				return writeIndented(c.App.Writer, thisBuild())
			}
			_, err := fmt.Fprintf(c.App.Writer, "quarry %s %s/%s %s\n", versionText(), runtime.GOOS, runtime.GOARCH, runtime.Version())
			return err
		},
	}
}

// thisBuild describes the program that measures.
func thisBuild() report.Build {
	build := report.Build{Version: versionText(), Go: runtime.Version(), Target: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "-tags" {
				build.Tags = s.Value
			}
		}
	}
	return build
}
