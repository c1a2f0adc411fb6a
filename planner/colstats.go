package planner

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// columnStats returns what ANALYZE found out about a column (attnum-1), nil for nothing.
func (b *builder) columnStats(t *catalog.Table, col int) *catalog.ColumnStats {
	if b.env.Statistics == nil {
		return nil
	}
	return b.env.Statistics(t).Column(catalog.AttNum(col + 1))
}

// statsOf returns the statistics of an expression that is a plain column.
func (q *query) statsOf(n expr.Node) *catalog.ColumnStats {
	v, ok := stripCast(n).(*expr.Var)
	if !ok || v.Level != 0 || v.Rel >= len(q.q.Rels) || q.q.Rels[v.Rel].Kind != sema.RTETable {
		return nil
	}
	return q.b.columnStats(q.q.Rels[v.Rel].Table, v.Col)
}

func (q *query) nullFrac(n expr.Node) float64 {
	if c := q.statsOf(n); c != nil {
		return c.NullFrac
	}
	return 0
}

// columnAndConst reads a comparison as one of an analyzed column with a constant of its type.
func (q *query) columnAndConst(a, b expr.Node, ranged bool) (*catalog.ColumnStats, types.Type, types.Datum, bool) {
	c := q.statsOf(a)
	k, ok := b.(*expr.Const)
	if c != nil && !ok && hasParam(b) && q.valuesMatter(a, c, ranged) {
		q.b.plan.WantsValues = true
	}
	if c == nil || !ok || k.Value.IsNull() {
		return nil, types.Type{}, types.Null, false
	}
	t := stripCast(a).ResultType()
	if !ordered[t.Oid] || k.Type.Oid.Kind() != t.Oid.Kind() || a.ResultType().Oid.Kind() != t.Oid.Kind() {
		return nil, t, types.Null, false
	}
	return c, t, k.Value, true
}

// constSelectivity is how often a column has a certain value: as a common one, or as one of the others.
func (q *query) constSelectivity(a, b expr.Node) (float64, bool) {
	c, t, k, ok := q.columnAndConst(a, b, false)
	if !ok {
		if c, t, k, ok = q.columnAndConst(b, a, false); !ok {
			return 0, false
		}
		a = b
	}
	rest := 1 - c.NullFrac
	for i, s := range c.Common {
		d, err := types.ParseText(types.T(t.Oid), s, types.DefaultIOEnv)
		if err == nil && types.Compare(t.Oid, d, k) == 0 {
			return c.Freqs[i], true
		}
		rest -= c.Freqs[i]
	}
	n, _ := q.distinctValues(a)
	if others := n - float64(len(c.Common)); others > 1 {
		rest /= others
	}
	if len(c.Freqs) > 0 {
		rest = min(rest, c.Freqs[len(c.Freqs)-1])
	}
	return min(1, max(0, rest)), true
}

// rangeSelectivity estimates a comparison of a column with a constant by the column's common values and its histogram.
func (q *query) rangeSelectivity(f *expr.Func) (float64, bool) {
	op := operatorName(f)
	if commuted[op] == "" || op == "=" {
		return 0, false
	}
	c, t, k, ok := q.columnAndConst(f.Args[0], f.Args[1], true)
	if !ok {
		if c, t, k, ok = q.columnAndConst(f.Args[1], f.Args[0], true); !ok {
			return 0, false
		}
		op = commuted[op]
	}
	if len(c.Common)+len(c.Bounds) == 0 {
		return 0, false
	}
	meets := func(cmp int) bool {
		return cmp < 0 && op[0] == '<' || cmp > 0 && op[0] == '>' || cmp == 0 && len(op) == 2
	}
	common, s := 0.0, 0.0
	for i, text := range c.Common {
		d, err := types.ParseText(types.T(t.Oid), text, types.DefaultIOEnv)
		if err != nil {
			return 0, false
		}
		if common += c.Freqs[i]; meets(types.Compare(t.Oid, d, k)) {
			s += c.Freqs[i]
		}
	}
	rest := max(0, 1-c.NullFrac-common)
	below, ok := histogramBelow(c, t, k)
	switch {
	case !ok:
		s += rest * defaultIneqSel
	case op[0] == '<':
		s += rest * below
	default:
		s += rest * (1 - below)
	}
	return min(1, max(minSel, s)), true
}

