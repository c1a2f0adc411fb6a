package planner

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// SEARCH and CYCLE of a recursive WITH query, by rewriting it as PostgreSQL's rewriteSearchCycle.c does. Of
//
//	WITH RECURSIVE c (cols) AS (query1 UNION query2)
//	SEARCH DEPTH FIRST BY a, b SET seq  CYCLE a, b SET mark TO v DEFAULT d USING path
//
// it makes
//
//	SELECT cols, ARRAY[ROW(a, b)], d, ARRAY[ROW(a, b)] FROM (query1)
//	UNION
//	SELECT cols, seq || ARRAY[ROW(a, b)], CASE WHEN ROW(a, b) = ANY (path) THEN v ELSE d END, path || ARRAY[ROW(a, b)]
//	FROM (query2, which also returns seq, mark and path of its reference to c) WHERE mark <> v
//
// where SEARCH BREADTH FIRST has ROW(0, a, b) and ROW(depth + 1, a, b) for seq.
type searchCycle struct {
	cte   *sema.CTE
	own   int // columns of the query without those that are added
	added []sema.Column
}

// expandSearchCycle returns the query of a CTE with the columns of its SEARCH and CYCLE.
func expandSearchCycle(c *sema.CTE) (*sema.Query, error) {
	if c.Search == nil && c.Cycle == nil {
		return c.Query, nil
	}
	x := &searchCycle{cte: c, own: len(c.Columns), added: c.Added()}
	step, err := x.passOn(c.Query.SetOp.Right)
	if err != nil {
		return nil, err
	}
	left, right := x.around(oneDeeper(c.Query.SetOp.Left)), x.around(step)
	x.start(left)
	if err := x.next(right); err != nil {
		return nil, err
	}
	q := *c.Query
	op := *q.SetOp
	op.Left, op.Right = left, right
	q.SetOp = &op
	q.Targets = slices.Clone(q.Targets)
	for i, col := range x.added {
		q.Targets = append(q.Targets, sema.Target{Name: col.Name, Expr: &expr.Column{Index: x.own + i, Type: col.Type}})
	}
	return &q, nil
}

// oneDeeper copies a query to one level further down.
func oneDeeper(q *sema.Query) *sema.Query {
	var f levelFunc
	f = func(n expr.Node, depth int) (expr.Node, bool) {
		level, ok := levelOf(n)
		if !ok || level <= depth {
			return nil, false
		}
		return mapChildren(withLevel(n, level+1), f.at(depth)), true
	}
	return mapQuery(q, 0, f)
}

// passOn copies the recursive term with the added columns of the row that it goes on from among its own.
func (x *searchCycle) passOn(q *sema.Query) (*sema.Query, error) {
	rel := slices.IndexFunc(q.Rels, func(r *sema.RTE) bool { return r.Kind == sema.RTEWorkTable && r.CTE == x.cte })
	if rel < 0 {
		return nil, pgerr.New(pgerr.FeatureNotSupported,
			"with a SEARCH or CYCLE clause, the recursive reference to WITH query %q must be at the top level of its right-hand SELECT", x.cte.Name)
	}
	step := oneDeeper(q)
	at := slices.IndexFunc(step.Targets, func(t sema.Target) bool { return t.Junk })
	if at < 0 {
		at = len(step.Targets)
	}
	more := make([]sema.Target, len(x.added))
	for i, c := range x.added {
		more[i] = sema.Target{Name: c.Name, Expr: &expr.Var{Rel: rel, Col: x.own + i, Type: c.Type, Name: c.Name, Loc: -1}}
	}
	step.Targets = slices.Insert(step.Targets, at, more...)
	for i := range step.OrderBy {
		if step.OrderBy[i].Target >= at {
			step.OrderBy[i].Target += len(more)
		}
	}
	return step, nil
}

// around is a query for the columns of the CTE over one that gives them.
func (x *searchCycle) around(sub *sema.Query) *sema.Query {
	rte := &sema.RTE{Kind: sema.RTESubquery, Alias: "*CTE*", Query: sub}
	for _, t := range visibleTargets(sub) {
		rte.Columns = append(rte.Columns, sema.Column{Name: t.Name, Type: t.Expr.ResultType()})
	}
	q := &sema.Query{Rels: []*sema.RTE{rte}, From: sema.RelRef{}}
	for i := range x.own {
		q.Targets = append(q.Targets, sema.Target{Name: x.cte.Columns[i].Name, Expr: x.column(i)})
	}
	return q
}

