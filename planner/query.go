package planner

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// planQuery plans one query; the output columns are its visible targets.
//
// The order of the steps is PostgreSQL's: FROM and WHERE, GROUP BY and aggregates, HAVING, window functions, set-returning targets,
// DISTINCT, ORDER BY, row locks, LIMIT.
func (b *builder) planQuery(s *sema.Query, up *query, u *unit, depth int) (Node, error) {
	s = withoutRows(s)
	q := &query{b: b, q: s, up: up, unit: u, depth: depth}
	q.pullUp(false)
	ctes, err := q.planCTEs()
	if err != nil {
		return nil, err
	}
	n, err := q.planBody()
	if err != nil {
		return nil, err
	}
	if ctes = q.usedCTEs(ctes); len(ctes) > 0 {
		n = &With{Props: b.props(n.Base().Types, n.Base().Rows), Input: n, CTEs: ctes}
	}
	return n, nil
}

// withoutRows turns a query with HAVING, but no aggregates and no keys, into one that reads nothing: it is about one group
// whose rows nothing asks for, as PostgreSQL sees it (create_degenerate_grouping_paths).
func withoutRows(s *sema.Query) *sema.Query {
	if s.Having == nil || s.HasAggs || len(s.GroupBy) > 0 || s.GroupingSets != nil {
		return s
	}
	c := *s
	c.From, c.Where, c.Having = nil, s.Having, nil
	return &c
}

func (q *query) planBody() (Node, error) {
	s := q.q
	switch {
	case s.SetOp != nil:
		n, err := q.planSetOp()
		if err != nil {
			return nil, err
		}
		return q.finishPlain(n)
	case s.LiteralRows != nil:
		ts := make([]types.Type, len(s.LiteralRows.Cols))
		for i := range ts {
			ts[i] = s.LiteralRows.Cols[i].Type
		}
		n := &LiteralRows{Props: q.b.props(ts, float64(s.LiteralRows.N)), Batch: s.LiteralRows}
		return q.finishPlain(n)
	case s.Values != nil:
		n, err := q.planValues()
		if err != nil {
			return nil, err
		}
		return q.finishPlain(n)
	}
	return q.planSelect()
}

func (q *query) planValues() (Node, error) {
	rows := make([][]*Scalar, len(q.q.Values))
	var ts []types.Type
	for i, r := range q.q.Values {
		var err error
		if rows[i], err = q.scalars(r, nil, nil); err != nil {
			return nil, err
		}
		if i == 0 {
			for _, e := range r {
				ts = append(ts, e.ResultType())
			}
		}
	}
	return &Values{Props: q.b.props(ts, float64(len(rows))), Rows: rows}, nil
}

// finishPlain adds ORDER BY and LIMIT over a node whose columns are the query's targets (VALUES, set operations).
// A junk target of such a query is an expression over its columns, Var{Rel: 0}.
func (q *query) finishPlain(n Node) (Node, error) {
	in := newLayout()
	for i, t := range n.Base().Types {
		in.add(varID{0, i}, t)
	}
	visible := 0
	var exprs []*Scalar
	for i, t := range q.q.Targets {
		if !t.Junk {
			visible++
			exprs = append(exprs, q.columnScalar(i, t.Expr.ResultType()))
			continue
		}
		sc, err := q.scalar(t.Expr, in, nil)
		if err != nil {
			return nil, err
		}
		exprs = append(exprs, sc)
	}
	if visible < len(q.q.Targets) {
		n = q.project(n, exprs)
	}
	n, err := q.sortAndLimit(n, nil)
	if err != nil || visible == len(q.q.Targets) {
		return n, err
	}
	return q.dropJunk(n), nil
}

func (q *query) columnScalar(i int, t types.Type) *Scalar {
	c := &expr.Column{Index: i, Type: t}
	return &Scalar{Node: c, From: c, Type: t}
}

