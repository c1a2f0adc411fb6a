package expr

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// UserFunction is a function that the catalog has and the registry has not: a constructor of a user's range or multirange,
// or a function or procedure that a user created.
type UserFunction struct {
	p *proc
	// before says that the function's schema is searched before pg_catalog.
	before bool
}

// UserNames is what the catalog has under the name of a call.
type UserNames struct {
	Functions []*UserFunction
	Type      types.Oid // for a conversion in function notation; 0 for none
}

// UserDef is the definition of a function that a user created, as calls need it.
type UserDef struct {
	Oid       types.Oid
	Name      string
	Procedure bool
	// Args are the declared types of the input arguments, domains among them; Names are theirs, nil if none has one.
	Args     []types.Type
	Names    []string
	Variadic bool
	Defaults int
	Result   types.Type // polymorphic ones unresolved
	Set      bool
	// Columns are the output arguments of a function that returns record.
	Columns    []RecordColumn
	OutName    string // of the one output argument of a function that returns it alone; empty for none
	Volatility Volatility
	Strict     bool
	// Native is the symbol of a function in C; empty for other languages.
	Native string
	// Unchecked says that calls need no right to EXECUTE: an aggregate's owner has it.
	Unchecked bool
}

// Void reports whether the function returns nothing.
func (d *UserDef) Void() bool { return d.Result.Oid == types.VoidOid && d.Result.Domain == 0 }

// FunctionCall is a call of a user's function.
type FunctionCall struct {
	Def  *UserDef
	Args []types.Datum
	// Types are those of the arguments, Result that of the result (of a row of it): the actual ones of a polymorphic
	// function.
	Types  []types.Type
	Result types.Type
	// Columns are the fields of a result of type record, as far as the call tells them.
	Columns []RecordColumn
}

// NewUserFunction makes a user's function known to resolution. Functions are compared by pointer: whoever calls it keeps
// what it returns for as long as the function is the same.
func NewUserFunction(d *UserDef) *UserFunction {
	p := &proc{oid: d.Oid, name: d.Name, kind: 'f', ret: d.Result.Oid, defaults: d.Defaults, names: d.Names}
	if d.Procedure {
		p.kind = 'p'
	}
	for _, a := range d.Args {
		p.args = append(p.args, a.Oid)
	}
	if d.Variadic {
		p.variadic = variadicElem(p.args[len(p.args)-1])
	}
	switch {
	case d.Set:
		p.set = &SetFunction{Oid: d.Oid, Name: d.Name, Args: p.args, Result: p.ret, Volatility: d.Volatility, Strict: d.Strict,
			Variadic: p.variadic, Defaults: d.Defaults, ArgNames: d.Names, User: d, src: "-", open: openUser}
		if d.OutName != "" {
			p.set.Columns = []OutColumn{{Name: d.OutName, Type: d.Result.Oid}}
		}
	default:
		im := &impl{fn: callUser, f0: callUserBare}
		if d.Native != "" {
			im = native(d)
		}
		p.fn = &Function{Oid: d.Oid, Name: d.Name, Args: p.args, Result: p.ret, Volatility: d.Volatility, Strict: d.Strict,
			Variadic: p.variadic, Defaults: d.Defaults, ArgNames: d.Names, User: d, src: "-", impl: im}
	}
	return &UserFunction{p: p}
}

// Before returns the function as one of a schema that is searched before pg_catalog.
func (f *UserFunction) Before() *UserFunction { return &UserFunction{p: f.p, before: true} }

// variadicElem is the type of the elements of a VARIADIC parameter; "any" is its own.
func variadicElem(t types.Oid) types.Oid {
	switch t {
	case types.AnyarrayOid:
		return types.AnyelementOid
	case types.AnycompatiblearrayOid:
		return types.AnycompatibleOid
	case types.AnyOid:
		return t
	}
	return types.ElemOf(t)
}

func callUserBare(c *Call) (types.Datum, error) { return callUser(c, nil) }

func callUser(c *Call, args []types.Datum) (types.Datum, error) {
	if c.Session == nil {
		return types.Null, errNoSession
	}
	return c.Session.CallFunction(c.EvalContext, userCall(c, c.Fn.User, args))
}

