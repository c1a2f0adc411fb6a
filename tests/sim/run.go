package sim

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Result is what a run came to.
type Result struct {
	Failures  []string
	Steps     int
	Trace     uint64 // equal for equal seeds
	Committed int
	Aborted   int
	Unknown   int
	Errors    map[string]int
}

// maxSteps bounds a run: one that does not end by then has a livelock.
const maxSteps = 400_000

// Run runs one seed. It must be called in a synctest bubble.
func Run(opt Options) (*Result, error) {
	c, err := newCluster(opt)
	if err != nil {
		return nil, err
	}
	err = c.run()
	c.sched.end()
	c.stop()
	for _, n := range c.nodes {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = n.mgr.Close(ctx)
	}
	c.wg.Wait()
	for _, g := range c.groups {
		for _, r := range g.replicas {
			_ = r.Close()
		}
	}
	if err != nil {
		return nil, err
	}
	res := &Result{Failures: c.failures, Steps: c.sched.steps, Trace: c.sched.trace, Errors: c.ledger.errors}
	for _, e := range c.ledger.entries {
		switch e.outcome {
		case outcomeCommitted:
			res.Committed++
		case outcomeFailed:
			res.Aborted++
		default:
			res.Unknown++
		}
	}
	return res, nil
}

func (c *Cluster) run() error {
	loss, duplicate := c.sched.loss, c.sched.duplicate
	c.sched.loss, c.sched.duplicate = 0, 0
	if err := c.drive(c.setup); err != nil || c.failed() {
		return err
	}
	c.sched.loss, c.sched.duplicate = loss, duplicate
	for _, n := range c.nodes {
		c.startClients(n, c.opt.Txns)
	}
	for c.active.Load() > 0 && !c.failed() {
		if c.sched.steps > maxSteps {
			return fmt.Errorf("no end after %d steps: %s", c.sched.steps, c.waiting())
		}
		if err := c.disturb(); err != nil {
			return err
		}
		c.turn()
	}
	if c.failed() {
		return nil
	}
	c.sched.loss, c.sched.duplicate = 0, 0
	for _, g := range c.groups {
		g.cutUntil = time.Time{}
	}
	if err := c.drive(c.settle); err != nil || c.failed() {
		return err
	}
	if err := c.drive(c.judge); err != nil {
		return err
	}
	return c.compareReplicas()
}

// turn takes a step, or lets time pass when there is none to take; now and then it lets time pass anyway.
func (c *Cluster) turn() {
	if !c.sched.turn() || c.sched.rng.IntN(40) == 0 {
		c.sched.idle(time.Duration(1+c.sched.rng.IntN(5)) * time.Millisecond)
	}
}

// drive runs f to its end without disturbances.
func (c *Cluster) drive(f func(ctx context.Context)) error {
	done := make(chan struct{})
	c.spawn(func(ctx context.Context) { defer close(done); f(ctx) })
	for n := 0; ; n++ {
		select {
		case <-done:
			return nil
		default:
		}
		if n > maxSteps {
			return fmt.Errorf("no end of the quiet phase: %s", c.waiting())
		}
		c.turn()
	}
}

func (c *Cluster) waiting() string {
	c.sched.mu.Lock()
	defer c.sched.mu.Unlock()
	var b strings.Builder
	for i, s := range c.sched.waiting {
		if i < 20 {
			b.WriteString(s.label + "; ")
		}
	}
	return b.String()
}

// settle finishes every prepare that is left.
func (c *Cluster) settle(ctx context.Context) {
	for round := 0; round < 50; round++ {
		left := 0
		for _, g := range c.groups {
			g.mu.Lock()
			pending := g.replicas[0].PendingList()
			g.mu.Unlock()
			for _, p := range pending {
				left++
				g.recover(ctx, p.Txn, p.Attempt, p.Primary)
			}
		}
		if left == 0 {
			return
		}
	}
	c.fail("prepares are left that recovery does not finish")
}

// compareReplicas brings the followers up to date and compares digests: they flushed at other times.
func (c *Cluster) compareReplicas() error {
	for _, g := range c.groups {
		if err := g.catchUp(1, len(g.log)); err != nil {
			return err
		}
		i0, d0, err := g.replicas[0].Digest()
		if err != nil {
			return err
		}
		i1, d1, err := g.replicas[1].Digest()
		if err != nil {
			return err
		}
		if i0 != i1 || d0 != d1 {
			c.fail("replicas of group %d differ: index %d digest %x, index %d digest %x", g.id, i0, d0, i1, d1)
		}
	}
	return nil
}
