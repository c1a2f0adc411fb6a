package catalog

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// PartitionStrategy is pg_partitioned_table.partstrat.
type PartitionStrategy byte

// The strategies.
const (
	ListPartitioning  PartitionStrategy = 'l'
	RangePartitioning PartitionStrategy = 'r'
)

// Partitioning is PARTITION BY.
type Partitioning struct {
	Strategy PartitionStrategy
	Columns  []AttNum
}

// BoundKind says what a BoundValue is.
type BoundKind int8

// The kinds of bound values, in order.
const (
	MinValue   BoundKind = -1
	PlainValue BoundKind = 0
	MaxValue   BoundKind = 1
)

// BoundValue is a value of a partition's bound, in the text form of the column's type.
type BoundValue struct {
	Kind BoundKind `json:",omitempty"`
	Null bool      `json:",omitempty"` // of a list
	Text string    `json:",omitempty"`
}

// PartitionBound is FOR VALUES, or DEFAULT. It does not change.
type PartitionBound struct {
	Default  bool         `json:",omitempty"`
	List     []BoundValue `json:",omitempty"`
	From, To []BoundValue `json:",omitempty"` // [From, To), a value for each column of the key
}

// BoundDatum is a BoundValue as it is compared.
type BoundDatum struct {
	Kind  BoundKind
	Value types.Datum
}

// Partitions finds the partition of a row. It is made of a partitioned table and the bounds of its partitions, and does not
// change.
type Partitions struct {
	Strategy PartitionStrategy
	Columns  []int        // attnum-1
	Types    []types.Type // of Columns
	// Default is the default partition, or 0.
	Default Oid
	// Null is the partition of the list value NULL, or 0.
	Null   Oid
	lists  []listEntry  // by value
	ranges []RangeEntry // by From
}

type listEntry struct {
	value types.Datum
	table Oid
}

// RangeEntry is a partition of a range.
type RangeEntry struct {
	Table    Oid
	From, To []BoundDatum
}

// PartitionsOf returns the partitions of a partitioned table.
func (s *Snapshot) PartitionsOf(t *Table) (*Partitions, error) {
	p := &Partitions{Strategy: t.Partitioning.Strategy}
	for _, n := range t.Partitioning.Columns {
		p.Columns = append(p.Columns, int(n)-1)
		p.Types = append(p.Types, t.Columns[n-1].Type)
	}
	for _, oid := range t.Children {
		c := s.Table(oid)
		if c == nil || c.Bound == nil {
			continue
		}
		if err := p.add(oid, c.Bound); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(p.lists, func(a, b listEntry) int { return types.Compare(p.Types[0].Oid, a.value, b.value) })
	slices.SortFunc(p.ranges, func(a, b RangeEntry) int { return cmp.Compare(p.CompareBounds(a.From, b.From), 0) })
	return p, nil
}

func (p *Partitions) add(table Oid, b *PartitionBound) error {
	switch {
	case b.Default:
		p.Default = table
		return nil
	case p.Strategy == ListPartitioning:
		for _, v := range b.List {
			d, err := p.Datum(0, v)
			if err != nil {
				return err
			}
			if v.Null {
				p.Null = table
				continue
			}
			p.lists = append(p.lists, listEntry{d.Value, table})
		}
		return nil
	}
	from, err := p.Datums(b.From)
	if err != nil {
		return err
	}
	to, err := p.Datums(b.To)
	if err != nil {
		return err
	}
	p.ranges = append(p.ranges, RangeEntry{table, from, to})
	return nil
}

// Datum reads a bound value of the i-th column of the key.
func (p *Partitions) Datum(i int, v BoundValue) (BoundDatum, error) {
	if v.Kind != PlainValue || v.Null {
		return BoundDatum{Kind: v.Kind}, nil
	}
	d, err := types.ParseText(types.T(p.Types[i].Oid), v.Text, types.DefaultIOEnv)
	return BoundDatum{Value: d}, err
}

// Datums reads a range's bound.
func (p *Partitions) Datums(vs []BoundValue) ([]BoundDatum, error) {
	out := make([]BoundDatum, len(vs))
	for i, v := range vs {
		d, err := p.Datum(i, v)
		if err != nil {
			return nil, err
		}
		out[i] = d
	}
	return out, nil
}

// CompareBounds compares two bounds of ranges: negative, 0 or positive; its magnitude is the position, from 1, of the first
// column in which they differ.
func (p *Partitions) CompareBounds(a, b []BoundDatum) int {
	for i := range a {
		c := cmp.Compare(a[i].Kind, b[i].Kind)
		if c == 0 && a[i].Kind != PlainValue {
			return 0 // what follows an infinite value says nothing
		}
		if c == 0 {
			c = types.Compare(p.Types[i].Oid, a[i].Value, b[i].Value)
		}
		switch {
		case c < 0:
			return -(i + 1)
		case c > 0:
			return i + 1
		}
	}
	return 0
}

// compareRow compares a row's key with a bound.
func (p *Partitions) compareRow(key []types.Datum, b []BoundDatum) int {
	for i := range key {
		if b[i].Kind != PlainValue {
			return -int(b[i].Kind)
		}
		if c := types.Compare(p.Types[i].Oid, key[i], b[i].Value); c != 0 {
			return c
		}
	}
	return 0
}

// Find returns the partition for a row of the partitioned table (values by attnum-1), 0 where there is none.
func (p *Partitions) Find(row []types.Datum) Oid {
	key := make([]types.Datum, len(p.Columns))
	for i, c := range p.Columns {
		key[i] = row[c]
	}
	return p.FindKey(key)
}

// FindKey is Find for a partition key.
func (p *Partitions) FindKey(key []types.Datum) Oid {
	found := Oid(0)
	if p.Strategy == ListPartitioning {
		found = p.FindValue(key[0])
	} else if !slices.ContainsFunc(key, types.Datum.IsNull) { // NULLs are in no range
		at := sort.Search(len(p.ranges), func(i int) bool { return p.compareRow(key, p.ranges[i].From) < 0 }) - 1
		if at >= 0 && p.compareRow(key, p.ranges[at].To) < 0 {
			found = p.ranges[at].Table
		}
	}
	if found == 0 {
		return p.Default
	}
	return found
}

// FindValue returns the partition that lists a value, 0 for none.
func (p *Partitions) FindValue(d types.Datum) Oid {
	if d.IsNull() {
		return p.Null
	}
	at, ok := slices.BinarySearchFunc(p.lists, d, func(e listEntry, d types.Datum) int { return types.Compare(p.Types[0].Oid, e.value, d) })
	if !ok {
		return 0
	}
	return p.lists[at].table
}

// Overlap is what a new range [from, to) meets first among the others, and at which of its values: counted from 0 through
// from, then to. ok is false where it fits. It searches as PostgreSQL does, whose errors point at the value last compared.
func (p *Partitions) Overlap(from, to []BoundDatum) (with Oid, at int, ok bool) {
	type end struct {
		at    []BoundDatum
		below Oid // the range that ends here, 0 for a gap
		above Oid // the range that begins here
	}
	var ends []end
	for _, r := range p.ranges {
		if n := len(ends); n > 0 && p.CompareBounds(ends[n-1].at, r.From) == 0 {
			ends[n-1].above = r.Table
		} else {
			ends = append(ends, end{at: r.From, above: r.Table})
		}
		ends = append(ends, end{at: r.To, below: r.Table})
	}
	lo, hi, c := -1, len(ends)-1, 0
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if c = p.CompareBounds(ends[mid].at, from); c == 0 && ends[mid].below != 0 {
			c = -len(from) // an upper end comes before the same lower one
		}
		if c > 0 {
			hi = mid - 1
			continue
		}
		lo = mid
		if c == 0 {
			break
		}
	}
	place := func(c int) int { return max(c, -c, 1) - 1 }
	if lo >= 0 && ends[lo].above != 0 {
		return ends[lo].above, place(c), true
	}
	if lo+1 < len(ends) {
		if c := p.CompareBounds(ends[lo+1].at, to); c < 0 {
			return ends[lo+1].above, len(from) + place(c), true
		}
	}
	return 0, 0, false
}

