package cmdline

import (
	_ "embed"
	"fmt"

	"github.com/urfave/cli/v2"
)

// The scripts ask quarry itself with the command complete-words.

//go:embed completion/quarry.bash
var bashCompletion string

//go:embed completion/quarry.zsh
var zshCompletion string

//go:embed completion/quarry.fish
var fishCompletion string

//go:embed completion/quarry.ps1
var powershellCompletion string

// CompletionCommand returns the command that prints completion scripts.
func CompletionCommand() *cli.Command {
	script := func(shell, text string) *cli.Command {
		return &cli.Command{Name: shell, Usage: "for " + shell, Action: func(c *cli.Context) error {
			_, err := fmt.Fprint(c.App.Writer, text)
			return err
		}}
	}
	return &cli.Command{
		Name:  "completion",
		Usage: "print a completion script for your shell",
		Description: `  bash:       quarry completion bash
                > ~/.local/share/bash-completion/completions/quarry
  zsh:        quarry completion zsh > "${fpath[1]}/_quarry"
  fish:       quarry completion fish > ~/.config/fish/completions/quarry.fish
  PowerShell: quarry completion powershell >> $PROFILE`,
		Subcommands: []*cli.Command{
			script("bash", bashCompletion),
			script("zsh", zshCompletion),
			script("fish", fishCompletion),
			script("powershell", powershellCompletion),
		},
	}
}
