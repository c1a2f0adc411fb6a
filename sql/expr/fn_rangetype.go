package expr

import (
	"sync"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// constructors keeps the functions of Constructor by OID: calls of one function share its pointer.
var constructors sync.Map

// Constructor returns a constructor function of a user's range type, or of its multirange: src is pg_proc.prosrc.
func Constructor(oid types.Oid, name, src string, rng types.Oid) *UserFunction {
	if f, ok := constructors.Load(oid); ok {
		return f.(*UserFunction)
	}
	p := &proc{oid: oid, name: name, kind: 'f', ret: rng}
	sub, _ := types.RangeSubtype(rng)
	multi := types.MultirangeOf(rng)
	strict := true
	switch src {
	case "range_constructor2":
		p.args, strict = []types.Oid{sub.Oid, sub.Oid}, false
	case "range_constructor3":
		p.args, strict = []types.Oid{sub.Oid, sub.Oid, types.TextOid}, false
	case "multirange_constructor0":
		p.ret = multi
	case "multirange_constructor1":
		p.args, p.ret = []types.Oid{rng}, multi
	case "multirange_constructor2":
		p.args, p.ret, p.variadic = []types.Oid{types.ArrayOf(rng)}, multi, rng
	}
	p.bind(src, Immutable, strict, false, nil)
	p.fn.Constructs = p.ret
	f, _ := constructors.LoadOrStore(oid, &UserFunction{p: p})
	return f.(*UserFunction)
}

// Info is the function's row of pg_proc.
func (f *UserFunction) Info() ProcInfo {
	return ProcInfo{Oid: f.p.oid, Name: f.p.name, Kind: f.p.kind, Args: f.p.args, Result: f.p.ret, Variadic: f.p.variadic,
		Strict: f.p.fn.Strict, Volatile: f.p.fn.Volatility, Supported: true}
}
