package stratum

import (
	"errors"

	"quarry/stratum/transport"
	v1 "quarry/stratum/v1"
)

// advice returns the step at which a session ended before it had a job, and what to
// do about it; without a step, it ended later.
func (p *pool) advice(status v1.Status, err error) (step, advice string) {
	var fault *transport.Fault
	var reconnect *v1.Reconnect
	switch {
	case errors.Is(err, v1.ErrNotStratum):
		return "subscribe", "it is another kind of server: check host and port"
	case !status.Subscribed:
		step = "subscribe"
	case !status.Authorized:
		step = "authorize"
	default:
		step = "job"
	}
	switch {
	case errors.As(err, &fault), errors.As(err, &reconnect), errors.Is(err, transport.ErrTLSServer):
		return step, ""
	case step == "subscribe" && !status.Answered && p.url.Scheme == transport.SchemeTCP && errors.Is(err, transport.ErrClosed):
		return step, "check host and port; if this port is for TLS, use " + transport.SchemeTLS + "://"
	case step == "subscribe":
		return step, "check host and port, or try again later: the pool may be starting, or have banned this address"
	case step == "authorize":
		return step, "check user and password: most pools want a payout address as the user, with .name behind it for the rig"
	}
	return step, "the pool has no work for us: ask its operator, or configure another pool"
}
