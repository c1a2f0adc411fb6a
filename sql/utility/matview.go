package utility

import (
	"context"
	"fmt"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// ResultColumn is a column that a query answers with.
type ResultColumn struct {
	Name      string
	Type      types.Type
	Collation catalog.Oid // as a sema.Target's
}

// createTableAs is CREATE TABLE AS, SELECT INTO and CREATE MATERIALIZED VIEW.
func (e *Env) createTableAs(ctx context.Context, s *parse.CreateTableAsStmt) (string, error) {
	tag := Tag(s)
	if e.InsertQuery == nil {
		return "", pgerr.Internal("nothing runs the query of %s", tag)
	}
	query, columns, permissions, err := e.intoQuery(s)
	if err != nil {
		return "", err
	}
	spec, err := e.intoSpec(s, columns)
	if err != nil {
		return "", err
	}
	if s.MatView {
		if spec.MatView, err = e.matView(s); err != nil {
			return "", err
		}
	}
	if permissions != nil && !s.Into.SkipData { // PostgreSQL starts the query before it makes the table
		if err := permissions.Check(e.DDL.Overlay(), e.role()); err != nil {
			return "", err
		}
	}
	t, err := e.DDL.CreateTable(ctx, spec)
	if pgerr.HasCode(err, pgerr.InsufficientPrivilege) {
		err = pgerr.From(err).Clone().WithPosition(0)
	}
	if err != nil || t == nil || s.Into.SkipData {
		if _, execute := query.(*parse.ExecuteStmt); execute && t != nil {
			return "SELECT 0", err // PostgreSQL runs it, for nothing
		}
		return tag, err
	}
	n, err := e.InsertQuery(ctx, query, t)
	return fmt.Sprintf("SELECT %d", n), err
}

// intoQuery is the statement whose rows the new relation gets: a query, with what it must be allowed, or the EXECUTE of one.
func (e *Env) intoQuery(s *parse.CreateTableAsStmt) (parse.Statement, []ResultColumn, *sema.Permissions, error) {
	if x, ok := s.Query.(*parse.ExecuteStmt); ok {
		if e.ExecuteColumns == nil {
			return nil, nil, nil, pgerr.Internal("nothing knows prepared statements")
		}
		columns, err := e.ExecuteColumns(x)
		return x, columns, nil, err
	}
	query, ok := s.Query.(*parse.SelectStmt)
	if !ok {
		return nil, nil, nil, pgerr.Internal("%s of a %T", Tag(s), s.Query)
	}
	env := e.sema()
	env.Variables = e.Variables
	analyzed, err := sema.Analyze(query, env)
	if err != nil {
		return nil, nil, nil, err
	}
	if s.MatView && len(analyzed.Params) > 0 {
		return nil, nil, nil, pgerr.New(pgerr.FeatureNotSupported, "materialized views may not be defined using bound parameters")
	}
	var columns []ResultColumn
	for _, t := range analyzed.Columns() {
		columns = append(columns, ResultColumn{t.Name, t.Expr.ResultType(), t.Collation})
	}
	return query, columns, analyzed.Permissions, nil
}

// intoSpec is the table that takes the columns of a query.
func (e *Env) intoSpec(s *parse.CreateTableAsStmt, columns []ResultColumn) (*ddl.TableSpec, error) {
	into := s.Into
	spec := &ddl.TableSpec{
		Schema: into.Rel.Schema, Name: into.Rel.Name, IfNotExists: s.IfNotExists, Pos: e.pos(into.Rel.Loc()),
		Persistence: persistence(into.Rel), OnCommit: onCommit(into.OnCommit), HasOnCommit: into.OnCommit != parse.OnCommitNoop,
	}
	if s.MatView {
		spec.Pos = 0 // PostgreSQL gives none
	}
	if len(into.Columns) > len(columns) {
		return nil, pgerr.New(pgerr.SyntaxError, "too many column names were specified")
	}
	if err := refuseStorage(into.TableSpaceName, into.AccessMethod); err != nil {
		return nil, err
	}
	for i, c := range columns {
		if i < len(into.Columns) {
			c.Name = into.Columns[i]
		}
		if c.Type.Oid == types.UnknownOid {
			c.Type = types.T(types.TextOid)
		}
		col := ddl.ColumnSpec{Name: c.Name, Type: c.Type}
		if in := types.Lookup(c.Type.Oid); in != nil {
			col.Collation = in.Collation
		}
		switch {
		case c.Collation == sema.NoCollation:
			return nil, pgerr.New(pgerr.IndeterminateCollation, "no collation was derived for column %q with collatable type %s", c.Name, types.FormatType(types.T(c.Type.Oid))).
				WithHint("Use the COLLATE clause to set the collation explicitly.")
		case c.Collation != 0:
			col.Collation = c.Collation
		}
		spec.Columns = append(spec.Columns, col)
	}
	return spec, e.tableOptions(spec, into.Options)
}

// refuseStorage knows the one tablespace and the one access method that there is.
func refuseStorage(space, method string) error {
	switch {
	case space != "" && space != "pg_default":
		return pgerr.New(pgerr.UndefinedObject, "tablespace %q does not exist", space)
	case method != "" && method != "heap":
		return pgerr.New(pgerr.UndefinedObject, "access method %q does not exist", method)
	}
	return nil
}

// matView is the stored query of a materialized view.
func (e *Env) matView(s *parse.CreateTableAsStmt) (*catalog.MatView, error) {
	query, ok := s.Query.(*parse.SelectStmt)
	if !ok {
		return nil, pgerr.Internal("a materialized view of a %T", s.Query)
	}
	refused := func(what string) error { return pgerr.New(pgerr.FeatureNotSupported, "%s", what) }
	if query.With != nil && slices.ContainsFunc(query.With.CTEs, func(c *parse.CommonTableExpr) bool {
		_, sel := c.Query.(*parse.SelectStmt)
		return !sel
	}) {
		return nil, refused("materialized views must not use data-modifying statements in WITH")
	}
	text, deps, err := e.viewText(s.QueryText)
	if err != nil {
		return nil, err
	}
	if e.usesTemp(deps) {
		return nil, refused("materialized views must not use temporary tables or views")
	}
	if s.Into.Rel.Persistence == parse.Unlogged {
		return nil, refused("materialized views cannot be unlogged")
	}
	return &catalog.MatView{Query: text, Deps: deps, Populated: !s.Into.SkipData}, nil
}

// refreshMatView is REFRESH MATERIALIZED VIEW.
func (e *Env) refreshMatView(ctx context.Context, s *parse.RefreshMatViewStmt) error {
	name := e.name(s.Relation)
	name.Pos = 0
	t, err := e.DDL.Refresh(ctx, name, s.Concurrent, s.SkipData)
	if err != nil || s.SkipData {
		return err
	}
	if e.Refill == nil {
		return pgerr.Internal("nothing fills materialized views")
	}
	return e.Refill(ctx, t, s.Concurrent)
}
