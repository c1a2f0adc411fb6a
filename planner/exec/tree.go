package exec

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Trees of tables. A row is written to the table that it is in, in that table's form; what the statement says of it (the
// columns set, RETURNING, a condition judged again) is in the form of the tree's root. Which table a row is in shows at its
// key, which begins with the table's storage.

// leaf is a table that a statement writes to: its only one, or one of a tree.
type leaf struct {
	ti        *tableInfo
	w         *Writer
	generated []planner.Generated
	checks    []planner.Check
	// at[i] is the place in the table's rows of the root's column i+1, -1 where there is none; nil: they are the same.
	at  []int
	con *conflictState
}

// column returns the place in the leaf's rows of a column of the root.
func (l *leaf) column(c catalog.AttNum) int {
	if l.at == nil {
		return int(c) - 1
	}
	return l.at[c-1]
}

// rootRow returns a row in the form of the root.
func rootRow(at []int, row []types.Datum) []types.Datum {
	if at == nil {
		return row
	}
	out := make([]types.Datum, len(at))
	for i, k := range at {
		if k >= 0 {
			out[i] = row[k]
		}
	}
	return out
}

// newLeaves makes the leaves of a statement by their storages; nil for one that writes a single table.
func newLeaves(c *Context, n *planner.ModifyTable) map[topo.StorageID]*leaf {
	if n.Leaves == nil {
		return nil
	}
	out := make(map[topo.StorageID]*leaf, len(n.Leaves))
	for _, k := range n.Leaves {
		l := &leaf{w: NewWriter(c, k.Table), generated: k.Generated, checks: k.Checks}
		l.ti = l.w.ti
		if n.Table.Partitioning != nil {
			l.w.within = n.Table.OID
		}
		if k.Table != n.Table {
			l.at = n.Table.ColumnsIn(k.Table)
			l.w.root, l.w.at = n.Table, l.at
		}
		out[k.Table.RowStorage] = l
	}
	return out
}

// leafOf returns the table that a row's key is of.
func (m *modifyOp) leafOf(key []byte) (*leaf, error) {
	if m.leaves == nil {
		return m.root, nil
	}
	id, _ := topo.KeyStorageID(key)
	if l := m.leaves[id]; l != nil {
		return l, nil
	}
	return nil, pgerr.Internal("exec: a row of no table of the tree of %q", m.n.Table.Name)
}

// moves reports whether a changed row of a leaf belongs to another partition of the statement's table.
func (m *modifyOp) moves(l *leaf, row []types.Datum) (bool, error) {
	if m.router == nil || l.ti.t.Bound == nil {
		return false, nil
	}
	fits, err := fits(m.r.c, l.ti.t, row)
	return !fits, err
}

// treeRows reads the rows of a tree for those who only lock them.
type treeRows map[topo.StorageID]*leaf

func newTreeRows(t *planner.LockTarget) treeRows {
	if t.Tree == nil {
		return nil
	}
	out := make(treeRows, len(t.Tree))
	for _, k := range t.Tree {
		l := &leaf{ti: infoOf(k)}
		if k != t.Table {
			l.at = t.Table.ColumnsIn(k)
		}
		out[k.RowStorage] = l
	}
	return out
}

// changes are rows of one leaf that were not written yet.
type changes struct {
	l        *leaf
	old, new [][]types.Datum
	inputs   []int
}

// write writes the rows gathered and reports them. Rows of another leaf come next.
func (m *modifyOp) write(g *changes) error {
	if len(g.old) == 0 {
		return nil
	}
	rows := g.new
	var err error
	if m.n.Kind == planner.Delete {
		rows = g.old
		err = g.l.w.Delete(m.r.ctx(), g.old)
	} else {
		err = g.l.w.Update(m.r.ctx(), g.old, g.new)
	}
	if err != nil {
		return err
	}
	err = m.written(g.l, rows, g.inputs)
	g.old, g.new, g.inputs = nil, nil, nil
	return err
}

// turn makes l the leaf that rows are gathered for; those of the one before are written.
func (m *modifyOp) turn(g *changes, l *leaf) error {
	if g.l != l {
		if err := m.write(g); err != nil {
			return err
		}
		g.l = l
	}
	return nil
}