// project computes exprs over n; an identity is left out.
func (q *query) project(n Node, exprs []*Scalar) Node {
	ts := make([]types.Type, len(exprs))
	passing := make([]int, 0, len(exprs))
	identity := len(exprs) == len(n.Base().Types)
	for i, e := range exprs {
		ts[i] = e.Type
		if c, ok := e.Node.(*expr.Column); ok && passing != nil {
			passing = append(passing, c.Index)
			identity = identity && c.Index == i
		} else {
			passing, identity = nil, false
		}
	}
	if identity {
		return n
	}
	p := &Project{Props: q.b.props(ts, n.Base().Rows), Input: n, Exprs: exprs, Passing: passing}
	volatile := 0
	for _, e := range exprs {
		if passing == nil && e.Node != nil && hasVolatile(e.Node) {
			volatile++
		}
		p.ByRow = p.ByRow || passing == nil && e.Node != nil && hasVolatileUser(e.Node)
	}
	p.ByRow = p.ByRow || volatile > 1
	return p
}

func (q *query) dropJunk(n Node) Node {
	var exprs []*Scalar
	for i, t := range q.q.Targets {
		if !t.Junk {
			exprs = append(exprs, q.columnScalar(i, n.Base().Types[i]))
		}
	}
	return q.project(n, exprs)
}

// planSelect plans everything that is neither VALUES nor a set operation: with and without an order to begin with.
func (q *query) planSelect() (Node, error) {
	best, err := q.planSelectBy()
	rel, ok := q.orderRel()
	if err != nil || !ok || q.b.variants == maxVariants {
		return best, err
	}
	q.b.variants++
	q.driver = rel + 1
	ordered, err := q.planSelectBy()
	q.driver = 0
	if err == errUnordered {
		return best, nil
	}
	if err != nil {
		return nil, err
	}
	c := coster{env: q.b.env}
	if c.of(ordered).total <= c.of(best).total {
		return ordered, nil
	}
	return best, nil
}

func (q *query) planSelectBy() (Node, error) {
	s := q.q
	q.sorted = nil
	q.prepareLocking()
	f, err := q.planFrom()
	if err != nil {
		return nil, err
	}
	n, in, rep, order := f.node, f.lay, replacer(nil), f.order
	if s.HasAggs || len(s.GroupBy) > 0 || s.GroupingSets != nil || s.Having != nil {
		if n, rep, order, err = q.planAggregate(n, in, order); err != nil {
			return nil, err
		}
		in = nil
		if s.Having != nil {
			if n, err = q.filter(n, []expr.Node{s.Having}, in, rep); err != nil {
				return nil, err
			}
		}
	}
	if len(s.Locking) > 0 {
		return q.finishLocking(n, f)
	}
	if s.HasWindows {
		if n, in, rep, order, err = q.planWindows(n, in, rep, order); err != nil {
			return nil, err
		}
	}
	if s.HasSRFs {
		n, err = q.projectSet(n, in, rep)
	} else {
		var exprs []*Scalar
		if exprs, err = q.targets(in, n.Base().Types, rep); err == nil {
			n, q.sorted, err = q.projectTargets(n, exprs)
		}
	}
	if err != nil {
		return nil, err
	}
	if s.Distinct {
		n, order = q.distinct(n, order)
	}
	if n, err = q.sortAndLimit(n, order); err != nil {
		return nil, err
	}
	return q.dropJunk(n), nil
}

// targets compiles the select list over rows of n. With an aggregate below (in nil), all columns come by rep.
func (q *query) targets(in *layout, ts []types.Type, rep replacer) ([]*Scalar, error) {
	if in == nil {
		in = &layout{ts: ts}
	}
	return q.scalars(q.targetExprs(), in, rep)
}

// targetExprs is the select list over what is below it: an entry that is a group key is a column of the aggregate.
func (q *query) targetExprs() []expr.Node {
	out := make([]expr.Node, len(q.q.Targets))
	for i, t := range q.q.Targets {
		if out[i] = t.Expr; t.Group > 0 {
			out[i] = &expr.Column{Index: t.Group - 1, Type: t.Expr.ResultType()}
		}
	}
	return out
}

