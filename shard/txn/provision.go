package txn

import (
	"context"
	"sync"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// A transaction that outgrows Config.ProvisionBytes sends its operations ahead as provisional intents and forgets them.
// From then on a read asks the group for the transaction's own operations; the prepare carries only their count, digest
// and rolled-back ranges. What stays at the gateway per key is a hash and the version seen (9 bytes, seen.go), so that a later
// write of the same key names the same version.
//
// Which of a group's parts goes how: either all its operations, locks and marks are items of the prepare, or all of them
// were sent ahead. So no key can be in both, and their order never matters. Read ranges are always items.
//
// What was sent ahead is validated at the prepare as items are: of each key and kind the last one that was not rolled
// back counts, and all of them have to rely on one version. What ROLLBACK TO may leave behind is sent with it: a lock or
// mark that an operation covers goes along when a savepoint lies between the two.

const (
	// provisionCommandBytes is about the size of one Provision command.
	provisionCommandBytes = 512 << 10
	// provisionsInFlight bounds the commands under way per group.
	provisionsInFlight = 4
	// itemOverhead is about what an item's encoding takes beside key and value, in bytes.
	itemOverhead = 40
	// maxPrepareBytes bounds a prepare; a group's part that is larger is sent ahead.
	maxPrepareBytes = 900 << 10
)

// provisions is what a transaction has sent ahead to one group. The fields above mu are guarded by the Txn's.
type provisions struct {
	sent    uint64 // operations, rolled-back ones included
	digest  uint64
	lastSeq Seq
	keys    seenTable
	undone  bool // something of it was rolled back: wrote may name a key whose operations no longer count

	mu       sync.Mutex
	inFlight int
	idle     chan struct{} // closed when inFlight falls
	err      error         // the first failure; it ends the transaction
}

// covers reports whether an operation on key was sent ahead that counts: it is validated and excludes others, so that
// locks and shared marks on the key add nothing.
func (p *provisions) covers(key []byte) bool { return !p.undone && p.wrote(key) }

// wrote reports whether an operation on key was sent ahead.
func (p *provisions) wrote(key []byte) bool {
	s, ok := p.seen(key)
	return ok && s.written()
}

// held reports whether a lock on key went ahead, with an operation or alone.
func (p *provisions) held(key []byte) bool {
	_, ok := p.seen(key)
	return ok
}

// seen returns the version that what was sent ahead on key relies on.
func (p *provisions) seen(key []byte) (seenVersion, bool) {
	if p.sent == 0 {
		return 0, false
	}
	return p.keys.get(hashKey(key))
}

// settle waits until everything sent has been applied.
func (p *provisions) settle(ctx context.Context) error { return p.waitBelow(ctx, 1) }

// waitBelow waits until fewer than n commands are under way.
func (p *provisions) waitBelow(ctx context.Context, n int) error {
	for {
		p.mu.Lock()
		if p.err != nil || p.inFlight < n {
			err := p.err
			p.mu.Unlock()
			return err
		}
		if p.idle == nil {
			p.idle = make(chan struct{})
		}
		idle := p.idle
		p.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *provisions) ended(err error) {
	p.mu.Lock()
	p.inFlight--
	if p.err == nil {
		p.err = err
	}
	if p.idle != nil {
		close(p.idle)
		p.idle = nil
	}
	p.mu.Unlock()
}

// provision sends the buffered operations of all groups ahead.
func (t *Txn) provision(ctx context.Context) error {
	t.mu.Lock()
	groups := t.groups
	t.mu.Unlock()
	for _, g := range groups {
		if err := t.provisionGroup(ctx, g, false); err != nil {
			return groupError(ctx, err)
		}
	}
	return nil
}

// provisionGroup sends a group's operations, and the locks and marks that belong to finished work, ahead. A lock of the
// current statement may be awaiting its write, which needs the version seen, or the row's origin: it stays, unless all is set.
func (t *Txn) provisionGroup(ctx context.Context, g *groupBuffer, all bool) error {
	t.mu.Lock()
	cmds := t.takeProvisions(g, all)
	t.mu.Unlock()
	for _, c := range cmds {
		if err := g.prov.waitBelow(ctx, provisionsInFlight); err != nil {
			return err
		}
		if !t.m.startWork() {
			return &rpc.Error{Code: rpc.ErrNotProposed, Detail: "shutting down"}
		}
		g.prov.mu.Lock()
		g.prov.inFlight++
		g.prov.mu.Unlock()
		go func() {
			defer t.m.endWork()
			// The command outlives a cancelled statement: its operations are counted already.
			ctx, cancel := context.WithTimeout(t.m.base, t.m.cfg.OutcomeTimeout)
			defer cancel()
			res, err := t.m.propose(ctx, g.group, &fsm.Command{Format: provisionFormat(c), Provision: c})
			if err == nil && res.Code != fsm.ResultOK && res.Code != fsm.ResultPrepared {
				err = pgerr.New(pgerr.SerializationFailure, "could not serialize access: a provisional write was refused").
					WithDetail("result %d", res.Code)
			}
			g.prov.ended(err)
		}()
	}
	return nil
}

// takeProvisions moves entries out of the buffer into commands. t.mu is held.
func (t *Txn) takeProvisions(g *groupBuffer, all bool) []*fsm.Provision {
	if g.tree == nil {
		return nil
	}
	var cmds []*fsm.Provision
	var cur *fsm.Provision
	size := 0
	left := g.tree.Len()
	emit := func(seq Seq, it fsm.Item) {
		if f := t.m.cfg.Faults; f.omits(&it) || f.NoExclusiveMarksAhead && it.Kind == fsm.ItemExclusive {
			return
		}
		if cur == nil || size >= provisionCommandBytes {
			n := left + 1 // the last command has what is left of the buffer
			if cur != nil {
				n = min(n, len(cur.Ops)+len(cur.Ops)/8) // one like the last one
			} else {
				n = min(n, provisionCommandBytes/(2*itemOverhead))
			}
			cur, size = &fsm.Provision{Txn: t.id, Ops: make([]fsm.ProvisionOp, 0, n)}, 0
			cmds = append(cmds, cur)
		}
		cur.Ops = append(cur.Ops, fsm.ProvisionOp{Seq: uint64(seq), Item: it})
		size += len(it.Key) + len(it.Value) + itemOverhead
		g.prov.sent++
		g.prov.digest += fsm.HashOp(&cur.Ops[len(cur.Ops)-1])
		g.prov.lastSeq = max(g.prov.lastSeq, seq)
	}
	var stay, stubs []*entry
	g.tree.Scan(func(e *entry) bool {
		left--
		h := hashKey(e.key)
		before, sent := g.prov.keys.get(h)
		if !all && (!before.written() && e.awaitsWrite(t.stmtSeq) || e.last == nil && t.awaitsMove(e)) {
			stay = append(stay, e)
			return true
		}
		switch {
		case e.last != nil:
			t.provisionOps(e, emit)
		case !before.written() || g.prov.undone:
			e.relied(emit)
		}
		if e.marks != nil {
			e.marks.exclusiveItem(e.key, emit)
			e.marks.movedItem(e.key, emit)
		}
		if (e.last == nil || !e.last.entry) && (!sent || e.mode != lock.None) {
			g.prov.keys.put(h, packSeen(e)|before&seenWritten)
		}
		t.retain -= len(e.value)
		if !all && e.last != nil && e.last.value != nil && t.awaitsMove(e) {
			stubs = append(stubs, e)
		}
		return true
	})
	t.provisionUndo(g, stay, emit)
	g.reset(stay)
	for _, e := range stubs {
		t.keepOrigin(g, e)
	}
	t.dropUndo(g)
	return cmds
}

// keepOrigin leaves, of an entry that was sent ahead, the origin of its row and the lock: the current statement has asked for
// the lock, and may be about to write the row.
func (t *Txn) keepOrigin(g *groupBuffer, sent *entry) {
	e := g.entryFor(sent.key)
	e.held, e.origin, e.asked, e.stub = sent.held, sent.comesFrom(), sent.asked, true
	e.value, e.hasValue = nil, false
	t.seq++
	e.held.seq = t.seq
}

// awaitsWrite says that the entry is a lock of the current statement, which may be about to write the key: the operation
// would repeat all that the lock says. A shared mark stands for a check that is over.
func (e *entry) awaitsWrite(stmt Seq) bool {
	return e.last == nil && max(e.held.seq, e.markSeq()) > stmt && (e.marks == nil || !e.marks.shared)
}

// reset empties the buffer but for the entries that stay.
func (g *groupBuffer) reset(stay []*entry) {
	g.tree, g.slab, g.hint = nil, nil, zeroHint
	g.ops, g.storages, g.bytes = 0, nil, 0
	for _, old := range stay {
		e := g.entryFor(old.key)
		e.held, e.marks, e.origin, e.asked = old.held, old.marks, old.origin, old.asked
	}
}

// dropUndo forgets the steps whose entries are gone: ROLLBACK TO takes those back by their numbers. Their locks stay to
// the transaction's end. t.mu is held.
func (t *Txn) dropUndo(g *groupBuffer) {
	kept := t.undo[:0]
	for _, u := range t.undo {
		if u.g == g {
			e := g.find(u.e.key)
			if e == nil || e.stub || u.kind == undoOp {
				continue
			}
			u.e = e
		}
		kept = append(kept, u)
	}
	clear(t.undo[len(kept):])
	t.undo = kept
	if g.tree != nil {
		g.tree.Scan(func(e *entry) bool {
			e.stub = false
			return true
		})
	}
}

func (e *entry) markSeq() Seq {
	if e.marks == nil {
		return 0
	}
	return e.marks.seq
}

// provisionOps emits all the entry's operations, oldest first, so that a later ROLLBACK TO can name any of them, and the
// locks and marks that it would leave alone.
func (t *Txn) provisionOps(e *entry, emit func(Seq, fsm.Item)) {
	first := e.last
	for first.prev != nil {
		first = first.prev
	}
	if e.mode != lock.None && t.savepointBetween(e.held.seq, first.seq) {
		e.held.item(e.key, emit)
	}
	if e.marks != nil && t.savepointBetween(e.marks.seq, first.seq) {
		e.marks.sharedItem(e.key, emit)
	}
	if first == e.last {
		emit(e.last.seq, e.ahead(e.last))
		return
	}
	var chain []*op
	for o := e.last; o != nil; o = o.prev {
		chain = append(chain, o)
	}
	for i := len(chain) - 1; i >= 0; i-- {
		emit(chain[i].seq, e.ahead(chain[i]))
	}
}

// ahead is the item of an operation that goes ahead.
func (e *entry) ahead(o *op) fsm.Item {
	it := e.write(o)
	if o.origin != nil && o.origin != noOrigin {
		it.Origin = appendLink(nil, o.origin)
	}
	return it
}

// provisionFormat returns the format that a provision needs.
func provisionFormat(c *fsm.Provision) uint8 {
	for i := range c.Ops {
		if it := &c.Ops[i].Item; it.Kind == fsm.ItemMoved || it.Origin != nil {
			return fsm.FormatMoved
		}
	}
	return fsm.FormatFirst
}

// provisionUndo emits the locks and marks that a ROLLBACK TO would bring back in place of those that were sent now: what
// it goes by, the undo steps, is forgotten.
func (t *Txn) provisionUndo(g *groupBuffer, stay []*entry, emit func(Seq, fsm.Item)) {
	if len(t.undo) == 0 {
		return
	}
	stays := make(map[*entry]bool, len(stay))
	for _, e := range stay {
		stays[e] = true
	}
	for i := range t.undo {
		u := &t.undo[i]
		if u.g != g || stays[u.e] {
			continue
		}
		switch {
		case u.kind == undoLock && t.savepointBetween(u.held.seq, u.seq):
			u.held.item(u.e.key, emit)
		case u.kind == undoMark && u.marks != nil && t.savepointBetween(u.marks.seq, u.seq):
			u.marks.sharedItem(u.e.key, emit)
			u.marks.exclusiveItem(u.e.key, emit)
			u.marks.movedItem(u.e.key, emit)
		}
	}
}

// rollBackProvisions notes that what was sent ahead with a number above seq is undone. t.mu is held.
func (t *Txn) rollBackProvisions(seq Seq) {
	any := false
	for _, g := range t.groups {
		if g.prov.sent > 0 && g.prov.lastSeq > seq {
			g.prov.undone, any = true, true
		}
	}
	if !any {
		return
	}
	r := fsm.SeqRange{First: uint64(seq) + 1, End: uint64(t.seq) + 1}
	list := t.rolledBack
	for len(list) > 0 && list[len(list)-1].First >= r.First {
		list = list[:len(list)-1]
	}
	if n := len(list); n > 0 && list[n-1].End >= r.First {
		r.First = list[n-1].First
		list = list[:n-1]
	}
	// Readers hold the old slice: never write into it.
	t.rolledBack = append(append([]fsm.SeqRange(nil), list...), r)
}
