package sema

import (
	"reflect"

	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// WITH RECURSIVE: the order in which its queries are analysed, and where a query may refer to itself. This is
// PostgreSQL's parse_cte.c, over the syntax tree, before anything is analysed.

// recursionContext is where in a recursive query a reference to itself stands.
type recursionContext uint8

const (
	recursionOK recursionContext = iota
	inNonRecursiveTerm
	inSublink
	inOuterJoin
	inIntersect
	inExcept
)

func (c recursionContext) misuse() string {
	return [...]string{"",
		"recursive reference to query %q must not appear within its non-recursive term",
		"recursive reference to query %q must not appear within a subquery",
		"recursive reference to query %q must not appear within an outer join",
		"recursive reference to query %q must not appear within INTERSECT",
		"recursive reference to query %q must not appear within EXCEPT"}[c]
}

// orderCTEs returns the queries of WITH RECURSIVE in an order in which each refers only to itself and to those before it,
// and says which refer to themselves.
func (s *scope) orderCTEs(ctes []*parse.CommonTableExpr) (order []int, recursive []bool, err error) {
	needs := make([][]bool, len(ctes))
	recursive = make([]bool, len(ctes))
	for i, c := range ctes {
		needs[i] = make([]bool, len(ctes))
		for j, d := range ctes {
			w := &recursionWalk{name: d.Name}
			w.value(reflect.ValueOf(c.Query))
			needs[i][j] = w.count > 0
		}
		recursive[i] = needs[i][i]
		needs[i][i] = false
	}
	done := make([]bool, len(ctes))
	for len(order) < len(ctes) {
		next := -1
		for i := range ctes {
			ready := !done[i]
			for j, need := range needs[i] {
				ready = ready && (!need || done[j])
			}
			if ready {
				next = i
				break
			}
		}
		if next < 0 {
			for i, c := range ctes {
				if !done[i] {
					return nil, nil, s.errorf(c.Loc(), pgerr.FeatureNotSupported, "mutual recursion between WITH items is not implemented")
				}
			}
		}
		done[next] = true
		order = append(order, next)
	}
	for i, c := range ctes {
		if recursive[i] {
			if err := s.checkRecursion(c); err != nil {
				return nil, nil, err
			}
		}
	}
	return order, recursive, nil
}

// checkRecursion refuses references of a query to itself that have no meaning.
func (s *scope) checkRecursion(c *parse.CommonTableExpr) error {
	q, ok := c.Query.(*parse.SelectStmt)
	if !ok {
		return s.errorf(c.Loc(), pgerr.InvalidRecursion, "recursive query %q must not contain data-modifying statements", c.Name)
	}
	if q.Op != parse.SetOpUnion {
		return s.errorf(c.Loc(), pgerr.InvalidRecursion, "recursive query %q does not have the form non-recursive-term UNION [ALL] recursive-term", c.Name)
	}
	w := &recursionWalk{s: s, name: c.Name, context: inNonRecursiveTerm}
	w.value(reflect.ValueOf(q.Larg))
	w.context = recursionOK
	w.value(reflect.ValueOf(q.Rarg))
	if q.With != nil {
		w.context = inSublink
		w.value(reflect.ValueOf(q.With))
	}
	if w.err != nil {
		return w.err
	}
	decoration := func(what string, loc int) error {
		return s.errorf(loc, pgerr.FeatureNotSupported, "%s in a recursive query is not implemented", what)
	}
	switch {
	case len(q.SortClause) > 0:
		return decoration("ORDER BY", q.SortClause[0].Node.Loc())
	case q.LimitOffset != nil:
		return decoration("OFFSET", q.LimitOffset.Loc())
	case q.LimitCount != nil:
		return decoration("LIMIT", q.LimitCount.Loc())
	case len(q.LockingClause) > 0:
		return decoration("FOR UPDATE/SHARE", -1)
	}
	return nil
}

// recursionWalk looks for references to a WITH query in a syntax tree.
type recursionWalk struct {
	s       *scope // nil: only count
	name    string
	context recursionContext
	count   int
	err     error
}

func (w *recursionWalk) value(v reflect.Value) {
	if w.err != nil {
		return
	}
	switch v.Kind() {
	case reflect.Interface:
		if !v.IsNil() {
			w.value(v.Elem())
		}
	case reflect.Pointer:
		if !v.IsNil() && v.Elem().Kind() == reflect.Struct {
			w.node(v)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				w.value(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			w.value(v.Index(i))
		}
	}
}

// under walks a part of the tree in a stricter context.
func (w *recursionWalk) under(c recursionContext, parts ...any) {
	old := w.context
	if c != recursionOK && (old == recursionOK || c == inSublink) {
		w.context = c
	}
	for _, p := range parts {
		w.value(reflect.ValueOf(p))
	}
	w.context = old
}

func (w *recursionWalk) node(v reflect.Value) {
	switch n := v.Interface().(type) {
	case *parse.RangeVar:
		w.reference(n)
	case *parse.LiteralRows: // constants
	case *parse.SelectStmt:
		w.selectStmt(n, v)
	case *parse.InsertStmt:
		w.statement(n.With, v)
	case *parse.UpdateStmt:
		w.statement(n.With, v)
	case *parse.DeleteStmt:
		w.statement(n.With, v)
	case *parse.SubLink:
		w.under(inSublink, n.Subselect)
		w.under(recursionOK, n.Testexpr)
	case *parse.JoinExpr:
		left, right := recursionOK, recursionOK
		if n.Type == parse.JoinLeft || n.Type == parse.JoinFull {
			right = inOuterJoin
		}
		if n.Type == parse.JoinRight || n.Type == parse.JoinFull {
			left = inOuterJoin
		}
		w.under(left, n.Larg)
		w.under(right, n.Rarg)
		w.under(recursionOK, n.Quals)
	default:
		w.value(v.Elem())
	}
}

func (w *recursionWalk) reference(r *parse.RangeVar) {
	if r.Schema != "" || r.Name != w.name {
		return
	}
	w.count++
	switch {
	case w.s == nil:
	case w.context != recursionOK:
		w.err = w.s.errorf(r.Loc(), pgerr.InvalidRecursion, w.context.misuse(), w.name)
	case w.count > 1:
		w.err = w.s.errorf(r.Loc(), pgerr.InvalidRecursion, "recursive reference to query %q must not appear more than once", w.name)
	}
}

// statement walks a statement unless its own WITH has a query of the name.
func (w *recursionWalk) statement(with *parse.WithClause, v reflect.Value) {
	if with != nil {
		for _, c := range with.CTEs {
			if c.Name == w.name {
				if !with.Recursive {
					w.value(reflect.ValueOf(c.Query))
				}
				return
			}
		}
	}
	w.value(v.Elem())
}

func (w *recursionWalk) selectStmt(n *parse.SelectStmt, v reflect.Value) {
	if w.context != recursionOK || n.Op != parse.SetOpIntersect && n.Op != parse.SetOpExcept {
		w.statement(n.With, v)
		return
	}
	left, right := recursionOK, recursionOK
	if n.Op == parse.SetOpExcept {
		right = inExcept
	}
	if n.All {
		left = inIntersect
		if n.Op == parse.SetOpExcept {
			left = inExcept
		} else {
			right = inIntersect
		}
	}
	w.under(left, n.Larg)
	w.under(right, n.Rarg)
	w.under(recursionOK, n.SortClause, n.LimitOffset, n.LimitCount, n.With)
}
