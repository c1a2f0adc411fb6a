package fsm

import (
	"bytes"
	"context"
	"sync/atomic"

	"github.com/pgmqdb/pgmqdb/shard/mvcc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// The commit of a large transaction makes all that it had sent ahead versions at once, whatever the delta's bound. They stay
// where they are, as a run of the delta, until they are flushed, which begins at once; the flush holds as much again in the
// file's transaction. The groups of a large transaction commit at the same time, and on one node they share the memory:
// therefore one flush at a time writes to a file in the whole process. This is about memory alone: what is applied, and in
// which order, is not touched.

// defaultRunOps is the number of net operations from which they become a run.
const defaultRunOps = 20_000

var writing = make(chan struct{}, 1) // held while a flush writes

// netRun is the writes of an attempt's net operations, as versions.
type netRun struct {
	in    *intents
	ts    topo.Timestamp
	net   []opRef
	keyTS []topo.Timestamp // nil: those of all keys are ts
	// moved has the ItemMoved of each key, noRef where there is none; nil: nowhere.
	moved []opRef
}

const noRef = ^opRef(0)

func (r *netRun) Len() int { return len(r.net) }

func (r *netRun) Key(i int) []byte {
	key, _, _ := r.in.head(r.net[i])
	return key
}

func (r *netRun) Version(i int) (keyTS topo.Timestamp, value, to []byte, flags mvcc.Flags) {
	op := r.in.op(r.net[i])
	keyTS = r.ts
	if r.keyTS != nil && r.keyTS[i] != 0 {
		keyTS = r.keyTS[i]
	}
	if op.Item.Kind == ItemPut || op.Item.Kind == ItemDelete {
		flags = mvcc.Newest
	}
	if r.moved != nil && r.moved[i] != noRef {
		if m := r.in.op(r.moved[i]); len(m.Item.Value) > 0 {
			to = m.Item.Value
		}
	}
	return keyTS, netValue(&op.Item), to, flags
}

// wentBy notes the ItemMoved of a key; it comes behind the key's write.
func (r *netRun) wentBy(key []byte, ref opRef, room int) {
	last := len(r.net) - 1
	if last < 0 || !bytes.Equal(r.Key(last), key) {
		return
	}
	if r.moved == nil {
		r.moved = make([]opRef, 0, room)
	}
	for len(r.moved) < last {
		r.moved = append(r.moved, noRef)
	}
	r.moved = append(r.moved, ref)
}

// commitRun makes the net operations a run of the delta.
func (s *State) commitRun(p *pending, ts topo.Timestamp) {
	r := &netRun{in: p.in, ts: ts, net: make([]opRef, 0, len(p.net))}
	if p.netKeyTS != nil {
		r.keyTS = make([]topo.Timestamp, 0, len(p.net))
	}
	for i, ref := range p.net {
		key, class, _ := p.in.head(ref)
		switch kind := ItemKind(class); {
		case kind.writes():
			r.net = append(r.net, ref)
			if p.netKeyTS != nil {
				r.keyTS = append(r.keyTS, p.netKeyTS[i])
			}
		case kind == ItemSharedMark:
			s.share(key, ts)
		case kind == ItemMoved:
			r.wentBy(key, ref, len(p.net))
		}
	}
	for r.moved != nil && len(r.moved) < len(r.net) {
		r.moved = append(r.moved, noRef)
	}
	s.view.Load().active.AddRun(r, ts, s.seq, int64(p.in.bytes()+8*len(r.net)))
	if !s.opts.ManualFlush {
		signal(s.flusher.wake)
	}
}

// aheadBytes counts the bytes of operations sent ahead that are in memory: held for their transactions, or committed and in
// a delta.
type aheadBytes struct {
	held      atomic.Int64
	committed atomic.Int64 // in the active delta
	frozen    atomic.Int64 // in the frozen one
}

func (c *aheadBytes) reset(all map[topo.TxnID]*intents) {
	n := 0
	for _, in := range all {
		n += in.bytes()
	}
	c.held.Store(int64(n))
	c.committed.Store(0)
	c.frozen.Store(0)
}

func (c *aheadBytes) add(n int) { c.held.Add(int64(n)) }

func (c *aheadBytes) commit(n int) {
	c.committed.Add(int64(n))
	c.held.Add(-int64(n))
}

func (c *aheadBytes) abort(n int) { c.held.Add(-int64(n)) }

func (c *aheadBytes) freeze() { c.frozen.Store(c.committed.Swap(0)) }

func (c *aheadBytes) flushed() { c.frozen.Store(0) }

// SentAheadBytes returns how much memory the operations take that large transactions have sent ahead: until they end, and
// what commits until it is in the file.
func (s *State) SentAheadBytes() int64 {
	return s.sentAhead.held.Load() + s.sentAhead.committed.Load() + s.sentAhead.frozen.Load()
}

// awaitWriting takes the turn to write a file.
func awaitWriting(ctx context.Context) error {
	select {
	case writing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func endWriting() { <-writing }