// distinct drops duplicates, which a sorted input has one after the other. A hash table does not keep the order.
func (q *query) distinct(n Node, order *rowOrder) (Node, *rowOrder) {
	var cols []int
	var prints []string
	var exprs []expr.Node
	for i, t := range q.q.Targets {
		if !t.Junk {
			cols = append(cols, i)
			exprs = append(exprs, t.Expr)
			prints = append(prints, q.orderPrint(t.Expr))
		}
	}
	d := &Distinct{Props: q.b.props(n.Base().Types, q.groupRows(exprs, n.Base().Rows)), Input: n, Cols: cols}
	if d.Sorted = order.together(prints) && !q.q.HasSRFs; d.Sorted {
		return d, order
	}
	if a := q.distinctInParts(d); a != nil {
		return a, nil
	}
	return d, nil
}

// distinctInParts is a Distinct as groups that several workers make; nil where that cannot be done, or the first rows are
// wanted soon. Which of several values that are equal stays must not be seen.
func (q *query) distinctInParts(d *Distinct) *Aggregate {
	if q.q.Limit != nil || len(d.Cols) != len(d.Types) {
		return nil
	}
	a := &Aggregate{Props: d.Props, Input: d.Input, Parallel: true}
	for i, t := range d.Types {
		if !keyenc.KeyLossless(t.Oid) {
			return nil
		}
		c := &expr.Column{Index: i, Type: t}
		s, err := q.b.compile(c, c, d.Types)
		if err != nil {
			return nil
		}
		a.Keys = append(a.Keys, s)
	}
	if len(a.Keys) == 0 || !canParallel(a) {
		return nil
	}
	return a
}

// filter puts a Filter over n.
func (q *query) filter(n Node, conds []expr.Node, in *layout, rep replacer) (Node, error) {
	if len(conds) == 0 {
		return n, nil
	}
	if in == nil {
		in = &layout{ts: n.Base().Types}
	}
	c, err := q.scalar(andOf(conds), in, rep)
	if err != nil {
		return nil, err
	}
	return &Filter{Props: q.b.props(n.Base().Types, n.Base().Rows*q.allOf(conds)), Input: n, Cond: c, OneTime: isOneTime(c.Node)}, nil
}

// isOneTime reports whether a condition reads no input and is stable: it is then evaluated once.
func isOneTime(n expr.Node) bool {
	ok := true
	visit(n, func(m expr.Node) bool {
		switch m.(type) {
		case *expr.Column, *expr.Subquery:
			ok = false
		}
		return ok
	})
	return ok && !hasVolatile(n)
}

func andOf(conds []expr.Node) expr.Node {
	if len(conds) == 1 {
		return conds[0]
	}
	return &expr.BoolOp{Op: expr.And, Args: conds, Loc: -1}
}

// splitAnd appends the conjuncts of n.
func splitAnd(out []expr.Node, n expr.Node) []expr.Node {
	if n == nil {
		return out
	}
	if b, ok := n.(*expr.BoolOp); ok && b.Op == expr.And {
		for _, a := range b.Args {
			out = splitAnd(out, a)
		}
		return out
	}
	return append(out, n)
}

// sortAndLimit adds DISTINCT ON, ORDER BY and LIMIT over rows that are the query's targets, junk included. order is the
// order in which n's rows come already.
func (q *query) sortAndLimit(n Node, order *rowOrder) (Node, error) {
	s := q.q
	keys := q.sortKeys(n)
	limit, offset, err := q.limits()
	if err != nil {
		return nil, err
	}
	by, want := keys, q.orderBy()
	for _, c := range s.DistinctOn {
		if len(keys) > 0 && !slices.ContainsFunc(by, func(k SortKey) bool { return k.Col == c }) {
			// ORDER BY names but the first of the columns; the others follow it, as in PostgreSQL.
			by = append(slices.Clip(by), SortKey{Col: c, Type: n.Base().Types[c]})
			want = append(slices.Clip(want), orderKey{node: s.Targets[c].Expr, print: q.orderPrint(s.Targets[c].Expr)})
		}
	}
	srt := q.sort(n, by, want, order)
	if srt != nil {
		if limit != nil && !s.WithTies && s.DistinctOn == nil {
			srt.Limit, srt.Off = limit, offset
		}
		n = srt
	}
	if s.DistinctOn != nil {
		n = &Distinct{Props: q.b.props(n.Base().Types, n.Base().Rows/2), Input: n, Cols: s.DistinctOn, Sorted: len(keys) > 0}
	}
	if q.sorted != nil {
		if n, err = q.sorted(n); err != nil {
			return nil, err
		}
	}
	return q.limit(n, limit, offset, keys), nil
}

