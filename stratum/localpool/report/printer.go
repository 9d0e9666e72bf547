// Package report says what a practice pool does: a status line now and then, and
// the sums at the end, by worker.
package report

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"quarry/internal/event"
	"quarry/stratum/localpool"
	"quarry/telemetry"
)

// Printer writes reports to Out, or with JSON as messages to Log.
type Printer struct {
	Out  io.Writer
	Log  *zap.Logger // for what is always said, at any level
	JSON bool
	Pool *localpool.Pool
	// Listen is what the pool was to listen on, in the order of its endpoints.
	Listen []localpool.Listener
	Book   *Book
	Acts   func() map[string]uint64 // how often each fault showed itself; nil: there are none
}

// Welcome says where miners find the pool. pin is empty without TLS.
func (p Printer) Welcome(pin string) {
	var urls []string
	for i, e := range p.Pool.Endpoints() {
		if i < len(p.Listen) {
			e.Addr = withZone(e.Addr, p.Listen[i].Addr)
		}
		if host, port, _ := net.SplitHostPort(e.Addr); net.ParseIP(host).IsUnspecified() {
			e.Addr = "THIS-MACHINE:" + port
		}
		urls = append(urls, e.URL())
		if !loopback(e.Addr) {
			p.Log.Warn("practice pool is reachable from other machines", event.Advice("it checks no passwords; bind it to 127.0.0.1 unless that is intended"),
				zap.String("url", e.URL()))
		}
	}
	if p.JSON {
		p.Log.Info("practice pool listens", zap.Strings("urls", urls), zap.String("tls_pin", pin))
		return
	}
	fmt.Fprintln(p.Out, "Practice pool: its blocks are made up and it pays nothing. Any user and password will do.")
	for _, url := range urls {
		fmt.Fprintf(p.Out, "  point a miner at %s\n", url)
	}
	if pin != "" {
		fmt.Fprintf(p.Out, "  quarry then needs --tls-pin %s\n", pin)
	}
	fmt.Fprintln(p.Out, "Ctrl-C stops it.")
}

// withZone returns the address with the zone of the one that was asked for: not every
// system names it with an open socket, and without it no miner gets there.
func withZone(addr, asked string) string {
	host, port, _ := net.SplitHostPort(addr)
	wanted, _, _ := net.SplitHostPort(asked)
	_, zone, _ := strings.Cut(wanted, "%")
	host, _, _ = strings.Cut(host, "%")
	if zone == "" || !net.ParseIP(host).IsLinkLocalUnicast() {
		return addr
	}
	if strings.HasPrefix(zone, "25") && zone != "25" {
		zone = "25" + zone // in a URL this begins an escaped one (RFC 6874)
	}
	return net.JoinHostPort(host+"%"+zone, port)
}

// loopback reports whether host:port can be reached from this machine only.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || (ip != nil && ip.IsLoopback()))
}

// Run prints a status line every interval until ctx ends.
func (p Printer) Run(ctx context.Context, interval time.Duration) {
	began := time.Now()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			p.Status(p.Pool.Stats(), time.Since(began))
		}
	}
}

// Status prints the status line.
func (p Printer) Status(st localpool.Stats, up time.Duration) {
	rate := p.Book.Rate(time.Now(), up)
	p.Log.Info("pool status", append(p.sums(st, up), zap.Float64("hashes_per_second", rate), event.Shown(statusLine(st, rate, up)))...)
}

func statusLine(st localpool.Stats, rate float64, up time.Duration) string {
	parts := []string{
		telemetry.FormatItems(miners(st), "miner"),
		telemetry.FormatRate(rate),
		fmt.Sprintf("%d accepted, %d rejected", st.Accepted, rejected(st)),
	}
	if st.Blocks > 0 {
		parts = append(parts, telemetry.FormatItems(int(st.Blocks), "block"))
	}
	return strings.Join(append(parts, "best "+bestText(st.Best), "up "+telemetry.FormatDuration(up)), " | ")
}

// Summary prints the sums: with JSON, the last line of the output.
func (p Printer) Summary(st localpool.Stats, took time.Duration) {
	workers := p.Book.Workers()
	var hashes float64
	for _, w := range workers {
		hashes += w.Hashes
	}
	if p.JSON {
		fields := append(p.sums(st, took), zap.Float64("hashes", hashes),
			zap.Float64("average_hashes_per_second", perSecond(hashes, took)), zap.Any("workers", append([]Worker{}, workers...)))
		if p.Acts != nil {
			fields = append(fields, zap.Any("faults_shown", p.Acts()))
		}
		p.Log.Info("pool summary", fields...)
		return
	}
	fmt.Fprintf(p.Out, "Practice pool ended after %v: %s accepted, %d rejected%s.\n", took.Round(time.Second),
		telemetry.FormatItems(int(st.Accepted), "share"), rejected(st), codes(st))
	fmt.Fprintf(p.Out, "%s, best difficulty %s, %s still connected.\n",
		telemetry.FormatItems(int(st.Blocks), "practice block"), bestText(st.Best), telemetry.FormatItems(miners(st), "miner"))
	if st.Accepted > 0 {
		fmt.Fprintf(p.Out, "The accepted shares stand for %s hashes, %s on average.\n",
			telemetry.FormatCount(uint64(hashes)), telemetry.FormatRate(perSecond(hashes, took)))
	}
	for _, w := range workers {
		fmt.Fprintf(p.Out, "  %q: %d accepted, %d rejected, %s on average, best %s\n", w.Name, w.Accepted, w.Rejected,
			telemetry.FormatRate(perSecond(w.Hashes, took)), bestText(w.Best))
	}
	if p.Acts != nil {
		fmt.Fprintf(p.Out, "Faults on purpose: %s.\n", actsText(p.Acts()))
	}
}

func bestText(difficulty float64) string {
	if difficulty == 0 {
		return "none"
	}
	return telemetry.FormatDifficulty(difficulty)
}

// sums are the fields that the status and the summary have in common.
func (p Printer) sums(st localpool.Stats, took time.Duration) []zap.Field {
	if st.Rejected == nil {
		st.Rejected = map[localpool.Code]uint64{} // an object in JSON, not null
	}
	return []zap.Field{
		zap.Int("miners", miners(st)), zap.Uint64("accepted", st.Accepted), zap.Uint64("rejected", rejected(st)),
		zap.Any("rejected_by_code", st.Rejected), zap.Uint64("blocks", st.Blocks),
		zap.Float64("best_difficulty", st.Best), zap.Float64("seconds", took.Seconds()),
	}
}

// miners counts the connections with a worker.
func miners(st localpool.Stats) (n int) {
	for _, m := range st.Miners {
		if len(m.Users) > 0 {
			n++
		}
	}
	return n
}

func rejected(st localpool.Stats) (n uint64) {
	for _, count := range st.Rejected {
		n += count
	}
	return n
}

// codes is " (2 of code 21)", or nothing.
func codes(st localpool.Stats) string {
	var parts []string
	for _, code := range slices.Sorted(maps.Keys(st.Rejected)) {
		parts = append(parts, fmt.Sprintf("%d of code %d", st.Rejected[code], code))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func actsText(acts map[string]uint64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(acts)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, acts[name]))
	}
	if len(parts) == 0 {
		return "none showed itself"
	}
	return strings.Join(parts, ", ")
}

func perSecond(hashes float64, took time.Duration) float64 {
	return hashes / max(took.Seconds(), 0.001)
}
