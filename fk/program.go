package fk

import (
	"sort"
	"sync"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Catalog is what compiling needs of a snapshot; *catalog.Snapshot has it.
type Catalog interface {
	Table(oid catalog.Oid) *catalog.Table
	Schema(oid catalog.Oid) *catalog.Schema
}

// Key is one foreign key, resolved on both sides. Column positions are attnum-1.
type Key struct {
	Constraint *catalog.Constraint
	Child      *catalog.Table
	Parent     *catalog.Table
	ChildCols  []int
	ParentCols []int // parallel to ChildCols
	RefIndex   *catalog.Index
	// Convert is set where a child column's type differs from the referenced column's: keys are compared, hashed and
	// placed in the referenced type.
	Convert []bool
	// ChildSchema and ParentSchema are the names of the tables' schemas, for error fields and contexts.
	ChildSchema, ParentSchema string
	// Declared is the foreign key that its users know: that of the partitioned table at the top where Child is a partition
	// and the key is inherited, else the key itself. Who deletes from Parent is told of that one, and its actions may move
	// rows to other partitions of DeclaredOn.
	Declared       *catalog.Constraint
	DeclaredOn     *catalog.Table
	DeclaredSchema string
	// Through are the partitioned tables whose partitions the key covers, DeclaredOn and those below it: a new partition of
	// one of them is one more table with children.
	Through []*catalog.Table
}

// Program is all that a write to Table entails. Foreign keys that DISABLE TRIGGER ALL has turned off for the table entail
// nothing.
type Program struct {
	Table *catalog.Table
	// Checks are the table's own foreign keys, Actions those that reference it, in PostgreSQL's trigger order.
	Checks  []*Key
	Actions []*Key
}

// Empty reports whether writes to the table entail nothing.
func (p *Program) Empty() bool { return len(p.Checks) == 0 && len(p.Actions) == 0 }

// Programs compiles and keeps the programs of one catalog snapshot. It is safe for concurrent use.
type Programs struct {
	cat Catalog
	m   sync.Map // catalog.Oid -> *Program
}

// NewPrograms returns the programs of a snapshot, none compiled yet.
func NewPrograms(cat Catalog) *Programs { return &Programs{cat: cat} }

// Of returns the program of a table.
func (p *Programs) Of(table catalog.Oid) *Program {
	if v, ok := p.m.Load(table); ok {
		return v.(*Program)
	}
	prog := compile(p.cat, table)
	p.m.Store(table, prog)
	return prog
}

// PostgreSQL fires the RI triggers of one event in the order of their names, which end in the trigger's OID: actions
// (RI_ConstraintTrigger_a_…) before checks (…_c_…), each in order of creation. Constraint OIDs grow with creation too.
func compile(cat Catalog, oid catalog.Oid) *Program {
	t := cat.Table(oid)
	prog := &Program{Table: t}
	if t == nil {
		return prog
	}
	for _, c := range t.Constraints {
		// A copy for a partition of what another foreign key of the table references is no key of its own.
		if c.Type != catalog.Foreign || c.Parent != 0 && t.ConstraintByOID(c.Parent) != nil {
			continue
		}
		if c.FK.Unchecked {
			continue
		}
		if k := resolve(cat, t, c); k != nil {
			prog.Checks = append(prog.Checks, k)
		}
	}
	for _, in := range t.Inbound {
		child := cat.Table(in.Table)
		if child == nil || in.Inactive {
			continue
		}
		c := child.ConstraintByOID(in.Constraint)
		if c == nil || inherited(cat, child, c) { // the table that declares it acts for all its partitions
			continue
		}
		prog.Actions = append(prog.Actions, spread(cat, child, c)...)
	}
	byOID := func(ks []*Key) func(i, j int) bool {
		return func(i, j int) bool { return ks[i].Constraint.OID < ks[j].Constraint.OID }
	}
	sort.SliceStable(prog.Checks, byOID(prog.Checks))
	sort.SliceStable(prog.Actions, byOID(prog.Actions))
	return prog
}

// inherited reports whether a foreign key of a partition is the copy of its parent's.
func inherited(cat Catalog, t *catalog.Table, c *catalog.Constraint) bool {
	if c.Parent == 0 || t.Bound == nil {
		return false
	}
	p := cat.Table(t.Parents[0])
	return p != nil && p.ConstraintByOID(c.Parent) != nil
}

// spread resolves a foreign key for what happens to the rows that it references: one key for each leaf partition of a
// partitioned table.
func spread(cat Catalog, t *catalog.Table, c *catalog.Constraint) []*Key {
	if t.Partitioning == nil {
		if k := resolve(cat, t, c); k != nil {
			return []*Key{k}
		}
		return nil
	}
	var out []*Key
	through := []*catalog.Table{t}
	for i := 0; i < len(through); i++ {
		for _, oid := range through[i].Children {
			part := cat.Table(oid)
			if part == nil {
				continue
			}
			if part.Partitioning != nil {
				through = append(through, part)
				continue
			}
			own := *c
			own.Columns = columnsIn(t, part, c.Columns)
			fk := *c.FK
			fk.SetColumns = columnsIn(t, part, fk.SetColumns)
			own.FK = &fk
			if k := resolve(cat, part, &own); k != nil {
				k.declaredOn(cat, t, c)
				out = append(out, k)
			}
		}
	}
	for _, k := range out {
		k.Through = through
	}
	return out
}

// columnsIn returns the numbers that columns of a table have in its partition.
func columnsIn(t, part *catalog.Table, nums []catalog.AttNum) []catalog.AttNum {
	var out []catalog.AttNum
	for _, n := range nums {
		if c := part.ColumnByName(t.Columns[n-1].Name); c != nil {
			out = append(out, c.Num)
		}
	}
	return out
}

func (k *Key) declaredOn(cat Catalog, t *catalog.Table, c *catalog.Constraint) {
	k.Declared, k.DeclaredOn, k.DeclaredSchema = c, t, ""
	if s := cat.Schema(t.SchemaID); s != nil {
		k.DeclaredSchema = s.Name
	}
}

// OfPartition reports whether the key is the copy, for the partition that it references, of one that references the
// partition's parent.
func (k *Key) OfPartition() bool {
	return k.Declared.Parent != 0 && k.DeclaredOn.ConstraintByOID(k.Declared.Parent) != nil
}

func resolve(cat Catalog, child *catalog.Table, c *catalog.Constraint) *Key {
	parent := cat.Table(c.FK.RefTable)
	if parent == nil {
		return nil
	}
	k := &Key{Constraint: c, Child: child, Parent: parent}
	if s := cat.Schema(child.SchemaID); s != nil {
		k.ChildSchema = s.Name
	}
	if s := cat.Schema(parent.SchemaID); s != nil {
		k.ParentSchema = s.Name
	}
	k.declaredOn(cat, child, c)
	for i, num := range c.Columns {
		ref := c.FK.RefColumns[i]
		k.ChildCols = append(k.ChildCols, int(num)-1)
		k.ParentCols = append(k.ParentCols, int(ref)-1)
		k.Convert = append(k.Convert, child.Columns[num-1].Type.Oid != parent.Columns[ref-1].Type.Oid)
	}
	for _, ix := range parent.Indexes {
		if ix.OID == c.FK.RefIndex {
			k.RefIndex = ix
		}
	}
	if k.RefIndex == nil {
		return nil
	}
	return k
}

// setColumns are the child columns that ON DELETE SET NULL or SET DEFAULT assigns.
func (k *Key) setColumns(onDelete bool) []int {
	if !onDelete || len(k.Constraint.FK.SetColumns) == 0 {
		return k.ChildCols
	}
	var out []int
	for _, n := range k.Constraint.FK.SetColumns {
		out = append(out, int(n)-1)
	}
	return out
}

// nullness says which of the key's columns are null in a row.
type nullness uint8

const (
	noNulls nullness = iota
	someNulls
	allNulls
)

func nulls(row []types.Datum, cols []int) nullness {
	n := 0
	for _, c := range cols {
		if at(row, c).IsNull() {
			n++
		}
	}
	switch n {
	case 0:
		return noNulls
	case len(cols):
		return allNulls
	}
	return someNulls
}

// at reads a column of a row image, which may be shorter than the table (columns added later are NULL in it).
func at(row []types.Datum, col int) types.Datum {
	if col >= len(row) {
		return types.Null
	}
	return row[col]
}

func project(row []types.Datum, cols []int) []types.Datum {
	out := make([]types.Datum, len(cols))
	for i, c := range cols {
		out[i] = at(row, c)
	}
	return out
}

// sameChildKey compares the referencing columns by equality, sameParentKey the referenced ones by image (1.0 and 1.00
// are one key, but an update between them cascades), as PostgreSQL's ri_KeysEqual does.
func (k *Key) sameChildKey(old, new []types.Datum) bool {
	for _, c := range k.ChildCols {
		if !equalOrBothNull(k.Child.Columns[c].Type.Oid, at(old, c), at(new, c)) {
			return false
		}
	}
	return true
}

func (k *Key) sameParentKey(old, new []types.Datum) bool {
	for _, c := range k.ParentCols {
		oid := k.Parent.Columns[c].Type.Oid
		a, b := at(old, c), at(new, c)
		if !equalOrBothNull(oid, a, b) {
			return false
		}
		switch oid {
		case types.NumericOid, types.Float8Oid, types.Float4Oid, types.BpcharOid, types.CitextOid:
			if a.IsNull() {
				continue
			}
			env := types.DefaultIOEnv
			if string(types.AppendText(nil, oid, a, env)) != string(types.AppendText(nil, oid, b, env)) {
				return false
			}
		}
	}
	return true
}

func equalOrBothNull(oid types.Oid, a, b types.Datum) bool {
	if a.IsNull() || b.IsNull() {
		return a.IsNull() && b.IsNull()
	}
	return types.Equal(oid, a, b)
}

// toParent converts a child's key values to the referenced columns' types; ok is false when a value has no
// representation there, and so no parent.
func (k *Key) toParent(vals []types.Datum) (out []types.Datum, ok bool) {
	out = vals
	for i, conv := range k.Convert {
		if !conv {
			continue
		}
		from := k.Child.Columns[k.ChildCols[i]].Type
		to := k.Parent.Columns[k.ParentCols[i]].Type
		v, err := types.Cast(vals[i], from, types.Type{Oid: to.Oid, Mod: -1}, types.Explicit, types.DefaultIOEnv)
		if err != nil || !stillEqual(v, to.Oid, vals[i], from.Oid) {
			return nil, false
		}
		if &out[0] == &vals[0] {
			out = append([]types.Datum(nil), vals...)
		}
		out[i] = v
	}
	return out, true
}

// stillEqual guards a narrowing conversion: an int8 child of 2^40 has no int4 parent, and numeric 1.5 no integer one.
func stillEqual(v types.Datum, vt types.Oid, orig types.Datum, ot types.Oid) bool {
	if isInteger(vt) && isInteger(ot) {
		return v.Int() == orig.Int()
	}
	back, err := types.Cast(v, types.Type{Oid: vt, Mod: -1}, types.Type{Oid: ot, Mod: -1}, types.Explicit,
		types.DefaultIOEnv)
	return err == nil && types.Equal(ot, back, orig)
}

func isInteger(t types.Oid) bool {
	return t == types.Int2Oid || t == types.Int4Oid || t == types.Int8Oid
}
