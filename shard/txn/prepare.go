package txn

import (
	"slices"
	"sync"

	"github.com/tidwall/btree"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

var zeroHint btree.PathHint

// participant is a group with something to prepare.
type participant struct {
	g       *groupBuffer
	prepare *fsm.Prepare
	format  uint8    // that it needs
	entries []*entry // of prepare.Items, nil for read ranges
	memory  *itemMemory

	proposal // of prepare
	state    partState
}

type partState uint8

const (
	partUnknown  partState = iota // proposed or not: no answer yet
	partPrepared                  // holds the prepare; res.TS is its minimum
	partCommitted
	partDead    // the attempt has a tombstone here, or was aborted
	partRefused // apply refused it: nothing is held, but a late copy could still be accepted
)

// write is the item of one operation.
func (e *entry) write(o *op) fsm.Item {
	it := fsm.Item{Key: e.key, Value: o.value}
	switch {
	case o.entry && o.value != nil:
		it.Kind = fsm.ItemPutEntry
	case o.entry:
		it.Kind = fsm.ItemDeleteEntry
	case o.value != nil:
		it.Kind, it.KeepsKey = fsm.ItemPut, o.keeps
	default:
		it.Kind = fsm.ItemDelete
	}
	if !o.entry {
		it.Mode, it.Seen, it.SeenAbsent = e.mode, e.seenTS, e.seenAbsent
		if e.mode == lock.None {
			it.Mode, it.SeenAbsent = lock.Update, true
		}
	}
	return it
}

// relied emits the items of a key that the transaction did not write: rule R1, every lock travels.
func (e *entry) relied(emit func(Seq, fsm.Item)) {
	e.held.item(e.key, emit)
	switch m := e.marks; {
	case m != nil && m.shared:
		m.sharedItem(e.key, emit)
	case e.mode == lock.KeyShare && !e.seenAbsent:
		// FOR KEY SHARE by the user: the key must not change, the rest of the row may.
		emit(e.held.seq, fsm.Item{Kind: fsm.ItemSharedMark, Mode: lock.KeyShare, Key: e.key, Seen: e.seenKey})
	}
}

// item emits the item of a lock that forbids changes of the row.
func (h *held) item(key []byte, emit func(Seq, fsm.Item)) {
	if h.mode >= lock.Share {
		emit(h.seq, fsm.Item{Kind: fsm.ItemLock, Mode: h.mode, Key: key, Seen: h.seenTS, SeenAbsent: h.seenAbsent})
	}
}

func (m *marks) sharedItem(key []byte, emit func(Seq, fsm.Item)) {
	if m.shared {
		emit(m.seq, fsm.Item{Kind: fsm.ItemSharedMark, Mode: lock.KeyShare, Key: key, Seen: m.sharedVersion})
	}
}

// exclusiveItem emits the mark that accompanies a delete or key change (rule R2).
func (m *marks) exclusiveItem(key []byte, emit func(Seq, fsm.Item)) {
	if m.exclusive != 0 {
		emit(m.seq, fsm.Item{Kind: fsm.ItemExclusive, Mode: lock.Update, Key: key, F: m.exclusive})
	}
}

// itemMemory is what the items of a prepare are made in.
type itemMemory struct {
	items   []fsm.Item
	entries []*entry
}

var itemMemories = sync.Pool{New: func() any { return new(itemMemory) }}

// keptItems bounds the items whose memory is kept.
const keptItems = 4096

// reuse gives the memory of the prepare's items back, if it is certain that nobody has it any more: the group has answered,
// and no copy of the prepare is on its way.
func (p *participant) reuse() {
	m := p.memory
	if m == nil || p.err != nil || p.doubt || cap(p.prepare.Items) > keptItems {
		return
	}
	m.items, m.entries = p.prepare.Items, p.entries
	p.memory, p.prepare.Items, p.entries = nil, nil, nil
	clear(m.items)
	clear(m.entries)
	itemMemories.Put(m)
}

// buildPrepare makes a group's part of an attempt; nil when there is nothing to prepare in it. t.mu is held.
func (t *Txn) buildPrepare(g *groupBuffer) *participant {
	p := &participant{g: g, prepare: &fsm.Prepare{Txn: t.id, Tables: t.tables}}
	n := len(g.ranges.list)
	if g.tree != nil {
		n += g.tree.Len() + g.marked
	}
	p.memory = itemMemories.Get().(*itemMemory)
	p.prepare.Items = slices.Grow(p.memory.items[:0], n)
	p.entries = slices.Grow(p.memory.entries[:0], n)
	if g.tree != nil {
		var cur *entry
		emit := func(_ Seq, it fsm.Item) {
			if t.m.cfg.Faults.omits(&it) {
				return
			}
			p.prepare.Items = append(p.prepare.Items, it)
			p.entries = append(p.entries, cur)
			if it.Kind == fsm.ItemMoved {
				p.format = fsm.FormatMoved
			}
		}
		g.tree.Scan(func(e *entry) bool {
			cur = e
			switch o := e.last; {
			case o == nil:
				e.relied(emit)
			case o.value == nil && !o.entry && e.mode != lock.None && e.seenAbsent:
				// Inserted and deleted again.
			default:
				emit(o.seq, e.write(o))
				if e.marks != nil {
					e.marks.exclusiveItem(e.key, emit)
					e.marks.movedItem(e.key, emit)
				}
			}
			return true
		})
	}
	if t.opts.Isolation == Serializable {
		g.ranges.compact()
		for _, r := range g.ranges.list {
			p.prepare.Items = append(p.prepare.Items, fsm.Item{Kind: fsm.ItemReadRange, Key: r.lo, End: r.hi, Seen: t.snap})
			p.entries = append(p.entries, nil)
		}
	}
	if g.prov.sent > 0 {
		p.prepare.Provisioned = fsm.Provisioned{Count: g.prov.sent, Digest: g.prov.digest, RolledBack: t.rolledBack}
	}
	if len(p.prepare.Items) == 0 && g.prov.sent == 0 {
		return nil
	}
	return p
}

// buildAttempt makes the prepares of an attempt and chooses the primary: the first group that is written.
func (t *Txn) buildAttempt(attempt topo.Attempt, ts topo.Timestamp) []*participant {
	t.mu.Lock()
	defer t.mu.Unlock()
	var parts []*participant
	var ids []topo.GroupID
	var primary topo.GroupID
	for _, g := range t.groups {
		p := t.buildPrepare(g)
		if p == nil {
			continue
		}
		parts = append(parts, p)
		ids = append(ids, g.id)
		if primary == 0 && (g.ops > 0 || g.prov.sent > 0) {
			primary = g.id
		}
	}
	if primary == 0 && len(ids) > 0 {
		primary = ids[0]
	}
	for _, p := range parts {
		p.prepare.Attempt, p.prepare.Primary = attempt, primary
		p.prepare.StartTS, p.prepare.MinTS = ts, ts
		p.prepare.OnePhase = len(parts) == 1
		if p.g.id == primary {
			p.prepare.Participants = ids
		}
	}
	return parts
}
