package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"quarry/bench/report"
	"quarry/config"
	"quarry/device/cpu/tune"
	"quarry/hashing"
	"quarry/internal/cmdline"
	"quarry/telemetry"
)

const kernelsDescription = `Lists the hashing kernels in this program, tests each that this CPU can run
against known answers and a readable reference, and shows which one "auto"
begins with: the fastest known one, with one thread on each CPU and rolled
versions. quarry mine tries the kernels while it mines, a few milliseconds at a
time, and stores the rates of all threads together. PLAIN is for jobs whose
version may not be rolled, where another kernel may be the fastest. A wider
terminal shows more.

  quarry kernels
  quarry kernels --measure          measure some seconds, and store the rates
  quarry kernels --format json
  quarry mine --kernel generic      mine with a kernel of your choice

Exit codes: 0 all kernels that can run here are correct, 1 one is wrong, 2 bad
usage.`

// kernelRow is one kernel in the output of --format json.
type kernelRow struct {
	Name            string            `json:"name"`
	Lanes           int               `json:"lanes"`
	Versions        int               `json:"versions"`
	Needs           string            `json:"needs"`
	Missing         string            `json:"missing"` // what this CPU lacks; empty if the kernel can run
	Runnable        bool              `json:"runnable"`
	SelfTest        string            `json:"self_test"` // "passed", "failed", "not run"
	Error           string            `json:"error,omitempty"`
	SelfTestSeconds float64           `json:"self_test_seconds"`
	Plain           telemetry.Reading `json:"plain_hashes_per_second"`  // one version at a time
	Rolled          telemetry.Reading `json:"rolled_hashes_per_second"` // the kernel's number of versions at a time
	Auto            bool              `json:"auto"`                     // the one that auto picks
	AutoPlain       bool              `json:"auto_plain"`               // the one for jobs without version rolling
}

// kernelsCommand measures for that time where the user asks for it.
func kernelsCommand(measure time.Duration) *cli.Command {
	return &cli.Command{
		Name:        "kernels",
		Usage:       "list, test and measure the hashing kernels",
		Description: kernelsDescription,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "measure", Usage: "measure the rates now"},
			cmdline.Formats("", "table", "json"), jsonFlag(),
		},
		Action: func(c *cli.Context) error {
			log, err := newConsoleLogger("text", "info", c.App.ErrWriter)
			if err != nil {
				return err
			}
			ctx, release := untilInterrupted(c.Context)
			defer release()
			set, placements, err := choosePlacements(config.CPU{})
			if err != nil {
				return err
			}
			var found []tune.Finding
			if tuner := newTuner(set, placements, nil, log); c.Bool("measure") {
				found, err = tuner.Measure(ctx, measure)
			} else {
				found, err = tuner.Test(ctx)
			}
			if err != nil {
				return err
			}
			return listKernels(c.App.Writer, hashing.Kernels(), found, wantsJSON(c))
		},
	}
}

// listKernels prints the table. It fails if a kernel that can run is wrong.
func listKernels(w io.Writer, kernels []hashing.Kernel, found []tune.Finding, asJSON bool) error {
	rows := kernelRows(kernels, found)
	write := writeKernelTable
	if asJSON {
		write = func(w io.Writer, rows []kernelRow) error { return writeIndented(w, rows) }
	}
	if err := write(w, rows); err != nil {
		return err
	}
	for _, row := range rows {
		if row.Error != "" {
			return cli.Exit(fmt.Sprintf("kernel %q is not used: %s", row.Name, row.Error), exitFailed)
		}
	}
	return nil
}

// kernelRows puts the usable kernels first, in the order of auto.
func kernelRows(kernels []hashing.Kernel, found []tune.Finding) []kernelRow {
	findings := map[string]tune.Finding{}
	for _, f := range found {
		findings[f.Kernel] = f
	}
	var usable, others []hashing.Kernel
	for _, k := range kernels {
		if f, ok := findings[k.Name]; ok && f.Fault == "" {
			usable = append(usable, k)
		} else {
			others = append(others, k)
		}
	}
	ranked, plain := tune.Order(usable, found, true), tune.Order(usable, found, false)
	var rows []kernelRow
	for i, k := range append(ranked, others...) {
		f, tested := findings[k.Name]
		row := kernelRow{
			Name: k.Name, Lanes: k.Lanes, Versions: k.Versions, Needs: k.Needs, Missing: k.MissingHere(), SelfTest: "not run",
			Error: f.Fault, SelfTestSeconds: f.SelfTestSeconds, Plain: measuredRate(f.Plain), Rolled: measuredRate(f.Rolled),
			Auto: i == 0 && len(ranked) > 0, AutoPlain: len(plain) > 0 && k.Name == plain[0].Name,
		}
		row.Runnable = row.Missing == ""
		switch {
		case f.Fault != "":
			row.SelfTest = "failed"
		case tested:
			row.SelfTest = "passed"
		}
		rows = append(rows, row)
	}
	return rows
}

func measuredRate(rate float64) telemetry.Reading {
	if rate > 0 {
		return telemetry.Known(rate)
	}
	return telemetry.Reading{}
}

func writeKernelTable(w io.Writer, rows []kernelRow) error {
	table := report.NewTable(report.Column{Head: "KERNEL"}, report.Column{Head: "RUNS HERE", Rank: 1}, report.Column{Head: "SELF-TEST"},
		report.Column{Head: "TIME", Rank: 3}, report.Column{Head: "PLAIN"}, report.Column{Head: "ROLLED"}, report.Column{Head: "AUTO"},
		report.Column{Head: "LANES", Rank: 2}, report.Column{Head: "NEEDS", Rank: 4})
	for _, r := range rows {
		if !r.Runnable {
			table.Row(r.Name, "no, lacks "+r.Missing+"; "+r.SelfTest)
			continue
		}
		took, auto := "", ""
		if r.SelfTest == "passed" {
			took = strconv.FormatFloat(1000*r.SelfTestSeconds, 'f', 1, 64) + " ms"
		}
		switch {
		case r.Auto:
			auto = "picked"
		case r.AutoPlain:
			auto = "for plain"
		}
		table.Row(r.Name, "yes", r.SelfTest, took, rateText(r.Plain), rateText(r.Rolled), auto, strconv.Itoa(r.Lanes), r.Needs)
	}
	return table.Write(w, outputWidth(w))
}

// rateText is "-" for what was not measured.
func rateText(rate telemetry.Reading) string {
	if !rate.OK {
		return "-"
	}
	return telemetry.FormatRate(rate.Value)
}

func writeIndented(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
