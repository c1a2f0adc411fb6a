package exec

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
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
func (s *Store) DeleteRows(ctx context.Context, t *catalog.Table, rows [][]types.Datum) error {
	s.c.Txn.UseTable(t.VersionTag())
	return s.writer(t).Delete(ctx, rows)
}

// UpdateRows implements fk.Store.
func (s *Store) UpdateRows(ctx context.Context, t *catalog.Table, rows [][]types.Datum, cols []int, vals [][]types.Datum) error {
	s.c.Txn.UseTable(t.VersionTag())
	w := s.writer(t)
	if !w.ready {
		var err error
		if w.checks, err = StoredChecks(s.c, t); err != nil {
			return err
		}
		if w.generated, err = StoredGenerated(s.c, t); err != nil {
			return err
		}
		w.ready = true
	}
	width := len(t.Columns)
	flat := make([]types.Datum, 0, width*len(rows))
	next := make([][]types.Datum, len(rows))
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
		if err := generate(w.r.eval, w.generated, n); err != nil {
			return err
		}
		if err := w.check(w.r, w.checks, n); err != nil {
			return err
		}
		next[i] = n
	}
	return w.Update(ctx, rows, next)
}

// Defaults implements fk.Store.
func (s *Store) Defaults(_ context.Context, t *catalog.Table, cols []int) ([]types.Datum, error) {
	out := make([]types.Datum, len(cols))
	for i, c := range cols {
		var err error
		if out[i], err = StoredDefault(s.c, t, &t.Columns[c]); err != nil {
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
