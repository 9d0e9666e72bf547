package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"quarry/config"
	"quarry/internal/cmdline"
	"quarry/screen"
)

func configCommand() *cli.Command {
	return &cli.Command{
		Name:  "config",
		Usage: "write, check and show configuration files",
		Description: `Settings come from the defaults, a TOML file, the environment (QUARRY_...)
and flags; later ones win. A variable that is wrong, or named like a setting or
a flag that has another, is refused by every command that uses the machine or a
pool; quarry pool, bench and kernels use none, and say so where they have a flag
for the same.

  quarry config init > rig.toml         a short file to start from
  quarry config reference               every setting, explained
  quarry config validate rig.toml       all faults at once
  quarry config show --config rig.toml  the settings in effect, and their origin

Without --config or QUARRY_CONFIG, the first of these files is read:
  ` + strings.Join(configPlaces(), "\n  "),
		Subcommands: []*cli.Command{
			{
				Name: "init", Usage: "print a short commented file to start from",
				Description: "  quarry config init > rig.toml",
				Action:      printText(config.Sample),
			},
			{
				Name: "reference", Usage: "print a file with every setting, explained",
				Description: "  quarry config reference | less",
				Action:      printText(config.Reference),
			},
			{
				Name: "validate", Usage: "check a file and report every fault in it", ArgsUsage: "FILE",
				Description: "  quarry config validate rig.toml\n\nExit code 0: valid; 2: not. Environment and flags are ignored.",
				Flags:       []cli.Flag{cmdline.Formats(outputCategory, "text", "json")},
				Action:      validateConfig,
			},
			{
				Name: "show", Usage: "print the effective settings and where each comes from",
				Description: "  quarry config show\n  quarry config show --config rig.toml --threads 2 --format json\n\n" +
					"Takes the flags of quarry mine. Passwords are masked.",
				Flags:  append(mineFlags(), cmdline.Formats(outputCategory, "toml", "json"), jsonFlag()),
				Action: showConfig,
			},
		},
	}
}

// outputCategory is the heading of --format in the help of the commands that
// print a report.
const outputCategory = "Output"

// jsonFlag is the older form of --format json.
func jsonFlag() cli.Flag { return &cli.BoolFlag{Name: "json", Hidden: true} }

func wantsJSON(c *cli.Context) bool { return c.Bool("json") || c.String("format") == "json" }

func printText(text func() string) cli.ActionFunc {
	return func(c *cli.Context) error {
		_, err := fmt.Fprint(c.App.Writer, text())
		return err
	}
}

func validateConfig(c *cli.Context) error {
	if c.NArg() != 1 || c.Args().First() == "" {
		return usageFault("config validate takes one file name, like: quarry config validate rig.toml")
	}
	name := c.Args().First()
	result, err := config.Load(config.Input{File: name, Checks: settingChecks(), CheckPool: checkPool})
	if wantsJSON(c) {
		var faults config.Faults
		errors.As(err, &faults)
		if printed := printValidity(c, name, result, faults); printed != nil || err == nil {
			return printed
		}
	}
	if err != nil {
		return configFault(err)
	}
	printWarnings(c, result)
	pools := "no pool: quarry mine would mine the built-in practice pool"
	switch n := len(result.Config.Pools); {
	case n == 1:
		pools = "1 pool"
	case n > 1:
		pools = fmt.Sprintf("%d pools", n)
	}
	_, err = fmt.Fprintf(screen.Fit(c.App.Writer), "%s is valid, %s\n", name, pools)
	return err
}

// printValidity prints what validate --format json does, result being nil where
// there are faults.
func printValidity(c *cli.Context, file string, result *config.Result, faults config.Faults) error {
	report := struct {
		File     string        `json:"file"`
		Valid    bool          `json:"valid"`
		Pools    int           `json:"pools"`
		Warnings []string      `json:"warnings"`
		Faults   config.Faults `json:"faults"`
	}{File: file, Valid: result != nil, Warnings: []string{}, Faults: config.Faults{}}
	report.Faults = append(report.Faults, faults...)
	if result != nil {
		report.Pools, report.Warnings = len(result.Config.Pools), append(report.Warnings, result.Warnings...)
	}
	return writeIndented(c.App.Writer, report)
}

func showConfig(c *cli.Context) error {
	result, err := loadConfig(c)
	if err != nil {
		return err
	}
	if wantsJSON(c) {
		text, err := result.ShowJSON()
		if err != nil {
			return fmt.Errorf("encoding the settings: %w", err)
		}
		_, err = fmt.Fprintf(c.App.Writer, "%s\n", text)
		return err
	}
	printWarnings(c, result)
	_, err = fmt.Fprint(c.App.Writer, result.Show())
	return err
}

func printWarnings(c *cli.Context, result *config.Result) {
	for _, warning := range result.Warnings {
		fmt.Fprintf(screen.Fit(c.App.ErrWriter), "warning: %s\n", warning)
	}
}
