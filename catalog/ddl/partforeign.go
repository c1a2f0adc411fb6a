package ddl

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Foreign keys from and to partitioned tables. As in PostgreSQL, a foreign key has copies, which belong to it
// (Constraint.Parent):
//
//   - one on each partition of its own table, for the partition's rows are those that are checked;
//   - one on its own table for each partition of the table that it references, naming that partition: the partition's
//     deletes act by it, and are told by its name.
//
// Copies of the second kind are on the table where the key was declared alone: its deletes act on all partitions of it.
// What a key references is found by the partition key, which is part of every unique key of a partitioned table.

// spreadForeignKey makes the copies of a new foreign key.
func (x *Tx) spreadForeignKey(ctx context.Context, table, constraint catalog.Oid) error {
	if err := x.referenceParts(ctx, table, constraint); err != nil {
		return err
	}
	return x.inheritToAll(ctx, table, constraint)
}

func (x *Tx) inheritToAll(ctx context.Context, table, constraint catalog.Oid) error {
	t := x.s.over.Table(table)
	if t.Partitioning == nil {
		return nil
	}
	for _, child := range x.s.over.PartitionOrder(t) {
		if err := x.inheritForeignKey(ctx, table, constraint, child); err != nil {
			return err
		}
	}
	return nil
}

// inheritForeignKey gives a partition its copy of a foreign key: one of its own like it, or a new one, whose rows are judged.
func (x *Tx) inheritForeignKey(ctx context.Context, table, constraint, childOID catalog.Oid) error {
	t := x.s.over.Table(table)
	k := t.ConstraintByOID(constraint)
	child, err := x.alter(ctx, childOID)
	if err != nil {
		return err
	}
	if k.FK.RefTable == childOID {
		return pgerr.New(pgerr.FeatureNotSupported, "cannot attach table %q as a partition because it is referenced by foreign key %q", child.Name, k.Name)
	}
	for _, own := range child.ForeignKeys() {
		if own.Parent != 0 || !own.Validated || !sameForeignKey(t, k, child, own) {
			continue
		}
		own.Parent, own.Inherited = k.OID, true
		own.InhCount++
		if err := x.putTable(ctx, child); err != nil {
			return err
		}
		return x.dropReferences(ctx, childOID, own.OID)
	}
	s := clonedConstraint(x.s.over, t, k)
	if child.ConstraintByName(s.Name) != nil {
		s.Name = x.s.over.ChooseConstraintName(child.Name, catalog.JoinColumnNames(s.Columns), "fkey", child.SchemaID, nil)
	}
	if err := x.addConstraint(ctx, child, &s); err != nil {
		return err
	}
	child = x.s.over.Table(childOID)
	return x.inheritToAll(ctx, childOID, child.Constraints[len(child.Constraints)-1].OID)
}

func sameForeignKey(t *catalog.Table, k *catalog.Constraint, child *catalog.Table, own *catalog.Constraint) bool {
	a, b := k.FK, own.FK
	return a.RefTable == b.RefTable && a.Match == b.Match && a.OnDelete == b.OnDelete && a.OnUpdate == b.OnUpdate &&
		k.Deferrable == own.Deferrable && k.Deferred == own.Deferred && slices.Equal(a.RefColumns, b.RefColumns) &&
		slices.Equal(t.ColumnNames(k.Columns), child.ColumnNames(own.Columns)) &&
		slices.Equal(t.ColumnNames(a.SetColumns), child.ColumnNames(b.SetColumns))
}

// attachForeignKeys gives a table that has become a partition the foreign keys of its parent, and those that reference it.
func (x *Tx) attachForeignKeys(ctx context.Context, parent, child catalog.Oid) error {
	for _, k := range x.s.over.Table(parent).ForeignKeys() {
		if _, copied := x.s.over.CopiedForeignKey(parent, k); copied {
			continue
		}
		if err := x.inheritForeignKey(ctx, parent, k.OID, child); err != nil {
			return err
		}
	}
	return x.attachReferenced(ctx, parent, child)
}

// attachReferenced lets the foreign keys that reference a partitioned table reference a new partition.
func (x *Tx) attachReferenced(ctx context.Context, parent, child catalog.Oid) error {
	for _, in := range slices.Clone(x.s.over.Table(parent).Inbound) {
		t := x.s.over.Table(in.Table)
		k := t.ConstraintByOID(in.Constraint)
		if k == nil || x.s.over.InheritedForeignKey(t, k) {
			continue
		}
		if err := x.referencePart(ctx, in.Table, in.Constraint, child); err != nil {
			return err
		}
	}
	return nil
}

// referenceParts makes the copies of a foreign key for the partitions of the table that it references.
func (x *Tx) referenceParts(ctx context.Context, table, constraint catalog.Oid) error {
	ref := x.s.over.Table(x.s.over.Table(table).ConstraintByOID(constraint).FK.RefTable)
	if ref.Partitioning == nil {
		return nil
	}
	for _, part := range x.s.over.PartitionOrder(ref) {
		if err := x.referencePart(ctx, table, constraint, part); err != nil {
			return err
		}
	}
	return nil
}

