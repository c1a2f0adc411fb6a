package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// workload is one client.
type workload struct {
	c   *Cluster
	n   *Node
	k   int
	rng *rand.Rand
	num uint32 // of the client's next row, child or marker

	serialized *serialized // what the operation under way has read and written, for the judge of serializability
}

// errRefused ends a transaction that found nothing to do, or a violation.
var errRefused = pgerr.New(pgerr.RaiseException, "refused")

type operation struct {
	name string
	do   func(w *workload, ctx context.Context, t *txn.Txn) error
	// isolation -1: any of READ COMMITTED and REPEATABLE READ
	isolation int
	weight    int
}

var operations = []operation{
	{"insert parent", (*workload).insertParent, -1, 10},
	{"insert child", (*workload).insertChild, -1, 20},
	{"move child", (*workload).moveChild, -1, 5},
	{"update parent", (*workload).updateParent, -1, 4},
	{"delete parent cascade", (*workload).deleteParent, int(txn.ReadCommitted), 14},
	{"delete parents cascade", (*workload).deleteParents, int(txn.ReadCommitted), 8},
	{"insert row", (*workload).insertRow, -1, 10},
	{"delete row", (*workload).deleteRow, -1, 8},
	{"transfer", (*workload).transfer, -1, 12},
	{"shift", (*workload).shift, int(txn.Serializable), 8},
	{"count", (*workload).count, int(txn.ReadCommitted), 6},
	{"read", (*workload).read, int(txn.RepeatableRead), 8},
	{"read serializable", (*workload).read, int(txn.Serializable), 3},
	{"insert grandchild", (*workload).insertGrandchild, -1, 12},
	{"sweep", (*workload).sweep, int(txn.ReadCommitted), 4},
	{"serial", (*workload).serial, int(txn.Serializable), 10},
	{"visit", (*workload).visit, int(txn.ReadCommitted), 5},
	{"wander", (*workload).wander, int(txn.ReadCommitted), 7},
	{"register", nil, 0, 16},
	{"schema change", nil, 0, 0}, // Options.DDLWeight
}

func (w *workload) run(ctx context.Context, txns int) {
	ctx = withActor(ctx, fmt.Sprintf(" by %d.%d.%d", w.n.id, w.n.epoch, w.k))
	for w.n.plan().children == nil { // a node takes clients once it has the catalog
		if !sleep(ctx, w.n.dead, time.Millisecond) {
			return
		}
	}
	for i := 0; i < txns && ctx.Err() == nil; i++ {
		if _, err := w.c.sched.wait(ctx, place{on: [2]*machine{w.n.m}, dead: w.n.dead}, "n%d.%d client %d begins %d", w.n.id, w.n.epoch, w.k, i); err != nil {
			return
		}
		w.one(ctx)
	}
}

func (w *workload) pick() *operation {
	total := w.c.opt.DDLWeight
	for i := range operations {
		total += operations[i].weight
	}
	r := w.rng.IntN(total)
	for i := range operations {
		if r -= operations[i].weight; r < 0 {
			return &operations[i]
		}
	}
	return &operations[len(operations)-1]
}

// fresh returns a number that no other client uses.
func (w *workload) fresh() uint32 {
	w.num++
	return uint32(w.n.id)<<28 | uint32(w.n.epoch&0xff)<<20 | uint32(w.k)<<16 | w.num
}

// one runs one transaction.
func (w *workload) one(ctx context.Context) {
	op := w.pick()
	switch op.name {
	case "schema change":
		w.schemaChange(ctx)
		return
	case "register":
		w.register(ctx)
		return
	}
	iso := txn.Isolation(w.rng.IntN(2))
	if op.isolation >= 0 {
		iso = txn.Isolation(op.isolation)
	}
	t := w.n.mgr.Begin(txn.Options{Isolation: iso})
	t.StartStatement()
	w.serialized = nil
	if err := op.do(w, ctx, t); err != nil {
		t.Rollback(ctx)
		w.c.ledger.count(op.name, err)
		return
	}
	s := w.serialized
	var e *ledgerEntry
	if t.HasWrites() {
		e = w.mark(t, op.name)
	}
	err := t.Commit(ctx)
	w.told(e, err)
	w.c.ledger.count(op.name+" commit", err)
	if s != nil && (e != nil || err == nil) {
		s.entry = e
		w.c.ledger.serialize(s)
	}
}

