package planner

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
)

// Columns that equalities make equal are a class, as PostgreSQL's equivalence classes are: from a = b and b = c it follows
// that a = c, by which a and c may be joined before b is. All conditions of the query are checked where their columns meet;
// those that follow are checked where no condition of their class is, and only the class is estimated, not each of them.

// maxClass bounds the columns of a class: there are as many equalities as pairs of them.
const maxClass = 8

// equivalent numbers the classes of equalities between columns of one type, and lists the equalities that follow.
func (q *query) equivalent(conds []*conj) []*conj {
	var members [][]*expr.Var // by class
	of := map[varID]int{}     // class by column, plus 1
	have := map[[2]varID]bool{}
	var eqs []*conj
	for _, c := range conds {
		c.class = 0 // of the tree around this one
		l, r, ok := c.columns()
		if !ok {
			continue
		}
		eqs = append(eqs, c)
		a, b := varID{l.Rel, l.Col}, varID{r.Rel, r.Col}
		have[[2]varID{a, b}], have[[2]varID{b, a}] = true, true
		switch {
		case of[a] == 0 && of[b] == 0:
			members = append(members, []*expr.Var{l, r})
			of[a], of[b] = len(members), len(members)
		case of[a] == 0:
			members[of[b]-1] = append(members[of[b]-1], l)
			of[a] = of[b]
		case of[b] == 0:
			members[of[a]-1] = append(members[of[a]-1], r)
			of[b] = of[a]
		case of[a] != of[b]:
			to, from := of[a], of[b]
			for _, v := range members[from-1] {
				of[varID{v.Rel, v.Col}] = to
			}
			members[to-1] = append(members[to-1], members[from-1]...)
			members[from-1] = nil
		}
	}
	var out []*conj
	for _, c := range eqs {
		l, _, _ := c.columns()
		c.class = of[varID{l.Rel, l.Col}]
		vs := members[c.class-1]
		if len(vs) > maxClass {
			continue
		}
		for i, a := range vs {
			for _, b := range vs[:i] {
				x, y := varID{a.Rel, a.Col}, varID{b.Rel, b.Col}
				if a.Rel == b.Rel || have[[2]varID{x, y}] {
					continue
				}
				have[[2]varID{x, y}], have[[2]varID{y, x}] = true, true
				f := *(c.node.(*expr.Func))
				f.Args = []expr.Node{b, a}
				d := q.newConj(&f)
				d.derived, d.class = true, c.class
				out = append(out, d)
			}
		}
	}
	return out
}

// columns are the two sides of an equality of columns of different tables that have the same type.
func (c *conj) columns() (l, r *expr.Var, ok bool) {
	l, lok := c.left.(*expr.Var)
	r, rok := c.right.(*expr.Var)
	ok = !c.derived && lok && rok && l.Level == 0 && r.Level == 0 && l.Rel != r.Rel && l.Type.Oid == r.Type.Oid
	return l, r, ok
}

// oneOfClass leaves out, of the conditions for a join, those that follow from another of them.
func oneOfClass(conds []*conj) []*conj {
	given := map[int]bool{}
	follows := false
	for _, c := range conds {
		given[c.class] = given[c.class] || !c.derived
		follows = follows || c.derived && c.class != 0
	}
	if !follows {
		return conds
	}
	var out []*conj
	for _, c := range conds {
		if c.derived && c.class != 0 {
			if given[c.class] {
				continue
			}
			given[c.class] = true
		}
		out = append(out, c)
	}
	return out
}

// spanning leaves out, of conditions that are estimated together, those whose tables others of their class connect already.
// Where the tables of each side of a join are connected, joined names them.
func spanning(conds []*conj, joined ...relSet) []*conj {
	type place struct{ class, rel int }
	at := map[place]place{}
	var find func(p place) place
	find = func(p place) place {
		if up, ok := at[p]; ok {
			return find(up)
		}
		return p
	}
	placeOf := func(c *conj, v expr.Node) place {
		rel := v.(*expr.Var).Rel
		for side, rels := range joined {
			if rels.has(rel) {
				return place{c.class, -1 - side}
			}
		}
		return place{c.class, rel}
	}
	var out []*conj
	for _, derived := range []bool{false, true} {
		for _, c := range conds {
			if c.derived != derived {
				continue
			}
			if c.class != 0 {
				a, b := find(placeOf(c, c.left)), find(placeOf(c, c.right))
				if a == b {
					continue
				}
				at[a] = b
			}
			out = append(out, c)
		}
	}
	return out
}
