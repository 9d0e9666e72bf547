package config

// CPU is the [cpu] table.
type CPU struct {
	Threads  int     // 0 = one for each CPU of CPUs, or each CPU the process may use
	CPUs     CPUList // empty = all the process may use
	Priority string  // "idle", "low" or "normal"
	Kernel   string  // "auto" or a kernel's name
}

func (*CPU) table() table {
	return table{name: "cpu", category: "CPU", title: "Which CPUs hash, and how.", settings: []Setting{
		{Key: "threads", InSample: true, Kind: Int, Default: "0", Max: maxCPU + 1, Env: "QUARRY_THREADS", Flag: "threads", Aliases: []string{"t"},
			Doc:  "hashing threads, 0 = one for each CPU",
			Long: "0 takes every CPU the process may use (affinity and cgroup limits\ncount), or every CPU of cpus.", Example: "4"},
		{Key: "cpus", Kind: CPUs, Env: "QUARRY_CPUS", Flag: "cpus",
			Doc:  "CPUs to hash on, like 0-3,8; empty = all",
			Long: "One thread is pinned to each CPU of the list where the system can pin.", Example: "0-3,8"},
		{Key: "priority", InSample: true, Kind: Enum, Default: "low", Allowed: []string{"idle", "low", "normal"}, Env: "QUARRY_PRIORITY", Flag: "priority",
			Doc:  "priority of the hashing threads",
			Long: "idle hashes only when nothing else wants the CPU; low yields to\nordinary programs.", Example: "idle"},
		{Key: "kernel", Kind: String, Default: "auto", Env: "QUARRY_KERNEL", Flag: "kernel",
			Doc:  "hashing kernel; \"quarry kernels\" lists them",
			Long: "auto takes the fastest of those that this CPU can run and that pass their\nself-test. It is found while mining, by trying each for a few milliseconds,\nand kept in the user's cache folder as the first guess of the next start. A\nkernel that gives wrong results is replaced by the next fastest, even if named.", Example: "generic"},
	}}
}

func (s *CPU) set(c checker, all values) {
	own := all.one("cpu").items
	*s = CPU{
		Threads:  int(own["threads"].num),
		CPUs:     own["cpus"].cpus,
		Priority: own["priority"].text,
		Kernel:   own["kernel"].text,
	}
	checkThreads(c, own["threads"], own["cpus"])
}

// checkThreads refuses more threads than there are chosen CPUs to pin them to.
func checkThreads(c checker, threads, cpus item) {
	if threads.bad || cpus.bad || len(cpus.cpus) == 0 || threads.num <= int64(len(cpus.cpus)) {
		return
	}
	c.add(threads.at.fault("cpu.threads", threads.text+" threads are more than the CPUs of cpus, "+quote(cpus.text)+" from "+cpus.origin.String()))
}
