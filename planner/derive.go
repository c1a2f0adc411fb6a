package planner

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// derive lists conditions that follow from others and that a key can serve: what a comparison of rows says of their first
// columns, and what a pattern says of the text's beginning.
func (q *query) derive(conds []*conj) []*conj {
	var out []*conj
	add := func(n expr.Node) {
		if n == nil {
			return
		}
		c := q.newConj(n)
		c.derived, c.hint = true, true
		out = append(out, c)
	}
	for _, c := range conds {
		switch n := c.node.(type) {
		case *expr.BoolOp:
			add(firstOfRows(n))
		case *expr.Func:
			lo, hi := q.patternRange(n)
			add(lo)
			add(hi)
		}
	}
	return out
}

// firstOfRows reads a < x OR (a = x AND …) as the comparison of rows that it was, which says that a <= x.
func firstOfRows(n *expr.BoolOp) expr.Node {
	if n.Op != expr.Or || len(n.Args) != 2 {
		return nil
	}
	first, ok := n.Args[0].(*expr.Func)
	rest, isAnd := n.Args[1].(*expr.BoolOp)
	if !ok || !isAnd || rest.Op != expr.And {
		return nil
	}
	op := operatorName(first)
	eq, ok := rest.Args[0].(*expr.Func)
	if !ok || op != "<" && op != ">" || operatorName(eq) != "=" || !expr.Equal(first.Args[0], eq.Args[0]) || !expr.Equal(first.Args[1], eq.Args[1]) ||
		hasVolatile(first) || hasSubquery(first) {
		return nil
	}
	fn, err := expr.ResolveOperator(op+"=", first.Fn.Args)
	if err != nil {
		return nil
	}
	return &expr.Func{Fn: fn, Args: first.Args, Type: first.Type, Loc: -1}
}

// patternRange is what text LIKE 'abc%' says of the text as a string of bytes: it is at least 'abc' and below 'abd'. Nothing
// is known of a pattern that is no constant.
func (q *query) patternRange(f *expr.Func) (lo, hi expr.Node) {
	if f.Fn.Operator == nil || f.Fn.Operator.Name != "~~" || len(f.Args) != 2 {
		return nil, nil
	}
	v, ok := stripCast(f.Args[0]).(*expr.Var)
	if !ok || v.Level != 0 || !stringFamily(v.Type.Oid) || !q.leadsKey(v) {
		return nil, nil
	}
	if hasParam(f.Args[1]) {
		q.b.plan.WantsLiterals = true
	}
	c, ok := expr.Fold(f.Args[1]).(*expr.Const)
	if !ok || c.Value.IsNull() || c.Value.Kind() != types.KString {
		return nil, nil
	}
	prefix := likePrefix(c.Value.Str())
	if prefix == "" {
		return nil, nil
	}
	bound := func(op, s string) expr.Node {
		t := types.T(types.TextOid)
		fn, err := expr.ResolveOperator(op, []types.Oid{types.TextOid, types.TextOid})
		if err != nil || s == "" {
			return nil
		}
		return &expr.Func{Fn: fn, Args: []expr.Node{f.Args[0], &expr.Const{Type: t, Value: types.NewString(s), Loc: -1}}, Type: f.Type, Loc: -1}
	}
	return bound(">=", prefix), bound("<", after(prefix))
}

// leadsKey reports whether a column is the first of a key of its table.
func (q *query) leadsKey(v *expr.Var) bool {
	t := q.q.Rels[v.Rel].Table
	if t == nil {
		return false
	}
	for _, ix := range t.Indexes {
		if !ix.Gin() && len(ix.Columns) > 0 && int(ix.Columns[0].Num)-1 == v.Col {
			return true
		}
	}
	return len(t.KeyColumns) > 0 && int(t.KeyColumns[0])-1 == v.Col
}

// likePrefix is what a text that a LIKE pattern matches begins with.
func likePrefix(pattern string) string {
	var out strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '%', '_':
			return out.String()
		case '\\':
			if i++; i == len(pattern) {
				return "" // the pattern is in error
			}
			out.WriteByte(pattern[i])
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

// after is a text above all that begin with a prefix, by bytes; "" for none. It ends with an ASCII character, to be valid
// UTF-8.
func after(prefix string) string {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0x7e {
			return prefix[:i] + string(prefix[i]+1)
		}
	}
	return ""
}
