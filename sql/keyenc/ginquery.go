package keyenc

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// GinQuery says which keys a row must have for a condition to be true of it. It is what follows from the condition: a row
// that has the keys need not meet it.
type GinQuery struct {
	// Any: one of these keys (in ascending order, distinct); nil where Parts say it.
	Any []string
	// Starts: or one that begins with one of these.
	Starts []string
	// Parts are met all, or (Or) at least one of them.
	Parts []*GinQuery
	Or    bool
	// Least, if it is not 0, is how many of Parts are met at least.
	Least int
}

// never is met by no row.
var never = &GinQuery{Or: true}

// Never reports whether no row meets the query.
func (q *GinQuery) Never() bool { return q != nil && !q.Leaf() && q.Or && len(q.Parts) == 0 }

// Leaf reports whether the query names keys itself.
func (q *GinQuery) Leaf() bool { return q.Any != nil || q.Starts != nil }

func ginAny(keys ...string) *GinQuery {
	slices.Sort(keys)
	return &GinQuery{Any: slices.Compact(keys)}
}

// GinAll is met where all of some queries are; nil, one that says nothing, is left out.
func GinAll(parts ...*GinQuery) *GinQuery {
	out := &GinQuery{}
	for _, p := range parts {
		switch {
		case p == nil:
		case p.Never():
			return p
		case !p.Leaf() && !p.Or && p.Least == 0:
			out.Parts = append(out.Parts, p.Parts...)
		default:
			out.Parts = append(out.Parts, p)
		}
	}
	switch len(out.Parts) {
	case 0:
		return nil
	case 1:
		return out.Parts[0]
	}
	return out
}

// Of returns the query about an index's column n, with the keys as entries have them: these begin with one of Any or Starts.
func (q *GinQuery) Of(n int) *GinQuery {
	if q == nil || q.Never() {
		return q
	}
	out := &GinQuery{Or: q.Or, Least: q.Least}
	for _, k := range q.Any {
		out.Any = append(out.Any, string(AppendGinKey(nil, n, k)))
	}
	for _, k := range q.Starts {
		out.Starts = append(out.Starts, string(appendGinStart(nil, n, k)))
	}
	for _, p := range q.Parts {
		out.Parts = append(out.Parts, p.Of(n))
	}
	return out
}

// ginEach is met where all of some keys are. Those that are likely to be in few rows come first: keys of objects are in
// most, and so are the few constants there are.
func ginEach(keys []string) *GinQuery {
	slices.SortStableFunc(keys, func(a, b string) int { return ginCommonness(a) - ginCommonness(b) })
	parts := make([]*GinQuery, len(keys))
	for i, k := range keys {
		parts[i] = ginAny(k)
	}
	return GinAll(parts...)
}

func ginCommonness(key string) int {
	switch key[0] {
	case 'k', 'K':
		return 1
	case 't', 'f', '0':
		return 2
	}
	return 0
}

// GinOneOf is met where one of some queries is; one that says nothing makes it say nothing.
func GinOneOf(parts ...*GinQuery) *GinQuery {
	out := &GinQuery{Or: true}
	var keys, starts []string
	for _, p := range parts {
		switch {
		case p == nil:
			return nil
		case p.Leaf():
			keys, starts = append(keys, p.Any...), append(starts, p.Starts...)
		case p.Or:
			out.Parts = append(out.Parts, p.Parts...)
		default:
			out.Parts = append(out.Parts, p)
		}
	}
	if keys != nil || starts != nil {
		leaf := ginAny(keys...)
		slices.Sort(starts)
		leaf.Starts = slices.Compact(starts)
		out.Parts = append(out.Parts, leaf)
	}
	if len(out.Parts) == 1 {
		return out.Parts[0]
	}
	return out
}

// GinQueryOf returns what keys a value of the column must have for "column op operand" to be true, which the class serves;
// nil: nothing follows, all rows are to be read.
func GinQueryOf(c GinClass, op string, operand types.Datum) (*GinQuery, error) {
	switch {
	case operand.IsNull():
		return never, nil
	case c == GinArray:
		return ginArrayQuery(op, operand.Array()), nil
	case c == GinTSVector:
		return ginTextQuery(operand.TSQuery()), nil
	}
	switch op {
	case "@>":
		return ginEach(GinKeys(c, operand)), nil
	case "?":
		return ginAny(ginString('k', operand.Str())), nil
	case "?|", "?&":
		var keys []string
		for _, e := range operand.Array().Elems {
			if !e.IsNull() {
				keys = append(keys, ginString('k', e.Str()))
			}
		}
		switch {
		case op == "?&":
			return ginEach(keys), nil
		case keys == nil:
			return never, nil
		}
		return ginAny(keys...), nil
	}
	path, err := types.ParseJSONPath(operand.Str())
	if err != nil {
		return nil, err
	}
	x := ginPathQuery{class: c}
	if op == "@?" {
		return x.path(ginPlace{hash: ginRoot}, path.Root, nil), nil
	}
	return x.predicate(ginPlace{hash: ginRoot}, path.Root, false), nil
}

