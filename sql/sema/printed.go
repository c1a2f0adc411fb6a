package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// A tree that is printed (Env.Print) keeps what planning has no use for: every join has an entry in the range table, as in
// PostgreSQL's tree, to which its merged columns and those of an aliased join refer.

// SystemColumn is the Col of a Var of a tree that is printed which is a system column; its Name tells which.
const SystemColumn = -1

// entryOf is the range-table entry of a side of a join.
func entryOf(j JoinNode) int {
	if join, ok := j.(*Join); ok {
		return join.Entry
	}
	return j.(RelRef).Rel
}

// placeOf is the place of column i of a side among the columns of its range-table entry.
func placeOf(j JoinNode, cols []nsCol, i int) int {
	if _, leaf := j.(RelRef); leaf {
		return cols[i].col
	}
	return i
}

// printedJoin gives a join its range-table entry. lc and rc are the columns of its sides; merged, nil without USING, is
// what they make, and refers to the entry afterwards where a merged column is neither side's own.
func (s *scope) printedJoin(j *parse.JoinExpr, join *Join, using []string, lc, rc []nsCol, merged *nsItem) {
	shape := &JoinShape{Left: entryOf(join.Left), Right: entryOf(join.Right), Using: using, Natural: j.Natural && len(using) == 0}
	if j.UsingAlias != nil {
		shape.UsingAlias = j.UsingAlias.Name
	}
	e := &RTE{Kind: RTEJoin, Written: j.Alias, Shape: shape}
	if j.Alias != nil {
		e.Alias = j.Alias.Name
	}
	join.Entry = s.addRel(e)
	add := func(c *nsCol, name string, left, right int) {
		e.Columns = append(e.Columns, Column{Name: name, Type: c.typ})
		e.JoinCols = append(e.JoinCols, c.ref(0, -1))
		shape.LeftCols, shape.RightCols = append(shape.LeftCols, left), append(shape.RightCols, right)
	}
	named := func(cols []nsCol, name string) int {
		return slices.IndexFunc(cols, func(c nsCol) bool { return c.name == name })
	}
	for i, name := range using {
		c := &merged.cols[i]
		add(c, name, placeOf(join.Left, lc, named(lc, name)), placeOf(join.Right, rc, named(rc, name)))
		_, plain := c.node.(*expr.Var)
		shape.Computed = append(shape.Computed, !plain)
		if !plain {
			c.rel, c.col, c.node = join.Entry, i, nil
		}
	}
	for i := range lc {
		if !slices.Contains(using, lc[i].name) {
			add(&lc[i], lc[i].name, placeOf(join.Left, lc, i), -1)
		}
	}
	for i := range rc {
		if !slices.Contains(using, rc[i].name) {
			add(&rc[i], rc[i].name, -1, placeOf(join.Right, rc, i))
		}
	}
	if j.Alias == nil {
		return
	}
	for i, name := range j.Alias.Columns {
		if i < len(e.Columns) {
			e.Columns[i].Name = name
		}
	}
}

// printedRowsFrom is several functions of ROWS FROM as one entry of the range table.
func (s *scope) printedRowsFrom(r *parse.RangeFunction, calls []parse.RangeFunctionItem) (*nsItem, error) {
	e := &RTE{Kind: RTEFunction, Ordinality: r.Ordinality, Lateral: r.Lateral}
	for _, c := range calls {
		n, err := s.fromFunction(c.Func)
		if err != nil {
			return nil, err
		}
		if n, err = s.recordCall(n, c.Coldefs); err != nil {
			return nil, err
		}
		set, ok := n.(*expr.SetReturning)
		if !ok {
			return nil, pgerr.Internal("%T among several functions", n)
		}
		e.Lateral = e.Lateral || usesOwn(n)
		e.Funcs = append(e.Funcs, fromFunc(n, len(c.Coldefs) > 0))
		if len(set.Fn.Columns) >= 2 || set.Columns != nil {
			e.Columns = append(e.Columns, s.outColumns(set)...)
			continue
		}
		name := s.calledName(c.Func)
		if len(set.Fn.Columns) == 1 && set.Fn.Columns[0].Name != "" {
			name = set.Fn.Columns[0].Name
		}
		e.Columns = append(e.Columns, Column{Name: name, Type: set.Type})
	}
	if r.Ordinality {
		e.Columns = append(e.Columns, Column{Name: "ordinality", Type: types.T(types.Int8Oid)})
	}
	name, aliases := aliasOf(r.Alias, s.calledName(calls[0].Func))
	e.Alias = name
	return s.item(s.addRel(e), name, aliases, r.Loc(), nil)
}

func fromFunc(n expr.Node, defined bool) FromFunc {
	f := FromFunc{Call: n}
	if set, ok := n.(*expr.SetReturning); ok && defined {
		f.Columns = set.Columns
	}
	return f
}

// usesOwn reports whether an expression of FROM refers to other items of the same FROM.
func usesOwn(n expr.Node) bool {
	found := false
	walkVars(n, func(_ *expr.Var, level int) { found = found || level == 0 })
	return found
}

// printedRowType is the type that PostgreSQL gives a whole row: a relation's row type, record for others.
func (s *scope) printedRowType(it *nsItem, level int) types.Type {
	at := s
	for range level {
		at = at.parent
	}
	if it.rel < 0 || it.rel >= len(at.q.Rels) {
		return types.T(types.RecordOid)
	}
	switch e := at.q.Rels[it.rel]; {
	case e.Table != nil:
		return types.T(types.UserOid(types.CompositeClass, e.Table.OID))
	case e.View != nil:
		return types.T(types.UserOid(types.CompositeClass, e.View.OID))
	}
	return types.T(types.RecordOid)
}

// printedComparison is a comparison of rows in order, which PostgreSQL's tree keeps as one: an operator over two rows.
func (s *scope) printedComparison(op string, l, r []expr.Node, loc int) (expr.Node, error) {
	left, right := &expr.Row{Type: types.T(types.RecordOid), Loc: loc}, &expr.Row{Type: types.T(types.RecordOid), Loc: loc}
	out := &expr.Func{Type: boolean, Loc: loc}
	for i := range l {
		f, err := s.pairOf(op, l[i], r[i], loc)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			out.Fn = f.Fn
		}
		left.Fields, right.Fields = append(left.Fields, f.Args[0]), append(right.Fields, f.Args[1])
	}
	out.Args = []expr.Node{left, right}
	return out, nil
}

// writtenArgs leaves the arguments of a call in named notation as they were written, and arranges the declared types.
func writtenArgs(r *expr.Resolved, args []expr.Node) []expr.Node {
	if r.Order == nil {
		return args
	}
	full := r.DeclaredArgs()
	declared := make([]types.Oid, len(args))
	for i, o := range r.Order {
		if o >= 0 {
			declared[o] = full[i]
		}
	}
	r.Args = declared
	return args
}

// printedRowSubquery is (a, b) op (SELECT …) as one node.
func (s *scope) printedRowSubquery(op string, left []expr.Node, e *parse.SubLink) (expr.Node, error) {
	q, err := s.sublinkQuery(e)
	if err != nil {
		return nil, err
	}
	n := &expr.Subquery{Kind: expr.RowSubquery, Query: q, Type: boolean, Loc: e.Loc()}
	for i, c := range queryColumns(q) {
		if i >= len(left) {
			break
		}
		f, err := s.pairOf(op, left[i], &expr.Column{Index: i, Type: c.Type}, e.Loc())
		if err != nil {
			return nil, err
		}
		n.Left, n.Ops = append(n.Left, f.Args[0]), append(n.Ops, f.Fn)
	}
	return n, nil
}
