package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// SearchClause is SEARCH … FIRST BY Columns SET Seq of a recursive WITH query. The column Seq follows the query's own: the
// rows on the way to a row, as records of Columns, or (Breadth) the record of the row's depth and its Columns.
type SearchClause struct {
	Columns []string
	Breadth bool
	Seq     string
}

// CycleClause is CYCLE Columns SET Mark TO Value DEFAULT Default USING Path. Mark and Path are the last columns of the query:
// whether the row's Columns were on the way to it already, and that way.
type CycleClause struct {
	Columns        []string
	Mark, Path     string
	Value, Default expr.Node // constants of type Type
	Type           types.Type
}

// Added are the columns that SEARCH and CYCLE add to a WITH query.
func (c *CTE) Added() []Column {
	var out []Column
	if s := c.Search; s != nil {
		t := types.RecordArrayOid
		if s.Breadth {
			t = types.RecordOid
		}
		out = append(out, Column{Name: s.Seq, Type: types.T(t)})
	}
	if y := c.Cycle; y != nil {
		out = append(out, Column{Name: y.Mark, Type: y.Type}, Column{Name: y.Path, Type: types.T(types.RecordArrayOid)})
	}
	return out
}

// searchAndCycle notes the clauses of a WITH query that is about to be analysed, which may refer to the columns they add.
func (s *scope) searchAndCycle(c *parse.CommonTableExpr, cte *CTE) error {
	if p := c.Search; p != nil {
		cte.Search = &SearchClause{Columns: p.Columns, Breadth: p.BreadthFirst, Seq: p.SeqColumn}
	}
	p := c.Cycle
	if p == nil {
		return nil
	}
	y := &CycleClause{Columns: p.Columns, Mark: p.MarkColumn, Path: p.PathColumn}
	pair := make([]expr.Node, 2)
	for i, e := range []parse.Expr{p.MarkValue, p.MarkDefault} {
		n, err := s.expr(e)
		if err != nil {
			return err
		}
		pair[i] = n
	}
	both, t, err := s.unify(pair, "CYCLE")
	if err != nil {
		return err
	}
	y.Value, y.Default, y.Type = both[0], both[1], t
	if expr.EqualityOf(t.Oid) == nil {
		return noEquality(t.Oid)
	}
	cte.Cycle = y
	return nil
}

// checkSearchAndCycle judges the clauses of a WITH query that was analysed.
func (s *scope) checkSearchAndCycle(c *parse.CommonTableExpr, e *cteEntry, recursive bool) error {
	if c.Search == nil && c.Cycle == nil {
		return nil
	}
	if !recursive {
		return s.errorf(c.Loc(), pgerr.SyntaxError, "WITH query is not recursive")
	}
	op := e.cte.Query.SetOp
	for i, arm := range []*Query{op.Left, op.Right} {
		if arm.SetOp != nil && len(arm.CTEs) == 0 && len(arm.OrderBy) == 0 && arm.Limit == nil && arm.Offset == nil {
			if i == 0 {
				return pgerr.New(pgerr.FeatureNotSupported, "with a SEARCH or CYCLE clause, the left side of the UNION must be a SELECT")
			}
			return pgerr.New(pgerr.SyntaxError, "with a SEARCH or CYCLE clause, the right side of the UNION must be a SELECT")
		}
	}
	j := clauseJudge{s: s, own: e.cte.Columns}
	if p := c.Search; p != nil {
		j.loc = p.Loc()
		j.listed("search", p.Columns)
		j.fresh("search sequence", p.SeqColumn)
	}
	if p := c.Cycle; p != nil {
		j.loc = p.Loc()
		j.listed("cycle", p.Columns)
		j.fresh("cycle mark", p.MarkColumn)
		j.fresh("cycle path", p.PathColumn)
		j.differ("cycle mark", p.MarkColumn, "cycle path", p.PathColumn)
	}
	if c.Search != nil && c.Cycle != nil {
		j.loc = c.Search.Loc()
		j.differ("search sequence", c.Search.SeqColumn, "cycle mark", c.Cycle.MarkColumn)
		j.differ("search sequence", c.Search.SeqColumn, "cycle path", c.Cycle.PathColumn)
	}
	return j.err
}

// clauseJudge checks the names in SEARCH and CYCLE against the query's own columns; err is the first fault.
type clauseJudge struct {
	s   *scope
	own []Column
	loc int // of the clause
	err error
}

func (j *clauseJudge) fail(code, format string, args ...any) {
	if j.err == nil {
		j.err = j.s.errorf(j.loc, code, format, args...)
	}
}

func (j *clauseJudge) has(name string) bool {
	return slices.ContainsFunc(j.own, func(c Column) bool { return c.Name == name })
}

// listed checks a list of columns of the query.
func (j *clauseJudge) listed(what string, names []string) {
	for i, n := range names {
		switch {
		case !j.has(n):
			j.fail(pgerr.SyntaxError, "%s column %q not in WITH query column list", what, n)
		case slices.Contains(names[:i], n):
			j.fail(pgerr.DuplicateColumn, "%s column %q specified more than once", what, n)
		}
	}
}

// fresh checks the name of an added column.
func (j *clauseJudge) fresh(what, name string) {
	if j.has(name) {
		j.fail(pgerr.SyntaxError, "%s column name %q already used in WITH query column list", what, name)
	}
}

func (j *clauseJudge) differ(what, name, otherWhat, other string) {
	if name == other {
		j.fail(pgerr.SyntaxError, "%s column name and %s column name are the same", what, otherWhat)
	}
}
