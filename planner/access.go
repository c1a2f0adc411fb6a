package planner

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// unknownRows is the estimate for tables that nobody counted.
const unknownRows = 10000

func (b *builder) tableRows(t *catalog.Table) float64 {
	if b.env.RowCount != nil {
		if n := b.env.RowCount(t); n >= 0 {
			return max(1, float64(n))
		}
	}
	return unknownRows
}

// keyCond is a conjunct that restricts one column by a value known without the row.
type keyCond struct {
	c   *conj
	col int       // attnum-1; -1: an expression
	key expr.Node // the expression of an index that it restricts
	op  string    // = < <= > >=, "in" or "not null"
	val expr.Node
}

// accessPath is a candidate: an index with the conditions that it uses.
type accessPath struct {
	index   *catalog.Index
	columns []catalog.IndexColumn
	unique  bool
	eq      []*keyCond
	in      *keyCond
	lo, hi  *keyCond
	notNull *keyCond // column len(eq) IS NOT NULL
	gin     []*ginCond
	keys    float64 // what the lists of a GIN index's keys cost beside the rows
	rows    float64
	order   *rowOrder // the rows are to come in this order
	reverse bool
	// indexOnly: the entries have all that is wanted.
	indexOnly bool
}

// planTable chooses how to read a table.
func (q *query) planTable(f *fromItem, r *sema.RTE, conds []*conj) (*fromItem, error) {
	q.b.useTable(r.Table, q.useOf(f.rel))
	if r.Tree != nil {
		return q.planTree(f, r, conds)
	}
	best := q.bestPath(f.rel, r.Table, conds, q.drives(f.rel))
	if best == nil {
		return nil, errUnordered
	}
	if u := q.unionOf(f.rel, r, conds); u != nil && !q.drives(f.rel) && u.cost < pathCost(best) {
		return q.scanUnion(f, r, conds, u)
	}
	f, err := q.scanBy(f, r, conds, best)
	if err != nil || r.Sample == nil {
		return f, err
	}
	return f, q.sample(f, r.Sample)
}

// sample keeps a part of a table's rows. Which ones depends on their keys alone, so that it does not matter what conditions
// came before.
func (q *query) sample(f *fromItem, s *sema.TableSample) error {
	n := &Sample{Input: f.node, System: s.System, Key: f.lay.pos[varID{f.rel, sysKey}]}
	var err error
	if n.Percent, err = q.scalar(s.Percent, nil, nil); err != nil {
		return err
	}
	if s.Seed != nil {
		if n.Seed, err = q.scalar(s.Seed, nil, nil); err != nil {
			return err
		}
	}
	base := f.node.Base()
	n.Props = q.b.props(base.Types, base.Rows/2)
	f.node, f.scan = n, nil // its rows are not to be looked up by another way
	return nil
}

// scanBy makes the scan for a path.
func (q *query) scanBy(f *fromItem, r *sema.RTE, conds []*conj, p *accessPath) (*fromItem, error) {
	n := &Scan{Props: q.b.props(nil, p.rows), Table: r.Table, Alias: r.Alias, Read: p.rows}
	for i := range r.Table.Columns {
		if q.needed[f.rel][i] {
			n.Cols = append(n.Cols, catalog.AttNum(i+1))
			n.Types = append(n.Types, r.Table.Columns[i].Type)
			f.lay.add(varID{f.rel, i}, r.Table.Columns[i].Type)
		}
	}
	if q.needed[f.rel][expr.XminCol] {
		n.Xmin = true
		n.Types = append(n.Types, types.T(types.XidOid))
		f.lay.add(varID{f.rel, expr.XminCol}, types.T(types.XidOid))
	}
	if q.rowRefs[f.rel] || r.Sample != nil {
		n.RowRef = true
		for i, t := range [SystemColumns]types.Type{types.T(types.ByteaOid), types.T(types.Int8Oid), types.T(types.Int8Oid)} {
			n.Types = append(n.Types, t)
			f.lay.add(varID{f.rel, sysKey - i}, t)
		}
	}
	used, err := q.fillAccess(&n.Access, r.Table, p)
	if err != nil {
		return nil, err
	}
	n.Access.IndexOnly = q.indexOnly(f.rel, r.Table, p.index)
	var rest []expr.Node
	var late []*conj
	for _, c := range conds {
		switch {
		case used[c], c.hint:
		case c.derived:
			// It follows from a condition that a join checks.
			rest = append(rest, c.node)
		case hasSubquery(c.node) || hasVolatile(c.node):
			late = append(late, c)
		default:
			rest = append(rest, c.node)
		}
	}
	if len(rest) > 0 {
		if n.Filter, err = q.scalar(andOf(rest), f.lay, nil); err != nil {
			return nil, err
		}
		n.FilterCols = columnsOf(n.Filter.Node)
		n.Rows = max(1, n.Rows*q.allOf(slices.DeleteFunc(slices.Clone(rest), p.counts)))
	}
	f.node, f.scan, f.conds = n, n, conds
	if p.order != nil {
		n.Access.Ordered, n.Access.Reverse = true, p.reverse
		f.order = p.order
	}
	return q.filterItem(f, late)
}

