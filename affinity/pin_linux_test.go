package affinity

import (
	"runtime"
	"slices"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"
)

// onOwnThread runs f on a thread that dies afterwards, like a worker's.
func onOwnThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked
		f()
	}()
	<-done
}

func TestPinThreadReallyPins(t *testing.T) {
	before, err := UsableCPUs()
	if err != nil {
		t.Fatal(err)
	}
	for _, cpu := range before.CPUs[max(len(before.CPUs)-4, 0):] {
		onOwnThread(func() {
			if err := PinThread(cpu); err != nil {
				t.Error(err)
				return
			}
			now, err := UsableCPUs()
			if err != nil || !slices.Equal(now.CPUs, []int{cpu}) {
				t.Errorf("pinned to %d, the kernel says %v, %v", cpu, now.CPUs, err)
			}
		})
	}
	after, err := UsableCPUs()
	if err != nil || !slices.Equal(after.CPUs, before.CPUs) {
		t.Errorf("pinning a worker changed other threads: %v, %v", after.CPUs, err)
	}
	onOwnThread(func() {
		for _, cpu := range []int{-1, maxCPUs, maxCPUs - 1} {
			if err := PinThread(cpu); err == nil && !slices.Contains(before.CPUs, cpu) {
				t.Errorf("pinned to cpu %d, which this machine does not have", cpu)
			}
		}
	})
}

func TestThreadPriorityIsTheThreadsOwn(t *testing.T) {
	nice := func(thread int) int {
		n, err := unix.Getpriority(unix.PRIO_PROCESS, thread)
		if err != nil {
			t.Error(err)
		}
		return 20 - n
	}
	// Not the process's: that is its main thread's, which may itself have become a worker's.
	process := nice(unix.Gettid())
	for p, want := range map[Priority]int{PriorityNormal: process, PriorityLow: max(10, process), PriorityIdle: 19} {
		onOwnThread(func() {
			if err := SetThreadPriority(p); err != nil {
				t.Errorf("%v: %v", p, err)
				return
			}
			attr, err := unix.SchedGetAttr(0, 0)
			if err != nil {
				t.Error(err)
				return
			}
			if got := nice(unix.Gettid()); got != want {
				t.Errorf("%v: nice %d, want %d", p, got, want)
			}
			if idle := attr.Policy == unix.SCHED_IDLE; idle != (p == PriorityIdle) {
				t.Errorf("%v: scheduling policy %d", p, attr.Policy)
			}
			if err := SetThreadPriority(PriorityLow); err != nil {
				t.Errorf("low after %v: %v", p, err)
			}
		})
	}
	if after := nice(unix.Gettid()); after != process {
		t.Errorf("the nice value of other threads went from %d to %d", process, after)
	}
}

func TestReadCores(t *testing.T) {
	const sys = "sys/devices/system/cpu/"
	root := fstest.MapFS{
		sys + "cpu0/topology/thread_siblings_list": {Data: []byte("0,4\n")},
		sys + "cpu4/topology/thread_siblings_list": {Data: []byte("0,4\n")},
		sys + "cpu3/topology/thread_siblings_list": {Data: []byte("2-3\n")},
		sys + "cpu5/topology/thread_siblings_list": {Data: []byte("junk\n")},
		sys + "cpu6/topology/thread_siblings_list": {Data: []byte("1\n")},
	}
	got := readCores(root, []int{0, 3, 4, 5, 6, 7})
	if len(got) != 3 || got[0] != 0 || got[4] != 0 || got[3] != 2 {
		t.Errorf("cores %v, want 0 and 4 on 0, 3 on 2, nothing else", got)
	}
}

func TestReadQuota(t *testing.T) {
	const (
		v2Mount = "41 31 0:38 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
		v1Mount = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
	)
	for name, row := range map[string]struct {
		cgroup, mounts string
		files          map[string]string // below sys/fs/cgroup
		want           float64
	}{
		"no limit":   {"0::/user.slice\n", v2Mount, map[string]string{"user.slice/cpu.max": "max 100000\n"}, 0},
		"own limit":  {"0::/user.slice\n", v2Mount, map[string]string{"user.slice/cpu.max": "150000 100000\n"}, 1.5},
		"from above": {"0::/a/b/c\n", v2Mount, map[string]string{"a/cpu.max": "200000 100000\n", "a/b/cpu.max": "300000 100000\n", "a/b/c/cpu.max": "max 100000\n"}, 2},
		"container":  {"0::/\n", v2Mount, map[string]string{"cpu.max": "50000 100000\n"}, 0.5},
		"outside the namespace": {"0::/../../x\n", v2Mount,
			map[string]string{"cpu.max": "50000 100000\n"}, 0.5},
		"v1": {"9:name=systemd:/z\n4:cpu,cpuacct:/z\n", v1Mount,
			map[string]string{"cpu,cpuacct/z/cpu.cfs_quota_us": "250000\n", "cpu,cpuacct/z/cpu.cfs_period_us": "100000\n"}, 2.5},
		"v1 no limit": {"4:cpu,cpuacct:/\n", v1Mount,
			map[string]string{"cpu,cpuacct/cpu.cfs_quota_us": "-1\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"}, 0},
		"v1 in docker": {"4:cpu,cpuacct:/docker/f00\n", "32 31 0:29 /docker/f00 /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n",
			map[string]string{"cpu,cpuacct/cpu.cfs_quota_us": "100000\n", "cpu,cpuacct/cpu.cfs_period_us": "50000\n"}, 2},
		"hybrid": {"1:cpu:/\n0::/q\n", "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
			map[string]string{"unified/q/cpu.max": "max 100000\n", "cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3},
		"cpuset only": {"4:cpuset:/\n", "32 31 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n",
			map[string]string{"cpuset/cpu.cfs_quota_us": "1\n", "cpuset/cpu.cfs_period_us": "1\n"}, 0},
		"not mounted": {"0::/x\n", "", map[string]string{"x/cpu.max": "1 1\n"}, 0},
		"nonsense":    {"0::\n::\nx\n0::/x\n", "- -\nx - y\n" + v2Mount, map[string]string{"x/cpu.max": "-5 x y\n", "cpu.max": "5 0\n"}, 0},
	} {
		root := fstest.MapFS{
			"proc/self/cgroup":    {Data: []byte(row.cgroup)},
			"proc/self/mountinfo": {Data: []byte(row.mounts)},
		}
		for file, text := range row.files {
			root["sys/fs/cgroup/"+file] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := readQuota(root); got != row.want {
			t.Errorf("%s: quota %v, want %v", name, got, row.want)
		}
	}
	if got := readQuota(fstest.MapFS{}); got != 0 {
		t.Errorf("without /proc: quota %v", got)
	}
}
