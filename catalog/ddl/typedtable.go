package ddl

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Typed tables: their columns are the attributes of a composite type, and change with it alone.

// typedMayChange refuses what would make a typed table differ from its type.
func typedMayChange(t *catalog.Table, k AlterKind) error {
	what := map[AlterKind]string{AddColumn: "cannot add column to typed table", DropColumn: "cannot drop column from typed table",
		AlterType: "cannot alter column type of typed table"}[k]
	if t == nil || t.OfType == 0 || what == "" {
		return nil
	}
	return pgerr.New(pgerr.WrongObjectType, "%s", what)
}

// addOf is ALTER TABLE … OF: the columns are to be the type's attributes already.
func (x *Tx) addOf(ctx context.Context, t *catalog.Table, typ catalog.Oid) error {
	if err := x.shareTypes(ctx, types.T(typ)); err != nil {
		return err
	}
	if len(t.Parents) > 0 {
		return pgerr.New(pgerr.WrongObjectType, "typed tables cannot inherit")
	}
	var columns []*catalog.Column
	for i := range t.Columns {
		if c := &t.Columns[i]; !c.Dropped && !c.Hidden {
			columns = append(columns, c)
		}
	}
	for _, a := range x.s.over.Type(typ).Attrs {
		switch {
		case a.Dropped:
			continue
		case len(columns) == 0:
			return pgerr.New(pgerr.DatatypeMismatch, "table is missing column %q", a.Name)
		case columns[0].Name != a.Name:
			return pgerr.New(pgerr.DatatypeMismatch, "table has column %q where type requires %q", columns[0].Name, a.Name)
		case columns[0].Type != a.Type:
			return pgerr.New(pgerr.DatatypeMismatch, "table %q has different type for column %q", t.Name, a.Name)
		}
		columns = columns[1:]
	}
	if len(columns) > 0 {
		return pgerr.New(pgerr.DatatypeMismatch, "table has extra column %q", columns[0].Name)
	}
	t.OfType = typ
	return x.putTable(ctx, t)
}

// dropOf is ALTER TABLE … NOT OF.
func (x *Tx) dropOf(ctx context.Context, t *catalog.Table) error {
	if t.OfType == 0 {
		return pgerr.New(pgerr.WrongObjectType, "%q is not a typed table", t.Name)
	}
	t.OfType = 0
	return x.putTable(ctx, t)
}

// typedTables are the tables of a composite type, older ones first. With Restrict there may be none.
func (x *Tx) typedTables(t *catalog.Type, b Behavior) ([]catalog.Oid, error) {
	var out []catalog.Oid
	x.s.over.Tables(func(tab *catalog.Table) bool {
		if tab.OfType == t.OID {
			out = append(out, tab.OID)
		}
		return true
	})
	if len(out) > 0 && b == Restrict {
		return nil, pgerr.New(pgerr.DependentObjectsStillExist, "cannot alter type \"%s\" because it is the type of a typed table", t.Name).
			WithHint("Use ALTER ... CASCADE to alter the typed tables too.")
	}
	slices.Sort(out)
	return out, nil
}

// alterTyped does to the typed tables of a type, and to what inherits from them, what was done to the type.
func (x *Tx) alterTyped(ctx context.Context, tables []catalog.Oid, c *AlterCommand) error {
	for _, oid := range tables {
		for _, k := range x.s.over.Inheritors(x.s.over.Table(oid)) {
			if err := x.lock(ctx, k.OID, c.LockModeOf()); err != nil {
				return err
			}
		}
		if err := x.alterTree(ctx, oid, c, true); err != nil {
			return err
		}
	}
	return nil
}
