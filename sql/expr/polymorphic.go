package expr

import (
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// IsPolymorphic reports whether t is one of the any… pseudo-types that are resolved by a call's arguments.
func IsPolymorphic(t types.Oid) bool { return isPolymorphic(t) }

// The two families of polymorphic types: within one, arguments tell the result.
var (
	anyFamily = []types.Oid{types.AnyelementOid, types.AnyarrayOid, types.AnynonarrayOid, types.AnyenumOid, types.AnyrangeOid,
		types.AnymultirangeOid}
	compatibleFamily = []types.Oid{types.AnycompatibleOid, types.AnycompatiblearrayOid, types.AnycompatiblenonarrayOid,
		types.AnycompatiblerangeOid, types.AnycompatiblemultirangeOid}
)

// PolymorphicDetail says what a result of a polymorphic type lacks among a function's arguments: the DETAIL of
// check_valid_polymorphic_signature. It is empty where nothing is amiss.
func PolymorphicDetail(result types.Oid, args []types.Oid) string {
	name := func(t types.Oid) string { return types.FormatType(types.T(t)) }
	has := func(list ...types.Oid) bool {
		return slices.ContainsFunc(args, func(a types.Oid) bool { return slices.Contains(list, a) })
	}
	switch result {
	case types.AnyrangeOid, types.AnymultirangeOid:
		if !has(types.AnyrangeOid, types.AnymultirangeOid) {
			return "A result of type " + name(result) + " requires at least one input of type anyrange or anymultirange."
		}
		return ""
	case types.AnycompatiblerangeOid, types.AnycompatiblemultirangeOid:
		if !has(types.AnycompatiblerangeOid, types.AnycompatiblemultirangeOid) {
			return "A result of type " + name(result) +
				" requires at least one input of type anycompatiblerange or anycompatiblemultirange."
		}
		return ""
	}
	for _, family := range [][]types.Oid{anyFamily, compatibleFamily} {
		if !slices.Contains(family, result) || has(family...) {
			continue
		}
		names := make([]string, len(family))
		for i, t := range family {
			names[i] = name(t)
		}
		last := len(names) - 1
		return "A result of type " + name(result) + " requires at least one input of type " + strings.Join(names[:last], ", ") + ", or " +
			names[last] + "."
	}
	if result == types.InternalOid && !has(types.InternalOid) {
		return "A result of type internal requires at least one input of type internal."
	}
	return ""
}

// HasFunction reports whether a function of the system has a name and argument types.
func HasFunction(name string, args []types.Oid) bool {
	return slices.ContainsFunc(procsByName[name], func(p *proc) bool { return sameOids(p.args, args) })
}
