package ddl

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// ATTACH and DETACH PARTITION. Both tables get new versions and are fenced, so that no row is placed, no key judged and no
// reference followed by a bound that no longer holds. A table that is attached keeps what it has: its columns, constraints
// and indexes become the partition's where they are the parent's too; what it lacks is made.

// partitionTarget locks and judges the table that is to become a partition.
func (x *Tx) partitionTarget(ctx context.Context, parent *catalog.Table, n Name) (*catalog.Table, error) {
	n.Pos = 0
	wrong := func(format string, args ...any) *pgerr.Error {
		return pgerr.New(pgerr.WrongObjectType, format, args...)
	}
	rel, err := x.find(n)
	if err != nil {
		return nil, err
	}
	if rel.Kind != catalog.KindTable {
		return nil, wrong("ALTER action ATTACH PARTITION cannot be performed on relation %q", n.Name).
			WithDetail("This operation is not supported for %ss.", kindNouns[rel.Kind].noun)
	}
	if err := x.mustOwn(rel); err != nil {
		return nil, err
	}
	t, err := x.lockTable(ctx, n, AccessExclusiveLock)
	if err != nil {
		return nil, err
	}
	switch {
	case t.Bound != nil:
		return nil, wrong("%q is already a partition", t.Name)
	case len(t.Parents) > 0:
		return nil, wrong("cannot attach inheritance child as partition")
	case len(t.Children) > 0 && t.Partitioning == nil:
		return nil, wrong("cannot attach inheritance parent as partition")
	case slices.ContainsFunc(x.s.over.Inheritors(t), func(k *catalog.Table) bool { return k.OID == parent.OID }):
		return nil, pgerr.New(pgerr.DuplicateTable, "circular inheritance not allowed").
			WithDetail("%q is already a child of %q.", parent.Name, t.Name)
	}
	temp, above := t.Persistence == catalog.Temporary, parent.Persistence == catalog.Temporary
	switch {
	case !temp && above:
		return nil, wrong("cannot attach a permanent relation as partition of temporary relation %q", parent.Name)
	case temp && !above:
		return nil, wrong("cannot attach a temporary relation as partition of permanent relation %q", parent.Name)
	}
	for _, c := range t.LiveColumns() {
		if columnNamed(parent, c.Name) == nil {
			return nil, pgerr.New(pgerr.DatatypeMismatch, "table %q contains column %q not found in parent %q", t.Name, c.Name, parent.Name).
				WithDetail("The new partition may contain only the columns present in parent.")
		}
	}
	return t, nil
}

// attachPartition is ALTER TABLE … ATTACH PARTITION.
func (x *Tx) attachPartition(ctx context.Context, parent *catalog.Table, c *AlterCommand) error {
	t, err := x.partitionTarget(ctx, parent, c.Parent)
	if err != nil {
		return err
	}
	if err := x.checkBound(t.Name, parent, c.Bound); err != nil {
		return err
	}
	if err := rowTransitions(t, "a partition", "on partitions"); err != nil {
		return err
	}
	if t, err = x.alter(ctx, t.OID); err != nil {
		return err
	}
	if err := x.adoptColumns(t, parent); err != nil {
		return err
	}
	if err := x.adoptChecks(t, parent); err != nil {
		return err
	}
	bound := c.Bound.PartitionBound
	t.Parents, t.Bound = []catalog.Oid{parent.OID}, &bound
	if err := x.putTable(ctx, t); err != nil {
		return err
	}
	if err := x.link(ctx, t.OID, []*catalog.Table{parent}); err != nil {
		return err
	}
	parent = x.s.over.Table(parent.OID)
	for _, i := range parent.Indexes {
		if err := x.ensureIndex(ctx, parent.OID, i.OID, t.OID); err != nil {
			return err
		}
	}
	if err := x.attachForeignKeys(ctx, parent.OID, t.OID); err != nil {
		return err
	}
	if err := x.attachTriggers(ctx, parent.OID, t.OID); err != nil {
		return err
	}
	if err := x.validateLeaves(ctx, x.s.over.Table(t.OID), "", "partition constraint of relation %q is violated by some row"); err != nil {
		return err
	}
	return x.validateDefault(ctx, parent.OID, &bound)
}

