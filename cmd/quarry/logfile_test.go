package main

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// zone is the zone of a time at the start of a line.
var zone = regexp.MustCompile(`Z|[+-]\d\d:\d\d`)

// cmdDayLog is "daylog FILE BYTES": a day with the shares of the log file, one a
// second, a status line a minute and its other lines 120 times has at most that many
// bytes, in the longest zone.
func cmdDayLog(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: daylog FILE BYTES")
	}
	most, err := strconv.Atoi(args[1])
	ts.Check(err)
	shares, shareBytes, otherBytes := 0, 0, 0
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		if strings.Contains(line, " share accepted") {
			shares++
			shareBytes += len(line) - len(zone.FindString(line[len(time.DateTime):])) + len("+01:00")
		} else if !strings.Contains(line, "practice pays nothing") { // once, at the start
			otherBytes += len(line)
		}
	}
	if shares == 0 {
		ts.Fatalf("no share in %s", args[0])
	}
	const minutes = 24 * 60
	const statusLine = 250 // at most
	day := shareBytes*60*minutes/shares + statusLine*minutes + otherBytes*2*60
	ts.Logf("a share's line has %d bytes, a day %d", shareBytes/shares, day)
	if day > most {
		ts.Fatalf("a day has %d bytes (%d in a share's line), more than %d", day, shareBytes/shares, most)
	}
}