func (x *Tx) referencePart(ctx context.Context, table, constraint, part catalog.Oid) error {
	if err := x.lock(ctx, table, ShareRowExclusiveLock); err != nil {
		return err
	}
	t, err := x.alter(ctx, table)
	if err != nil {
		return err
	}
	k := t.ConstraintByOID(constraint)
	above := x.s.over.Table(k.FK.RefTable)
	if err := x.lock(ctx, part, ShareRowExclusiveLock); err != nil {
		return err
	}
	p := t
	if part != table {
		if p, err = x.alter(ctx, part); err != nil {
			return err
		}
	}
	at := slices.IndexFunc(p.Indexes, func(i *catalog.Index) bool { return i.Parent == k.FK.RefIndex })
	if at < 0 {
		return pgerr.Internal("index %d has no part in table %q", k.FK.RefIndex, p.Name)
	}
	fk := *k.FK
	fk.RefTable, fk.RefIndex, fk.RefColumns, fk.Unchecked = p.OID, p.Indexes[at].OID, nil, false
	for _, name := range above.ColumnNames(k.FK.RefColumns) {
		fk.RefColumns = append(fk.RefColumns, columnNamed(p, name).Num)
	}
	c := *k
	c.FK, c.Parent, c.InhCount, c.Inherited, c.Comment = &fk, k.OID, 1, true, ""
	c.Name = x.with(t).ChooseConstraintName(t.Name, catalog.JoinColumnNames(t.ColumnNames(k.Columns)), "fkey", t.SchemaID, nil)
	if c.OID, err = x.newOID(ctx); err != nil {
		return err
	}
	t.Constraints = append(t.Constraints, &c)
	p.Inbound = append(p.Inbound, catalog.InboundFK{Table: table, Constraint: c.OID})
	if err := x.putTable(ctx, t); err != nil {
		return err
	}
	if p != t {
		if err := x.putTable(ctx, p); err != nil {
			return err
		}
	}
	return x.referenceParts(ctx, table, c.OID)
}

// dropReferences removes the copies that a foreign key has for the partitions of what it references.
func (x *Tx) dropReferences(ctx context.Context, table, constraint catalog.Oid) error {
	for _, c := range slices.Clone(x.s.over.Table(table).ForeignKeys()) {
		if c.Parent != constraint {
			continue
		}
		if err := x.dropReferences(ctx, table, c.OID); err != nil {
			return err
		}
		if err := x.dropConstraint(ctx, table, c.OID, nil); err != nil {
			return err
		}
	}
	return nil
}

// releaseReferenced takes a partition that is detached out of what foreign keys reference: no row may reference one of its.
func (x *Tx) releaseReferenced(ctx context.Context, parent, child catalog.Oid) error {
	for _, in := range slices.Clone(x.s.over.Table(child).Inbound) {
		t := x.s.over.Table(in.Table)
		k := t.ConstraintByOID(in.Constraint)
		above := t.ConstraintByOID(k.Parent)
		if above == nil || above.FK.RefTable != parent {
			continue // declared for the partition itself
		}
		if err := x.notReferenced(ctx, t, k); err != nil {
			return err
		}
		if err := x.dropReferences(ctx, in.Table, k.OID); err != nil {
			return err
		}
		if err := x.dropConstraint(ctx, in.Table, k.OID, nil); err != nil {
			return err
		}
	}
	return nil
}

// notReferenced judges that no row of a table, which its copy k of a foreign key names a partition for, references that one.
func (x *Tx) notReferenced(ctx context.Context, t *catalog.Table, k *catalog.Constraint) error {
	if err := x.lockTree(ctx, t, ShareLock); err != nil {
		return err
	}
	for _, leaf := range x.s.over.Inheritors(t) {
		if leaf.Partitioning != nil || leaf.OID != t.OID && t.Partitioning == nil {
			continue
		}
		a, err := x.alter(ctx, leaf.OID) // its rows are to stand still
		if err != nil {
			return err
		}
		if err := x.putTable(ctx, a); err != nil {
			return err
		}
		if err := x.raise(ctx, leaf.OID, k.FK.RefTable); err != nil {
			return err
		}
		own := *k
		own.Columns = nil
		for _, name := range t.ColumnNames(k.Columns) {
			own.Columns = append(own.Columns, columnNamed(a, name).Num)
		}
		if err := x.cfg.Backend.ReleasesReferenced(ctx, x.s.over, x.s.over.Table(leaf.OID), &own, t); err != nil {
			return err
		}
	}
	return nil
}

// standaloneForeignKeys gives the foreign keys of a table that is a partition no more their own copies for the partitions of
// what they reference.
func (x *Tx) standaloneForeignKeys(ctx context.Context, table catalog.Oid) error {
	for _, k := range slices.Clone(x.s.over.Table(table).ForeignKeys()) {
		if k.Parent != 0 || slices.ContainsFunc(x.s.over.Table(table).Constraints, func(c *catalog.Constraint) bool { return c.Parent == k.OID }) {
			continue
		}
		if err := x.referenceParts(ctx, table, k.OID); err != nil {
			return err
		}
	}
	return nil
}

type tableConstraint struct {
	table      *catalog.Table
	constraint *catalog.Constraint
}

// derivedFrom returns the foreign key at the top whose copy a constraint is; nil if it is none.
func (x *Tx) derivedFrom(k *catalog.Constraint) *tableConstraint {
	var of *tableConstraint
	for k.Parent != 0 {
		t, parent := x.s.over.Constraint(k.Parent)
		if parent == nil {
			break
		}
		of, k = &tableConstraint{t, parent}, parent
	}
	return of
}
