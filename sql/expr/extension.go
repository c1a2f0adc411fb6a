package expr

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The operators of extensions. They exist in a database where their extension was created.

// extensionOperators are the extensions' operators, by extension and name.
var extensionOperators = map[[2]string][]*Function{}

func init() {
	for i := range catalog.ExtensionOperators {
		o := &catalog.ExtensionOperators[i]
		im := comparison(o.Name, o.Left, o.Right)
		if im == nil || o.Left != o.Right || o.Left == types.TextOid {
			im = nativeImpl(o.Symbol)
		}
		fn := &Function{Name: o.Symbol, Args: []types.Oid{o.Left, o.Right}, Result: o.Result, Volatility: Immutable, Strict: true,
			src: o.Symbol, impl: im, Extension: o.Extension,
			Operator: &Operator{Oid: o.OID, Name: o.Name, Left: o.Left, Right: o.Right, Result: o.Result, CanHash: o.Hashes, CanMerge: o.Merges}}
		if o.Stable {
			fn.Volatility = Stable
		}
		key := [2]string{o.Extension, o.Name}
		extensionOperators[key] = append(extensionOperators[key], fn)
		opsByOid[o.OID] = fn
	}
	for i := range catalog.ExtensionOperators {
		o := &catalog.ExtensionOperators[i]
		fn := opsByOid[o.OID].Operator
		fn.commutator, fn.negator = extensionOperator(o, o.Commutator, o.Right, o.Left), extensionOperator(o, o.Negator, o.Left, o.Right)
	}
}

// extensionOperator is the OID of another operator of an operator's extension; 0 for none.
func extensionOperator(o *catalog.Operator, name string, left, right types.Oid) types.Oid {
	if f := exactOperator(extensionOperators[[2]string{o.Extension, name}], []types.Oid{left, right}); f != nil {
		return f.Operator.Oid
	}
	return 0
}

// ExtensionOperatorsNamed returns an extension's operators of a name.
func ExtensionOperatorsNamed(extension, name string) []*Function {
	return extensionOperators[[2]string{extension, name}]
}

// operatorsOfTypes are the operators of a name of the extensions that types belong to.
func operatorsOfTypes(name string, args []types.Oid) (out []*Function) {
	for _, a := range args {
		if a.Class() == types.ExtensionClass {
			return ExtensionOperatorsNamed(catalog.ExtensionOfType(a), name)
		}
	}
	return nil
}
