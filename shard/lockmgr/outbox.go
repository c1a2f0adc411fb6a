package lockmgr

import (
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// The outbox sends releases to other nodes, in order for each destination, again and again until the node answers or is no
// longer live. Destination 0 is the home of the advisory locks, whichever node it is at the time.
type outbox struct {
	m     *Manager
	mu    sync.Mutex
	dests map[topo.NodeID][]*outOp // no entry: nothing to send, and no goroutine that sends
}

type outOp struct {
	op   releaseOp
	done chan struct{} // closed when it has arrived, or never needs to
}

// toHome is the destination of releases of advisory locks.
const toHome topo.NodeID = 0

// sendBatch bounds the releases of one call.
const sendBatch = 256

func newOutbox(m *Manager) *outbox { return &outbox{m: m, dests: map[topo.NodeID][]*outOp{}} }

// put queues a release and numbers it.
func (b *outbox) put(dest topo.NodeID, op releaseOp) *outOp {
	b.mu.Lock()
	defer b.mu.Unlock()
	op.Seq = b.m.seq.Add(1)
	o := &outOp{op, make(chan struct{})}
	ops, sending := b.dests[dest]
	if !sending && !b.m.spawn(func() { b.send(dest) }) {
		close(o.done)
		return o
	}
	b.dests[dest] = append(ops, o)
	return o
}

// wait waits for releases to arrive, for a while.
func (b *outbox) wait(ops []*outOp, limit time.Duration) {
	if len(ops) == 0 {
		return
	}
	t := time.NewTimer(limit)
	defer t.Stop()
	for _, o := range ops {
		select {
		case <-o.done:
		case <-t.C:
			return
		}
	}
}

// before returns the releases of an owner that a request to dest must not overtake.
func (b *outbox) before(dest topo.NodeID, owner topo.TxnID) []*outOp {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []*outOp
	for _, o := range b.dests[dest] {
		if o.op.Owner == owner {
			out = append(out, o)
		}
	}
	return out
}

// owners lists whose releases are under way.
func (b *outbox) owners() []topo.TxnID {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []topo.TxnID
	for _, ops := range b.dests {
		for _, o := range ops {
			out = append(out, o.op.Owner)
		}
	}
	return out
}

func (b *outbox) send(dest topo.NodeID) {
	pause := minPause
	for {
		b.mu.Lock()
		ops := b.dests[dest]
		if len(ops) == 0 {
			delete(b.dests, dest)
			b.mu.Unlock()
			return
		}
		ops = ops[:min(len(ops), sendBatch)]
		b.mu.Unlock()
		if b.deliver(dest, ops) || dest != toHome && !b.m.isLive(dest) || b.m.life.Err() != nil {
			b.mu.Lock()
			b.dests[dest] = b.dests[dest][len(ops):]
			b.mu.Unlock()
			for _, o := range ops {
				close(o.done)
			}
			pause = minPause
			continue
		}
		_ = sleep(b.m.life, &pause)
	}
}

func (b *outbox) deliver(dest topo.NodeID, ops []*outOp) bool {
	if dest == toHome {
		var ok bool
		if dest, _, ok = b.m.Advisory.home(); !ok {
			return false
		}
	}
	req := &releaseRequest{From: b.m.peer()}
	for _, o := range ops {
		req.Ops = append(req.Ops, o.op)
	}
	_, err := call[doneReply](b.m.life, b.m, dest, methodRelease, req, callTimeout)
	return err == nil
}
