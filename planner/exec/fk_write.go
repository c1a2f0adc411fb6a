package exec

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/fk"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The writes of referential actions go through the Writer like any statement's, so that index entries, NOT NULL, CHECK,
// unique keys and the foreign keys further down are looked after.

// storeWriter writes one table for the actions of a statement.
type storeWriter struct {
	*Writer
	r         *run
	generated []planner.Generated
	checks    []planner.Check
	ready     bool // generated and checks are set
}

func (s *Store) writer(t *catalog.Table) *storeWriter {
	w := s.writers[t.OID]
	if w == nil || w.ti.t != t {
		w = &storeWriter{Writer: NewWriter(s.c, t), r: &run{execution: &execution{c: s.c, own: txn.LatestSeq}, eval: s.c.Eval}}
		s.writers[t.OID] = w
	}
	return w
}

// DeleteRows implements fk.Store.
func (s *Store) DeleteRows(ctx context.Context, k *fk.Key, rows [][]types.Datum) error {
	t := k.Child
	s.c.Txn.UseTable(t.VersionTag())
	w, err := s.writerFor(k, nil)
	if err != nil {
		return err
	}
	if !w.fire.rows(catalog.TriggerDelete) {
		return w.Delete(ctx, rows)
	}
	for _, row := range rows {
		if err := w.deleteFired(ctx, row); err != nil {
			return err
		}
	}
	return nil
}

// UpdateRows implements fk.Store.
func (s *Store) UpdateRows(ctx context.Context, k *fk.Key, rows [][]types.Datum, cols []int, vals [][]types.Datum) error {
	t := k.Child
	s.c.Txn.UseTable(t.VersionTag())
	if err := s.prepared(t); err != nil {
		return err
	}
	w, err := s.writerFor(k, cols)
	if err != nil {
		return err
	}
	width := len(t.Columns)
	flat := make([]types.Datum, 0, width*len(rows))
	old, next := make([][]types.Datum, 0, len(rows)), make([][]types.Datum, 0, len(rows))
	for i, row := range rows {
		flat = append(flat, row...)
		n := flat[len(flat)-len(row) : len(flat) : len(flat)]
		for j, c := range cols {
			typ := t.Columns[c].Type
			n[c] = vals[i][j]
			if typ.Mod >= 0 { // varchar(n) and its like: the parent's may be longer
				v, err := types.Cast(n[c], types.T(typ.Oid), typ, types.Assignment, ioEnv(s.c))
				if err != nil {
					return err
				}
				n[c] = v
			}
		}
		if w.fire.rows(catalog.TriggerUpdate) {
			var err error
			if n, err = w.beforeUpdate(row, n); err != nil {
				return err
			}
			if n == nil {
				continue
			}
		}
		if k.DeclaredOn != t {
			if in, err := fits(s.c, t, n); err != nil || !in {
				if err == nil {
					err = s.moveRow(ctx, k, w, row, n)
				}
				if err != nil {
					return err
				}
				continue
			}
		}
		if err := w.finish(n); err != nil {
			return err
		}
		if w.fire.rows(catalog.TriggerUpdate) {
			if err := w.Update(ctx, [][]types.Datum{row}, [][]types.Datum{n}); err != nil {
				return err
			}
			continue
		}
		old, next = append(old, row), append(next, n)
	}
	return w.Update(ctx, old, next)
}

// prepared makes the writer of a table able to complete and judge new rows.
func (s *Store) prepared(t *catalog.Table) error {
	w := s.writer(t)
	if w.ready {
		return nil
	}
	var err error
	if w.checks, err = StoredChecks(s.c, t); err != nil {
		return err
	}
	if w.generated, err = StoredGenerated(s.c, t); err != nil {
		return err
	}
	w.ready = true
	return nil
}

func (w *storeWriter) finish(row []types.Datum) error {
	if err := generate(w.r.eval, w.generated, row); err != nil {
		return err
	}
	return w.check(w.r, w.checks, row)
}

