package catalog

import (
	"cmp"
	"fmt"
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
	HashPartitioning  PartitionStrategy = 'h'
)

// Partitioning is PARTITION BY.
type Partitioning struct {
	Strategy PartitionStrategy
	Keys     []PartitionKey
}

// PartitionKey is a column of a partition key, or an expression.
type PartitionKey struct {
	Num       AttNum     // of a column; 0: Expr
	Expr      string     `json:",omitempty"` // as stored: SQL text over the table's columns
	Uses      []AttNum   `json:",omitempty"` // the columns that Expr refers to
	Deps      []Oid      `json:",omitempty"` // the user types that Expr names
	Type      types.Type // of its values
	Collation Oid        `json:",omitempty"` // 0: the type has none
	OpClass   string     `json:",omitempty"` // where it is not the type's default
}

// KeyColumns returns the columns that a partition key is made of; ok is false where an expression is among it.
func (p *Partitioning) KeyColumns() (cols []AttNum, ok bool) {
	ok = true
	for i := range p.Keys {
		if k := &p.Keys[i]; k.Num != 0 {
			cols = append(cols, k.Num)
		} else {
			cols, ok = append(cols, k.Uses...), false
		}
	}
	return cols, ok
}

// UsesColumn reports whether a partition key refers to a column.
func (p *Partitioning) UsesColumn(n AttNum) bool {
	cols, _ := p.KeyColumns()
	return slices.Contains(cols, n)
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
	// Modulus, if it is not 0: the rows whose hash leaves Remainder.
	Modulus   int32 `json:",omitempty"`
	Remainder int32 `json:",omitempty"`
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
	Types    []types.Type // of the key
	// Default is the default partition, or 0.
	Default Oid
	// Null is the partition of the list value NULL, or 0.
	Null   Oid
	lists  []listEntry  // by value
	ranges []RangeEntry // by From
	// Hashes are by modulus and remainder; every modulus is a factor of the next larger one.
	Hashes []HashEntry
}

