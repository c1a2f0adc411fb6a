package expr

import (
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Functions of citext. Comparisons, hashes and the order of citext are those of package types: by lower().
var nativeCitext = func() map[string]impl {
	out := map[string]impl{
		"citext_cmp": {f2: citextCompare}, "citext_pattern_cmp": {f2: citextCompare},
		"citext_larger":  citextExtreme(1),
		"citext_smaller": citextExtreme(-1),
		"citext_hash":    {f1: hashFn}, "citext_hash_extended": {f2: hashExtendedFn},
		"citext_of_bpchar": citextFrom(types.BpcharOid), "citext_of_bool": citextFrom(types.BoolOid), "citext_of_inet": citextFrom(types.InetOid),
	}
	for suffix, t := range map[string]test{"lt": testLT, "le": testLE, "ge": testGE, "gt": testGT, "eq": testEQ, "ne": testNE} {
		im := impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
			return types.NewBool(t.holds(types.CompareString(types.CitextOid, a.Str(), b.Str()))), nil
		}}
		out["citext_"+suffix] = im
		if t != testEQ && t != testNE {
			out["citext_pattern_"+suffix] = im
		}
	}
	for _, s := range []string{"texticlike", "texticnlike", "texticregexeq", "texticregexne"} {
		out[s] = regexpImpls[s]
	}
	return out
}()

func citextCompare(_ *Call, a, b types.Datum) (types.Datum, error) {
	return types.NewInt(int64(types.CompareString(types.CitextOid, a.Str(), b.Str()))), nil
}

// citextExtreme is the first value if it compares so to the second, which is the result otherwise.
func citextExtreme(sign int) impl {
	return impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		if types.CompareString(types.CitextOid, a.Str(), b.Str())*sign > 0 {
			return a, nil
		}
		return b, nil
	}}
}

func citextFrom(t types.Oid) impl {
	return impl{f1: func(c *Call, a types.Datum) (types.Datum, error) {
		return types.Cast(a, types.T(t), types.T(types.CitextOid), types.Explicit, c.IO())
	}}
}
