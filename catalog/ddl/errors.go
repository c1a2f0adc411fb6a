package ddl

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

func errNoRelation(n Name) *pgerr.Error {
	return pgerr.New(pgerr.UndefinedTable, "relation %q does not exist", n.String()).WithPosition(n.Pos)
}

func errNoSchema(name string) *pgerr.Error {
	return pgerr.New(pgerr.InvalidSchemaName, "schema %q does not exist", name)
}

func errNoColumn(column, table string) *pgerr.Error {
	return pgerr.New(pgerr.UndefinedColumn, "column %q of relation %q does not exist", column, table)
}

func errNoConstraint(constraint, table string) *pgerr.Error {
	return pgerr.New(pgerr.UndefinedObject, "constraint %q of relation %q does not exist", constraint, table)
}

func errNoRole(name string) *pgerr.Error {
	return pgerr.New(pgerr.UndefinedObject, "role %q does not exist", name)
}

func errRelationExists(name string) *pgerr.Error {
	return pgerr.New(pgerr.DuplicateTable, "relation %q already exists", name)
}

// errRelationType is the error for a relation whose row type would have the name of another type.
func errRelationType(name string) *pgerr.Error {
	return errTypeExists(name).
		WithHint("A relation has an associated type of the same name, so you must use a name that doesn't conflict with any existing type.")
}

// nameTaken is the error for a name that another transaction took first.
func (x *Tx) nameTaken(n catalog.ObjectName) error {
	switch n.Class {
	case catalog.ClassSchema:
		return pgerr.New(pgerr.DuplicateSchema, "schema %q already exists", n.Name)
	case catalog.ClassRole:
		return pgerr.New(pgerr.DuplicateObject, "role %q already exists", n.Name)
	case catalog.ClassDatabase:
		return pgerr.New(pgerr.DuplicateDatabase, "database %q already exists", n.Name)
	case catalog.ClassType:
		return errTypeExists(n.Name)
	case catalog.ClassFunction:
		name, _, _ := strings.Cut(n.Name, "(")
		return errFunctionExists(name)
	case catalog.ClassExtension:
		return errExtensionExists(n.Name)
	}
	return errRelationExists(n.Name)
}

// kindNouns are the words of messages for each kind, with article where PostgreSQL has one.
var kindNouns = map[catalog.RelKind]struct{ noun, article, drop string }{
	catalog.KindTable:    {"table", "a table", "Use DROP TABLE to remove a table."},
	catalog.KindIndex:    {"index", "an index", "Use DROP INDEX to remove an index."},
	catalog.KindSequence: {"sequence", "a sequence", "Use DROP SEQUENCE to remove a sequence."},
	catalog.KindView:     {"view", "a view", "Use DROP VIEW to remove a view."},
	catalog.KindMatView: {"materialized view", "a materialized view",
		"Use DROP MATERIALIZED VIEW to remove a materialized view."},
}
