package utility

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// typedTableType resolves the type of OF: a composite type that is no table's row type.
func (e *Env) typedTableType(t *parse.TypeName) (catalog.Oid, error) {
	typ, err := sema.ResolveType(t, e.withoutPositions().sema())
	if err != nil {
		return 0, err
	}
	oid := typ.Declared()
	if oid.Class() != types.CompositeClass || e.DDL.Overlay().Type(oid) == nil {
		return 0, pgerr.New(pgerr.WrongObjectType, "type %s is not a composite type", types.FormatType(types.T(oid)))
	}
	return oid, nil
}

// ofType makes the columns of CREATE TABLE … OF: the type's attributes, with the options that the statement has for them.
func (b *tableBuilder) ofType(s *parse.CreateStmt) error {
	if s.OfType == nil {
		return nil
	}
	var err error
	if b.spec.OfType, err = b.typedTableType(s.OfType); err != nil {
		return err
	}
	options := map[string]*parse.ColumnDef{}
	for _, elt := range s.TableElts {
		c, ok := elt.(*parse.ColumnDef)
		if !ok {
			continue
		}
		if options[c.Name] != nil {
			return pgerr.New(pgerr.DuplicateColumn, "column %q specified more than once", c.Name)
		}
		options[c.Name] = c
	}
	attrs := b.DDL.Overlay().Type(b.spec.OfType).Attrs
	for _, elt := range s.TableElts {
		if c, ok := elt.(*parse.ColumnDef); ok && !slices.ContainsFunc(attrs, func(a types.Attribute) bool { return a.Name == c.Name && !a.Dropped }) {
			return pgerr.New(pgerr.UndefinedColumn, "column %q does not exist", c.Name)
		}
	}
	for _, a := range attrs {
		if a.Dropped {
			continue
		}
		c := options[a.Name]
		if c == nil {
			c = &parse.ColumnDef{Name: a.Name, Location: -1}
		}
		b.spec.Columns = append(b.spec.Columns, ddl.ColumnSpec{Name: a.Name, Type: a.Type, Collation: types.Lookup(a.Type.Oid).Collation})
		b.columns = append(b.columns, c)
		if err := b.columnConstraints(c, false); err != nil {
			return err
		}
	}
	return nil
}
