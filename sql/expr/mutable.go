package expr

import (
	"strings"

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

// mutableFunc judges a call. Concatenation with another type is an SQL function, which PostgreSQL expands: what counts is
// that type's text.
func mutableFunc(f *Func) bool {
	if len(f.Args) == 2 {
		switch name, _, _ := strings.Cut(f.Fn.src, "("); name {
		case "textanycat":
			return mutableCast(f.Args[1].ResultType(), types.T(types.TextOid))
		case "anytextcat":
			return mutableCast(f.Args[0].ResultType(), types.T(types.TextOid))
		}
	}
	return f.Fn.Volatility != Immutable
}

// mutableCast reports whether a cast depends on settings: pg_proc.provolatile of the cast's function or, where the cast goes
// by text, of the output and the input function.
func mutableCast(from, to types.Type) bool {
	if from.Oid == to.Oid {
		return false
	}
	if f, t := types.ElemOf(from.Oid), types.ElemOf(to.Oid); f != 0 && t != 0 {
		return mutableCast(types.T(f), types.T(t))
	}
	zoned := from.Oid == types.TimestamptzOid || from.Oid == types.TimetzOid
	switch to.Oid {
	case types.TimestamptzOid, types.TimetzOid:
		if zoned || from.Oid == types.DateOid || from.Oid == types.TimestampOid || from.Oid == types.TimeOid {
			return from.Oid != types.TimetzOid || to.Oid != types.TimetzOid
		}
	case types.DateOid, types.TimestampOid, types.TimeOid:
		switch from.Oid {
		case types.TimestamptzOid:
			return true
		case types.DateOid, types.TimestampOid, types.TimeOid, types.TimetzOid, types.IntervalOid:
			return false
		}
	}
	if _, ok := types.CastAllowed(from.Oid, to.Oid); ok && !stringCategory(from.Oid) && !stringCategory(to.Oid) {
		return false
	}
	return settingInOutput(from.Oid) || settingInInput(to.Oid)
}

func stringCategory(o types.Oid) bool {
	in := types.Lookup(o)
	return in == nil || in.Category == 'S' || o == types.UnknownOid
}

// settingInOutput reports whether a type's text depends on settings or the catalog.
func settingInOutput(o types.Oid) bool {
	switch o {
	case types.DateOid, types.TimestampOid, types.TimestamptzOid, types.MoneyOid, types.RecordOid:
		return true
	}
	if o.IsUser() { // labels, fields and constraints are the catalog's
		return true
	}
	return types.ElemOf(o) != 0 && o != types.Int2vectorOid && o != types.OidvectorOid || isReg(o)
}

// settingInInput is settingInOutput for reading.
func settingInInput(o types.Oid) bool {
	switch o {
	case types.TimeOid, types.TimetzOid, types.IntervalOid:
		return true
	}
	return settingInOutput(o)
}

func isReg(o types.Oid) bool {
	switch o {
	case types.RegclassOid, types.RegprocOid, types.RegprocedureOid, types.RegoperOid, types.RegoperatorOid, types.RegtypeOid,
		types.RegroleOid, types.RegnamespaceOid, types.RegconfigOid, types.RegdictionaryOid, types.RegcollationOid:
		return true
	}
	return false
}
