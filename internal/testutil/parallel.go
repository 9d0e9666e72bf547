package testutil

import (
	"flag"
	"fmt"
	"runtime"
	"testing"
)

// SideBySide runs the tests of a package whose parallel tests wait for real time
// more than they compute: 16 at once, however few CPUs there are.
type SideBySide struct{ *testing.M }

// Run leaves a number that is given with -parallel.
func (s SideBySide) Run() int {
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == fmt.Sprint(runtime.GOMAXPROCS(0)) {
		if err := parallel.Value.Set("16"); err != nil {
			panic(err) // the testing package took it until now
		}
	}
	return s.M.Run()
}