// PartitionKeyDef is pg_get_partkeydef.
func (t *Table) PartitionKeyDef() string {
	if t.Partitioning == nil {
		return ""
	}
	names := make([]string, len(t.Partitioning.Columns))
	for i, n := range t.Partitioning.Columns {
		names[i] = QuoteIdent(t.Columns[n-1].Name)
	}
	word := "LIST"
	if t.Partitioning.Strategy == RangePartitioning {
		word = "RANGE"
	}
	return word + " (" + strings.Join(names, ", ") + ")"
}

// Print returns a bound value as pg_get_expr prints it.
func (v BoundValue) Print(oid Oid) string {
	switch {
	case v.Null:
		return "NULL"
	case v.Kind == MinValue:
		return "MINVALUE"
	case v.Kind == MaxValue:
		return "MAXVALUE"
	case oid == types.BoolOid:
		return map[string]string{"t": "true", "f": "false"}[v.Text]
	case oid == types.Int4Oid && !strings.HasPrefix(v.Text, "-"):
		return v.Text
	}
	return "'" + strings.ReplaceAll(v.Text, "'", "''") + "'"
}

// BoundDef is how pg_get_expr prints the bound of a partition of parent.
func (t *Table) BoundDef(parent *Table) string {
	b := t.Bound
	if b == nil {
		return ""
	}
	if b.Default {
		return "DEFAULT"
	}
	value := func(i int, v BoundValue) string {
		return v.Print(parent.Columns[parent.Partitioning.Columns[i]-1].Type.Oid)
	}
	list := func(vs []BoundValue, single bool) string {
		out := make([]string, len(vs))
		for i, v := range vs {
			at := i
			if single {
				at = 0
			}
			out[i] = value(at, v)
		}
		return "(" + strings.Join(out, ", ") + ")"
	}
	if parent.Partitioning.Strategy == ListPartitioning {
		return "FOR VALUES IN " + list(b.List, true)
	}
	return "FOR VALUES FROM " + list(b.From, false) + " TO " + list(b.To, false)
}
