package expr

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// implOf returns the implementation of a function, or nil. Comparisons are made where operators are bound.
func implOf(p *proc, src string) *impl {
	if im := arithmetic(src, p.ret); im != nil {
		return im
	}
	for _, t := range [...]map[string]impl{mathImpls, stringImpls, regexpImpls, dateImpls, formatImpls, overlapsImpls, arrayImpls,
		jsonImpls, jsonBuildImpls, jsonEditImpls, jsonpathImpls, byteaImpls, networkImpls, timetzImpls, moneyImpls, bitImpls, rangeImpls, hashImpls, identImpls,
		enumImpls, systemImpls, transitionImpls, recordImpls, lsnImpls, normalizeImpls, patternImpls,
		tsvectorImpls, tsearchImpls} {
		if im, ok := t[src]; ok {
			return &im
		}
	}
	if rf, ok := recordFunctions[src]; ok {
		return &impl{fn: rf.value}
	}
	if systemFunctions[p.name] {
		return systemImpl(p.name)
	}
	if im := extremeTransition(p); im != nil {
		return im
	}
	if im := sendImpl(p); im != nil {
		return im
	}
	return castImpl(p)
}

// castImpl serves functions that are conversions, such as int8(integer), by types.Cast.
func castImpl(p *proc) *impl {
	if in := types.ByName(p.name); in == nil || in.Oid != p.ret || len(p.args) == 0 || len(p.args) > 3 || p.args[0] == p.ret {
		return nil
	}
	if FindCoercion(p.args[0], p.ret, types.Explicit) == NoPath || len(p.args) > 1 {
		return nil
	}
	return &impl{f1: func(c *Call, a types.Datum) (types.Datum, error) {
		return types.Cast(a, types.T(c.Fn.Args[0]), types.T(c.Fn.Result), types.Explicit, c.IO())
	}}
}

// test turns the sign of a comparison into a truth value.
type test uint8

const (
	testEQ test = iota
	testNE
	testLT
	testLE
	testGT
	testGE
)

func (t test) holds(c int) bool {
	switch t {
	case testEQ:
		return c == 0
	case testNE:
		return c != 0
	case testLT:
		return c < 0
	case testLE:
		return c <= 0
	case testGT:
		return c > 0
	}
	return c >= 0
}

var tests = map[string]test{"=": testEQ, "<>": testNE, "<": testLT, "<=": testLE, ">": testGT, ">=": testGE}

// comparison makes the implementation of a comparison operator, nil if it is none or its types do not compare here.
func comparison(op string, l, r types.Oid) *impl {
	t, ok := tests[op]
	if !ok {
		return nil
	}
	switch {
	case l == types.RecordOid:
		return &impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
			if err := comparableRecords(a.Record(), b.Record()); err != nil {
				return types.Null, err
			}
			return types.NewBool(t.holds(types.Compare(types.RecordOid, a, b))), nil
		}}
	case l == types.AnyrangeOid || l == types.AnymultirangeOid || isArrayish(l):
		return &impl{f2: func(c *Call, a, b types.Datum) (types.Datum, error) {
			return types.NewBool(t.holds(types.Compare(c.Types[0].Oid, a, b))), nil
		}}
	case l != types.AnyenumOid && (!types.Supported(l) || !types.Supported(r)):
		return nil
	case l == types.PgLsnOid || l == types.Xid8Oid: // unsigned
		return &impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
			return types.NewBool(t.holds(types.Compare(l, a, b))), nil
		}}
	case l.Kind() == types.KInt && r.Kind() == types.KInt:
		if !sameUnits(l, r) {
			return crossTime(t, l, r)
		}
		return &impl{kernel: ordKernel(t, func(v *types.Vec) []int64 { return v.I }), f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
			return types.NewBool(t.holds(compareInt(a.Int(), b.Int()))), nil
		}}
	case l.Kind() == types.KFloat && r.Kind() == types.KFloat:
		return &impl{kernel: floatKernel(t), f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
			return types.NewBool(t.holds(types.CompareFloat(a.Float(), b.Float()))), nil
		}}
	case l.Kind() != types.KString || !types.ByteOrdered(l) && l != types.BpcharOid:
		return &impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
			return types.NewBool(t.holds(types.Compare(l, a, b))), nil
		}}
	case l == types.BpcharOid:
		return &impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
			return types.NewBool(t.holds(types.CompareString(l, a.Str(), b.Str()))), nil
		}}
	}
	return &impl{kernel: ordKernel(t, func(v *types.Vec) []string { return v.S }), f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		if t == testEQ || t == testNE {
			return types.NewBool((a.Str() == b.Str()) == (t == testEQ)), nil
		}
		return types.NewBool(t.holds(strings.Compare(a.Str(), b.Str()))), nil
	}}
}

