package utility

import (
	"context"
	"math"
	"strconv"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/catalog/pgcat"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// indexMethods are PostgreSQL's access methods; those mapped to false are refused by name.
var indexMethods = map[string]bool{"btree": true, "hash": true, "gin": true, "gist": false, "spgist": false, "brin": false}

func (e *Env) createIndex(ctx context.Context, s *parse.IndexStmt) error {
	if s.Concurrent && e.InTransactionBlock {
		return pgerr.New(pgerr.ActiveSqlTransaction, "CREATE INDEX CONCURRENTLY cannot run inside a transaction block")
	}
	method := s.AccessMethod
	if method == "" {
		method = "btree"
	}
	built, known := indexMethods[method]
	switch {
	case !known:
		return pgerr.New(pgerr.UndefinedObject, "access method %q does not exist", method)
	case !built:
		return pgerr.NotSupported("index access method \"" + method + "\"")
	case s.TableSpace != "" && s.TableSpace != "pg_default":
		return pgerr.New(pgerr.UndefinedObject, "tablespace %q does not exist", s.TableSpace)
	}
	spec := &ddl.IndexSpec{
		Name: s.Name, Table: e.name(s.Relation), IfNotExists: s.IfNotExists, Unique: s.Unique, Method: method,
		NullsNotDistinct: s.NullsNotDistinct,
	}
	spec.Table.Only = !s.Relation.Inh
	spec.Table.Pos = 0 // PostgreSQL gives none here
	err := e.DDL.MustOwn(spec.Table)
	if err != nil {
		return err
	}
	if spec.Options, err = indexOptions(s.Options, method); err != nil {
		return err
	}
	for _, p := range s.Params {
		c, err := e.indexColumn(p, e.indexed(s.Relation), method)
		if err != nil {
			return err
		}
		spec.Columns = append(spec.Columns, c)
	}
	if spec.Include, err = included(s.Including, method); err != nil {
		return err
	}
	if s.WhereClause != nil {
		t := e.indexed(s.Relation)
		if t == nil {
			return e.DDL.CreateIndex(ctx, spec) // for its error
		}
		if spec.Predicate, _, err = e.indexExpression(s.WhereClause, s.WhereText, t, sema.PredicateExpr); err != nil {
			return err
		}
	}
	return e.DDL.CreateIndex(ctx, spec)
}

// indexOptions judges the storage parameters of an index. They tune what this storage does not have; they are kept.
func indexOptions(opts []*parse.DefElem, method string) ([]string, error) {
	var out []string
	for _, o := range opts {
		value := argText(o.Arg)
		switch {
		case o.Name == "fillfactor" && method != "gin":
			if err := integerOption(o.Name, value, 10, 100); err != nil {
				return nil, err
			}
		case o.Name == "gin_pending_list_limit" && method == "gin":
			if err := integerOption(o.Name, value, 64, math.MaxInt32); err != nil {
				return nil, err
			}
		case o.Name == "deduplicate_items" && method == "btree", o.Name == "fastupdate" && method == "gin":
			if value == "" {
				value = "true"
			}
			if _, err := types.ParseText(types.T(types.BoolOid), value, types.DefaultIOEnv); err != nil {
				return nil, pgerr.New(pgerr.InvalidParameterValue, "invalid value for boolean option %q: %s", o.Name, value)
			}
		default:
			return nil, pgerr.New(pgerr.InvalidParameterValue, "unrecognized parameter %q", o.Name)
		}
		out = append(out, o.Name+"="+value)
	}
	return out, nil
}

// integerOption judges a storage parameter that is a number.
func integerOption(name, value string, lowest, highest int) error {
	n, err := strconv.Atoi(value)
	if err != nil {
		return pgerr.New(pgerr.InvalidParameterValue, "invalid value for integer option %q: %s", name, value)
	}
	if n < lowest || n > highest {
		return pgerr.New(pgerr.InvalidParameterValue, "value %s out of bounds for option %q", value, name).
			WithDetail("Valid values are between \"%d\" and \"%d\".", lowest, highest)
	}
	return nil
}

// alterIndex is ALTER INDEX … SET, RESET and SET TABLESPACE.
func (e *Env) alterIndex(ctx context.Context, s *parse.AlterTableStmt) error {
	name := ddl.Name{Schema: s.Relation.Schema, Name: s.Relation.Name}
	for _, c := range s.Cmds {
		var set []string
		var reset []string
		switch c.Subtype {
		case parse.ATSetRelOptions, parse.ATResetRelOptions:
			rel, _ := e.DDL.Overlay().LookupRelation(e.SearchPath, name.Schema, name.Name)
			method := "btree"
			if rel.Index != nil && rel.Index.Method != "" {
				method = rel.Index.Method
			}
			for _, o := range c.Options {
				reset = append(reset, o.Name)
			}
			if c.Subtype == parse.ATSetRelOptions {
				var err error
				if set, err = indexOptions(c.Options, method); err != nil {
					return err
				}
			}
		case parse.ATSetTableSpace:
			if c.Name != "pg_default" {
				return pgerr.New(pgerr.UndefinedObject, "tablespace %q does not exist", c.Name)
			}
		case parse.ATAttachPartition:
			if err := e.DDL.AttachIndex(ctx, name, e.name(c.Relation)); err != nil {
				return err
			}
			continue
		default:
			return pgerr.NotSupported("this form of ALTER INDEX")
		}
		if err := e.DDL.SetIndexOptions(ctx, name, s.MissingOk, reset, set); err != nil {
			return err
		}
	}
	return nil
}

// included returns the columns of INCLUDE.
func included(elems []*parse.IndexElem, method string) ([]string, error) {
	var out []string
	for _, el := range elems {
		switch {
		case el.Expr != nil:
			return nil, pgerr.New(pgerr.FeatureNotSupported, "expressions are not supported in included columns")
		case len(el.Collation) > 0:
			return nil, pgerr.New(pgerr.InvalidObjectDefinition, "including column does not support a collation")
		case len(el.OpClass) > 0:
			return nil, pgerr.New(pgerr.InvalidObjectDefinition, "including column does not support an operator class")
		case el.Ordering != parse.SortByDefault:
			return nil, pgerr.New(pgerr.InvalidObjectDefinition, "including column does not support ASC/DESC options")
		case el.Nulls != parse.SortByNullsDefault:
			return nil, pgerr.New(pgerr.InvalidObjectDefinition, "including column does not support NULLS FIRST/LAST options")
		case method != "btree":
			return nil, pgerr.New(pgerr.FeatureNotSupported, "access method %q does not support included columns", method)
		}
		out = append(out, el.Name)
	}
	return out, nil
}

// indexed returns the table of a CREATE INDEX, nil where there is none to be indexed.
func (e *Env) indexed(r *parse.RangeVar) *catalog.Table {
	rel, _ := e.DDL.Overlay().LookupRelation(e.SearchPath, r.Schema, r.Name)
	if rel.Kind != catalog.KindTable && rel.Kind != catalog.KindMatView {
		return nil
	}
	return rel.Table
}

// indexExpression analyses an expression or the predicate of an index.
func (e *Env) indexExpression(x parse.Expr, text string, t *catalog.Table, kind sema.ExprKind) (*ddl.Expression, expr.Node, error) {
	out, node, err := e.expression(x, text, sema.ExprScope{Kind: kind, Table: t})
	if err == nil && expr.ContainsMutable(node) {
		err = errMutableIndex(kind)
	}
	return out, node, err
}

// operatorClass returns the name of an operator class, empty where it is the default of a type.
func (e *Env) operatorClass(p *parse.IndexElem, typ types.Oid, method string) (string, error) {
	schema := ""
	if len(p.OpClass) > 1 {
		schema = p.OpClass.Schema()
	}
	if c := e.DDL.Overlay().OpClassNamed(method, schema, p.OpClass.Last()); c != nil {
		if !types.BinaryCoercible(typ, c.Input) {
			return "", pgerr.New(pgerr.DatatypeMismatch, "operator class %q does not accept data type %s", c.Name, types.FormatType(types.T(typ)))
		}
		return c.Name, nil
	}
	if len(p.OpClass) == 1 || p.OpClass[0] == "pg_catalog" {
		return pgcat.OperatorClass(method, p.OpClass.Last(), typ)
	}
	return "", pgerr.New(pgerr.UndefinedObject, "operator class %q does not exist for access method %q", p.OpClass.String(), method)
}

func tableColumn(t *catalog.Table, name string) *catalog.Column {
	if t == nil {
		return nil
	}
	return t.ColumnByName(name)
}

// indexedExpression analyses an expression of an index. One that is no more than a column is the column.
func (e *Env) indexedExpression(c *ddl.IndexColumnSpec, p *parse.IndexElem, t *catalog.Table, method string) error {
	x, node, err := e.indexExpression(p.Expr, p.ExprText, t, sema.IndexExpr)
	if err != nil {
		return err
	}
	if v, ok := node.(*expr.Var); ok {
		c.Name = t.Columns[v.Col].Name
		if len(p.OpClass) > 0 {
			c.OpClass, err = e.operatorClass(p, v.Type.Oid, method)
		}
		return err
	}
	c.Expr, c.Type = x, node.ResultType()
	if c.Figured = sema.FigureName(p.Expr); c.Type.Oid == types.RecordOid {
		name := c.Figured
		if name == "" {
			name = "expr"
		}
		return pgerr.New(pgerr.InvalidTableDefinition, "column %q has pseudo-type record", name)
	}
	if len(p.OpClass) > 0 {
		c.OpClass, err = e.operatorClass(p, c.Type.Oid, method)
	}
	return err
}

// indexCollation resolves the COLLATE of an index's column; 0 where it is what the column has anyway.
func indexCollation(p *parse.IndexElem, t *catalog.Table, c *ddl.IndexColumnSpec) (catalog.Oid, error) {
	if len(p.Collation) == 0 || t == nil {
		return 0, nil
	}
	typ, own := c.Type, catalog.Oid(0)
	if c.Expr == nil {
		col := tableColumn(t, p.Name)
		if c.Name != "" {
			col = tableColumn(t, c.Name)
		}
		if col == nil {
			return 0, nil // the statement fails for it
		}
		typ, own = col.Type, col.Collation
	}
	in := types.Lookup(typ.Oid)
	if in == nil || in.Collation == 0 {
		return 0, pgerr.New(pgerr.DatatypeMismatch, "collations are not supported by type %s", types.FormatType(types.T(typ.Oid)))
	}
	if own == 0 {
		own = in.Collation
	}
	if oid := collations[p.Collation.Last()]; oid != own {
		return oid, nil
	}
	return 0, nil
}

func (e *Env) indexColumn(p *parse.IndexElem, t *catalog.Table, method string) (c ddl.IndexColumnSpec, err error) {
	switch {
	case len(p.Collation) > 0 && collations[p.Collation.Last()] == 0:
		return c, pgerr.New(pgerr.UndefinedObject, "collation %q for encoding \"UTF8\" does not exist", p.Collation.String())
	case len(p.OpClassOpts) > 0:
		return c, pgerr.New(pgerr.InvalidParameterValue, "operator class %s has no options", p.OpClass.String())
	case method != "btree" && p.Ordering != parse.SortByDefault:
		return c, pgerr.New(pgerr.FeatureNotSupported, "access method %q does not support ASC/DESC options", method)
	case method != "btree" && p.Nulls != parse.SortByNullsDefault:
		return c, pgerr.New(pgerr.FeatureNotSupported, "access method %q does not support NULLS FIRST/LAST options", method)
	}
	if p.Expr != nil && t != nil {
		if err := e.indexedExpression(&c, p, t, method); err != nil {
			return c, err
		}
	} else if col := tableColumn(t, p.Name); len(p.OpClass) > 0 && col != nil {
		if c.OpClass, err = e.operatorClass(p, col.Type.Oid, method); err != nil {
			return c, err
		}
	}
	if c.Collation, err = indexCollation(p, t, &c); err != nil {
		return c, err
	}
	if c.Expr == nil && c.Name == "" {
		c.Name = p.Name
	}
	c.Desc = p.Ordering == parse.SortByDesc
	c.NullsFirst = p.Nulls == parse.SortByNullsFirst || p.Nulls == parse.SortByNullsDefault && c.Desc
	return c, nil
}

// reindex is REINDEX. Of a schema or the database it rebuilds the indexes of the tables that the role owns.
func (e *Env) reindex(ctx context.Context, s *parse.ReindexStmt) error {
	kind := [...]string{"INDEX", "TABLE", "SCHEMA", "SYSTEM", "DATABASE"}[s.Kind]
	for _, p := range s.Params {
		switch p.Name {
		case "concurrently":
			if e.InTransactionBlock {
				return pgerr.New(pgerr.ActiveSqlTransaction, "REINDEX CONCURRENTLY cannot run inside a transaction block")
			}
		case "verbose", "tablespace":
		default:
			return pgerr.New(pgerr.SyntaxError, "unrecognized REINDEX option %q", p.Name).WithPosition(e.pos(p.Loc()))
		}
	}
	if s.Relation != nil {
		return e.DDL.Reindex(ctx, ddl.Name{Schema: s.Relation.Schema, Name: s.Relation.Name}, s.Kind == parse.ReindexIndex)
	}
	if e.InTransactionBlock {
		return pgerr.New(pgerr.ActiveSqlTransaction, "REINDEX %s cannot run inside a transaction block", kind)
	}
	over := e.DDL.Overlay()
	if s.Kind == parse.ReindexSchema && over.SchemaByName(s.Name) == nil {
		return pgerr.New(pgerr.InvalidSchemaName, "schema %q does not exist", s.Name)
	}
	var names []ddl.Name
	over.Tables(func(t *catalog.Table) bool {
		schema := over.SchemaName(t.SchemaID)
		name := ddl.Name{Schema: schema, Name: t.Name}
		if s.Kind != parse.ReindexSystem && (s.Kind != parse.ReindexSchema || schema == s.Name) && e.DDL.MustOwn(name) == nil {
			names = append(names, name)
		}
		return true
	})
	for _, n := range names {
		if err := e.DDL.Reindex(ctx, n, false); err != nil {
			return err
		}
	}
	return nil
}