// moveRow takes a row that an action has changed to the partition that it belongs to now.
func (s *Store) moveRow(ctx context.Context, k *fk.Key, from *storeWriter, old, new []types.Datum) error {
	root := k.DeclaredOn
	at := root.ColumnsIn(k.Child)
	r := router{c: s.c, root: root, steps: map[catalog.Oid]*step{}}
	t, row, err := r.place(rootRow(at, new))
	if err != nil {
		return err
	}
	s.c.Txn.UseTable(t.VersionTag())
	if err := s.prepared(t); err != nil {
		return err
	}
	to := s.writer(t)
	if to.fire, err = s.firing(k, t, nil); err != nil {
		return err
	}
	if err := to.ti.number(ctx, s.c, row); err != nil {
		return err
	}
	if gone, err := from.fire.before(catalog.TriggerDelete, old, nil); err != nil || gone == nil {
		return err
	}
	if row, err = to.fire.before(catalog.TriggerInsert, nil, row); err != nil {
		return err
	}
	if row == nil {
		return from.Delete(ctx, [][]types.Datum{old})
	}
	if err := to.finish(row); err != nil {
		return err
	}
	return from.moveTo(ctx, to.Writer, root, old, row)
}

// Defaults implements fk.Store.
func (s *Store) Defaults(_ context.Context, k *fk.Key, cols []int) ([]types.Datum, error) {
	out := make([]types.Datum, len(cols))
	for i, c := range cols {
		col := &k.Child.Columns[c]
		if k.DeclaredOn != k.Child {
			col = k.DeclaredOn.ColumnByName(col.Name)
		}
		var err error
		if out[i], err = StoredDefault(s.c, k.DeclaredOn, col); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// CheckUnique implements fk.Store: it judges deferred keys. A row whose key was taken when it was written has no entry
// yet; it gets it here, once the former owner has let go.
func (s *Store) CheckUnique(ctx context.Context, t *catalog.Table, ix *catalog.Index, rows [][]types.Datum) error {
	ti := infoOf(t)
	x := ti.indexByOID(ix.OID)
	if x != nil && ix.Excludes() {
		return s.checkExclusion(ctx, ti, x, rows)
	}
	if x == nil || !x.global {
		return nil // a row key is judged when it is written
	}
	var judged [][]types.Datum
	var reqs []txn.LockRequest
	for _, row := range rows {
		if !x.absent(row) {
			judged = append(judged, row)
			reqs = append(reqs, txn.LockRequest{Key: x.entryKey(ti, row, 0, s.c.SlotMap), Mode: lock.Update, Latest: true})
		}
	}
	locked := make([]txn.Locked, len(reqs))
	if err := s.c.Txn.Lock(ctx, reqs, lock.Wait, locked); err != nil {
		return err
	}
	taken := map[string][]byte{}
	for i, row := range judged {
		loc := ti.locator(nil, ti.rowKeyOf(nil, row), ti.slotOf(row))
		have := locked[i].Version.Value
		if v, ok := taken[string(reqs[i].Key.Bytes)]; ok {
			have = v
		}
		if have != nil && string(have) != string(loc) {
			live, err := s.holds(ctx, ti, x, have, row)
			if err != nil {
				return err
			}
			if live {
				return errDuplicate(s.c, t, x, row)
			}
			have = nil
		}
		if have == nil {
			s.c.Txn.Put(reqs[i].Key, loc, 0)
		}
		taken[string(reqs[i].Key.Bytes)] = loc
	}
	return nil
}

// holds reports whether the row that a locator names is live and has row's values in the index's columns.
func (s *Store) holds(ctx context.Context, ti *tableInfo, x *indexInfo, locator []byte, row []types.Datum) (bool, error) {
	key, err := ti.follow(locator, s.c.SlotMap)
	if err != nil {
		return false, err
	}
	var v [1]txn.Version
	if err := s.c.Txn.Get(ctx, Latest, []txn.Key{key}, v[:]); err != nil || !v[0].Exists() {
		return false, err
	}
	other, err := ti.decode(nil, v[0].Value)
	if err != nil {
		return false, err
	}
	return string(appendColumns(nil, x.cols, other)) == string(appendColumns(nil, x.cols, row)), nil
}
