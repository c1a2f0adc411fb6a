package txn

import (
	"context"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Nobody waits for an outcome to be forgotten, and every transaction over several groups has one in each: they are gathered,
// and many go as one command. What is lost with the process, or refused, is kept by the group; that costs its memory, and
// nothing else.

const (
	// forgetLinger is how long a first outcome waits for others.
	forgetLinger = 20 * time.Millisecond
	// maxForgets bounds the outcomes of one command.
	maxForgets = 1024
)

// forgets has, for each group, the outcomes that wait to be sent. A group with some has a goroutine that will send them.
type forgets struct {
	mu      sync.Mutex
	waiting map[topo.GroupID][]fsm.AttemptID
}

// forget lets groups drop an attempt's outcome, some time later.
func (m *Manager) forget(id topo.TxnID, attempt topo.Attempt, groups []rpc.Group) {
	m.forgets.mu.Lock()
	defer m.forgets.mu.Unlock()
	if m.forgets.waiting == nil {
		m.forgets.waiting = map[topo.GroupID][]fsm.AttemptID{}
	}
	for _, g := range groups {
		list, sending := m.forgets.waiting[g.ID()]
		m.forgets.waiting[g.ID()] = append(list, fsm.AttemptID{Txn: id, Attempt: attempt})
		if !sending {
			m.linger(func(ctx context.Context) { m.sendForgets(ctx, g) })
		}
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

// sendForgets sends what waits for a group until nothing does.
func (m *Manager) sendForgets(ctx context.Context, g rpc.Group) {
	for {
		pause(ctx, forgetLinger)
		m.forgets.mu.Lock()
		list := m.forgets.waiting[g.ID()]
		if len(list) == 0 {
			delete(m.forgets.waiting, g.ID())
			m.forgets.mu.Unlock()
			return
		}
		m.forgets.waiting[g.ID()] = nil
		m.forgets.mu.Unlock()
		for len(list) > 0 {
			n := min(len(list), maxForgets)
			_ = m.proposeForget(ctx, g, list[:n])
			list = list[n:]
		}
	}
}

func (m *Manager) proposeForget(ctx context.Context, g rpc.Group, attempts []fsm.AttemptID) error {
	_, err := m.propose(ctx, g, &fsm.Command{Forget: &fsm.Forget{Attempts: attempts}})
	return err
}
