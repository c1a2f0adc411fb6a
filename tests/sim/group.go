package sim

import (
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// entry is one entry of a group's log.
type entry struct {
	cmd fsm.Command
	by  *Node   // the process that proposed it
	w   *waiter // there
}

// Group is one raft group: a log that all agree on. What each node's replica knows of it is in its seat.
type Group struct {
	c  *Cluster
	id topo.GroupID

	mu  sync.Mutex
	log []entry
	// leader is who believes to lead: it asks for the lease. Nothing else follows from it.
	leader topo.NodeID
	// isolated nodes are cut off from the others' replicas until then: their proposals do not get into the log, they
	// learn of none that does, and ReadIndex does not answer.
	isolated map[topo.NodeID]time.Time
	// cutUntil is until when the gateways are cut off from the group's nodes.
	cutUntil time.Time
}

func (g *Group) String() string { return fmt.Sprintf("g%d", g.id) }

func (g *Group) cutOff(n topo.NodeID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Now().Before(g.isolated[n])
}

func (g *Group) lastIndex() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.log)
}

// propose puts a command on its way into the log. It gets there when the scheduler says so, its proposer dead or paused or
// without its lease by then, or never.
func (g *Group) propose(e entry, what string) {
	c, by := g.c, e.by
	c.spawn(func() {
		for {
			f, err := c.sched.wait(c.runCtx, place{}, "log g%d n%d.%d %d %s", g.id, by.id, by.epoch, e.cmd.ProposedAtNS, what)
			if err != nil || f.lost {
				return
			}
			if !g.cutOff(by.id) {
				break
			}
			if f.coin {
				return
			}
			time.Sleep(3 * time.Millisecond)
		}
		g.mu.Lock()
		g.log = append(g.log, e)
		g.mu.Unlock()
	})
}

// cut reports whether the gateways are cut off from the group: their requests or the answers get lost.
func (g *Group) cut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Now().Before(g.cutUntil)
}

// open opens a node's replica of the group, as its process finds it: what was not flushed is applied again.
func (g *Group) open(n *Node) (replica, error) {
	c := g.c
	if c.opt.Model {
		return newModel(), nil
	}
	st, err := fsm.Open(filepath.Join(c.opt.Dir, fmt.Sprintf("s%d-g%d-n%d", c.opt.Seed, g.id, n.id)),
		fsm.Options{ManualFlush: true, InitialMmapBytes: 1 << 20})
	if err != nil {
		return nil, err
	}
	if !c.opt.Shadow || n.id != 1 {
		return st, nil
	}
	sh := &shadow{replica: st, model: newModel(), fail: c.fail}
	for i := uint64(0); i < st.AppliedIndex(); i++ {
		var res [1]fsm.Result
		if err := sh.model.Apply(i+1, []fsm.Command{g.log[i].cmd}, res[:]); err != nil {
			return nil, err
		}
	}
	return sh, nil
}