// mark leaves two markers in two groups: they make every writing transaction one whose atomicity shows.
func (w *workload) mark(t *txn.Txn, what string) *ledgerEntry {
	e := &ledgerEntry{id: t.ID(), what: what, number: w.fresh()}
	a := w.rng.IntN(len(w.c.groups))
	b := (a + 1 + w.rng.IntN(len(w.c.groups)-1)) % len(w.c.groups)
	e.groups = [2]topo.GroupID{w.c.groups[a].id, w.c.groups[b].id}
	if w.rng.IntN(3) == 0 {
		e.groups[1] = e.groups[0]
	}
	t.Put(txn.Key{Group: e.groups[0], Bytes: key(markers, e.number, 0)}, nil, 0)
	t.Put(txn.Key{Group: e.groups[1], Bytes: key(markers, e.number, 1)}, nil, 0)
	w.c.ledger.add(e)
	return e
}

// told notes what the client was told of its COMMIT. The clients of a dead node are told nothing.
func (w *workload) told(e *ledgerEntry, err error) {
	if e != nil && (err == nil || !w.n.isDead()) {
		w.c.ledger.note(e, err)
	}
}

func (w *workload) lock(ctx context.Context, t *txn.Txn, k txn.Key, m lock.Mode, latest bool) (txn.Locked, error) {
	var out [1]txn.Locked
	err := t.Lock(ctx, []txn.LockRequest{{Key: k, Mode: m, Latest: latest}}, lock.Wait, out[:])
	return out[0], err
}

func (w *workload) insertParent(ctx context.Context, t *txn.Txn) error {
	t.UseTable(w.n.plan().parents.VersionTag())
	k := w.c.row(parents, uint32(w.rng.IntN(numParents)))
	l, err := w.lock(ctx, t, k, lock.Update, true)
	if err != nil {
		return err
	}
	if l.Version.Exists() {
		return errRefused
	}
	t.Put(k, num(uint32(w.rng.IntN(100))), 0)
	return nil
}

// reference checks a foreign key: KEY SHARE on the referenced row, and a mark.
func (w *workload) reference(ctx context.Context, t *txn.Txn, k txn.Key) error {
	var out [1]txn.Locked
	err := t.Lock(ctx, []txn.LockRequest{{Key: k, Mode: lock.KeyShare, Latest: true, ExistenceOnly: true}}, lock.Wait, out[:])
	if err != nil {
		return err
	}
	if !out[0].Version.Exists() {
		return errRefused
	}
	t.MarkShared(k, out[0].Version.KeyVersion)
	return nil
}

func (w *workload) insertChild(ctx context.Context, t *txn.Txn) error {
	p := w.n.plan()
	p.useChildren(t)
	parent := uint32(w.rng.IntN(numParents))
	for n := 1 + w.rng.IntN(2); n > 0; n-- {
		child := w.fresh()
		k := w.c.row(children, child)
		if _, err := w.lock(ctx, t, k, lock.Update, true); err != nil {
			return err
		}
		t.Put(k, num(parent), 0)
		t.Put(w.c.entry(parent, child), nil, txn.Entry)
	}
	if !p.references() {
		return nil
	}
	return w.reference(ctx, t, w.c.row(parents, parent))
}

// insertGrandchild references a child that was there a moment ago.
func (w *workload) insertGrandchild(ctx context.Context, t *txn.Txn) error {
	t.UseTable(w.n.plan().children.VersionTag())
	child, err := w.someChild(ctx, t)
	if err != nil {
		return err
	}
	id := w.fresh()
	if _, err := w.lock(ctx, t, w.c.row(grandchildren, id), lock.Update, true); err != nil {
		return err
	}
	t.Put(w.c.row(grandchildren, id), num(child), 0)
	t.Put(w.c.entryOf(child, id), nil, txn.Entry)
	return w.reference(ctx, t, w.c.row(children, child))
}

