package ddl

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// findRelation resolves a relation for ALTER and locks its table. ALTER TABLE (KindTable) takes any kind, as PostgreSQL's
// does; the others insist.
func (x *Tx) findRelation(ctx context.Context, kind catalog.RelKind, n Name, missingOK bool, mode LockMode) (rel catalog.Relation, ok bool, err error) {
	for {
		x.refresh()
		rel, err = x.find(n)
		if err != nil {
			if missingOK && (pgerr.HasCode(err, pgerr.UndefinedTable) || pgerr.HasCode(err, pgerr.InvalidSchemaName)) {
				x.notice(pgerr.Notice("relation %q does not exist, skipping", n.Name))
				return rel, false, nil
			}
			return rel, false, err
		}
		if kind != catalog.KindTable && rel.Kind != kind {
			return rel, false, pgerr.New(pgerr.WrongObjectType, "%q is not %s", n.Name, kindNouns[kind].article)
		}
		if rel.Table == nil {
			id := x.id(catalog.ClassSequence, rel.OID())
			if rel.Kind == catalog.KindView {
				id.Class = catalog.ClassView
			}
			err = x.lockObjects(ctx, id)
		} else if rel.Kind == catalog.KindIndex {
			err = x.lock(ctx, rel.Table.OID, min(mode, ShareUpdateExclusiveLock)) // PostgreSQL locks the index alone
		} else {
			err = x.lock(ctx, rel.Table.OID, mode)
		}
		if err != nil {
			return rel, false, err
		}
		again, found := x.s.over.LookupRelation(x.searchPath(), n.Schema, n.Name)
		if found && again.OID() == rel.OID() {
			return again, true, nil
		}
	}
}

// findOwned is findRelation for what only owners may do; with create they must be allowed to make objects in the schema too.
// That is judged before anything is waited for.
func (x *Tx) findOwned(ctx context.Context, kind catalog.RelKind, n Name, missingOK, create bool) (rel catalog.Relation, ok bool, err error) {
	x.refresh()
	if err := x.MustOwn(n); err != nil {
		return rel, false, err
	}
	if rel, err := x.find(n); err == nil && create {
		if err := x.mustCreateIn(x.s.over.Schema(rel.SchemaID()), x.user()); err != nil {
			return rel, false, err
		}
	}
	return x.findRelation(ctx, kind, n, missingOK, AccessExclusiveLock)
}

// RenameRelation is ALTER TABLE, INDEX, SEQUENCE and VIEW … RENAME TO.
func (x *Tx) RenameRelation(ctx context.Context, kind catalog.RelKind, n Name, to string, missingOK bool) error {
	if kind == catalog.KindIndex {
		kind = catalog.KindTable // PostgreSQL's ALTER INDEX renames any relation too
	}
	rel, ok, err := x.findOwned(ctx, kind, n, missingOK, true)
	if err != nil || !ok {
		return err
	}
	if _, taken := x.s.over.Relation(rel.SchemaID(), to); taken {
		return errRelationExists(to)
	}
	switch rel.Kind {
	case catalog.KindTable, catalog.KindMatView:
		t, err := x.alter(ctx, rel.Table.OID)
		if err != nil {
			return err
		}
		if _, err := rewriteExpressions(t, func(text string) (string, error) { return x.cfg.Exprs.RenameTable(text, t, to) }); err != nil {
			return err
		}
		t.Name = to
		return x.putTable(ctx, t)
	case catalog.KindIndex:
		t, err := x.annotate(ctx, rel.Table.OID)
		if err != nil {
			return err
		}
		i := t.IndexByOID(rel.Index.OID)
		i.Name = to
		if k := t.ConstraintByOID(i.Constraint); k != nil {
			k.Name = to
		}
		return x.putTable(ctx, t)
	case catalog.KindSequence:
		q := *rel.Sequence
		q.Name = to
		return x.put(ctx, &q)
	}
	v := *rel.View
	v.Name = to
	return x.put(ctx, &v)
}

// RenameColumn is ALTER TABLE … RENAME COLUMN.
func (x *Tx) RenameColumn(ctx context.Context, n Name, column, to string, missingOK bool) error {
	x.refresh()
	if rel, ok := x.s.over.LookupRelation(x.searchPath(), n.Schema, n.Name); ok && rel.Kind == catalog.KindTable && rel.Table.OfType != 0 {
		return pgerr.New(pgerr.WrongObjectType, "cannot rename column of typed table")
	}
	return x.renameColumnNamed(ctx, n, column, to, missingOK)
}

