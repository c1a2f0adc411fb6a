package lockmgr

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Sync makes this node one that other nodes' strong table locks hold on: it announces itself to every live node and adopts
// the locks that are held there. A node calls it whenever it has become live, under a new liveness epoch, before it takes
// clients. It waits for nodes that do not answer until they are no longer live.
func (m *Manager) Sync(ctx context.Context) error {
	m.checkEpoch()
	done := map[topo.NodeID]bool{m.self: true}
	pause := minPause
	for {
		left := false
		for _, n := range m.live() {
			if done[n] {
				continue
			}
			reply, err := call[syncReply](ctx, m, n, methodSync, &syncRequest{m.peer()}, callTimeout)
			if err != nil {
				left = true
				continue
			}
			m.Tables.Adopt(n, reply.Seq, reply.Held)
			done[n] = true
		}
		if !left {
			break
		}
		if err := sleep(ctx, &pause); err != nil {
			return err
		}
	}
	m.Tables.forget(m.live())
	return nil
}

// Strong lists the strong locks that own owners hold.
func (t *Tables) Strong() []Held {
	var out []Held
	t.local.EachHeld(func(owner topo.TxnID, key []byte, mode lock.Mode) bool {
		if owner.Node == t.m.self && lock.Strong.Has(mode) {
			out = append(out, Held{owner, slices.Clone(key), lock.SetOf(mode)})
		}
		return true
	})
	return out
}

// serveSync tells a node that has become live of the strong locks of own owners; from here on they are held there too.
func (t *Tables) serveSync(_ context.Context, req *syncRequest) (*syncReply, error) {
	t.gate.Add(1) // before the table is read: see ReleaseAll
	defer t.gate.Add(-1)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.m.announce(req.From)
	from := req.From.Node
	t.syncs[from]++
	reply := &syncReply{Epoch: t.m.peer().Epoch, Seq: t.m.seq.Load()}
	for _, locks := range t.owners {
		for _, l := range locks {
			delete(l.nodes, from)
		}
	}
	for _, h := range t.Strong() {
		for mode := lock.Mode(1); mode <= lock.AccessExclusiveLock; mode++ {
			if !h.Modes.Has(mode) {
				continue
			}
			k := strongKey{string(h.Key), mode}
			l := t.owners[h.Owner][k]
			if l == nil { // taken when this node was alone
				l = t.enter(h.Owner, k)
				l.nodes[t.m.self], l.complete = true, true
			}
			if l.complete {
				l.nodes[from] = true
				reply.Held = append(reply.Held, Held{h.Owner, h.Key, lock.SetOf(mode)})
			}
		}
	}
	return reply, nil
}

// Adopt makes the strong locks of a node's owners in this node's table what they are at that node, as of its request seq. It
// grants past whoever holds here: what is held there was granted first.
func (t *Tables) Adopt(node topo.NodeID, seq uint64, held []Held) {
	type hold struct {
		owner topo.TxnID
		strongKey
	}
	want := map[hold]bool{}
	for _, h := range held {
		for mode := lock.Mode(1); mode <= lock.AccessExclusiveLock; mode++ {
			if h.Modes.Has(mode) {
				want[hold{h.Owner, strongKey{string(h.Key), mode}}] = true
			}
		}
	}
	var stale []hold
	t.local.EachHeld(func(owner topo.TxnID, key []byte, mode lock.Mode) bool {
		if h := (hold{owner, strongKey{string(key), mode}}); owner.Node == node && !want[h] {
			stale = append(stale, h)
		}
		return true
	})
	for _, h := range stale {
		t.m.in.asOf(h.owner, seq, true, func() { t.local.ReleaseOf(h.owner, []byte(h.key), lock.SetOf(h.mode)) })
	}
	for h := range want {
		t.m.in.asOf(h.owner, seq, false, func() { t.local.Adopt(h.owner, []byte(h.key), h.mode, true) })
		if t.m.over(h.owner) {
			t.local.ReleaseAll(h.owner)
		}
	}
}

// forget drops what owners of nodes hold that are not live.
func (t *Tables) forget(live []topo.NodeID) {
	gone := map[topo.TxnID]bool{}
	t.local.EachHeld(func(owner topo.TxnID, _ []byte, _ lock.Mode) bool {
		if !slices.Contains(live, owner.Node) {
			gone[owner] = true
		}
		return true
	})
	for o := range gone {
		t.local.ReleaseAll(o)
	}
}
