package pgcat

import (
	"fmt"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Partitions as the catalog shows them: their keys, bounds, constraints and trees.

// boundTree marks a partition's bound among what pg_get_expr reads.
const boundTree = "{PARTITIONBOUNDSPEC} "

func inheritRows(b *builder) {
	b.snap.Tables(func(t *catalog.Table) bool {
		for i, p := range t.Parents {
			b.add(num(t.OID), num(p), num(i+1), no)
		}
		for _, x := range t.Indexes {
			if x.Parent != 0 {
				b.add(num(x.OID), num(x.Parent), num(1), no)
			}
		}
		return true
	})
}

func partitionedRows(b *builder) {
	b.snap.Tables(func(t *catalog.Table) bool {
		p := t.Partitioning
		if p == nil {
			return true
		}
		def := catalog.Oid(0)
		for _, oid := range t.Children {
			if c := b.snap.Table(oid); c.Bound != nil && c.Bound.Default {
				def = oid
			}
		}
		am := amBtree
		if p.Strategy == catalog.HashPartitioning {
			am = amHash
		}
		var attrs, classes, collations []types.Datum
		var exprs []string
		for i := range p.Keys {
			k := &p.Keys[i]
			attrs = append(attrs, num(k.Num))
			classes = append(classes, num(columnOpclass(am, catalog.IndexColumn{Num: k.Num, OpClass: k.OpClass}, k.Type.Oid)))
			collations = append(collations, num(k.Collation))
			if k.Num == 0 {
				exprs = append(exprs, k.Expr)
			}
		}
		list := null
		if exprs != nil {
			list = str(strings.Join(exprs, ", "))
		}
		b.add(num(t.OID), char(byte(p.Strategy)), num(len(p.Keys)), num(def), types.NewVector(types.Int2Oid, attrs),
			types.NewVector(types.OidOid, classes), types.NewVector(types.OidOid, collations), list)
		return true
	})
}

func partKeyDef(c *call) (types.Datum, error) {
	t := c.scope.snap.Table(c.oid(0))
	if t == nil || t.Partitioning == nil {
		return null, nil
	}
	return text(t.PartitionKeyDef(func(expr string, t *catalog.Table) string { return c.defs.indexKey(expr, t, false) })), nil
}

// partitionConstraintDef is pg_get_partition_constraintdef.
func partitionConstraintDef(c *call) (types.Datum, error) {
	t := c.scope.snap.Table(c.oid(0))
	if t == nil {
		return null, nil
	}
	all := partitionQual(c.scope.snap, t)
	if len(all) == 0 {
		return null, nil
	}
	return text(c.defs.expr(allOf(all), t, nil, false)), nil
}

// partitionQual is generate_partition_qual: the conditions that the bounds of a table and of those above it put on its rows,
// as SQL. Columns of a partition have the names that they have in its parent.
func partitionQual(snap *catalog.Snapshot, t *catalog.Table) []string {
	if t.Bound == nil {
		return nil
	}
	parent := snap.Table(t.Parents[0])
	q := qual{snap: snap, parent: parent}
	own := q.list(t.Bound)
	switch parent.Partitioning.Strategy {
	case catalog.RangePartitioning:
		own = q.ranges(t.Bound)
	case catalog.HashPartitioning:
		own = q.hash(t.Bound)
	}
	return append(partitionQual(snap, parent), own...)
}

func allOf(conds []string) string {
	if len(conds) == 1 {
		return conds[0]
	}
	return "(" + strings.Join(conds, " AND ") + ")"
}

func anyOf(conds []string) string {
	if len(conds) == 1 {
		return conds[0]
	}
	return "(" + strings.Join(conds, " OR ") + ")"
}

// qual makes the conditions of the partitions of one table.
type qual struct {
	snap   *catalog.Snapshot
	parent *catalog.Table
}

func (q qual) key(i int) string {
	return q.parent.PartitionKeyName(i, func(text string, _ *catalog.Table) string { return "(" + text + ")" })
}

func (q qual) value(i int, v catalog.BoundValue) string {
	k := &q.parent.Partitioning.Keys[i]
	out := "'" + strings.ReplaceAll(v.Text, "'", "''") + "'::" + types.FormatType(types.T(k.Type.Oid))
	if in := types.Lookup(k.Type.Oid); k.Collation != 0 && in != nil && k.Collation != in.Collation {
		out += " COLLATE " + catalog.QuoteIdent(catalog.CollationName(k.Collation))
	}
	return out
}

func (q qual) op(i int, op string, v catalog.BoundValue) string {
	return "(" + q.key(i) + " " + op + " " + q.value(i, v) + ")"
}

func (q qual) hash(b *catalog.PartitionBound) []string {
	args := make([]string, len(q.parent.Partitioning.Keys))
	for i := range args {
		args[i] = q.key(i)
	}
	return []string{fmt.Sprintf("satisfies_hash_partition('%d'::oid, %d, %d, %s)", q.parent.OID, b.Modulus, b.Remainder, strings.Join(args, ", "))}
}

// list is get_qual_for_list.
func (q qual) list(b *catalog.PartitionBound) []string {
	values := b.List
	if b.Default {
		if values = q.listed(); len(values) == 0 {
			return nil
		}
	}
	var texts []string
	null := false
	for _, v := range values {
		if v.Null {
			null = true
		} else {
			texts = append(texts, q.value(0, v))
		}
	}
	equal := ""
	switch {
	case len(texts) == 1:
		equal = "(" + q.key(0) + " = " + texts[0] + ")"
	case len(texts) > 1 && types.ElemOf(q.parent.Partitioning.Keys[0].Type.Oid) != 0: // ANY would compare the elements
		each := make([]string, len(texts))
		for i, v := range texts {
			each[i] = "(" + q.key(0) + " = " + v + ")"
		}
		equal = anyOf(each)
	case len(texts) > 1:
		equal = "(" + q.key(0) + " = ANY (ARRAY[" + strings.Join(texts, ", ") + "]))"
	}
	var out []string
	switch {
	case null && equal != "":
		out = []string{"(" + q.key(0) + " IS NULL OR " + equal + ")"}
	case null:
		out = []string{"(" + q.key(0) + " IS NULL)"}
	case equal != "":
		out = []string{"(" + q.key(0) + " IS NOT NULL)", equal}
	}
	if b.Default {
		return []string{"(NOT " + allOf(out) + ")"}
	}
	return out
}

// listed are the values of all partitions, in order.
func (q qual) listed() []catalog.BoundValue {
	set, err := q.snap.PartitionsOf(q.parent)
	if err != nil {
		return nil
	}
	return set.ListValues(q.snap)
}

func (q qual) notNull() []string {
	var out []string
	for i := range q.parent.Partitioning.Keys {
		out = append(out, "("+q.key(i)+" IS NOT NULL)")
	}
	return out
}

// ranges is get_qual_for_range.
func (q qual) ranges(b *catalog.PartitionBound) []string {
	if !b.Default {
		return append(q.notNull(), q.rangeOf(b)...)
	}
	set, err := q.snap.PartitionsOf(q.parent)
	if err != nil {
		return nil
	}
	var others []string
	for _, oid := range set.Ranges() {
		conds := q.rangeOf(q.snap.Table(oid).Bound)
		if len(conds) == 0 {
			conds = q.notNull()
		}
		others = append(others, allOf(conds))
	}
	if others == nil {
		return nil
	}
	return []string{"(NOT " + allOf(append(q.notNull(), anyOf(others))) + ")"}
}

// rangeOf are the conditions of a range: equal leading values, then the two ends, each column by column.
func (q qual) rangeOf(b *catalog.PartitionBound) []string {
	var out []string
	first := 0
	for ; first < len(b.From) && b.From[first].Kind == catalog.PlainValue && b.From[first] == b.To[first]; first++ {
		out = append(out, q.op(first, "=", b.From[first]))
	}
	if lower := q.end(b.From, first, ">", ">=", catalog.MinValue); lower != "" {
		out = append(out, lower)
	}
	if upper := q.end(b.To, first, "<", "<=", catalog.MaxValue); upper != "" {
		out = append(out, upper)
	}
	return out
}

// end is one end of a range from a column on. strict compares a column that others follow; with is its form where the next
// value is open; a lower end includes its last column.
func (q qual) end(vs []catalog.BoundValue, first int, strict, with string, open catalog.BoundKind) string {
	var arms []string
	for last := first; last < len(vs) && vs[last].Kind == catalog.PlainValue; last++ {
		var arm []string
		for i := first; i < last; i++ {
			arm = append(arm, q.op(i, "=", vs[i]))
		}
		op := strict
		if last+1 < len(vs) && vs[last+1].Kind == open || last+1 == len(vs) && open == catalog.MinValue {
			op = with
		}
		arms = append(arms, allOf(append(arm, q.op(last, op, vs[last]))))
	}
	if arms == nil {
		return ""
	}
	return anyOf(arms)
}

// treeParent returns what a partition, or an index of one, belongs to; 0: nothing. ok is false for what is neither
// partitioned nor a partition.
func treeParent(snap *catalog.Snapshot, oid catalog.Oid) (parent catalog.Oid, partitioned, ok bool) {
	if t := snap.Table(oid); t != nil {
		if t.Bound != nil {
			parent = t.Parents[0]
		}
		return parent, t.Partitioning != nil, t.Bound != nil || t.Partitioning != nil
	}
	t, i := snap.Index(oid)
	if i == nil {
		return 0, false, false
	}
	return i.Parent, t.Partitioning != nil, i.Parent != 0 || t.Partitioning != nil
}

// partitionAncestors is pg_partition_ancestors, as an array.
func partitionAncestors(c *call) (types.Datum, error) {
	var out []types.Datum
	for oid := c.oid(0); oid != 0; {
		parent, _, ok := treeParent(c.scope.snap, oid)
		if !ok {
			break
		}
		out = append(out, num(oid))
		oid = parent
	}
	return types.NewArray1(types.OidOid, out), nil
}

func partitionRoot(c *call) (types.Datum, error) {
	oid := c.oid(0)
	parent, _, ok := treeParent(c.scope.snap, oid)
	if !ok {
		return null, nil
	}
	for parent != 0 {
		oid = parent
		parent, _, _ = treeParent(c.scope.snap, oid)
	}
	return num(oid), nil
}

// partitionTree is pg_partition_tree, as an array with relid, parentrelid (0: none), isleaf and level of each row.
func partitionTree(c *call) (types.Datum, error) {
	snap, root := c.scope.snap, c.oid(0)
	var out []types.Datum
	type member struct {
		oid   catalog.Oid
		level int
	}
	if _, _, ok := treeParent(snap, root); !ok {
		return types.NewArray1(types.OidOid, nil), nil
	}
	queue := []member{{root, 0}}
	for i := 0; i < len(queue); i++ {
		m := queue[i]
		parent, partitioned, _ := treeParent(snap, m.oid)
		leaf := num(1)
		if partitioned {
			leaf = num(0)
		}
		out = append(out, num(m.oid), num(parent), leaf, num(m.level))
		for _, child := range treeChildren(snap, m.oid) {
			queue = append(queue, member{child, m.level + 1})
		}
	}
	return types.NewArray1(types.OidOid, out), nil
}

func treeChildren(snap *catalog.Snapshot, oid catalog.Oid) []catalog.Oid {
	if t := snap.Table(oid); t != nil {
		if t.Partitioning == nil {
			return nil
		}
		return t.Children
	}
	var out []catalog.Oid
	t, _ := snap.Index(oid)
	for _, child := range t.Children {
		for _, i := range snap.Table(child).Indexes {
			if i.Parent == oid {
				out = append(out, i.OID)
			}
		}
	}
	return out
}
