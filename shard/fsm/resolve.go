package fsm

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/shard/mvcc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// commitItems makes an attempt's writes versions at ts, leaves its marks' share_ts, and remembers its read ranges.
func (s *State) commitItems(p *pending, ts topo.Timestamp) {
	owned := s.t.pendings[p.txn] == p // its bytes were copied when it was prepared
	if p.in != nil {
		p.in.dropIndex()
	}
	for i := range p.items {
		it := &p.items[i]
		switch {
		case it.kind.writes():
			s.write(it.key, ts, it.keyTS, it.value, it.moved, it.hints, owned)
		case it.kind == ItemSharedMark:
			s.share(it.key, ts)
		}
	}
	if len(p.net) >= s.runOps && len(s.watchers) == 0 {
		s.commitRun(p, ts)
	} else {
		s.commitNet(p, ts)
	}
	if len(p.ranges) > 0 {
		s.t.readFloor = max(s.t.readFloor, ts)
	}
	s.raiseMaxTS(ts)
}

// commitNet puts the net operations into the delta.
func (s *State) commitNet(p *pending, ts topo.Timestamp) {
	for i, ref := range p.net {
		op := p.in.op(ref)
		var keyTS topo.Timestamp
		if p.netKeyTS != nil {
			keyTS = p.netKeyTS[i]
		}
		switch op.Item.Kind {
		case ItemPut, ItemDelete:
			s.write(op.Item.Key, ts, keyTS, netValue(&op.Item), p.netMoved(i), mvcc.Newest, true)
		case ItemPutEntry, ItemDeleteEntry:
			s.write(op.Item.Key, ts, 0, netValue(&op.Item), nil, 0, true)
		case ItemSharedMark:
			s.share(op.Item.Key, ts)
		}
	}
}

func netValue(it *Item) []byte {
	switch {
	case it.Kind == ItemDelete || it.Kind == ItemDeleteEntry:
		return nil
	case it.Value == nil:
		return emptyValue
	}
	return it.Value
}

// share leaves share_ts on a key (rule R2).
func (s *State) share(key []byte, ts topo.Timestamp) {
	if old := s.t.shares[string(key)]; old >= ts {
		return
	}
	k := string(key)
	s.t.shares[k] = ts
	s.dirtyShares = append(s.dirtyShares, k)
}

// dropPending takes a prepare away.
func (s *State) dropPending(p *pending) {
	s.mu.Lock()
	delete(s.t.pendings, p.txn)
	s.unlinkPending(p)
	items := p.items
	p.items = nil
	s.mu.Unlock()
	s.spareHeld.put(items)
	s.mark(txnRecordKey(recordPending, p.txn))
}

// itemLists is memory for the items of prepares, used again. Nobody has the items of a prepare that was dropped: readers find
// it under mu, and take copies of what they need.
type itemLists struct{ free [][]pendItem }

const (
	maxItemLists = 32
	// keptHeld bounds the items of a list that is kept.
	keptHeld = 1024
)

func (l *itemLists) take(n int) []pendItem {
	for i := len(l.free) - 1; i >= 0; i-- {
		if items := l.free[i]; cap(items) >= n {
			l.free = slices.Delete(l.free, i, i+1)
			return items
		}
	}
	return make([]pendItem, 0, max(n, 8))
}

func (l *itemLists) put(items []pendItem) {
	if cap(items) == 0 || cap(items) > keptHeld || len(l.free) == maxItemLists {
		return
	}
	clear(items)
	l.free = append(l.free, items[:0])
}

// dropIntents takes a transaction's provisional operations away, because it committed or because it aborted.
func (s *State) dropIntents(txn topo.TxnID, committed bool) {
	in := s.t.intents[txn]
	if in == nil {
		return
	}
	s.mu.Lock()
	delete(s.t.intents, txn)
	s.mu.Unlock()
	s.intentCount.Add(-1)
	if committed {
		s.sentAhead.commit(in.bytes())
	} else {
		s.sentAhead.abort(in.bytes())
	}
	for n := range in.chunks {
		s.mark(chunkRecordKey(txn, n))
	}
}

// commitPending ends a prepare as committed at ts.
func (s *State) commitPending(p *pending, ts topo.Timestamp, members []topo.GroupID) {
	s.commitItems(p, ts)
	if members != nil {
		s.mu.Lock()
		s.t.members[p.id()] = members
		s.mu.Unlock()
	}
	s.finish(p.id(), outcome{code: OutcomeCommitted, primary: p.primary, ts: ts})
	// Readers that still find the prepare wait needlessly; none may find neither it nor the versions.
	s.visible.Store(uint64(s.seq))
	s.dropPending(p)
	s.dropIntents(p.txn, true)
}

// abortPending ends a prepare as aborted; the outcome stays until the horizon has passed at least atLeast.
func (s *State) abortPending(p *pending, atLeast topo.Timestamp) {
	s.finish(p.id(), outcome{code: OutcomeAborted, primary: p.primary, ts: max(p.min, s.t.maxTS, atLeast)})
	s.dropPending(p)
}

// held returns the prepare of exactly this attempt, or nil.
func (s *State) held(txn topo.TxnID, attempt topo.Attempt) *pending {
	if p := s.t.pendings[txn]; p != nil && p.attempt == attempt {
		return p
	}
	return nil
}

