package ddl

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// pass orders the subcommands of one ALTER TABLE as PostgreSQL does, whatever the order written.
func (c *AlterCommand) pass() int {
	switch c.Kind {
	case DropColumn, DropConstraint, DropDefault, DropNotNull, DropIdentity, DropExpression:
		return 0
	case AlterType:
		return 1
	case AddColumn:
		return 4
	case SetNotNull:
		return 6
	case AddConstraint:
		if t := c.Constraints[0].Type; t == catalog.PrimaryKey || t == catalog.Unique || t == catalog.Exclusion {
			return 8
		}
		return 9
	case SetDefault, AddIdentity:
		return 9
	}
	return 10
}

// LockModeOf returns the table lock that a subcommand takes.
func (c *AlterCommand) LockModeOf() LockMode {
	switch c.Kind {
	case ValidateConstraint:
		return ShareUpdateExclusiveLock
	case AddConstraint:
		if c.Constraints[0].Type == catalog.Foreign {
			return ShareRowExclusiveLock
		}
	case AlterConstraint, SetTriggers:
		return ShareRowExclusiveLock
	case SetOptions, ClusterOn, SetStatistics, AttachPartition:
		return ShareUpdateExclusiveLock
	}
	return AccessExclusiveLock
}

// AlterTable is ALTER TABLE with its subcommands.
func (x *Tx) AlterTable(ctx context.Context, n Name, missingOK bool, cmds []AlterCommand) error {
	return x.alterKind(ctx, catalog.KindTable, n, missingOK, cmds)
}

// AlterMatView is ALTER MATERIALIZED VIEW with its subcommands.
func (x *Tx) AlterMatView(ctx context.Context, n Name, missingOK bool, cmds []AlterCommand) error {
	return x.alterKind(ctx, catalog.KindMatView, n, missingOK, cmds)
}

