package expr

import (
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Arithmetic of positions in a log: their differences are numbers of bytes.

func lsnNumber(d types.Datum) types.Datum {
	if d.Int() >= 0 {
		return types.NumericFromInt(d.Int())
	}
	half := types.NumericFromInt(int64(uint64(d.Int()) >> 1))
	n, _ := types.NumericAdd(half, half)
	n, _ = types.NumericAdd(n, types.NumericFromInt(d.Int()&1))
	return n
}

func numberLSN(d types.Datum) (types.Datum, error) {
	switch {
	case types.NumericIsNaN(d):
		return types.Null, pgerr.New(pgerr.FeatureNotSupported, "cannot convert NaN to pg_lsn")
	case notFinite(d):
		return types.Null, pgerr.New(pgerr.FeatureNotSupported, "cannot convert infinity to pg_lsn")
	}
	n, err := types.NumericRound(d, 0)
	if err != nil {
		return types.Null, err
	}
	limit := lsnNumber(types.NewInt(-1)) // the highest one
	if types.NumericCompare(n, types.NumericFromInt(0)) < 0 || types.NumericCompare(n, limit) > 0 {
		return types.Null, pgerr.New(pgerr.InvalidParameterValue, "pg_lsn out of range")
	}
	if low, err := types.NumericToInt(n, types.Int8Oid); err == nil {
		return types.NewInt(low), nil
	}
	back, err := types.NumericSub(n, limit) // -2^63 at least
	if err != nil {
		return types.Null, err
	}
	v, err := types.NumericToInt(back, types.Int8Oid)
	return types.NewInt(v - 1), err
}

func moveLSN(lsn, bytes types.Datum, minus bool) (types.Datum, error) {
	if types.NumericIsNaN(bytes) {
		if minus {
			return types.Null, pgerr.New(pgerr.FeatureNotSupported, "cannot subtract NaN from pg_lsn")
		}
		return types.Null, pgerr.New(pgerr.FeatureNotSupported, "cannot add NaN to pg_lsn")
	}
	if minus {
		bytes = types.NumericNeg(bytes)
	}
	n, err := types.NumericAdd(lsnNumber(lsn), bytes)
	if err != nil {
		return types.Null, err
	}
	return numberLSN(n)
}

var lsnImpls = map[string]impl{
	"numeric_pg_lsn": {f1: func(_ *Call, a types.Datum) (types.Datum, error) { return numberLSN(a) }},
	"pg_lsn_pli":     {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) { return moveLSN(a, b, false) }},
	"pg_lsn_mii":     {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) { return moveLSN(a, b, true) }},
	"numeric_pl_pg_lsn(numeric,pg_lsn)": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		return moveLSN(b, a, false)
	}},
	"pg_lsn_mi": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		return types.NumericSub(lsnNumber(a), lsnNumber(b))
	}},
}
