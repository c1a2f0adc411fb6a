package catalog

import (
	"slices"
	"sync"

	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// tableDerived is what is computed once per table version, on first use.
type tableDerived struct {
	once      sync.Once
	layout    *keyenc.RowLayout
	live      []*Column
	generated []*Column
	byName    map[string]*Column
	rowType   *types.UserType
}

func newTableDerived() *tableDerived { return new(tableDerived) }

// Clone returns a copy that may be altered: its slices and the Indexes and Constraints are its own.
func (t *Table) Clone() *Table {
	c := *t
	c.derived = nil
	c.Columns = slices.Clone(t.Columns)
	for i := range c.Columns {
		c.Columns[i].Uses = slices.Clone(c.Columns[i].Uses)
	}
	c.KeyColumns = slices.Clone(t.KeyColumns)
	c.DistColumns = slices.Clone(t.DistColumns)
	c.Inbound = slices.Clone(t.Inbound)
	c.Parents = slices.Clone(t.Parents)
	c.Children = slices.Clone(t.Children)
	if t.Partitioning != nil {
		p := *t.Partitioning
		p.Keys = slices.Clone(p.Keys)
		c.Partitioning = &p
	}
	c.Options = slices.Clone(t.Options)
	c.Rules = slices.Clone(t.Rules)
	c.Policies = slices.Clone(t.Policies)
	c.Triggers = slices.Clone(t.Triggers)
	c.ACL = slices.Clone(t.ACL)
	c.Indexes = make([]*Index, len(t.Indexes))
	for i, x := range t.Indexes {
		y := *x
		y.Columns = slices.Clone(x.Columns)
		for k := range y.Columns {
			y.Columns[k].Uses = slices.Clone(y.Columns[k].Uses)
		}
		y.Include, y.PredicateUses = slices.Clone(x.Include), slices.Clone(x.PredicateUses)
		c.Indexes[i] = &y
	}
	c.Constraints = make([]*Constraint, len(t.Constraints))
	for i, x := range t.Constraints {
		y := *x
		y.Columns = slices.Clone(x.Columns)
		if x.FK != nil {
			fk := *x.FK
			fk.RefColumns = slices.Clone(fk.RefColumns)
			fk.SetColumns = slices.Clone(fk.SetColumns)
			y.FK = &fk
		}
		c.Constraints[i] = &y
	}
	return &c
}

func (t *Table) derive() *tableDerived {
	d := t.derived
	if d == nil { // not in a Snapshot yet, so it may still change
		d = newTableDerived()
	}
	d.once.Do(func() {
		ts := make([]types.Type, len(t.Columns))
		missing := make([]types.Datum, len(t.Columns))
		d.byName = make(map[string]*Column, len(t.Columns))
		for i := range t.Columns {
			c := &t.Columns[i]
			ts[i] = c.Type
			missing[i] = c.MissingValue()
			if c.Dropped || c.Hidden {
				continue
			}
			d.live = append(d.live, c)
			if c.Generated {
				d.generated = append(d.generated, c)
			}
			d.byName[c.Name] = c
		}
		d.rowType = &types.UserType{Oid: types.UserOid(types.CompositeClass, t.OID), Name: t.Name, Fields: attributes(t.Columns)}
		d.layout = keyenc.NewRowLayout(ts, missing)
	})
	return d
}

// MissingValue returns the column's value in rows stored before it was added. A stored text that its type no longer
// reads is NULL.
func (c *Column) MissingValue() types.Datum {
	if !c.HasMissing || c.Dropped {
		return types.Null
	}
	d, err := types.ParseText(c.Type, c.Missing, types.DefaultIOEnv)
	if err != nil {
		return types.Null
	}
	return d
}

// RowLayout returns the layout of stored rows, by attnum-1.
func (t *Table) RowLayout() *keyenc.RowLayout { return t.derive().layout }

// LiveColumns returns the columns that SELECT * shows, in order. The caller must not change it.
func (t *Table) LiveColumns() []*Column { return t.derive().live }

// ColumnByName returns a live column, or nil.
func (t *Table) ColumnByName(name string) *Column { return t.derive().byName[name] }

// Column returns a column by number, dropped and hidden ones too; nil when there is none.
func (t *Table) Column(n AttNum) *Column {
	if n < 1 || int(n) > len(t.Columns) {
		return nil
	}
	return &t.Columns[n-1]
}

// ColumnNames returns the names of columns by number.
func (t *Table) ColumnNames(nums []AttNum) []string {
	out := make([]string, len(nums))
	for i, n := range nums {
		out[i] = t.Columns[n-1].Name
	}
	return out
}

// IndexType returns the type of a key column of an index.
func (t *Table) IndexType(c *IndexColumn) types.Type {
	if c.Num == 0 {
		return c.Type
	}
	return t.Columns[c.Num-1].Type
}

// GinClass returns the operator class of a key column of a GIN index.
func (t *Table) GinClass(c *IndexColumn) keyenc.GinClass {
	if k := keyenc.GinClassNamed(c.OpClass); k != 0 {
		return k
	}
	return keyenc.DefaultGinClass(t.IndexType(c).Oid)
}

// IndexByOID returns an index of the table, or nil.
func (t *Table) IndexByOID(oid Oid) *Index {
	for _, i := range t.Indexes {
		if i.OID == oid {
			return i
		}
	}
	return nil
}

// IndexByName returns an index of the table, or nil.
func (t *Table) IndexByName(name string) *Index {
	for _, i := range t.Indexes {
		if i.Name == name {
			return i
		}
	}
	return nil
}

// ConstraintByOID returns a constraint of the table, or nil.
func (t *Table) ConstraintByOID(oid Oid) *Constraint {
	for _, c := range t.Constraints {
		if c.OID == oid {
			return c
		}
	}
	return nil
}

// ConstraintByName returns a constraint of the table, or nil.
func (t *Table) ConstraintByName(name string) *Constraint {
	for _, c := range t.Constraints {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// PrimaryKey returns the primary key constraint, or nil.
func (t *Table) PrimaryKey() *Constraint {
	for _, c := range t.Constraints {
		if c.Type == PrimaryKey {
			return c
		}
	}
	return nil
}

// PrimaryIndex returns the primary key's index, or nil.
func (t *Table) PrimaryIndex() *Index {
	for _, i := range t.Indexes {
		if i.Primary {
			return i
		}
	}
	return nil
}

// ForeignKeys returns the foreign keys of the table, in OID order of creation.
func (t *Table) ForeignKeys() []*Constraint {
	var out []*Constraint
	for _, c := range t.Constraints {
		if c.Type == Foreign {
			out = append(out, c)
		}
	}
	return out
}

// GeneratedColumns returns the columns with GENERATED ALWAYS AS (…) STORED, in order.
func (t *Table) GeneratedColumns() []*Column { return t.derive().generated }

// RowIDColumn returns the number of the hidden row id column, or 0 when the row key is the primary key.
func (t *Table) RowIDColumn() AttNum {
	for i := range t.Columns {
		if t.Columns[i].Hidden && !t.Columns[i].Dropped {
			return t.Columns[i].Num
		}
	}
	return 0
}