// ensureIndex gives a partition the index that belongs to one of its parent's: one of its own if it has one like it, else a
// new one.
func (x *Tx) ensureIndex(ctx context.Context, parentOID, index, childOID catalog.Oid) error {
	parent := x.s.over.Table(parentOID)
	i := parent.IndexByOID(index)
	child, err := x.alter(ctx, childOID)
	if err != nil {
		return err
	}
	for _, own := range child.Indexes {
		if own.Parent != 0 || !sameIndex(parent, i, child, own) || i.Constraint != 0 && own.Constraint == 0 {
			continue
		}
		adoptIndex(child, own, i)
		return x.putTable(ctx, child)
	}
	if k := parent.ConstraintByOID(i.Constraint); k != nil {
		return x.addKeyTree(ctx, childOID, clonedConstraint(x.s.over, parent, k), true)
	}
	s := clonedIndex(parent, i)
	s.Table = Name{Schema: x.s.over.SchemaName(child.SchemaID), Name: child.Name}
	return x.CreateIndex(ctx, &s)
}

// adoptIndex makes an index of a partition, and its constraint, belong to those of the parent.
func adoptIndex(child *catalog.Table, own, i *catalog.Index) {
	own.Parent = i.OID
	if k := child.ConstraintByOID(own.Constraint); k != nil && i.Constraint != 0 {
		k.Parent, k.Inherited = i.Constraint, true
		k.InhCount++
	}
}

// sameIndex is CompareIndexInfo. Columns and expressions of a partition have the names that they have in the parent.
func sameIndex(t *catalog.Table, i *catalog.Index, child *catalog.Table, own *catalog.Index) bool {
	if i.Unique != own.Unique || i.NullsNotDistinct != own.NullsNotDistinct || methodName(i.Method) != methodName(own.Method) ||
		i.Predicate != own.Predicate || len(i.Columns) != len(own.Columns) ||
		!slices.Equal(t.ColumnNames(i.Include), child.ColumnNames(own.Include)) {
		return false
	}
	for n := range i.Columns {
		a, b := &i.Columns[n], &own.Columns[n]
		if (a.Num == 0) != (b.Num == 0) || a.Expr != b.Expr || a.Collation != b.Collation || a.OpClass != b.OpClass {
			return false
		}
		if a.Num != 0 && t.Columns[a.Num-1].Name != child.Columns[b.Num-1].Name {
			return false
		}
	}
	return true
}

// detachPartition is ALTER TABLE … DETACH PARTITION: what the table had from the parent becomes its own.
func (x *Tx) detachPartition(ctx context.Context, parent *catalog.Table, c *AlterCommand) error {
	n := c.Parent
	n.Pos = 0
	t, err := x.lockTable(ctx, n, AccessExclusiveLock)
	if err != nil {
		return err
	}
	if t.Bound == nil || t.Parents[0] != parent.OID {
		return pgerr.New(pgerr.UndefinedTable, "relation %q is not a partition of relation %q", t.Name, parent.Name)
	}
	if err := x.releaseReferenced(ctx, parent.OID, t.OID); err != nil {
		return err
	}
	if err := x.releaseTriggers(ctx, t.OID, func(g *catalog.Trigger) bool { return g.Parent != 0 }); err != nil {
		return err
	}
	if parent, err = x.alter(ctx, parent.OID); err != nil {
		return err
	}
	if t, err = x.alter(ctx, t.OID); err != nil {
		return err
	}
	release(t, parent)
	t.Parents, t.Bound = nil, nil
	parent.RemoveChild(t.OID)
	if err := x.putTable(ctx, t); err != nil {
		return err
	}
	if err := x.putTable(ctx, parent); err != nil {
		return err
	}
	return x.standaloneForeignKeys(ctx, t.OID)
}

