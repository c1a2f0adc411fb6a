package expr

import (
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// CoercionPath is how a value gets from one type to another.
type CoercionPath uint8

// The coercion paths.
const (
	NoPath    CoercionPath = iota
	Relabel                // binary coercible
	CastFunc               // a conversion function
	ArrayCast              // element by element
	ViaIO                  // through text
)

func isArray(t types.Oid) bool { return types.IsArray(t) }

// FindCoercion returns how a value of one type is cast to another in a context.
func FindCoercion(from, to types.Oid, ctx types.CastContext) CoercionPath {
	if from == to || types.BinaryCoercible(from, to) && (to == types.RecordOid || to == types.RecordArrayOid) {
		return Relabel
	}
	if from == types.RecordOid && to.Class() == types.CompositeClass { // field by field
		return CastFunc
	}
	if ctx == types.Explicit && from.Class() == types.RangeClass && to == types.MultirangeOf(from) {
		return CastFunc
	}
	if c, ok := castsByTypes[castKey{from, to}]; ok {
		if c.context > ctx {
			return NoPath
		}
		switch c.method {
		case 'b':
			return Relabel
		case 'i':
			return ViaIO
		}
		return CastFunc
	}
	if to != types.OidvectorOid && to != types.Int2vectorOid && isArray(to) && types.ElemOf(from) != 0 {
		if FindCoercion(types.ElemOf(from), types.ElemOf(to), ctx) != NoPath {
			return ArrayCast
		}
	}
	if ctx >= types.Assignment && category(to) == 'S' || ctx == types.Explicit && category(from) == 'S' {
		if types.Lookup(from) != nil && types.Lookup(to) != nil {
			return ViaIO
		}
	}
	return NoPath
}

func category(t types.Oid) byte {
	if in := types.Lookup(t); in != nil {
		return in.Category
	}
	return 'U'
}

func isPreferred(t types.Oid) bool {
	in := types.Lookup(t)
	return in != nil && in.Preferred
}

// isPolymorphic reports whether t is one of the any… pseudo-types that are resolved by a call's arguments.
func isPolymorphic(t types.Oid) bool {
	switch t {
	case types.AnyelementOid, types.AnyarrayOid, types.AnynonarrayOid, types.AnyenumOid, types.AnyrangeOid, types.AnymultirangeOid,
		types.AnycompatibleOid, types.AnycompatiblearrayOid, types.AnycompatiblenonarrayOid, types.AnycompatiblerangeOid,
		types.AnycompatiblemultirangeOid:
		return true
	}
	return false
}

// CanCoerce reports whether all values of the given types can become the target types in the context. Unknown can
// become anything.
func CanCoerce(from, to []types.Oid, ctx types.CastContext) bool {
	generic := false
	for i, f := range from {
		t := to[i]
		switch {
		case f == t, t == types.AnyOid:
		case isPolymorphic(t):
			generic = true
		case f == types.UnknownOid:
		case f == types.RecordOid && t == types.RecordArrayOid:
			return false
		case FindCoercion(f, t, ctx) == NoPath:
			return false
		}
	}
	return !generic || checkGeneric(from, to)
}

// checkGeneric reports whether the polymorphic ones among the declared types can be resolved.
func checkGeneric(actual, declared []types.Oid) bool {
	_, ok := solveGeneric(actual, declared)
	return ok
}

// generics is what the polymorphic types of a call stand for; 0 where it cannot be told yet (all unknown).
type generics struct {
	elem, array     types.Oid
	rng, multi      types.Oid
	cElem, cArray   types.Oid
	hasAny, hasComp bool
}

func solveGeneric(actual, declared []types.Oid) (g generics, ok bool) {
	var compat []types.Oid
	nonArray := false
	for i, d := range declared {
		a := actual[i]
		switch d {
		case types.AnyelementOid, types.AnynonarrayOid, types.AnyenumOid:
			g.hasAny = true
			nonArray = nonArray || d == types.AnynonarrayOid
			if a == types.UnknownOid {
				continue
			}
			if g.elem != 0 && g.elem != a || d == types.AnyenumOid && a.Class() != types.EnumClass {
				return g, false
			}
			g.elem = a
		case types.AnyarrayOid:
			g.hasAny = true
			if a == types.UnknownOid {
				continue
			}
			if g.array != 0 && g.array != a {
				return g, false
			}
			g.array = a
		case types.AnycompatibleOid, types.AnycompatiblenonarrayOid:
			g.hasComp = true
			if a != types.UnknownOid {
				compat = append(compat, a)
			}
		case types.AnycompatiblearrayOid:
			g.hasComp = true
			if a == types.UnknownOid {
				continue
			}
			e := types.ElemOf(a)
			if e == 0 {
				return g, false
			}
			compat = append(compat, e)
		case types.AnyrangeOid, types.AnymultirangeOid:
			g.hasAny = true
			if a != types.UnknownOid && !g.setRange(a, d == types.AnymultirangeOid) {
				return g, false
			}
		case types.AnycompatiblerangeOid, types.AnycompatiblemultirangeOid:
			return g, false
		}
	}
	if g.array != 0 {
		e := types.ElemOf(g.array)
		if e == 0 || g.elem != 0 && g.elem != e {
			return g, false
		}
		g.elem = e
	}
	if g.rng != 0 {
		e := types.RangeElem(g.rng)
		if g.elem != 0 && g.elem != e {
			return g, false
		}
		g.elem, g.multi = e, types.MultirangeOf(g.rng)
	}
	if nonArray && g.elem != 0 && isArray(g.elem) {
		return g, false
	}
	if len(compat) > 0 {
		if g.cElem, ok = CommonType(compat); !ok {
			return g, false
		}
	} else if g.hasComp {
		g.cElem = types.TextOid
	}
	if g.elem != 0 && g.array == 0 {
		g.array = types.ArrayOf(g.elem)
	}
	if g.cElem != 0 {
		g.cArray = types.ArrayOf(g.cElem)
	}
	return g, true
}

// setRange takes the type of an argument that is declared as anyrange or anymultirange; false if it is none, or another.
func (g *generics) setRange(a types.Oid, multi bool) bool {
	if multi {
		a = types.RangeOf(a)
	}
	if types.RangeElem(a) == 0 || g.rng != 0 && g.rng != a {
		return false
	}
	g.rng = a
	return true
}

// subst replaces a polymorphic type; 0 when it is undetermined.
func (g generics) subst(t types.Oid) types.Oid {
	switch t {
	case types.AnyelementOid, types.AnynonarrayOid, types.AnyenumOid:
		return g.elem
	case types.AnyarrayOid:
		return g.array
	case types.AnyrangeOid:
		return g.rng
	case types.AnymultirangeOid:
		return g.multi
	case types.AnycompatibleOid, types.AnycompatiblenonarrayOid:
		return g.cElem
	case types.AnycompatiblearrayOid:
		return g.cArray
	}
	return t
}

// CommonType is select_common_type over types none of which is unknown; false if there is none.
func CommonType(ts []types.Oid) (types.Oid, bool) {
	t := ts[0]
	for _, n := range ts[1:] {
		if n == t {
			continue
		}
		switch {
		case category(n) != category(t):
			return 0, false
		case !isPreferred(t) && CanCoerce([]types.Oid{t}, []types.Oid{n}, types.Implicit) &&
			!CanCoerce([]types.Oid{n}, []types.Oid{t}, types.Implicit):
			t = n
		}
	}
	for _, n := range ts {
		if n != t && !CanCoerce([]types.Oid{n}, []types.Oid{t}, types.Implicit) {
			return 0, false
		}
	}
	return t, true
}

// ResolvePolymorphic returns the types that the arguments must have and the result's, for a function declared so and
// called with actual types. Unknown arguments of undetermined type are errors as PostgreSQL reports them.
func ResolvePolymorphic(actual, declared []types.Oid, result types.Oid) (args []types.Oid, ret types.Oid, err error) {
	generic := isPolymorphic(result)
	for _, d := range declared {
		generic = generic || isPolymorphic(d)
	}
	if !generic {
		return declared, result, nil
	}
	g, ok := solveGeneric(actual, declared)
	if !ok {
		return nil, 0, genericMismatch(actual, declared)
	}
	if g.hasAny && g.elem == 0 {
		return nil, 0, pgerr.New(pgerr.DatatypeMismatch, "could not determine polymorphic type because input has type unknown")
	}
	args = make([]types.Oid, len(declared))
	for i, d := range declared {
		if args[i] = g.subst(d); args[i] == 0 && (d == types.AnyrangeOid || d == types.AnymultirangeOid) {
			return nil, 0, pgerr.New(pgerr.DatatypeMismatch, "could not determine polymorphic type %s because input has type unknown",
				types.FormatType(types.T(d)))
		}
		if args[i] == 0 {
			return nil, 0, noArrayType(g.elem | g.cElem)
		}
	}
	if ret = g.subst(result); ret == 0 {
		return nil, 0, noArrayType(g.elem | g.cElem)
	}
	return args, ret, nil
}

func noArrayType(t types.Oid) error {
	return pgerr.New(pgerr.UndefinedObject, "could not find array type for data type %s", types.FormatType(types.T(t)))
}

func genericMismatch(actual, declared []types.Oid) error {
	var first types.Oid
	for i, d := range declared {
		a := actual[i]
		if a == types.UnknownOid {
			continue
		}
		if d == types.AnyarrayOid && types.ElemOf(a) == 0 {
			return pgerr.New(pgerr.DatatypeMismatch, "argument declared %s is not an array but type %s", "anyarray", types.FormatType(types.T(a)))
		}
		if d == types.AnyelementOid {
			if first != 0 && first != a {
				return pgerr.New(pgerr.DatatypeMismatch, "arguments declared \"anyelement\" are not all alike").
					WithDetail("%s versus %s", types.FormatType(types.T(first)), types.FormatType(types.T(a)))
			}
			first = a
		}
	}
	return pgerr.New(pgerr.DatatypeMismatch, "argument types do not match the function's polymorphic types")
}
