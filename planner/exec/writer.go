package exec

import (
	"context"
	"slices"
	"sync"
	"unsafe"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Writer writes the rows of one table: INSERT, UPDATE, DELETE, COPY and the actions of foreign keys all end here. It
// keeps a row and its index entries together, locks every unique key before it is written, and judges duplicates row by
// row in the order given, as PostgreSQL does.
//
// A batch is locked in one call: the row keys and the unique entries of all its rows. Versions come back as of the grant;
// what the batch itself does to a key before a row's turn is kept in state, so that `UPDATE t SET id = id + 1` meets
// exactly the duplicates that PostgreSQL meets.
//
// Rows are by attnum-1. Batches should have at most about 1,000 rows.
type Writer struct {
	widener // c and ti

	arena []byte
	state map[string]bool // keys written by the running batch: whether they exist now
	*writerScratch
	// refused is the position in the last batch of the row that was a duplicate.
	refused int

	// A writer of one table of a tree shows rows in messages as the tree's root, which the statement named, has them: at is
	// leaf.at; nil: the writer's own table.
	root *catalog.Table
	at   []int
	// within is the partitioned table whose rows are placed by their bounds, so that these need no check; 0: none.
	within catalog.Oid
	// fire fires the table's triggers of rows; nil: there are none.
	fire *firing
}

// writerScratch is what a writer needs while a batch is written: from begin to end.
type writerScratch struct {
	reqs   []txn.LockRequest
	locked []txn.Locked
	plan   []keyWrite
}

var writerScratches = sync.Pool{New: func() any { return new(writerScratch) }}

// keptWrites bounds the keys of a batch whose scratch is kept.
const keptWrites = 4096

// keyWrite is what a batch does to one key, in row order. at is its lock request's position, or -1.
type keyWrite struct {
	key   txn.Key
	x     *indexInfo // nil: the row
	value []byte
	from  *txn.Key // moveTo: where the row was
	row   int32
	at    int32
	op    writeOp
	flags txn.WriteFlags
}

// coveredAt is keyWrite.at of a row that the caller's lock covers.
const coveredAt = -2

type writeOp uint8

const (
	putNew    writeOp = iota // the key must be free
	putOver                  // replaces what the transaction holds
	remove                   // deletes
	moveFrom                 // the row goes to another key: the moveTo behind it deletes here
	moveTo                   // the row comes; the key must be free
	putEntry                 // an entry beside its row
	dropEntry                // the same, deleted
)

// NewWriter returns a writer for the table.
func NewWriter(c *Context, t *catalog.Table) *Writer {
	return newWriter(c, infoOf(t))
}

func newWriter(c *Context, ti *tableInfo) *Writer {
	return &Writer{widener: widener{c: c, ti: ti}}
}

// bytes returns memory of n bytes that is never reused.
func (w *Writer) bytes(n int) []byte {
	if cap(w.arena)-len(w.arena) < n {
		w.arena = make([]byte, 0, max(n, min(64<<10, 4*cap(w.arena)+512)))
	}
	return w.arena[len(w.arena):len(w.arena)]
}

// keep marks memory from bytes as used.
func (w *Writer) keep(b []byte) []byte {
	if cap(b) == 0 || cap(w.arena) == 0 || unsafe.SliceData(b[:1]) != unsafe.SliceData(w.arena[len(w.arena):len(w.arena)+1]) {
		return b // it outgrew the arena
	}
	n := len(w.arena) + len(b)
	w.arena = w.arena[:n]
	return b[:len(b):len(b)]
}

func (w *Writer) rowKey(row []types.Datum) (txn.Key, topo.Slot) {
	b := w.keep(w.ti.rowKeyOf(w.bytes(len(w.ti.prefix)+10*len(w.ti.key)+16), row))
	slot := w.ti.slotOfKey(b, row)
	return txn.Key{Group: w.c.SlotMap.Group(slot), Bytes: b}, slot
}

func (w *Writer) entryKey(x *indexInfo, row []types.Datum, group topo.GroupID) txn.Key {
	b := append(w.bytes(len(x.prefix)+10*(len(x.cols)+len(w.ti.key))+16), x.prefix...)
	b = appendColumns(b, x.cols, row)
	if x.global {
		return txn.Key{Group: w.c.SlotMap.Group(slotOfColumns(x.cols, row)), Bytes: w.keep(b)}
	}
	return txn.Key{Group: group, Bytes: w.keep(appendColumns(b, w.ti.key, row))}
}

func (w *Writer) rowValue(row []types.Datum) []byte {
	row = row[:len(w.ti.t.Columns)]
	b := keyenc.EncodeRow(w.bytes(20+8*len(row)), w.ti.layout, row)
	return w.keep(keyenc.SetWriter(b, w.c.Txn.ID().XID()))
}

func (w *Writer) locator(rowKey []byte, slot topo.Slot) []byte {
	return w.keep(w.ti.locator(w.bytes(len(rowKey)+4), rowKey, slot))
}

var emptyValue = []byte{}

// keyBytes is about how long a key is.
const keyBytes = 32

// begin starts a batch that writes about so many keys.
func (w *Writer) begin(keys int) {
	if w.writerScratch == nil {
		w.writerScratch = writerScratches.Get().(*writerScratch)
	}
	w.plan, w.reqs, w.locked = slices.Grow(w.plan[:0], keys), w.reqs[:0], w.locked[:0]
	if n := keys * keyBytes; n > 512 && cap(w.arena)-len(w.arena) < n {
		w.arena = make([]byte, 0, n)
	}
}

// end ends a batch.
func (w *Writer) end() {
	s := w.writerScratch
	if s == nil {
		return
	}
	w.writerScratch = nil
	if cap(s.plan) > keptWrites {
		return
	}
	clear(s.plan)
	clear(s.reqs)
	clear(s.locked)
	writerScratches.Put(s)
}

// write locks what is planned and carries it out.
func (w *Writer) write(ctx context.Context, rows [][]types.Datum) error {
	if err := w.lock(ctx); err != nil {
		return err
	}
	return w.apply(rows)
}

// add plans a write; those of keys that others may hold are locked first.
func (w *Writer) add(k keyWrite) {
	k.at = -1
	if k.op != putEntry && k.op != dropEntry {
		k.at = int32(len(w.reqs))
		w.reqs = append(w.reqs, txn.LockRequest{Key: k.key, Mode: lock.Update, Latest: true, ExistenceOnly: k.x == nil || !k.x.deferrable()})
	}
	w.plan = append(w.plan, k)
}

func (w *Writer) lock(ctx context.Context) error {
	if len(w.reqs) == 0 {
		return nil
	}
	w.locked = slices.Grow(w.locked[:0], len(w.reqs))[:len(w.reqs)]
	return w.c.Txn.Lock(ctx, w.reqs, lock.Wait, w.locked)
}

// apply carries out the planned writes in order. rows are the new rows, wide, for messages.
func (w *Writer) apply(rows [][]types.Datum) error {
	single := len(rows) == 1
	clear(w.state)
	if w.state == nil && !single {
		w.state = map[string]bool{}
	}
	for i := range w.plan {
		k := &w.plan[i]
		switch k.op {
		case putEntry:
			w.c.Txn.Put(k.key, emptyValue, txn.Entry)
			continue
		case dropEntry:
			w.c.Txn.Delete(k.key, txn.Entry)
			continue
		}
		name := unsafe.String(unsafe.SliceData(k.key.Bytes), len(k.key.Bytes))
		exists := k.at == coveredAt || w.locked[k.at].Version.Exists()
		if !single {
			if s, ok := w.state[name]; ok {
				exists = s
			}
		}
		switch k.op {
		case putNew:
			if exists {
				if k.x != nil && k.x.deferrable() && w.c.Constraints != nil {
					if err := w.c.Constraints.DeferUnique(w.ti.t, k.x.ix, [][]types.Datum{rows[k.row][:len(w.ti.t.Columns)]}); err != nil {
						return err
					}
					continue
				}
				w.refused = int(k.row)
				return w.duplicate(k, rows[k.row])
			}
			w.c.Txn.Put(k.key, k.value, k.flags)
		case moveTo:
			if exists {
				w.refused = int(k.row)
				return w.duplicate(k, rows[k.row])
			}
			w.c.Txn.Move(*k.from, k.key, k.value)
		case putOver:
			w.c.Txn.Put(k.key, k.value, k.flags)
		case remove:
			if k.x != nil && k.x.deferrable() && !w.ownsEntry(k) {
				continue
			}
			w.c.Txn.Delete(k.key, k.flags)
		}
		if !single {
			w.state[name] = k.op != remove && k.op != moveFrom
		}
	}
	return nil
}

// ownsEntry reports whether an entry of a deferrable index names the row at hand rather than another with the same key.
func (w *Writer) ownsEntry(k *keyWrite) bool {
	v := w.locked[k.at].Version
	return v.Exists() && string(v.Value) == string(k.value)
}

// duplicate is the error for a unique key that exists.
func (w *Writer) duplicate(k *keyWrite, row []types.Datum) error {
	x := k.x
	if x == nil {
		x = w.ti.rowKey
	}
	for _, p := range w.ti.indexes {
		if x == nil && p.ix.Primary {
			x = p
		}
	}
	if x == nil {
		return pgerr.Internal("exec: duplicate row id in table %q", w.ti.t.Name)
	}
	return errDuplicate(w.c, w.ti.t, x, row)
}

// Insert inserts rows that were checked already. It reports them to the constraints.
func (w *Writer) Insert(ctx context.Context, rows [][]types.Datum) error {
	if len(rows) > 1 && len(w.ti.exclusions()) > 0 { // each is judged by those before it
		for i := range rows {
			if err := w.Insert(ctx, rows[i:i+1]); err != nil {
				w.refused = i
				return err
			}
		}
		return nil
	}
	wide, err := w.wideAll(rows)
	if err != nil {
		return err
	}
	w.begin(len(wide) * (1 + len(w.ti.indexes)))
	for i, row := range wide {
		w.planInsert(i, row)
	}
	err = w.write(ctx, wide)
	if w.end(); err != nil {
		return err
	}
	for _, row := range wide {
		if err := w.exclude(ctx, row, func(*exclusion) bool { return true }); err != nil {
			w.refused = 0
			return err
		}
	}
	if w.fire != nil {
		return w.fire.events(catalog.TriggerInsert, nil, rows, func(from, to int) error { return w.inserted(rows[from:to]) })
	}
	return w.inserted(rows)
}

// inserted reports rows to the constraints.
func (w *Writer) inserted(rows [][]types.Datum) error {
	if w.c.Constraints == nil {
		return nil
	}
	return w.c.Constraints.Inserted(w.ti.t, rows)
}

func (w *Writer) planInsert(i int, row []types.Datum) {
	key, slot := w.rowKey(row)
	w.add(keyWrite{key: key, row: int32(i), op: putNew, value: w.rowValue(row)})
	for _, x := range w.ti.indexes {
		w.planEntry(i, x, row, key, slot)
	}
}

// planEntry plans the entry of a new or changed row.
func (w *Writer) planEntry(i int, x *indexInfo, row []types.Datum, key txn.Key, slot topo.Slot) {
	switch {
	case x.absent(row):
	case x.gin != nil:
		w.planGin(i, x, x.ginKeys(row), key, putEntry)
	case !x.global:
		w.add(keyWrite{key: w.entryKey(x, row, key.Group), row: int32(i), x: x, op: putEntry})
	default:
		w.add(keyWrite{key: w.entryKey(x, row, 0), row: int32(i), x: x, op: putNew, value: w.locator(key.Bytes, slot)})
	}
}

// Delete deletes rows that the caller has locked in Update mode. It reports them to the constraints.
func (w *Writer) Delete(ctx context.Context, rows [][]types.Datum) error {
	wide, err := w.wideAll(rows)
	if err != nil {
		return err
	}
	w.begin(len(wide) * (1 + len(w.ti.indexes)))
	for i, row := range wide {
		key, slot := w.rowKey(row)
		w.plan = append(w.plan, keyWrite{key: key, row: int32(i), op: remove, at: coveredAt})
		for _, x := range w.ti.indexes {
			w.planRemoval(i, x, row, key, slot)
		}
	}
	err = w.write(ctx, wide)
	if w.end(); err != nil {
		return err
	}
	if w.fire != nil {
		return w.fire.events(catalog.TriggerDelete, rows, nil, func(from, to int) error { return w.deleted(rows[from:to]) })
	}
	return w.deleted(rows)
}

// deleted reports rows to the constraints.
func (w *Writer) deleted(rows [][]types.Datum) error {
	if w.c.Constraints == nil {
		return nil
	}
	return w.c.Constraints.Deleted(w.ti.t, rows)
}

func (w *Writer) planRemoval(i int, x *indexInfo, row []types.Datum, key txn.Key, slot topo.Slot) {
	switch {
	case x.absent(row):
		return
	case x.gin != nil:
		w.planGin(i, x, x.ginKeys(row), key, dropEntry)
		return
	case !x.global:
		w.add(keyWrite{key: w.entryKey(x, row, key.Group), row: int32(i), x: x, op: dropEntry})
		return
	}
	k := keyWrite{key: w.entryKey(x, row, 0), row: int32(i), x: x, op: remove}
	if x.deferrable() {
		k.value = w.locator(key.Bytes, slot)
	}
	w.add(k)
}

// Update replaces old rows, locked by the caller, with new ones that were checked. Rows whose key or placement changes
// move; only the entries of changed columns are rewritten.
func (w *Writer) Update(ctx context.Context, old, new [][]types.Datum) error {
	if len(old) > 1 && len(w.ti.exclusions()) > 0 { // each is judged by what those before it have become
		for i := range old {
			if err := w.Update(ctx, old[i:i+1], new[i:i+1]); err != nil {
				w.refused = i
				return err
			}
		}
		return nil
	}
	before, err := w.wideAll(old)
	if err != nil {
		return err
	}
	after, err := w.wideAll(new)
	if err != nil {
		return err
	}
	w.begin(len(before))
	for i := range before {
		w.planUpdate(i, before[i], after[i])
	}
	err = w.write(ctx, after)
	if w.end(); err != nil {
		return err
	}
	for i := range after {
		if err := w.exclude(ctx, after[i], w.adds(before[i], after[i])); err != nil {
			w.refused = 0
			return err
		}
	}
	if w.fire != nil {
		return w.fire.events(catalog.TriggerUpdate, old, new, func(from, to int) error { return w.updated(old[from:to], new[from:to]) })
	}
	return w.updated(old, new)
}

// updated reports rows to the constraints.
func (w *Writer) updated(old, new [][]types.Datum) error {
	if w.c.Constraints == nil {
		return nil
	}
	return w.c.Constraints.Updated(w.ti.t, old, new)
}

func (w *Writer) planUpdate(i int, old, new []types.Datum) {
	okey, oslot := w.rowKey(old)
	key, slot := okey, oslot
	moved := false
	if w.changed(w.ti.key, old, new) || w.changed(w.ti.dist, old, new) {
		key, slot = w.rowKey(new)
		moved = slot != oslot || string(key.Bytes) != string(okey.Bytes)
	}
	sameKey := string(key.Bytes) == string(okey.Bytes)
	switch {
	case !moved:
		// The caller's lock covers the row; no stronger one is wanted.
		w.plan = append(w.plan, keyWrite{key: okey, row: int32(i), op: putOver, at: coveredAt, value: w.rowValue(new), flags: txn.KeepsKey})
	case sameKey && key.Group == okey.Group:
		w.add(keyWrite{key: key, row: int32(i), op: putOver, value: w.rowValue(new), flags: txn.KeepsKey})
	default:
		w.add(keyWrite{key: okey, row: int32(i), op: moveFrom})
		w.add(keyWrite{key: key, row: int32(i), op: moveTo, value: w.rowValue(new), from: &okey})
	}
	for _, x := range w.ti.indexes {
		if x.gin != nil {
			w.planGinUpdate(i, x, old, new, okey, key, moved)
			continue
		}
		if w.changed(x.cols, old, new) || x.pred >= 0 && x.absent(old) != x.absent(new) {
			w.planRemoval(i, x, old, okey, oslot)
			w.planEntry(i, x, new, key, slot)
			continue
		}
		if !moved {
			continue
		}
		if !x.global {
			w.planRemoval(i, x, old, okey, oslot)
			w.planEntry(i, x, new, key, slot)
		} else if !x.absent(new) {
			w.add(keyWrite{key: w.entryKey(x, new, 0), row: int32(i), x: x, op: putOver, value: w.locator(key.Bytes, slot), flags: txn.KeepsKey})
		}
	}
}

// changed reports whether any of the columns differs as a key.
func (w *Writer) changed(cols []keyColumn, old, new []types.Datum) bool {
	for i := range cols {
		a, b := old[cols[i].at], new[cols[i].at]
		if a == b {
			continue
		}
		if a.IsNull() != b.IsNull() || !a.IsNull() && !types.Equal(cols[i].oid, a, b) {
			return true
		}
	}
	return false
}

// check judges NOT NULL and CHECK of a new row.
func (w *Writer) check(r *run, checks []planner.Check, row []types.Datum) error {
	for i := range w.ti.t.Columns {
		c := &w.ti.t.Columns[i]
		if c.NotNull && !c.Dropped && row[i].IsNull() {
			return errNotNull(w.c, w.ti.t, c, w.failing(row))
		}
	}
	for i := range checks {
		d, err := checks[i].Cond.EvalRow(r.eval, row)
		if err != nil {
			return err
		}
		if !d.IsNull() && !d.Bool() {
			return errCheck(w.c, w.ti.t, checks[i].Name, w.failing(row))
		}
	}
	if w.ti.t.Bound == nil || w.within != 0 {
		return nil
	}
	fits, err := fits(w.c, w.ti.t, row)
	if err == nil && !fits {
		err = errBound(w.c, w.ti.t, w.failing(row))
	}
	return err
}

// failing is "Failing row contains (…)" for a row of the writer's table.
func (w *Writer) failing(row []types.Datum) string {
	if w.at == nil {
		return failingRow(w.c, w.ti.t, row)
	}
	return failingRow(w.c, w.root, rootRow(w.at, row))
}