func columnsOf(n expr.Node) []int {
	var out []int
	seen := map[int]bool{}
	visit(n, func(m expr.Node) bool {
		if c, ok := m.(*expr.Column); ok && !seen[c.Index] {
			seen[c.Index] = true
			out = append(out, c.Index)
		}
		return true
	})
	return out
}

// keyConds picks the conjuncts that a key of the table could use.
func (q *query) keyConds(rel int, conds []*conj) []*keyCond {
	var out []*keyCond
	key, known := q.keyOperand(rel), q.known
	for _, c := range conds {
		switch n := c.node.(type) {
		case *expr.Func:
			op := operatorName(n)
			if op == "" || commuted[op] == "" {
				continue
			}
			k := &keyCond{c: c, op: op, val: n.Args[1]}
			if known(n.Args[1]) && key(n.Args[0], k) {
				out = append(out, k)
			} else if k.op, k.val = commuted[op], n.Args[0]; known(n.Args[0]) && key(n.Args[1], k) {
				out = append(out, k)
			}
		case *expr.AnyAll:
			if n.All || n.Op.Operator == nil || n.Op.Operator.Name != "=" {
				continue
			}
			k := &keyCond{c: c, op: "in", val: n.Array}
			if known(n.Array) && comparableTypes(n.Left.ResultType().Oid, types.ElemOf(n.Array.ResultType().Oid)) && key(n.Left, k) {
				out = append(out, k)
			}
		case *expr.IsTest:
			k := &keyCond{c: c, op: "not null"}
			if n.Test == expr.IsNull && n.Not && n.Arg.ResultType().Oid.Class() != types.CompositeClass && key(n.Arg, k) {
				out = append(out, k)
			}
		case *expr.Var:
			if n.Type.Oid == types.BoolOid && n.Rel == rel && n.Level == 0 {
				out = append(out, &keyCond{c: c, col: n.Col, op: "=", val: &expr.Const{Type: n.Type, Value: types.NewBool(true)}})
			}
		}
	}
	return out
}

// known reports whether a value is known without any row: a subquery's too, which refers to none.
func (q *query) known(n expr.Node) bool {
	return q.relsOf(n).empty() && !hasVolatile(n)
}

// keyOperand returns what reads an operand as a column of the table, or as what an index could be on.
func (q *query) keyOperand(rel int) func(n expr.Node, k *keyCond) bool {
	own := func(n expr.Node) (int, bool) {
		v, ok := stripCast(n).(*expr.Var)
		if !ok || v.Level != 0 || v.Rel != rel || v.Col >= len(q.q.Rels[rel].Table.Columns) {
			return 0, false
		}
		return v.Col, sameBytes(v.Type.Oid, n.ResultType().Oid)
	}
	exprs := onExpressions(q.q.Rels[rel].Table)
	return func(n expr.Node, k *keyCond) bool {
		var ok bool
		if k.col, ok = own(n); ok {
			return true
		}
		if !exprs || !q.relsOf(n).only(rel) || hasVolatile(n) || hasSubquery(n) {
			return false
		}
		k.col, k.key = -1, expr.Fold(stripCast(n))
		return sameBytes(k.key.ResultType().Oid, n.ResultType().Oid)
	}
}

var commuted = expr.Commuted

// rowKeyColumns are the columns of a table's row key as an index's.
func rowKeyColumns(t *catalog.Table) []catalog.IndexColumn {
	out := make([]catalog.IndexColumn, len(t.KeyColumns))
	for i, n := range t.KeyColumns {
		out[i] = catalog.IndexColumn{Num: n}
	}
	return out
}

