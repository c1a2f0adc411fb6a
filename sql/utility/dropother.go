package utility

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/pgcat"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// otherObject is a kind of object that cannot be made here: there are those of the system, if any, and DROP finds no others.
type otherObject struct {
	noun    string
	catalog string // of the system's, in pg_catalog
}

var otherObjects = map[parse.ObjectType]otherObject{
	parse.ObjectForeignTable:    {noun: "foreign table"},
	parse.ObjectCollation:       {"collation", "pg_collation"},
	parse.ObjectTSParser:        {"text search parser", "pg_ts_parser"},
	parse.ObjectTSDictionary:    {"text search dictionary", "pg_ts_dict"},
	parse.ObjectTSTemplate:      {"text search template", "pg_ts_template"},
	parse.ObjectTSConfiguration: {"text search configuration", "pg_ts_config"},
}

func (e *Env) dropOther(s *parse.DropStmt) error {
	kind, ok := otherObjects[s.RemoveType]
	if !ok {
		return pgerr.NotSupported("DROP " + s.RemoveType.String())
	}
	for _, o := range s.Objects {
		if err := e.dropOtherObject(kind, o.Name, s.MissingOk); err != nil {
			return err
		}
	}
	return nil
}

func (e *Env) dropOtherObject(kind otherObject, n parse.Name, missingOK bool) error {
	missing := pgerr.New(pgerr.UndefinedObject, "%s %q does not exist", kind.noun, n.String())
	if kind.noun == "collation" {
		missing.Message = "collation \"" + n.String() + "\" for encoding \"UTF8\" does not exist"
	}
	skipping := kind.noun + " \"" + n.String() + "\" does not exist, skipping"
	switch schema := n.Schema(); {
	case schema != "" && e.DDL.Overlay().SchemaNamed(e.SearchPath, schema) == nil && schema != catalog.InformationSchemaName:
		missing = pgerr.New(pgerr.InvalidSchemaName, "schema %q does not exist", schema)
		skipping = "schema \"" + schema + "\" does not exist, skipping"
	case kind.catalog != "" && (schema == "" || schema == catalog.PgCatalogName) && pgcat.HasSystemObject(kind.catalog, n.Last()):
		name := catalog.QuoteIdent(n.Last())
		return pgerr.New(pgerr.DependentObjectsStillExist, "cannot drop %s %s because it is required by the database system", kind.noun, name)
	}
	if !missingOK {
		return missing
	}
	e.notice(pgerr.Notice("%s", skipping))
	return nil
}
