// Command asm generates the assembly kernels of package hashing, with avo.
// Run it by "go generate" in the folder above.
//
// The files:
//
//	sha256.go  constants of SHA-256, and how they lie in memory
//	weave.go   putting independent instruction streams in one order
//	shaext.go  rounds and message schedule by the SHA extensions (SHA-NI)
//	shani.go   the kernel "shani"
package main

import (
	"flag"
	"fmt"
	"os"

	. "github.com/mmcloughlin/avo/build"
)

func main() {
	kernels := map[string]func(){"shani": shani}
	name := flag.String("kernel", "", "kernel to generate")
	flag.Parse()
	generate, ok := kernels[*name]
	if !ok {
		fmt.Fprintf(os.Stderr, "asm: unknown kernel %q\n", *name)
		os.Exit(2)
	}
	ConstraintExpr("amd64,!purego")
	generate()
	Generate()
}