// tooNew reports whether an index lacks entries for rows that the plan's snapshot still sees.
func (b *builder) tooNew(ix *catalog.Index) bool {
	return b.env.Snapshot != 0 && ix.BuiltAt > b.env.Snapshot
}

// use notes that the plan reads an index, nil for none.
func (b *builder) use(ix *catalog.Index) {
	if ix != nil {
		b.plan.Since = max(b.plan.Since, ix.BuiltAt)
	}
}

// bestPath chooses among the row key and the indexes: the fewest rows, or of those whose order serves the query the cheapest
// (nil: none does).
func (q *query) bestPath(rel int, t *catalog.Table, conds []*conj, ordered bool) *accessPath {
	if ordered {
		return q.orderedPath(rel, t, conds)
	}
	var best *accessPath
	q.eachPath(rel, t, conds, func(p *accessPath) {
		if best != nil && !p.narrows() && p.index.Predicate == "" && !p.indexOnly {
			return
		}
		if best == nil || pathCost(p) < pathCost(best) {
			best = p
		}
	})
	return best
}

// eachPath calls f for every way to read a table, the row key first.
func (q *query) eachPath(rel int, t *catalog.Table, conds []*conj, f func(*accessPath)) {
	ks := q.keyConds(rel, conds)
	rows := q.b.tableRows(t)
	f(q.matchPath(rel, t, nil, rowKeyColumns(t), true, ks, rows))
	for _, ix := range t.Indexes {
		if ix.RowKey || q.b.tooNew(ix) || !q.admits(rel, t, ix, conds) {
			continue
		}
		if ix.Gin() {
			given := func(n expr.Node) bool { return q.known(n) && !hasSubquery(n) } // what keys they have decides whether it is worth it
			if p := q.ginPath(rel, t, ix, conds, given); p != nil {
				f(p)
			}
			continue
		}
		if p := q.matchPath(rel, t, ix, ix.Columns, ix.Unique, ks, rows); !p.omitsRows(t) {
			f(p)
		}
	}
}

// narrows reports whether the path reads by conditions on its key.
func (p *accessPath) narrows() bool {
	return len(p.eq) > 0 || p.in != nil || p.lo != nil || p.hi != nil || p.gin != nil
}

// pathCost weighs a path, in rows of a scan.
func pathCost(p *accessPath) float64 {
	if p.index != nil {
		return p.rowCost()*p.rows + 1 + p.keys
	}
	return p.rows
}

// keySelectivity is the part of a table's rows that meet a condition on a key's column or expression.
func (q *query) keySelectivity(rel int, t *catalog.Table, k *keyCond) float64 {
	if k.val == nil {
		return q.selectivity(k.c.node)
	}
	if k.op != "=" || q.relsOf(k.val).empty() {
		if _, ok := k.c.node.(*expr.Var); !ok {
			return q.selectivity(k.c.node)
		}
	}
	if k.col < 0 {
		return 1.0 / defaultDistinct
	}
	v := &expr.Var{Rel: rel, Col: k.col, Type: t.Columns[k.col].Type}
	n, _ := q.distinctValues(v)
	return (1 - q.nullFrac(v)) / n
}

// restricts reports whether a condition is on a key column of an index: attnum-1, or an expression.
func (q *query) restricts(k *keyCond, col int, node expr.Node) bool {
	if k.col >= 0 || node == nil {
		return k.col == col && col >= 0
	}
	if expr.Equal(k.key, node) {
		return true
	}
	q.b.plan.WantsLiterals = q.b.plan.WantsLiterals || hasParam(k.key)
	return false
}

