package ddl

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// CreateView is CREATE [OR REPLACE] VIEW.
func (x *Tx) CreateView(ctx context.Context, s *ViewSpec) error {
	x.refresh()
	schema, persistence, err := x.relationSchema(ctx, s.Schema, s.Name, s.Persistence)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	columns := make([]catalog.Column, len(s.Columns))
	for i, c := range s.Columns {
		if seen[c.Name] {
			return pgerr.New(pgerr.DuplicateColumn, "column %q specified more than once", c.Name)
		}
		seen[c.Name] = true
		if err := checkPseudo(c.Name, c.Type); err != nil {
			return err
		}
		c.Num = catalog.AttNum(i + 1)
		columns[i] = c
	}
	for _, d := range s.Deps {
		if err := x.shareRelation(ctx, d.Relation); err != nil {
			return err
		}
	}
	v := &catalog.View{SchemaID: schema.OID, Name: s.Name, Owner: x.user(), Query: s.Query, Columns: columns, Deps: s.Deps,
		Persistence: persistence, Barrier: s.Barrier, Invoker: s.Invoker, Options: s.Options}
	if old, taken := x.s.over.Relation(schema.OID, s.Name); taken {
		if !s.Replace {
			return errRelationExists(s.Name)
		}
		if err := x.mustOwn(old); err != nil {
			return err
		}
		if old.Kind != catalog.KindView {
			return pgerr.New(pgerr.WrongObjectType, "%q is not a view", s.Name)
		}
		if err := sameColumns(old.View, v); err != nil {
			return err
		}
		v.OID, v.Owner, v.ACL, v.Comment = old.View.OID, old.View.Owner, old.View.ACL, old.View.Comment
		v.Rules, v.Triggers = old.View.Rules, old.View.Triggers
		for i := range old.View.Columns {
			o := &old.View.Columns[i]
			c := &v.Columns[i]
			c.ACL, c.Comment, c.Default, c.DefaultDeps = o.ACL, o.Comment, o.Default, o.DefaultDeps
		}
		return x.put(ctx, v)
	}
	if x.typeNameTaken(schema.OID, s.Name) {
		return errRelationType(s.Name)
	}
	if v.ACL, err = x.defaultACL(catalog.ACLRelation, schema.OID); err != nil {
		return err
	}
	if v.OID, err = x.newOID(ctx); err != nil {
		return err
	}
	return x.put(ctx, v)
}

// SetViewOptions is ALTER VIEW … SET and RESET: options are all that the view will have, of those that it has.
func (x *Tx) SetViewOptions(ctx context.Context, n Name, missingOK bool, options func(have []string) (ViewOptions, error)) error {
	rel, ok, err := x.findOwned(ctx, catalog.KindView, n, missingOK, false)
	if err != nil || !ok {
		return err
	}
	v := *rel.View
	o, err := options(v.Options)
	if err != nil {
		return err
	}
	v.Barrier, v.Invoker, v.Options = o.Barrier, o.Invoker, o.Options
	return x.put(ctx, &v)
}

// renameViewColumn renames a column of what a view shows; its query stays.
func (x *Tx) renameViewColumn(ctx context.Context, old *catalog.View, column, to string) error {
	v := *old
	v.Columns = slices.Clone(v.Columns)
	at := slices.IndexFunc(v.Columns, func(c catalog.Column) bool { return c.Name == column })
	switch {
	case at < 0:
		return pgerr.New(pgerr.UndefinedColumn, "column %q does not exist", column)
	case slices.ContainsFunc(v.Columns, func(c catalog.Column) bool { return c.Name == to }):
		return pgerr.New(pgerr.DuplicateColumn, "column %q of relation %q already exists", to, v.Name)
	}
	v.Columns[at].Name = to
	return x.put(ctx, &v)
}

// shareRelation holds a relation that a view names against being dropped or altered before the view is committed.
func (x *Tx) shareRelation(ctx context.Context, oid catalog.Oid) error {
	for _, class := range []catalog.Class{catalog.ClassTable, catalog.ClassView, catalog.ClassSequence, catalog.ClassType, catalog.ClassFunction} {
		if id := x.id(class, oid); x.s.over.Get(id) != nil {
			return x.shareObject(ctx, id)
		}
	}
	return nil
}

// sameColumns is checkViewTupleDesc: a replaced view keeps its columns and may get more at the end.
func sameColumns(old, new *catalog.View) error {
	if len(new.Columns) < len(old.Columns) {
		return pgerr.New(pgerr.InvalidTableDefinition, "cannot drop columns from view")
	}
	for i := range old.Columns {
		o, n := &old.Columns[i], &new.Columns[i]
		if o.Name != n.Name {
			return pgerr.New(pgerr.InvalidTableDefinition, "cannot change name of view column %q to %q", o.Name, n.Name).
				WithHint("Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.")
		}
		if o.Type != n.Type {
			return pgerr.New(pgerr.InvalidTableDefinition, "cannot change data type of view column %q from %s to %s",
				o.Name, types.FormatType(o.Type), types.FormatType(n.Type))
		}
		if o.Collation != n.Collation {
			return pgerr.New(pgerr.InvalidTableDefinition, "cannot change collation of view column %q from %q to %q",
				o.Name, catalog.CollationName(columnCollation(o)), catalog.CollationName(columnCollation(n)))
		}
	}
	return nil
}

// columnCollation is the collation of a view's column, its type's where it has none of its own.
func columnCollation(c *catalog.Column) catalog.Oid {
	if in := types.Lookup(c.Type.Oid); c.Collation == 0 && in != nil {
		return in.Collation
	}
	return c.Collation
}