func (x *Tx) alterKind(ctx context.Context, kind catalog.RelKind, n Name, missingOK bool, cmds []AlterCommand) error {
	x.refresh()
	if err := x.MustOwn(n); err != nil {
		return err
	}
	mode := LockMode(0)
	for i := range cmds {
		mode = max(mode, cmds[i].LockModeOf())
	}
	t, err := x.lockKind(ctx, kind, n, mode)
	if err != nil {
		if missingOK && pgerr.HasCode(err, pgerr.UndefinedTable) {
			x.notice(pgerr.Notice("relation %q does not exist, skipping", n.Name))
			return nil
		}
		return err
	}
	if err := x.onlyOwnTemp(t, "alter"); err != nil {
		return err
	}
	if !n.Only {
		for _, k := range x.s.over.Inheritors(t)[1:] {
			if err := x.lock(ctx, k.OID, mode); err != nil {
				return err
			}
		}
	}
	sorted := slices.Clone(cmds)
	slices.SortStableFunc(sorted, func(a, b AlterCommand) int { return passOf(&a, cmds) - passOf(&b, cmds) })
	for i := 0; i < len(sorted); i++ {
		c := &sorted[i]
		if err := typedMayChange(x.s.over.Table(t.OID), c.Kind); err != nil {
			return err
		}
		if c.Kind == AlterType { // all of them at once: see alterTypes
			from := i
			for i+1 < len(sorted) && sorted[i+1].Kind == AlterType {
				i++
			}
			err = x.alterTypeTree(ctx, t.OID, sorted[from:i+1], !n.Only)
		} else {
			err = x.alterTree(ctx, t.OID, c, !n.Only)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// passOf is pass, but what a conversion reads is dropped after it.
func passOf(c *AlterCommand, all []AlterCommand) int {
	reads := func(k AlterCommand) bool {
		return k.Kind == AlterType && k.Type.Using != nil && slices.Contains(k.Type.Using.Columns, c.Name)
	}
	if c.Kind == DropColumn && slices.ContainsFunc(all, reads) {
		return 2
	}
	return c.pass()
}

func (x *Tx) alterOne(ctx context.Context, table catalog.Oid, c *AlterCommand) error {
	change := x.alter
	if c.LockModeOf() <= ShareUpdateExclusiveLock {
		change = x.annotate
	}
	t, err := change(ctx, table)
	if err != nil {
		return err
	}
	switch c.Kind {
	case AddColumn:
		return x.addColumn(ctx, t, c)
	case AddConstraint:
		return x.addConstraint(ctx, t, &c.Constraints[0])
	case DropConstraint:
		return x.dropConstraintNamed(ctx, t, c)
	case ValidateConstraint:
		return x.validateConstraint(ctx, t, c.Name)
	case AlterConstraint:
		return x.alterConstraint(ctx, t, &c.Constraints[0])
	case AddInherit:
		return x.addInherit(ctx, t, c)
	case DropInherit:
		return x.dropInherit(ctx, t, c)
	case AddOf:
		return x.addOf(ctx, t, c.Type.Type.Oid)
	case DropOf:
		return x.dropOf(ctx, t)
	case AttachPartition:
		return x.attachPartition(ctx, t, c)
	case DetachPartition:
		return x.detachPartition(ctx, t, c)
	case ChangeOwner:
		return x.changeOwner(ctx, t, c.Owner)
	case ClusterOn:
		return x.clusterOn(ctx, t, c.Name)
	case ReplicaIdentity:
		return x.replicaIdentity(ctx, t, c.ReplicaKind, c.Name)
	case SetOptions:
		t.Options = c.Options
		return x.putTable(ctx, t)
	case SetPersistence:
		return x.setPersistence(ctx, t, c.Persistence)
	case SetRowSecurity:
		t.RowSecurity = c.On
		return x.putTable(ctx, t)
	case ForceRowSecurity:
		t.ForceRowSecurity = c.On
		return x.putTable(ctx, t)
	}
	return x.alterColumn(ctx, t, c)
}

func (x *Tx) addColumn(ctx context.Context, t *catalog.Table, c *AlterCommand) error {
	s := c.Column
	if columnNamed(t, s.Name) != nil {
		if c.IfExists {
			n := pgerr.Notice("column %q of relation %q already exists, skipping", s.Name, t.Name)
			n.Code = pgerr.DuplicateColumn
			x.notice(n)
			return nil
		}
		return pgerr.New(pgerr.DuplicateColumn, "column %q of relation %q already exists", s.Name, t.Name)
	}
	row := types.UserOid(types.CompositeClass, t.OID)
	if err := x.checkMember(s.Type.Declared(), row); err != nil {
		return err
	}
	if err := checkColumn(s); err != nil {
		return err
	}
	if s.Default != nil || s.Sequence != nil || s.Fill != "" {
		if err := x.checkRowTypeUnused(t); err != nil {
			return err
		}
	}
	if len(t.Columns) >= maxColumns {
		return pgerr.New(pgerr.TooManyColumns, "tables can have at most %d columns", maxColumns)
	}
	sequences, err := x.addColumns(ctx, t, []ColumnSpec{*s})
	if err != nil {
		return err
	}
	for _, q := range sequences {
		if err := x.put(ctx, q); err != nil {
			return err
		}
	}
	col := &t.Columns[len(t.Columns)-1]
	if err := x.fillColumn(ctx, t, col, s); err != nil {
		return err
	}
	for i := range c.Constraints {
		t, err := x.alter(ctx, t.OID)
		if err != nil {
			return err
		}
		if err := x.addConstraint(ctx, t, &c.Constraints[i]); err != nil {
			return err
		}
	}
	return nil
}

// fillColumn gives existing rows their value of a new column: one value for all, or a rewrite.
func (x *Tx) fillColumn(ctx context.Context, t *catalog.Table, col *catalog.Column, s *ColumnSpec) error {
	if s.NeedsRewrite || s.Sequence != nil || s.Generated {
		text := col.Default
		switch {
		case s.Sequence != nil:
			text = SequenceDefault(col.Sequence)
		case text == "":
			text = s.Fill
		}
		return x.rewrite(ctx, t, map[catalog.AttNum]string{col.Num: text})
	}
	col.Missing, col.HasMissing = s.Missing, s.HasMissing
	if err := x.putTable(ctx, t); err != nil {
		return err
	}
	if !col.NotNull || col.HasMissing {
		return nil
	}
	if err := x.raise(ctx, t.OID); err != nil {
		return err
	}
	return x.cfg.Backend.ValidateNotNull(ctx, t, col)
}

// droppable finds the column of DROP COLUMN; nil where it is not there and need not be.
func (x *Tx) droppable(t *catalog.Table, c *AlterCommand) (*catalog.Column, error) {
	col := columnNamed(t, c.Name)
	if col == nil {
		if systemColumns[c.Name] {
			return nil, pgerr.New(pgerr.FeatureNotSupported, "cannot drop system column %q", c.Name)
		}
		if c.IfExists {
			x.notice(pgerr.Notice("column %q of relation %q does not exist, skipping", c.Name, t.Name))
			return nil, nil
		}
		return nil, errNoColumn(c.Name, t.Name)
	}
	if slices.Contains(t.DistColumns, col.Num) && !slices.Equal(t.DistColumns, t.KeyColumns) {
		return nil, pgerr.New(pgerr.FeatureNotSupported, "cannot drop column %q named in distribution_key", c.Name)
	}
	return col, nil
}

// addConstraint is ADD CONSTRAINT on a table that may have rows: new writes obey it first, then the rows are judged.
func (x *Tx) addConstraint(ctx context.Context, t *catalog.Table, s *ConstraintSpec) error {
	if s.Type == catalog.PrimaryKey || s.Type == catalog.Unique || s.Type == catalog.Exclusion { // which makes an index
		if err := x.mustCreateIn(x.s.over.Schema(t.SchemaID), x.user()); err != nil {
			return err
		}
	}
	switch s.Type {
	case catalog.Check:
		c, err := x.addCheck(ctx, t, s)
		if err != nil {
			return err
		}
		return x.validated(ctx, t, c, !s.NotValid)
	case catalog.Foreign:
		c, err := x.addForeignKey(ctx, t, s)
		if err != nil {
			return err
		}
		return x.validated(ctx, t, c, !s.NotValid)
	case catalog.Exclusion:
		c, index, err := x.addExclusion(ctx, t, s)
		if err != nil {
			return err
		}
		if err := x.buildIndexes(ctx, t, index); err != nil {
			return err
		}
		return x.cfg.Backend.ValidateExclusion(ctx, x.s.over.Table(t.OID), c)
	}
	if s.UsingIndex != "" {
		return x.addKeyUsingIndex(ctx, t, s)
	}
	if err := checkKeyColumns(t, s); err != nil {
		return err
	}
	_, index, err := x.addKey(ctx, t, s)
	if err != nil {
		return err
	}
	if s.Type == catalog.PrimaryKey {
		return x.rewrite(ctx, t, nil)
	}
	return x.buildIndexes(ctx, t, index)
}

// validated puts a table with a new or now valid constraint and judges the rows.
func (x *Tx) validated(ctx context.Context, t *catalog.Table, c *catalog.Constraint, check bool) error {
	if err := x.putTable(ctx, t); err != nil {
		return err
	}
	if !check {
		return nil
	}
	if c.Type == catalog.Check {
		if err := x.raise(ctx, t.OID); err != nil {
			return err
		}
		return x.cfg.Backend.ValidateCheck(ctx, t, c)
	}
	if err := x.raise(ctx, t.OID, c.FK.RefTable); err != nil {
		return err
	}
	return x.cfg.Backend.ValidateForeignKey(ctx, x.s.over, t, c)
}

// addKeyUsingIndex is ADD CONSTRAINT … USING INDEX.
func (x *Tx) addKeyUsingIndex(ctx context.Context, t *catalog.Table, s *ConstraintSpec) error {
	index := t.IndexByName(s.UsingIndex)
	const state = pgerr.ObjectNotInPrerequisiteState
	switch {
	case index == nil:
		if _, other := x.s.over.Relation(t.SchemaID, s.UsingIndex); other {
			return pgerr.New(state, "index %q does not belong to table %q", s.UsingIndex, t.Name).WithPosition(s.Pos)
		}
		return pgerr.New(pgerr.UndefinedObject, "index %q does not exist", s.UsingIndex).WithPosition(s.Pos)
	case index.Constraint != 0:
		return pgerr.New(state, "index %q is already associated with a constraint", s.UsingIndex).WithPosition(s.Pos)
	case !index.Unique:
		return pgerr.New(pgerr.WrongObjectType, "%q is not a unique index", s.UsingIndex).
			WithDetail("Cannot create a primary key or unique constraint using such an index.").WithPosition(s.Pos)
	}
	for k := range index.Columns {
		if c := &index.Columns[k]; c.Num == 0 {
			return pgerr.New(pgerr.WrongObjectType, "index %q contains expressions", s.UsingIndex).
				WithDetail("Cannot create a primary key or unique constraint using such an index.").WithPosition(s.Pos)
		}
	}
	if index.Predicate != "" {
		return pgerr.New(pgerr.WrongObjectType, "%q is a partial index", s.UsingIndex).
			WithDetail("Cannot create a primary key or unique constraint using such an index.").WithPosition(s.Pos)
	}
	if t.Partitioning != nil {
		return pgerr.New(pgerr.FeatureNotSupported, "ALTER TABLE / ADD CONSTRAINT USING INDEX is not supported on partitioned tables")
	}
	primary := s.Type == catalog.PrimaryKey
	if primary && t.PrimaryKey() != nil {
		return pgerr.New(pgerr.InvalidTableDefinition, "multiple primary keys for table %q are not allowed", t.Name)
	}
	name := s.Name
	if name == "" {
		name = index.Name
	} else if name != index.Name {
		if err := keyNameFree(x.s.over, t, name); err != nil {
			return err
		}
		x.notice(pgerr.Notice("ALTER TABLE / ADD CONSTRAINT USING INDEX will rename index \"%s\" to \"%s\"", index.Name, name))
	}
	oid, err := x.newOID(ctx)
	if err != nil {
		return err
	}
	c := &catalog.Constraint{
		OID: oid, Name: name, Type: s.Type, Index: index.OID, Deferrable: s.Deferrable, Deferred: s.Deferred, Validated: true,
	}
	for _, k := range index.Columns {
		c.Columns = append(c.Columns, k.Num)
		if primary {
			t.Columns[k.Num-1].NotNull = true
		}
	}
	index.Name, index.Constraint, index.Primary = name, oid, primary
	t.Constraints = append(t.Constraints, c)
	if primary {
		return x.rewrite(ctx, t, nil)
	}
	return x.putTable(ctx, t)
}

func (x *Tx) dropConstraintNamed(ctx context.Context, t *catalog.Table, c *AlterCommand) error {
	k := t.ConstraintByName(c.Name)
	if k == nil {
		if c.IfExists {
			x.notice(pgerr.Notice("constraint %q of relation %q does not exist, skipping", c.Name, t.Name))
			return nil
		}
		return errNoConstraint(c.Name, t.Name)
	}
	return x.dropParts(ctx, []catalog.Part{{Kind: catalog.PartConstraint, OID: k.OID}}, c.Behavior)
}

func (x *Tx) validateConstraint(ctx context.Context, t *catalog.Table, name string) error {
	k := t.ConstraintByName(name)
	if k == nil {
		return errNoConstraint(name, t.Name)
	}
	if k.Type != catalog.Foreign && k.Type != catalog.Check {
		return pgerr.New(pgerr.WrongObjectType, "constraint %q of relation %q is not a foreign key or check constraint", name, t.Name)
	}
	if k.Validated {
		return nil
	}
	k.Validated = true
	if err := x.putTable(ctx, t); err != nil {
		return err
	}
	// No fence: that of the constraint's addition has left nobody who writes without obeying it.
	if k.Type == catalog.Check {
		return x.cfg.Backend.ValidateCheck(ctx, t, k)
	}
	if err := x.lock(ctx, k.FK.RefTable, RowShareLock); err != nil {
		return err
	}
	return x.cfg.Backend.ValidateForeignKey(ctx, x.s.over, t, k)
}

func (x *Tx) alterConstraint(ctx context.Context, t *catalog.Table, s *ConstraintSpec) error {
	k := t.ConstraintByName(s.Name)
	if k == nil {
		return errNoConstraint(s.Name, t.Name)
	}
	if k.Type != catalog.Foreign {
		return pgerr.New(pgerr.WrongObjectType, "constraint %q of relation %q is not a foreign key constraint", s.Name, t.Name)
	}
	if of := x.derivedFrom(k); of != nil {
		return pgerr.New(pgerr.InternalError, "cannot alter constraint %q on relation %q", k.Name, t.Name).
			WithDetail("Constraint \"%s\" is derived from constraint \"%s\" of relation \"%s\".", k.Name, of.constraint.Name, of.table.Name).
			WithHint("You may alter the constraint it derives from, instead.")
	}
	return x.setDeferrable(ctx, t.OID, k.OID, s)
}

// setDeferrable alters a foreign key and its copies.
func (x *Tx) setDeferrable(ctx context.Context, table, constraint catalog.Oid, s *ConstraintSpec) error {
	t, err := x.alter(ctx, table)
	if err != nil {
		return err
	}
	k := t.ConstraintByOID(constraint)
	k.Deferrable, k.Deferred = s.Deferrable, s.Deferred
	if k.FK.RefTable != t.OID { // the parent's programs know when the key is checked
		if err := x.lock(ctx, k.FK.RefTable, ShareRowExclusiveLock); err != nil {
			return err
		}
		p, err := x.alter(ctx, k.FK.RefTable)
		if err != nil {
			return err
		}
		if err := x.putTable(ctx, p); err != nil {
			return err
		}
	}
	if err := x.putTable(ctx, t); err != nil {
		return err
	}
	for _, at := range append([]catalog.Oid{table}, t.Children...) {
		for _, c := range slices.Clone(x.s.over.Table(at).Constraints) {
			if c.Parent != constraint {
				continue
			}
			if err := x.setDeferrable(ctx, at, c.OID, s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *Tx) changeOwner(ctx context.Context, t *catalog.Table, owner string) error {
	r := x.s.over.RoleByName(owner)
	if r == nil {
		return errNoRole(owner)
	}
	if err := x.mayGive(catalog.Relation{Kind: catalog.KindTable, Table: t}, r); err != nil {
		return err
	}
	return x.setRelationOwner(ctx, t.OID, r.OID)
}
