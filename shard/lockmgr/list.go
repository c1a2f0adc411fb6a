package lockmgr

import (
	"context"
	"slices"
	"sync"

	"github.com/pgmqdb/pgmqdb/shard/deadlock"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// List returns the table and advisory locks that this node's transactions and sessions hold and wait for. Over all nodes,
// every lock is listed once.
func (m *Manager) List() []lock.Entry { return append(m.Tables.List(), m.Advisory.List()...) }

// List returns the table locks of this node's transactions.
func (t *Tables) List() []lock.Entry {
	out := slices.DeleteFunc(t.local.List(), func(e lock.Entry) bool { return e.Owner.Node != t.m.self })
	return t.m.listPending(out, classTable, "relation", lock.TableModeName)
}

// List returns the advisory locks of this node's sessions.
func (a *Advisory) List() []lock.Entry {
	return a.m.listPending(append(a.record.List(), a.waits()...), classAdvisory, "advisory", lock.AdvisoryModeName)
}

// listPending appends the requests under way at other nodes.
func (m *Manager) listPending(out []lock.Entry, c class, name string, mode func(lock.Mode) string) []lock.Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	for p := range m.pending {
		if p.class == c {
			e := p.entry
			e.Class, e.Name = name, mode(e.Mode)
			out = append(out, e)
		}
	}
	return out
}

// Blockers returns who keeps an owner, a transaction or a session of any node, from going on: those who hold what it waits
// for and those ahead in the queue. It asks all live nodes.
func (m *Manager) Blockers(ctx context.Context, owner topo.TxnID) []topo.TxnID {
	g := m.collect(ctx, true)
	p := g.process(owner)
	var out []topo.TxnID
	for _, e := range g.edges[p] {
		if b := e.blocker.Owner; g.process(b) != p && !slices.Contains(out, b) {
			out = append(out, b)
		}
	}
	return out
}

// BlockingPIDs returns the backend process ids of those who keep a backend of any node waiting: pg_blocking_pids.
func (m *Manager) BlockingPIDs(ctx context.Context, pid int32) []int32 {
	g := m.collect(ctx, true)
	var owners []topo.TxnID
	for _, es := range g.edges {
		for _, e := range es {
			owners = append(owners, e.wait.Owner, e.blocker.Owner)
		}
	}
	pids := m.PIDs(ctx, owners)
	var out []int32
	for _, es := range g.edges {
		for _, e := range es {
			if b := pids[e.blocker.Owner]; pids[e.wait.Owner] == pid && b != 0 && b != pid && !slices.Contains(out, b) {
				out = append(out, b)
			}
		}
	}
	slices.Sort(out)
	return out
}

// PIDs asks the nodes of transactions and sessions for their backend process ids. An owner whose node does not answer, or does
// not know it, is left out.
func (m *Manager) PIDs(ctx context.Context, owners []topo.TxnID) map[topo.TxnID]int32 {
	byNode := map[topo.NodeID][]topo.TxnID{}
	for _, o := range owners {
		if of := byNode[o.Node]; !slices.Contains(of, o) {
			byNode[o.Node] = append(of, o)
		}
	}
	out := map[topo.TxnID]int32{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for n, of := range byNode {
		if !m.isLive(n) {
			continue
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			r, err := call[pidsReply](ctx, m, n, methodPIDs, &pidsRequest{of}, collectTimeout)
			if err != nil || len(r.PIDs) != len(of) {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for i, o := range of {
				if r.PIDs[i] != 0 {
					out[o] = r.PIDs[i]
				}
			}
		}()
	}
	wg.Wait()
	return out
}

func (m *Manager) servePIDs(_ context.Context, req *pidsRequest) (*pidsReply, error) {
	r := &pidsReply{PIDs: make([]int32, len(req.Owners))}
	if m.cfg.PID != nil {
		for i, o := range req.Owners {
			r.PIDs[i] = m.cfg.PID(o)
		}
	}
	return r, nil
}

// Detail words a deadlock as PostgreSQL's DETAIL, with the backend process ids of all nodes. object names what is awaited; see
// deadlock.Names.
func (m *Manager) Detail(ctx context.Context, dl *lock.Deadlock, object func(lock.DeadlockEdge) string) string {
	var owners []topo.TxnID
	for _, e := range dl.Edges {
		owners = append(owners, e.Waiter, e.Blocker)
	}
	pids := m.PIDs(ctx, owners)
	return deadlock.Detail(dl, deadlock.Names{Process: func(o topo.TxnID) int32 { return pids[o] }, Object: object})
}

// Lone is the environment of a node that is a cluster by itself.
func Lone(node topo.NodeID, epoch topo.LivenessEpoch) Env {
	return &lone{node, epoch, []topo.NodeID{node}}
}

type lone struct {
	node  topo.NodeID
	epoch topo.LivenessEpoch
	nodes []topo.NodeID
}

func (e *lone) Self() (topo.NodeID, topo.LivenessEpoch)             { return e.node, e.epoch }
func (e *lone) Live() []topo.NodeID                                 { return e.nodes }
func (e *lone) CatalogHolder() (topo.NodeID, topo.LeaseEpoch, bool) { return e.node, 1, true }

func (e *lone) Call(context.Context, topo.NodeID, string, []byte) ([]byte, error) {
	return nil, errGone
}
