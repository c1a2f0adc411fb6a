package expr

import (
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// ContainsMutable reports whether n may have another value for the same columns at another time or under other settings:
// PostgreSQL's contain_mutable_functions. What is stored for later, in an index or a generated column, must not.
func ContainsMutable(n Node) bool {
	found := false
	Walk(n, func(k Node) bool {
		switch k := k.(type) {
		case *Func:
			found = found || mutableFunc(k)
		case *SetReturning:
			found = found || k.Fn.Volatility != Immutable
		case *AnyAll:
			found = found || k.Op.Volatility != Immutable
		case *Distinct:
			found = found || k.Eq.Volatility != Immutable
		case *NullIf:
			found = found || k.Eq.Volatility != Immutable
		case *Cast:
			found = found || mutableCast(k.Arg.ResultType(), k.Type)
		case *SQLValue, *Subquery, *Param:
			found = true
		}
		return !found
	})
	return found
}

// mutableFunc judges a call. Concatenation with another type and the quoting of one are SQL functions, which PostgreSQL
// expands: what counts is that type's text.
func mutableFunc(f *Func) bool {
	switch f.Fn.src {
	case "textanycat(text,anynonarray)":
		return mutableCast(f.Args[1].ResultType(), types.T(types.TextOid))
	case "anytextcat(anynonarray,text)", "quote_literal(anyelement)", "quote_nullable(anyelement)":
		return mutableCast(f.Args[0].ResultType(), types.T(types.TextOid))
	}
	return f.Fn.Volatility != Immutable
}

// mutableCast reports whether a cast depends on settings or the catalog.
func mutableCast(from, to types.Type) bool {
	f, t := from.Oid, to.Oid
	if fe, te := types.ElemOf(f), types.ElemOf(t); fe != 0 && te != 0 {
		f, t = fe, te
	}
	return f != t && f != types.UnknownOid && !types.ImmutableCast(f, t)
}
