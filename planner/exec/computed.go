package exec

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Index expressions and the predicates of partial indexes are computed attributes of a row: a wide row has them behind its
// columns, so that keys are made of positions alone. A table without any has no wide rows: they are its rows.

// computedAttr is an expression over a table's columns, or a predicate.
type computedAttr struct {
	text      string
	predicate bool
	// guards are the predicates of the partial indexes that an expression is of; it is computed where one of them is true
	// and is NULL elsewhere. always: an index of all rows is on it.
	guards []int
	always bool
}

// computedAt returns the position of a predicate in wide rows (guard -1), or of an expression of an index with the predicate
// at guard, -1 for none.
func (ti *tableInfo) computedAt(text string, predicate bool, guard int) int {
	i := slices.IndexFunc(ti.computed, func(a computedAttr) bool { return a.text == text && a.predicate == predicate })
	if i < 0 {
		i = len(ti.computed)
		ti.computed = append(ti.computed, computedAttr{text: text, predicate: predicate})
	}
	if a := &ti.computed[i]; guard < 0 {
		a.always = true
	} else {
		a.guards = append(a.guards, guard)
	}
	return len(ti.t.Columns) + i
}

// width is the length of a wide row.
func (ti *tableInfo) width() int { return len(ti.t.Columns) + len(ti.computed) }

// widener makes wide rows of a table.
type widener struct {
	c     *Context
	ti    *tableInfo
	exprs []*planner.Scalar
}

// compile prepares the table's computed attributes, once.
func (w *widener) compile() error {
	if len(w.exprs) == len(w.ti.computed) {
		return nil
	}
	w.exprs = w.exprs[:0]
	for _, a := range w.ti.computed {
		kind := sema.IndexExpr
		if a.predicate {
			kind = sema.PredicateExpr
		}
		s, err := StoredExpr(w.c, w.ti.t, a.text, kind, nil)
		if err != nil {
			return err
		}
		w.exprs = append(w.exprs, s)
	}
	return nil
}

// callsUser reports whether the computed attributes call functions of users.
func (w *widener) callsUser() (bool, error) {
	if err := w.compile(); err != nil {
		return false, err
	}
	return callsUser(w.exprs...), nil
}

// wide returns a row with its computed attributes; it may use what memory the row has behind its end.
func (w *widener) wide(row []types.Datum) ([]types.Datum, error) {
	if len(w.ti.computed) == 0 {
		return row, nil
	}
	if err := w.compile(); err != nil {
		return nil, err
	}
	n := len(w.ti.t.Columns)
	out := row[:n]
	for range w.exprs {
		out = append(out, types.Null)
	}
	for i, s := range w.exprs {
		// A predicate stands before the expressions that it guards.
		if a := &w.ti.computed[i]; !a.always && !slices.ContainsFunc(a.guards, func(at int) bool { return isTrue(out[at]) }) {
			continue
		}
		d, err := s.EvalRow(w.eval(), out[:n])
		if err != nil {
			return nil, err
		}
		out[n+i] = d
	}
	return out, nil
}

func isTrue(d types.Datum) bool { return !d.IsNull() && d.Bool() }

func (w *widener) eval() *expr.EvalContext {
	if w.c.Eval != nil {
		return w.c.Eval
	}
	return &expr.EvalContext{Context: w.c.Context}
}

// wideAll returns rows with their computed attributes: the rows themselves where the table has none.
func (w *widener) wideAll(rows [][]types.Datum) ([][]types.Datum, error) {
	if len(w.ti.computed) == 0 {
		return rows, nil
	}
	out := make([][]types.Datum, len(rows))
	for i, row := range rows {
		// A row's memory may be another's behind its end.
		var err error
		if out[i], err = w.wide(append(make([]types.Datum, 0, w.ti.width()), row...)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// uses returns the columns (attnum-1) that the entries of an index are made of.
func (x *indexInfo) uses() []int {
	var out []int
	add := func(nums []catalog.AttNum) {
		for _, n := range nums {
			out = append(out, int(n)-1)
		}
	}
	for i := range x.ix.Columns {
		if c := &x.ix.Columns[i]; c.Num != 0 {
			out = append(out, int(c.Num)-1)
		} else {
			add(c.Uses)
		}
	}
	add(x.ix.PredicateUses)
	return out
}
