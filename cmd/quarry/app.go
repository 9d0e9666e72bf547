package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"quarry/config"
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
		Name:                      "quarry",
		Usage:                     "a SHA-256d mining client",
		Description:               description,
		Version:                   versionText(),
		HideVersion:               true, // "quarry version" prints it
		Reader:                    stdin,
		Writer:                    stdout,
		ErrWriter:                 stderr,
		EnableBashCompletion:      true,
		DisableSliceFlagSeparator: true, // a password may hold a comma
		UseShortOptionHandling:    false,
		ExitErrHandler:            func(*cli.Context, error) {}, // run decides
		Action:                    noCommand,
		Commands: []*cli.Command{
			mineCommand(),
			checkCommand(),
			poolCommand(),
			kernelsCommand(measure),
			benchCommand(),
			configCommand(),
			versionCommand(),
			completionCommand(),
		},
	}
	app.OnUsageError = usageError
	strict(app.Commands)
	return app
}

// strict gives every command the app's usage errors, expands ~ in its file names, and
// rejects arguments to commands that take none.
func strict(commands []*cli.Command) {
	for _, c := range commands {
		c.OnUsageError = usageError
		c.Before = expandFiles
		if len(c.Subcommands) > 0 {
			if c.Action == nil {
				c.Action = noCommand
			}
			strict(c.Subcommands)
			continue
		}
		if c.ArgsUsage == "" {
			c.ArgsUsage = " " // none: keeps "[arguments...]" out of the help
			c.Before = func(c *cli.Context) error { return cmp.Or(refuseArguments(c), expandFiles(c)) }
		}
	}
}

// expandFiles puts the home folder in place of ~ in the flags that name files. Package
// config does it for its own.
func expandFiles(c *cli.Context) error {
	for _, f := range c.Command.Flags {
		flag, ok := f.(*cli.StringFlag)
		if !ok || !flag.TakesFile || slices.ContainsFunc(config.Settings(), func(s config.Setting) bool { return s.Flag == flag.Name }) {
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

func refuseArguments(c *cli.Context) error {
	if c.Args().Present() {
		return usageFault("%s takes no arguments, but was given %q; flags begin with --", c.Command.FullName(), c.Args().First())
	}
	return nil
}

// noCommand runs when no command of that name was found.
func noCommand(c *cli.Context) error {
	if !c.Args().Present() {
		return cli.ShowSubcommandHelp(c)
	}
	var names []string
	for _, known := range c.Command.Subcommands {
		if !known.Hidden {
			names = append(names, known.Name)
		}
	}
	return usageFault("no command %q; there are: %s", c.Args().First(), strings.Join(names, ", "))
}

func usageError(c *cli.Context, err error, _ bool) error {
	return usageFault("%v; see %s --help", err, c.Command.HelpName)
}

// usageFault returns an error with the exit code for bad usage.
func usageFault(format string, args ...any) error {
	return cli.Exit(fmt.Sprintf(format, args...), exitUsage)
}
