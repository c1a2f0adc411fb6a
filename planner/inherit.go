package planner

import (
	"maps"
	"slices"
	"strconv"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// A tree of tables is read as an Append of one scan for each table. Conditions are rewritten for each of them, as the same
// column may have another number there and tableoid is a constant, so that each scan finds its own access path. Rows leave
// the Append in the form of the root. Writers tell the tables apart by the row keys, which begin with a table's storage.

// planTree plans the scans of a tree.
func (q *query) planTree(f *fromItem, r *sema.RTE, conds []*conj) (*fromItem, error) {
	if r.Sample != nil {
		return nil, pgerr.NotSupported("TABLESAMPLE of a table that others inherit from")
	}
	use := q.useOf(f.rel)
	for _, t := range r.Inner {
		q.b.useTable(t, use)
	}
	ap := &Append{}
	out := q.treeLayout(f.rel, r)
	// What holds a subquery or changes from call to call is judged once, above.
	var plain, late []*conj
	for _, c := range conds {
		if !c.derived && (hasSubquery(c.node) || hasVolatile(c.node)) {
			late = append(late, c)
		} else {
			plain = append(plain, c)
		}
	}
	keep, err := q.prune(ap, f.rel, r, plain)
	if err != nil {
		return nil, err
	}
	rows := 0.0
	for i, t := range r.Tree {
		q.b.useTable(t, use)
		if keep != nil && !keep[t.OID] {
			continue
		}
		alias := r.Alias // as EXPLAIN tells the tables apart
		if len(keep) != 1 {
			alias += "_" + strconv.Itoa(len(ap.Children)+1)
		}
		n, err := q.planLeafTable(f.rel, r, i, alias, plain, out)
		if err != nil {
			return nil, err
		}
		ap.Children, ap.Leaves = append(ap.Children, n), append(ap.Leaves, t.OID)
		rows += n.Base().Rows
	}
	ap.Props = q.b.props(out.ts, rows)
	f.node, f.lay = ap, out
	if len(ap.Children) == 1 && ap.Prune == nil {
		f.node = ap.Children[0]
	}
	return q.filterItem(f, late)
}

// prune finds the leaf partitions that the plan reads, nil for all, and notes what is to be found when it runs.
func (q *query) prune(ap *Append, rel int, r *sema.RTE, conds []*conj) (map[catalog.Oid]bool, error) {
	all, err := q.prunes(rel, r, conds)
	if all == nil || err != nil || q.b.env.Catalog == nil {
		return nil, err
	}
	var now []Prune
	for _, p := range all {
		known := Prune{Table: p.Table}
		for _, c := range p.Conds {
			if c.constant() {
				known.Conds = append(known.Conds, c)
			}
		}
		if len(known.Conds) < len(p.Conds) {
			ap.Root, ap.Prune = r.Table, all
		}
		if known.Conds != nil {
			now = append(now, known)
		}
	}
	if now == nil {
		return nil, nil
	}
	env := &PruneEnv{Catalog: q.b.env.Catalog, Partitions: q.b.env.Catalog.PartitionsOf, Eval: &expr.EvalContext{}}
	return env.Leaves(r.Table, now)
}

// treeLayout is what the Append of a tree puts out.
func (q *query) treeLayout(rel int, r *sema.RTE) *layout {
	out := newLayout()
	for i, c := range r.Columns {
		if q.needed[rel][i] {
			out.add(varID{rel, i}, c.Type)
		}
	}
	if q.needed[rel][expr.XminCol] {
		out.add(varID{rel, expr.XminCol}, types.T(types.XidOid))
	}
	if q.rowRefs[rel] {
		for i, t := range systemTypes() {
			out.add(varID{rel, sysKey - i}, t)
		}
	}
	return out
}

func systemTypes() [SystemColumns]types.Type {
	return [SystemColumns]types.Type{types.T(types.ByteaOid), types.T(types.Int8Oid), types.T(types.Int8Oid)}
}

// planLeafTable plans the scan of the k-th table of a tree, in the columns of out.
func (q *query) planLeafTable(rel int, r *sema.RTE, k int, alias string, conds []*conj, out *layout) (Node, error) {
	t := r.Tree[k]
	columns := r.Table.ColumnsIn(t)
	leaf := *q
	leaf.q = &sema.Query{}
	*leaf.q = *q.q
	leaf.q.Rels = slices.Clone(q.q.Rels)
	rte := &sema.RTE{Kind: sema.RTETable, Alias: alias, Table: t}
	for i := range t.Columns {
		rte.Columns = append(rte.Columns, sema.Column{Name: t.Columns[i].Name, Type: t.Columns[i].Type})
	}
	leaf.q.Rels[rel] = rte
	leaf.needed = slices.Clone(q.needed)
	leaf.needed[rel] = map[int]bool{}
	for i := range maps.Keys(q.needed[rel]) {
		if i == expr.XminCol {
			leaf.needed[rel][i] = true
		}
		if i >= 0 && i < len(columns) && columns[i] >= 0 {
			leaf.needed[rel][columns[i]] = true
		}
		if i == len(columns)+1 {
			leaf.rowRefs = maps.Clone(q.rowRefs)
			if leaf.rowRefs == nil {
				leaf.rowRefs = map[int]bool{}
			}
			leaf.rowRefs[rel] = true
		}
	}
	rewrite := func(n expr.Node) (expr.Node, bool) {
		v, ok := n.(*expr.Var)
		if !ok || v.Level != 0 || v.Rel != rel || v.Col < 0 {
			return nil, false
		}
		if v.Col == len(columns) {
			return &expr.Const{Type: v.Type, Value: types.NewInt(int64(t.OID)), Loc: -1}, true
		}
		c := *v
		c.Col = columns[v.Col]
		return &c, true
	}
	own := make([]*conj, len(conds))
	for i, c := range conds {
		own[i] = leaf.newConj(mapNode(c.node, rewrite))
		own[i].derived = c.derived
	}
	if r.Own != nil {
		own = append(own, leaf.newConj(r.Own[k]))
		expr.Walk(r.Own[k], func(n expr.Node) bool {
			if v, ok := n.(*expr.Var); ok {
				leaf.needed[rel][v.Col] = true
			}
			return true
		})
	}
	f := &fromItem{rel: rel, lay: newLayout()}
	f.rels.add(rel)
	best := leaf.bestPath(rel, t, own, false)
	f, err := leaf.scanBy(f, rte, own, best)
	if err != nil {
		return nil, err
	}
	return leaf.inForm(rel, t, columns, f, out)
}

// inForm puts the columns of a table's scan into those of out.
func (q *query) inForm(rel int, t *catalog.Table, columns []int, f *fromItem, out *layout) (Node, error) {
	p := &Project{Input: f.node, Passing: make([]int, len(out.ids))}
	same := len(out.ids) == len(f.lay.ids)
	for i, id := range out.ids {
		var n expr.Node
		if id.col == len(columns)+1 {
			id.col = sysKey
		}
		if id.col == len(columns) {
			p.Passing = nil
			n = &expr.Const{Type: out.ts[i], Value: types.NewInt(int64(t.OID)), Loc: -1}
		} else {
			if id.col >= 0 {
				id.col = columns[id.col]
			}
			at := f.lay.pos[varID{rel, id.col}]
			n = &expr.Column{Index: at, Type: out.ts[i]}
			if p.Passing != nil {
				p.Passing[i] = at
			}
			same = same && at == i
		}
		s, err := q.b.compile(n, n, f.lay.ts)
		if err != nil {
			return nil, err
		}
		p.Exprs = append(p.Exprs, s)
	}
	if same && p.Passing != nil {
		return f.node, nil
	}
	p.Props = q.b.props(out.ts, f.rows())
	return p, nil
}

// planLeaves notes the tables of a tree that a statement writes, with their checks.
func (q *query) planLeaves(d *sema.DML, m *ModifyTable) error {
	for _, t := range d.Route {
		q.b.useTable(t, TableWritten)
	}
	if d.Leaves != nil {
		m.Leaves = make([]Leaf, 0, len(d.Leaves))
	}
	for _, l := range d.Leaves {
		q.b.useTable(l.Table, TableWritten)
		generated, checks, err := q.compileChecks(l.Table, l.Generated, l.Checks)
		if err != nil {
			return err
		}
		m.Leaves = append(m.Leaves, Leaf{Table: l.Table, Generated: generated, Checks: checks})
	}
	return nil
}

// keyAttributes is KeyAttributes of a DML statement's target, a tree's tables taken together.
func keyAttributes(d *sema.DML) map[catalog.AttNum]bool {
	if d.Leaves == nil {
		return KeyAttributes(d.Table)
	}
	out := map[catalog.AttNum]bool{}
	for _, l := range d.Leaves {
		keys := KeyAttributes(l.Table)
		for i, at := range d.Table.ColumnsIn(l.Table) {
			if at >= 0 && keys[catalog.AttNum(at+1)] {
				out[catalog.AttNum(i+1)] = true
			}
		}
	}
	return out
}
