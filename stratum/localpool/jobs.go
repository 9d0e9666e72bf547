package localpool

import (
	"errors"

	"go.uber.org/zap"
)

// errScripted is returned when a script forbids synthetic jobs.
var errScripted = errors.New("practice pool: its jobs are scripted")

// currentJob returns the job that a new miner gets.
func (p *Pool) currentJob() *Job {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current
}

// stale reports whether job belongs to an earlier block.
func (p *Pool) stale(job *Job) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return job.block < p.current.block
}

// freshJob makes a job on the tip for one miner, nil when jobs are scripted.
// Its caller holds that session's lock.
func (p *Pool) freshJob() *Job {
	if p.cfg.Script != nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	job, err := p.chain.template(p.cfg.Now())
	if err != nil {
		p.log.Error("cannot make a job", zap.Error(err))
		return nil
	}
	return job
}

// highestDifficulty returns the bound of share difficulties: the network
// difficulty, with some distance on the practice chain.
func (p *Pool) highestDifficulty() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	network := p.current.networkDifficulty()
	if p.cfg.nbits != 0 {
		return network
	}
	return network / networkPerJob
}

// NewJob sends a job with the same previous block (clean_jobs false).
func (p *Pool) NewJob() error {
	if p.cfg.Script != nil {
		return errScripted
	}
	p.pushing.Lock()
	defer p.pushing.Unlock()
	return p.renew(nil)
}

// NewBlock simulates a block found elsewhere: it sends a job on it (clean_jobs
// true). Shares of earlier jobs are stale from now on.
func (p *Pool) NewBlock() error {
	if p.cfg.Script != nil {
		return errScripted
	}
	p.pushing.Lock()
	defer p.pushing.Unlock()
	return p.advance(foreignBlock())
}

// advance puts prev at the tip and announces the first job on it. Caller holds pushing.
func (p *Pool) advance(prev [32]byte) error {
	hashrate, highest := p.measure()
	return p.renew(func() {
		if p.cfg.nbits == 0 {
			p.chain.retarget(hashrate, max(highest, p.cfg.start.value))
		}
		p.chain.nextBlock(prev)
		p.lastBlock = p.cfg.Now()
	})
}

// renew announces a new job on the tip, which prepare may change first (it runs
// with mu held). Caller holds pushing.
func (p *Pool) renew(prepare func()) error {
	p.mu.Lock()
	if prepare != nil {
		prepare()
	}
	now := p.cfg.Now()
	job, err := p.chain.template(now)
	if err == nil {
		p.current, p.lastJob = job, now
	}
	p.mu.Unlock()
	if err != nil {
		return err
	}
	p.log.Debug("job announced", zap.String("job", job.JobID), zap.Uint32("height", job.height),
		zap.Int("branches", len(job.branches)), zap.Float64("network_difficulty", job.networkDifficulty()))
	p.broadcast(job)
	return nil
}

// broadcast sends job to all miners. It never waits for one: lines are queued. Caller holds pushing.
func (p *Pool) broadcast(job *Job) {
	for _, s := range p.everySession() {
		s.announce(job)
	}
}

// measure sums the miners' hashrates and finds the highest share difficulty.
func (p *Pool) measure() (hashrate, highest float64) {
	now := p.cfg.Now()
	for _, s := range p.everySession() {
		s.mu.Lock()
		hashrate += s.rate.hashes(now)
		highest = max(highest, s.difficulty.value)
		s.mu.Unlock()
	}
	return hashrate, highest
}

// blockFound extends the practice chain, unless another block came first.
func (p *Pool) blockFound(job *Job, v Verdict) {
	p.pushing.Lock()
	defer p.pushing.Unlock()
	p.mu.Lock()
	late := p.cfg.Script == nil && job.block != p.current.block
	if !late {
		p.blocks++
	}
	p.mu.Unlock()
	if late {
		return
	}
	p.log.Info("practice block found", zap.String("hash", displayHash(v.Hash)),
		zap.Uint32("height", job.height), zap.Float64("share_difficulty", v.Achieved),
		zap.Float64("network_difficulty", job.networkDifficulty()))
	if p.cfg.Script != nil {
		return
	}
	if err := p.advance(v.Hash); err != nil {
		p.log.Error("cannot make a job on the new block", zap.Error(err))
	}
}

// scripted numbers a recorded job. It begins a new block when it is clean or
// its previous hash differs. Caller holds mu, or owns p alone.
func (p *Pool) scripted(n Notify) (*Job, error) {
	job, err := NewJob(n)
	if err != nil {
		return nil, err
	}
	p.chain.seq++
	if p.current == nil || n.Clean || p.current.prev != job.prev {
		p.chain.block++
	}
	job.seq, job.block = p.chain.seq, p.chain.block
	return job, nil
}
