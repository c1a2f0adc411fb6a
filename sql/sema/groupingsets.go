package sema

import (
	"cmp"
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// GroupingSet is an item of a GROUP BY that has grouping sets, as written: a list of expressions (Simple, in Refs), or
// sets of Content.
type GroupingSet struct {
	Kind    parse.GroupingSetKind
	Refs    []int // positions in the query's GroupBy
	Content []*GroupingSet
}

const (
	maxGroupingSets = 4096 // what a GROUP BY may expand to
	maxCube         = 12   // elements of a CUBE
	maxGroupingArgs = 31   // arguments of GROUPING, whose result is an int4 of bits
)

// groupBy analyses GROUP BY over the select list.
func (s *scope) groupBy(sel *parse.SelectStmt) error {
	s.q.GroupDistinct = sel.GroupDistinct
	items, sets := flattenGroups(sel.GroupClause)
	if len(items) == 0 {
		if sets {
			s.q.GroupingTree = []*GroupingSet{{Kind: parse.GroupingSetEmpty}}
		}
		return s.expandGroupingSets()
	}
	var seen []int
	for _, e := range items {
		if gs, ok := e.(*parse.GroupingSet); ok {
			g, err := s.groupingSet(gs)
			if err != nil {
				return err
			}
			s.q.GroupingTree = append(s.q.GroupingTree, g)
			continue
		}
		ref, err := s.groupRef(e)
		if err != nil {
			return err
		}
		if slices.Contains(seen, ref) {
			continue
		}
		seen = append(seen, ref)
		if sets {
			s.q.GroupingTree = append(s.q.GroupingTree, &GroupingSet{Kind: parse.GroupingSetSimple, Refs: []int{ref}})
		}
	}
	return s.expandGroupingSets()
}

// flattenGroups dissolves the row constructors among the items of GROUP BY, and leaves out empty sets, which say nothing
// beside other items. sets is set where there are grouping sets at all.
func flattenGroups(items []parse.Expr) (out []parse.Expr, sets bool) {
	for _, e := range items {
		switch e := e.(type) {
		case *parse.GroupingSet:
			sets = true
			if e.Kind != parse.GroupingSetEmpty {
				out = append(out, e)
			}
		case *parse.RowExpr:
			if !e.Explicit {
				in, more := flattenGroups(e.Args)
				out, sets = append(out, in...), sets || more
				continue
			}
			out = append(out, e)
		default:
			out = append(out, e)
		}
	}
	return out, sets
}

// groupRef analyses a grouping expression and returns its position in GroupBy, where each stands once: each entry of the
// select list, and each expression that is none.
func (s *scope) groupRef(e parse.Expr) (int, error) {
	n, target, err := s.groupItem(e)
	if err != nil {
		return 0, err
	}
	if target >= 0 {
		t := &s.q.Targets[target]
		if t.Group == 0 {
			s.q.GroupBy = append(s.q.GroupBy, n)
			t.Group = len(s.q.GroupBy)
		}
		return t.Group - 1, nil
	}
	if i := slices.IndexFunc(s.q.GroupBy, func(g expr.Node) bool { return expr.Equal(g, n) }); i >= 0 {
		return i, nil
	}
	s.q.GroupBy = append(s.q.GroupBy, n)
	return len(s.q.GroupBy) - 1, nil
}

// groupingSet analyses ROLLUP, CUBE or GROUPING SETS.
func (s *scope) groupingSet(gs *parse.GroupingSet) (*GroupingSet, error) {
	out := &GroupingSet{Kind: gs.Kind}
	for _, e := range gs.Content {
		if sub, ok := e.(*parse.GroupingSet); ok {
			g, err := s.groupingSet(sub)
			if err != nil {
				return nil, err
			}
			if g.Kind == parse.GroupingSetSets { // sets within sets are sets of the outer ones
				out.Content = append(out.Content, g.Content...)
			} else {
				out.Content = append(out.Content, g)
			}
			continue
		}
		simple := &GroupingSet{Kind: parse.GroupingSetSimple}
		list, _ := flattenGroups([]parse.Expr{e})
		for _, k := range list {
			ref, err := s.groupRef(k)
			if err != nil {
				return nil, err
			}
			if !slices.Contains(simple.Refs, ref) {
				simple.Refs = append(simple.Refs, ref)
			}
		}
		out.Content = append(out.Content, simple)
	}
	if gs.Kind == parse.GroupingSetCube && len(out.Content) > maxCube {
		return nil, s.errorf(gs.Loc(), pgerr.TooManyColumns, "CUBE is limited to %d elements", maxCube)
	}
	return out, nil
}

// expandGroupingSets makes the sets that are to be grouped by of the items as written: every combination of one set of
// each. A single set that is not empty is a plain GROUP BY.
func (s *scope) expandGroupingSets() error {
	tree := s.q.GroupingTree
	if tree == nil {
		return nil
	}
	sets := [][]int{nil}
	for _, g := range tree {
		more := g.expand()
		if len(sets)*len(more) > maxGroupingSets {
			return s.errorf(-1, pgerr.StatementTooComplex, "too many grouping sets present (maximum %d)", maxGroupingSets)
		}
		var product [][]int
		for _, have := range sets {
			for _, add := range more {
				product = append(product, union(have, add))
			}
		}
		sets = product
	}
	if s.q.GroupDistinct {
		sets = distinctSets(sets)
	} else {
		slices.SortStableFunc(sets, func(a, b []int) int { return cmp.Compare(len(a), len(b)) })
	}
	if len(sets) == 1 && len(s.q.GroupBy) > 0 {
		s.q.GroupingTree = nil
		return nil
	}
	s.q.GroupingSets = sets
	return nil
}

// union is a followed by what of b is not in it, without duplicates.
func union(a, b []int) []int {
	out := []int{}
	for _, list := range [][]int{a, b} {
		for _, x := range list {
			if !slices.Contains(out, x) {
				out = append(out, x)
			}
		}
	}
	return out
}

func distinctSets(sets [][]int) [][]int {
	for _, set := range sets {
		slices.Sort(set)
	}
	slices.SortFunc(sets, func(a, b []int) int { return cmp.Or(cmp.Compare(len(a), len(b)), slices.Compare(a, b)) })
	return slices.CompactFunc(sets, slices.Equal)
}

// expand returns the sets that an item stands for.
func (g *GroupingSet) expand() [][]int {
	var out [][]int
	switch g.Kind {
	case parse.GroupingSetEmpty:
		return [][]int{nil}
	case parse.GroupingSetSimple:
		return [][]int{g.Refs}
	case parse.GroupingSetRollup:
		for n := len(g.Content); n >= 0; n-- {
			var set []int
			for _, c := range g.Content[:n] {
				set = append(set, c.Refs...)
			}
			out = append(out, set)
		}
	case parse.GroupingSetCube:
		for mask := range 1 << len(g.Content) {
			var set []int
			for i, c := range g.Content {
				if mask&(1<<i) != 0 {
					set = append(set, c.Refs...)
				}
			}
			out = append(out, set)
		}
	case parse.GroupingSetSets:
		for _, c := range g.Content {
			out = append(out, c.expand()...)
		}
	}
	return out
}

// commonGroups reports which positions of GroupBy are in every grouping set.
func (q *Query) commonGroups() []int {
	var out []int
	for i := range q.GroupBy {
		if !slices.ContainsFunc(q.GroupingSets, func(set []int) bool { return !slices.Contains(set, i) }) {
			out = append(out, i)
		}
	}
	return out
}

// groupingFunc analyses GROUPING. That its arguments are grouping expressions is checked when these are known.
func (s *scope) groupingFunc(e *parse.GroupingFunc) (expr.Node, error) {
	if len(e.Args) > maxGroupingArgs {
		return nil, s.errorf(e.Loc(), pgerr.TooManyArguments, "GROUPING must have fewer than %d arguments", maxGroupingArgs+1)
	}
	args, err := s.exprs(e.Args)
	if err != nil {
		return nil, err
	}
	n := &expr.Grouping{Args: args, Loc: e.Loc()}
	n.Level, err = s.aggregateLevel(n.Args, "grouping operations", n.Loc)
	return n, err
}

// checkGroupings demands that the arguments of the query's GROUPING calls in n are grouping expressions.
func (s *scope) checkGroupings(n expr.Node) error {
	err := s.checkGroupingsAt(n, 0)
	subqueries(n, func(q *Query) {
		WalkQuery(q, func(m expr.Node, depth int) {
			if err == nil {
				err = s.checkGroupingsAt(m, depth+1)
			}
		})
	})
	return err
}

func (s *scope) checkGroupingsAt(n expr.Node, depth int) error {
	var err error
	expr.Walk(n, func(k expr.Node) bool {
		g, ok := k.(*expr.Grouping)
		if !ok || g.Level != depth {
			return true
		}
		for _, a := range g.Args {
			own := lower(a, depth)
			v, isVar := own.(*expr.Var) // of an outer query it is no key, though grouped by
			if err == nil && (isVar && v.Level > 0 || !slices.ContainsFunc(s.q.GroupBy, func(b expr.Node) bool { return expr.Equal(b, own) })) {
				err = s.errorf(locOf(a), pgerr.GroupingError, "arguments to GROUPING must be grouping expressions of the associated query level")
			}
		}
		return false
	})
	return err
}

// lower turns an expression that stands depth query levels below the one that it refers to into one of that level.
func lower(n expr.Node, depth int) expr.Node {
	if depth == 0 {
		return n
	}
	out, _ := expr.Rewrite(n, func(k expr.Node) (expr.Node, error) {
		if v, ok := k.(*expr.Var); ok {
			c := *v
			c.Level -= depth
			return &c, nil
		}
		return k, nil
	})
	return out
}
