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
	if len(s.Columns) > maxIndexColumns {
		return pgerr.New(pgerr.TooManyColumns, "cannot partition using more than %d columns", maxIndexColumns)
	}
	p := &catalog.Partitioning{Strategy: s.Strategy}
	for _, n := range s.Columns {
		c := columnNamed(t, n.Name)
		switch {
		case c == nil && systemColumns[n.Name]:
			return pgerr.New(pgerr.InvalidObjectDefinition, "cannot use system column %q in partition key", n.Name).WithPosition(n.Pos)
		case c == nil:
			return pgerr.New(pgerr.UndefinedColumn, "column %q named in partition key does not exist", n.Name).WithPosition(n.Pos)
		case c.Generated:
			return pgerr.New(pgerr.InvalidObjectDefinition, "cannot use generated column in partition key").WithPosition(n.Pos).
				WithDetail("Column \"%s\" is a generated column.", n.Name)
		case c.Type.Oid.IsUser() || c.Type.Domain != 0:
			return pgerr.NotSupported("a partition key of a user-defined type")
		case !Indexable(c.Type.Oid):
			return pgerr.New(pgerr.UndefinedObject, "data type %s has no default operator class for access method \"btree\"",
				types.FormatType(types.T(c.Type.Oid))).
				WithHint("You must specify a btree operator class or define a default btree operator class for the data type.")
		}
		p.Columns = append(p.Columns, c.Num)
	}
	t.Partitioning = p
	return nil
}

