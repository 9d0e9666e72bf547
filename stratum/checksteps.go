package stratum

import (
	"crypto/tls"
	"fmt"
	"math"
	"time"

	"quarry/bitcoin"
	"quarry/stratum/printable"
	"quarry/stratum/transport"
	v1 "quarry/stratum/v1"
	"quarry/work"
)

// What is worth a warning.
const (
	soonExpired = 14 * 24 * time.Hour // that a certificate is still valid
	clockSlack  = 2 * time.Hour       // between the pool's clock and ours
)

// certificateStep reports the pool's certificate, and how long it is valid.
func certificateStep(options transport.TLSOptions, state tls.ConnectionState, took time.Duration) Step {
	leaf, pin := state.PeerCertificates[0], transport.Pin(state)
	left := time.Until(leaf.NotAfter)
	days := int(math.Floor(left.Hours() / 24))
	subject, issuer := printable.Sanitize(leaf.Subject.String()), printable.Sanitize(leaf.Issuer.String())
	s := Step{
		Name: "tls", State: StateOK, Took: took,
		Text: fmt.Sprintf("%s, certificate of %q by %q, %d days left, --tls-pin %s", tls.VersionName(state.Version), subject, issuer, days, pin),
		Facts: map[string]any{
			"encrypted": true, "version": tls.VersionName(state.Version), "subject": subject, "issuer": issuer,
			"chain": len(state.PeerCertificates), "expires": leaf.NotAfter.UTC().Format(time.RFC3339), "days_left": days, "pin": pin,
		},
	}
	switch {
	case options.Insecure:
		s.State, s.Advice = StateWarn, "it is not verified (tls_insecure), so anyone on the way can take your shares: if it is the pool's own, pin it instead: --tls-pin "+pin
	case options.Pin != "": // its dates do not count
	case left < soonExpired:
		s.State, s.Advice = StateWarn, "it expires soon, and then the pool is refused: tell its operator"
	}
	return s
}

func subscribeStep(status v1.Status, took time.Duration, unasked bool) Step {
	rolling := fmt.Sprintf("version rolling %08x", status.VersionMask)
	switch {
	case unasked:
		rolling = "version rolling not asked for"
	case status.VersionMask == 0:
		rolling = "no version rolling"
	}
	return Step{
		Name: "subscribe", State: StateOK, Took: took,
		Text: fmt.Sprintf("extranonces of %d and %d bytes, %s", len(status.Extranonce1), status.Extranonce2Size, rolling),
		Facts: map[string]any{
			"extranonce1_size": len(status.Extranonce1), "extranonce2_size": status.Extranonce2Size,
			"version_mask": fmt.Sprintf("%08x", status.VersionMask), "can_resume": status.SessionID != "",
		},
	}
}

// jobStep reports which block the first job is for, and its age by both clocks.
func jobStep(j *work.Job, took time.Duration) Step {
	age := j.Received.Sub(time.Unix(int64(j.NTime), 0)).Round(time.Second)
	s := Step{Name: "job", State: StateOK, Took: took, Facts: map[string]any{"age_seconds": age.Seconds(), "previous_block": j.PrevHash.String()}}
	if height, known := bitcoin.CoinbaseHeight(j.Coinb1); known {
		s.Text = fmt.Sprintf("block %d, ", height)
		s.Facts["height"] = height
	}
	text := age.Abs().String()
	if age.Abs() > 2*24*time.Hour {
		text = fmt.Sprintf("%.0f days", age.Abs().Hours()/24)
	}
	if age < 0 {
		s.Text += text + " ahead of this machine's clock"
	} else {
		s.Text += text + " old"
	}
	if j.NetworkKnown {
		s.Facts["network_difficulty"] = j.NetworkTarget.Difficulty()
	}
	if age.Abs() > clockSlack {
		s.State, s.Advice = StateWarn, "check this machine's clock; if that is right, the pool's node is stuck or its clock is wrong"
	}
	return s
}
