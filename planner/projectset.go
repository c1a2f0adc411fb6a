package planner

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// projectSet computes targets with set-returning functions. Nested sets (a function of a set) become a ProjectSet below.
func (q *query) projectSet(n Node, in *layout, rep replacer) (Node, error) {
	if in == nil {
		in = &layout{ts: n.Base().Types}
	}
	return q.projectSets(n, in, rep, q.targetExprs())
}

func (q *query) projectSets(n Node, in *layout, rep replacer, exprs []expr.Node) (Node, error) {
	// The lower level computes the innermost sets; what stands around them is computed above it.
	var lower []SetItem
	var lowerTypes []types.Type
	sets := map[string]int{}
	plain := true
	add := func(item SetItem, t types.Type) int {
		lower = append(lower, item)
		lowerTypes = append(lowerTypes, t)
		return len(lower) - 1
	}
	for i, t := range in.ts {
		add(SetItem{Expr: q.columnScalar(i, t)}, t)
	}
	var failed error
	over := make([]expr.Node, len(exprs))
	for i, e := range exprs {
		over[i] = mapNode(e, func(m expr.Node) (expr.Node, bool) {
			if rep != nil {
				if r, ok := rep(m); ok { // computed below already
					return r, true
				}
			}
			set, ok := m.(*expr.SetReturning)
			if !ok || containsSet(set.Args) {
				return nil, false
			}
			key := fingerprint(set)
			at, seen := sets[key]
			if !seen || hasVolatile(set) {
				args, err := q.scalars(set.Args, in, rep)
				if err != nil && failed == nil {
					failed = err
				}
				at = add(SetItem{Set: set, Args: args}, set.Type)
				sets[key] = at
			}
			return &expr.Column{Index: at, Type: set.Type}, true
		})
		plain = plain && !containsSet([]expr.Node{over[i]})
	}
	if failed != nil {
		return nil, failed
	}
	if len(lower) == len(in.ts) {
		scalars, err := q.scalars(exprs, in, rep)
		if err != nil {
			return nil, err
		}
		return q.project(n, scalars), nil
	}
	out := &ProjectSet{Props: q.b.props(lowerTypes, n.Base().Rows*10), Input: n, Items: lower}
	above := &layout{ids: in.ids, pos: in.pos, ts: lowerTypes}
	if !plain {
		return q.projectSets(out, above, rep, over)
	}
	scalars, err := q.scalars(over, above, rep)
	if err != nil {
		return nil, err
	}
	return q.project(out, scalars), nil
}

func containsSet(ns []expr.Node) bool {
	found := false
	for _, n := range ns {
		visit(n, func(m expr.Node) bool {
			if _, ok := m.(*expr.SetReturning); ok {
				found = true
			}
			return !found
		})
	}
	return found
}

// setKeys computes the keys of groups or windows that call set-returning functions, before anything is grouped. It returns
// the layout of what it puts out, the input's columns first, and a replacer that finds these keys in it.
func (q *query) setKeys(n Node, in *layout, rep replacer, keys []expr.Node) (Node, *layout, replacer, error) {
	if !containsSet(keys) {
		return n, in, rep, nil
	}
	ts := n.Base().Types
	exprs := make([]expr.Node, len(ts))
	for i, t := range ts {
		exprs[i] = &expr.Column{Index: i, Type: t}
	}
	at := map[string]int{}
	for _, k := range keys {
		f := fingerprint(q.expand(k))
		if _, seen := at[f]; !seen && containsSet([]expr.Node{k}) {
			at[f] = len(exprs)
			exprs = append(exprs, k)
		}
	}
	below := &layout{ts: ts}
	if in != nil {
		below.ids, below.pos = in.ids, in.pos
	}
	out, err := q.projectSets(n, below, rep, exprs)
	if err != nil {
		return nil, nil, nil, err
	}
	above := &layout{ids: below.ids, pos: below.pos, ts: out.Base().Types}
	return out, above, func(m expr.Node) (expr.Node, bool) {
		if i, ok := at[fingerprint(q.expand(m))]; ok {
			return &expr.Column{Index: i, Type: m.ResultType()}, true
		}
		if rep != nil {
			return rep(m)
		}
		return nil, false
	}, nil
}
