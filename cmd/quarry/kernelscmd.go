package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"quarry/hashing"
)

const kernelsDescription = `Lists the hashing kernels in this program, best first, tests each that this
CPU can run against known answers and a readable reference, and shows which one
"auto" picks.

  quarry kernels
  quarry kernels --json
  quarry mine --kernel generic       mine with a kernel of one's own choice

Exit codes: 0 all kernels that can run here are right, 1 one is wrong, 2 bad
usage.`

// kernelRow is one kernel in the reply; its names are what --json prints.
type kernelRow struct {
	Name            string  `json:"name"`
	Lanes           int     `json:"lanes"`
	Versions        int     `json:"versions"`
	Needs           string  `json:"needs"`
	Missing         string  `json:"missing"` // what this CPU lacks; empty if the kernel can run
	Runnable        bool    `json:"runnable"`
	SelfTest        string  `json:"self_test"` // "passed", "failed", "not run"
	Error           string  `json:"error,omitempty"`
	SelfTestSeconds float64 `json:"self_test_seconds"`
	Auto            bool    `json:"auto"` // the one that auto picks
}

func kernelsCommand() *cli.Command {
	return &cli.Command{
		Name:        "kernels",
		Usage:       "list and test the hashing kernels",
		Description: kernelsDescription,
		Flags:       []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print JSON"}},
		Action: func(c *cli.Context) error {
			return listKernels(c.App.Writer, hashing.Kernels(), c.Bool("json"))
		},
	}
}

// listKernels prints the table and fails if a kernel that can run is wrong.
func listKernels(w io.Writer, kernels []hashing.Kernel, asJSON bool) error {
	rows := examineKernels(kernels)
	write := writeKernelTable
	if asJSON {
		write = writeKernelJSON
	}
	if err := write(w, rows); err != nil {
		return err
	}
	for _, row := range rows {
		if row.Error != "" {
			return cli.Exit(row.Error, exitFailed)
		}
	}
	return nil
}

func examineKernels(kernels []hashing.Kernel) []kernelRow {
	rows := make([]kernelRow, 0, len(kernels))
	picked := false
	for _, k := range kernels {
		row := kernelRow{Name: k.Name, Lanes: k.Lanes, Versions: k.Versions, Needs: k.Needs, Missing: k.MissingHere(), SelfTest: "not run"}
		row.Runnable = row.Missing == ""
		if row.Runnable {
			row.test(k)
		}
		row.Auto = row.SelfTest == "passed" && !picked
		picked = picked || row.Auto
		rows = append(rows, row)
	}
	return rows
}

func (r *kernelRow) test(k hashing.Kernel) {
	began := time.Now()
	err := hashing.SelfTest(k)
	r.SelfTestSeconds = time.Since(began).Seconds()
	r.SelfTest = "passed"
	if err != nil {
		r.SelfTest, r.Error = "failed", err.Error()
	}
}

func writeKernelJSON(w io.Writer, rows []kernelRow) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(rows)
}

func writeKernelTable(w io.Writer, rows []kernelRow) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KERNEL\tLANES\tNEEDS\tRUNS HERE\tSELF-TEST\tAUTO")
	for _, r := range rows {
		runs, test, auto := "yes", r.SelfTest, ""
		if !r.Runnable {
			runs = "no, lacks " + r.Missing
		} else {
			test += " in " + strconv.FormatFloat(1000*r.SelfTestSeconds, 'f', 1, 64) + " ms"
		}
		if r.Auto {
			auto = "picked"
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\n", r.Name, r.Lanes, r.Needs, runs, test, auto)
	}
	return table.Flush()
}
