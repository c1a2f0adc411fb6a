package session

import (
	"context"
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// copyStmt runs COPY to or from the client. Files and programs on the server are not for clients of a cluster.
func (s *Session) copyStmt(ctx context.Context, st *statement, u *parse.CopyStmt) error {
	if u.IsProgram || u.Filename != "" {
		if err := s.mayCopyFiles(u); err != nil {
			return err
		}
	}
	switch {
	case u.IsProgram:
		return pgerr.NotSupported("COPY PROGRAM")
	case u.Filename != "":
		return pgerr.NotSupported("COPY to or from a server file")
	}
	if u.IsFrom {
		return s.copyFrom(ctx, st, u)
	}
	return s.copyTo(ctx, st, u)
}

// mayCopyFiles checks the roles that COPY with the server's files and programs needs.
func (s *Session) mayCopyFiles(u *parse.CopyStmt) error {
	role, name, what := catalog.RoleWriteFiles, "pg_write_server_files", "COPY to a file"
	switch {
	case u.IsProgram:
		role, name, what = catalog.RoleExecProgram, "pg_execute_server_program", "COPY to or from an external program"
	case u.IsFrom:
		role, name, what = catalog.RoleReadFiles, "pg_read_server_files", "COPY from a file"
	}
	if s.snapshot().HasPrivilegesOf(s.role(), role) {
		return nil
	}
	return pgerr.New(pgerr.InsufficientPrivilege, "must be superuser or have privileges of the %s role to %s", name, what).
		WithHint("Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone.")
}

// copyColumns resolves COPY's column list; without one, all columns.
func copyColumns(t *catalog.Table, names []string) ([]*catalog.Column, error) {
	var out []*catalog.Column
	if names == nil {
		for i := range t.Columns {
			if c := &t.Columns[i]; !c.Dropped && !c.Hidden && !c.Generated {
				out = append(out, c)
			}
		}
		return out, nil
	}
	seen := map[string]bool{}
	for _, n := range names {
		var found *catalog.Column
		for i := range t.Columns {
			if c := &t.Columns[i]; !c.Dropped && !c.Hidden && c.Name == n {
				found = c
			}
		}
		if found == nil {
			return nil, pgerr.New(pgerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", n, t.Name)
		}
		if found.Generated {
			return nil, pgerr.New(pgerr.InvalidColumnReference, "column \"%s\" is a generated column", n).
				WithDetail("Generated columns cannot be used in COPY.")
		}
		if seen[n] {
			return nil, pgerr.New(pgerr.DuplicateColumn, "column \"%s\" specified more than once", n)
		}
		seen[n] = true
		out = append(out, found)
	}
	return out, nil
}

func attNums(cols []*catalog.Column) []catalog.AttNum {
	out := make([]catalog.AttNum, len(cols))
	for i, c := range cols {
		out[i] = c.Num
	}
	return out
}

// copyRelation finds the table of a COPY; refusal is the error for what is none.
func (s *Session) copyRelation(r *parse.RangeVar, refusal, viewHint string) (*catalog.Table, error) {
	if err := s.snapshot().CheckSchemaUsage(r.Schema, s.role()); err != nil {
		return nil, err
	}
	rel, ok := s.snapshot().LookupRelation(s.searchPath(), r.Schema, r.Name)
	if ok {
		switch rel.Kind {
		case catalog.KindMatView:
			e := pgerr.New(pgerr.WrongObjectType, refusal, "materialized view", r.Name)
			if strings.Contains(viewHint, "COPY (SELECT") {
				e = e.WithHint("%s", viewHint)
			}
			return nil, e
		case catalog.KindView:
			return nil, pgerr.New(pgerr.WrongObjectType, refusal, "view", r.Name).WithHint("%s", viewHint)
		case catalog.KindSequence:
			return nil, pgerr.New(pgerr.WrongObjectType, refusal, "sequence", r.Name)
		}
	}
	return s.relation(r)
}

func (s *Session) qualified(t *catalog.Table) string {
	return catalog.QuoteIdent(s.snapshot().SchemaName(t.SchemaID)) + "." + catalog.QuoteIdent(t.Name)
}

func columnList(cols []*catalog.Column) string {
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = catalog.QuoteIdent(c.Name)
	}
	return strings.Join(names, ", ")
}

// copyTo runs COPY … TO STDOUT as the SELECT that it stands for.
func (s *Session) copyTo(ctx context.Context, st *statement, u *parse.CopyStmt) error {
	var columns []*catalog.Column
	var table *catalog.Table
	inner := newStatement("", parse.RawStmt{Stmt: u.Query, Text: st.raw.Text}, st.text, nil)
	if u.Relation != nil {
		t, err := s.copyRelation(u.Relation, "cannot copy from %s \"%s\"", "Try the COPY (SELECT ...) TO variant.")
		if err != nil {
			return err
		}
		cols, err := copyColumns(t, u.Columns)
		if err != nil {
			return err
		}
		columns, table = cols, t
		if err := s.checkPermissions(sema.TablePermissions(t, catalog.PrivSelect, attNums(cols), nil)); err != nil {
			return err
		}
		text := "SELECT " + columnList(cols) + " FROM " + s.qualified(t)
		raws, err := parse.Parse(text)
		if err != nil {
			return err
		}
		inner = newStatement("", raws[0], text, nil)
	} else if !plannable(u.Query) {
		return pgerr.NotSupported("COPY of this statement")
	}
	o, err := parseCopyOptions(u, st.text)
	if err != nil {
		return err
	}
	if _, merge := u.Query.(*parse.MergeStmt); merge {
		return pgerr.New(pgerr.FeatureNotSupported, "MERGE not supported in COPY")
	}
	if u.Relation == nil && !returns(u.Query) {
		return pgerr.New(pgerr.FeatureNotSupported, "COPY query must have a RETURNING clause")
	}
	p := &portal{st: inner}
	if err := s.startPortal(ctx, p); err != nil {
		return err
	}
	defer p.cursor.Close()
	if err := o.checkColumns(table, columns, p.fields); err != nil {
		return err
	}
	s.client.CopyOutResponse(len(p.fields), false)
	n, err := s.copyRows(p, o)
	if err != nil {
		return err
	}
	s.client.CopyDone()
	s.complete("COPY " + strconv.FormatInt(n, 10))
	return nil
}

// returns reports whether a statement yields rows.
func returns(st parse.Statement) bool {
	switch q := st.(type) {
	case *parse.InsertStmt:
		return len(q.Returning) > 0
	case *parse.UpdateStmt:
		return len(q.Returning) > 0
	case *parse.DeleteStmt:
		return len(q.Returning) > 0
	}
	return true
}

func (s *Session) copyRows(p *portal, o *copyOptions) (int64, error) {
	var n int64
	var buf, val []byte
	if o.header {
		for i, f := range p.fields {
			if i > 0 {
				buf = append(buf, o.delim)
			}
			if o.csv {
				buf = o.appendCSV(buf, []byte(f.Name), false, len(p.fields) == 1)
			} else {
				buf = o.appendText(buf, []byte(f.Name))
			}
		}
		buf = append(buf, '\n')
	}
	env := p.ectx.Eval.IO()
	for {
		b, err := p.cursor.Next(0)
		if err != nil {
			return 0, err
		}
		if b == nil {
			break
		}
		for i := 0; i < b.N; i++ {
			for c := range p.fields {
				if c > 0 {
					buf = append(buf, o.delim)
				}
				v := &b.Cols[c]
				if v.IsNull(i) {
					buf = append(buf, o.null...)
					continue
				}
				val = types.AppendTextVec(val[:0], v, i, env)
				if o.csv {
					force := o.forceQuote["*"] || o.forceQuote[p.fields[c].Name]
					buf = o.appendCSV(buf, val, force, len(p.fields) == 1)
				} else {
					buf = o.appendText(buf, val)
				}
			}
			buf = append(buf, '\n')
			// One CopyData message a row, as PostgreSQL sends: clients rely on it.
			if err := s.client.WriteCopyData(buf); err != nil {
				return 0, err
			}
			buf = buf[:0]
		}
		n += int64(b.N)
	}
	if len(buf) > 0 {
		return n, s.client.WriteCopyData(buf)
	}
	return n, nil
}
