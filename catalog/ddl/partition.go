package ddl

import (
	"context"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Partitions are children that share their parent's columns, constraints, keys and indexes. A partitioned table has storages
// like any other, but no rows: all work on constraints is done by its leaf partitions.

// setPartitioning is ComputePartitionAttrs.
func setPartitioning(t *catalog.Table, s *PartitioningSpec) error {
	if s == nil {
		return nil
	}
	if len(s.Keys) > maxIndexColumns {
		return pgerr.New(pgerr.TooManyColumns, "cannot partition using more than %d columns", maxIndexColumns)
	}
	p := &catalog.Partitioning{Strategy: s.Strategy}
	for i := range s.Keys {
		k, err := partitionKey(t, &s.Keys[i])
		if err != nil {
			return err
		}
		switch {
		case k.Type.Oid.IsUser() || k.Type.Domain != 0:
			return pgerr.NotSupported("a partition key of a user-defined type")
		case !Indexable(k.Type.Oid):
			method := "btree"
			if s.Strategy == catalog.HashPartitioning {
				method = "hash"
			}
			return pgerr.New(pgerr.UndefinedObject, "data type %s has no default operator class for access method %q",
				types.FormatType(types.T(k.Type.Oid)), method).
				WithHint("You must specify a %s operator class or define a default %s operator class for the data type.", method, method)
		}
		p.Keys = append(p.Keys, k)
	}
	t.Partitioning = p
	return nil
}

func partitionKey(t *catalog.Table, s *PartitionKeySpec) (catalog.PartitionKey, error) {
	k := catalog.PartitionKey{OpClass: s.OpClass, Collation: s.Collation}
	if s.Expr != nil {
		k.Expr, k.Type, k.Uses, k.Deps = s.Expr.Text, s.Type, attributeNumbers(t, s.Expr.Columns), s.Expr.named()
		if in := types.Lookup(s.Type.Oid); k.Collation == 0 && in != nil {
			k.Collation = in.Collation
		}
		return k, nil
	}
	c, name := columnNamed(t, s.Name.Name), s.Name
	switch {
	case c == nil && systemColumns[name.Name]:
		return k, pgerr.New(pgerr.InvalidObjectDefinition, "cannot use system column %q in partition key", name.Name).WithPosition(name.Pos)
	case c == nil:
		return k, pgerr.New(pgerr.UndefinedColumn, "column %q named in partition key does not exist", name.Name).WithPosition(name.Pos)
	case c.Generated:
		return k, pgerr.New(pgerr.InvalidObjectDefinition, "cannot use generated column in partition key").WithPosition(name.Pos).
			WithDetail("Column \"%s\" is a generated column.", name.Name)
	}
	k.Num, k.Type = c.Num, c.Type
	if k.Collation == 0 {
		k.Collation = c.Collation
	}
	return k, nil
}

// coversPartitionKey refuses a unique key of a partitioned table that could not be judged by the partitions alone.
func coversPartitionKey(t *catalog.Table, kind string, columns []catalog.IndexColumn) error {
	if t.Partitioning == nil {
		return nil
	}
	cols, plain := t.Partitioning.KeyColumns()
	if !plain {
		return pgerr.New(pgerr.FeatureNotSupported, "unsupported %s constraint with partition key definition", kind).
			WithDetail("%s constraints cannot be used when partition keys include expressions.", kind)
	}
	for _, n := range cols {
		if !slices.ContainsFunc(columns, func(c catalog.IndexColumn) bool { return c.Num == n }) {
			return pgerr.New(pgerr.FeatureNotSupported, "unique constraint on partitioned table must include all partitioning columns").
				WithDetail("%s constraint on table \"%s\" lacks column \"%s\" which is part of the partition key.", kind, t.Name, t.Columns[n-1].Name)
		}
	}
	return nil
}

// checkBound is check_new_partition_bound.
func (x *Tx) checkBound(name string, parent *catalog.Table, b *BoundSpec) error {
	set, err := x.s.over.PartitionsOf(parent)
	if err != nil {
		return err
	}
	bad := func(pos int, format string, args ...any) *pgerr.Error {
		return pgerr.New(pgerr.InvalidObjectDefinition, format, args...).WithPosition(pos)
	}
	overlap := func(pos int, with catalog.Oid) error {
		return bad(pos, "partition %q would overlap partition %q", name, x.s.over.Table(with).Name)
	}
	if b.Default {
		if set.Default != 0 {
			return bad(b.Pos, "partition %q conflicts with existing default partition %q", name, x.s.over.Table(set.Default).Name)
		}
		return nil
	}
	if set.Strategy == catalog.HashPartitioning {
		if err := x.checkModulus(set, b); err != nil {
			return err
		}
		if with := set.HashOverlap(b.Modulus, b.Remainder); with != 0 {
			return overlap(b.Pos, with)
		}
		return nil
	}
	if set.Strategy == catalog.ListPartitioning {
		for i, v := range b.List {
			d, err := set.Datum(0, v)
			if err != nil {
				return err
			}
			if with := set.FindValue(d.Value); with != 0 {
				return overlap(b.Positions[i], with)
			}
		}
		return nil
	}
	from, err := set.Datums(b.From)
	if err != nil {
		return err
	}
	to, err := set.Datums(b.To)
	if err != nil {
		return err
	}
	if c := set.CompareBounds(from, to); c >= 0 {
		return bad(b.Positions[max(c, 1)-1], "empty range bound specified for partition %q", name).
			WithDetail("Specified lower bound %s is greater than or equal to upper bound %s.", boundText(set, b.From), boundText(set, b.To))
	}
	if with, at, ok := set.Overlap(from, to); ok {
		return overlap(b.Positions[at], with)
	}
	return nil
}

// checkModulus demands that every modulus is a factor of the next larger one.
func (x *Tx) checkModulus(set *catalog.Partitions, b *BoundSpec) error {
	bad := func(format string, other *catalog.HashEntry) error {
		return pgerr.New(pgerr.InvalidObjectDefinition, "every hash partition modulus must be a factor of the next larger modulus").
			WithDetail(format, b.Modulus, other.Modulus, x.s.over.Table(other.Table).Name)
	}
	const notFactor = "The new modulus %d is not a factor of %d, the modulus of existing partition \"%s\"."
	at := -1 // the last entry that is not above the new one
	for i := range set.Hashes {
		if h := &set.Hashes[i]; h.Modulus < b.Modulus || h.Modulus == b.Modulus && h.Remainder <= b.Remainder {
			at = i
		}
	}
	if at >= 0 && b.Modulus%set.Hashes[at].Modulus != 0 {
		return bad("The new modulus %d is not divisible by %d, the modulus of existing partition \"%s\".", &set.Hashes[at])
	}
	if at+1 < len(set.Hashes) && set.Hashes[at+1].Modulus%b.Modulus != 0 {
		return bad(notFactor, &set.Hashes[at+1])
	}
	return nil
}

// boundText prints a range's bound as messages do.
func boundText(set *catalog.Partitions, vs []catalog.BoundValue) string {
	out := make([]string, len(vs))
	for i, v := range vs {
		out[i] = v.Print(set.Types[i].Oid)
	}
	return "(" + strings.Join(out, ", ") + ")"
}

// validateDefault judges the rows of a default partition when another partition has taken values from it.
func (x *Tx) validateDefault(ctx context.Context, parent catalog.Oid, b *catalog.PartitionBound) error {
	set, err := x.s.over.PartitionsOf(x.s.over.Table(parent))
	if err != nil || set.Default == 0 || b.Default {
		return err
	}
	def := x.s.over.Table(set.Default)
	if err := x.lockTree(ctx, def, AccessExclusiveLock); err != nil {
		return err
	}
	return x.validateLeaves(ctx, def, def.Name, "updated partition constraint for default partition %q would be violated by some row")
}

func (x *Tx) lockTree(ctx context.Context, t *catalog.Table, mode LockMode) error {
	for _, k := range x.s.over.Inheritors(t) {
		if err := x.lock(ctx, k.OID, mode); err != nil {
			return err
		}
	}
	return nil
}

// validateLeaves judges the rows of a table, or of its partitions, by the bounds; format is the error, for name, or for the
// table that the row is in.
func (x *Tx) validateLeaves(ctx context.Context, t *catalog.Table, name, format string) error {
	for _, k := range x.s.over.Inheritors(t) {
		if k.Partitioning != nil {
			continue
		}
		a, err := x.alter(ctx, k.OID) // its rows are to stand still
		if err != nil {
			return err
		}
		if err := x.putTable(ctx, a); err != nil {
			return err
		}
		if err := x.raise(ctx, k.OID); err != nil {
			return err
		}
		k = x.s.over.Table(k.OID)
		fits, err := x.cfg.Backend.FitsBounds(ctx, x.s.over, k)
		if err != nil {
			return err
		}
		if !fits {
			if name != "" {
				k = t
			}
			return pgerr.New(pgerr.CheckViolation, format, k.Name).WithTable(x.s.over.SchemaName(k.SchemaID), k.Name)
		}
	}
	return nil
}

// cloneKeys adds to the specification of a partition the keys, indexes and foreign keys of its parent.
func (x *Tx) cloneKeys(s *TableSpec, parent *catalog.Table) {
	for _, i := range parent.Indexes {
		if k := parent.ConstraintByOID(i.Constraint); k != nil {
			s.Constraints = append(s.Constraints, clonedConstraint(x.s.over, parent, k))
			continue
		}
		s.Indexes = append(s.Indexes, clonedIndex(parent, i))
	}
	for _, k := range parent.ForeignKeys() {
		if _, copied := x.s.over.CopiedForeignKey(parent.OID, k); copied {
			continue
		}
		s.Constraints = append(s.Constraints, clonedConstraint(x.s.over, parent, k))
	}
}

// clonedIndex is an index of a partitioned table as its partition has it.
func clonedIndex(parent *catalog.Table, i *catalog.Index) IndexSpec {
	s := IndexSpec{
		Unique: i.Unique, Method: i.Method, Include: parent.ColumnNames(i.Include), NullsNotDistinct: i.NullsNotDistinct,
		Options: slices.Clone(i.Options), Parent: i.OID,
	}
	for _, c := range i.Columns {
		k := IndexColumnSpec{Collation: c.Collation, Desc: c.Desc, NullsFirst: c.NullsFirst, OpClass: c.OpClass}
		if c.Num != 0 {
			k.Name = parent.Columns[c.Num-1].Name
		} else {
			k.Expr, k.Type, k.Figured = &Expression{Text: c.Expr, Columns: parent.ColumnNames(c.Uses)}, c.Type, c.Name
		}
		s.Columns = append(s.Columns, k)
	}
	if i.Predicate != "" {
		s.Predicate = &Expression{Text: i.Predicate, Columns: parent.ColumnNames(i.PredicateUses)}
	}
	return s
}

// clonedConstraint is a key or foreign key of a partitioned table as its partition has it. A key is named anew.
func clonedConstraint(over *catalog.Snapshot, parent *catalog.Table, k *catalog.Constraint) ConstraintSpec {
	s := ConstraintSpec{
		Type: k.Type, Columns: parent.ColumnNames(k.Columns), Deferrable: k.Deferrable, Deferred: k.Deferred, InhCount: 1, Inherited: true,
		Parent: k.OID, ParentIndex: k.Index,
	}
	if i := parent.IndexByOID(k.Index); i != nil && k.FK == nil {
		s.Include, s.NullsNotDistinct = parent.ColumnNames(i.Include), i.NullsNotDistinct
	}
	if fk := k.FK; fk != nil {
		ref := over.Table(fk.RefTable)
		s.Name = k.Name
		s.FK = &ForeignKeySpec{
			RefTable: Name{Schema: over.SchemaName(ref.SchemaID), Name: ref.Name}, RefColumns: ref.ColumnNames(fk.RefColumns), Match: fk.Match,
			OnDelete: fk.OnDelete, OnUpdate: fk.OnUpdate, SetColumns: parent.ColumnNames(fk.SetColumns),
		}
	}
	return s
}

// addKeyTree adds a key or foreign key to a table and, if it is partitioned, to its partitions.
func (x *Tx) addKeyTree(ctx context.Context, table catalog.Oid, s ConstraintSpec, recurse bool) error {
	if s.Type == catalog.PrimaryKey && s.UsingIndex == "" {
		if err := x.keyNotNull(ctx, x.s.over.Table(table), s.Columns, recurse); err != nil {
			return err
		}
	}
	t, err := x.alter(ctx, table)
	if err != nil {
		return err
	}
	if t.Partitioning != nil {
		if err := partitionedKey(t, &s, recurse); err != nil {
			return err
		}
	}
	if err := x.addConstraint(ctx, t, &s); err != nil {
		return err
	}
	t = x.s.over.Table(table)
	k := t.Constraints[len(t.Constraints)-1]
	if k.FK != nil {
		return x.spreadForeignKey(ctx, table, k.OID)
	}
	if t.Partitioning == nil {
		return nil
	}
	if !recurse {
		return x.onlyParent(ctx, table, k.Index)
	}
	for _, child := range x.s.over.PartitionOrder(t) {
		if err := x.ensureIndex(ctx, table, k.Index, child); err != nil {
			return err
		}
	}
	return nil
}

// keyNotNull makes the columns of a new primary key NOT NULL in the tables that inherit them. In the table itself that comes
// with the key; partitions get the key too.
func (x *Tx) keyNotNull(ctx context.Context, t *catalog.Table, columns []string, recurse bool) error {
	for _, name := range columns {
		if t.ColumnByName(name) == nil {
			return errNoColumn(name, t.Name)
		}
		if t.PrimaryKey() != nil {
			continue // another is refused
		}
		c := &AlterCommand{Kind: SetNotNull, Name: name}
		if err := x.notNullOfPartitions(t.OID, c, recurse); err != nil {
			return err
		}
		if t.Partitioning != nil || !recurse {
			continue
		}
		for _, k := range x.s.over.Inheritors(t)[1:] {
			if err := x.alterOne(ctx, k.OID, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// onlyParent marks an index that was made for a partitioned table alone: its partitions are to attach theirs.
func (x *Tx) onlyParent(ctx context.Context, table, index catalog.Oid) error {
	t, err := x.alter(ctx, table)
	if err != nil || len(t.Children) == 0 {
		return err
	}
	t.IndexByOID(index).Invalid = true
	return x.putTable(ctx, t)
}

// partitionedKey refuses forms of ADD CONSTRAINT that partitioned tables do not have.
func partitionedKey(t *catalog.Table, s *ConstraintSpec, recurse bool) error {
	switch {
	case s.FK != nil && !recurse:
		return pgerr.New(pgerr.WrongObjectType, "cannot use ONLY for foreign key on partitioned table %q referencing relation %q", t.Name, s.FK.RefTable.Name)
	case s.FK != nil && s.NotValid:
		return pgerr.New(pgerr.WrongObjectType, "cannot add NOT VALID foreign key on partitioned table %q referencing relation %q", t.Name, s.FK.RefTable.Name).
			WithDetail("This feature is not yet supported on partitioned tables.")
	}
	return nil
}
