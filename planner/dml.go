package planner

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// planDML plans INSERT, UPDATE or DELETE.
func (b *builder) planDML(d *sema.DML, up *query, u *unit, main bool) (Node, error) {
	b.plan.Writes = true
	if d.Instead == nil {
		b.useTable(d.Table, TableWritten)
	}
	holder := &query{b: b, q: &sema.Query{CTEs: d.CTEs}, up: up, unit: u}
	if up != nil {
		holder.depth = up.depth + 1
	}
	ctes, err := holder.planCTEs()
	if err != nil {
		return nil, err
	}
	m := &ModifyTable{Table: d.Table, Main: main}
	switch {
	case d.Instead != nil:
		m.Kind = map[sema.DMLKind]Kind{sema.Insert: Insert, sema.Update: Update, sema.Delete: Delete}[d.Kind]
		err = holder.planInstead(d, m)
	case d.Kind == sema.Insert:
		m.Kind = Insert
		err = holder.planInsert(d, m)
	case d.Kind == sema.Merge:
		m.Kind = Merge
		err = holder.planMerge(d, m)
	default:
		m.Kind = Update
		if d.Kind == sema.Delete {
			m.Kind = Delete
		}
		err = holder.planChange(d, m)
	}
	if err != nil {
		return nil, err
	}
	var ts []types.Type
	for _, r := range d.Returning {
		ts = append(ts, r.Expr.ResultType())
	}
	m.Props = b.props(ts, m.Input.Base().Rows)
	m.ByRow = callsBack(d)
	if ctes = holder.usedCTEs(ctes); len(ctes) > 0 {
		return &With{Props: b.props(ts, m.Rows), Input: m, CTEs: ctes}, nil
	}
	return m, nil
}

// callsBack reports whether a statement calls volatile functions of users, which may look at the rows that it has written.
func callsBack(d *sema.DML) bool {
	found := false
	look := func(n expr.Node) {
		if n != nil {
			found = found || hasVolatileUser(n)
		}
	}
	eachQuery(d.Source, func(q *sema.Query) { eachExpr(q, look) })
	for _, n := range d.Defaults {
		look(n)
	}
	for _, t := range d.Returning {
		look(t.Expr)
	}
	return found
}

// tableLayout is the layout of a whole row: column attnum-1 at its place.
func tableLayout(t *catalog.Table, rel int) *layout {
	l := newLayout()
	for i := range t.Columns {
		l.add(varID{rel, i}, t.Columns[i].Type)
	}
	return l
}

// rowLayout is the layout of a row that was written: a whole row of the table, for a tree followed by tableoid.
func rowLayout(d *sema.DML, rel int) *layout {
	l := tableLayout(d.Table, rel)
	if d.Leaves != nil {
		l.add(varID{rel, len(d.Table.Columns)}, types.T(types.OidOid))
	}
	return l
}

// addWriter adds the system columns of a written row; a deleted one has its own.
func addWriter(l *layout, rel int) {
	for _, col := range []int{expr.XminCol, expr.XmaxCol} {
		id, t := varID{rel, col}, types.T(types.XidOid)
		if _, own := l.pos[id]; own {
			id.col -= 1000
		}
		l.add(id, t)
	}
}

// overTable is the state for expressions over the table's row alone.
func (q *query) overTable(t *catalog.Table) *query {
	return &query{b: q.b, q: &sema.Query{Rels: []*sema.RTE{{Kind: sema.RTETable, Table: t}, {Kind: sema.RTETable, Table: t}}}, up: q.up, unit: q.unit, depth: q.depth}
}

func (q *query) planInsert(d *sema.DML, m *ModifyTable) error {
	var err error
	if m.Input, err = q.b.planQuery(d.Source, q, q.unit, q.depth+1); err != nil {
		return err
	}
	t := d.Table
	m.Direct = make([]int, len(t.Columns))
	m.Values = make([]*Scalar, len(t.Columns))
	for i := range m.Direct {
		m.Direct[i] = -1
	}
	for i, c := range d.Columns {
		m.Direct[c-1] = i
	}
	over := q.overTable(t)
	for i := range t.Columns {
		if m.Direct[i] < 0 && i < len(d.Defaults) && d.Defaults[i] != nil {
			if m.Values[i], err = over.scalar(d.Defaults[i], nil, nil); err != nil {
				return err
			}
		}
	}
	if err := q.planChecks(d, m); err != nil {
		return err
	}
	if err := q.planLeaves(d, m); err != nil {
		return err
	}
	lay := rowLayout(d, 0)
	addWriter(lay, 0)
	for _, r := range d.Returning {
		s, err := over.scalar(r.Expr, lay, nil)
		if err != nil {
			return err
		}
		m.Returning = append(m.Returning, s)
	}
	if d.Conflict != nil {
		return q.planConflict(d, m)
	}
	return nil
}

func (q *query) planChecks(d *sema.DML, m *ModifyTable) error {
	over := q.overTable(d.Table)
	for _, c := range d.ViewChecks {
		if c.Expr == nil {
			continue
		}
		s, err := over.scalar(c.Expr, rowLayout(d, 0), nil)
		if err != nil {
			return err
		}
		m.ViewChecks = append(m.ViewChecks, Check{Name: c.View, Cond: s})
	}
	var err error
	if m.RowChecks, err = over.rowChecks(d, d.RowChecks); err != nil {
		return err
	}
	m.Generated, m.Checks, err = q.compileChecks(d.Table, d.Generated, d.Checks)
	return err
}

