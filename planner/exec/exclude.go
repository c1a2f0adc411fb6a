package exec

import (
	"context"
	"encoding/binary"
	"sync"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Exclusion constraints. No two rows may have values for which all operators of the constraint are true.
//
// Whoever adds an entry to the constraint's index, for a new row, a changed one, or one that moves to another key, first locks
// the mark of what the entry is equal in, and writes it: a key of Index.Marks, by the hash of the values whose operator is =.
// Then it draws a timestamp F, reads the entries with these values at F, and compares their rows. The mark serializes those
// that might exclude each other, as rules R1 and R2 ask:
//
//   - Whoever committed such an entry before the lock was granted is seen at F, which is later.
//   - Whoever commits one later has to write the mark, whose version the prepare of both carries and their group's log
//     validates: of two that have read without seeing each other, because a lock was lost, the second is refused.
//
// A row that is in the way may be about to be deleted, which takes no mark: its own lock is waited for. Nothing else can take
// it out of the way, for a change of its values, or of its place, adds an entry.
//
// There are at most as many marks as slots, so that they need no cleaning up; values that share one wait for each other. A
// constraint without = has one mark, and reads all entries.

// exclusion is an exclusion constraint as the writer of its table knows it.
type exclusion struct {
	x    *indexInfo
	eq   []keyColumn // those whose operator is =
	lead int         // how many of the index's first columns are of these
	ops  []*expr.Compiled
	err  error // of compiling ops
}

// exclusions are compiled once for a version of a table.
type exclusions struct {
	once sync.Once
	list []*exclusion
}

func (ti *tableInfo) exclusions() []*exclusion {
	ti.excl.once.Do(func() {
		for _, x := range ti.indexes {
			if x.ix.Excludes() && x.con != nil {
				ti.excl.list = append(ti.excl.list, newExclusion(x))
			}
		}
	})
	return ti.excl.list
}

func newExclusion(x *indexInfo) *exclusion {
	e := &exclusion{x: x}
	for i, k := range x.cols {
		op := x.con.Operators[i]
		if op == "=" {
			if e.eq = append(e.eq, k); e.lead == i {
				e.lead++
			}
		}
		fn, err := expr.ResolveOperator(op, []types.Oid{k.oid, k.oid})
		if err != nil {
			e.err = err
			return e
		}
		t := types.T(k.oid)
		n := &expr.Func{Fn: fn, Args: []expr.Node{&expr.Column{Index: 0, Type: t}, &expr.Column{Index: 1, Type: t}}, Type: types.T(types.BoolOid), Loc: -1}
		c, err := expr.Compile(n, []types.Type{t, t})
		if err != nil {
			e.err = err
			return e
		}
		e.ops = append(e.ops, c)
	}
	return e
}

// spares reports whether a row excludes no other: its predicate is not true, or a value is NULL, of which no operator is true.
func (e *exclusion) spares(row []types.Datum) bool {
	if e.x.absent(row) {
		return true
	}
	for i := range e.x.cols {
		if row[e.x.cols[i].at].IsNull() {
			return true
		}
	}
	return false
}

// excludes reports whether two wide rows exclude each other.
func (e *exclusion) excludes(ec *expr.EvalContext, a, b []types.Datum) (bool, error) {
	if e.err != nil {
		return false, e.err
	}
	var pair [2]types.Datum
	for i, op := range e.ops {
		at := e.x.cols[i].at
		pair[0], pair[1] = a[at], b[at]
		d, err := op.EvalRow(ec, pair[:])
		if err != nil || d.IsNull() || !d.Bool() {
			return false, err
		}
	}
	return true, nil
}

// markKey is the mark of a row's equal values.
func (e *exclusion) markKey(row []types.Datum, sm *topo.SlotMap) txn.Key {
	slot := slotOfColumns(e.eq, row)
	return txn.Key{Group: sm.Group(slot), Bytes: binary.BigEndian.AppendUint16(topo.AppendStorageID(nil, e.x.ix.Marks), uint16(slot))}
}

// exclude judges a row whose entries were added, by all exclusion constraints that added says it has new entries of.
func (w *Writer) exclude(ctx context.Context, row []types.Datum, added func(e *exclusion) bool) error {
	for _, e := range w.ti.exclusions() {
		if !added(e) || e.spares(row) {
			continue
		}
		if e.x.con.Deferrable && w.c.Constraints != nil {
			if err := w.c.Constraints.DeferUnique(w.ti.t, e.x.ix, [][]types.Datum{row[:len(w.ti.t.Columns)]}); err != nil {
				return err
			}
			continue
		}
		other, err := w.excluded(ctx, e, row, true)
		if err != nil {
			return err
		}
		if other != nil {
			return errExcluded(w.c, w.ti.t, e.x, row, other)
		}
	}
	return nil
}

// adds returns which constraints an update adds an entry of.
func (w *Writer) adds(old, new []types.Datum) func(e *exclusion) bool {
	moved := w.changed(w.ti.key, old, new) || w.changed(w.ti.dist, old, new)
	return func(e *exclusion) bool {
		return moved || w.changed(e.x.cols, old, new) || e.x.pred >= 0 && e.x.absent(old) != e.x.absent(new)
	}
}

// excluded returns the row, wide, that a row may not be beside, nil if there is none. there says that the row
// itself is there already.
func (w *widener) excluded(ctx context.Context, e *exclusion, row []types.Datum, there bool) ([]types.Datum, error) {
	mark := e.markKey(row, w.c.SlotMap)
	reqs, locked := [1]txn.LockRequest{{Key: mark, Mode: lock.Update, Latest: true}}, [1]txn.Locked{}
	if err := w.c.Txn.Lock(ctx, reqs[:], lock.Wait, locked[:]); err != nil {
		return nil, err
	}
	w.c.Txn.Put(mark, emptyValue, 0)
	f, err := w.c.Txn.FreshTimestamp(ctx)
	if err != nil {
		return nil, err
	}
	lo := append([]byte{}, e.x.prefix...)
	lo = appendColumns(lo, e.x.cols[:e.lead], row)
	sc, err := w.c.Txn.Scan(ctx, txn.ReadOptions{TS: f, Own: txn.LatestSeq},
		txn.ScanSpec{Groups: dataGroups(w.c.SlotMap), Lo: lo, Hi: keyenc.PrefixEnd(lo)})
	if err != nil {
		return nil, err
	}
	defer sc.Close()
	self := w.ti.rowTxnKey(row, w.c.SlotMap)
	for {
		b, err := sc.Next(ctx)
		if err != nil || b == nil {
			return nil, err
		}
		keys := make([]txn.Key, 0, b.Len())
		for i := range b.Len() {
			key, err := e.x.rowOfEntry(w.ti, b.Key(i))
			if err != nil {
				return nil, err
			}
			if !there || string(key) != string(self.Bytes) {
				keys = append(keys, txn.Key{Group: b.GroupOf(i), Bytes: key})
			}
		}
		if other, err := w.excludedBy(ctx, e, row, keys); err != nil || other != nil {
			return other, err
		}
	}
}

// excludedBy looks for a row that another may not be beside among those under some keys.
func (w *widener) excludedBy(ctx context.Context, e *exclusion, row []types.Datum, keys []txn.Key) ([]types.Datum, error) {
	vers := make([]txn.Version, len(keys))
	if err := w.c.Txn.Get(ctx, txn.ReadOptions{TS: topo.MaxTimestamp, Own: txn.LatestSeq}, keys, vers); err != nil {
		return nil, err
	}
	for i := range keys {
		other, err := w.inTheWay(e, row, &vers[i])
		if err != nil {
			return nil, err
		}
		if other == nil {
			continue
		}
		// Whoever is deleting it may take it out of the way.
		if err := w.c.Txn.Probe(ctx, keys[i:i+1], vers[i:i+1]); err != nil {
			return nil, err
		}
		if other, err = w.inTheWay(e, row, &vers[i]); err != nil || other != nil {
			return other, err
		}
	}
	return nil, nil
}

// inTheWay returns the row of a version, wide, if it and a row exclude each other.
func (w *widener) inTheWay(e *exclusion, row []types.Datum, v *txn.Version) ([]types.Datum, error) {
	if !v.Exists() {
		return nil, nil
	}
	other, err := w.ti.decode(make([]types.Datum, 0, w.ti.width()), v.Value)
	if err != nil {
		return nil, err
	}
	if other, err = w.wide(other); err != nil || e.spares(other) {
		return nil, err
	}
	if both, err := e.excludes(w.eval(), other, row); err != nil || !both {
		return nil, err
	}
	return other, nil
}

// checkExclusion is CheckUnique for an exclusion constraint: rows that are still as they were when they were written.
func (s *Store) checkExclusion(ctx context.Context, ti *tableInfo, x *indexInfo, rows [][]types.Datum) error {
	w := &widener{c: s.c, ti: ti}
	for _, e := range ti.exclusions() {
		if e.x != x {
			continue
		}
		for _, row := range rows {
			wide, err := w.wide(append(make([]types.Datum, 0, ti.width()), row...))
			if err != nil {
				return err
			}
			now, err := w.now(ctx, wide)
			if err != nil {
				return err
			}
			if now == nil || string(appendColumns(nil, x.cols, now)) != string(appendColumns(nil, x.cols, wide)) || e.spares(now) {
				continue // what it has become was queued again
			}
			other, err := w.excluded(ctx, e, now, true)
			if err != nil {
				return err
			}
			if other != nil {
				return errExcluded(s.c, ti.t, x, now, other)
			}
		}
	}
	return nil
}

// now returns the row under a row's key as the transaction sees it, wide; nil if it is gone.
func (w *widener) now(ctx context.Context, row []types.Datum) ([]types.Datum, error) {
	var v [1]txn.Version
	if err := w.c.Txn.Get(ctx, Latest, []txn.Key{w.ti.rowTxnKey(row, w.c.SlotMap)}, v[:]); err != nil || !v[0].Exists() {
		return nil, err
	}
	now, err := w.ti.decode(make([]types.Datum, 0, w.ti.width()), v[0].Value)
	if err != nil {
		return nil, err
	}
	return w.wide(now)
}

// ValidateExclusion implements ddl.Backend. Rows with the same equal values are compared each with each.
func (b *Backend) ValidateExclusion(ctx context.Context, t *catalog.Table, con *catalog.Constraint) error {
	b.know(t)
	ti := newTableInfo(t)
	var e *exclusion
	for _, k := range ti.exclusions() {
		if k.x.con.OID == con.OID {
			e = k
		}
	}
	if e == nil {
		return pgerr.Internal("exec: constraint %q has no index", con.Name)
	}
	o, err := b.readNow(ctx)
	if err != nil {
		return err
	}
	w := &widener{c: b.C, ti: ti}
	met := map[string][][]types.Datum{}
	size := 0
	return b.eachBatch(ctx, ti, o, true, func() batchFunc {
		return func(_ context.Context, tb *txn.Batch) error {
			if tb == nil {
				return nil
			}
			for i := range tb.Len() {
				row, err := ti.decode(make([]types.Datum, 0, ti.width()), tb.Value(i))
				if err != nil {
					return err
				}
				if row, err = w.wide(row); err != nil {
					return err
				}
				if e.spares(row) {
					continue
				}
				key := string(appendColumns(nil, e.eq, row))
				for _, other := range met[key] {
					both, err := e.excludes(w.eval(), other, row)
					if err != nil {
						return err
					}
					if both {
						return errExcludes(b.C, t, e.x, other, row)
					}
				}
				if size += len(tb.Value(i)) + 32*len(row); size > maxValidated {
					return pgerr.New(pgerr.OutOfMemory, "out of memory").WithDetail("The rows of exclusion constraint %q take more than %d MB.", con.Name, maxValidated>>20)
				}
				met[key] = append(met[key], row)
			}
			return nil
		}
	})
}

// maxValidated bounds the memory, in bytes, for the rows that a new exclusion constraint compares.
const maxValidated = 1 << 30
