package testutil

import (
	"flag"
	"fmt"
	"runtime"
	"strconv"
	"testing"
)

// SideBySide runs the tests of a package whose parallel tests wait for real time
// more than they compute: that many at once, however few CPUs there are.
type SideBySide struct {
	*testing.M
	Tests int
}

// Run leaves a number that is given with -parallel.
func (s SideBySide) Run() int {
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == fmt.Sprint(runtime.GOMAXPROCS(0)) {
		if err := parallel.Value.Set(strconv.Itoa(s.Tests)); err != nil {
			panic(err) // the testing package took it until now
		}
	}
	return s.M.Run()
}