// someChild returns a child at the snapshot.
func (w *workload) someChild(ctx context.Context, t *txn.Txn) (child uint32, err error) {
	ts, err := t.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	s, err := t.Scan(ctx, txn.ReadOptions{TS: ts, Own: t.StatementSeq()},
		txn.ScanSpec{Groups: w.c.allGroups(), Lo: key(children), Hi: key(children + 1), KeysOnly: true, LimitHint: 3})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	b, err := s.Next(ctx)
	if err != nil {
		return 0, err
	}
	if b == nil {
		return 0, errRefused
	}
	return part(b.Key(w.rng.IntN(b.Len())), 0), nil
}

func (w *workload) moveChild(ctx context.Context, t *txn.Txn) error {
	p := w.n.plan()
	p.useChildren(t)
	child, err := w.someChild(ctx, t)
	if err != nil {
		return err
	}
	k := w.c.row(children, child)
	l, err := w.lock(ctx, t, k, lock.NoKeyUpdate, false)
	if err != nil {
		return err
	}
	if !l.Version.Exists() {
		return errRefused
	}
	from, to := toNum(l.Version.Value), uint32(w.rng.IntN(numParents))
	if from == to {
		return errRefused
	}
	t.Put(k, num(to), txn.KeepsKey)
	t.Delete(w.c.entry(from, child), txn.Entry)
	t.Put(w.c.entry(to, child), nil, txn.Entry)
	if !p.references() {
		return nil
	}
	return w.reference(ctx, t, w.c.row(parents, to))
}

func (w *workload) updateParent(ctx context.Context, t *txn.Txn) error {
	t.UseTable(w.n.plan().parents.VersionTag())
	k := w.c.row(parents, uint32(w.rng.IntN(numParents)))
	l, err := w.lock(ctx, t, k, lock.NoKeyUpdate, false)
	if err != nil {
		return err
	}
	if !l.Version.Exists() {
		return errRefused
	}
	t.Put(k, num(uint32(w.rng.IntN(100))), txn.KeepsKey)
	return nil
}

func (w *workload) deleteParent(ctx context.Context, t *txn.Txn) error {
	p := w.n.plan()
	p.useParents(t)
	parent := uint32(w.rng.IntN(numParents))
	k := w.c.row(parents, parent)
	l, err := w.lock(ctx, t, k, lock.Update, false)
	if err != nil {
		return err
	}
	if !l.Version.Exists() {
		return errRefused
	}
	if !p.referenced() {
		t.Delete(k, 0)
		return nil
	}
	// First the lock, then a fresh timestamp, then the children.
	f, err := t.FreshTimestamp(ctx)
	if err != nil {
		return err
	}
	t.Delete(k, 0)
	t.MarkExclusive(k, f)
	restrict := w.rng.IntN(4) == 0
	if w.rng.IntN(2) == 0 {
		t.OnChildrenChanged(k, func(ctx context.Context, f topo.Timestamp) error {
			return w.cascade(ctx, t, parent, f, restrict)
		})
	}
	return w.cascade(ctx, t, parent, f, restrict)
}

// deleteParents deletes as a statement over several rows does: all of them are locked and deleted, which may send the
// deletes ahead, and then their children are looked for. Some of it may be rolled back to a savepoint.
func (w *workload) deleteParents(ctx context.Context, t *txn.Txn) error {
	p := w.n.plan()
	p.useParents(t)
	first, n := uint32(w.rng.IntN(numParents)), uint32(2+w.rng.IntN(2))
	if w.rng.IntN(3) == 0 {
		if err := w.detour(ctx, t, first); err != nil {
			return err
		}
	}
	var keys []txn.Key
	var deleted []uint32
	for i := range n {
		parent := (first + i) % numParents
		k := w.c.row(parents, parent)
		l, err := w.lock(ctx, t, k, lock.Update, false)
		if err != nil {
			return err
		}
		if l.Version.Exists() {
			t.Delete(k, 0)
			keys, deleted = append(keys, k), append(deleted, parent)
		}
	}
	if len(keys) == 0 {
		return errRefused
	}
	if !p.referenced() {
		return nil
	}
	f, err := t.FreshTimestamp(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		t.MarkExclusive(k, f)
	}
	for _, parent := range deleted {
		if err := w.cascade(ctx, t, parent, f, false); err != nil {
			return err
		}
	}
	return nil
}