func openUser(c *Call, args []types.Datum) (SetIterator, error) {
	if c.Session == nil {
		return nil, errNoSession
	}
	return c.Session.OpenFunction(c.EvalContext, userCall(c, c.user, args))
}

func userCall(c *Call, d *UserDef, args []types.Datum) *FunctionCall {
	call := &FunctionCall{Def: d, Args: slices.Clone(args), Types: c.Types, Result: c.Result, Columns: c.Columns}
	if call.Columns == nil && d.Columns != nil {
		call.Columns = d.ResolvedColumns(c.Types)
	}
	return call
}

// ResolvedColumns are the columns of a result of several output arguments, for a call with arguments of these types.
func (d *UserDef) ResolvedColumns(args []types.Type) []RecordColumn {
	out := slices.Clone(d.Columns)
	actual, declared := make([]types.Oid, len(args)), make([]types.Oid, len(d.Args))
	for i, a := range args {
		actual[i] = a.Oid
	}
	for i, a := range d.Args {
		declared[i] = a.Oid
	}
	if len(actual) != len(declared) {
		return out
	}
	for i := range out {
		if _, ret, err := ResolvePolymorphic(actual, declared, out[i].Type.Oid); err == nil && ret != out[i].Type.Oid {
			out[i].Type = types.T(ret)
		}
	}
	return out
}

// userAsSet is a user's function that returns one row as a set of one, which FROM makes columns of.
func userAsSet(f *Function) *SetFunction {
	return &SetFunction{Oid: f.Oid, Name: f.Name, Args: f.Args, Result: f.Result, Volatility: f.Volatility, Defaults: f.Defaults,
		ArgNames: f.ArgNames, User: f.User, src: "-",
		open: func(c *Call, args []types.Datum) (SetIterator, error) {
			if c.Session == nil {
				return nil, errNoSession
			}
			row := types.Null
			if !f.Strict || !slices.ContainsFunc(args, types.Datum.IsNull) {
				var err error
				if row, err = c.Session.CallFunction(c.EvalContext, userCall(c, f.User, args)); err != nil {
					return nil, err
				}
			}
			fields := make([]types.Datum, len(c.Columns))
			if !row.IsNull() {
				copy(fields, row.Record().Fields)
			}
			return &listIter{rows: [][]types.Datum{fields}}, nil
		}}
}

// IsUser reports whether a node is a call of a function that a user created.
func IsUser(n Node) bool {
	switch k := n.(type) {
	case *Func:
		return k.Fn.User != nil
	case *SetReturning:
		return k.Fn.User != nil
	}
	return false
}

// ContainsUser reports whether an expression calls a function that a user created, be it for the check of a domain. The
// session runs it: no two goroutines may evaluate such expressions at the same time.
func ContainsUser(n Node) bool {
	found := false
	Walk(n, func(k Node) bool {
		found = found || IsUser(k)
		if c, ok := k.(*Cast); ok && c.Domain != nil {
			for i := range c.Domain.Checks {
				found = found || ContainsUser(c.Domain.Checks[i].Cond)
			}
		}
		return !found
	})
	return found
}

// candidates adds the functions of schemas that are searched before pg_catalog, or those of the others.
func (u *UserNames) candidates(before bool, cands []*candidate, n int, names []string, variadic bool) []*candidate {
	for _, f := range u.Functions {
		if f.before == before {
			cands = addCandidates(cands, f.p.candidates(n, names, variadic))
		}
	}
	return cands
}

// addCandidates adds what is found later in the search path: a function hides those of the same argument types behind it,
// and one that takes the arguments as they are is preferred to one that gathers them for VARIADIC.
func addCandidates(cands, more []*candidate) []*candidate {
	for _, c := range more {
		hidden := slices.ContainsFunc(cands, func(d *candidate) bool {
			return d.p != c.p && d.variadic == c.variadic && (d.order == nil) == (c.order == nil) && sameOids(d.args, c.args) && d.defaults == 0
		})
		if !hidden {
			cands = append(cands, c)
		}
	}
	return cands
}