func ginArrayQuery(op string, a *types.Array) *GinQuery {
	var keys []string
	null := false
	for _, e := range a.Elems {
		if e.IsNull() {
			null = true
		}
		if !e.IsNull() || op == "=" {
			keys = append(keys, ginElem(a.Elem, e))
		}
	}
	switch {
	case op == "<@":
		return ginAny(append(keys, ginEmpty)...)
	case op == "=" && keys == nil:
		return ginAny(ginEmpty)
	case op == "@>" && null: // no NULL is contained in anything
		return never
	case op == "&&" && keys == nil:
		return never
	case op == "&&":
		return ginAny(keys...)
	}
	return ginEach(keys)
}

// ginPathQuery takes keys from a jsonpath as PostgreSQL's jsonb_gin.c does: of comparisons by == with a scalar and of
// existence, combined by && and ||, in predicates and in filters. Whatever else there is says nothing.
type ginPathQuery struct{ class GinClass }

// ginPlace is where in a document an item of a path is: its keys (jsonb_ops) or their hash (jsonb_path_ops).
type ginPlace struct {
	keys []string
	hash ginPath
}

// predicate returns what follows from a predicate's being true, or (not) false.
func (x ginPathQuery) predicate(at ginPlace, n *types.JSONPathItem, not bool) *GinQuery {
	if n.Next != nil {
		return nil
	}
	switch n.Kind {
	case types.PathAnd, types.PathOr:
		l, r := x.predicate(at, n.Left, not), x.predicate(at, n.Right, not)
		if (n.Kind == types.PathOr) == not {
			return GinAll(l, r)
		}
		return GinOneOf(l, r)
	case types.PathNot:
		return x.predicate(at, n.Left, !not)
	case types.PathExists:
		if not {
			return nil
		}
		return x.path(at, n.Left, nil)
	case types.PathEqual:
		if not { // comparisons of sequences: !($.a == 1) may be true beside $.a == 1 of another element
			return nil
		}
		if s := pathScalar(n.Right); s != nil {
			return x.path(at, n.Left, s)
		}
		if s := pathScalar(n.Left); s != nil {
			return x.path(at, n.Right, s)
		}
	}
	return nil
}

// pathScalar reads an item as a literal; nil: it is none.
func pathScalar(n *types.JSONPathItem) *types.JSONNode {
	if n.Next != nil {
		return nil
	}
	switch n.Kind {
	case types.PathNull:
		return &types.JSONNode{Kind: types.JSONNull}
	case types.PathString:
		return &types.JSONNode{Kind: types.JSONString, Str: n.Str}
	case types.PathNumeric:
		return &types.JSONNode{Kind: types.JSONNumber, Num: n.Num}
	case types.PathBool:
		return &types.JSONNode{Kind: types.JSONBool, Bool: n.Bool}
	}
	return nil
}

// path returns what follows from there being an item at the end of a path, equal to scalar if that is not nil.
func (x ginPathQuery) path(at ginPlace, n *types.JSONPathItem, scalar *types.JSONNode) *GinQuery {
	var filters []*GinQuery
	for ; n != nil; n = n.Next {
		switch n.Kind {
		case types.PathCurrent:
		case types.PathRoot:
			at = ginPlace{hash: ginRoot}
		case types.PathKey:
			at = ginPlace{keys: append(slices.Clip(at.keys), ginString('k', n.Str)), hash: at.hash.key(n.Str)}
		case types.PathAnyArray, types.PathIndexes:
		case types.PathAny, types.PathAnyKey:
			if x.class == GinJSONBPath {
				return GinAll(filters...)
			}
		case types.PathFilter:
			filters = append(filters, x.predicate(at, n.Left, false))
		default:
			return GinAll(filters...)
		}
	}
	switch {
	case x.class == GinJSONB:
		if scalar != nil {
			filters = append(filters, ginAny(ginScalar(scalar, false), ginScalar(scalar, true)))
		}
		filters = append(filters, ginEach(at.keys))
	case scalar != nil:
		filters = append(filters, ginAny(at.hash.scalar(scalar)))
	}
	return GinAll(filters...)
}
