package ddl

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// ALTER TABLE on a table that others inherit from. What a child has from its parent is changed by way of the parent alone,
// and with the parent in all its children: ONLY is refused, or (for DROP) leaves the children what they had as their own.

func errTree(format string, args ...any) error {
	return pgerr.New(pgerr.InvalidTableDefinition, format, args...)
}

// alterTree carries a subcommand out on a table and, with recurse, on those that inherit from it.
func (x *Tx) alterTree(ctx context.Context, table catalog.Oid, c *AlterCommand, recurse bool) error {
	switch c.Kind {
	case AddColumn:
		return x.addColumnTree(ctx, table, c, recurse, false)
	case DropColumn:
		return x.dropColumnTree(ctx, table, c, recurse)
	case AddConstraint:
		if c.Constraints[0].Type == catalog.Check {
			return x.addCheckTree(ctx, table, c.Constraints[0], recurse)
		}
		return x.addKeyTree(ctx, table, c.Constraints[0], recurse)
	case DropConstraint:
		return x.dropConstraintTree(ctx, table, c, recurse)
	case ValidateConstraint:
		return x.validateTree(ctx, table, c, recurse)
	case AlterType:
		return x.alterTypeTree(ctx, table, []AlterCommand{*c}, recurse)
	case DropExpression:
		return x.dropExpressionTree(ctx, table, c, recurse)
	case SetNotNull, DropNotNull:
		if err := x.notNullOfPartitions(table, c, recurse); err != nil {
			return err
		}
		return x.alterEach(ctx, table, c, recurse)
	case SetDefault, DropDefault, SetStatistics, SetStorage:
		return x.alterEach(ctx, table, c, recurse)
	case SetTriggers:
		return x.setTriggers(ctx, table, c, recurse)
	}
	return x.alterOne(ctx, table, c)
}

// alterEach does the same to a table and to all that inherit from it.
func (x *Tx) alterEach(ctx context.Context, table catalog.Oid, c *AlterCommand, recurse bool) error {
	if err := x.alterOne(ctx, table, c); err != nil || !recurse {
		return err
	}
	for _, t := range x.s.over.Inheritors(x.s.over.Table(table))[1:] {
		if err := x.alterOne(ctx, t.OID, c); err != nil {
			return err
		}
	}
	return nil
}

// dropExpressionTree is ATPrepDropExpression: a child that kept the expression of a column whose parent has none would be
// the only one to compute it.
func (x *Tx) dropExpressionTree(ctx context.Context, table catalog.Oid, c *AlterCommand, recurse bool) error {
	t := x.s.over.Table(table)
	if len(t.Children) > 0 && !recurse {
		return pgerr.New(pgerr.FeatureNotSupported, "ALTER TABLE / DROP EXPRESSION must be applied to child tables too")
	}
	if col := t.ColumnByName(c.Name); col != nil && col.InhCount > 0 {
		return errTree("cannot drop generation expression from inherited column")
	}
	return x.alterEach(ctx, table, c, recurse)
}

// notNullOfPartitions keeps NOT NULL of a partitioned table's columns that of its partitions.
func (x *Tx) notNullOfPartitions(table catalog.Oid, c *AlterCommand, recurse bool) error {
	t := x.s.over.Table(table)
	if t.Partitioning != nil && len(t.Children) > 0 && !recurse {
		if c.Kind == DropNotNull {
			return errTree("cannot remove constraint from only the partitioned table when partitions exist").(*pgerr.Error).
				WithHint("Do not specify the ONLY keyword.")
		}
		for _, oid := range t.Children {
			if col := x.s.over.Table(oid).ColumnByName(c.Name); col != nil && !col.NotNull {
				return errTree("constraint must be added to child tables too").(*pgerr.Error).
					WithDetail("Column \"%s\" of relation \"%s\" is not already NOT NULL.", c.Name, x.s.over.Table(oid).Name).
					WithHint("Do not specify the ONLY keyword.")
			}
		}
	}
	if c.Kind == DropNotNull && t.Bound != nil {
		if col := x.s.over.Table(t.Parents[0]).ColumnByName(c.Name); col != nil && col.NotNull {
			return errTree("column %q is marked NOT NULL in parent table", c.Name)
		}
	}
	return nil
}