// comparableRecords checks, as record_cmp does, that two records have fields of the same types, up to the first two that
// differ.
func comparableRecords(a, b *types.Record) error {
	for i := range min(len(a.Types), len(b.Types)) {
		x, y := a.Types[i].Oid, b.Types[i].Oid
		if x != y {
			return pgerr.New(pgerr.DatatypeMismatch, "cannot compare dissimilar column types %s and %s at record column %d",
				types.FormatType(types.T(x)), types.FormatType(types.T(y)), i+1)
		}
		if i < min(len(a.Fields), len(b.Fields)) {
			switch f, g := a.Fields[i], b.Fields[i]; {
			case f.IsNull() != g.IsNull():
				return nil
			case !f.IsNull() && types.Compare(x, f, g) != 0:
				return nil
			}
		}
	}
	if (a.Oid == 0 || a.Oid != b.Oid) && len(a.Types) != len(b.Types) {
		return pgerr.New(pgerr.DatatypeMismatch, "cannot compare record types with different numbers of columns")
	}
	return nil
}

func isArrayish(t types.Oid) bool { return t == types.AnyarrayOid || t.Kind() == types.KArray }

func compareInt(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// crossTime compares date, timestamp and timestamptz with each other.
func crossTime(t test, l, r types.Oid) *impl {
	return &impl{f2: func(c *Call, a, b types.Datum) (types.Datum, error) {
		to := types.T(types.TimestampOid)
		if l == types.TimestamptzOid || r == types.TimestamptzOid {
			to = types.T(types.TimestamptzOid)
		}
		return types.NewBool(t.holds(compareInt(asTime(c, a, l, to), asTime(c, b, r, to)))), nil
	}}
}

// asTime is a value as the type to compare as; what is beyond its range is next to the infinities.
func asTime(c *Call, d types.Datum, from types.Oid, to types.Type) int64 {
	if from == to.Oid {
		return d.Int()
	}
	x, err := types.Cast(d, types.T(from), to, types.Implicit, c.IO())
	switch {
	case err == nil:
		return x.Int()
	case d.Int() > 0: // later than any timestamp that is finite
		return types.TimestampInfinity - 1
	}
	return types.TimestampNegInfinity + 1
}

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// ordKernel compares columns of an ordered Go type.
func ordKernel[T int64 | string](t test, get func(*types.Vec) []T) kernel {
	return func(args []*types.Vec, sel []int32, n int, out *types.Vec) error {
		a, b, o := get(args[0])[:n], get(args[1])[:n], out.I[:n]
		if sel != nil {
			for _, i := range sel {
				o[i] = b2i(holds(t, a[i], b[i]))
			}
			return nil
		}
		switch t {
		case testEQ:
			for i := range o {
				o[i] = b2i(a[i] == b[i])
			}
		case testLT:
			for i := range o {
				o[i] = b2i(a[i] < b[i])
			}
		case testGT:
			for i := range o {
				o[i] = b2i(a[i] > b[i])
			}
		default:
			for i := range o {
				o[i] = b2i(holds(t, a[i], b[i]))
			}
		}
		return nil
	}
}

func holds[T int64 | string](t test, a, b T) bool {
	switch t {
	case testEQ:
		return a == b
	case testNE:
		return a != b
	case testLT:
		return a < b
	case testLE:
		return a <= b
	case testGT:
		return a > b
	}
	return a >= b
}

func floatKernel(t test) kernel {
	return func(args []*types.Vec, sel []int32, n int, out *types.Vec) error {
		a, b := args[0].F, args[1].F
		each(sel, n, func(i int32) { out.I[i] = b2i(t.holds(types.CompareFloat(a[i], b[i]))) })
		return nil
	}
}
