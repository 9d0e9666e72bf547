// Command asm generates the assembly kernels of package hashing, with avo:
// "go run ." in this folder, or "go generate" in the one above, writes them
// all anew.
//
// The files:
//
//	sha256.go     constants of SHA-256, and how they lie in memory
//	weave.go      putting independent instruction streams in one order
//	shaext.go     rounds and message schedule by the SHA extensions (SHA-NI)
//	shani.go      the kernel "shani": its hashing
//	shaniloop.go  and what is around it
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"

	. "github.com/mmcloughlin/avo/build"
)

// kernels are the generators by the name of the kernel.
var kernels = map[string]func(){
	"shani":  shani,
	"avx512": lanes("avx512", 64, 3),
	"avx2":   lanes("avx2", 32, 1),
	"sse2":   lanes("sse2", 16, 1),

	"shani_avx512":        hybrid("scanGroupsSHANIAVX512", "avx512", false, 6, 4),
	"shani_avx512_rolled": hybrid("scanGroupsSHANIAVX512Rolled", "avx512", true, 6, 12),
	"shani_avx2":          hybrid("scanGroupsSHANIAVX2", "avx2", true, 4, 0),
}

func main() {
	name := flag.String("kernel", "", "generate this kernel only, to the files of -out and -stubs")
	flag.Parse()
	if *name == "" {
		generateAll()
		return
	}
	generate, ok := kernels[*name]
	if !ok {
		fail(fmt.Errorf("unknown kernel %q", *name))
	}
	ConstraintExpr("amd64,!purego")
	generate()
	Generate()
}

// generateAll runs this program for each kernel: avo makes one file in a
// process.
func generateAll() {
	for name := range kernels {
		c := exec.Command(os.Args[0], "-kernel", name, "-pkg", "hashing",
			"-out", "../"+name+"_amd64.s", "-stubs", "../"+name+"_stub_amd64.go")
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		if err := c.Run(); err != nil {
			fail(fmt.Errorf("kernel %s: %w", name, err))
		}
	}
}

func fail(err error) {
	fmt.Fprintf(os.Stderr, "asm: %v\n", err)
	os.Exit(1)
}
