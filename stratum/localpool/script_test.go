package localpool

// nextJob makes the script's next job the current one, sends it to all exactly
// as it is, and reports false at the script's end.
func (p *Pool) nextJob() (bool, error) {
	p.pushing.Lock()
	defer p.pushing.Unlock()
	p.mu.Lock()
	if p.cfg.Script == nil || p.script >= len(p.cfg.Script.Jobs) {
		p.mu.Unlock()
		return false, nil
	}
	job, err := p.scripted(p.cfg.Script.Jobs[p.script])
	if err == nil {
		p.script++
		p.current, p.lastJob = job, p.cfg.Now()
	}
	p.mu.Unlock()
	if err != nil {
		return false, err
	}
	p.broadcast(job)
	return true, nil
}
