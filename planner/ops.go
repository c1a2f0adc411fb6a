package planner

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The names that the planner has for what package expr knows of types and operators.

func stripCast(n expr.Node) expr.Node { return expr.StripCast(n) }

func sameBytes(a, b types.Oid) bool { return expr.SameBytes(a, b) }

func comparableTypes(a, b types.Oid) bool { return expr.ComparableTypes(a, b) }

func operatorName(f *expr.Func) string { return expr.ComparisonName(f) }

func stringFamily(o types.Oid) bool { return o == types.TextOid || o == types.VarcharOid }

func intFamily(o types.Oid) bool {
	return o == types.Int2Oid || o == types.Int4Oid || o == types.Int8Oid
}

func floatFamily(o types.Oid) bool { return o == types.Float4Oid || o == types.Float8Oid }

// isHashableEq reports whether f is an equality that hashing can answer.
func isHashableEq(f *expr.Func) bool {
	return operatorName(f) == "=" && hashable(f.Args[0].ResultType().Oid) && hashable(f.Args[1].ResultType().Oid)
}

func hashable(o types.Oid) bool {
	return o != types.JsonOid && o != types.RecordOid && o != types.XmlOid
}

// hasHash says of a type with an equality whether PostgreSQL has a hash function that goes with it.
func hasHash(o types.Oid) bool {
	if info := types.Lookup(o); info != nil && info.ElemOid != 0 && o.Kind() == types.KArray {
		o = info.ElemOid
	}
	return o != types.MoneyOid && o != types.BitOid && o != types.VarbitOid
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

// hasVolatileUser reports whether n calls a volatile function that a user made, not looking into subqueries.
func hasVolatileUser(n expr.Node) bool {
	found := false
	visit(n, func(m expr.Node) bool {
		switch m := m.(type) {
		case *expr.Func:
			found = found || m.Fn.User != nil && m.Fn.Volatility == expr.Volatile
		case *expr.SetReturning:
			found = found || m.Fn.User != nil && m.Fn.Volatility == expr.Volatile
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

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
