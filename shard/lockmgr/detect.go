package lockmgr

import (
	"context"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/deadlock"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// The search for cycles over all nodes, on the node that holds the catalog group's lease (any other would do).
//
// Why a cycle is real, though the nodes are asked one after the other. It is looked for among the waits of a first collection,
// and each of its edges, with the same wait and the same blocker, must be in a second one that began when the first had ended.
// So between the two, all its waits were under way at once. A waiting owner releases nothing, but for what it released before
// it began to wait and that is still on its way to another node: an owner's node says whose releases these are, and nobody
// counts as blocked by them. So every blocker held then, and holds now, what is waited for, until one of the waits ends.
//
// Why none is missed for long. The youngest wait of a cycle is reported when it is LongWait old, and all edges exist by then.
// Where a node did not answer, or a wait was found gone, the report is repeated.
//
// The victim is the youngest wait: the one that closed the cycle. Which one it is depends on the collected waits alone, so two
// nodes that both believe to hold the lease choose the same.
type search struct {
	mu      sync.Mutex
	running bool
	again   bool
}

// collectTimeout bounds the time that a node has to answer a collection.
const collectTimeout = time.Second

// start runs a search in the background; asked for during one, another follows it.
func (s *search) start(m *Manager) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case m.cfg.Detector == nil:
	case s.running:
		s.again = true
	default:
		s.running = m.spawn(func() {
			for m.breakCycles(m.life); s.repeat(m); {
				m.breakCycles(m.life)
			}
		})
	}
}

// repeat reports whether another search was asked for; when not, the searching is over.
func (s *search) repeat(m *Manager) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = s.again && m.life.Err() == nil
	s.again = false
	return s.running
}

// waitID names a wait in the cluster.
type waitID struct {
	node    topo.NodeID
	process uint64
	id      uint64
}

// edge says that the owner of a wait waits for blocker.
type edge struct {
	waitID
	wait    *deadlock.Wait
	blocker lock.Blocker
}

// edgeID is what two collections have in common.
type edgeID struct {
	waitID
	blocker topo.TxnID
}

// graph is one collection.
type graph struct {
	nodes     map[topo.NodeID]bool // that answered
	edges     map[topo.TxnID][]edge
	sessionOf map[topo.TxnID]topo.TxnID
	releasing map[topo.TxnID]bool
}

// collect asks all live nodes for their waits.
func (m *Manager) collect(ctx context.Context, all bool) *graph {
	g := &graph{nodes: map[topo.NodeID]bool{}, edges: map[topo.TxnID][]edge{}, sessionOf: map[topo.TxnID]topo.TxnID{},
		releasing: map[topo.TxnID]bool{}}
	nodes := m.live()
	replies := make([]*waitsReply, len(nodes))
	var wg sync.WaitGroup
	for i, n := range nodes {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if r, err := call[waitsReply](ctx, m, n, methodWaits, &waitsRequest{all}, collectTimeout); err == nil {
				replies[i] = r
			}
		}()
	}
	wg.Wait()
	for i, r := range replies {
		if r == nil {
			continue
		}
		g.nodes[nodes[i]] = true
		for _, b := range r.Bindings {
			g.sessionOf[b.Txn] = b.Session
		}
		for _, o := range r.Releasing {
			g.releasing[o] = true
		}
	}
	for i, r := range replies {
		if r == nil {
			continue
		}
		for j := range r.Waits {
			w := &r.Waits[j]
			p := g.process(w.Owner)
			for _, b := range w.Blockers {
				g.edges[p] = append(g.edges[p], edge{waitID{nodes[i], r.Process, w.ID}, w, b})
			}
		}
	}
	return g
}

func (g *graph) process(o topo.TxnID) topo.TxnID {
	if s, ok := g.sessionOf[o]; ok {
		return s
	}
	return o
}

// counts reports whether an edge can be part of a deadlock: all is known of both ends.
func (g *graph) counts(e edge) bool {
	return g.nodes[e.wait.Owner.Node] && g.nodes[e.blocker.Owner.Node] && !g.releasing[e.blocker.Owner]
}

// confirmed returns the part of a collection that was there in an earlier one.
func (g *graph) confirmed(first *graph) *graph {
	was := map[edgeID]bool{}
	for _, es := range first.edges {
		for _, e := range es {
			if first.counts(e) && first.process(e.wait.Owner) == g.process(e.wait.Owner) &&
				first.process(e.blocker.Owner) == g.process(e.blocker.Owner) {
				was[edgeID{e.waitID, e.blocker.Owner}] = true
			}
		}
	}
	out := &graph{edges: map[topo.TxnID][]edge{}, sessionOf: g.sessionOf}
	for p, es := range g.edges {
		for _, e := range es {
			if g.counts(e) && was[edgeID{e.waitID, e.blocker.Owner}] {
				out.edges[p] = append(out.edges[p], e)
			}
		}
	}
	return out
}