func (x *Tx) renameColumnNamed(ctx context.Context, n Name, column, to string, missingOK bool) error {
	rel, ok, err := x.findOwned(ctx, catalog.KindTable, n, missingOK, false)
	if err != nil || !ok {
		return err
	}
	if rel.Kind == catalog.KindView {
		return x.renameViewColumn(ctx, rel.View, column, to)
	}
	if rel.Kind != catalog.KindTable && rel.Kind != catalog.KindMatView {
		return pgerr.NotSupported("renaming columns of " + kindNouns[rel.Kind].noun + "s")
	}
	t := rel.Table
	col := columnNamed(t.Clone(), column)
	switch {
	case col == nil && systemColumns[column]:
		return pgerr.New(pgerr.FeatureNotSupported, "cannot rename system column %q", column)
	case col == nil:
		return pgerr.New(pgerr.UndefinedColumn, "column %q does not exist", column)
	case n.Only && len(t.Children) > 0:
		return errTree("inherited column %q must be renamed in child tables too", column)
	case col.InhCount > 0:
		return errTree("cannot rename inherited column %q", column)
	}
	tree := x.s.over.Inheritors(t)
	for _, k := range tree[1:] {
		if k.ColumnByName(column).InhCount > parentsWithin(tree, k) {
			return errTree("cannot rename inherited column %q", column)
		}
	}
	for _, k := range tree {
		if err := x.renameColumn(ctx, k.OID, column, to); err != nil {
			return err
		}
	}
	return nil
}

// parentsWithin counts a table's parents within a tree.
func parentsWithin(tree []*catalog.Table, t *catalog.Table) int {
	n := 0
	for _, k := range tree {
		if slices.Contains(t.Parents, k.OID) {
			n++
		}
	}
	return n
}

// renameColumn renames a column of one table.
func (x *Tx) renameColumn(ctx context.Context, table catalog.Oid, column, to string) error {
	if err := x.lock(ctx, table, AccessExclusiveLock); err != nil {
		return err
	}
	t, err := x.alter(ctx, table)
	if err != nil {
		return err
	}
	col := columnNamed(t, column)
	switch {
	case columnNamed(t, to) != nil:
		return pgerr.New(pgerr.DuplicateColumn, "column %q of relation %q already exists", to, t.Name)
	case systemColumns[to]:
		return pgerr.New(pgerr.DuplicateColumn, "column name %q conflicts with a system column name", to)
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		if !c.Generated || !slices.Contains(c.Uses, col.Num) {
			continue
		}
		if c.Default, err = x.cfg.Exprs.RenameColumn(c.Default, column, to); err != nil {
			return err
		}
	}
	if t.Partitioning != nil {
		for i := range t.Partitioning.Keys {
			k := &t.Partitioning.Keys[i]
			if !slices.Contains(k.Uses, col.Num) {
				continue
			}
			if k.Expr, err = x.cfg.Exprs.RenameColumn(k.Expr, column, to); err != nil {
				return err
			}
		}
	}
	for _, k := range t.Constraints {
		if k.Type != catalog.Check || !slices.Contains(k.Columns, col.Num) {
			continue
		}
		if k.Check, err = x.cfg.Exprs.RenameColumn(k.Check, column, to); err != nil {
			return err
		}
	}
	if err := x.renameInIndexes(t, col.Num, column, to); err != nil {
		return err
	}
	old := x.s.over
	col.Name = to
	if err := x.putTable(ctx, t); err != nil {
		return err
	}
	return x.followAttribute(ctx, old, t.OID, column, to)
}

// renameInIndexes renames a column in the expressions and predicates of a table's indexes.
func (x *Tx) renameInIndexes(t *catalog.Table, num catalog.AttNum, column, to string) (err error) {
	for _, i := range t.Indexes {
		for k := range i.Columns {
			c := &i.Columns[k]
			if !slices.Contains(c.Uses, num) {
				continue
			}
			if c.Expr, err = x.cfg.Exprs.RenameColumn(c.Expr, column, to); err != nil {
				return err
			}
		}
		if slices.Contains(i.PredicateUses, num) {
			if i.Predicate, err = x.cfg.Exprs.RenameColumn(i.Predicate, column, to); err != nil {
				return err
			}
		}
	}
	return nil
}

// RenameConstraint is ALTER TABLE … RENAME CONSTRAINT.
func (x *Tx) RenameConstraint(ctx context.Context, n Name, constraint, to string, missingOK bool) error {
	rel, ok, err := x.findOwned(ctx, catalog.KindTable, n, missingOK, false)
	if err != nil || !ok {
		return err
	}
	if rel.Kind != catalog.KindTable {
		return pgerr.New(pgerr.WrongObjectType, "%q is not a table", rel.Name())
	}
	t, err := x.alter(ctx, rel.Table.OID)
	if err != nil {
		return err
	}
	k := t.ConstraintByName(constraint)
	if k == nil {
		return pgerr.New(pgerr.UndefinedObject, "constraint %q for table %q does not exist", constraint, t.Name)
	}
	if k.Type == catalog.Check && !k.NoInherit {
		if done, err := x.renameInherited(ctx, t, k, to, n.Only); done || err != nil {
			return err
		}
	}
	if k.Index != 0 {
		if _, taken := x.s.over.Relation(t.SchemaID, to); taken {
			return errRelationExists(to)
		}
		t.IndexByOID(k.Index).Name = to
	} else if t.ConstraintByName(to) != nil {
		return pgerr.New(pgerr.DuplicateObject, "constraint %q for relation %q already exists", to, t.Name)
	}
	k.Name = to
	return x.putTable(ctx, t)
}