// column is a column of the query below, by the CTE's number.
func (x *searchCycle) column(i int) expr.Node {
	if i < x.own {
		return &expr.Var{Col: i, Type: x.cte.Columns[i].Type, Name: x.cte.Columns[i].Name, Loc: -1}
	}
	c := x.added[i-x.own]
	return &expr.Var{Col: i, Type: c.Type, Name: c.Name, Loc: -1}
}

// row is ROW(names), with what stands before them.
func (x *searchCycle) row(names []string, depth expr.Node) *expr.Row {
	r := &expr.Row{Type: types.T(types.RecordOid), Loc: -1}
	if depth != nil {
		r.Fields, r.Names = []expr.Node{depth}, []string{"*DEPTH*"}
	}
	for _, n := range names {
		i := slices.IndexFunc(x.cte.Columns, func(c sema.Column) bool { return c.Name == n })
		r.Fields, r.Names = append(r.Fields, x.column(i)), append(r.Names, n)
	}
	return r
}

// way is an array of one record, a way of one step.
func way(row *expr.Row) expr.Node {
	return &expr.ArrayExpr{Elems: []expr.Node{row}, Type: types.T(types.RecordArrayOid), Loc: -1}
}

func int8Const(v int64) expr.Node {
	return &expr.Const{Type: types.T(types.Int8Oid), Value: types.NewInt(v), Loc: -1}
}

// start adds the columns' values for the rows to begin with.
func (x *searchCycle) start(q *sema.Query) {
	var values []expr.Node
	if s := x.cte.Search; s != nil {
		if s.Breadth {
			values = append(values, x.row(s.Columns, int8Const(0)))
		} else {
			values = append(values, way(x.row(s.Columns, nil)))
		}
	}
	if y := x.cte.Cycle; y != nil {
		values = append(values, y.Default, way(x.row(y.Columns, nil)))
	}
	x.add(q, values)
}

// next adds their values for the rows that follow from others, and stops at those of a cycle.
func (x *searchCycle) next(q *sema.Query) error {
	var values []expr.Node
	if s := x.cte.Search; s != nil {
		v, err := x.nextSeq(s)
		if err != nil {
			return err
		}
		values = append(values, v)
	}
	if y := x.cte.Cycle; y != nil {
		mark := x.own + len(x.added) - 2
		path, row := x.column(mark+1), x.row(y.Columns, nil)
		eq, err := expr.ResolveOperator("=", []types.Oid{types.RecordOid, types.RecordOid})
		if err != nil {
			return err
		}
		seen := &expr.AnyAll{Op: eq, Left: row, Array: path, Loc: -1}
		longer, err := operation("||", path, way(row))
		if err != nil {
			return err
		}
		values = append(values, &expr.Case{Whens: []expr.When{{Cond: seen, Result: y.Value}}, Else: y.Default, Type: y.Type, Loc: -1}, longer)
		if q.Where, err = operation("<>", x.column(mark), y.Value); err != nil {
			return err
		}
	}
	x.add(q, values)
	return nil
}

func (x *searchCycle) nextSeq(s *sema.SearchClause) (expr.Node, error) {
	seq := x.column(x.own)
	if !s.Breadth {
		return operation("||", seq, way(x.row(s.Columns, nil)))
	}
	depth, err := operation("+", &expr.Field{Arg: seq, Name: "*DEPTH*", Type: types.T(types.Int8Oid), Loc: -1}, int8Const(1))
	if err != nil {
		return nil, err
	}
	return x.row(s.Columns, depth), nil
}

// operation is a call of an operator for values of its own types.
func operation(name string, l, r expr.Node) (expr.Node, error) {
	fn, err := expr.ResolveOperator(name, []types.Oid{l.ResultType().Oid, r.ResultType().Oid})
	if err != nil {
		return nil, err
	}
	args := []types.Oid{l.ResultType().Oid, r.ResultType().Oid}
	_, ret, err := expr.ResolvePolymorphic(args, fn.Args, fn.Result)
	if err != nil {
		return nil, err
	}
	return &expr.Func{Fn: fn, Args: []expr.Node{l, r}, Type: types.T(ret), Loc: -1}, nil
}

func (x *searchCycle) add(q *sema.Query, values []expr.Node) {
	for i, v := range values {
		q.Targets = append(q.Targets, sema.Target{Name: x.added[i].Name, Expr: v})
	}
}
