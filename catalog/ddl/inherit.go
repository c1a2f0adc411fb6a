package ddl

import (
	"context"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Inheritance: a table's columns and CHECK constraints are those of its parents and its own. A column or constraint counts
// the parents that it comes from, and knows whether it was declared with the table too: when the count is zero and it was
// not, it goes. Parent and child name each other, so that a change of either is a change of both to their users.

// inheritedLock is taken on a parent while a child comes or goes.
const inheritedLock = ShareUpdateExclusiveLock

// lockParents resolves and judges the tables of INHERITS, or the one of PARTITION OF.
func (x *Tx) lockParents(ctx context.Context, names []Name, temp, partition bool) ([]*catalog.Table, error) {
	var out []*catalog.Table
	for _, n := range names {
		n.Pos = 0
		rel, err := x.find(n)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out, func(t *catalog.Table) bool { return t.OID == rel.OID() }) {
			return nil, pgerr.New(pgerr.DuplicateTable, "relation %q would be inherited from more than once", n.Name)
		}
		if rel.Kind != catalog.KindTable {
			return nil, pgerr.New(pgerr.WrongObjectType, "inherited relation %q is not a table or foreign table", n.Name)
		}
		mode := inheritedLock
		switch {
		case partition:
			mode = AccessExclusiveLock
		case rel.Table.Partitioning != nil:
			return nil, pgerr.New(pgerr.WrongObjectType, "cannot inherit from partitioned table %q", n.Name)
		case rel.Table.Bound != nil:
			return nil, pgerr.New(pgerr.WrongObjectType, "cannot inherit from partition %q", n.Name)
		}
		if err := x.mustOwn(rel); err != nil {
			return nil, err
		}
		t, err := x.lockTable(ctx, n, mode)
		if err != nil {
			return nil, err
		}
		if err := x.temporaryParent(t, temp, partition); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// temporaryParent keeps temporary tables and others out of one tree: who reads a parent reads all its children.
func (x *Tx) temporaryParent(p *catalog.Table, temp, partition bool) error {
	parent := p.Persistence == catalog.Temporary
	switch {
	case parent && !temp && partition:
		return pgerr.New(pgerr.WrongObjectType, "cannot create a permanent relation as partition of temporary relation %q", p.Name)
	case parent && !temp:
		return pgerr.New(pgerr.WrongObjectType, "cannot inherit from temporary relation %q", p.Name)
	case !parent && temp && partition:
		return pgerr.New(pgerr.WrongObjectType, "cannot create a temporary relation as partition of permanent relation %q", p.Name)
	case !parent && temp:
		return pgerr.NotSupported("a temporary table that inherits from a permanent one")
	}
	return x.onlyOwnTemp(p, "inherit from")
}

// merge is MergeAttributes: it returns a specification with the columns and checks of the parents in front.
func (x *Tx) merge(s *TableSpec, parents []*catalog.Table) (*TableSpec, error) {
	m := &merging{x: x, partition: s.Bound != nil, conflicting: map[string]bool{}}
	for _, p := range parents {
		if err := m.parentColumns(p); err != nil {
			return nil, err
		}
		if err := m.parentChecks(p); err != nil {
			return nil, err
		}
	}
	for i := range s.Columns {
		if err := m.ownColumn(&s.Columns[i], i); err != nil {
			return nil, err
		}
	}
	for i := range m.columns {
		c := &m.columns[i]
		if m.conflicting[c.Name] && c.Generated {
			return nil, pgerr.New(pgerr.InvalidColumnDefinition, "column %q inherits conflicting generation expressions", c.Name)
		}
		if m.conflicting[c.Name] {
			return nil, pgerr.New(pgerr.InvalidColumnDefinition, "column %q inherits conflicting default values", c.Name).
				WithHint("To resolve the conflict, specify a default explicitly.")
		}
	}
	out := *s
	out.Columns = m.columns
	out.Constraints = append(m.checks, s.Constraints...)
	return &out, nil
}

// merging is MergeAttributes at work.
type merging struct {
	x *Tx
	// partition: all columns come from the parent, of which the statement gives options.
	partition bool
	columns   []ColumnSpec
	checks    []ConstraintSpec
	// conflicting are the columns whose parents disagree on the default.
	conflicting map[string]bool
}

func (m *merging) column(name string) (*ColumnSpec, int) {
	for i := range m.columns {
		if m.columns[i].Name == name {
			return &m.columns[i], i
		}
	}
	return nil, -1
}

func typeConflict(format, name string, a, b types.Type) error {
	return pgerr.New(pgerr.DatatypeMismatch, format, name).WithDetail("%s versus %s", types.FormatType(a), types.FormatType(b))
}

func (m *merging) parentColumns(p *catalog.Table) error {
	for _, c := range p.LiveColumns() {
		have, _ := m.column(c.Name)
		if have == nil {
			s := ColumnSpec{Name: c.Name, Type: c.Type, NotNull: c.NotNull, Collation: c.Collation, InhCount: 1, Inherited: true}
			if c.Default != "" && c.Identity == catalog.NoIdentity {
				s.Default, s.Generated = storedDefault(p, c), c.Generated
			}
			m.columns = append(m.columns, s)
			continue
		}
		m.x.notice(pgerr.Notice("merging multiple inherited definitions of column %q", c.Name))
		if have.Type != c.Type {
			return typeConflict("inherited column %q has a type conflict", c.Name, have.Type, c.Type)
		}
		if have.Collation != c.Collation {
			return pgerr.New(pgerr.CollationMismatch, "inherited column %q has a collation conflict", c.Name)
		}
		if have.Generated != c.Generated {
			return pgerr.New(pgerr.DatatypeMismatch, "inherited column %q has a generation conflict", c.Name)
		}
		have.InhCount++
		have.NotNull = have.NotNull || c.NotNull
		if c.Default == "" || c.Identity != catalog.NoIdentity {
			continue
		}
		if have.Default == nil {
			have.Default = storedDefault(p, c)
		} else if !m.x.cfg.Exprs.Same(have.Default.Text, c.Default) {
			m.conflicting[c.Name] = true
		}
	}
	return nil
}

// storedDefault is a column's default as an expression of another column.
func storedDefault(t *catalog.Table, c *catalog.Column) *Expression {
	return &Expression{Text: c.Default, Sequences: slices.Clone(c.DefaultDeps), Columns: t.ColumnNames(c.Uses)}
}

func (m *merging) parentChecks(p *catalog.Table) error {
	for _, k := range p.Constraints {
		if k.Type != catalog.Check || k.NoInherit {
			continue
		}
		at := slices.IndexFunc(m.checks, func(s ConstraintSpec) bool { return s.Name == k.Name })
		if at < 0 {
			m.checks = append(m.checks, inheritedCheck(p, k))
			continue
		}
		if !m.x.cfg.Exprs.Same(m.checks[at].Check.Text, k.Check) {
			return pgerr.New(pgerr.DuplicateObject, "check constraint name %q appears multiple times but with different expressions", k.Name)
		}
		m.checks[at].InhCount++
	}
	return nil
}

// inheritedCheck is a parent's CHECK as its child has it.
func inheritedCheck(p *catalog.Table, k *catalog.Constraint) ConstraintSpec {
	return ConstraintSpec{
		Name: k.Name, Type: catalog.Check, InhCount: 1, Inherited: true, NotValid: !k.Validated,
		Check: &Expression{Text: k.Check, Types: slices.Clone(k.CheckDeps), Columns: p.ColumnNames(k.Columns)},
	}
}

// ownColumn merges a column that the statement declares, the i-th, with an inherited one.
func (m *merging) ownColumn(c *ColumnSpec, i int) error {
	have, at := m.column(c.Name)
	if have == nil {
		m.columns = append(m.columns, *c)
		return nil
	}
	switch {
	case m.partition:
	case at == i:
		m.x.notice(pgerr.Notice("merging column %q with inherited definition", c.Name))
	default:
		m.x.notice(pgerr.Notice("moving and merging column %q with inherited definition", c.Name).
			WithDetail("User-specified column moved to the position of the inherited column."))
	}
	if have.Type != c.Type {
		return typeConflict("column %q has a type conflict", c.Name, have.Type, c.Type)
	}
	if have.Collation != c.Collation {
		return pgerr.New(pgerr.CollationMismatch, "column %q has a collation conflict", c.Name)
	}
	have.Inherited = m.partition
	have.NotNull = have.NotNull || c.NotNull
	if have.Generated {
		if err := besideInheritedExpression(c); err != nil {
			return err
		}
	}
	have.Identity, have.Sequence, have.Comment = c.Identity, c.Sequence, c.Comment
	if c.Default != nil || c.Sequence != nil {
		have.Default, have.Generated = c.Default, c.Generated
		delete(m.conflicting, c.Name)
	}
	return nil
}

// besideInheritedExpression refuses what a column declares beside the generation expression that it inherits.
func besideInheritedExpression(c *ColumnSpec) error {
	bad := func(format string) *pgerr.Error { return pgerr.New(pgerr.InvalidColumnDefinition, format, c.Name) }
	switch {
	case c.Generated:
		return bad("child column %q specifies generation expression").
			WithHint("Omit the generation expression in the definition of the child table column to inherit the generation expression from the parent table.")
	case c.Identity != catalog.NoIdentity:
		return bad("column %q inherits from generated column but specifies identity")
	case c.Default != nil || c.Sequence != nil:
		return bad("column %q inherits from generated column but specifies default")
	}
	return nil
}

// mergeCheck is MergeWithExistingConstraint: a constraint of the name k exists. own says that the new one is declared for
// the table itself, merge that it may be one with the other.
func (x *Tx) mergeCheck(t *catalog.Table, k *catalog.Constraint, s *ConstraintSpec, merge bool) error {
	state := func(format string) error {
		return pgerr.New(pgerr.InvalidObjectDefinition, format, k.Name, t.Name)
	}
	// A local definition may join one that is inherited alone, so that both can be given in either order.
	merge = merge || !s.Inherited && k.Inherited && t.Bound == nil
	switch {
	case !merge || k.Type != catalog.Check || !x.cfg.Exprs.Same(k.Check, s.Check.Text):
		return pgerr.New(pgerr.DuplicateObject, "constraint %q for relation %q already exists", k.Name, t.Name)
	case k.NoInherit:
		return state("constraint %q conflicts with non-inherited constraint on relation %q")
	case k.InhCount > 0 && s.NoInherit:
		return state("constraint %q conflicts with inherited constraint on relation %q")
	case !s.NotValid && !k.Validated:
		return state("constraint %q conflicts with NOT VALID constraint on relation %q")
	}
	x.notice(pgerr.Notice("merging constraint %q with inherited definition", k.Name))
	if t.Bound != nil { // which has one parent, and nothing of it is the partition's own
		k.InhCount, k.Inherited = 1, true
		return nil
	}
	k.InhCount += s.InhCount
	k.Inherited = k.Inherited && s.Inherited
	return nil
}

// link puts a child into the lists of the parents that it names already.
func (x *Tx) link(ctx context.Context, child catalog.Oid, parents []*catalog.Table) error {
	for _, p := range parents {
		// Who does not know of a new child sees none of its rows, and puts none there. A default partition, which rows now
		// leave for the new one, is altered.
		t, err := x.annotate(ctx, p.OID)
		if err != nil {
			return err
		}
		t.AddChild(child)
		if err := x.putTable(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// unlinkParents takes a table that goes out of the lists of the parents that stay.
func (x *Tx) unlinkParents(ctx context.Context, t *catalog.Table, gone map[catalog.Oid]bool) error {
	for _, oid := range t.Parents {
		if gone[oid] {
			continue
		}
		if err := x.lock(ctx, oid, inheritedLock); err != nil {
			return err
		}
		p, err := x.alter(ctx, oid)
		if err != nil {
			return err
		}
		p.RemoveChild(t.OID)
		if err := x.putTable(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// addInherit is ALTER TABLE … INHERIT.
func (x *Tx) addInherit(ctx context.Context, t *catalog.Table, c *AlterCommand) error {
	if err := inheritanceMayChange(t); err != nil {
		return err
	}
	parents, err := x.lockParents(ctx, []Name{c.Parent}, t.Persistence == catalog.Temporary, false)
	if err != nil {
		return err
	}
	p := parents[0]
	if slices.Contains(t.Parents, p.OID) {
		return pgerr.New(pgerr.DuplicateTable, "relation %q would be inherited from more than once", p.Name)
	}
	if slices.ContainsFunc(x.s.over.Inheritors(t), func(k *catalog.Table) bool { return k.OID == p.OID }) {
		return pgerr.New(pgerr.DuplicateTable, "circular inheritance not allowed").
			WithDetail("%q is already a child of %q.", p.Name, t.Name)
	}
	if err := rowTransitions(t, "an inheritance child", "in inheritance hierarchies"); err != nil {
		return err
	}
	if err := x.adoptColumns(t, p); err != nil {
		return err
	}
	if err := x.adoptChecks(t, p); err != nil {
		return err
	}
	t.Parents = append(t.Parents, p.OID)
	if err := x.putTable(ctx, t); err != nil {
		return err
	}
	return x.link(ctx, t.OID, parents)
}

func inheritanceMayChange(t *catalog.Table) error {
	switch {
	case t.OfType != 0:
		return pgerr.New(pgerr.WrongObjectType, "cannot change inheritance of typed table")
	case t.Bound != nil:
		return pgerr.New(pgerr.WrongObjectType, "cannot change inheritance of a partition")
	case t.Partitioning != nil:
		return pgerr.New(pgerr.WrongObjectType, "cannot change inheritance of partitioned table")
	}
	return nil
}

// adoptColumns is MergeAttributesIntoExisting.
func (x *Tx) adoptColumns(t, p *catalog.Table) error {
	for _, pc := range p.LiveColumns() {
		c := columnNamed(t, pc.Name)
		switch {
		case c == nil:
			return pgerr.New(pgerr.DatatypeMismatch, "child table is missing column %q", pc.Name)
		case c.Type != pc.Type:
			return pgerr.New(pgerr.DatatypeMismatch, "child table %q has different type for column %q", t.Name, pc.Name)
		case c.Collation != pc.Collation:
			return pgerr.New(pgerr.CollationMismatch, "child table %q has different collation for column %q", t.Name, pc.Name)
		case pc.NotNull && !c.NotNull:
			return pgerr.New(pgerr.DatatypeMismatch, "column %q in child table must be marked NOT NULL", pc.Name)
		case pc.Generated && !c.Generated:
			return pgerr.New(pgerr.DatatypeMismatch, "column %q in child table must be a generated column", pc.Name)
		case pc.Generated && !x.cfg.Exprs.Same(pc.Default, c.Default):
			return pgerr.New(pgerr.DatatypeMismatch, "column %q in child table has a conflicting generation expression", pc.Name)
		}
		c.InhCount++
		c.Inherited = c.Inherited || p.Partitioning != nil
	}
	return nil
}

// adoptChecks is MergeConstraintsIntoExisting.
func (x *Tx) adoptChecks(t, p *catalog.Table) error {
	byName := slices.SortedFunc(slices.Values(p.Constraints), func(a, b *catalog.Constraint) int { return strings.Compare(a.Name, b.Name) })
	for _, pk := range byName {
		if pk.Type != catalog.Check || pk.NoInherit {
			continue
		}
		k := t.ConstraintByName(pk.Name)
		switch {
		case k == nil || k.Type != catalog.Check:
			return pgerr.New(pgerr.DatatypeMismatch, "child table is missing constraint %q", pk.Name)
		case !x.cfg.Exprs.Same(k.Check, pk.Check):
			return pgerr.New(pgerr.DatatypeMismatch, "child table %q has different definition for check constraint %q", t.Name, pk.Name)
		case k.NoInherit:
			return pgerr.New(pgerr.InvalidObjectDefinition, "constraint %q conflicts with non-inherited constraint on child table %q", k.Name, t.Name)
		case pk.Validated && !k.Validated:
			return pgerr.New(pgerr.InvalidObjectDefinition, "constraint %q conflicts with NOT VALID constraint on child table %q", k.Name, t.Name)
		}
		k.InhCount++
		k.Inherited = k.Inherited || p.Partitioning != nil
	}
	return nil
}

// dropInherit is ALTER TABLE … NO INHERIT: what the table had from the parent becomes its own.
func (x *Tx) dropInherit(ctx context.Context, t *catalog.Table, c *AlterCommand) error {
	if err := inheritanceMayChange(t); err != nil {
		return err
	}
	n := c.Parent
	n.Pos = 0
	p, err := x.lockTable(ctx, n, inheritedLock)
	if err != nil {
		return err
	}
	if !slices.Contains(t.Parents, p.OID) {
		return pgerr.New(pgerr.UndefinedTable, "relation %q is not a parent of relation %q", p.Name, t.Name)
	}
	release(t, p)
	t.Parents = slices.DeleteFunc(t.Parents, func(o catalog.Oid) bool { return o == p.OID })
	if err := x.putTable(ctx, t); err != nil {
		return err
	}
	if p, err = x.alter(ctx, p.OID); err != nil {
		return err
	}
	p.RemoveChild(t.OID)
	return x.putTable(ctx, p)
}
