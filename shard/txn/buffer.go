package txn

import (
	"bytes"

	"github.com/tidwall/btree"

	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// The buffer holds, per group and key, all that the transaction did there: its operations (newest first, so that reads by
// sequence number and ROLLBACK TO work), its lock with the version seen, and its foreign-key marks. One entry per key, in
// key order, so that a scan merges the buffer over the group's rows and a prepare comes out sorted.

// op is one operation on a key. A nil value is a deletion.
type op struct {
	seq   Seq
	value []byte
	prev  *op
	// entry: a non-unique index entry, not validated.
	entry bool
	// keeps: this operation and all before it kept the key version.
	keeps bool
	// origin is where the row that the operation puts was when the transaction began, where the operations on the key do not
	// tell (see moved.go).
	origin *Key
}

// marks are the parts of an entry that few keys need.
type marks struct {
	seq           Seq // of the latest change
	shared        bool
	sharedVersion topo.Timestamp // the key version that the shared mark relies on
	exclusive     topo.Timestamp // F, 0: no exclusive mark
	moved         *Key           // where the row went that was here when the transaction began
	recheck       Recheck
}

// entry is what the transaction knows of one key. Invariant: last == nil or last.seq is the greatest of the chain.
type entry struct {
	key  []byte
	last *op
	op0  op // the first operation, so that most keys need no allocation of their own

	held
	marks *marks
	// origin is that of the transaction's own row under the key while last does not have it: it was sent ahead, and read
	// with the last lock.
	origin *Key
	// asked is Txn.stmtSeq + 1 of the statement that has locked the own row under the key and not written it yet.
	asked Seq
	// stub: all of the entry was sent ahead, and it stays for its origin.
	stub bool
}

// held is a lock and the committed version under it as of the grant. mode is lock.None for keys that were never locked.
type held struct {
	mode lock.Mode
	// hasValue: value is the version's value, kept because nobody else can change it under this mode.
	hasValue   bool
	seenAbsent bool
	seq        Seq // of the latest change
	seenTS     topo.Timestamp
	seenKey    topo.Timestamp // the key version
	value      []byte
}

// at returns the newest operation with a sequence number up to own.
func (e *entry) at(own Seq) *op {
	o := e.last
	for o != nil && o.seq > own {
		o = o.prev
	}
	return o
}

type storageCount struct {
	id      topo.StorageID
	entries int
	ops     int // entries that have an operation
}

// groupBuffer is the transaction's part in one group.
type groupBuffer struct {
	id    topo.GroupID
	group rpc.Group
	tree  *btree.BTreeG[*entry]
	hint  btree.PathHint
	slab  []entry
	probe entry // the key of lookups, so that they allocate nothing

	ops      int // entries that have an operation
	marked   int // marks that go along with a write, as items of their own, at most
	storages []storageCount
	bytes    int // of buffered keys and values, about
	// locked: locks were asked for here, so the end of the transaction has to release them.
	locked bool
	ranges readRanges
	prov   provisions
}

func entryLess(a, b *entry) bool { return bytes.Compare(a.key, b.key) < 0 }

func newGroupBuffer(id topo.GroupID, g rpc.Group) *groupBuffer {
	return &groupBuffer{id: id, group: g}
}

// find returns the key's entry, or nil.
func (g *groupBuffer) find(key []byte) *entry {
	if g.tree == nil {
		return nil
	}
	g.probe.key = key
	e, _ := g.tree.GetHint(&g.probe, &g.hint)
	return e
}

// entryFor returns the key's entry, making it when there is none.
func (g *groupBuffer) entryFor(key []byte) *entry {
	if e := g.find(key); e != nil {
		return e
	}
	return g.enter(key)
}

// enter is entryFor for a key that most likely has no entry: that saves the search for it.
func (g *groupBuffer) enter(key []byte) *entry {
	if g.tree == nil {
		g.tree = btree.NewBTreeGOptions(entryLess, btree.Options{NoLocks: true})
	}
	if len(g.slab) == 0 {
		n := g.tree.Len()
		switch {
		case n < 4:
			n = 4
		case n > 64:
			n = 64
		}
		g.slab = make([]entry, n)
	}
	e := &g.slab[0]
	e.key = key
	if old, there := g.tree.SetHint(e, &g.hint); there {
		g.tree.SetHint(old, &g.hint)
		e.key = nil
		return old
	}
	g.slab = g.slab[1:]
	g.bytes += len(key) + entryOverhead
	g.count(key).entries++
	return e
}

// count returns the numbers of the key's storage.
func (g *groupBuffer) count(key []byte) *storageCount {
	id, _ := topo.KeyStorageID(key)
	for i := range g.storages {
		if g.storages[i].id == id {
			return &g.storages[i]
		}
	}
	g.storages = append(g.storages, storageCount{id: id})
	return &g.storages[len(g.storages)-1]
}

// countStorage keeps the number of keys with operations per storage, so that reads of others skip the merge.
func (g *groupBuffer) countStorage(key []byte, delta int) {
	g.ops += delta
	g.count(key).ops += delta
}

// hasOps reports whether the buffer has an operation in the storage of key.
func (g *groupBuffer) hasOps(key []byte) bool {
	if g.ops == 0 {
		return false
	}
	c, ok := g.counts(key)
	return !ok || c.ops > 0
}

// hasEntries reports whether the buffer may have an entry in the storage of key.
func (g *groupBuffer) hasEntries(key []byte) bool {
	c, ok := g.counts(key)
	return !ok || c.entries > 0
}

// counts returns the numbers of the key's storage; false for a key that names none.
func (g *groupBuffer) counts(key []byte) (c storageCount, ok bool) {
	id, ok := topo.KeyStorageID(key)
	if !ok {
		return c, false
	}
	for i := range g.storages {
		if g.storages[i].id == id {
			return g.storages[i], true
		}
	}
	return c, true
}

// push adds an operation. inPlace says that nobody can tell the newest operation from the one that replaces it.
func (g *groupBuffer) push(e *entry, o op, inPlace bool) {
	h := e.last
	if o.keeps && o.origin == nil {
		// The row goes on.
		if o.origin = e.origin; h != nil {
			o.origin = h.origin
		}
	}
	o.keeps = o.keeps && (h == nil || h.keeps)
	switch {
	case h != nil && inPlace:
		g.bytes += len(o.value) - len(h.value)
		o.prev = h.prev
		*h = o
		return
	case h == nil:
		e.op0 = o
		e.last = &e.op0
		g.countStorage(e.key, 1)
	default:
		later := o // not o itself, which would then be allocated for the other cases too
		later.prev = h
		e.last = &later
	}
	g.bytes += len(o.value)
}

// entryOverhead is about what an entry costs beside its key and value, in bytes.
const entryOverhead = 176

// pop takes the newest operation away (ROLLBACK TO).
func (g *groupBuffer) pop(e *entry) {
	h := e.last
	if h == nil {
		return
	}
	g.bytes -= len(h.value)
	e.last = h.prev
	if e.last == nil {
		g.countStorage(e.key, -1)
	}
}

// ascend calls f for the entries of [lo, hi) that have an operation visible at own, in key order.
func (g *groupBuffer) ascend(lo, hi []byte, own Seq, f func(e *entry, o *op) bool) {
	if g.tree == nil {
		return
	}
	g.probe.key = lo
	g.tree.Ascend(&g.probe, func(e *entry) bool {
		if hi != nil && bytes.Compare(e.key, hi) >= 0 {
			return false
		}
		if o := e.at(own); o != nil {
			return f(e, o)
		}
		return true
	})
}

// descend is ascend from the end.
func (g *groupBuffer) descend(lo, hi []byte, own Seq, f func(e *entry, o *op) bool) {
	if g.tree == nil {
		return
	}
	visit := func(e *entry) bool {
		if bytes.Compare(e.key, lo) < 0 {
			return false
		}
		if hi != nil && bytes.Compare(e.key, hi) >= 0 {
			return true // hi itself is outside
		}
		if o := e.at(own); o != nil {
			return f(e, o)
		}
		return true
	}
	if hi == nil {
		g.tree.Reverse(visit)
		return
	}
	g.probe.key = hi
	g.tree.Descend(&g.probe, visit)
}

// undo is one step that ROLLBACK TO takes back. It is recorded only while a savepoint exists.
type undo struct {
	seq   Seq
	g     *groupBuffer
	e     *entry
	kind  undoKind
	held  held   // undoLock: the lock as it was
	marks *marks // undoMark: the marks as they were
}

type undoKind uint8

const (
	undoOp undoKind = iota
	undoLock
	undoMark
)
