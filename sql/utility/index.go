package utility

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/catalog/pgcat"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// indexMethods are PostgreSQL's access methods; those mapped to false are refused by name.
var indexMethods = map[string]bool{"btree": true, "hash": true, "gin": false, "gist": false, "spgist": false, "brin": false}

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
	case s.WhereClause != nil:
		return pgerr.NotSupported("a partial index")
	case len(s.Including) > 0:
		return pgerr.NotSupported("INCLUDE")
	case s.NullsNotDistinct:
		return pgerr.NotSupported("NULLS NOT DISTINCT")
	case s.TableSpace != "" && s.TableSpace != "pg_default":
		return pgerr.New(pgerr.UndefinedObject, "tablespace %q does not exist", s.TableSpace)
	}
	spec := &ddl.IndexSpec{
		Name: s.Name, Table: e.name(s.Relation), IfNotExists: s.IfNotExists, Unique: s.Unique, Method: method,
	}
	spec.Table.Pos = 0 // PostgreSQL gives none here
	if err := e.DDL.MustOwn(spec.Table); err != nil {
		return err
	}
	for _, p := range s.Params {
		c, err := e.indexColumn(p, s.Relation, method)
		if err != nil {
			return err
		}
		spec.Columns = append(spec.Columns, c)
	}
	return e.DDL.CreateIndex(ctx, spec)
}

// operatorClass returns the name of an operator class, empty where it is the default of the column's type.
func (e *Env) operatorClass(p *parse.IndexElem, table *parse.RangeVar, method string) (string, error) {
	if len(p.OpClass) == 1 || p.OpClass[0] == "pg_catalog" {
		rel, _ := e.DDL.Overlay().LookupRelation(e.SearchPath, table.Schema, table.Name)
		var col *catalog.Column
		if rel.Kind == catalog.KindTable && rel.Table != nil {
			col = rel.Table.ColumnByName(p.Name)
		}
		if col == nil {
			return "", nil // the statement fails for it
		}
		return pgcat.OperatorClass(method, p.OpClass.Last(), col.Type.Oid)
	}
	return "", pgerr.New(pgerr.UndefinedObject, "operator class %q does not exist for access method %q", p.OpClass.String(), method)
}

func (e *Env) indexColumn(p *parse.IndexElem, table *parse.RangeVar, method string) (c ddl.IndexColumnSpec, err error) {
	switch {
	case p.Expr != nil:
		return c, pgerr.NotSupported("an index on an expression")
	case len(p.Collation) > 0 && collations[p.Collation.Last()] == 0:
		return c, pgerr.New(pgerr.UndefinedObject, "collation %q for encoding \"UTF8\" does not exist", p.Collation.String())
	case len(p.OpClassOpts) > 0:
		return c, pgerr.New(pgerr.InvalidParameterValue, "operator class %s has no options", p.OpClass.String())
	case method == "hash" && (p.Ordering != parse.SortByDefault || p.Nulls != parse.SortByNullsDefault):
		return c, pgerr.New(pgerr.FeatureNotSupported, "access method \"hash\" does not support ASC/DESC options")
	}
	if len(p.OpClass) > 0 {
		if c.OpClass, err = e.operatorClass(p, table, method); err != nil {
			return c, err
		}
	}
	c.Name, c.Desc = p.Name, p.Ordering == parse.SortByDesc
	c.NullsFirst = p.Nulls == parse.SortByNullsFirst || p.Nulls == parse.SortByNullsDefault && c.Desc
	return c, nil
}