// unheld answers a commit that finds no prepare. Who sends one knows that every prepare of the attempt applied, and a
// prepare goes by being resolved only: at or below the horizon it was, and the outcome has been forgotten since.
func (s *State) unheld(p *pending, ts topo.Timestamp) Result {
	if p == nil && ts <= s.t.horizon {
		return Result{Code: ResultCommitted, TS: ts}
	}
	return Result{Code: ResultMismatch}
}

// applyCommit logs the outcome at the primary.
func (s *State) applyCommit(c *CommitRecord) (Result, error) {
	if r, ok := s.first(attemptID{c.Txn, c.Attempt}); ok {
		return r, nil
	}
	p := s.held(c.Txn, c.Attempt)
	if p == nil || c.TS < p.min {
		return s.unheld(p, c.TS), nil
	}
	s.commitPending(p, c.TS, p.participants)
	return Result{Code: ResultCommitted, TS: c.TS}, nil
}

// applyResolve ends an attempt in a participant.
func (s *State) applyResolve(c *Resolve) (Result, error) {
	id := attemptID{c.Txn, c.Attempt}
	if r, ok := s.first(id); ok {
		if c.Final && r.Code == ResultAborted && s.t.pendings[c.Txn] == nil {
			s.dropIntents(c.Txn, false)
		}
		return r, nil
	}
	p := s.held(c.Txn, c.Attempt)
	if c.Commit {
		if p == nil || c.TS < p.min {
			return s.unheld(p, c.TS), nil
		}
		s.commitPending(p, c.TS, nil)
		return Result{Code: ResultCommitted, TS: c.TS}, nil
	}
	if p != nil {
		s.abortPending(p, c.TS)
	} else {
		// The prepare never came, or comes late: then it must not be held.
		s.finish(id, outcome{code: OutcomeAborted, ts: max(s.t.maxTS, c.TS)})
	}
	if c.Final && s.t.pendings[c.Txn] == nil {
		s.dropIntents(c.Txn, false)
	}
	return Result{Code: ResultAborted}, nil
}

// applyTombstone forbids an attempt that did not prepare here.
func (s *State) applyTombstone(c *Tombstone) Result {
	id := attemptID{c.Txn, c.Attempt}
	if r, ok := s.first(id); ok {
		return r
	}
	if p := s.held(c.Txn, c.Attempt); p != nil {
		return Result{Code: ResultPrepared, TS: p.min}
	}
	if c.TS != 0 && c.TS <= s.t.horizon {
		return Result{Code: ResultHorizon} // it may have been here, and have been resolved and forgotten
	}
	s.finish(id, outcome{code: OutcomeAborted, ts: max(s.t.maxTS, c.TS)})
	return Result{Code: ResultAborted}
}

// applyForget lets outcomes go, once the horizon has reached them.
func (s *State) applyForget(c *Forget) Result {
	r := Result{Code: ResultOK}
	for _, a := range c.Attempts {
		if p := s.held(a.Txn, a.Attempt); p != nil {
			r = Result{Code: ResultPrepared, TS: p.min}
			continue
		}
		id := attemptID{a.Txn, a.Attempt}
		if o, ok := s.t.outcomes[id]; ok && !o.forgotten {
			o.forgotten = true
			s.finish(id, o)
		}
	}
	s.dropPassed()
	return r
}

// dropPassed drops the forgotten outcomes that the horizon has reached.
func (s *State) dropPassed() {
	if len(s.forgotten) == 0 || s.forgotten[0].ts > s.t.horizon {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.forgotten) > 0 && s.forgotten[0].ts <= s.t.horizon {
		id := s.forgotten[0].id
		s.forgotten.pop()
		if o, ok := s.t.outcomes[id]; ok && o.forgotten && o.ts <= s.t.horizon {
			delete(s.t.outcomes, id)
			delete(s.t.members, id)
			s.dirtyOutcomes = append(s.dirtyOutcomes, id)
		}
	}
}

// maxSpareChunk bounds what is kept for encoding the next command of operations sent ahead.
const maxSpareChunk = 2 << 20

// applyProvision keeps operations sent ahead.
func (s *State) applyProvision(c *Provision) Result {
	if p := s.t.pendings[c.Txn]; p != nil {
		// What was prepared no longer changes; a repeated delivery of what it counted is no harm.
		return Result{Code: ResultPrepared, TS: p.min}
	}
	if len(c.Ops) == 0 {
		return Result{Code: ResultOK}
	}
	in := s.t.intents[c.Txn]
	if in == nil {
		in = newIntents(c.Txn)
	}
	n := len(in.chunks)
	any, scratch := in.add(c.Ops, s.spareChunk)
	if s.spareChunk = scratch; cap(scratch) > maxSpareChunk {
		s.spareChunk = nil
	}
	if !any {
		return Result{Code: ResultOK}
	}
	if n == 0 {
		s.mu.Lock()
		s.t.intents[c.Txn] = in
		s.mu.Unlock()
		s.intentCount.Add(1)
	}
	s.sentAhead.add(len(in.chunks[n]))
	s.mark(chunkRecordKey(c.Txn, n))
	return Result{Code: ResultOK}
}
