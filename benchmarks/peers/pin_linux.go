package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// startPinned starts the process on the CPUs: a child inherits the affinity of
// the thread that starts it.
func startPinned(process *exec.Cmd, cpus []int) error {
	if len(cpus) == 0 {
		return process.Start()
	}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread dies, and its affinity with it
		set := unix.NewCPUSet(4096)
		for _, cpu := range cpus {
			set.Set(cpu)
		}
		if err := unix.SchedSetaffinityDynamic(0, set); err != nil {
			started <- fmt.Errorf("pinning it to %v: %w", cpus, err)
			return
		}
		started <- process.Start()
	}()
	return <-started
}

// watch polls the process's threads until ctx ends, and returns the last state of
// the busiest.
func watch(ctx context.Context, pid int) hashThread {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	var busiest hashThread
	for {
		select {
		case <-ctx.Done():
			return busiest
		case <-tick.C:
		}
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil {
			continue
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				continue // it has ended
			}
			if t := parseStat(text); t.known && t.ticks >= busiest.ticks {
				busiest = t
			}
		}
	}
}

// parseStat reads a thread's /proc/PID/task/TID/stat (proc(5)). The name in
// its second field may hold anything, so fields are counted from its last bracket.
func parseStat(text []byte) hashThread {
	const state, utime, nice, processor, policy = 3, 14, 19, 39, 41
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	field := func(number int) (int, bool) {
		if number-state >= len(fields) {
			return 0, false
		}
		n, err := strconv.Atoi(string(fields[number-state]))
		return n, err == nil
	}
	ticks, ok1 := field(utime)
	niceness, ok2 := field(nice)
	cpu, ok3 := field(processor)
	scheduler, ok4 := field(policy)
	if !ok1 || !ok2 || !ok3 || !ok4 || ticks < 0 {
		return hashThread{}
	}
	return hashThread{known: true, cpu: cpu, nice: niceness, ticks: uint64(ticks),
		idle: scheduler == unix.SCHED_IDLE || scheduler == unix.SCHED_BATCH}
}