// sort sorts rows that come in some order; nil: they need not be sorted. want are keys in the terms of that order.
func (q *query) sort(n Node, keys []SortKey, want []orderKey, order *rowOrder) *Sort {
	if len(keys) == 0 {
		return nil
	}
	done := order.covers(want)
	if done == len(want) {
		return nil
	}
	return &Sort{Props: q.b.props(n.Base().Types, n.Base().Rows), Input: n, Keys: keys, Presorted: done,
		Runs: q.groupsOf(want[:done], n.Base().Rows)}
}

func (q *query) limit(n Node, limit, offset *Scalar, keys []SortKey) Node {
	if limit == nil && offset == nil {
		return n
	}
	rows := n.Base().Rows
	if limit != nil {
		if c, ok := constInt(q.b.bind(limit.From)); ok {
			rows = min(rows, float64(c))
		} else {
			rows /= 10 // PostgreSQL's guess
		}
	}
	l := &Limit{Read: q.limitRows(n.Base().Rows), Props: q.b.props(n.Base().Types, rows), Input: n, Limit: limit, Offset: offset}
	if q.q.WithTies {
		l.Ties = append([]SortKey{}, keys...) // not nil, though all keys may be constants: then all rows tie
	}
	return l
}

// constInt is the value of a LIMIT or OFFSET that is a literal.
func constInt(n expr.Node) (int64, bool) {
	if k, ok := n.(*expr.Cast); ok {
		n = k.Arg
	}
	c, ok := n.(*expr.Const)
	if !ok || c.Value.IsNull() || c.Value.Kind() != types.KInt {
		return 0, false
	}
	return c.Value.Int(), true
}

func (q *query) sortKeys(n Node) []SortKey {
	var keys []SortKey
	for _, k := range q.q.OrderBy {
		t := &q.q.Targets[k.Target]
		if _, isConst := t.Expr.(*expr.Const); isConst && t.Group == 0 {
			continue
		}
		keys = append(keys, SortKey{Col: k.Target, Type: n.Base().Types[k.Target], Desc: k.Desc, NullsFirst: k.NullsFirst})
	}
	return keys
}

func (q *query) limits() (limit, offset *Scalar, err error) {
	if q.q.Limit != nil {
		if limit, err = q.scalar(q.q.Limit, nil, nil); err != nil {
			return nil, nil, err
		}
	}
	if q.q.Offset != nil {
		offset, err = q.scalar(q.q.Offset, nil, nil)
	}
	return limit, offset, err
}

// prepareLocking notes which entries need row references.
func (q *query) prepareLocking() {
	q.rowRefs, q.refUse = map[int]bool{}, TableLocked
	for _, l := range q.q.Locking {
		for _, r := range l.Rels {
			// The analysis put the clause into subqueries too: those lock their own rows.
			if q.q.Rels[r].Kind == sema.RTETable {
				q.rowRefs[r] = true
				q.b.plan.Writes, q.b.plan.Locks = true, true
			}
		}
	}
}

var lockModes = map[sema.LockStrength]lock.Mode{
	sema.ForKeyShare: lock.KeyShare, sema.ForShare: lock.Share, sema.ForNoKeyUpdate: lock.NoKeyUpdate, sema.ForUpdate: lock.Update,
}