// detour writes a parent after a savepoint and takes it back; the lock from before it, and a child that relies on the
// parent as it was, count.
func (w *workload) detour(ctx context.Context, t *txn.Txn, parent uint32) error {
	k := w.c.row(parents, parent)
	if w.rng.IntN(2) == 0 {
		if _, err := w.lock(ctx, t, k, lock.NoKeyUpdate, false); err != nil {
			return err
		}
	}
	t.StartStatement()
	sp := t.Savepoint()
	l, err := w.lock(ctx, t, k, lock.Update, false)
	if err != nil {
		return err
	}
	if l.Version.Exists() {
		t.Delete(k, 0)
	} else {
		t.Put(k, num(1), 0)
	}
	if w.rng.IntN(2) == 0 {
		if _, err := t.Snapshot(ctx); err != nil {
			return err
		}
		if _, err := w.someChild(ctx, t); err != nil && err != error(errRefused) {
			return err
		}
	}
	t.RollbackTo(sp)
	t.StartStatement()
	return nil
}

func (w *workload) cascade(ctx context.Context, t *txn.Txn, parent uint32, f topo.Timestamp, restrict bool) error {
	s, err := t.Scan(ctx, txn.ReadOptions{TS: f, Own: txn.LatestSeq}, txn.ScanSpec{Groups: w.c.allGroups(),
		Lo: key(byParent, parent), Hi: key(byParent, parent+1), KeysOnly: true, Ordered: w.rng.IntN(2) == 0})
	if err != nil {
		return err
	}
	defer s.Close()
	for {
		b, err := s.Next(ctx)
		if err != nil || b == nil {
			return err
		}
		reqs := make([]txn.LockRequest, b.Len())
		out := make([]txn.Locked, b.Len())
		for i := range reqs {
			reqs[i] = txn.LockRequest{Mode: lock.Update, Key: txn.Key{Group: b.GroupOf(i), Bytes: key(children, part(b.Key(i), 1))}}
		}
		if err := t.Lock(ctx, reqs, lock.Wait, out); err != nil {
			return err
		}
		for i, l := range out {
			if !l.Version.Exists() || toNum(l.Version.Value) != parent {
				continue // deleted or moved meanwhile
			}
			if restrict {
				return errRefused
			}
			if err := w.deleteChild(ctx, t, part(b.Key(i), 1), parent); err != nil {
				return err
			}
		}
	}
}

// deleteChild deletes a child of parent, and the grandchildren: first the lock, then a fresh timestamp, then they.
func (w *workload) deleteChild(ctx context.Context, t *txn.Txn, child, parent uint32) error {
	k := w.c.row(children, child)
	l, err := w.lock(ctx, t, k, lock.Update, true)
	if err != nil {
		return err
	}
	if !l.Version.Exists() || toNum(l.Version.Value) != parent {
		return nil
	}
	f, err := t.FreshTimestamp(ctx)
	if err != nil {
		return err
	}
	t.Delete(k, 0)
	t.Delete(w.c.entry(parent, child), txn.Entry)
	t.MarkExclusive(k, f)
	if w.rng.IntN(2) == 0 {
		t.OnChildrenChanged(k, func(ctx context.Context, f topo.Timestamp) error { return w.deleteGrandchildren(ctx, t, child, f) })
	}
	return w.deleteGrandchildren(ctx, t, child, f)
}

func (w *workload) deleteGrandchildren(ctx context.Context, t *txn.Txn, child uint32, f topo.Timestamp) error {
	s, err := t.Scan(ctx, txn.ReadOptions{TS: f, Own: txn.LatestSeq}, txn.ScanSpec{Groups: w.c.allGroups(),
		Lo: key(byChild, child), Hi: key(byChild, child+1), KeysOnly: true})
	if err != nil {
		return err
	}
	defer s.Close()
	for {
		b, err := s.Next(ctx)
		if err != nil || b == nil {
			return err
		}
		for i := 0; i < b.Len(); i++ {
			id := part(b.Key(i), 1)
			l, err := w.lock(ctx, t, w.c.row(grandchildren, id), lock.Update, true)
			if err != nil {
				return err
			}
			if l.Version.Exists() {
				t.Delete(w.c.row(grandchildren, id), 0)
				t.Delete(w.c.entryOf(child, id), txn.Entry)
			}
		}
	}
}

