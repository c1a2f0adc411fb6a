package planner

import (
	"math"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// How many rows conditions let through, as PostgreSQL estimates it where it knows no values of the columns: from the
// rows of the tables, from what is unique, and from the defaults of selfuncs.h.
const (
	defaultIneqSel      = 1.0 / 3
	defaultRangeSel     = 0.005
	defaultMatchSel     = 0.005
	defaultContainSel   = 0.001
	defaultOverlapSel   = 0.01
	defaultMatchingSel  = 0.010
	defaultNullSel      = 0.005
	defaultSel          = 0.5
	defaultDistinct     = 200
	unknownArrayLen     = 10
	minSel              = 1e-9
	semiSelWithDefaults = 0.5
)

// distinctValues estimates how many values an expression has, and whether that is but the default.
func (q *query) distinctValues(n expr.Node) (float64, bool) {
	v, ok := stripCast(n).(*expr.Var)
	if !ok || v.Level != 0 || v.Rel >= len(q.q.Rels) || q.q.Rels[v.Rel].Kind != sema.RTETable {
		if n.ResultType().Oid == types.BoolOid {
			return 2, false
		}
		return defaultDistinct, true
	}
	t := q.q.Rels[v.Rel].Table
	rows := q.b.tableRows(t)
	if c := q.b.columnStats(t, v.Col); c != nil && c.Distinct != 0 {
		if c.Distinct < 0 {
			return max(1, -c.Distinct*rows), false
		}
		return min(c.Distinct, rows), false
	}
	for _, ix := range t.Indexes {
		if ix.Unique && len(ix.Columns) == 1 && int(ix.Columns[0].Num)-1 == v.Col {
			return rows, false
		}
	}
	if len(t.KeyColumns) == 1 && int(t.KeyColumns[0])-1 == v.Col {
		return rows, false
	}
	if n.ResultType().Oid == types.BoolOid {
		return 2, false
	}
	return min(rows, defaultDistinct), rows > defaultDistinct
}

// selectivity estimates the part of the rows for which a condition is true.
func (q *query) selectivity(n expr.Node) float64 {
	if q.q == nil {
		return defaultSel
	}
	switch n := n.(type) {
	case *expr.Const:
		if !n.Value.IsNull() && n.Value.Bool() {
			return 1
		}
		return 0
	case *expr.BoolOp:
		return q.boolSelectivity(n)
	case *expr.Func:
		return q.operatorSelectivity(n)
	case *expr.AnyAll:
		return q.arraySelectivity(n)
	case *expr.IsTest:
		s := defaultSel
		if n.Test == expr.IsNull || n.Test == expr.IsUnknown {
			s = defaultNullSel
			if c := q.statsOf(n.Arg); c != nil {
				s = c.NullFrac
			}
		}
		if n.Not {
			return 1 - s
		}
		return s
	}
	return defaultSel
}

func (q *query) boolSelectivity(n *expr.BoolOp) float64 {
	switch n.Op {
	case expr.And:
		return q.allOf(n.Args)
	case expr.Or:
		s := 0.0
		for _, a := range n.Args {
			x := q.selectivity(a)
			s += x - s*x
		}
		return s
	}
	return 1 - q.selectivity(n.Args[0])
}

// allOf is the selectivity of conditions together. A pair that bounds one expression at both ends is a range.
func (q *query) allOf(conds []expr.Node) float64 {
	if q.q == nil {
		return defaultSel
	}
	s := 1.0
	bounds := map[string]int{} // 1: below, 2: above
	for _, c := range conds {
		f, ok := c.(*expr.Func)
		if !ok {
			s *= q.selectivity(c)
			continue
		}
		side, arg := 0, expr.Node(nil)
		switch op := operatorName(f); op {
		case "<", "<=", ">", ">=":
			if arg, side = f.Args[0], 1; op[0] == '>' {
				side = 2
			}
			if q.relsOf(arg).empty() {
				arg, side = f.Args[1], 3-side
			}
		}
		if x, ok := q.rangeSelectivity(f); side == 0 || ok {
			if !ok {
				x = q.selectivity(c)
			}
			s *= x
			continue
		}
		key := fingerprint(arg)
		switch have := bounds[key]; {
		case have == 0:
			s *= defaultIneqSel
		case have|side == 3 && have != 3:
			s *= defaultRangeSel / defaultIneqSel
		}
		bounds[key] |= side
	}
	return max(s, minSel)
}

func (q *query) operatorSelectivity(f *expr.Func) float64 {
	if f.Fn.Operator == nil || len(f.Args) != 2 {
		return defaultIneqSel // a function
	}
	switch f.Fn.Operator.Name {
	case "=":
		return q.equalSelectivity(f.Args[0], f.Args[1])
	case "<>":
		return max(0, 1-q.equalSelectivity(f.Args[0], f.Args[1])-q.nullFrac(f.Args[0])-q.nullFrac(f.Args[1]))
	case "<", "<=", ">", ">=":
		if s, ok := q.rangeSelectivity(f); ok {
			return s
		}
		return defaultIneqSel
	case "~~", "~~*", "~", "~*":
		return defaultMatchSel
	case "!~~", "!~~*", "!~", "!~*":
		return 1 - defaultMatchSel
	case "@>", "<@", "?", "?|", "?&", "@?", "@@", "@@@":
		return q.matchSelectivity(f, defaultContainSel)
	case "%", "<%", "%>", "<<%", "%>>":
		if f.Fn.Operator.Result == types.BoolOid {
			return q.matchSelectivity(f, defaultMatchingSel)
		}
	case "&&":
		return q.matchSelectivity(f, defaultOverlapSel)
	}
	return defaultSel
}

// equalSelectivity is one value of as many as the side with more of them has.
func (q *query) equalSelectivity(a, b expr.Node) float64 {
	if s, ok := q.constSelectivity(a, b); ok {
		return s
	}
	n := 1.0
	for _, x := range []expr.Node{a, b} {
		if !q.relsOf(x).empty() {
			d, _ := q.distinctValues(x)
			n = max(n, d)
		}
	}
	if n == 1 {
		return 1.0 / defaultDistinct
	}
	return (1 - q.nullFrac(a)) * (1 - q.nullFrac(b)) / n
}

func (q *query) arraySelectivity(n *expr.AnyAll) float64 {
	count := unknownArrayLen
	switch a := n.Array.(type) {
	case *expr.ArrayExpr:
		count = len(a.Elems)
	case *expr.Const:
		count = 0
		if !a.Value.IsNull() {
			count = len(a.Value.Array().Elems)
		}
	}
	one := defaultSel
	if n.Op.Operator != nil {
		switch n.Op.Operator.Name {
		case "=":
			d, _ := q.distinctValues(n.Left)
			one = 1 / d
		case "<>":
			d, _ := q.distinctValues(n.Left)
			one = 1 - 1/d
		case "<", "<=", ">", ">=":
			one = defaultIneqSel
		}
	}
	if n.All {
		return max(minSel, math.Pow(one, float64(count)))
	}
	return max(0, min(1, one*float64(count)))
}

// joinSelectivity is the part of all pairs of two items' rows that meet conditions on both. Equalities with all columns of
// a unique key find one row of its table.
func (q *query) joinSelectivity(conds []*conj) float64 {
	s := 1.0
	eqs := map[int]map[int]*conj{} // by entry and column
	for _, c := range conds {
		if c.left == nil || c.derived && c.class == 0 {
			continue
		}
		for _, side := range []expr.Node{c.left, c.right} {
			if v, ok := stripCast(side).(*expr.Var); ok && v.Level == 0 && q.q.Rels[v.Rel].Kind == sema.RTETable {
				if eqs[v.Rel] == nil {
					eqs[v.Rel] = map[int]*conj{}
				}
				eqs[v.Rel][v.Col] = c
			}
		}
	}
	covered := map[*conj]bool{}
	for _, c := range conds { // in their order, for the estimate to be the same every time
		for _, side := range []expr.Node{c.left, c.right} {
			if side == nil || covered[c] {
				continue
			}
			v, ok := stripCast(side).(*expr.Var)
			if !ok || v.Level != 0 || q.q.Rels[v.Rel].Kind != sema.RTETable {
				continue
			}
			t := q.q.Rels[v.Rel].Table
			for _, ix := range t.Indexes {
				if !ix.Unique || len(ix.Columns) < 2 {
					continue
				}
				all := true
				for _, k := range ix.Columns {
					e := eqs[v.Rel][int(k.Num)-1]
					all = all && e != nil && !covered[e]
				}
				if !all {
					continue
				}
				for _, k := range ix.Columns {
					covered[eqs[v.Rel][int(k.Num)-1]] = true
				}
				s /= q.b.tableRows(t)
				break
			}
		}
	}
	var rest []expr.Node
	for _, c := range conds {
		if !covered[c] {
			rest = append(rest, c.node)
		}
	}
	if len(rest) > 0 {
		s *= q.allOf(rest)
	}
	return max(s, minSel)
}

// joinRows estimates a join's rows.
func (q *query) joinRows(kind JoinType, left, right *fromItem, conds []*conj) float64 {
	l, r := left.rows(), right.rows()
	inner := l * r * q.joinSelectivity(spanning(conds, left.rels, right.rels))
	switch kind {
	case LeftOuter:
		return max(inner, l)
	case FullOuter:
		return max(inner, l, r)
	case Semi:
		return l * q.semiSelectivity(left, right, conds)
	case Anti, NullAnti:
		return l * (1 - q.semiSelectivity(left, right, conds))
	}
	return inner
}

// semiSelectivity is the part of the left rows that have a partner among the right ones.
func (q *query) semiSelectivity(left, right *fromItem, conds []*conj) float64 {
	s := 1.0
	for _, c := range conds {
		if c.left == nil {
			s *= defaultSel
			continue
		}
		l, r := c.left, c.right
		if !c.leftRels.within(left.rels) {
			l, r = r, l
		}
		a, defA := q.distinctValues(l)
		b, defB := q.distinctValues(r)
		switch {
		case defA || defB:
			s *= semiSelWithDefaults
		default:
			s *= min(1, min(b, right.rows())/a)
		}
	}
	return max(s, minSel)
}

// groupRows estimates how many groups rows make: as many as the keys have values, and no more than there are rows.
func (q *query) groupRows(keys []expr.Node, rows float64) float64 {
	n := 1.0
	for _, k := range keys {
		d, _ := q.distinctValues(q.expand(k))
		n = min(n*d, rows)
	}
	return n
}
