package utility

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// createSchema is CREATE SCHEMA, with the objects that are made in it at once.
func (e *Env) createSchema(ctx context.Context, s *parse.CreateSchemaStmt) error {
	name, owner := s.Name, catalog.Oid(0)
	if s.AuthRole != nil {
		role := e.roleName(s.AuthRole)
		r := e.DDL.Overlay().RoleByName(role)
		if r == nil {
			return pgerr.New(pgerr.UndefinedObject, "role %q does not exist", role)
		}
		owner = r.OID
		if name == "" {
			name = role
		}
	}
	if s.IfNotExists && len(s.Elts) > 0 {
		return pgerr.New(pgerr.FeatureNotSupported, "CREATE SCHEMA IF NOT EXISTS cannot include schema elements")
	}
	if err := e.DDL.CreateSchema(ctx, name, owner, s.IfNotExists); err != nil || len(s.Elts) == 0 {
		return err
	}
	elts, err := schemaElements(s.Elts, name)
	if err != nil {
		return err
	}
	inner := *e
	inner.SearchPath = append([]string{name}, e.SearchPath...)
	if r := e.DDL.Overlay().Role(owner); r != nil {
		inner.User = r.Name
	}
	return e.DDL.Within(inner.SearchPath, owner, func() error {
		for _, elt := range elts {
			if _, err := Execute(ctx, &inner, elt); err != nil {
				return err
			}
		}
		return nil
	})
}

// schemaElements is transformCreateSchemaStmtElements: what is made comes in an order in which each finds what it needs, and
// all in the new schema.
func schemaElements(elts []parse.Statement, schema string) ([]parse.Statement, error) {
	var out []parse.Statement
	rank := func(s parse.Statement) int {
		switch s.(type) {
		case *parse.CreateSeqStmt:
			return 0
		case *parse.CreateStmt:
			return 1
		case *parse.ViewStmt:
			return 2
		case *parse.IndexStmt:
			return 3
		}
		return 4
	}
	for _, elt := range elts {
		var err error
		switch s := elt.(type) {
		case *parse.CreateSeqStmt:
			c := *s
			c.Sequence, err = inSchema(c.Sequence, schema)
			elt = &c
		case *parse.CreateStmt:
			c := *s
			c.Relation, err = inSchema(c.Relation, schema)
			elt = &c
		case *parse.ViewStmt:
			c := *s
			c.View, err = inSchema(c.View, schema)
			elt = &c
		case *parse.IndexStmt:
			c := *s
			c.Relation, err = inSchema(c.Relation, schema)
			elt = &c
		}
		if err != nil {
			return nil, err
		}
		out = append(out, elt)
	}
	slices.SortStableFunc(out, func(a, b parse.Statement) int { return rank(a) - rank(b) })
	return out, nil
}

// inSchema puts a name of CREATE SCHEMA's elements into the schema.
func inSchema(r *parse.RangeVar, schema string) (*parse.RangeVar, error) {
	if r.Schema != "" && r.Schema != schema {
		return nil, pgerr.New(pgerr.InvalidSchemaDefinition,
			"CREATE specifies a schema (%s) different from the one being created (%s)", r.Schema, schema)
	}
	c := *r
	c.Schema = schema
	return &c, nil
}
