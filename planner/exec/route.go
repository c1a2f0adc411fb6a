package exec

import (
	"context"
	"strings"
	"sync"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Rows of a partitioned table go to the leaf partition that its key decides on, level by level. The partitioned tables on the
// way are among the plan's tables, so that no row is placed by bounds that no longer hold.

// partitionSets are the partitions of partitioned tables, each of the latest version met.
var partitionSets sync.Map // catalog.Oid -> *partitionSet

// partitionSet finds the partition of a row.
type partitionSet struct {
	t    *catalog.Table
	set  *catalog.Partitions
	keys []*planner.Scalar // of the partition key's expressions, nil for columns
}

func partitionsOf(c *Context, t *catalog.Table) (*partitionSet, error) {
	if v, ok := partitionSets.Load(t.OID); ok && v.(*partitionSet).t == t {
		return v.(*partitionSet), nil
	}
	p := &partitionSet{t: t, keys: make([]*planner.Scalar, len(t.Partitioning.Keys))}
	var err error
	if p.set, err = c.Catalog.PartitionsOf(t); err != nil {
		return nil, err
	}
	for i := range p.keys {
		if k := &t.Partitioning.Keys[i]; k.Num == 0 {
			if p.keys[i], err = StoredExpr(c, t, k.Expr, sema.PartitionKeyExpr, nil); err != nil {
				return nil, err
			}
		}
	}
	partitionSets.Store(t.OID, p)
	return p, nil
}

// key returns the partition key of a row.
func (p *partitionSet) key(c *Context, row []types.Datum) ([]types.Datum, error) {
	key := make([]types.Datum, len(p.keys))
	for i, s := range p.keys {
		if s == nil {
			key[i] = row[p.t.Partitioning.Keys[i].Num-1]
			continue
		}
		eval := c.Eval
		if eval == nil {
			eval = &expr.EvalContext{Context: c.Context}
		}
		var err error
		if key[i], err = s.EvalRow(eval, row[:len(p.t.Columns)]); err != nil {
			return nil, err
		}
	}
	return key, nil
}

// find returns the partition for a row of the partitioned table (values by attnum-1) and the row's key; 0 where there is none.
func (p *partitionSet) find(c *Context, row []types.Datum) (catalog.Oid, []types.Datum, error) {
	key, err := p.key(c, row)
	if err != nil {
		return 0, nil, err
	}
	if p.set.Strategy != catalog.HashPartitioning {
		return p.set.FindKey(key), key, nil
	}
	hash, err := expr.PartitionHash(p.set.Types, key)
	return p.set.FindHash(hash), key, err
}

// router places rows of a partitioned table.
type router struct {
	c      *Context
	root   *catalog.Table
	leaves map[catalog.Oid]*leaf
	steps  map[catalog.Oid]*step // by partition: the way to it from its parent
}

// step turns a partitioned table's row into a partition's.
type step struct {
	t  *catalog.Table
	at []int // by attnum-1 of the parent: the place in the partition's rows, or -1
}

func newRouter(c *Context, root *catalog.Table, leaves []*leaf) *router {
	r := &router{c: c, root: root, leaves: map[catalog.Oid]*leaf{}, steps: map[catalog.Oid]*step{}}
	for _, l := range leaves {
		r.leaves[l.ti.t.OID] = l
	}
	return r
}

// route returns the leaf for a row of the root, and the row as the leaf has it.
func (r *router) route(row []types.Datum) (*leaf, []types.Datum, error) {
	t, row, err := r.place(row)
	if err != nil {
		return nil, nil, err
	}
	l := r.leaves[t.OID]
	if l == nil {
		return nil, nil, pgerr.Internal("exec: partition %q is not in the plan", t.Name)
	}
	return l, row, nil
}

// place returns the leaf partition for a row of the root, and the row as the partition has it.
func (r *router) place(row []types.Datum) (*catalog.Table, []types.Datum, error) {
	t := r.root
	if t.Bound != nil {
		if ok, err := fits(r.c, t, row); err != nil || !ok {
			if err == nil {
				err = errBound(r.c, t, failingRow(r.c, t, row))
			}
			return nil, nil, err
		}
	}
	for t.Partitioning != nil {
		set, err := partitionsOf(r.c, t)
		if err != nil {
			return nil, nil, err
		}
		oid, key, err := set.find(r.c, row)
		if err != nil {
			return nil, nil, err
		}
		if oid == 0 {
			return nil, nil, errNoPartition(r.c, t, key)
		}
		s := r.steps[oid]
		if s == nil {
			k := r.c.Catalog.Table(oid)
			s = &step{t: k, at: t.ColumnsIn(k)}
			r.steps[oid] = s
		}
		out := make([]types.Datum, len(s.t.Columns))
		for i, k := range s.at {
			if k >= 0 {
				out[k] = row[i]
			}
		}
		t, row = s.t, out
	}
	return t, row, nil
}

// number gives a new row its hidden row id, where the table has one.
func (ti *tableInfo) number(ctx context.Context, c *Context, row []types.Datum) error {
	if ti.rowID < 0 {
		return nil
	}
	id, err := c.NextRowID(ctx)
	row[ti.rowID] = types.NewInt(id)
	return err
}

func errNoPartition(c *Context, t *catalog.Table, key []types.Datum) error {
	err := pgerr.New(pgerr.CheckViolation, "no partition of relation %q found for row", t.Name).WithTable(schemaName(c, t), t.Name)
	nums, plain := t.Partitioning.KeyColumns()
	cols := make([]int, len(nums))
	for i, n := range nums {
		cols[i] = int(n) - 1
	}
	if !plain { // shown to whom the whole table is
		cols = cols[:0]
		for i := range t.Columns {
			if !t.Columns[i].Dropped && !t.Columns[i].Hidden {
				cols = append(cols, i)
			}
		}
	}
	if !c.readable(t, cols) {
		return err
	}
	names, vals := make([]string, len(key)), make([]string, len(key))
	for i, d := range key {
		names[i], vals[i] = t.PartitionKeyName(i, c.printed), "null"
		if !d.IsNull() {
			vals[i] = string(types.AppendText(nil, t.Partitioning.Keys[i].Type.Oid, d, ioEnv(c)))
		}
	}
	return err.WithDetail("%s", "Partition key of the failing row contains ("+strings.Join(names, ", ")+") = ("+strings.Join(vals, ", ")+").")
}

// printed prints an expression of the catalog for a message.
func (c *Context) printed(text string, t *catalog.Table) string {
	if c.IndexExpression == nil {
		return text
	}
	return c.IndexExpression(c.Catalog, t, text)
}

// fits reports whether a row of a table meets the bounds of the table and of those that it is a partition of.
func fits(c *Context, t *catalog.Table, row []types.Datum) (bool, error) {
	for t.Bound != nil {
		parent := c.Catalog.Table(t.Parents[0])
		row = rootRow(parent.ColumnsIn(t), row)
		set, err := partitionsOf(c, parent)
		if err != nil {
			return false, err
		}
		if oid, _, err := set.find(c, row); err != nil || oid != t.OID {
			return false, err
		}
		t = parent
	}
	return true, nil
}

func errBound(c *Context, t *catalog.Table, failing string) error {
	return pgerr.New(pgerr.CheckViolation, "new row for relation %q violates partition constraint", t.Name).
		WithDetail("%s", failing).WithTable(schemaName(c, t), t.Name)
}

// insertRouted inserts rows of a partitioned table.
func (m *modifyOp) insertRouted(from, to int) error {
	g := routed{m: m}
	for i := from; i < to; i++ {
		row, err := m.buildRow(i)
		if err == nil {
			err = g.add(row)
		}
		if err != nil {
			if dup := g.write(); dup != nil {
				return dup
			}
			return err
		}
	}
	return g.write()
}

// routed are new rows by leaf, in the order in which the leaves were met.
type routed struct {
	m      *modifyOp
	leaves []*leaf
	rows   map[*leaf][][]types.Datum
}

// add places and checks a row. With RETURNING the rows are written in their order.
func (g *routed) add(row []types.Datum) error {
	l, own, err := g.m.router.route(row)
	if err != nil {
		return err
	}
	if err := l.ti.number(g.m.r.ctx(), g.m.r.c, own); err != nil {
		return err
	}
	if own, err = g.m.beforeInsert(l, own); err != nil || own == nil {
		return err
	}
	if err := g.m.finishIn(l, own); err != nil {
		return err
	}
	if g.m.n.Returning != nil && len(g.leaves) > 0 && g.leaves[0] != l {
		if err := g.write(); err != nil {
			return err
		}
	}
	if g.rows == nil {
		g.rows = map[*leaf][][]types.Datum{}
	}
	if g.rows[l] == nil {
		g.leaves = append(g.leaves, l)
	}
	g.rows[l] = append(g.rows[l], own)
	return nil
}

func (g *routed) write() error {
	for _, l := range g.leaves {
		if g.m.n.Conflict != nil {
			if err := g.m.insertOrConflict(l, g.rows[l]); err != nil {
				return err
			}
			continue
		}
		if err := l.w.Insert(g.m.r.ctx(), g.rows[l]); err != nil {
			return err
		}
		if err := g.m.written(l, g.rows[l], nil); err != nil {
			return err
		}
	}
	g.leaves, g.rows = nil, nil
	return nil
}

func errMovedAway() error {
	return pgerr.New(pgerr.SerializationFailure, "tuple to be locked was already moved to another partition due to concurrent update")
}

// moveTo moves a row, which the caller has locked, to another partition of root. Whoever waits for it learns that it has moved.
func (w *Writer) moveTo(ctx context.Context, to *Writer, root *catalog.Table, old, new []types.Datum) error {
	olds, news := [][]types.Datum{old}, [][]types.Datum{new}
	before, err := w.wideAll(olds)
	if err != nil {
		return err
	}
	after, err := to.wideAll(news)
	if err != nil {
		return err
	}
	w.begin(1 + len(w.ti.indexes))
	from, slot := w.rowKey(old)
	w.add(keyWrite{key: from, op: moveFrom})
	for _, x := range w.ti.indexes {
		w.planRemoval(0, x, before[0], from, slot)
	}
	err = w.write(ctx, before)
	if w.end(); err != nil {
		return err
	}
	to.begin(1 + len(to.ti.indexes))
	key, slot := to.rowKey(new)
	to.add(keyWrite{key: key, op: moveTo, value: to.rowValue(new), from: &from})
	for _, x := range to.ti.indexes {
		to.planEntry(0, x, after[0], key, slot)
	}
	err = to.write(ctx, after)
	if to.end(); err != nil {
		return err
	}
	if err := to.exclude(ctx, after[0], func(*exclusion) bool { return true }); err != nil {
		return err
	}
	if w.c.Constraints == nil {
		return nil
	}
	oldRoot, newRoot := rootRow(root.ColumnsIn(w.ti.t), old), rootRow(root.ColumnsIn(to.ti.t), new)
	if err := w.c.Constraints.Moved(root, w.ti.t, to.ti.t, olds, news, [][]types.Datum{oldRoot}, [][]types.Datum{newRoot}); err != nil {
		return err
	}
	return movedEvents(w.fire, to.fire, old, new)
}

// move takes a row whose key belongs elsewhere now to its new partition. input is its input row, -1 for none.
func (m *modifyOp) move(l *leaf, old, new []types.Datum, input int) error {
	to, row, err := m.router.route(rootRow(l.at, new))
	if err != nil {
		return err
	}
	if err := to.ti.number(m.r.ctx(), m.r.c, row); err != nil {
		return err
	}
	if gone, err := l.w.fire.before(catalog.TriggerDelete, old, nil); err != nil || gone == nil {
		return err
	}
	if row, err = m.beforeInsert(to, row); err != nil {
		return err
	}
	if row == nil { // the old row goes, and none comes
		return l.w.Delete(m.r.ctx(), [][]types.Datum{old})
	}
	if err := m.finishIn(to, row); err != nil {
		return err
	}
	if err := l.w.moveTo(m.r.ctx(), to.w, m.n.Table, old, row); err != nil {
		return err
	}
	var inputs []int
	if input >= 0 {
		inputs = []int{input}
	}
	return m.written(to, [][]types.Datum{row}, inputs)
}

// newLeafRow returns the leaf for a new row of the plan's table, and the row as the leaf has it.
func (m *modifyOp) newLeafRow(row []types.Datum) (*leaf, []types.Datum, error) {
	switch {
	case m.router != nil:
		l, own, err := m.router.route(row)
		if err != nil {
			return nil, nil, err
		}
		return l, own, l.ti.number(m.r.ctx(), m.r.c, own)
	case m.leaves != nil: // others inherit from it; new rows are its own
		l := m.leaves[m.n.Table.RowStorage]
		return l, row, l.ti.number(m.r.ctx(), m.r.c, row)
	}
	return m.root, row, m.root.ti.number(m.r.ctx(), m.r.c, row)
}

func errConflictMoves() error {
	return pgerr.New(pgerr.FeatureNotSupported, "invalid ON UPDATE specification").
		WithDetail("The result tuple would appear in a different partition than the original tuple.")
}