// release makes what a table has from a parent its own.
func release(t, parent *catalog.Table) {
	for _, pc := range parent.LiveColumns() {
		if c := columnNamed(t, pc.Name); c != nil && c.InhCount > 0 {
			if c.InhCount--; c.InhCount == 0 {
				c.Inherited = false
			}
		}
	}
	for _, k := range t.Constraints {
		var from bool
		if k.Type == catalog.Check {
			pk := parent.ConstraintByName(k.Name)
			from = pk != nil && pk.Type == catalog.Check && !pk.NoInherit
		} else {
			from = k.Parent != 0 && parent.ConstraintByOID(k.Parent) != nil
		}
		if !from || k.InhCount == 0 {
			continue
		}
		if k.Type != catalog.Check {
			k.Parent = 0
		}
		if k.InhCount--; k.InhCount == 0 {
			k.Inherited = false
		}
	}
	for _, i := range t.Indexes {
		if i.Parent != 0 && parent.IndexByOID(i.Parent) != nil {
			i.Parent = 0
		}
	}
}

// AttachIndex is ALTER INDEX … ATTACH PARTITION.
func (x *Tx) AttachIndex(ctx context.Context, n, partition Name) error {
	x.refresh()
	n.Pos, partition.Pos = 0, 0
	t, i, err := x.indexNamed(n)
	if err != nil {
		return err
	}
	if t.Partitioning == nil {
		return pgerr.New(pgerr.WrongObjectType, "ALTER action ATTACH PARTITION cannot be performed on relation %q", i.Name).
			WithDetail("This operation is not supported for indexes.")
	}
	child, own, err := x.indexNamed(partition)
	if err != nil {
		return err
	}
	bad := func(code, format string, args ...any) error {
		return pgerr.New(code, "cannot attach index %q as a partition of index %q", own.Name, i.Name).WithDetail(format, args...)
	}
	switch {
	case own.Parent == i.OID:
		return nil
	case own.Parent != 0:
		return bad(pgerr.InvalidObjectDefinition, "Index \"%s\" is already attached to another index.", own.Name)
	case child.Bound == nil || child.Parents[0] != t.OID:
		return bad(pgerr.ObjectNotInPrerequisiteState, "Index \"%s\" is not an index on any partition of table \"%s\".", own.Name, t.Name)
	case slices.ContainsFunc(child.Indexes, func(k *catalog.Index) bool { return k.Parent == i.OID }):
		return bad(pgerr.ObjectNotInPrerequisiteState, "Another index is already attached for partition \"%s\".", child.Name)
	case !sameIndex(t, i, child, own):
		return bad(pgerr.InvalidObjectDefinition, "The index definitions do not match.")
	case i.Constraint != 0 && own.Constraint == 0:
		return bad(pgerr.InvalidObjectDefinition, "The index \"%s\" belongs to a constraint in table \"%s\" but no constraint exists for index \"%s\".",
			i.Name, t.Name, own.Name)
	}
	if err := x.lock(ctx, child.OID, AccessExclusiveLock); err != nil {
		return err
	}
	if child, err = x.alter(ctx, child.OID); err != nil {
		return err
	}
	adoptIndex(child, child.IndexByOID(own.OID), i)
	if err := x.putTable(ctx, child); err != nil {
		return err
	}
	return x.validIndex(ctx, t.OID, i.OID)
}

func (x *Tx) indexNamed(n Name) (*catalog.Table, *catalog.Index, error) {
	rel, err := x.find(n)
	if err != nil {
		return nil, nil, err
	}
	if rel.Kind != catalog.KindIndex {
		return nil, nil, pgerr.New(pgerr.WrongObjectType, "%q is not an index", n.Name)
	}
	return rel.Table, rel.Index, x.mustOwn(rel)
}

// validIndex marks an index of a partitioned table valid once every partition has its part of it (validatePartitionedIndex).
func (x *Tx) validIndex(ctx context.Context, table, index catalog.Oid) error {
	t, err := x.alter(ctx, table)
	if err != nil {
		return err
	}
	i := t.IndexByOID(index)
	if !i.Invalid {
		return nil
	}
	for _, oid := range t.Children {
		if !slices.ContainsFunc(x.s.over.Table(oid).Indexes, func(k *catalog.Index) bool { return k.Parent == index && !k.Invalid }) {
			return nil
		}
	}
	i.Invalid = false
	if err := x.putTable(ctx, t); err != nil || i.Parent == 0 {
		return err
	}
	return x.validIndex(ctx, t.Parents[0], i.Parent)
}