// rowChecks compiles what row-level security demands of a row.
func (q *query) rowChecks(d *sema.DML, list []sema.RowCheck) ([]Check, error) {
	var out []Check
	for _, c := range list {
		s, err := q.scalar(c.Expr, rowLayout(d, 0), nil)
		if err != nil {
			return nil, err
		}
		out = append(out, Check{Name: c.Policy, Cond: s})
	}
	return out, nil
}

// compileChecks compiles what judges and completes a new row of a table.
func (q *query) compileChecks(t *catalog.Table, generated []sema.GeneratedColumn, checks []sema.CheckConstraint) ([]Generated, []Check, error) {
	over, lay := q.overTable(t), tableLayout(t, 0)
	var gen []Generated
	for _, g := range generated {
		s, err := over.scalar(g.Expr, lay, nil)
		if err != nil {
			return nil, nil, err
		}
		gen = append(gen, Generated{Col: int(g.Num) - 1, Value: s})
	}
	var out []Check
	for _, c := range checks {
		s, err := over.scalar(c.Expr, lay, nil)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, Check{Name: c.Name, Cond: s})
	}
	return gen, out, nil
}

func (q *query) planConflict(d *sema.DML, m *ModifyTable) error {
	c := d.Conflict
	m.Conflict = &Conflict{DoNothing: c.DoNothing, Arbiters: c.Arbiters, Columns: c.Columns}
	over := q.overTable(d.Table)
	lay := rowLayout(d, 0).concat(rowLayout(d, 1))
	var err error
	if m.Conflict.Set, err = over.scalars(c.Set, lay, nil); err != nil {
		return err
	}
	if c.Where != nil {
		if m.Conflict.Where, err = over.scalar(c.Where, lay, nil); err != nil {
			return err
		}
	}
	if m.Conflict.ConflictChecks, err = over.rowChecks(d, c.ConflictChecks); err != nil {
		return err
	}
	m.Conflict.RowChecks, err = over.rowChecks(d, c.RowChecks)
	return err
}

// planChange plans UPDATE and DELETE: a scan or join that yields the target's row references, and what to do with them.
func (q *query) planChange(d *sema.DML, m *ModifyTable) error {
	s := &query{b: q.b, q: d.Source, up: q, unit: q.unit, depth: q.depth + 1, rowRefs: map[int]bool{d.Target: true}, refUse: TableWritten}
	s.pullUp(true)
	ctes, err := s.planCTEs()
	if err != nil {
		return err
	}
	for _, r := range d.Returning {
		s.extra = append(s.extra, r.Expr)
	}
	m.Columns = d.Columns
	if err := q.planLeaves(d, m); err != nil {
		return err
	}
	mode := lock.Update
	if m.Kind == Update {
		mode = lock.NoKeyUpdate
		keys := keyAttributes(d)
		for _, c := range d.Columns {
			if keys[c] {
				// The old value tells whether the key really changes.
				m.KeyChange = true
				s.extra = append(s.extra, &expr.Var{Rel: d.Target, Col: int(c) - 1, Type: d.Table.Columns[c-1].Type, Name: d.Table.Columns[c-1].Name, Loc: -1})
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
	m.Target = s.lockTarget(d.Target, f.lay, mode)
	m.Unique = f.scan != nil || onlyTarget(d.Source.From)
	if m.Recheck, err = s.recheck(f.lay); err != nil {
		return err
	}
	if m.Kind == Update {
		for _, t := range visibleTargets(d.Source) {
			sc, err := s.scalar(t.Expr, f.lay, nil)
			if err != nil {
				return err
			}
			m.Set = append(m.Set, sc)
		}
		if err := q.planChecks(d, m); err != nil {
			return err
		}
	}
	return s.planReturning(d, m, f.lay)
}

func onlyTarget(j interface{}) bool {
	if j, ok := j.(sema.JoinNode); ok {
		_, leaf := relOf(j)
		return leaf
	}
	return false
}

// planReturning compiles RETURNING over the target's row ++ the input row.
func (q *query) planReturning(d *sema.DML, m *ModifyTable, in *layout) error {
	lay := rowLayout(d, d.Target)
	for i, id := range in.ids {
		if id.rel == d.Target {
			// The input has the old row; RETURNING wants the new one, at its place in front.
			if id.col != expr.XminCol || m.Kind != Delete {
				id = varID{id.rel, -100 - i}
			}
		}
		lay.add(id, in.ts[i])
	}
	addWriter(lay, d.Target)
	for _, r := range d.Returning {
		s, err := q.scalar(r.Expr, lay, nil)
		if err != nil {
			return err
		}
		m.Returning = append(m.Returning, s)
	}
	return nil
}

// KeyAttributes returns the columns of a table's row key, of its placement, and of its unique indexes: an UPDATE that
// changes one takes the strong row lock.
func KeyAttributes(t *catalog.Table) map[catalog.AttNum]bool {
	out := map[catalog.AttNum]bool{}
	for _, c := range t.KeyColumns {
		out[c] = true
	}
	for _, c := range t.DistColumns {
		out[c] = true
	}
	for _, ix := range t.Indexes {
		if ix.Unique && ix.OnColumns() {
			for _, c := range ix.Columns {
				out[c.Num] = true
			}
		}
	}
	for _, c := range t.GeneratedColumns() {
		if out[c.Num] { // it changes with what it is computed of
			for _, n := range c.Uses {
				out[n] = true
			}
		}
	}
	return out
}