func (w *workload) insertRow(ctx context.Context, t *txn.Txn) error {
	v, id := uint32(w.rng.IntN(numValues)), w.fresh()
	r, u := w.c.row(rows, id), w.c.row(values, v)
	var out [2]txn.Locked
	if err := t.Lock(ctx, []txn.LockRequest{{Key: r, Mode: lock.Update, Latest: true}, {Key: u, Mode: lock.Update, Latest: true}},
		lock.Wait, out[:]); err != nil {
		return err
	}
	if out[1].Version.Exists() {
		return errRefused
	}
	t.Put(r, num(v), 0)
	t.Put(u, num(id), 0)
	return nil
}

func (w *workload) deleteRow(ctx context.Context, t *txn.Txn) error {
	u := w.c.row(values, uint32(w.rng.IntN(numValues)))
	ts, err := t.Snapshot(ctx)
	if err != nil {
		return err
	}
	var v [1]txn.Version
	if err := t.Get(ctx, txn.ReadOptions{TS: ts, Own: t.StatementSeq()}, []txn.Key{u}, v[:]); err != nil {
		return err
	}
	if !v[0].Exists() {
		return errRefused
	}
	id := toNum(v[0].Value)
	r := w.c.row(rows, id)
	l, err := w.lock(ctx, t, r, lock.Update, false)
	if err != nil {
		return err
	}
	if !l.Version.Exists() {
		return errRefused
	}
	// The row holds its value, which may be another one by now; take the entry that it has.
	u = w.c.row(values, toNum(l.Version.Value))
	e, err := w.lock(ctx, t, u, lock.Update, true)
	if err != nil {
		return err
	}
	if !e.Version.Exists() || toNum(e.Version.Value) != id {
		return errRefused // the row's lock was lost with its leaseholder; the commit would have said so
	}
	t.Delete(r, 0)
	t.Delete(u, 0)
	return nil
}

func (w *workload) transfer(ctx context.Context, t *txn.Txn) error {
	a := uint32(w.rng.IntN(numAccounts))
	b := (a + 1 + uint32(w.rng.IntN(numAccounts-1))) % numAccounts
	keys := []txn.Key{w.c.row(accounts, a), w.c.row(accounts, b)}
	if w.rng.IntN(4) == 0 {
		// A detour that is rolled back.
		sp := t.Savepoint()
		l, err := w.lock(ctx, t, keys[0], lock.NoKeyUpdate, false)
		if err != nil {
			return err
		}
		t.Put(keys[0], num(toNum(l.Version.Value)+7), txn.KeepsKey)
		t.StartStatement()
		t.RollbackTo(sp)
		t.StartStatement()
	}
	reqs := []txn.LockRequest{{Key: keys[0], Mode: lock.NoKeyUpdate}, {Key: keys[1], Mode: lock.NoKeyUpdate}}
	var out [2]txn.Locked
	if err := t.Lock(ctx, reqs, lock.Wait, out[:]); err != nil {
		return err
	}
	x, y := toNum(out[0].Version.Value), toNum(out[1].Version.Value)
	if x == 0 {
		return errRefused
	}
	amount := 1 + uint32(w.rng.IntN(int(x)))
	t.Put(keys[0], num(x-amount), txn.KeepsKey)
	t.Put(keys[1], num(y+amount), txn.KeepsKey)
	if w.rng.IntN(3) == 0 {
		return w.seesItself(ctx, t, keys, x-amount, y+amount)
	}
	return nil
}

// seesItself checks that the next statement sees the transaction's own writes.
func (w *workload) seesItself(ctx context.Context, t *txn.Txn, keys []txn.Key, x, y uint32) error {
	t.StartStatement()
	ts, err := t.Snapshot(ctx)
	if err != nil {
		return err
	}
	var v [2]txn.Version
	if err := t.Get(ctx, txn.ReadOptions{TS: ts, Own: t.StatementSeq()}, keys, v[:]); err != nil {
		return err
	}
	if toNum(v[0].Value) != x || toNum(v[1].Value) != y {
		w.c.fail("transaction %v does not see its own writes: %d %d, want %d %d", t.ID(), toNum(v[0].Value), toNum(v[1].Value), x, y)
	}
	return nil
}

