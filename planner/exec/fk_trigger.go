package exec

import (
	"bytes"
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/fk"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Triggers of what the actions of foreign keys write. To PostgreSQL an action is a statement on the table that has the
// foreign key, whose AFTER triggers wait for the end of the statement that caused it.

// firing returns what fires the triggers of a table that an action of k writes; cols (attnum-1) are what it sets.
func (s *Store) firing(k *fk.Key, t *catalog.Table, cols []int) (*firing, error) {
	if len(t.Triggers) == 0 && len(k.DeclaredOn.Triggers) == 0 {
		return nil, nil
	}
	var at []int
	if t != k.DeclaredOn {
		at = k.DeclaredOn.ColumnsIn(t)
	}
	return newFiring(s.c, t, k.DeclaredOn, at, declaredColumns(k, cols))
}

// writerFor returns the writer of an action's child table.
func (s *Store) writerFor(k *fk.Key, cols []int) (*storeWriter, error) {
	w := s.writer(k.Child)
	var err error
	w.fire, err = s.firing(k, k.Child, cols)
	return w, err
}

var _ fk.Acting = (*Store)(nil)

// Begin implements fk.Acting.
func (s *Store) Begin(ctx context.Context, k *fk.Key, deletes bool, cols []int) (end func() error, err error) {
	t := k.DeclaredOn
	if len(t.Triggers) == 0 {
		return nil, nil
	}
	event := catalog.TriggerUpdate
	if deletes {
		event = catalog.TriggerDelete
	}
	updated := declaredColumns(k, cols)
	if err := beforeStatement(ctx, s.c, t.Relation(), t, event, updated); err != nil {
		return nil, err
	}
	return func() error { return afterStatement(s.c, t.Relation(), t, event, updated) }, nil
}

// declaredColumns are columns (attnum-1) of an action's child in the table that has the foreign key.
func declaredColumns(k *fk.Key, cols []int) []catalog.AttNum {
	var out []catalog.AttNum
	for _, c := range cols {
		if k.DeclaredOn == k.Child {
			out = append(out, catalog.AttNum(c+1))
		} else if col := k.DeclaredOn.ColumnByName(k.Child.Columns[c].Name); col != nil {
			out = append(out, col.Num)
		}
	}
	return out
}

// rows reports whether there are BEFORE triggers of rows for an event: then rows are written one by one.
func (f *firing) rows(event catalog.TriggerType) bool { return f != nil && f.row&event != 0 }

// deleteFired deletes a row that an action has locked, unless a trigger keeps it.
func (w *storeWriter) deleteFired(ctx context.Context, row []types.Datum) error {
	var keep []types.Datum
	err := w.unchanged(row, "deleted", func() (err error) {
		keep, err = w.fire.before(catalog.TriggerDelete, row, nil)
		return err
	}, func() bool { return keep == nil })
	if err != nil || keep == nil {
		return err
	}
	return w.Delete(ctx, [][]types.Datum{row})
}

// beforeUpdate fires the BEFORE triggers of a row that an action changes; nil: it is to be left alone.
func (w *storeWriter) beforeUpdate(row, new []types.Datum) (out []types.Datum, err error) {
	err = w.unchanged(row, "updated", func() (err error) {
		out, err = w.fire.before(catalog.TriggerUpdate, row, new)
		return err
	}, func() bool { return out == nil })
	return out, err
}

// unchanged runs triggers and refuses a row that they have changed themselves, unless it is left alone.
func (w *Writer) unchanged(row []types.Datum, verb string, run func() error, skip func() bool) error {
	seq := w.c.Txn.LastSeq()
	key, _ := w.rowKey(row)
	var was, is [1]txn.Version
	keys := []txn.Key{key}
	if err := w.c.Txn.Get(w.c.Context, Latest, keys, was[:]); err != nil {
		return err
	}
	if err := run(); err != nil {
		return err
	}
	if w.c.Txn.LastSeq() == seq || skip() {
		return nil
	}
	if err := w.c.Txn.Get(w.c.Context, Latest, keys, is[:]); err != nil {
		return err
	}
	if !bytes.Equal(was[0].Value, is[0].Value) {
		return errModifiedByTrigger(verb)
	}
	return nil
}
