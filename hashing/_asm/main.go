// Command asm generates the assembly kernels of package hashing: "go run ." in
// this folder, or "go generate" in its parent, rewrites them all. Those for
// amd64 are made with avo by this program, those for arm64 by the one in the folder
// arm64.
//
// The files, from what is common to what is not:
//
//	sha256.go    constants of SHA-256, and how they lie in memory
//	message.go   the savings: what of the two blocks is known before the search
//	vectors.go   SHA-256's operations on vectors, for sse2, avx2 and avx512
//	schedule.go  message schedule in vectors, its words in memory
//	ring.go      the same with its words in registers
//	rounds.go    rounds in vectors
//	shaext.go    rounds and message schedule by the SHA extensions (SHA-NI)
//	job.go       a kernel's input, and the registers common to all
//	ends.go      nonces in, comparison out, for vectors
//	loop.go      what every kernel does around the hashing
//	pipeline.go  the same for kernels that work on several items at once
//	hybrid.go    what the kernels of SHA extensions and vectors have in common
//	transpose.go conversion from lanes to vectors and back
//	early.go     first rounds in vectors, with their state in memory
//	order/       putting independent instruction streams in one order, and which
//	             of equivalent programs is the best on which processor
//	candidates.go forms requested by the order search
//
// and the kernels, each in a file of its name, with its plan of registers and
// memory; avx2.go also has sse2.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/pass"

	"quarry/hashing/asm/order"
)

// function writes an assembly function, with its tables in memory.
type function func(m memory)

// files returns the functions by the name of their file, which is their kernel's.
func files() map[string][]function {
	return map[string][]function{
		"avx512": {lanes("scanGroupsAVX512", "avx512", 64, 3)},
		"avx2":   {woven("scanGroupsAVX2", "avx2", 32)},
		"sse2":   {woven("scanGroupsSSE2", "sse2", 16)},
		"shani":  {shani},
		"shani_avx512": {
			shaniAVX512Function("scanGroupsSHANIAVX512", "shani-avx512", false, order.InUse("shani-avx512", false)),
			shaniAVX512Function("scanGroupsSHANIAVX512Rolled", "shani-avx512", true, order.InUse("shani-avx512", true)),
		},
		"shani_avx512_ternary": {
			shaniAVX512Function("scanGroupsSHANIAVX512Ternary", "shani-avx512-ternary", false, order.InUse("shani-avx512-ternary", false)),
			shaniAVX512Function("scanGroupsSHANIAVX512TernaryRolled", "shani-avx512-ternary", true, order.InUse("shani-avx512-ternary", true)),
		},
		"shani_avx2": {
			shaniAVX2Function("scanGroupsSHANIAVX2", hybridShape{chains: 4, early1: 10, early2: 10}),
			shaniAVX2Function("scanGroupsSHANIAVX2Rolled", hybridShape{rolled: true, chains: 4, early1: 18, early2: 16}),
		},
	}
}

func main() {
	name := flag.String("file", "", "generate this file only, to -out and -stubs")
	asked := flag.String("candidates", "", "generate the `forms` in this file instead, to -out and -stubs")
	table := flag.Bool("orders", false, "print the table of orders")
	flag.Parse()
	var functions []function
	var err error
	switch known := files(); {
	case *table:
		err = json.NewEncoder(os.Stdout).Encode(order.Table())
	case *asked != "":
		functions, err = readCandidates(*asked)
	case *name == "":
		generateAll()
	case known[*name] == nil:
		err = fmt.Errorf("unknown file %q", *name)
	default:
		functions = known[*name]
	}
	if err != nil {
		fail(err)
	}
	if functions != nil {
		generate(functions)
	}
}

// generate writes the file of these functions.
func generate(functions []function) {
	ConstraintExpr("amd64,!purego")
	m := memory{}
	for _, write := range functions {
		write(m)
	}
	pass.Compile = pass.Concat(pass.FunctionPass(order.OrderBeats), pass.Compile)
	Generate()
}

// generateAll runs this program for each file, because avo makes one per process, and
// then the generator for arm64.
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
