package expr

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Enums are strings in the order of their labels (types.UserType), so that comparing them takes no definition.

var enumImpls = map[string]impl{
	"enum_eq": enumTest(testEQ), "enum_ne": enumTest(testNE), "enum_lt": enumTest(testLT),
	"enum_le": enumTest(testLE), "enum_gt": enumTest(testGT), "enum_ge": enumTest(testGE),
	"enum_cmp": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewInt(int64(strings.Compare(a.Str(), b.Str()))), nil
	}},
	"enum_smaller": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		if a.Str() < b.Str() {
			return a, nil
		}
		return b, nil
	}},
	"enum_larger": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		if a.Str() > b.Str() {
			return a, nil
		}
		return b, nil
	}},
	"enum_first":        {f1: func(c *Call, _ types.Datum) (types.Datum, error) { return enumEnd(c, false) }},
	"enum_last":         {f1: func(c *Call, _ types.Datum) (types.Datum, error) { return enumEnd(c, true) }},
	"enum_range_all":    {f1: func(c *Call, _ types.Datum) (types.Datum, error) { return enumRange(c, types.Null, types.Null) }},
	"enum_range_bounds": {f2: enumRange},
}

func enumTest(t test) impl { return *comparison(operatorOfTest(t), types.AnyenumOid, types.AnyenumOid) }

func operatorOfTest(t test) string {
	for op, have := range tests {
		if have == t {
			return op
		}
	}
	return ""
}

// enumOf returns the definition of the enum that the call's first argument has as its type.
func enumOf(c *Call) (*types.UserType, error) {
	if find := c.IO().UserType; find != nil {
		if u := find(c.Types[0].Oid); u != nil {
			return u, nil
		}
	}
	return nil, pgerr.Internal("cache lookup failed for enum %d", c.Types[0].Oid)
}

func enumEnd(c *Call, last bool) (types.Datum, error) {
	u, err := enumOf(c)
	if err != nil {
		return types.Null, err
	}
	if len(u.Labels) == 0 {
		return types.Null, pgerr.New(pgerr.ObjectNotInPrerequisiteState, "enum %s contains no values", types.FormatType(c.Types[0]))
	}
	l := &u.Labels[0]
	if last {
		l = &u.Labels[len(u.Labels)-1]
	}
	return types.NewString(l.Key), u.Use(l)
}

// enumRange returns the values from one to another, NULL being the first or last.
func enumRange(c *Call, from, to types.Datum) (types.Datum, error) {
	u, err := enumOf(c)
	if err != nil {
		return types.Null, err
	}
	var out []types.Datum
	for i := range u.Labels {
		l := &u.Labels[i]
		if !from.IsNull() && l.Key < from.Str() || !to.IsNull() && l.Key > to.Str() {
			continue
		}
		if err := u.Use(l); err != nil {
			return types.Null, err
		}
		out = append(out, types.NewString(l.Key))
	}
	return types.NewArray1(c.Types[0].Oid, out), nil
}
