package exec

import (
	"bytes"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Triggers of the tables that a statement writes itself.

// hasTriggers reports whether one of the plan's tables has triggers.
func hasTriggers(n *planner.ModifyTable) bool {
	return len(n.Table.Triggers) > 0 || slices.ContainsFunc(n.Leaves, func(l planner.Leaf) bool { return len(l.Table.Triggers) > 0 })
}

// triggerEvents are the events of a statement in the order in which their BEFORE triggers of statements fire.
func (m *modifyOp) triggerEvents() []catalog.TriggerType {
	switch m.n.Kind {
	case planner.Update:
		return []catalog.TriggerType{catalog.TriggerUpdate}
	case planner.Delete:
		return []catalog.TriggerType{catalog.TriggerDelete}
	case planner.Insert:
		if c := m.n.Conflict; c != nil && !c.DoNothing {
			return []catalog.TriggerType{catalog.TriggerInsert, catalog.TriggerUpdate}
		}
		return []catalog.TriggerType{catalog.TriggerInsert}
	}
	var out []catalog.TriggerType
	for _, k := range []struct {
		kind  planner.Kind
		event catalog.TriggerType
	}{{planner.Insert, catalog.TriggerInsert}, {planner.Update, catalog.TriggerUpdate}, {planner.Delete, catalog.TriggerDelete}} {
		if slices.ContainsFunc(m.n.Actions, func(a planner.MergeAction) bool { return a.Kind == k.kind && !a.Nothing }) {
			out = append(out, k.event)
		}
	}
	return out
}

// setColumns are the columns that the statement's UPDATE sets.
func (m *modifyOp) setColumns() []catalog.AttNum {
	out := slices.Clone(m.n.Columns)
	if m.n.Conflict != nil {
		out = append(out, m.n.Conflict.Columns...)
	}
	for i := range m.n.Actions {
		if a := &m.n.Actions[i]; a.Kind == planner.Update {
			out = append(out, a.Columns...)
		}
	}
	return out
}

// beginTriggers prepares the tables' triggers and fires the statement's BEFORE triggers.
func (m *modifyOp) beginTriggers() error {
	// The triggers' own statements draw snapshots of their own.
	if _, err := m.r.readOptions(); err != nil {
		return err
	}
	set := m.setColumns()
	leaves := []*leaf{m.root}
	for _, l := range m.leaves {
		leaves = append(leaves, l)
	}
	for _, l := range leaves {
		var err error
		if l.w.fire, err = newFiring(m.r.c, l.ti.t, m.n.Table, l.at, set); err != nil {
			return err
		}
		m.single = m.single || l.w.fire != nil && l.w.fire.row != 0
	}
	if m.single && m.seen == nil && m.n.Kind != planner.Insert {
		m.seen = map[string]struct{}{}
	}
	for _, event := range m.triggerEvents() {
		if err := beforeStatement(m.r.ctx(), m.r.c, m.n.Table.Relation(), m.n.Table, event, set); err != nil {
			return err
		}
	}
	return nil
}

// endTriggers queues the statement's AFTER triggers.
func (m *modifyOp) endTriggers() error {
	events := m.triggerEvents()
	slices.Reverse(events)
	for _, event := range events {
		if err := afterStatement(m.r.c, m.n.Table.Relation(), m.n.Table, event, m.setColumns()); err != nil {
			return err
		}
	}
	return nil
}

// beforeInsert fires the BEFORE triggers of a leaf's new row; nil: it is not to be inserted.
func (m *modifyOp) beforeInsert(l *leaf, row []types.Datum) ([]types.Datum, error) {
	if !l.w.fire.rows(catalog.TriggerInsert) {
		return row, nil
	}
	out, err := l.w.fire.before(catalog.TriggerInsert, nil, row)
	if err != nil || out == nil || l.w.within == 0 {
		return out, err
	}
	if in, err := fits(m.r.c, l.ti.t, out); err != nil || !in {
		if err == nil {
			err = errBound(m.r.c, l.ti.t, l.w.failing(out))
		}
		return nil, err
	}
	return out, nil
}

// target is a row that is to be changed: its lock request and what was found under it.
type target struct {
	l      *leaf
	req    *txn.LockRequest
	locked *txn.Locked
	verb   string // of the error for a row that a trigger has changed: "updated" or "deleted"
}

// met refuses a row that a trigger of the running statement has changed since the statement read it in version ts.
func (m *modifyOp) met(t *target, event catalog.TriggerType, ts uint64) error {
	if !t.l.w.fire.rows(event) || !t.locked.Version.Own || t.locked.Skipped {
		return nil
	}
	if ts == 0 { // the transaction's own row: as it was when the statement began
		var was [1]txn.Version
		opts, err := m.r.readOptions()
		if err != nil {
			return err
		}
		if err := m.r.c.Txn.Get(m.r.ctx(), opts, []txn.Key{t.req.Key}, was[:]); err != nil {
			return err
		}
		if bytes.Equal(was[0].Value, t.locked.Version.Value) {
			return nil
		}
	}
	return errModifiedByTrigger(t.verb)
}

// before fires the BEFORE triggers of a locked row; it returns what is to be written, nil for a row to be left alone. A row
// that the triggers have changed themselves is an error.
func (m *modifyOp) before(t *target, event catalog.TriggerType, old, new []types.Datum) ([]types.Datum, error) {
	f := t.l.w.fire
	if !f.rows(event) {
		if event == catalog.TriggerDelete {
			return old, nil
		}
		return new, nil
	}
	seq := m.r.c.Txn.LastSeq()
	row, err := f.before(event, old, new)
	if err != nil || row == nil {
		return nil, err
	}
	if m.r.c.Txn.LastSeq() != seq {
		var now [1]txn.Version
		if err := m.r.c.Txn.Get(m.r.ctx(), Latest, []txn.Key{t.req.Key}, now[:]); err != nil {
			return nil, err
		}
		if !bytes.Equal(now[0].Value, t.locked.Version.Value) {
			return nil, errModifiedByTrigger(t.verb)
		}
	}
	if event == catalog.TriggerUpdate && t.req.Mode < lock.Update && changesKey(t.l, old, row) {
		req, locked := [1]txn.LockRequest{*t.req}, [1]txn.Locked{}
		req[0].Mode = lock.Update
		return row, m.r.c.Txn.Lock(m.r.ctx(), req[:], lock.Wait, locked[:])
	}
	return row, nil
}

// beforeConflict is before for the row that ON CONFLICT DO UPDATE found, which it has locked.
func (m *modifyOp) beforeConflict(l *leaf, key txn.Key, old, new []types.Datum) ([]types.Datum, error) {
	var was [1]txn.Version
	if err := m.r.c.Txn.Get(m.r.ctx(), Latest, []txn.Key{key}, was[:]); err != nil {
		return nil, err
	}
	t := target{l, &txn.LockRequest{Key: key, Mode: lock.NoKeyUpdate}, &txn.Locked{Version: was[0]}, "updated"}
	return m.before(&t, catalog.TriggerUpdate, old, new)
}

// changesKey reports whether two rows differ in a key column.
func changesKey(l *leaf, old, new []types.Datum) bool {
	for i := range new {
		if !l.ti.keyAttr[i] {
			continue
		}
		a, b := old[i], new[i]
		if a.IsNull() != b.IsNull() || !a.IsNull() && !types.Equal(l.ti.t.Columns[i].Type.Oid, a, b) {
			return true
		}
	}
	return false
}
