package planner

import (
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// planMerge plans MERGE: a join that yields each source row with the reference of the target row that it matches, NULL for
// none, and the actions over it.
func (q *query) planMerge(d *sema.DML, m *ModifyTable) error {
	s := &query{b: q.b, q: d.Source, up: q, unit: q.unit, depth: q.depth + 1, rowRefs: map[int]bool{d.Target: true}, refUse: TableWritten}
	s.pullUp(true)
	ctes, err := s.planCTEs()
	if err != nil {
		return err
	}
	on := d.Source.From.(*sema.Join).On
	s.extra = append(s.extra, on) // it is judged again for a target row that changed meanwhile
	keys := keyAttributes(d)
	for _, a := range d.Actions {
		s.extra = append(s.extra, present(append([]expr.Node{a.Cond}, a.Set...))...)
		for _, c := range a.Columns {
			if a.Kind == sema.Update && keys[c] {
				// The old value tells whether the key really changes.
				col := &d.Table.Columns[c-1]
				s.extra = append(s.extra, &expr.Var{Rel: d.Target, Col: int(c) - 1, Type: col.Type, Name: col.Name, Loc: -1})
			}
		}
	}
	f, err := s.planFrom()
	if err != nil {
		return err
	}
	m.Input = f.node
	if len(ctes) > 0 {
		m.Input = &With{Props: q.b.props(f.node.Base().Types, f.rows()), Input: f.node, CTEs: ctes}
	}
	m.Target = s.lockTarget(d.Target, f.lay, lock.NoKeyUpdate)
	if m.Recheck, err = s.scalar(on, f.lay, nil); err != nil {
		return err
	}
	for _, a := range d.Actions {
		act := MergeAction{Matched: a.Matched, Nothing: a.Nothing, Columns: a.Columns,
			Kind: map[sema.DMLKind]Kind{sema.Insert: Insert, sema.Update: Update, sema.Delete: Delete}[a.Kind]}
		if a.Cond != nil {
			if act.Cond, err = s.scalar(a.Cond, f.lay, nil); err != nil {
				return err
			}
		}
		if act.Set, err = s.scalars(a.Set, f.lay, nil); err != nil {
			return err
		}
		m.Actions = append(m.Actions, act)
	}
	if err := q.planLeaves(d, m); err != nil {
		return err
	}
	return q.planChecks(d, m)
}

// present leaves out the nil nodes of a list.
func present(ns []expr.Node) []expr.Node {
	var out []expr.Node
	for _, n := range ns {
		if n != nil {
			out = append(out, n)
		}
	}
	return out
}
