package fault

import (
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"

	"quarry/stratum/localpool"
)

// Plan is what a pool does wrong.
type Plan struct {
	settings []setting
	seed     uint64
	fixed    bool   // the pool's own difficulty is
	mask     uint32 // that the pool allows

	mu          sync.Mutex
	connections uint64 // so far
	acted       map[string]uint64
}

// New reads what was asked for: lists of NAME[=VALUE], see [Help].
func New(asked []string, seed uint64) (*Plan, error) {
	settings, err := parse(asked)
	if err != nil {
		return nil, err
	}
	return &Plan{settings: settings, seed: seed, acted: make(map[string]uint64)}, nil
}

// Apply changes the configuration of a pool, which then misbehaves.
func (p *Plan) Apply(cfg *localpool.Config) error {
	if err := p.fits(*cfg); err != nil {
		return err
	}
	p.fixed, p.mask = cfg.Difficulty != "", cfg.VersionMask
	if p.mask == 0 {
		p.mask = localpool.DefaultVersionMask
	}
	cfg.Faults = p.connect
	switch {
	case p.has(noResume):
		cfg.Memory = localpool.KeepNothing
	case p.has(forgetJobs):
		cfg.Memory = localpool.KeepExtranonce
	}
	if p.has(refuseUser) {
		allow := cfg.AllowUser
		cfg.AllowUser = func(user, password string) bool {
			return p.allows(user) && (allow == nil || allow(user, password))
		}
	}
	return nil
}

// Settings returns the faults that are on, as they are written.
func (p *Plan) Settings() (all []string) {
	for _, s := range p.settings {
		all = append(all, s.String())
	}
	return all
}

// Seed returns the seed: with it, the dice fall the same way again.
func (p *Plan) Seed() uint64 { return p.seed }

// Acted returns how often each fault has shown itself.
func (p *Plan) Acted() map[string]uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.acted)
}

func (p *Plan) has(name string) bool {
	for _, s := range p.settings {
		if s.name == name {
			return true
		}
	}
	return false
}

func (p *Plan) count(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.acted[name]++
}

// allows reports whether no refuse-user names the user, or what is before its first dot.
func (p *Plan) allows(user string) bool {
	account, _, _ := strings.Cut(user, ".")
	for _, s := range p.settings {
		if s.name == refuseUser && (s.subject == everyone || s.subject == user || s.subject == account) {
			p.count(refuseUser)
			return false
		}
	}
	return true
}

// connect returns the faults of a new connection.
func (p *Plan) connect(m localpool.Miner) localpool.Faults {
	p.mu.Lock()
	p.connections++
	number := p.connections
	p.mu.Unlock()
	return newConnection(p, m, number)
}

// dice returns the random numbers of one fault on one connection.
func (p *Plan) dice(connection uint64, name string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name + strconv.FormatUint(connection, 10))) // never fails
	return rand.New(rand.NewPCG(p.seed, h.Sum64()))
}
