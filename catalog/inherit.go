package catalog

import (
	"cmp"
	"slices"
)

// Inheritors returns a table and all that inherit from it, directly or not, each once: level by level, by OID within the
// children of one table (find_all_inheritors).
func (s *Snapshot) Inheritors(t *Table) []*Table {
	out := []*Table{t}
	for i := 0; i < len(out); i++ {
		for _, oid := range out[i].Children {
			if c := s.Table(oid); c != nil && !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
	}
	return out
}

// AddChild links a child into its parent's list.
func (t *Table) AddChild(child Oid) {
	at, found := slices.BinarySearchFunc(t.Children, child, func(a, b Oid) int { return cmp.Compare(a.Serial(), b.Serial()) })
	if !found {
		t.Children = slices.Insert(t.Children, at, child)
	}
}

// RemoveChild takes a child out of its parent's list.
func (t *Table) RemoveChild(child Oid) {
	t.Children = slices.DeleteFunc(t.Children, func(o Oid) bool { return o == child })
}

// ColumnsIn returns, by attnum-1 of t, the attnum-1 of the columns of the same names in a table that inherits from t; -1
// for dropped and hidden ones. Names and types of inherited columns are those of the parent; their places may differ.
func (t *Table) ColumnsIn(child *Table) []int {
	out := make([]int, len(t.Columns))
	for i := range t.Columns {
		out[i] = -1
		if c := &t.Columns[i]; !c.Dropped && !c.Hidden {
			if d := child.ColumnByName(c.Name); d != nil {
				out[i] = int(d.Num) - 1
			}
		}
	}
	return out
}

// IndexBelongsTo reports whether an index of a partition belongs to one of a partitioned table above it.
func (s *Snapshot) IndexBelongsTo(t *Table, i *Index, above Oid) bool {
	for i != nil && t != nil {
		if i.OID == above {
			return true
		}
		if i.Parent == 0 || t.Bound == nil {
			return false
		}
		oid := i.Parent
		t = s.Table(t.Parents[0])
		i = t.IndexByOID(oid)
	}
	return false
}

// InheritedForeignKey reports whether a foreign key of a partition is the copy of its parent's.
func (s *Snapshot) InheritedForeignKey(t *Table, k *Constraint) bool {
	if k.Parent == 0 || t.Bound == nil {
		return false
	}
	p := s.Table(t.Parents[0])
	return p != nil && p.ConstraintByOID(k.Parent) != nil
}

// CopiedForeignKey returns the foreign key of the same table whose copy k is, for a partition of what that one references.
func (s *Snapshot) CopiedForeignKey(table Oid, k *Constraint) (of *Constraint, ok bool) {
	if k.Parent != 0 {
		of = s.Table(table).ConstraintByOID(k.Parent)
	}
	return of, of != nil
}
