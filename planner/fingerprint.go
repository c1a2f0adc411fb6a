package planner

import (
	"fmt"
	"strconv"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// fingerprint is equal for expressions that are equal but for their place in the text, their subqueries included: these
// are copied when an expression moves.
func fingerprint(n expr.Node) string { return string(appendPrint(nil, n)) }

func appendPrint(b []byte, n expr.Node) []byte {
	if n == nil {
		return append(b, '-')
	}
	list := func(ns []expr.Node) {
		b = append(b, '(')
		for _, a := range ns {
			b = appendPrint(b, a)
			b = append(b, ',')
		}
		b = append(b, ')')
	}
	num := func(tag byte, is ...int) {
		b = append(b, tag)
		for _, i := range is {
			b = strconv.AppendInt(b, int64(i), 10)
			b = append(b, '.')
		}
	}
	switch n := n.(type) {
	case *expr.Const:
		num('c', int(n.Type.Oid))
		if n.Value.IsNull() {
			return append(b, 'N')
		}
		s := types.AppendText(nil, n.Type.Oid, n.Value, types.DefaultIOEnv)
		num('#', len(s))
		return append(b, s...)
	case *expr.Param:
		num('p', n.Index)
	case *expr.Var:
		num('v', n.Rel, n.Col, n.Level)
	case *expr.Column:
		num('k', n.Index)
	case *expr.OuterColumn:
		num('o', n.Index)
	case *expr.Func:
		b = append(b, 'f')
		b = append(b, n.Fn.Name...)
		num(':', int(n.Fn.Oid), len(n.Args), int(n.Type.Oid))
		if n.Fn.Operator != nil {
			num('@', int(n.Fn.Operator.Oid))
		}
		list(n.Args)
	case *expr.Cast:
		num('t', int(n.Type.Oid), int(n.Type.Mod), int(n.Type.Domain), int(n.Context))
		b = appendPrint(b, n.Arg)
	case *expr.BoolOp:
		num('b', int(n.Op))
		list(n.Args)
	case *expr.IsTest:
		num('i', int(n.Test), b2i(n.Not))
		b = appendPrint(b, n.Arg)
	default:
		return appendPrintRare(b, n)
	}
	return b
}

// appendPrintRare is fingerprint's second half.
func appendPrintRare(b []byte, n expr.Node) []byte {
	list := func(ns ...expr.Node) {
		b = append(b, '(')
		for _, a := range ns {
			b = appendPrint(b, a)
			b = append(b, ',')
		}
		b = append(b, ')')
	}
	num := func(tag byte, is ...int) {
		b = append(b, tag)
		for _, i := range is {
			b = strconv.AppendInt(b, int64(i), 10)
			b = append(b, '.')
		}
	}
	switch n := n.(type) {
	case *expr.Distinct:
		num('d', b2i(n.Not))
		list(n.Left, n.Right)
	case *expr.Case:
		num('C', len(n.Whens))
		for _, w := range n.Whens {
			list(w.Cond, w.Result)
		}
		list(n.Else)
	case *expr.Coalesce:
		num('O')
		list(n.Args...)
	case *expr.MinMax:
		num('M', b2i(n.Least))
		list(n.Args...)
	case *expr.NullIf:
		num('N')
		list(n.Left, n.Right)
	case *expr.AnyAll:
		num('A', b2i(n.All), int(n.Op.Oid))
		b = append(b, n.Op.Name...)
		list(n.Left, n.Array)
	case *expr.ArrayExpr:
		num('a', int(n.Type.Oid))
		list(n.Elems...)
	case *expr.Subscript:
		num('s', b2i(n.Lower != nil), len(n.Upper), b2i(n.Assign != nil))
		list(n.Container, n.Assign)
		list(n.Lower...)
		list(n.Upper...)
	case *expr.Store:
		num('S', len(n.Steps))
		list(n.Container, n.Value)
		for _, st := range n.Steps {
			num('.', st.Field, int(st.Of.Oid), b2i(st.Lower != nil), len(st.Upper))
			list(st.Lower...)
			list(st.Upper...)
		}
	case *expr.Row:
		num('r')
		list(n.Fields...)
	case *expr.Field:
		num('F', n.Index)
		list(n.Arg)
	case *expr.Aggregate:
		num('G', int(n.Fn.Oid), b2i(n.Star), b2i(n.Distinct), len(n.OrderBy), n.Level, int(n.Type.Oid))
		list(n.Direct...)
		list(n.Args...)
		list(n.Filter)
		for _, k := range n.OrderBy {
			num('k', b2i(k.Desc), b2i(k.NullsFirst))
			list(k.Expr)
		}
	case *expr.WindowFunc:
		num('W', n.Window, b2i(n.Agg != nil), b2i(n.Star), int(n.Type.Oid))
		b = append(b, n.Name()...)
		list(n.Args...)
		list(n.Filter)
	case *expr.Grouping:
		num('g', n.Level)
		list(n.Args...)
	case *expr.SQLValue:
		num('V', int(n.Kind), int(n.Type.Mod))
	case *expr.SetReturning:
		num('S', int(n.Fn.Oid))
		b = append(b, n.Fn.Name...)
		list(n.Args...)
	case *expr.Subquery:
		num('Q', int(n.Kind))
		list(n.Left...)
		for _, op := range n.Ops {
			num('@', int(op.Oid))
		}
		if q, ok := n.Query.(*sema.Query); ok {
			return appendQuery(b, q)
		}
		b = fmt.Appendf(b, "%p", n.Query)
	default:
		// What is unknown is equal to itself only.
		b = fmt.Appendf(b, "%T%p", n, n)
	}
	return b
}

// appendQuery prints all that a query's result depends on.
func appendQuery(b []byte, q *sema.Query) []byte {
	if q == nil {
		return append(b, '-')
	}
	b = fmt.Appendf(b, "{%d%v%v%v%v%v%v", len(q.GroupBy), q.GroupingSets, q.GroupDistinct, q.Distinct, q.DistinctOn, q.OrderBy, q.WithTies)
	for _, c := range q.CTEs {
		b = fmt.Appendf(b, "w%s", c.Name)
		if c.DML != nil {
			b = fmt.Appendf(b, "%p", c.DML)
		}
		b = appendQuery(b, c.Query)
	}
	for _, r := range q.Rels {
		b = fmt.Appendf(b, "r%d%v%v", r.Kind, r.Ordinality, len(r.Columns))
		switch {
		case r.Table != nil:
			b = fmt.Appendf(b, "t%d", r.Table.OID)
			if r.Sample != nil {
				b = fmt.Appendf(b, "%p", r.Sample)
			}
		case r.Virtual != nil:
			b = fmt.Appendf(b, "v%d", r.Virtual.OID)
		case r.CTE != nil:
			b = fmt.Appendf(b, "c%s", r.CTE.Name)
		}
		b = appendQuery(b, r.Query)
	}
	b = appendTree(b, q.From)
	each := func(n expr.Node) { b = append(appendPrint(b, n), ';') }
	eachExpr(q, each)
	for _, n := range []expr.Node{q.Where, q.Having, q.Limit, q.Offset} {
		each(n) // which of them the expressions are
	}
	for _, t := range q.Targets {
		b = fmt.Appendf(b, "%v%d", t.Junk, t.Group)
	}
	for i := range q.Windows {
		w := &q.Windows[i]
		b = fmt.Appendf(b, "w%d.%d.%d", w.Frame, len(w.Partition), len(w.OrderBy))
		for _, k := range w.OrderBy {
			b = fmt.Appendf(b, "%v%v", k.Desc, k.NullsFirst)
		}
	}
	if len(q.Locking) > 0 || q.LiteralRows != nil {
		b = fmt.Appendf(b, "%p", q)
	}
	if q.SetOp != nil {
		b = fmt.Appendf(b, "s%d%v", q.SetOp.Kind, q.SetOp.All)
		b = appendQuery(appendQuery(b, q.SetOp.Left), q.SetOp.Right)
	}
	return append(b, '}')
}

func appendTree(b []byte, j sema.JoinNode) []byte {
	if r, ok := relOf(j); ok {
		return fmt.Appendf(b, "%d", r)
	}
	t, ok := j.(*sema.Join)
	if !ok {
		return append(b, '-')
	}
	b = fmt.Appendf(b, "j%d(", t.Kind)
	b = append(appendTree(b, t.Left), ',')
	return append(appendTree(b, t.Right), ')')
}
