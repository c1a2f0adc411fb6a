package ddl

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// CreateComposite is CREATE TYPE … AS (…).
func (x *Tx) CreateComposite(ctx context.Context, n Name, attrs []types.Attribute) error {
	t, err := x.newType(ctx, types.CompositeClass, n)
	if err != nil {
		return err
	}
	if _, taken := x.s.over.Relation(t.SchemaID, t.Name); taken {
		return errRelationExists(t.Name)
	}
	for i, a := range attrs {
		if slices.ContainsFunc(attrs[:i], func(b types.Attribute) bool { return b.Name == a.Name }) {
			return pgerr.New(pgerr.DuplicateColumn, "column %q specified more than once", a.Name)
		}
		if err := x.checkAttribute(ctx, a); err != nil {
			return err
		}
	}
	t.Attrs = attrs
	return x.put(ctx, t)
}

func (x *Tx) checkAttribute(ctx context.Context, a types.Attribute) error {
	info := types.Lookup(a.Type.Oid)
	if info != nil && info.Type == 'p' {
		return pgerr.New(pgerr.InvalidTableDefinition, "column %q has pseudo-type %s", a.Name, types.FormatType(a.Type))
	}
	if !types.Supported(a.Type.Oid) {
		return pgerr.NotSupported("an attribute of type " + types.FormatType(a.Type))
	}
	return x.shareTypes(ctx, a.Type)
}

// checkMember refuses a type as that of an attribute or column of the composite type row where values of it would hold
// values of row: in an array, a range, a domain or another composite type.
func (x *Tx) checkMember(t, row catalog.Oid) error {
	switch {
	case !t.IsUser():
		return nil
	case t == row:
		return pgerr.New(pgerr.InvalidTableDefinition, "composite type %s cannot be made a member of itself", types.FormatType(types.T(row)))
	case types.ElemOf(t) != 0:
		return x.checkMember(types.ElemOf(t), row)
	case t.Class() == types.MultirangeClass:
		return x.checkMember(types.RangeOf(t), row)
	case t.Class() == types.CompositeClass:
		if u := x.s.over.UserType(t); u != nil {
			for _, f := range u.Fields {
				if f.Dropped {
					continue
				}
				if err := x.checkMember(f.Type.Declared(), row); err != nil {
					return err
				}
			}
		}
		return nil
	}
	switch d := x.s.over.Type(t); {
	case d == nil:
	case d.Range != nil:
		return x.checkMember(d.Range.Subtype.Declared(), row)
	case d.Domain != nil:
		return x.checkMember(d.Domain.Base.Declared(), row)
	}
	return nil
}

// lockComposite locks a composite type and returns a copy to be changed and put.
func (x *Tx) lockComposite(ctx context.Context, n Name) (*catalog.Type, error) {
	t, err := x.lockType(ctx, n)
	if err != nil {
		return nil, err
	}
	if t.OID.Class() != types.CompositeClass {
		return nil, pgerr.New(pgerr.WrongObjectType, "%q is not a composite type", n.Name)
	}
	return t.Clone(), nil
}

func liveAttribute(t *catalog.Type, name string) int {
	return slices.IndexFunc(t.Attrs, func(a types.Attribute) bool { return a.Name == name && !a.Dropped })
}

func errNoAttribute(t *catalog.Type, name string) *pgerr.Error {
	return pgerr.New(pgerr.UndefinedColumn, "column %q of relation %q does not exist", name, t.Name)
}

// AddAttribute is ALTER TYPE … ADD ATTRIBUTE. Values that are stored have NULL for it.
func (x *Tx) AddAttribute(ctx context.Context, n Name, a types.Attribute, b Behavior) error {
	t, err := x.lockComposite(ctx, n)
	if err != nil {
		return err
	}
	tables, err := x.typedTables(t, b)
	if err != nil {
		return err
	}
	if liveAttribute(t, a.Name) >= 0 {
		return pgerr.New(pgerr.DuplicateColumn, "column %q of relation %q already exists", a.Name, t.Name)
	}
	if err := x.checkMember(a.Type.Declared(), t.OID); err != nil {
		return err
	}
	if err := x.checkAttribute(ctx, a); err != nil {
		return err
	}
	t.Attrs = append(t.Attrs, a)
	if err := x.put(ctx, t); err != nil {
		return err
	}
	column := ColumnSpec{Name: a.Name, Type: a.Type, Collation: types.Lookup(a.Type.Oid).Collation}
	return x.alterTyped(ctx, tables, &AlterCommand{Kind: AddColumn, Column: &column})
}

// DropAttribute is ALTER TYPE … DROP ATTRIBUTE.
func (x *Tx) DropAttribute(ctx context.Context, n Name, name string, missingOK bool, b Behavior) error {
	t, err := x.lockComposite(ctx, n)
	if err != nil {
		return err
	}
	tables, err := x.typedTables(t, b)
	if err != nil {
		return err
	}
	at := liveAttribute(t, name)
	if at < 0 {
		if missingOK {
			x.notice(pgerr.Notice("column %q of relation %q does not exist, skipping", name, t.Name))
			return nil
		}
		return errNoAttribute(t, name)
	}
	if err := x.unusedType(t, "dropping an attribute of a type that a column has"); err != nil {
		return err
	}
	t.Attrs[at] = types.Attribute{Type: t.Attrs[at].Type, Dropped: true}
	if err := x.put(ctx, t); err != nil {
		return err
	}
	return x.alterTyped(ctx, tables, &AlterCommand{Kind: DropColumn, Name: name, Behavior: b})
}