// histogramBelow is the part of a histogram below a value: whole intervals, and half of the one that it is in.
func histogramBelow(c *catalog.ColumnStats, t types.Type, k types.Datum) (float64, bool) {
	n := len(c.Bounds)
	if n < 2 {
		return 0, false
	}
	lo, hi := 0, n // the first bound that is not below k
	for lo < hi {
		mid := (lo + hi) / 2
		d, err := types.ParseText(types.T(t.Oid), c.Bounds[mid], types.DefaultIOEnv)
		if err != nil {
			return 0, false
		}
		if types.Compare(t.Oid, d, k) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	switch lo {
	case 0:
		return 0.0001, true
	case n:
		return 0.9999, true
	}
	a, okA := numberOf(t, c.Bounds[lo-1])
	b, okB := numberOf(t, c.Bounds[lo])
	x, okX := position(t, k)
	part := 0.5
	if okA && okB && okX && b > a {
		part = min(1, max(0, (x-a)/(b-a)))
	}
	return (float64(lo-1) + part) / float64(n-1), true
}

// A sample says nothing of a condition with fewer than minSampled values, and all there is to say with fullSample.
const (
	minSampled = 10
	fullSample = 100
)

// matchSelectivity is sampleSelectivity, once for each condition.
func (q *query) matchSelectivity(f *expr.Func, byDefault float64) float64 {
	s, ok := q.b.matched[f]
	if !ok {
		s = q.sampleSelectivity(f, byDefault)
		if q.b.matched == nil {
			q.b.matched = map[*expr.Func]float64{}
		}
		q.b.matched[f] = s
	}
	return s
}

// sampleSelectivity tries a condition that orders no values on a sample of an analyzed column's, as PostgreSQL's
// generic_restriction_selectivity does on the values that it keeps.
func (q *query) sampleSelectivity(f *expr.Func, byDefault float64) float64 {
	c, at := q.statsOf(f.Args[0]), 0
	if c == nil {
		c, at = q.statsOf(f.Args[1]), 1
	}
	if c == nil || len(c.Sample) < minSampled {
		return byDefault
	}
	k, ok := f.Args[1-at].(*expr.Const)
	if !ok {
		if hasParam(f.Args[1-at]) {
			v := stripCast(f.Args[at]).(*expr.Var)
			q.b.plan.WantsValues = q.b.plan.WantsValues || q.b.tableRows(q.q.Rels[v.Rel].Table) >= valuesMatterRows
		}
		return byDefault
	}
	if k.Value.IsNull() {
		return 0
	}
	t := types.T(stripCast(f.Args[at]).ResultType().Oid)
	hits := 0.0
	for _, s := range c.Sample {
		d := types.NewString(s)
		if t.Oid != types.JsonbOid { // which is held as it is printed
			var err error
			if d, err = types.ParseText(t, s, types.DefaultIOEnv); err != nil {
				return byDefault
			}
		}
		try := *f
		try.Args = []expr.Node{k, k}
		try.Args[at] = &expr.Const{Type: t, Value: d, Loc: -1}
		if is, ok := expr.Fold(&try).(*expr.Const); ok && !is.Value.IsNull() && is.Value.Bool() {
			hits++
		}
	}
	n := float64(len(c.Sample))
	weight := min(1, n/fullSample)
	return max(minSel, (1-c.NullFrac)*min(0.9999, max(0.0001, hits/n*weight+byDefault*(1-weight))))
}

func numberOf(t types.Type, s string) (float64, bool) {
	d, err := types.ParseText(types.T(t.Oid), s, types.DefaultIOEnv)
	if err != nil {
		return 0, false
	}
	return position(t, d)
}

// position places a value on a line, where its type allows that.
func position(t types.Type, d types.Datum) (float64, bool) {
	switch t.Oid.Kind() {
	case types.KInt:
		return float64(d.Int()), true
	case types.KFloat:
		return d.Float(), true
	}
	return 0, false
}

// Where a table is so small, or a column so even, the values of parameters are of no interest.
const (
	valuesMatterRows = 1000
	valuesMatterSkew = 5
)

// valuesMatter reports whether estimates for different values of an analyzed column may differ by much.
func (q *query) valuesMatter(n expr.Node, c *catalog.ColumnStats, ranged bool) bool {
	v := stripCast(n).(*expr.Var)
	rows := q.b.tableRows(q.q.Rels[v.Rel].Table)
	distinct, _ := q.distinctValues(n)
	return rows >= valuesMatterRows && (ranged || len(c.Freqs) > 0 && c.Freqs[0]*distinct > valuesMatterSkew)
}

// bind replaces the parameters whose values are known.
func (b *builder) bind(n expr.Node) expr.Node {
	if b.env.Params == nil {
		return n
	}
	return mapNode(n, func(m expr.Node) (expr.Node, bool) {
		p, ok := m.(*expr.Param)
		if !ok || p.Index > len(b.env.Params) {
			return nil, false
		}
		return &expr.Const{Type: p.Type, Value: b.env.Params[p.Index-1], Loc: p.Loc}, true
	})
}
