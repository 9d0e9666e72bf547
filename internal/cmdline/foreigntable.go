package cmdline

// minerFlags is the table for quarry mine and the commands that take its flags.
func minerFlags() []foreign {
	const leaveOut = "leave it out, "
	return []foreign{
		// What means the same.
		{names: "a algo", value: true, ours: only("sha256d", "sha256", "sha-256d", "sha256dt"), answer: "quarry mines SHA-256d only; leave it out"},
		{names: "O userpass", value: true, ours: login, answer: "give -u USER -p PASSWORD"},
		{names: "x", value: true, ours: as("proxy")},
		{names: "l log", value: true, ours: file, answer: "give --status-interval 60s, or --log-file FILE"},
		{names: "cert", value: true, ours: as("tls-ca")},
		{names: "suggest-diff", value: true, ours: as("suggest-difficulty")},
		{names: "tls-fingerprint", value: true, ours: func(v string) ([]string, bool) { return []string{"--tls-pin=sha256:" + v}, true }},
		{names: "D debug v verbose", ours: always("--log-level=debug")},
		{names: "print-time", value: true, ours: seconds("status-interval"), answer: "give --status-interval 60s"},
		{names: "time-limit", value: true, ours: seconds("time"), answer: "give --time 60s"},
		{names: "donate-level", value: true, ours: only("0"), answer: "quarry takes no fee; leave it out"},
		{names: "no-redirect no-longpoll no-getwork no-gbt no-submit-stale", ours: always()},

		// What has another name or form here.
		{names: "pool server host port", value: true, answer: "give -o URL, like -o stratum+tcp://HOST:PORT"},
		{names: "wallet address", value: true, answer: "give -u ADDRESS"},
		{names: "pass-file passwd-file", value: true, answer: "give --password-file FILE"},
		{names: "proxy-pass-file", value: true, answer: "give --proxy-password-file FILE"},
		{names: "cores num-threads", value: true, answer: "give --threads NUMBER"},
		{names: "P protocol-dump", answer: "--log-level debug shows most"},
		{names: "q quiet", answer: "for fewer lines give --log-level warn, which keeps status and summary"},
		{names: "no-color", answer: "set NO_COLOR=1 in the environment"},
		{names: "benchmark", answer: "run: quarry bench"},
		{names: "bench stress", value: true, answer: "run: quarry bench, or quarry bench --stress 30m"},
		{names: "dry-run", answer: "run: quarry check, with the same flags"},
		{names: "cpu-affinity affinity", value: true, reply: cpusOfMask, answer: "name CPUs with --cpus 0-3,8"},
		{names: "cpu-priority", value: true, reply: priorityOf, answer: "give --priority idle, low or normal"},
		{names: "cpu-max-threads-hint i intensity I scan-intensity", value: true, answer: "choose how many CPUs hash with --threads or --cpus"},
		{names: "max-cpu-usage", value: true, answer: "choose how many CPUs hash with --threads or --cpus"},
		{names: "cpu-no-yield", answer: "give --priority normal"},
		{names: "av asm cpu-algo", value: true, answer: "choose one with --kernel; quarry kernels lists them"},
		{names: "rig-id api-worker-id", value: true, answer: "--rig NAME names this machine in reports; a pool knows it by its user, -u ADDRESS.NAME"},
		{names: "w worker", value: true, answer: "the worker is part of the user: -u ADDRESS.WORKER"},
		{names: "tls ssl", answer: "begin the URL with stratum+ssl://, like -o stratum+ssl://HOST:PORT"},
		{names: "socks-proxy", value: true, answer: "give --proxy socks5://HOST:PORT"},
		{names: "failover-only", answer: "this is the standard, --strategy failover; leave it out"},
		{names: "load-balance balance", answer: "give --strategy balance, and a --quota for each pool"},
		{names: "rotate", value: true, reply: minutes, answer: "give --strategy round-robin --turn 10m"},
		{names: "round-robin", answer: "give --strategy round-robin"},
		{names: "B background", answer: "quarry stays in the foreground: use nohup quarry mine … &, or a systemd service"},
		{names: "S syslog", answer: "pipe the output, quarry mine … | logger, run it under systemd, or give --log-file FILE"},
		{names: "R retry-pause r retries T timeout retry", value: true, answer: "quarry tries again by itself after 1 to 60 s, for ever; --no-retry ends instead"},
		{names: "list-devices ndevs n export-topology", answer: "run: quarry kernels"},

		// What quarry does by itself, or has not.
		{names: "k keepalive", answer: leaveOut + "quarry notices dead connections by itself"},
		{names: "stratum-keepalive", answer: leaveOut + "quarry notices dead connections by itself"},
		{names: "no-stratum", answer: leaveOut + "Stratum is all that quarry speaks"},
		{names: "verify", answer: leaveOut + "quarry tests each kernel before it uses it"},
		{names: "f diff-factor m diff-multiplier", value: true, ours: only("1", "1.0"), answer: leaveOut + "the pool sets the difficulty; to ask it for another, give --suggest-difficulty NUMBER"},
		{names: "coin", value: true, answer: leaveOut + "the pool decides what is mined; quarry mines SHA-256d"},
		{names: "nicehash text-only no-title hash-meter hide-diff no-ramping no-extranonce no-strict real-quiet no-huge-pages compact per-device-stats net-delay no-pool-disable fix-protocol no-restart no-adl", answer: leaveOut + "quarry needs no such switch"},
		{names: "s scantime scan-time E expiry Q queue", value: true, answer: leaveOut + "a Stratum pool sends new work by itself"},
		{names: "huge-pages hugepage-size randomx-* argon2-* cn-*", answer: leaveOut + "SHA-256d has no use for it"},
		{names: "no-cpu opencl* cuda* cl-* gpu* d device devices", answer: "quarry mines on the CPU only"},
		{names: "b api-* http-* daemon-*", value: true, answer: "quarry has no API; --format json prints every event and the status as JSON lines"},
		{names: "max-temp temp-* max-rate max-diff pause-on-* sched-*", value: true, answer: "quarry has no such limit; --priority, --threads and --time are what it has"},
		{names: "daemon solo coinbase-* generate-to self-select submit-to-origin", value: true, answer: "quarry speaks Stratum V1 to a pool only, and mines no node directly"},
		{names: "user-agent dns-* health-print-time sharelog monitor spend-secret-key", value: true, answer: leaveOut + "quarry has no such setting"},
	}
}

// poolFlags is the table for quarry pool.
func poolFlags() []foreign {
	return []foreign{
		{names: "p port", value: true, reply: func(v string) string { return "give --listen 127.0.0.1:" + v }, answer: "give --listen 127.0.0.1:PORT"},
		{names: "b bind host address addr", value: true, answer: "give --listen HOST:PORT"},
		{names: "d diff", value: true, answer: "give --difficulty NUMBER"},
		{names: "q quiet", answer: "give --log-level warn"},
	}
}