// addColumnTree is ATExecAddColumn. inherited says that the column comes from a parent.
func (x *Tx) addColumnTree(ctx context.Context, table catalog.Oid, c *AlterCommand, recurse, inherited bool) error {
	t, err := x.alter(ctx, table)
	if err != nil {
		return err
	}
	if t.Bound != nil && !inherited {
		return pgerr.New(pgerr.WrongObjectType, "cannot add column to a partition")
	}
	s := c.Column
	if col := columnNamed(t, s.Name); col != nil {
		if !inherited {
			return x.addColumn(ctx, t, c)
		}
		if col.Type != s.Type {
			return pgerr.New(pgerr.DatatypeMismatch, "child table %q has different type for column %q", t.Name, s.Name)
		}
		if col.Collation != s.Collation {
			return pgerr.New(pgerr.CollationMismatch, "child table %q has different collation for column %q", t.Name, s.Name)
		}
		col.InhCount++
		x.notice(pgerr.Notice("merging definition of column %q for child %q", s.Name, t.Name))
		return x.putTable(ctx, t)
	}
	if len(t.Children) > 0 && recurse && s.Identity != catalog.NoIdentity {
		return errTree("cannot recursively add identity column to table that has child tables")
	}
	if len(t.Children) > 0 && !recurse {
		return errTree("column must be added to child tables too")
	}
	alone := *c
	alone.Constraints = nil
	if err := x.addColumn(ctx, t, &alone); err != nil {
		return err
	}
	if err := x.addColumnToChildren(ctx, table, c); err != nil || inherited {
		return err
	}
	for i := range c.Constraints {
		add := &AlterCommand{Kind: AddConstraint, Constraints: c.Constraints[i : i+1]}
		if err := x.alterTree(ctx, table, add, recurse); err != nil {
			return err
		}
	}
	return nil
}

func (x *Tx) addColumnToChildren(ctx context.Context, table catalog.Oid, c *AlterCommand) error {
	t := x.s.over.Table(table)
	if len(t.Children) == 0 {
		return nil
	}
	s := *c.Column
	s.InhCount, s.Inherited, s.Comment = 1, true, ""
	if s.Sequence != nil { // a serial column's sequence serves the children too
		seq := t.ColumnByName(s.Name).Sequence
		s.Sequence, s.NotNull, s.NeedsRewrite = nil, true, true
		s.Default = &Expression{Text: SequenceDefault(seq), Sequences: []catalog.Oid{seq}}
	}
	add := &AlterCommand{Kind: AddColumn, Column: &s}
	for _, child := range t.Children {
		if err := x.addColumnTree(ctx, child, add, true, true); err != nil {
			return err
		}
	}
	return nil
}

// dropColumnTree is ATExecDropColumn: the column goes where it came from here alone, all at once.
func (x *Tx) dropColumnTree(ctx context.Context, table catalog.Oid, c *AlterCommand, recurse bool) error {
	t, err := x.alter(ctx, table)
	if err != nil {
		return err
	}
	col, err := x.droppable(t, c)
	if err != nil || col == nil {
		return err
	}
	if col.InhCount > 0 {
		return errTree("cannot drop inherited column %q", c.Name)
	}
	if t.Partitioning != nil && !recurse && len(t.Children) > 0 {
		return errTree("cannot drop column from only the partitioned table when partitions exist")
	}
	parts, err := x.columnParts(ctx, t, c, recurse)
	if err != nil {
		return err
	}
	return x.dropParts(ctx, parts, c.Behavior)
}

