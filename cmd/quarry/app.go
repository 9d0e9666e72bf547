package main

import (
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"quarry/config"
	"quarry/internal/cmdline"
)

const description = `quarry searches SHA-256d nonces on the CPU for a Stratum pool.

CPU mining of Bitcoin does not pay. What quarry is good for: test networks and
small chains, solo "lottery" mining, testing pools and nodes, benchmarking and
burn-in, and learning from a miner that can be read.

  quarry mine                                  practice, against a built-in pool
  quarry mine -o stratum+tcp://HOST:PORT -u USER
  quarry mine --config rig.toml                everything from a file
  quarry check --config rig.toml               whether the rig can mine
  quarry config init > rig.toml                a file to start from

Exit codes: 0 ended as asked, 1 failed, 2 bad usage or configuration,
3 no pool reachable (with --no-retry, or by quarry check).`

// newApp returns the application. measure is how long kernels are measured when
// the user asks for it.
func newApp(stdin io.Reader, stdout, stderr io.Writer, measure time.Duration) *cli.App {
	app := &cli.App{
		Name:        "quarry",
		Usage:       "a SHA-256d mining client",
		Description: description,
		Reader:      stdin,
		Writer:      stdout,
		ErrWriter:   stderr,
		Commands: []*cli.Command{
			mineCommand(),
			checkCommand(),
			checked(poolCommand()),
			checked(kernelsCommand(measure)),
			checked(benchCommand()),
			configCommand(),
			versionCommand(),
			cmdline.CompletionCommand(),
		},
	}
	expandEverywhere(app.Commands)
	return app
}

// expandEverywhere makes every command expand ~ in its file names.
func expandEverywhere(commands []*cli.Command) {
	for _, c := range commands {
		c.Before = expandFiles
		expandEverywhere(c.Subcommands)
	}
}

// expandFiles puts the home folder in place of ~ in the flags that name files. Package
// config does it for its own.
func expandFiles(c *cli.Context) error {
	for _, f := range c.Command.Flags {
		flag, ok := f.(*cli.StringFlag)
		if !ok || !flag.TakesFile {
			continue
		}
		path, err := config.ExpandHome(c.String(flag.Name))
		if err != nil {
			return usageFault("--%s %q: %v", flag.Name, path, err)
		}
		if path != c.String(flag.Name) {
			if err := c.Set(flag.Name, path); err != nil {
				return usageFault("--%s %q: %v", flag.Name, path, err)
			}
		}
	}
	return nil
}

// fileArgs returns the arguments, which are names of files, with ~ expanded.
func fileArgs(c *cli.Context) ([]string, error) {
	var files []string
	for _, name := range c.Args().Slice() {
		file, err := config.ExpandHome(name)
		if err != nil {
			return nil, usageFault("%q: %v", name, err)
		}
		files = append(files, file)
	}
	return files, nil
}

// usageFault returns an error with the exit code for bad usage.
func usageFault(format string, args ...any) error {
	return cmdline.Fault(format, args...)
}