// HashEntry is a partition of a hash.
type HashEntry struct {
	Table              Oid
	Modulus, Remainder int32
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
	for i := range t.Partitioning.Keys {
		p.Types = append(p.Types, t.Partitioning.Keys[i].Type)
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
	slices.SortFunc(p.Hashes, func(a, b HashEntry) int {
		return cmp.Or(cmp.Compare(a.Modulus, b.Modulus), cmp.Compare(a.Remainder, b.Remainder))
	})
	slices.SortFunc(p.ranges, func(a, b RangeEntry) int { return cmp.Compare(p.CompareBounds(a.From, b.From), 0) })
	return p, nil
}

func (p *Partitions) add(table Oid, b *PartitionBound) error {
	switch {
	case b.Default:
		p.Default = table
		return nil
	case p.Strategy == HashPartitioning:
		p.Hashes = append(p.Hashes, HashEntry{table, b.Modulus, b.Remainder})
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

// FindHash returns the partition for the hash of a key, 0 where there is none.
func (p *Partitions) FindHash(hash uint64) Oid {
	for i := range p.Hashes {
		if h := &p.Hashes[i]; hash%uint64(h.Modulus) == uint64(h.Remainder) {
			return h.Table
		}
	}
	return 0
}

// HashOverlap returns the partition that takes some of the rows of a new one, 0 for none.
func (p *Partitions) HashOverlap(modulus, remainder int32) Oid {
	for i := range p.Hashes {
		h := &p.Hashes[i]
		if m := min(modulus, h.Modulus); remainder%m == h.Remainder%m {
			return h.Table
		}
	}
	return 0
}

// FindKey returns the partition for a partition key of a list or range, 0 where there is none.
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

// PartitionKeyDef is pg_get_partkeydef. print prints an expression, in parentheses where it needs them.
func (t *Table) PartitionKeyDef(print func(text string, t *Table) string) string {
	if t.Partitioning == nil {
		return ""
	}
	word := map[PartitionStrategy]string{ListPartitioning: "LIST", RangePartitioning: "RANGE", HashPartitioning: "HASH"}[t.Partitioning.Strategy]
	keys := make([]string, len(t.Partitioning.Keys))
	for i := range t.Partitioning.Keys {
		k := &t.Partitioning.Keys[i]
		keys[i] = t.PartitionKeyName(i, print)
		if k.Collation != 0 && k.Collation != t.collationOf(k) {
			keys[i] += " COLLATE " + QuoteIdent(CollationName(k.Collation))
		}
		if k.OpClass != "" {
			keys[i] += " " + QuoteIdent(k.OpClass)
		}
	}
	return word + " (" + strings.Join(keys, ", ") + ")"
}

// PartitionKeyName prints the i-th column of a partition key, or the expression that it is.
func (t *Table) PartitionKeyName(i int, print func(text string, t *Table) string) string {
	if k := &t.Partitioning.Keys[i]; k.Num == 0 {
		return print(k.Expr, t)
	}
	return QuoteIdent(t.Columns[t.Partitioning.Keys[i].Num-1].Name)
}

// collationOf is the collation that a key has without COLLATE.
func (t *Table) collationOf(k *PartitionKey) Oid {
	if k.Num != 0 {
		return t.Columns[k.Num-1].Collation
	}
	if in := types.Lookup(k.Type.Oid); in != nil {
		return in.Collation
	}
	return 0
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
	case oid == types.NumericOid && v.Text[0] >= '0' && v.Text[0] <= '9' && strings.ContainsAny(v.Text, "eE."):
		return v.Text
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
		return v.Print(parent.Partitioning.Keys[i].Type.Oid)
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
	switch parent.Partitioning.Strategy {
	case ListPartitioning:
		return "FOR VALUES IN " + list(b.List, true)
	case HashPartitioning:
		return fmt.Sprintf("FOR VALUES WITH (modulus %d, remainder %d)", b.Modulus, b.Remainder)
	}
	return "FOR VALUES FROM " + list(b.From, false) + " TO " + list(b.To, false)
}

// ListValues returns the values of all partitions of a list, in the order of their bounds, NULL last.
func (p *Partitions) ListValues(s *Snapshot) []BoundValue {
	var out []BoundValue
	for _, e := range p.lists {
		for _, v := range s.Table(e.table).Bound.List {
			if d, err := p.Datum(0, v); err == nil && !v.Null && types.Equal(p.Types[0].Oid, d.Value, e.value) {
				out = append(out, v)
			}
		}
	}
	if p.Null != 0 {
		out = append(out, BoundValue{Null: true})
	}
	return out
}

// Ranges returns the partitions of ranges, in the order of their bounds.
func (p *Partitions) Ranges() []Oid {
	out := make([]Oid, len(p.ranges))
	for i := range p.ranges {
		out[i] = p.ranges[i].Table
	}
	return out
}

// PartitionOrder returns the partitions of a table in the order of their bounds, the default partition last: the order in
// which PostgreSQL goes through them.
func (s *Snapshot) PartitionOrder(t *Table) []Oid {
	p, err := s.PartitionsOf(t)
	if err != nil {
		return t.Children
	}
	var out []Oid
	add := func(oid Oid) {
		if oid != 0 && !slices.Contains(out, oid) {
			out = append(out, oid)
		}
	}
	for _, e := range p.lists {
		add(e.table)
	}
	for i := range p.ranges {
		add(p.ranges[i].Table)
	}
	for i := range p.Hashes {
		add(p.Hashes[i].Table)
	}
	add(p.Null)
	add(p.Default)
	return out
}

// PartitionLeaves returns the tables below a partitioned one that have rows, and the partitioned ones, it included.
func (s *Snapshot) PartitionLeaves(t *Table) (rows, inner []*Table) {
	inner = []*Table{t}
	for _, oid := range s.PartitionOrder(t) {
		k := s.Table(oid)
		if k.Partitioning == nil {
			rows = append(rows, k)
			continue
		}
		r, i := s.PartitionLeaves(k)
		rows, inner = append(rows, r...), append(inner, i...)
	}
	return rows, inner
}