// shift lets a doctor go off call when another one is on: SERIALIZABLE has to keep one there.
func (w *workload) shift(ctx context.Context, t *txn.Txn) error {
	ts, err := t.Snapshot(ctx)
	if err != nil {
		return err
	}
	keys := make([]txn.Key, numDoctors)
	for i := range keys {
		keys[i] = w.c.row(doctors, uint32(i))
		keys[i].Group = w.c.groups[i%len(w.c.groups)].id
	}
	v := make([]txn.Version, numDoctors)
	if err := t.Get(ctx, txn.ReadOptions{TS: ts, Own: t.StatementSeq()}, keys, v); err != nil {
		return err
	}
	on := uint32(0)
	for i := range v {
		on += toNum(v[i].Value)
	}
	i := w.rng.IntN(numDoctors)
	state := uint32(1)
	if toNum(v[i].Value) == 1 {
		if on < 2 {
			return errRefused
		}
		state = 0
	}
	if _, err := w.lock(ctx, t, keys[i], lock.NoKeyUpdate, false); err != nil {
		return err
	}
	t.Put(keys[i], num(state), txn.KeepsKey)
	return nil
}

// count raises the counter, and checks that what was acknowledged before is there.
func (w *workload) count(ctx context.Context, t *txn.Txn) error {
	w.c.ledger.mu.Lock()
	floor := w.c.ledger.counter
	w.c.ledger.mu.Unlock()
	k := w.c.row(counters, 0)
	l, err := w.lock(ctx, t, k, lock.NoKeyUpdate, false)
	if err != nil {
		return err
	}
	v := toNum(l.Version.Value)
	if v < floor {
		w.c.fail("the counter reads %d under its lock, %d was acknowledged", v, floor)
	}
	t.Put(k, num(v+1), txn.KeepsKey)
	t.OnCommit(func(topo.Timestamp) {
		w.c.ledger.mu.Lock()
		w.c.ledger.counter = max(w.c.ledger.counter, v+1)
		w.c.ledger.mu.Unlock()
	})
	return nil
}

// read checks a whole snapshot, and that it has what was acknowledged before it.
func (w *workload) read(ctx context.Context, t *txn.Txn) error {
	w.c.ledger.mu.Lock()
	floor := w.c.ledger.counter
	w.c.ledger.mu.Unlock()
	im, err := load(ctx, w.c, t)
	if err != nil {
		return err
	}
	im.check(w.c, "transaction "+t.ID().String())
	if got := toNum([]byte(im.rows[counters][string(key(counters, 0))])); got < floor {
		w.c.fail("snapshot %d has counter %d, %d was acknowledged before it", im.ts, got, floor)
	}
	return nil
}

// setup makes the rows that exist from the beginning.
func (c *Cluster) setup(ctx context.Context) {
	if err := c.admit(ctx); err != nil {
		c.fail("setup: %v", err)
		return
	}
	t := c.nodes[0].mgr.Begin(txn.Options{})
	for i := uint32(0); i < numWanderers; i++ {
		t.Put(c.row(wanderers, i), wanderer{name: i, place: i}.encode(), 0)
	}
	for i := uint32(0); i < numAccounts; i++ {
		t.Put(c.row(accounts, i), num(balance), 0)
	}
	for i := 0; i < numDoctors; i++ {
		k := c.row(doctors, uint32(i))
		k.Group = c.groups[i%len(c.groups)].id
		t.Put(k, num(1), 0)
	}
	t.Put(c.row(counters, 0), num(0), 0)
	for i := uint32(0); i < numRegisters; i++ {
		t.Put(c.row(registers, i), num(0), 0)
	}
	for i := uint32(0); i < numSerials; i++ {
		t.Put(c.row(serials, i), num(0), 0)
	}
	c.writeCatalog(t)
	for i := uint32(0); i < numParents; i += 2 {
		t.Put(c.row(parents, i), num(0), 0)
	}
	if err := t.Commit(ctx); err != nil {
		c.fail("setup: %v", errors.Join(err))
	}
}
