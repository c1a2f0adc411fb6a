package types

import (
	"math"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// CastContext is where a cast stands. A cast that pg_cast allows in one context
// is allowed in those above it too.
type CastContext uint8

// The contexts, pg_cast.castcontext i, a and e.
const (
	Implicit CastContext = iota
	Assignment
	Explicit
)

var castByTypes = func() map[[2]Oid]*castEntry {
	m := make(map[[2]Oid]*castEntry, len(casts))
	for i := range casts {
		m[[2]Oid{casts[i].from, casts[i].to}] = &casts[i]
	}
	return m
}()

func isStringCategory(oid Oid) bool {
	in := Lookup(oid)
	return in != nil && in.Category == 'S'
}

// CastAllowed returns the least context in which a value of from may be cast to
// to; false if there is no cast. Casts to string types through their text are
// allowed on assignment, casts from them explicitly; a literal of unknown type
// may become anything.
func CastAllowed(from, to Oid) (CastContext, bool) {
	if from == to || from == UnknownOid || BinaryCoercible(from, to) {
		return Implicit, true
	}
	if c := castByTypes[[2]Oid{from, to}]; c != nil {
		return c.context, true
	}
	if fe, te := ElemOf(from), ElemOf(to); fe != 0 && te != 0 && to != Int2vectorOid && to != OidvectorOid {
		return CastAllowed(fe, te)
	}
	switch {
	case to == UnknownOid || isPseudo(from) && from != RecordOid && from != CstringOid || isPseudo(to):
		return 0, false
	case isStringCategory(to):
		return Assignment, true
	case isStringCategory(from):
		return Explicit, true
	}
	return 0, false
}

func isPseudo(oid Oid) bool {
	in := Lookup(oid)
	return in != nil && in.Type == 'p'
}

// BinaryCoercible reports whether values of from are values of to as they stand,
// without a cast being written: text is varchar, every array is anyarray.
func BinaryCoercible(from, to Oid) bool {
	if from == to {
		return true
	}
	switch to {
	case RecordOid:
		return from.Class() == CompositeClass
	case RecordArrayOid:
		return ElemOf(from).Class() == CompositeClass
	case AnyOid, AnyelementOid, AnycompatibleOid:
		return true
	case AnyarrayOid, AnycompatiblearrayOid:
		return from.Kind() == KArray
	case AnyrangeOid:
		return from.Kind() == KRange
	case AnymultirangeOid:
		return from.Kind() == KMultirange
	case AnynonarrayOid, AnycompatiblenonarrayOid:
		return from.Kind() != KArray
	}
	c := castByTypes[[2]Oid{from, to}]
	return c != nil && c.binary && c.context == Implicit
}

func errCannotCast(from, to Oid) error {
	return pgerr.New(pgerr.CannotCoerce, "cannot cast type %s to %s", FormatType(T(from)), FormatType(T(to)))
}

// Cast converts a value and applies the target's modifier. The context decides
// whether varchar(n) and char(n) cut what is too long (Explicit) or refuse it
// with 22001. Whether the cast may stand there at all is CastAllowed's question;
// a pair without any cast gives 42846. NULL stays NULL.
func Cast(d Datum, from, to Type, ctx CastContext, env *IOEnv) (Datum, error) {
	if d.IsNull() {
		return Null, nil
	}
	if from.Oid != to.Oid {
		var err error
		if d, err = convert(d, from, to, env); err != nil || d.IsNull() {
			return Null, err
		}
	} else if to.Mod < 0 || from.Mod == to.Mod {
		return d, nil
	}
	return applyMod(d, to, ctx == Explicit)
}

// applyMod applies a modifier to a value of its type.
func applyMod(d Datum, t Type, explicit bool) (Datum, error) {
	if t.Mod < 0 {
		return d, nil
	}
	switch t.Oid {
	case VarcharOid, BpcharOid:
		return applyStringMod(d, t, explicit)
	case NumericOid:
		return applyNumericMod(d, t.Mod)
	case TimestampOid, TimestamptzOid:
		return NewInt(roundMicros(d.n, t.Mod)), nil
	case TimeOid:
		return NewInt(min(roundMicros(d.n, t.Mod), MicrosPerDay)), nil
	case TimetzOid:
		return NewInt(roundTimetz(d.n, t.Mod)), nil
	case BitOid, VarbitOid:
		return applyBitMod(d, t, explicit)
	case IntervalOid:
		return NewInterval(applyIntervalMod(d.Interval(), t.Mod)), nil
	}
	if t.Kind() != KArray {
		return d, nil
	}
	elem := Type{Oid: ElemOf(t.Oid), Mod: t.Mod}
	return mapArray(d, elem.Oid, func(e Datum) (Datum, error) { return applyMod(e, elem, explicit) })
}

// mapArray applies f to the elements that are not NULL.
func mapArray(d Datum, elem Oid, f func(Datum) (Datum, error)) (Datum, error) {
	src := d.Array()
	a := &Array{Elem: elem, Dims: src.Dims, Lbs: src.Lbs, Elems: make([]Datum, len(src.Elems))}
	for i, e := range src.Elems {
		if e.IsNull() {
			continue
		}
		var err error
		if a.Elems[i], err = f(e); err != nil {
			return Null, err
		}
	}
	return NewArray(a), nil
}

// convert casts between different types, without the target's modifier.
func convert(d Datum, from, to Type, env *IOEnv) (Datum, error) {
	if from.Oid == UnknownOid || from.Oid == CstringOid {
		return ParseText(T(to.Oid), d.Str(), env)
	}
	switch to.Oid {
	case TextOid, VarcharOid, BpcharOid, NameOid, UnknownOid:
		return toString(d, from.Oid, to.Oid, env)
	case CitextOid:
		return toString(d, from.Oid, TextOid, env)
	case Int2Oid, Int4Oid, Int8Oid:
		return toInt(d, from.Oid, to.Oid, env)
	case NumericOid:
		return toNumeric(d, from.Oid, env)
	case Float4Oid, Float8Oid:
		return toFloat(d, from.Oid, to.Oid, env)
	case BoolOid:
		if from.Oid == Int4Oid {
			return NewBool(d.n != 0), nil
		}
	case DateOid, TimeOid, TimetzOid, TimestampOid, TimestamptzOid, IntervalOid:
		if r, ok, err := toDatetime(d, from.Oid, to.Oid, env); ok {
			return r, err
		}
	case JsonOid:
		if from.Oid == JsonbOid {
			return d, nil
		}
	case JsonbOid:
		if from.Oid == JsonOid {
			s, err := NormalizeJSONB(d.Str())
			return NewString(s), err
		}
	case CidrOid:
		if from.Oid == InetOid {
			return NewInet(d.Inet().Masked()), nil
		}
	case BitOid:
		if from.Oid == Int4Oid || from.Oid == Int8Oid {
			return intToBits(d.n, to.Mod), nil
		}
	case MoneyOid:
		if from.Oid == Int4Oid || from.Oid == Int8Oid || from.Oid == NumericOid {
			return toMoney(d, from.Oid)
		}
	case MacaddrOid:
		if from.Oid == Macaddr8Oid {
			return Macaddr8ToMacaddr(d)
		}
	case Macaddr8Oid:
		if from.Oid == MacaddrOid {
			return MacaddrToMacaddr8(d), nil
		}
	case CharOid:
		if from.Oid == Int4Oid {
			if d.n < math.MinInt8 || d.n > math.MaxInt8 {
				return Null, pgerr.New(pgerr.NumericValueOutOfRange, "\"char\" out of range")
			}
			return NewInt(int64(uint8(d.n))), nil
		}
	}
	if from.Kind() == KRange && MultirangeOf(from.Oid) == to.Oid {
		return NewMultirange(&Multirange{Range: from.Oid, Ranges: d.Ranges()}), nil
	}
	if from.Oid == JsonbOid && to.Oid == BoolOid {
		return jsonbScalar(d, JSONBool, "boolean")
	}
	return convertOther(d, from, to, env)
}

// convertOther casts OID aliases, arrays, and from strings through their text.
func convertOther(d Datum, from, to Type, env *IOEnv) (Datum, error) {
	if isOidAlias(to.Oid) && (isOidAlias(from.Oid) || integerSize(from.Oid)) {
		if d.n < 0 && from.Oid == Int8Oid || d.n > math.MaxUint32 {
			return Null, pgerr.New(pgerr.NumericValueOutOfRange, "OID out of range")
		}
		return NewInt(int64(uint32(d.n))), nil
	}
	if from.Oid.Kind() == KArray && to.Oid.Kind() == KArray {
		fe, te := T(ElemOf(from.Oid)), T(ElemOf(to.Oid))
		if fe.Oid == te.Oid {
			return mapArray(d, te.Oid, func(e Datum) (Datum, error) { return e, nil })
		}
		return mapArray(d, te.Oid, func(e Datum) (Datum, error) { return convert(e, fe, te, env) })
	}
	switch {
	case isStringCategory(from.Oid):
		return ParseText(T(to.Oid), Text(from.Oid, d, env), env)
	case BinaryCoercible(from.Oid, to.Oid):
		return d, nil
	case castByTypes[[2]Oid{from.Oid, to.Oid}] != nil && from.Kind() == to.Kind():
		return d, nil
	}
	return Null, errCannotCast(from.Oid, to.Oid)
}

func isOidAlias(oid Oid) bool {
	switch oid {
	case OidOid, RegprocOid, RegprocedureOid, RegoperOid, RegoperatorOid, RegclassOid, RegtypeOid, RegroleOid,
		RegnamespaceOid, RegconfigOid, RegdictionaryOid, RegcollationOid:
		return true
	}
	return false
}

func integerSize(oid Oid) bool { return oid == Int2Oid || oid == Int4Oid || oid == Int8Oid }

func toString(d Datum, from, to Oid, env *IOEnv) (Datum, error) {
	var s string
	switch {
	case from == BoolOid:
		s = "false"
		if d.Bool() {
			s = "true"
		}
	case from == BpcharOid && to != BpcharOid:
		s = TrimBlanks(d.Str())
	case (from == InetOid || from == CidrOid) && to != NameOid:
		s = InetShow(d)
	case from == TextOid || from == VarcharOid || from == NameOid || from == CitextOid:
		if to != NameOid {
			return d, nil
		}
		s = d.Str()
	default:
		s = Text(from, d, env)
	}
	if to == NameOid {
		s = TruncateName(s)
	}
	return NewString(s), nil
}

func toInt(d Datum, from, to Oid, env *IOEnv) (Datum, error) {
	name, lo, hi := integerBounds(to)
	switch from {
	case Int2Oid, Int4Oid, Int8Oid:
		if d.n < lo || d.n > hi {
			return Null, pgerr.New(pgerr.NumericValueOutOfRange, "%s out of range", name)
		}
		return d, nil
	case Float4Oid, Float8Oid:
		f := math.RoundToEven(d.Float())
		if f != f || f < float64(lo) || f >= -float64(lo) {
			return Null, pgerr.New(pgerr.NumericValueOutOfRange, "%s out of range", name)
		}
		return NewInt(int64(f)), nil
	case NumericOid:
		n, err := NumericToInt(d, to)
		return NewInt(n), err
	case BoolOid:
		if to == Int4Oid {
			return NewInt(d.n), nil
		}
	case CharOid:
		if to == Int4Oid {
			return NewInt(int64(int8(d.n))), nil
		}
	case BitOid:
		if to != Int2Oid {
			return bitsToInt(d, to)
		}
	case JsonbOid:
		num, err := jsonbScalar(d, JSONNumber, name)
		if err != nil {
			return Null, err
		}
		n, err := NumericToInt(num, to)
		return NewInt(n), err
	}
	switch {
	case isOidAlias(from) && to == Int8Oid:
		return d, nil
	case isOidAlias(from) && to == Int4Oid:
		return NewInt(int64(int32(d.n))), nil
	case isStringCategory(from):
		n, err := ParseInt(Text(from, d, env), to)
		return NewInt(n), err
	}
	return Null, errCannotCast(from, to)
}

func toNumeric(d Datum, from Oid, env *IOEnv) (Datum, error) {
	switch from {
	case Int2Oid, Int4Oid, Int8Oid:
		return NewSmallNumeric(d.n, 0), nil
	case MoneyOid:
		return NewSmallNumeric(d.n, 2), nil
	case Float4Oid:
		return NumericFromFloat(d.Float(), 32)
	case Float8Oid:
		return NumericFromFloat(d.Float(), 64)
	case JsonbOid:
		return jsonbScalar(d, JSONNumber, "numeric")
	}
	if isStringCategory(from) {
		return ParseNumeric(Text(from, d, env))
	}
	return Null, errCannotCast(from, NumericOid)
}

// FloatToFloat4 rounds to single precision; 22003 if that over- or underflows.
func FloatToFloat4(f float64) (float64, error) {
	r := float64(float32(f))
	switch {
	case math.IsInf(r, 0) && !math.IsInf(f, 0):
		return 0, pgerr.New(pgerr.NumericValueOutOfRange, "value out of range: overflow")
	case r == 0 && f != 0:
		return 0, pgerr.New(pgerr.NumericValueOutOfRange, "value out of range: underflow")
	}
	return r, nil
}

func toFloat(d Datum, from, to Oid, env *IOEnv) (Datum, error) {
	switch from {
	case Int2Oid, Int4Oid, Int8Oid:
		if to == Float4Oid {
			return NewFloat(float64(float32(d.n))), nil
		}
		return NewFloat(float64(d.n)), nil
	case Float4Oid:
		return d, nil
	case Float8Oid:
		f, err := FloatToFloat4(d.Float())
		return NewFloat(f), err
	case JsonbOid:
		name := "double precision"
		if to == Float4Oid {
			name = "real"
		}
		num, err := jsonbScalar(d, JSONNumber, name)
		if err != nil {
			return Null, err
		}
		return toFloat(num, NumericOid, to, env)
	case NumericOid:
		if to == Float8Oid {
			f, err := NumericToFloat(d)
			return NewFloat(f), err
		}
		f, err := ParseFloat(string(AppendNumeric(nil, d)), Float4Oid)
		return NewFloat(f), err
	}
	if isStringCategory(from) {
		f, err := ParseFloat(Text(from, d, env), to)
		return NewFloat(f), err
	}
	return Null, errCannotCast(from, to)
}

// toDatetime casts among the date and time types; ok is false for other sources.
func toDatetime(d Datum, from, to Oid, env *IOEnv) (r Datum, ok bool, err error) {
	n := d.n
	switch from {
	case DateOid:
		if to != TimestampOid && to != TimestamptzOid {
			return Null, false, nil
		}
		if n, err = DateToTimestamp(n); err == nil && to == TimestamptzOid {
			n = LocalToTimestamptz(n, env.TimeZone)
			if TimestampIsFinite(n) && !TimestampInRange(n) {
				return Null, true, errDateForTimestamp
			}
		}
		return NewInt(n), true, err
	case TimestamptzOid, TimestampOid:
		if from == TimestamptzOid && to == TimetzOid {
			return TimestamptzToTimetz(n, env), true, nil
		}
		if from == TimestamptzOid {
			n = TimestamptzToLocal(n, env.TimeZone)
		}
		switch to {
		case DateOid:
			return NewInt(TimestampToDate(n)), true, nil
		case TimeOid:
			if !TimestampIsFinite(n) {
				return Null, true, nil
			}
			_, us := splitMicros(n)
			return NewInt(us), true, nil
		case TimestampOid:
			if TimestampIsFinite(n) && !TimestampInRange(n) {
				return Null, true, errOutOfRange("timestamp")
			}
			return NewInt(n), true, nil
		case TimestamptzOid:
			n = LocalToTimestamptz(n, env.TimeZone)
			if TimestampIsFinite(n) && !TimestampInRange(n) {
				return Null, true, errOutOfRange("timestamp")
			}
			return NewInt(n), true, nil
		}
	case TimetzOid:
		if to == TimeOid {
			micros, _ := d.Timetz()
			return NewInt(micros), true, nil
		}
	case TimeOid:
		if to == TimetzOid {
			return TimeToTimetz(n, env), true, nil
		}
		if to == IntervalOid {
			return NewInterval(Interval{Micros: n}), true, nil
		}
	case IntervalOid:
		if to == TimeOid {
			_, us := splitMicros(d.Interval().Micros)
			return NewInt(us), true, nil
		}
	}
	return Null, false, nil
}

// jsonbScalar returns the number or bool that a jsonb value is.
func jsonbScalar(d Datum, want JSONKind, typeName string) (Datum, error) {
	n, err := ParseJSONB(d.Str())
	if err != nil {
		return Null, err
	}
	if n.Kind != want {
		kind := [...]string{"null", "string", "numeric", "boolean", "array", "object"}[n.Kind]
		return Null, pgerr.New(pgerr.InvalidParameterValue, "cannot cast jsonb %s to type %s", kind, typeName)
	}
	if want == JSONBool {
		return NewBool(n.Bool), nil
	}
	return n.Num, nil
}
