package txn

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Nobody waits for an outcome to be forgotten, and every transaction over several groups has one in each: they are gathered,
// and many go as one command, those for groups of one node in one message. What is lost with the process, or refused, is kept by the group; that costs its memory, and
// nothing else.

const (
	// forgetLinger is how long a first outcome waits for others.
	forgetLinger = 20 * time.Millisecond
	// maxForgets bounds the outcomes of one command.
	maxForgets = 1024
)

// forgets has, for each group, the outcomes that wait to be sent. While there are some, a goroutine is about to send them.
type forgets struct {
	mu      sync.Mutex
	waiting map[topo.GroupID]*forgotten
	sending bool
}

// forgotten is what a group may forget.
type forgotten struct {
	group    rpc.Group
	attempts []fsm.AttemptID
}

// forget lets groups drop an attempt's outcome, some time later.
func (m *Manager) forget(id topo.TxnID, attempt topo.Attempt, groups []rpc.Group) {
	f := &m.forgets
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiting == nil {
		f.waiting = map[topo.GroupID]*forgotten{}
	}
	for _, g := range groups {
		w := f.waiting[g.ID()]
		if w == nil {
			w = &forgotten{group: g}
			f.waiting[g.ID()] = w
		}
		w.attempts = append(w.attempts, fsm.AttemptID{Txn: id, Attempt: attempt})
	}
	if !f.sending && len(f.waiting) > 0 {
		f.sending = true
		m.linger(m.sendForgets)
	}
}

// linger runs f outside the caller. Close waits for it like for other background work; once that has all ended, f runs under
// a context that has ended.
func (m *Manager) linger(f func(ctx context.Context)) {
	m.mu.Lock()
	closed := m.closed && m.working == 0
	if !closed {
		m.working++
	}
	m.mu.Unlock()
	go func() {
		if !closed {
			defer m.endWork()
		}
		f(m.base)
	}()
}

// sendForgets sends what waits until nothing does: to all groups together, with one message a node.
func (m *Manager) sendForgets(ctx context.Context) {
	for {
		pause(ctx, forgetLinger)
		ps := m.takeForgets()
		if ps == nil {
			return
		}
		step := make([]rpc.Call, len(ps))
		for i, p := range ps {
			step[i] = rpc.Call{Group: p.group, Propose: p.cmd}
		}
		rpc.Gather(ctx, step)
		for i, p := range ps {
			if !p.answered(step[i].Result, step[i].Err) {
				m.linger(func(ctx context.Context) { p.insist(ctx, true) }) // a group that cannot be reached holds up no other
			}
		}
	}
}

// takeForgets makes commands of what waits, nil when nothing does: then nobody is about to send any more.
func (m *Manager) takeForgets() []*proposal {
	f := &m.forgets
	f.mu.Lock()
	defer f.mu.Unlock()
	var ps []*proposal
	for id, w := range f.waiting {
		n := min(len(w.attempts), maxForgets)
		ps = append(ps, &proposal{group: w.group, cmd: &fsm.Command{Forget: &fsm.Forget{Attempts: w.attempts[:n]}}})
		if w.attempts = w.attempts[n:]; len(w.attempts) == 0 {
			delete(f.waiting, id)
		}
	}
	slices.SortFunc(ps, func(a, b *proposal) int { return cmp.Compare(a.group.ID(), b.group.ID()) })
	f.sending = ps != nil
	return ps
}

func (m *Manager) proposeForget(ctx context.Context, g rpc.Group, attempts []fsm.AttemptID) error {
	_, err := m.propose(ctx, g, &fsm.Command{Forget: &fsm.Forget{Attempts: attempts}})
	return err
}
