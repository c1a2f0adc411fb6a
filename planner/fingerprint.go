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
	switch n := n.(type) {
	case *expr.Const:
		b = appendNum(b, 'c', int(n.Type.Oid))
		if n.Value.IsNull() {
			return append(b, 'N')
		}
		s := types.AppendText(nil, n.Type.Oid, n.Value, types.DefaultIOEnv)
		b = appendNum(b, '#', len(s))
		return append(b, s...)
	case *expr.Param:
		b = appendNum(b, 'p', n.Index)
	case *expr.Var:
		b = appendNum(b, 'v', n.Rel, n.Col, n.Level)
	case *expr.Column:
		b = appendNum(b, 'k', n.Index)
	case *expr.OuterColumn:
		b = appendNum(b, 'o', n.Index)
	case *expr.Func:
		b = append(b, 'f')
		b = append(b, n.Fn.Name...)
		b = appendNum(b, ':', int(n.Fn.Oid), len(n.Args), int(n.Type.Oid))
		if n.Fn.Operator != nil {
			b = appendNum(b, '@', int(n.Fn.Operator.Oid))
		}
		b = appendList(b, n.Args...)
	case *expr.Cast:
		b = appendNum(b, 't', int(n.Type.Oid), int(n.Type.Mod), int(n.Type.Domain), int(n.Context))
		b = appendPrint(b, n.Arg)
	case *expr.BoolOp:
		b = appendNum(b, 'b', int(n.Op))
		b = appendList(b, n.Args...)
	case *expr.IsTest:
		b = appendNum(b, 'i', int(n.Test), b2i(n.Not))
		b = appendPrint(b, n.Arg)
	default:
		return appendPrintRare(b, n)
	}
	return b
}

func appendList(b []byte, ns ...expr.Node) []byte {
	b = append(b, '(')
	for _, n := range ns {
		b = append(appendPrint(b, n), ',')
	}
	return append(b, ')')
}

func appendNum(b []byte, tag byte, is ...int) []byte {
	b = append(b, tag)
	for _, i := range is {
		b = append(strconv.AppendInt(b, int64(i), 10), '.')
	}
	return b
}

// appendPrintRare is fingerprint's second half.
func appendPrintRare(b []byte, n expr.Node) []byte {
	switch n := n.(type) {
	case *expr.Distinct:
		b = appendNum(b, 'd', b2i(n.Not))
		b = appendList(b, n.Left, n.Right)
	case *expr.Case:
		b = appendNum(b, 'C', len(n.Whens))
		for _, w := range n.Whens {
			b = appendList(b, w.Cond, w.Result)
		}
		b = appendList(b, n.Else)
	case *expr.Coalesce:
		b = appendNum(b, 'O')
		b = appendList(b, n.Args...)
	case *expr.MinMax:
		b = appendNum(b, 'M', b2i(n.Least))
		b = appendList(b, n.Args...)
	case *expr.NullIf:
		b = appendNum(b, 'N')
		b = appendList(b, n.Left, n.Right)
	case *expr.AnyAll:
		b = appendNum(b, 'A', b2i(n.All), int(n.Op.Oid))
		b = append(b, n.Op.Name...)
		b = appendList(b, n.Left, n.Array)
	case *expr.ArrayExpr:
		b = appendNum(b, 'a', int(n.Type.Oid))
		b = appendList(b, n.Elems...)
	case *expr.Subscript:
		b = appendNum(b, 's', b2i(n.Lower != nil), len(n.Upper), b2i(n.Assign != nil))
		b = appendList(b, n.Container, n.Assign)
		b = appendList(b, n.Lower...)
		b = appendList(b, n.Upper...)
	case *expr.Store:
		b = appendNum(b, '=', len(n.Steps))
		b = appendList(b, n.Container, n.Value)
		for _, st := range n.Steps {
			b = appendNum(b, '.', st.Field, int(st.Of.Oid), b2i(st.Lower != nil), len(st.Upper))
			b = appendList(b, st.Lower...)
			b = appendList(b, st.Upper...)
		}
	case *expr.Row:
		b = appendNum(b, 'r')
		b = appendList(b, n.Fields...)
	case *expr.Field:
		b = appendNum(b, 'F', n.Index)
		b = appendList(b, n.Arg)
	case *expr.Aggregate:
		b = appendNum(b, 'G', int(n.Fn.Oid), b2i(n.Star), b2i(n.Distinct), len(n.OrderBy), n.Level, int(n.Type.Oid))
		b = appendList(b, n.Direct...)
		b = appendList(b, n.Args...)
		b = appendList(b, n.Filter)
		for _, k := range n.OrderBy {
			b = appendNum(b, 'k', b2i(k.Desc), b2i(k.NullsFirst))
			b = appendList(b, k.Expr)
		}
	case *expr.WindowFunc:
		b = appendNum(b, 'W', n.Window, b2i(n.Agg != nil), b2i(n.Star), int(n.Type.Oid))
		b = append(b, n.Name()...)
		if n.Agg != nil {
			b = appendNum(b, 'a', int(n.Agg.Oid))
		}
		b = appendList(b, n.Args...)
		b = appendList(b, n.Filter)
	case *expr.Grouping:
		b = appendNum(b, 'g', n.Level)
		b = appendList(b, n.Args...)
	case *expr.SQLValue:
		b = appendNum(b, 'V', int(n.Kind), int(n.Type.Mod))
	case *expr.SetReturning:
		b = appendNum(b, 'S', int(n.Fn.Oid))
		b = append(b, n.Fn.Name...)
		b = appendList(b, n.Args...)
	case *expr.Subquery:
		b = appendNum(b, 'Q', int(n.Kind))
		b = appendList(b, n.Left...)
		for _, op := range n.Ops {
			b = appendNum(b, '@', int(op.Oid))
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
