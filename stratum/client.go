package stratum

import (
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"quarry/stratum/printable"
	v1 "quarry/stratum/v1"
	"quarry/upstream"
)

// Options configure a client of pools. Only Pools is required.
type Options struct {
	Pools       []Pool // in the order of preference
	Strategy    upstream.Strategy
	Failback    time.Duration // how long a preferred pool must stay healthy before mining returns to it; 0 = returns at once
	Turn        time.Duration // how long each pool is mined, with StrategyRoundRobin, which needs it
	UserAgent   string        // name/version, as pools see it; default "quarry"
	NoRetry     bool          // give up once no pool works, see work.ErrNoWork
	SubmitStale bool          // let the pool judge shares of outdated jobs too
	Limits      v1.Limits
	Log         *zap.Logger // nil: silent
	Trace       v1.Trace

	Rules *upstream.Rules // nil: the usual ones
	Clock *upstream.Clock // nil: the real one
}

// New checks the options and makes a source of jobs: a client of the pools. It
// does not connect.
func New(o Options) (*upstream.Client, error) {
	o = o.withDefaults()
	members, err := Members(o)
	if err != nil {
		return nil, err
	}
	return upstream.New(upstream.Options{
		Members: members, Strategy: o.Strategy, Failback: o.Failback, Turn: o.Turn, NoRetry: o.NoRetry, Log: o.Log, Rules: o.Rules, Clock: o.Clock,
	})
}

// Members are the pools as members of an upstream client's list.
func Members(o Options) ([]upstream.Member, error) {
	o = o.withDefaults()
	var members []upstream.Member
	var faults []error
	names := poolNames(o.Pools)
	for i, p := range o.Pools {
		made, err := newPool(p, names[i], o)
		if err != nil {
			faults = append(faults, fmt.Errorf("pool %d: %w", i+1, err))
			continue
		}
		members = append(members, upstream.Member{Name: made.name, URL: made.url.String(), User: p.User, Quota: p.Quota, Protocol: made})
	}
	return members, errors.Join(faults...)
}

// poolNames returns what each pool is called in logs and books: its URL, and the
// user where several pools have the same URL.
func poolNames(pools []Pool) []string {
	names, used := make([]string, len(pools)), map[string]int{}
	for i, p := range pools {
		if url, _, err := ParseURL(p.URL); err == nil {
			names[i] = url.String()
		}
		used[names[i]]++
	}
	for i, p := range pools {
		if used[names[i]] > 1 {
			names[i] += " (" + printable.Sanitize(p.User) + ")"
		}
	}
	return names
}

func (o Options) withDefaults() Options {
	if o.UserAgent == "" {
		o.UserAgent = "quarry"
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	o.Limits = o.Limits.WithDefaults()
	return o
}