// finishLocking plans the upper part of SELECT … FOR UPDATE: sort the joined rows, lock them as LIMIT asks for them, and
// compute the targets from what was locked.
func (q *query) finishLocking(n Node, f *fromItem) (Node, error) {
	in := f.lay
	limit, offset, err := q.limits()
	if err != nil {
		return nil, err
	}
	var keys []SortKey
	for _, k := range q.q.OrderBy {
		sc, err := q.scalar(q.q.Targets[k.Target].Expr, in, nil)
		if err != nil {
			return nil, err
		}
		keys = append(keys, SortKey{Expr: sc, Type: sc.Type, Desc: k.Desc, NullsFirst: k.NullsFirst})
	}
	want := make([]orderKey, len(keys))
	for i, k := range q.q.OrderBy {
		t := q.q.Targets[k.Target].Expr
		want[i] = orderKey{node: t, print: q.orderPrint(t), desc: k.Desc, nullsFirst: k.NullsFirst}
	}
	if srt := q.sort(n, keys, want, f.order); srt != nil {
		n = srt
	}
	lk := &LockRows{Props: q.b.props(n.Base().Types, n.Base().Rows), Input: n}
	strongest := map[int]int{}
	for _, l := range q.q.Locking {
		for _, r := range l.Rels {
			if !q.rowRefs[r] {
				continue
			}
			t := q.lockTarget(r, in, lockModes[l.Strength])
			switch {
			case l.NoWait:
				t.Policy = lock.NoWait
			case l.SkipLocked:
				t.Policy = lock.SkipLocked
			}
			at, seen := strongest[r]
			if !seen {
				strongest[r] = len(lk.Targets)
				lk.Targets = append(lk.Targets, t)
				continue
			}
			// Several clauses on one table: the strongest mode, and NOWAIT over SKIP LOCKED, as PostgreSQL has it.
			have := &lk.Targets[at]
			have.Mode = max(have.Mode, t.Mode)
			if t.Policy == lock.NoWait || have.Policy == lock.Wait {
				have.Policy = t.Policy
			}
		}
	}
	if lk.Recheck, err = q.recheck(in); err != nil {
		return nil, err
	}
	n = lk
	if q.q.HasSRFs {
		n, err = q.projectSet(n, in, nil)
	} else {
		var exprs []*Scalar
		if exprs, err = q.targets(in, nil, nil); err == nil {
			n = q.project(n, exprs)
		}
	}
	if err != nil {
		return nil, err
	}
	return q.dropJunk(q.limit(n, limit, offset, nil)), nil
}

// lockTarget describes where entry rel's row is in rows of the given layout.
func (q *query) lockTarget(rel int, in *layout, mode lock.Mode) LockTarget {
	t := q.q.Rels[rel].Table
	lt := LockTarget{Table: t, Tree: q.q.Rels[rel].Tree, Mode: mode, Ref: in.pos[varID{rel, sysKey}], Xmin: -1, Cols: make([]int, len(t.Columns))}
	if p, ok := in.pos[varID{rel, expr.XminCol}]; ok {
		lt.Xmin = p
	}
	for i := range t.Columns {
		lt.Cols[i] = -1
		if p, ok := in.pos[varID{rel, i}]; ok {
			lt.Cols[i] = p
		}
	}
	return lt
}

// recheck compiles all conditions that inner joins and WHERE put on the joined row, for rows that changed while a lock
// was awaited.
func (q *query) recheck(in *layout) (*Scalar, error) {
	var conds []expr.Node
	conds = append(conds, q.original...)
	conds = innerConds(conds, q.q.From)
	for rel := range q.q.Rels {
		if q.rowRefs[rel] {
			conds = append(slices.Clone(q.q.Rels[rel].Security), conds...)
		}
	}
	if len(conds) == 0 {
		return nil, nil
	}
	return q.scalar(andOf(conds), in, nil)
}

func innerConds(out []expr.Node, j sema.JoinNode) []expr.Node {
	t, ok := j.(*sema.Join)
	if !ok {
		return out
	}
	switch t.Kind {
	case sema.InnerJoin, sema.CrossJoin:
		out = splitAnd(out, t.On)
		return innerConds(innerConds(out, t.Left), t.Right)
	case sema.LeftJoin:
		return innerConds(out, t.Left)
	}
	return out
}
