package session

import (
	"context"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
	"github.com/pgmqdb/pgmqdb/sql/utility"
)

// insertQuery fills a table from a query: CREATE TABLE AS.
func (s *Session) insertQuery(ctx context.Context, q parse.Statement, outer *statement, into *catalog.Table) (int64, error) {
	var declared []types.Oid
	text, params := outer.text, outer.values
	if x, ok := q.(*parse.ExecuteStmt); ok {
		st, err := s.lookupStatement(x.Name)
		if err != nil {
			return 0, err
		}
		if params, err = s.executeParams(ctx, text, x, st); err != nil {
			return 0, err
		}
		for _, t := range st.params {
			declared = append(declared, t.Oid)
		}
		q, text = st.raw.Stmt, st.text
	}
	sel, ok := q.(*parse.SelectStmt)
	if !ok {
		return 0, pgerr.NotSupported("CREATE TABLE AS with this statement")
	}
	insert := &parse.InsertStmt{Relation: s.rangeVarOf(into), Select: sel}
	st := newStatement("", parse.RawStmt{Stmt: insert, Text: text}, text, declared)
	st.populate, st.variables = into.OID, outer.variables
	return s.runWrite(ctx, &portal{st: st, params: params})
}

func (s *Session) rangeVarOf(t *catalog.Table) *parse.RangeVar {
	return &parse.RangeVar{Schema: s.snapshot().SchemaName(t.SchemaID), Name: t.Name, Inh: true}
}

// runWrite runs a portal that returns no rows and tells how many it wrote.
func (s *Session) runWrite(ctx context.Context, p *portal) (int64, error) {
	if err := s.openPlan(ctx, p); err != nil {
		return 0, err
	}
	defer p.cursor.Close()
	for {
		b, err := p.cursor.Next(0)
		if err != nil {
			return 0, err
		}
		if b == nil {
			return p.cursor.Result().Rows, nil
		}
	}
}

// executeColumns describes the rows of EXECUTE.
func (s *Session) executeColumns(x *parse.ExecuteStmt) ([]utility.ResultColumn, error) {
	st, err := s.lookupStatement(x.Name)
	if err != nil {
		return nil, err
	}
	if _, ok := st.raw.Stmt.(*parse.SelectStmt); !ok {
		return nil, pgerr.New(pgerr.WrongObjectType, "prepared statement is not a SELECT")
	}
	if err := s.prepare(st); err != nil {
		return nil, err
	}
	var out []utility.ResultColumn
	for _, c := range st.columns {
		out = append(out, utility.ResultColumn{Name: c.Name, Type: c.Type})
	}
	return out, nil
}

// refill gives a materialized view the rows of its query. Concurrently, its rows are replaced by new versions, so that
// whoever reads it meanwhile goes on by the old ones.
func (s *Session) refill(ctx context.Context, t *catalog.Table, concurrently bool) error {
	if concurrently {
		st := newStatement("", parse.RawStmt{Stmt: &parse.DeleteStmt{Relation: s.rangeVarOf(t)}}, "", nil)
		st.populate = t.OID
		if _, err := s.runWrite(ctx, &portal{st: st}); err != nil {
			return err
		}
	}
	// Reading the view that the statement fills is reading its query.
	star := []*parse.ResTarget{{Val: &parse.ColumnRef{Star: true}}}
	query := &parse.SelectStmt{TargetList: star, FromClause: []parse.FromItem{s.rangeVarOf(t)}}
	_, err := s.insertQuery(ctx, query, &statement{}, t)
	if e, ok := err.(*pgerr.Error); ok {
		e = e.Clone().WithPosition(0)
		if e.Code == pgerr.UniqueViolation && !concurrently {
			// PostgreSQL builds the indexes anew.
			e.Message = "could not create unique index \"" + e.Constraint + "\""
			e.Detail = strings.TrimSuffix(e.Detail, "already exists.") + "is duplicated."
		}
		return e
	}
	return err
}