// cycle finds one, nil when there is none. Depth first, without recursion; a process that was left leads to none.
func (g *graph) cycle() []edge {
	const onPath, left = 1, 2
	state := map[topo.TxnID]int{}
	type frame struct {
		process topo.TxnID
		next    int
	}
	for root := range g.edges {
		if state[root] != 0 {
			continue
		}
		state[root] = onPath
		path := []frame{{process: root}}
		for len(path) > 0 {
			f := &path[len(path)-1]
			es := g.edges[f.process]
			if f.next == len(es) {
				state[f.process] = left
				path = path[:len(path)-1]
				continue
			}
			p := g.process(es[f.next].blocker.Owner)
			f.next++
			switch state[p] {
			case 0:
				state[p] = onPath
				path = append(path, frame{process: p})
			case onPath:
				var out []edge
				for i := range path {
					if path[i].process == p || len(out) > 0 {
						out = append(out, g.edges[path[i].process][path[i].next-1])
					}
				}
				return out
			}
		}
	}
	return nil
}

// without removes a wait.
func (g *graph) without(id waitID) {
	for p, es := range g.edges {
		kept := es[:0]
		for _, e := range es {
			if e.waitID != id {
				kept = append(kept, e)
			}
		}
		g.edges[p] = kept
	}
}

// breakCycles searches, and ends every cycle that it finds.
func (m *Manager) breakCycles(ctx context.Context) {
	first := m.collect(ctx, false)
	if first.cycle() == nil {
		return
	}
	g := m.collect(ctx, false).confirmed(first)
	for c := g.cycle(); c != nil && ctx.Err() == nil; c = g.cycle() {
		if e, ok := m.untie(ctx, c); ok {
			g.without(e.waitID)
			continue
		}
		v := victim(c)
		m.breakWait(ctx, c, v)
		g.without(c[v].waitID)
	}
}

// untie lets a request overtake that only its place in a queue holds back, as PostgreSQL's rearranging of wait queues does.
func (m *Manager) untie(ctx context.Context, cycle []edge) (edge, bool) {
	for _, e := range cycle {
		if !e.blocker.Soft {
			continue
		}
		r, err := call[doneReply](ctx, m, e.node, methodJump, &jumpRequest{e.process, e.id}, callTimeout)
		if err == nil && r.Done {
			return e, true
		}
	}
	return edge{}, false
}

// victim chooses the youngest wait.
func victim(cycle []edge) int {
	v := 0
	for i := range cycle {
		a, b := cycle[i].wait, cycle[v].wait
		if a.Info.Since.After(b.Info.Since) || a.Info.Since.Equal(b.Info.Since) && b.Owner.Less(a.Owner) {
			v = i
		}
	}
	return v
}

// breakWait fails one wait of a cycle with the deadlock, told from its own wait on.
func (m *Manager) breakWait(ctx context.Context, cycle []edge, v int) {
	dl := &lock.Deadlock{}
	for i := range cycle {
		e := cycle[(v+i)%len(cycle)]
		dl.Edges = append(dl.Edges, lock.DeadlockEdge{Waiter: e.wait.Owner, Blocker: e.blocker.Owner, Wait: e.wait.Info})
	}
	e := cycle[v]
	r, err := call[doneReply](ctx, m, e.node, methodBreak, &breakRequest{e.process, e.id, dl}, callTimeout)
	if err == nil && r.Done {
		m.cfg.Log.Info("broke a deadlock over several nodes", "victim", e.wait.Owner.String(), "waits", len(cycle))
	}
}

func (m *Manager) serveWaits(_ context.Context, req *waitsRequest) (*waitsReply, error) {
	r := &waitsReply{Process: m.process, Releasing: m.out.owners()}
	if d := m.cfg.Detector; d != nil {
		r.Waits, r.Bindings = d.Waits(req.All), d.Bindings()
	}
	return r, nil
}

func (m *Manager) serveBreak(_ context.Context, req *breakRequest) (*doneReply, error) {
	return &doneReply{req.Process == m.process && m.cfg.Detector != nil && m.cfg.Detector.Break(req.Wait, req.Deadlock)}, nil
}

func (m *Manager) serveJump(_ context.Context, req *jumpRequest) (*doneReply, error) {
	return &doneReply{req.Process == m.process && m.cfg.Detector != nil && m.cfg.Detector.Jump(req.Wait)}, nil
}
