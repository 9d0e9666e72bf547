// Command quarry is a SHA-256d mining client. See README.md.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"quarry/device/cpu/tune"
	"quarry/internal/cmdline"
	"quarry/internal/stdio"
	"quarry/logsink"
	"quarry/screen"
)

// Exit codes, documented in --help and the README.
const (
	exitOK     = 0 // ended as asked
	exitFailed = 1
	exitUsage  = cmdline.ExitUsage
	exitNoPool = 3 // no pool reachable, with --no-retry
)

func main() {
	os.Exit(run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr, tune.LongMeasure))
}

// run runs the whole program and returns its exit code. For measure see [newApp].
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, measure time.Duration) int {
	out, watch := stdio.Watch(stdout)
	var err error
	if len(args) == 2 && args[1] == tune.Command {
		err = probe(ctx, stdin, stdout)
	} else {
		err = cmdline.Run(ctx, newApp(stdin, out, stderr, measure), args)
	}
	if failure := watch.Failure(err); failure != nil {
		err = cli.Exit(failure, exitFailed)
	}
	if err == nil {
		return exitOK
	}
	if text := err.Error(); text != "" {
		logsink.WriteLast(stderr, screen.FitText(stderr, "quarry: "+text+"\n"))
	}
	var coded cli.ExitCoder
	if errors.As(err, &coded) {
		return coded.ExitCode()
	}
	return exitFailed
}