// columnParts returns a column and those of its table's children that go with it; the others are released.
func (x *Tx) columnParts(ctx context.Context, t *catalog.Table, c *AlterCommand, recurse bool) ([]catalog.Part, error) {
	col, err := x.droppable(t, c)
	if err != nil || col == nil {
		return nil, err
	}
	if t.Partitioning != nil && t.Partitioning.UsesColumn(col.Num) {
		return nil, errTree("cannot drop column %q because it is part of the partition key of relation %q", c.Name, t.Name)
	}
	var parts []catalog.Part
	for _, oid := range t.Children {
		child, err := x.alter(ctx, oid)
		if err != nil {
			return nil, err
		}
		k := columnNamed(child, c.Name)
		if k == nil || k.InhCount == 0 {
			return nil, pgerr.Internal("column %q of table %q does not come from %q", c.Name, child.Name, t.Name)
		}
		if recurse && k.InhCount == 1 && k.Inherited {
			below, err := x.columnParts(ctx, child, c, true)
			if err != nil {
				return nil, err
			}
			parts = append(parts, below...)
			continue
		}
		k.InhCount--
		k.Inherited = k.Inherited && recurse
		if err := x.putTable(ctx, child); err != nil {
			return nil, err
		}
	}
	return append(parts, catalog.Part{Kind: catalog.PartColumn, OID: t.OID, Sub: col.Num}), nil
}

// addCheckTree is ATAddCheckConstraint.
func (x *Tx) addCheckTree(ctx context.Context, table catalog.Oid, s ConstraintSpec, recurse bool) error {
	t, err := x.alter(ctx, table)
	if err != nil {
		return err
	}
	before := len(t.Constraints)
	c, err := x.addCheck(ctx, t, &s)
	if err != nil {
		return err
	}
	if len(t.Constraints) == before { // it is one with what there was, in the children too
		return x.putTable(ctx, t)
	}
	if err := x.validated(ctx, t, c, !s.NotValid); err != nil || c.NoInherit {
		return err
	}
	if len(t.Children) > 0 && !recurse {
		return errTree("constraint must be added to child tables too")
	}
	s.Name, s.InhCount, s.Inherited, s.Comment = c.Name, 1, true, ""
	for _, child := range t.Children {
		if err := x.addCheckTree(ctx, child, s, true); err != nil {
			return err
		}
	}
	return nil
}

// dropConstraintTree is ATExecDropConstraint.
func (x *Tx) dropConstraintTree(ctx context.Context, table catalog.Oid, c *AlterCommand, recurse bool) error {
	t, err := x.alter(ctx, table)
	if err != nil {
		return err
	}
	k := t.ConstraintByName(c.Name)
	if k == nil {
		return x.dropConstraintNamed(ctx, t, c)
	}
	if k.InhCount > 0 {
		return errTree("cannot drop inherited constraint %q of relation %q", c.Name, t.Name)
	}
	return x.dropFromTree(ctx, t, k, c, recurse)
}

// dropFromTree drops a constraint and, a CHECK that children inherit, theirs.
func (x *Tx) dropFromTree(ctx context.Context, t *catalog.Table, k *catalog.Constraint, c *AlterCommand, recurse bool) error {
	children := t.Children
	if k.Type != catalog.Check || k.NoInherit {
		children = nil
	}
	if err := x.dropParts(ctx, []catalog.Part{{Kind: catalog.PartConstraint, OID: k.OID}}, c.Behavior); err != nil {
		return err
	}
	for _, oid := range children {
		child, err := x.alter(ctx, oid)
		if err != nil {
			return err
		}
		k := child.ConstraintByName(c.Name)
		if k == nil {
			return errNoConstraint(c.Name, child.Name)
		}
		if recurse && k.InhCount == 1 && k.Inherited {
			if err := x.dropFromTree(ctx, child, k, c, true); err != nil {
				return err
			}
			continue
		}
		k.InhCount--
		k.Inherited = k.Inherited && recurse
		if err := x.putTable(ctx, child); err != nil {
			return err
		}
	}
	return nil
}