// SetSchema is ALTER TABLE, SEQUENCE and VIEW … SET SCHEMA; a table's indexes and owned sequences go with it.
func (x *Tx) SetSchema(ctx context.Context, kind catalog.RelKind, n Name, schema string, missingOK bool) error {
	rel, ok, err := x.findOwned(ctx, kind, n, missingOK, false)
	if err != nil || !ok {
		return err
	}
	if rel.Kind == catalog.KindIndex {
		return pgerr.New(pgerr.WrongObjectType, "%q is an index", rel.Name()).WithHint("Change the schema of the table instead.")
	}
	if q := rel.Sequence; q != nil && q.OwnedByTab != 0 {
		return pgerr.New(pgerr.FeatureNotSupported, "cannot move an owned sequence into another schema").
			WithDetail("Sequence \"%s\" is linked to table \"%s\".", q.Name, x.s.over.Table(q.OwnedByTab).Name)
	}
	to, err := x.creationSchema(ctx, schema, rel.Name())
	if err != nil {
		return err
	}
	if to.OID == rel.SchemaID() {
		return nil
	}
	if rel.Persistence() == catalog.Temporary || to.Temporary() {
		return pgerr.New(pgerr.FeatureNotSupported, "cannot move objects into or out of temporary schemas")
	}
	if err := x.moveFree(to, rel.Name()); err != nil {
		return err
	}
	switch rel.Kind {
	case catalog.KindSequence:
		q := *rel.Sequence
		q.SchemaID = to.OID
		return x.put(ctx, &q)
	case catalog.KindView:
		v := *rel.View
		v.SchemaID = to.OID
		return x.put(ctx, &v)
	}
	return x.moveTable(ctx, rel.Table.OID, to)
}

func (x *Tx) moveFree(to *catalog.Schema, name string) error {
	if _, taken := x.s.over.Relation(to.OID, name); taken {
		return pgerr.New(pgerr.DuplicateTable, "relation %q already exists in schema %q", name, to.Name)
	}
	return nil
}

func (x *Tx) moveTable(ctx context.Context, table catalog.Oid, to *catalog.Schema) error {
	t, err := x.alter(ctx, table)
	if err != nil {
		return err
	}
	for _, i := range t.Indexes {
		if err := x.moveFree(to, i.Name); err != nil {
			return err
		}
	}
	t.SchemaID = to.OID
	if err := x.putTable(ctx, t); err != nil {
		return err
	}
	for _, q := range x.s.over.SequencesOwnedBy(table, 0) {
		if err := x.moveFree(to, q.Name); err != nil {
			return err
		}
		c := *q
		c.SchemaID = to.OID
		if err := x.put(ctx, &c); err != nil {
			return err
		}
	}
	return nil
}

// SetOwner is ALTER TABLE, SEQUENCE and VIEW … OWNER TO.
func (x *Tx) SetOwner(ctx context.Context, kind catalog.RelKind, n Name, owner string, missingOK bool) error {
	rel, ok, err := x.findOwned(ctx, kind, n, missingOK, false)
	if err != nil || !ok {
		return err
	}
	r := x.s.over.RoleByName(owner)
	if r == nil {
		return errNoRole(owner)
	}
	switch rel.Kind {
	case catalog.KindTable:
		return x.changeOwner(ctx, rel.Table, owner)
	case catalog.KindIndex:
		x.notice(pgerr.NewWarning(pgerr.WrongObjectType, "cannot change owner of index %q", rel.Name()).
			WithHint("Change the ownership of the index's table instead."))
		return nil
	case catalog.KindSequence:
		q := *rel.Sequence
		if q.OwnedByTab != 0 && q.Owner != r.OID {
			return pgerr.New(pgerr.FeatureNotSupported, "cannot change owner of sequence %q", q.Name).
				WithDetail("Sequence \"%s\" is linked to table \"%s\".", q.Name, x.s.over.Table(q.OwnedByTab).Name)
		}
	}
	if err := x.mayGive(rel, r); err != nil {
		return err
	}
	return x.setRelationOwner(ctx, rel.OID(), r.OID)
}
