package tune

import (
	"context"
	"errors"
	"slices"

	"go.uber.org/zap"

	"quarry/hashing"
)

// ErrCrash means that a kernel crashed the process that tested it, as with an illegal
// instruction, or kept it silent: running it here would do the same to this one.
var ErrCrash = errors.New("it crashed or stalled the process that tests kernels")

// Examine is [hashing.Examine] in a child process, for programs that do not mine.
// Where none can be started the kernels are tested in this process.
func Examine(ctx context.Context, list []hashing.Kernel, log *zap.Logger) []hashing.Report {
	p := prober{command: thisProgram().command, patience: patience, cpu: thisCPU()}
	return p.examine(ctx, list, log)
}

// Examine is the function [Examine] with the tuner's child.
func (t *Tuner) Examine(ctx context.Context, list []hashing.Kernel) []hashing.Report {
	return t.child.examine(ctx, list, t.log)
}

func (p *prober) examine(ctx context.Context, list []hashing.Kernel, log *zap.Logger) []hashing.Report {
	reports := make([]hashing.Report, len(list))
	var runnable []hashing.Kernel
	for i, k := range list {
		reports[i] = hashing.Report{Kernel: k, Missing: k.MissingHere()}
		if reports[i].Missing == "" {
			runnable = append(runnable, k)
		}
	}
	tested := map[string]bool{}
	err := p.probe(ctx, runnable, nil, 0, func(f Finding) {
		i := slices.IndexFunc(list, func(k hashing.Kernel) bool { return k.Name == f.Kernel })
		tested[f.Kernel], reports[i].Err = true, f.err()
	})
	if err != nil {
		log.Debug("testing kernels in this process", zap.Error(err))
	}
	for i, k := range list {
		switch {
		case reports[i].Missing != "" || tested[k.Name]:
		case ctx.Err() != nil:
			reports[i].Err = ctx.Err()
		default:
			reports[i] = hashing.Examine([]hashing.Kernel{k})[0]
		}
	}
	return reports
}

// err returns the fault as an error, which is [ErrCrash] if it was one.
func (f *Finding) err() error {
	switch {
	case f.Fault == "":
		return nil
	case f.crashed:
		return crash{f.Fault}
	}
	return errors.New(f.Fault)
}

// crash is an ErrCrash with its text.
type crash struct{ text string }

func (c crash) Error() string   { return c.text }
func (c crash) Is(e error) bool { return e == ErrCrash }
