package main

import (
	"fmt"
	"os"

	"quarry/bench/report"
)

// outFile is the file of --out; nil for none. It is opened before the long
// measurement, and keeps its content until there is a report.
type outFile struct{ file *os.File }

func openOut(name string) (*outFile, error) {
	if name == "" {
		return &outFile{}, nil
	}
	if name == "-" {
		return nil, usageFault("--out: - is no file: standard output gets the report with --format json (a file of that name is ./-)")
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return nil, usageFault("--out: %v", err)
	}
	return &outFile{file}, nil
}

func (o *outFile) write(r *report.Report) error {
	if o.file == nil {
		return nil
	}
	if info, err := o.file.Stat(); err == nil && info.Mode().IsRegular() {
		if err := o.file.Truncate(0); err != nil {
			return fmt.Errorf("--out: %w", err)
		}
	}
	if err := r.Write(o.file, "json", 0); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return nil
}

func (o *outFile) close() {
	if o.file != nil {
		o.file.Close()
	}
}
