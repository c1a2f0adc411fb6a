package planner

import (
	"fmt"
	"strconv"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// stripCast takes off casts that do not change the value's bytes (varchar to text).
func stripCast(n expr.Node) expr.Node {
	for {
		c, ok := n.(*expr.Cast)
		if !ok || !sameBytes(c.Arg.ResultType().Oid, c.Type.Oid) || c.Type.Mod >= 0 {
			return n
		}
		n = c.Arg
	}
}

func sameBytes(a, b types.Oid) bool {
	return a == b || stringFamily(a) && stringFamily(b)
}

func stringFamily(o types.Oid) bool { return o == types.TextOid || o == types.VarcharOid }

func intFamily(o types.Oid) bool {
	return o == types.Int2Oid || o == types.Int4Oid || o == types.Int8Oid
}

func floatFamily(o types.Oid) bool { return o == types.Float4Oid || o == types.Float8Oid }

// comparable reports whether values of the two types compare by types.Compare under either.
func comparableTypes(a, b types.Oid) bool {
	return a == b || intFamily(a) && intFamily(b) || floatFamily(a) && floatFamily(b) || stringFamily(a) && stringFamily(b)
}

// operatorName returns the name of a binary operator whose operands compare as their types do, or "".
func operatorName(f *expr.Func) string {
	if f.Fn.Operator == nil || len(f.Args) != 2 {
		return ""
	}
	if !comparableTypes(f.Args[0].ResultType().Oid, f.Args[1].ResultType().Oid) || f.Fn.Result != types.BoolOid {
		return ""
	}
	return f.Fn.Operator.Name
}

// isHashableEq reports whether f is an equality that hashing can answer.
func isHashableEq(f *expr.Func) bool {
	return operatorName(f) == "=" && hashable(f.Args[0].ResultType().Oid) && hashable(f.Args[1].ResultType().Oid)
}

func hashable(o types.Oid) bool {
	return o != types.JsonOid && o != types.RecordOid && o != types.XmlOid
}

// keyType is the type under which both sides of an equality are hashed and compared.
func keyType(a, b types.Type) types.Type {
	switch {
	case intFamily(a.Oid):
		return types.T(types.Int8Oid)
	case floatFamily(a.Oid):
		return types.T(types.Float8Oid)
	case stringFamily(a.Oid):
		return types.T(types.TextOid)
	}
	return types.T(a.Oid)
}

// hasVolatile reports whether n may give another value at each evaluation.
func hasVolatile(n expr.Node) bool {
	found := false
	visit(n, func(m expr.Node) bool {
		switch m := m.(type) {
		case *expr.Func:
			found = found || m.Fn.Volatility == expr.Volatile
		case *expr.SetReturning:
			found = found || m.Fn.Volatility == expr.Volatile
		case *expr.Subquery:
			if s, ok := m.Query.(*sema.Query); ok {
				eachQuery(s, func(k *sema.Query) {
					eachExpr(k, func(e expr.Node) { found = found || hasVolatileShallow(e) })
				})
			}
		}
		return !found
	})
	return found
}

func hasVolatileShallow(n expr.Node) bool {
	found := false
	visit(n, func(m expr.Node) bool {
		if f, ok := m.(*expr.Func); ok && f.Fn.Volatility == expr.Volatile {
			found = true
		}
		return !found
	})
	return found
}

func hasSubquery(n expr.Node) bool {
	found := false
	visit(n, func(m expr.Node) bool {
		if _, ok := m.(*expr.Subquery); ok {
			found = true
		}
		return !found
	})
	return found
}

// fingerprint is equal for expressions that are equal but for their place in the text. Function and subquery identity
// is by pointer.
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
		num('t', int(n.Type.Oid), int(n.Type.Mod), int(n.Context))
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
	case *expr.Row:
		num('r')
		list(n.Fields...)
	case *expr.Field:
		num('F', n.Index)
		list(n.Arg)
	case *expr.Aggregate:
		num('G', int(n.Fn.Oid), b2i(n.Star), b2i(n.Distinct), len(n.OrderBy), n.Level, int(n.Type.Oid))
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
	default:
		// Subqueries and what is unknown are equal to themselves only.
		b = fmt.Appendf(b, "%T%p", n, n)
	}
	return b
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
