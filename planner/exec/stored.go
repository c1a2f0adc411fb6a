package exec

import (
	"slices"
	"strings"
	"sync"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Expressions that the catalog stores as text, compiled for writes that no plan describes: cascades, validations and
// rewrites.

// storedKey names a compiled expression of one table version.
type storedKey struct {
	table *catalog.Table
	text  string
	kind  sema.ExprKind
	col   catalog.AttNum
}

var (
	storedMu    sync.Mutex
	storedExprs = map[storedKey]*planner.Scalar{}
)

// maxStoredExprs bounds the cache; it is emptied when full.
const maxStoredExprs = 4096

// StoredExpr compiles an expression over a table's columns by attnum-1. For DEFAULT expressions col is the column
// assigned to; otherwise typ, if its Oid is not 0, is what the value is cast to.
func StoredExpr(c *Context, t *catalog.Table, text string, kind sema.ExprKind, col *catalog.Column) (*planner.Scalar, error) {
	key := storedKey{table: t, text: text, kind: kind}
	scope := sema.ExprScope{Kind: kind, Table: t}
	if col != nil {
		key.col = col.Num
		scope.Column, scope.Type = col.Name, col.Type
	}
	if kind == sema.DefaultExpr {
		scope.Table = nil
	}
	storedMu.Lock()
	s := storedExprs[key]
	storedMu.Unlock()
	if s != nil {
		return s, nil
	}
	e, err := parse.ParseExpr(text)
	if err != nil {
		return nil, err
	}
	n, err := sema.AnalyzeExpr(e, scope, &sema.Env{Catalog: c.Catalog, SearchPath: []string{"public"}, NoParams: true})
	if err != nil {
		return nil, err
	}
	ts := make([]types.Type, len(t.Columns))
	for i := range ts {
		ts[i] = t.Columns[i].Type
	}
	if s, err = planner.CompileOver(n, ts); err != nil {
		return nil, err
	}
	storedMu.Lock()
	defer storedMu.Unlock()
	if len(storedExprs) >= maxStoredExprs {
		clear(storedExprs)
	}
	storedExprs[key] = s
	return s, nil
}

// StoredChecks compiles the CHECK constraints of a table, in the order in which PostgreSQL judges them.
func StoredChecks(c *Context, t *catalog.Table) ([]planner.Check, error) {
	var out []planner.Check
	for _, con := range t.Constraints {
		if con.Type != catalog.Check {
			continue
		}
		s, err := StoredExpr(c, t, con.Check, sema.CheckExpr, nil)
		if err != nil {
			return nil, err
		}
		out = append(out, planner.Check{Name: con.Name, Cond: s})
	}
	slices.SortFunc(out, func(a, b planner.Check) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// StoredGenerated compiles the generated columns of a table.
func StoredGenerated(c *Context, t *catalog.Table) ([]planner.Generated, error) {
	var out []planner.Generated
	for _, col := range t.GeneratedColumns() {
		s, err := StoredExpr(c, t, col.Default, sema.GeneratedExpr, col)
		if err != nil {
			return nil, err
		}
		out = append(out, planner.Generated{Col: int(col.Num) - 1, Value: s})
	}
	return out, nil
}

// StoredDefault evaluates a column's DEFAULT; NULL when it has none. Identity columns take the sequence's next value.
func StoredDefault(c *Context, t *catalog.Table, col *catalog.Column) (types.Datum, error) {
	if col.Identity != catalog.NoIdentity && c.Eval.Session != nil {
		n, err := c.Eval.Session.NextVal(c.Context, col.Sequence)
		return types.NewInt(n), err
	}
	if col.Default == "" || col.Generated {
		return types.Null, nil
	}
	s, err := StoredExpr(c, t, col.Default, sema.DefaultExpr, col)
	if err != nil {
		return types.Null, err
	}
	return s.EvalRow(c.Eval, nil)
}

// CheckRow judges NOT NULL and CHECK of a row that no plan describes.
func (w *Writer) CheckRow(checks []planner.Check, row []types.Datum) error {
	return w.check(&run{execution: &execution{c: w.c}, eval: w.c.Eval}, checks, row)
}