// coversPartitionKey refuses a unique key of a partitioned table that could not be judged by the partitions alone.
func coversPartitionKey(t *catalog.Table, kind string, columns []catalog.IndexColumn) error {
	if t.Partitioning == nil {
		return nil
	}
	for _, n := range t.Partitioning.Columns {
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

// boundText prints a range's bound as messages do.
func boundText(set *catalog.Partitions, vs []catalog.BoundValue) string {
	out := make([]string, len(vs))
	for i, v := range vs {
		out[i] = v.Print(set.Types[i].Oid)
	}
	return "(" + strings.Join(out, ", ") + ")"
}

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// boundCondition is a partition's constraint as SQL over its columns, other than that of a default partition.
func boundCondition(parent *catalog.Table, b *catalog.PartitionBound) string {
	name := func(i int) string { return catalog.QuoteIdent(parent.Columns[parent.Partitioning.Columns[i]-1].Name) }
	value := func(i int, v catalog.BoundValue) string {
		return literal(v.Text) + "::" + types.FormatType(types.T(parent.Columns[parent.Partitioning.Columns[i]-1].Type.Oid))
	}
	if parent.Partitioning.Strategy == catalog.ListPartitioning {
		var alts []string
		for _, v := range b.List {
			if v.Null {
				alts = append(alts, name(0)+" IS NULL")
			} else {
				alts = append(alts, "("+name(0)+" IS NOT NULL AND "+name(0)+" = "+value(0, v)+")")
			}
		}
		return "(" + strings.Join(alts, " OR ") + ")"
	}
	var all []string
	for i := range b.From {
		all = append(all, name(i)+" IS NOT NULL")
	}
	// chain is (a op x OR (a = x AND (b op y OR …))): last is the operator of the last column.
	var chain func(vs []catalog.BoundValue, i int, op, last string, lower bool) string
	chain = func(vs []catalog.BoundValue, i int, op, last string, lower bool) string {
		switch v := vs[i]; {
		case v.Kind == catalog.MinValue:
			return map[bool]string{true: "true", false: "false"}[lower]
		case v.Kind == catalog.MaxValue:
			return map[bool]string{true: "false", false: "true"}[lower]
		case i == len(vs)-1:
			return name(i) + " " + last + " " + value(i, v)
		default:
			return "(" + name(i) + " " + op + " " + value(i, v) + " OR (" + name(i) + " = " + value(i, v) + " AND " + chain(vs, i+1, op, last, lower) + "))"
		}
	}
	all = append(all, chain(b.From, 0, ">", ">=", true), chain(b.To, 0, "<", "<", false))
	return "(" + strings.Join(all, " AND ") + ")"
}

// validateDefault judges the rows of a default partition when another partition takes values from it.
func (x *Tx) validateDefault(ctx context.Context, parent *catalog.Table, b *catalog.PartitionBound) error {
	set, err := x.s.over.PartitionsOf(parent)
	if err != nil || set.Default == 0 || b.Default {
		return err
	}
	def := x.s.over.Table(set.Default)
	if err := x.lockTree(ctx, def, AccessExclusiveLock); err != nil {
		return err
	}
	return x.validateLeaves(ctx, def, "NOT "+boundCondition(parent, b),
		"updated partition constraint for default partition %q would be violated by some row")
}

func (x *Tx) lockTree(ctx context.Context, t *catalog.Table, mode LockMode) error {
	for _, k := range x.s.over.Inheritors(t) {
		if err := x.lock(ctx, k.OID, mode); err != nil {
			return err
		}
	}
	return nil
}

// validateLeaves judges the rows of a table, or of its partitions, by a condition; format is the error, for the table.
func (x *Tx) validateLeaves(ctx context.Context, t *catalog.Table, cond, format string) error {
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
		err = x.cfg.Backend.ValidateCheck(ctx, x.s.over.Table(k.OID), &catalog.Constraint{Type: catalog.Check, Check: cond})
		if pgerr.HasCode(err, pgerr.CheckViolation) {
			return pgerr.New(pgerr.CheckViolation, format, k.Name).WithTable(x.s.over.SchemaName(k.SchemaID), k.Name)
		}
		if err != nil {
			return err
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
		s.Constraints = append(s.Constraints, clonedConstraint(x.s.over, parent, k))
	}
}

// plainPartitioned refuses the indexes of a partitioned table that its partitions could not copy by column names alone.
func plainPartitioned(t *catalog.Table, s *IndexSpec) error {
	if t.Partitioning == nil {
		return nil
	}
	if s.Predicate != nil {
		return pgerr.NotSupported("a partial index on a partitioned table")
	}
	if slices.ContainsFunc(s.Columns, func(c IndexColumnSpec) bool { return c.Expr != nil }) {
		return pgerr.NotSupported("an expression index on a partitioned table")
	}
	return nil
}

// clonedIndex is an index of a partitioned table, which plainPartitioned has let pass, as its partition has it.
func clonedIndex(parent *catalog.Table, i *catalog.Index) IndexSpec {
	s := IndexSpec{
		Unique: i.Unique, Method: i.Method, Include: parent.ColumnNames(i.Include), NullsNotDistinct: i.NullsNotDistinct,
		Options: slices.Clone(i.Options), Parent: i.OID,
	}
	for _, c := range i.Columns {
		s.Columns = append(s.Columns, IndexColumnSpec{
			Name: parent.Columns[c.Num-1].Name, Collation: c.Collation, Desc: c.Desc, NullsFirst: c.NullsFirst, OpClass: c.OpClass,
		})
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

// addKeyTree adds a key or foreign key to a partitioned table and its partitions.
func (x *Tx) addKeyTree(ctx context.Context, table catalog.Oid, s ConstraintSpec, recurse bool) error {
	t, err := x.alter(ctx, table)
	if err != nil {
		return err
	}
	if t.Partitioning != nil && (!recurse || s.UsingIndex != "" || s.NotValid) {
		return pgerr.NotSupported("this form of ADD CONSTRAINT for a partitioned table")
	}
	if err := x.addConstraint(ctx, t, &s); err != nil {
		return err
	}
	t = x.s.over.Table(table)
	if t.Partitioning == nil {
		return nil
	}
	k := t.Constraints[len(t.Constraints)-1]
	for _, child := range t.Children {
		if err := x.addKeyTree(ctx, child, clonedConstraint(x.s.over, t, k), true); err != nil {
			return err
		}
	}
	return nil
}

// keepsPartition refuses a foreign key whose actions could change the partition key of a row: actions write to the partition
// that the row is in.
func (x *Tx) keepsPartition(t *catalog.Table, c *catalog.Constraint) error {
	changes := func(a catalog.Action) bool { return a == catalog.SetNull || a == catalog.SetDefault }
	if c.FK.OnUpdate != catalog.Cascade && !changes(c.FK.OnUpdate) && !changes(c.FK.OnDelete) {
		return nil
	}
	for p := t; p != nil; {
		if p.Partitioning != nil {
			for _, n := range p.Partitioning.Columns {
				if col := columnNamed(t, p.Columns[n-1].Name); col != nil && slices.Contains(c.Columns, col.Num) {
					return pgerr.NotSupported("a foreign key whose action would change a partition key")
				}
			}
		}
		if p.Bound == nil {
			return nil
		}
		p = x.s.over.Table(p.Parents[0])
	}
	return nil
}
