package exec

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// MERGE. For each joined row the first WHEN clause that holds is the action. Targets that are to be changed are locked, many
// at a time; where one is found changed since the snapshot (READ COMMITTED), the join's condition and the WHEN clauses are
// judged again by its latest version, and a row that no longer matches goes to WHEN NOT MATCHED. Actions take effect in the
// order of the rows: those of one kind that follow each other are written together.

// mergeRow is a joined row with its action.
type mergeRow struct {
	wide []types.Datum // the input row
	act  *planner.MergeAction
	set  []types.Datum // the values of act.Set
	lock int           // position of the target's lock request, -1 for an action that changes no target row
	ts   topo.Timestamp
	leaf *leaf // the table of the target row
}

// mergeRun are rows of one kind of action, in one table, that were not written yet.
type mergeRun struct {
	kind     planner.Kind
	leaf     *leaf
	old, new [][]types.Datum
}

func errMergeTwice() error {
	return pgerr.New(pgerr.CardinalityViolation, "MERGE command cannot affect row a second time").
		WithHint("Ensure that not more than one source row matches any one target row.")
}

// merge does what MERGE does with input rows [from, to).
func (m *modifyOp) merge(from, to int) error {
	for from < to {
		m.flat = m.flat[:0]
		rows, next, failed := m.decide(from, to)
		if err := m.mergeRows(rows); err != nil {
			return err
		}
		if failed != nil {
			return failed
		}
		from = next
	}
	return nil
}

// decide chooses the actions of input rows from on, up to one whose target is among the locked already. What fails is to be
// reported after the rows before it have been written.
func (m *modifyOp) decide(from, to int) (rows []mergeRow, next int, failed error) {
	t := &m.n.Target
	m.reqs = m.reqs[:0]
	asked := map[string]struct{}{}
	for i := from; i < to; i++ {
		row := mergeRow{wide: m.b.Row(i), lock: -1}
		matched := !m.b.Cols[t.Ref].IsNull(i)
		if failed = m.choose(&row, matched); failed != nil {
			return rows, i, failed
		}
		if row.act == nil || row.act.Nothing {
			continue
		}
		if row.act.Kind != planner.Insert {
			key, ts := rowRef(m.b, t.Ref, i)
			if _, twice := m.seen[string(key.Bytes)]; twice {
				return rows, i, errMergeTwice()
			}
			if _, twice := asked[string(key.Bytes)]; twice {
				return rows, i, nil
			}
			asked[string(key.Bytes)] = struct{}{}
			if row.leaf, failed = m.leafOf(key.Bytes); failed != nil {
				return rows, i, failed
			}
			row.lock, row.ts = len(m.reqs), ts
			m.reqs = append(m.reqs, txn.LockRequest{Key: key, Mode: m.mergeMode(&row)})
		}
		rows = append(rows, row)
	}
	return rows, to, nil
}

// choose finds a row's action, nil for none, and computes its values.
func (m *modifyOp) choose(row *mergeRow, matched bool) error {
	row.act, row.set = nil, nil
	for i := range m.n.Actions {
		a := &m.n.Actions[i]
		if a.Matched != matched {
			continue
		}
		if a.Cond != nil {
			d, err := m.r.evalRow(a.Cond, row.wide)
			if err != nil {
				return err
			}
			if d.IsNull() || !d.Bool() {
				continue
			}
		}
		row.act = a
		break
	}
	if row.act == nil {
		return nil
	}
	row.set = make([]types.Datum, len(row.act.Set))
	for i, s := range row.act.Set {
		if s == nil {
			continue
		}
		var err error
		if row.set[i], err = m.r.evalRow(s, row.wide); err != nil {
			return err
		}
	}
	return nil
}

// mergeMode is the lock that an action needs on its target.
func (m *modifyOp) mergeMode(row *mergeRow) lock.Mode {
	if row.act.Kind == planner.Delete {
		return lock.Update
	}
	for k, c := range row.act.Columns {
		if !row.leaf.ti.keyAttr[row.leaf.column(c)] {
			continue
		}
		at := m.n.Target.Cols[c-1]
		if at < 0 {
			return lock.Update
		}
		old, new := row.wide[at], row.set[k]
		if old.IsNull() != new.IsNull() || !old.IsNull() && !types.Equal(m.n.Table.Columns[c-1].Type.Oid, old, new) {
			return lock.Update
		}
	}
	return lock.NoKeyUpdate
}

// mergeRows locks the targets of rows and carries the actions out.
func (m *modifyOp) mergeRows(rows []mergeRow) error {
	if cap(m.lock_) < len(m.reqs) {
		m.lock_ = make([]txn.Locked, len(m.reqs))
	}
	m.lock_ = m.lock_[:len(m.reqs)]
	if len(m.reqs) > 0 {
		if err := m.r.c.Txn.Lock(m.r.ctx(), m.reqs, lock.Wait, m.lock_); err != nil {
			return err
		}
	}
	var run mergeRun
	for i := range rows {
		err := m.mergeOne(&run, &rows[i])
		if err != nil {
			if dup := m.writeRun(&run); dup != nil {
				return dup
			}
			return err
		}
	}
	return m.writeRun(&run)
}

