package main

import (
	_ "embed"
	"fmt"

	"github.com/urfave/cli/v2"
)

// The bash and zsh scripts ask quarry itself with --generate-bash-completion.

//go:embed completion/bash.sh
var bashCompletion string

//go:embed completion/zsh.sh
var zshCompletion string

func completionCommand() *cli.Command {
	print := func(text string) cli.ActionFunc {
		return func(c *cli.Context) error {
			_, err := fmt.Fprint(c.App.Writer, text)
			return err
		}
	}
	return &cli.Command{
		Name:  "completion",
		Usage: "print a completion script for your shell",
		Description: `bash:  quarry completion bash > ~/.local/share/bash-completion/completions/quarry
zsh:   quarry completion zsh > "${fpath[1]}/_quarry"
fish:  quarry completion fish > ~/.config/fish/completions/quarry.fish`,
		Subcommands: []*cli.Command{
			{Name: "bash", Usage: "for bash", Action: print(bashCompletion)},
			{Name: "zsh", Usage: "for zsh", Action: print(zshCompletion)},
			{Name: "fish", Usage: "for fish", Action: func(c *cli.Context) error {
				text, err := c.App.ToFishCompletion()
				if err != nil {
					return fmt.Errorf("making the fish completion: %w", err)
				}
				_, err = fmt.Fprint(c.App.Writer, text)
				return err
			}},
		},
	}
}
