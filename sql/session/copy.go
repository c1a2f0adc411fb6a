package session

import (
	"context"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// copyStmt runs COPY to or from the client or a file of the node.
func (s *Session) copyStmt(ctx context.Context, st *statement, u *parse.CopyStmt) error {
	if u.IsProgram || u.Filename != "" {
		if err := s.mayCopyFiles(u); err != nil {
			return err
		}
	}
	if u.IsProgram {
		return pgerr.NotSupported("COPY PROGRAM")
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

// copyTo runs COPY … TO as the SELECT that it stands for.
func (s *Session) copyTo(ctx context.Context, st *statement, u *parse.CopyStmt) error {
	var columns []*catalog.Column
	var table *catalog.Table
	inner := newStatement("", parse.RawStmt{Stmt: u.Query, Text: st.raw.Text}, st.text, nil)
	inner.variables = st.variables
	if u.Relation != nil {
		t, err := s.copyRelation(u.Relation, "cannot copy from %s \"%s\"", "Try the COPY (SELECT ...) TO variant.")
		if err != nil {
			return err
		}
		if t.Partitioning != nil {
			return pgerr.New(pgerr.WrongObjectType, "cannot copy from partitioned table %q", t.Name).WithHint("Try the COPY (SELECT ...) TO variant.")
		}
		cols, err := copyColumns(t, u.Columns)
		if err != nil {
			return err
		}
		columns, table = cols, t
		if err := s.checkPermissions(sema.TablePermissions(t, catalog.PrivSelect, attNums(cols), nil)); err != nil {
			return err
		}
		text := "SELECT " + columnList(cols) + " FROM ONLY " + s.qualified(t)
		raws, err := parse.Parse(text)
		if err != nil {
			return err
		}
		inner = newStatement("", raws[0], text, nil)
	} else if q, ok := u.Query.(*parse.SelectStmt); ok && q.Into != nil {
		return pgerr.New(pgerr.FeatureNotSupported, "COPY (SELECT INTO) is not supported")
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
	s.open()
	if err := s.prepare(inner); err != nil {
		return err
	}
	if len(inner.products) > 0 {
		return pgerr.New(pgerr.FeatureNotSupported, "DO ALSO rules are not supported for the COPY")
	}
	p := &portal{st: inner}
	if err := s.openPlan(ctx, p); err != nil {
		return err
	}
	defer p.cursor.Close()
	if err := o.checkColumns(table, columns, p.fields); err != nil {
		return err
	}
	sink, err := s.openSink(u, len(p.fields), o.binary)
	if err != nil {
		return err
	}
	n, err := s.copyRows(p, o, sink)
	if err != nil {
		sink.abandon()
		return err
	}
	if err := sink.close(); err != nil {
		return err
	}
	s.complete(copyTag(n))
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

func (s *Session) copyRows(p *portal, o *copyOptions, sink copySink) (int64, error) {
	var n int64
	var buf []byte
	switch {
	case o.binary:
		buf = appendBinaryHeader(buf)
	case o.header:
		buf = o.appendHeader(buf, p.fields)
	}
	w := &rowWriter{o: o, fields: p.fields, env: p.ectx.Eval.IO()}
	for {
		b, err := p.cursor.Next(0)
		if err != nil {
			return 0, err
		}
		if b == nil {
			break
		}
		for i := 0; i < b.N; i++ {
			if o.binary {
				buf = appendBinaryRow(buf, b, i, len(p.fields), w.env)
			} else {
				buf = w.row(buf, b, i)
			}
			// One CopyData message a row, as PostgreSQL sends: clients rely on it.
			if err := sink.write(buf); err != nil {
				return 0, err
			}
			buf = buf[:0]
		}
		n += int64(b.N)
	}
	if o.binary {
		buf = append(buf, 0xff, 0xff)
	}
	if len(buf) > 0 {
		return n, sink.write(buf)
	}
	return n, nil
}