// AlterAttribute is ALTER TYPE … ALTER ATTRIBUTE … TYPE.
func (x *Tx) AlterAttribute(ctx context.Context, n Name, a types.Attribute, b Behavior) error {
	t, err := x.lockComposite(ctx, n)
	if err != nil {
		return err
	}
	tables, err := x.typedTables(t, b)
	if err != nil {
		return err
	}
	at := liveAttribute(t, a.Name)
	if at < 0 {
		return errNoAttribute(t, a.Name)
	}
	if err := x.checkMember(a.Type.Declared(), t.OID); err != nil {
		return err
	}
	if err := x.checkAttribute(ctx, a); err != nil {
		return err
	}
	if err := x.unusedType(t, ""); err != nil {
		return err
	}
	t.Attrs[at].Type = a.Type
	if err := x.put(ctx, t); err != nil {
		return err
	}
	change := &TypeChange{Type: a.Type, Collation: types.Lookup(a.Type.Oid).Collation}
	return x.alterTyped(ctx, tables, &AlterCommand{Kind: AlterType, Name: a.Name, Type: change})
}

// unusedType refuses a change of a composite type that stored values would have to follow; feature, where it is not empty,
// is what PostgreSQL can do. Domains over the type are the caller's to judge.
func (x *Tx) unusedType(t *catalog.Type, feature string) error {
	if tab, col := x.storedIn(t.OID); tab != nil {
		if feature != "" {
			return pgerr.NotSupported(feature)
		}
		return pgerr.New(pgerr.FeatureNotSupported, "cannot alter type \"%s\" because column \"%s.%s\" uses it", t.Name, tab.Name, col.Name)
	}
	for _, d := range x.s.over.Dependents(catalog.Part{Kind: catalog.PartType, OID: t.OID}) {
		if d.Kind != catalog.PartType && d.Kind != catalog.PartTable {
			return pgerr.NotSupported("altering an attribute of a type that another object uses")
		}
	}
	return nil
}

// storedIn finds a column whose values hold values of a type, in arrays, ranges, domains and other composite types too: the
// oldest, as find_composite_type_dependencies does.
func (x *Tx) storedIn(t catalog.Oid) (*catalog.Table, *catalog.Column) {
	seen := map[catalog.Oid]bool{}
	var find func(t catalog.Oid) (*catalog.Table, *catalog.Column)
	find = func(t catalog.Oid) (*catalog.Table, *catalog.Column) {
		if seen[t] {
			return nil, nil
		}
		seen[t] = true
		users := x.s.over.Dependents(catalog.Part{Kind: catalog.PartType, OID: t})
		for _, d := range slices.Backward(users) {
			switch d.Kind {
			case catalog.PartColumn:
				tab := x.s.over.Table(d.OID)
				return tab, tab.Column(d.Sub)
			case catalog.PartType:
				if tab, col := find(d.OID); tab != nil {
					return tab, col
				}
			}
		}
		return nil, nil
	}
	return find(t)
}

// checkRowTypeUnused refuses a change of a table's columns that columns of its row type would have to follow.
func (x *Tx) checkRowTypeUnused(t *catalog.Table) error {
	tab, col := x.storedIn(types.UserOid(types.CompositeClass, t.OID))
	if tab == nil {
		return nil
	}
	return pgerr.New(pgerr.FeatureNotSupported, "cannot alter table \"%s\" because column \"%s.%s\" uses its row type", t.Name, tab.Name, col.Name)
}

// RenameAttribute is ALTER TYPE … RENAME ATTRIBUTE.
func (x *Tx) RenameAttribute(ctx context.Context, n Name, from, to string, b Behavior) error {
	t, err := x.lockComposite(ctx, n)
	if err != nil {
		return err
	}
	tables, err := x.typedTables(t, b)
	if err != nil {
		return err
	}
	at := liveAttribute(t, from)
	if at < 0 {
		return pgerr.New(pgerr.UndefinedColumn, "column %q does not exist", from)
	}
	if liveAttribute(t, to) >= 0 {
		return pgerr.New(pgerr.DuplicateColumn, "column %q of relation %q already exists", to, t.Name)
	}
	old := x.s.over
	t.Attrs[at].Name = to
	if err := x.put(ctx, t); err != nil {
		return err
	}
	for _, oid := range tables {
		tab := x.s.over.Table(oid)
		if err := x.renameColumnNamed(ctx, Name{Schema: x.s.over.SchemaName(tab.SchemaID), Name: tab.Name}, from, to, false); err != nil {
			return err
		}
	}
	return x.followAttribute(ctx, old, 0, from, to)
}
