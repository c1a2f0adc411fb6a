package sim

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/topo"
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
	Registers []RegisterOp
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
		if n != nil {
			n.closeManager()
		}
	}
	c.wg.Wait()
	c.sched.idle(time.Second) // what the product started in the background ends
	for _, n := range c.nodes {
		for _, g := range c.all {
			if n != nil {
				_ = n.seats[g.id].st.Close()
			}
		}
	}
	if err != nil {
		return nil, err
	}
	res := &Result{Failures: c.failures, Steps: c.sched.steps, Trace: c.sched.trace, Errors: c.ledger.errors, Registers: c.ledger.history}
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
	if err := c.drive(c.setup); err != nil || c.failed() {
		return err
	}
	c.catchUp()
	c.sched.loss, c.sched.duplicate = c.opt.Loss, c.opt.Duplicate
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
		if err := c.turn(); err != nil {
			return err
		}
	}
	if c.failed() {
		return nil
	}
	c.calm()
	if err := c.drive(c.settle); err != nil || c.failed() {
		return err
	}
	if err := c.drive(c.judge); err != nil {
		return err
	}
	return c.compareReplicas()
}

// calm ends all disturbances.
func (c *Cluster) calm() {
	c.sched.loss, c.sched.duplicate = 0, 0
	for _, g := range c.all {
		g.cutUntil = time.Time{}
		clear(g.isolated)
	}
	for _, m := range c.machines {
		m.pausedUntil, m.downUntil = time.Time{}, time.Time{}
	}
}

// turn takes a step, or lets time pass when there is none to take; now and then it lets time pass anyway.
func (c *Cluster) turn() error {
	if err := c.tick(); err != nil {
		return err
	}
	took := c.sched.turn()
	if took {
		c.idled = 0
	} else {
		c.idled++
	}
	if !took || c.sched.rng.IntN(40) == 0 {
		c.sched.idle(time.Duration(1+c.sched.rng.IntN(5)) * time.Millisecond * time.Duration(1+c.idled/8))
	}
	return nil
}

// drive runs f to its end without disturbances.
func (c *Cluster) drive(f func(ctx context.Context)) error {
	done := make(chan struct{})
	c.spawn(func() { defer close(done); f(c.runCtx) })
	for n := 0; ; n++ {
		select {
		case <-done:
			return nil
		default:
		}
		if n > maxSteps {
			return fmt.Errorf("no end of the quiet phase: %s", c.waiting())
		}
		if err := c.turn(); err != nil {
			return err
		}
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

// settle finishes every prepare and fence that is left.
func (c *Cluster) settle(ctx context.Context) {
	for round := 0; round < 50; round++ {
		n := c.someNode()
		if n == nil {
			sleep(ctx, nil, time.Millisecond)
			continue
		}
		n.recoverLost(withActor(n.ctx, " settling"))
		left := 0
		for _, g := range c.all {
			s := n.seats[g.id]
			// What the log has, not what this node has applied of it.
			if _, err := s.n.clients[g.id].Outcome(n.ctx, topo.TxnID{}, 0); err != nil {
				left++
			}
			if h := c.seat(g, n.holderOf(g)); h != nil {
				h.mu.Lock()
				left += len(h.st.PendingList()) + len(h.st.Fences())
				h.mu.Unlock()
			}
		}
		if left == 0 {
			return
		}
	}
	c.fail("prepares or fences are left that recovery does not finish: %s", c.left())
}

// left describes what the leaseholders hold.
func (c *Cluster) left() string {
	var b strings.Builder
	for _, g := range c.all {
		for _, m := range c.machines {
			s := c.seat(g, m.id)
			if s == nil || !s.rule.mine {
				continue
			}
			for _, p := range s.st.PendingList() {
				fmt.Fprintf(&b, "%v at n%d: prepare %v/%d; ", g, m.id, p.Txn, p.Attempt)
			}
			for _, f := range s.st.Fences() {
				fmt.Fprintf(&b, "%v at n%d: fence of table %d by %v; ", g, m.id, f.Table, f.Txn)
			}
			for _, l := range s.locks.List() {
				fmt.Fprintf(&b, "%v at n%d: lock %x of %v, granted %v; ", g, m.id, l.Key, l.Owner, l.Granted)
			}
		}
	}
	return b.String()
}

// catchUp applies everything everywhere.
func (c *Cluster) catchUp() {
	for _, g := range c.all {
		for _, m := range c.machines {
			if s := c.seat(g, m.id); s != nil {
				c.apply(s, g.lastIndex())
			}
		}
	}
}

// compareReplicas brings all replicas up to date and compares digests: they flushed at other times, and some began anew.
func (c *Cluster) compareReplicas() error {
	c.catchUp()
	for _, g := range c.all {
		var index, digest uint64
		for _, m := range c.machines {
			s := c.seat(g, m.id)
			if s == nil {
				continue
			}
			i, d, err := s.st.Digest()
			if err != nil {
				return err
			}
			if index != 0 && (i != index || d != digest) {
				c.fail("replicas of group %d differ: index %d digest %x, at node %d index %d digest %x", g.id, index, digest, m.id, i, d)
			}
			index, digest = i, d
		}
	}
	return nil
}
