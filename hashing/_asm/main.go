// Command asm generates the assembly kernels of package hashing: "go run ." in
// this folder, or "go generate" in the one above, writes them all anew. Those
// for amd64 are made with avo by this program, those for arm64 by the one in
// the folder arm64.
//
// The files, from what is common to what is not:
//
//	sha256.go    constants of SHA-256, and how they lie in memory
//	message.go   the savings: what of the two blocks is known before the search
//	vectors.go   SHA-256's operations on vectors, for sse2, avx2 and avx512
//	schedule.go  message schedule in vectors
//	rounds.go    rounds in vectors
//	shaext.go    rounds and message schedule by the SHA extensions (SHA-NI)
//	weave.go     putting independent instruction streams in one order
//	job.go       what a kernel is given, and the registers that all have alike
//	ends.go      nonces in, comparison out, for vectors
//	loop.go      what every kernel does around the hashing
//	pipeline.go  the same for kernels that work on several items at once
//
// and the kernels, each with its plan of registers and memory:
//
//	lanes.go     avx512: vectors only, three chains side by side
//	woven.go     avx2, sse2: vectors only, rounds woven with a schedule
//	shani.go     shani: SHA extensions only
//	hybrid.go    shani-avx512, shani-avx2: rounds by the SHA extensions, schedules in vectors
//	early.go     and their first rounds, in vectors too
package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"

	. "github.com/mmcloughlin/avo/build"
)

// function writes an assembly function, with its tables in memory.
type function func(m memory)

// files are the functions by the name of their file.
func files() map[string][]function {
	return map[string][]function{
		"avx512": {lanes("scanGroupsAVX512", "avx512", 64, 3)},
		"woven": {
			woven("scanGroupsAVX2", "avx2", 32),
			woven("scanGroupsSSE2", "sse2", 16),
		},
		"shani": {shani},
		"shani_avx512": {
			hybrid("scanGroupsSHANIAVX512", "avx512", false, 6, 4, 4),
			hybrid("scanGroupsSHANIAVX512Rolled", "avx512", true, 6, 4, 12),
		},
		"shani_avx2": {
			hybrid("scanGroupsSHANIAVX2", "avx2", false, 4, 10, 10),
			hybrid("scanGroupsSHANIAVX2Rolled", "avx2", true, 4, 18, 16),
		},
	}
}

func main() {
	name := flag.String("file", "", "generate this file only, to -out and -stubs")
	flag.Parse()
	if *name == "" {
		generateAll()
		return
	}
	functions, ok := files()[*name]
	if !ok {
		fail(fmt.Errorf("unknown file %q", *name))
	}
	ConstraintExpr("amd64,!purego")
	m := memory{}
	for _, write := range functions {
		write(m)
	}
	Generate()
}

// generateAll runs this program for each file, for avo makes one in a process, and then the generator for arm64.
func generateAll() {
	for _, name := range slices.Sorted(maps.Keys(files())) {
		run(os.Args[0], "-file", name, "-pkg", "hashing",
			"-out", "../"+name+"_amd64.s", "-stubs", "../"+name+"_stub_amd64.go")
	}
	run("go", "run", "./arm64")
}

func run(name string, arguments ...string) {
	c := exec.Command(name, arguments...)
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		fail(fmt.Errorf("%s: %w", c, err))
	}
}

func fail(err error) {
	fmt.Fprintf(os.Stderr, "asm: %v\n", err)
	os.Exit(1)
}