// mergeOne adds a row's action to the run.
func (m *modifyOp) mergeOne(run *mergeRun, row *mergeRow) error {
	if row.lock < 0 {
		return m.mergeInsert(run, row)
	}
	t := target{row.leaf, &m.reqs[row.lock], &m.lock_[row.lock], "updated or deleted"}
	if event := mergeEvent(row.act.Kind); event != 0 {
		if err := m.met(&t, event, uint64(row.ts)); err != nil {
			return err
		}
	}
	old, matched, err := m.judgeAgain(row)
	if err != nil {
		return err
	}
	if !matched {
		if err := m.choose(row, false); err != nil || row.act == nil || row.act.Nothing {
			return err
		}
		return m.mergeInsert(run, row)
	}
	if row.act == nil || row.act.Nothing {
		return nil
	}
	m.seen[string(m.reqs[row.lock].Key.Bytes)] = struct{}{}
	if row.act.Kind == planner.Delete {
		gone, err := m.before(&t, catalog.TriggerDelete, old, nil)
		if err != nil || gone == nil {
			return err
		}
		return m.extend(run, planner.Delete, row.leaf, old, nil)
	}
	return m.mergeUpdate(run, row, &t, old)
}

func mergeEvent(k planner.Kind) catalog.TriggerType {
	switch k {
	case planner.Update:
		return catalog.TriggerUpdate
	case planner.Delete:
		return catalog.TriggerDelete
	}
	return 0
}

func (m *modifyOp) mergeUpdate(run *mergeRun, row *mergeRow, t *target, old []types.Datum) error {
	l := row.leaf
	new := m.rowOf(len(old))
	copy(new, old)
	for k, c := range row.act.Columns {
		new[l.column(c)] = row.set[k]
	}
	new, err := m.before(t, catalog.TriggerUpdate, old, new)
	if err != nil || new == nil {
		return err
	}
	moves, err := m.moves(l, new)
	if err != nil {
		return err
	}
	if moves {
		if err := m.writeRun(run); err != nil {
			return err
		}
		return m.move(l, old, new, -1)
	}
	if err := m.finishIn(l, new); err != nil {
		return err
	}
	return m.extend(run, planner.Update, l, old, new)
}

// judgeAgain returns the target's locked version. Where it is not the one that the action was chosen for, the action is
// chosen anew; matched is false where the row is gone or the join's condition no longer holds.
func (m *modifyOp) judgeAgain(row *mergeRow) (old []types.Datum, matched bool, err error) {
	l := row.leaf
	old, moved, err := current(l.ti, &m.lock_[row.lock], row.ts, m.rowOf(len(l.ti.t.Columns))[:0])
	if err != nil || old == nil || !moved {
		return old, old != nil, err
	}
	replaceTarget(&m.n.Target, row.wide, rootRow(l.at, old), &m.lock_[row.lock])
	d, err := m.r.evalRow(m.n.Recheck, row.wide)
	if err != nil || d.IsNull() || !d.Bool() {
		return nil, false, err
	}
	if err := m.choose(row, true); err != nil || row.act == nil || row.act.Nothing {
		return old, true, err
	}
	req := &m.reqs[row.lock]
	if mode := m.mergeMode(row); mode > req.Mode {
		req.Mode = mode
		return old, true, m.r.c.Txn.Lock(m.r.ctx(), m.reqs[row.lock:row.lock+1], lock.Wait, m.lock_[row.lock:row.lock+1])
	}
	return old, true, nil
}

func (m *modifyOp) mergeInsert(run *mergeRun, row *mergeRow) error {
	new := m.newRow()
	copy(new, row.set)
	l, new, err := m.newLeafRow(new)
	if err != nil {
		return err
	}
	if new, err = m.beforeInsert(l, new); err != nil || new == nil {
		return err
	}
	if err := m.finishIn(l, new); err != nil {
		return err
	}
	return m.extend(run, planner.Insert, l, nil, new)
}

// extend adds a row to the run, which is written first if it is of another kind or table.
func (m *modifyOp) extend(run *mergeRun, kind planner.Kind, l *leaf, old, new []types.Datum) error {
	if run.kind != kind || run.leaf != l {
		if err := m.writeRun(run); err != nil {
			return err
		}
		run.kind, run.leaf = kind, l
	}
	run.old, run.new = append(run.old, old), append(run.new, new)
	return nil
}

// writeRun writes the rows of a run and empties it, though they fail: what of them was written would collide with itself.
func (m *modifyOp) writeRun(run *mergeRun) error {
	n := len(run.old)
	if n == 0 {
		return nil
	}
	before, after := run.old, run.new
	run.old, run.new = nil, nil
	var err error
	switch run.kind {
	case planner.Insert:
		err = run.leaf.w.Insert(m.r.ctx(), after)
	case planner.Update:
		err = run.leaf.w.Update(m.r.ctx(), before, after)
	case planner.Delete:
		err = run.leaf.w.Delete(m.r.ctx(), before)
	}
	if err != nil {
		return err
	}
	if m.n.Main {
		m.r.written += int64(n)
	}
	return nil
}