// validateTree is ATExecValidateConstraint.
func (x *Tx) validateTree(ctx context.Context, table catalog.Oid, c *AlterCommand, recurse bool) error {
	t := x.s.over.Table(table)
	k := t.ConstraintByName(c.Name)
	if k == nil || k.Type != catalog.Check || k.Validated || k.NoInherit || len(t.Children) == 0 {
		return x.alterOne(ctx, table, c)
	}
	if !recurse {
		return errTree("constraint must be validated on child tables too")
	}
	return x.alterEach(ctx, table, c, true)
}

// alterTypeTree is ALTER COLUMN … TYPE, of all columns that the statement gives a new type.
func (x *Tx) alterTypeTree(ctx context.Context, table catalog.Oid, list []AlterCommand, recurse bool) error {
	t := x.s.over.Table(table)
	tree := x.s.over.Inheritors(t)
	for i := range list {
		if err := typeMayChange(t, tree, list[i].Name, recurse); err != nil {
			return err
		}
	}
	converted := map[catalog.Oid][]catalog.AttNum{}
	var err error
	if converted[table], err = x.alterTypes(ctx, table, list); err != nil {
		return err
	}
	below := slices.Clone(list)
	for i := range below {
		change := *below[i].Type
		change.ConvertedDefault = nil // each has its own default, which stays
		below[i].Type = &change
	}
	for _, k := range tree[1:] {
		if converted[k.OID], err = x.alterTypes(ctx, k.OID, below); err != nil {
			return err
		}
	}
	for _, k := range tree {
		for _, num := range converted[k.OID] {
			if err := x.revalidate(ctx, k.OID, num); err != nil {
				return err
			}
		}
	}
	return nil
}

// typeMayChange refuses to change the type of a column that is inherited, or only in some tables of a tree.
func typeMayChange(t *catalog.Table, tree []*catalog.Table, name string, recurse bool) error {
	col := t.ColumnByName(name)
	if col == nil {
		return nil // alterTypes says so
	}
	switch {
	case col.InhCount > 0:
		return errTree("cannot alter inherited column %q", name)
	case t.Partitioning != nil && t.Partitioning.UsesColumn(col.Num):
		return errTree("cannot alter column %q because it is part of the partition key of relation %q", name, t.Name)
	case len(tree) > 1 && !recurse:
		return errTree("type of inherited column %q must be changed in child tables too", name)
	}
	for _, k := range tree[1:] {
		if d := k.ColumnByName(name); d != nil && d.InhCount > parentsWithin(tree, k) {
			return errTree("cannot alter inherited column %q of relation %q", name, k.Name)
		}
	}
	return nil
}

// renameInherited renames a CHECK constraint together with those that children have from it. done is false where it has
// none to take along.
func (x *Tx) renameInherited(ctx context.Context, t *catalog.Table, k *catalog.Constraint, to string, only bool) (done bool, err error) {
	if k.InhCount > 0 {
		return true, errTree("cannot rename inherited constraint %q", k.Name)
	}
	tree := x.s.over.Inheritors(x.s.over.Table(t.OID))
	if len(tree) == 1 {
		return false, nil
	}
	if only {
		return true, errTree("inherited constraint %q must be renamed in child tables too", k.Name)
	}
	for i, member := range tree {
		if have := member.ConstraintByName(k.Name); i > 0 && (have == nil || have.InhCount > parentsWithin(tree, member)) {
			return true, errTree("cannot rename inherited constraint %q", k.Name)
		}
		if member.ConstraintByName(to) != nil {
			return true, pgerr.New(pgerr.DuplicateObject, "constraint %q for relation %q already exists", to, member.Name)
		}
	}
	for _, member := range tree {
		if err := x.lock(ctx, member.OID, AccessExclusiveLock); err != nil {
			return true, err
		}
		m, err := x.alter(ctx, member.OID)
		if err != nil {
			return true, err
		}
		m.ConstraintByName(k.Name).Name = to
		if err := x.putTable(ctx, m); err != nil {
			return true, err
		}
	}
	return true, nil
}