// matchPath fits conditions to the leading columns of a key.
func (q *query) matchPath(rel int, t *catalog.Table, ix *catalog.Index, cols []catalog.IndexColumn, unique bool, ks []*keyCond, rows float64) *accessPath {
	p := &accessPath{index: ix, columns: cols, unique: unique, rows: rows, indexOnly: q.indexOnly(rel, t, ix)}
	sel := func(k *keyCond) float64 { return q.keySelectivity(rel, t, k) }
	if ix != nil && ix.Predicate != "" {
		p.rows = max(1, rows*q.selectivity(q.storedNode(rel, t, ix.Predicate, sema.PredicateExpr)))
	}
	for i := range cols {
		col, node := q.indexKey(rel, t, &cols[i])
		var eq, in *keyCond
		for _, k := range ks {
			if !q.restricts(k, col, node) {
				continue
			}
			switch k.op {
			case "=":
				eq = k
			case "in":
				in = k
			}
		}
		if eq != nil {
			p.eq = append(p.eq, eq)
			p.rows = max(1, p.rows*sel(eq))
			continue
		}
		if in != nil {
			p.in = in
			p.rows = max(1, p.rows*sel(in))
			break
		}
		for _, k := range ks {
			if !q.restricts(k, col, node) {
				continue
			}
			if k.op == ">" || k.op == ">=" {
				p.lo = k
			}
			if k.op == "<" || k.op == "<=" {
				p.hi = k
			}
			if k.op == "not null" {
				p.notNull = k
			}
		}
		switch {
		case p.lo != nil && p.hi != nil:
			lo, hi := sel(p.lo), sel(p.hi)
			if lo == defaultIneqSel && hi == defaultIneqSel {
				p.rows = max(1, p.rows*defaultRangeSel)
			} else {
				p.rows = max(1, p.rows*max(defaultRangeSel, lo+hi-1))
			}
		case p.lo != nil:
			p.rows = max(1, p.rows*sel(p.lo))
		case p.hi != nil:
			p.rows = max(1, p.rows*sel(p.hi))
		}
		break
	}
	if unique && len(p.eq) == len(cols) {
		p.rows = 1
	} else if unique && p.in != nil && len(p.eq)+1 == len(cols) {
		p.rows = 10
	}
	return p
}

// omitsRows reports whether rows that meet the path's conditions may have no entry in its index: a unique index has none
// of rows with NULLs, and a column that no condition binds may be NULL.
func (p *accessPath) omitsRows(t *catalog.Table) bool {
	if p.index == nil || !p.index.Global() || p.index.NullsNotDistinct {
		return false
	}
	bound := len(p.eq)
	if p.in != nil || p.lo != nil || p.hi != nil {
		bound++
	}
	for _, c := range p.columns[bound:] {
		if c.Num == 0 || !t.Columns[c.Num-1].NotNull {
			return true
		}
	}
	return false
}

// fillAccess compiles a path's values and returns the conjuncts that it makes true by itself.
func (q *query) fillAccess(a *Access, t *catalog.Table, p *accessPath) (map[*conj]bool, error) {
	used := map[*conj]bool{}
	a.Index, a.Columns = p.index, p.columns
	q.b.use(p.index)
	if p.gin != nil {
		return nil, q.fillGin(a, t, p)
	}
	value := func(k *keyCond) (*Scalar, error) {
		used[k.c] = true
		return q.scalar(k.val, nil, nil)
	}
	for _, k := range p.eq {
		s, err := value(k)
		if err != nil {
			return nil, err
		}
		a.Eq = append(a.Eq, s)
	}
	var err error
	if p.in != nil {
		if a.In, err = value(p.in); err != nil {
			return nil, err
		}
	}
	if p.lo != nil {
		a.Lo = &Bound{Inclusive: p.lo.op == ">="}
		if a.Lo.Value, err = value(p.lo); err != nil {
			return nil, err
		}
	}
	if p.hi != nil {
		a.Hi = &Bound{Inclusive: p.hi.op == "<="}
		if a.Hi.Value, err = value(p.hi); err != nil {
			return nil, err
		}
	}
	a.NotNull = p.lo != nil || p.hi != nil || p.notNull != nil
	if p.notNull != nil {
		used[p.notNull.c] = true
	}
	bound := len(a.Eq)
	if a.In != nil {
		bound++
	}
	a.Point = p.unique && bound == len(p.columns)
	a.Dist = distOf(t, a, bound)
	return used, nil
}

// distOf finds the table's distribution columns among the first bound columns of the access key.
func distOf(t *catalog.Table, a *Access, bound int) []int {
	if a.Index != nil && a.Index.Global() {
		return nil
	}
	var out []int
	for _, d := range t.DistColumns {
		at := -1
		for i, c := range a.Columns[:bound] {
			if c.Num == d {
				at = i
			}
		}
		if at < 0 {
			return nil
		}
		out = append(out, at)
	}
	return out
}
