package sema

import (
	"slices"
	"sync"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// aggregateForm is the form in which calls know an aggregate that a user created, made of the functions that it is made of as
// they were: one of them may be replaced by another of the same types while the aggregate stays.
type aggregateForm struct {
	mu       sync.Mutex
	supports []*catalog.Function
	known    *expr.UserFunction
}

// knownAggregate makes an aggregate known to calls. The result is the same for as long as it and its functions are.
func knownAggregate(f *catalog.Function, snap *catalog.Snapshot) *expr.UserFunction {
	form := f.Derived(func() any { return &aggregateForm{} }).(*aggregateForm)
	supports := []*catalog.Function{snap.Function(f.Aggregate.Transition), snap.Function(f.Aggregate.Final)}
	form.mu.Lock()
	defer form.mu.Unlock()
	if form.known == nil || !slices.Equal(form.supports, supports) {
		form.known, form.supports = expr.NewUserAggregate(aggregateOf(f, snap)), supports
	}
	return form.known
}

func aggregateOf(f *catalog.Function, snap *catalog.Snapshot) *expr.AggregateDef {
	a := f.Aggregate
	support := func(oid catalog.Oid) *expr.Function {
		if u := snap.Function(oid); u != nil {
			return known(u, snap).inputs.Scalar().Unchecked()
		}
		return expr.FunctionByOid(oid)
	}
	d := &expr.AggregateDef{UserDef: *Definition(f, snap), State: a.State, Init: a.Init, Transition: support(a.Transition),
		FinalExtra: a.FinalExtra}
	if a.Final != 0 {
		d.Final, d.FinalModifies = support(a.Final), a.FinalModify == catalog.ModifiesState
	}
	return d
}

// aggregateDef is the definition of the user's aggregate that a call was resolved to; nil for others.
func aggregateDef(r *expr.Resolved) *expr.AggregateDef {
	if r.Agg == nil {
		return nil
	}
	return r.Agg.User
}

// aggregateArgs gives the arguments of an aggregate or window function their types, and says which the result has.
func (s *scope) aggregateArgs(f *parse.FuncCall, r *expr.Resolved, args []expr.Node) ([]expr.Node, types.Type, error) {
	user := aggregateDef(r)
	want, ret, err := expr.ResolvePolymorphic(oidsOf(args), r.Args, r.Result)
	if err != nil {
		return nil, types.Type{}, s.at(f.Loc(), err)
	}
	for i, a := range args {
		if user != nil && i < len(user.Args) && !(r.Spread && i >= r.SpreadFrom) && user.Args[i].Domain != 0 {
			args[i], err = s.coerceTo(a, user.Args[i], types.Implicit, -1)
		} else {
			args[i], err = s.coerceType(a, want[i], types.Implicit, -1)
		}
		if err != nil {
			return nil, types.Type{}, err
		}
	}
	result := types.T(ret)
	if user != nil && ret == user.Result.Oid {
		result = user.Result
	}
	if r.Spread {
		call := &expr.Func{Args: args}
		if _, err := s.spread(r, call); err != nil {
			return nil, types.Type{}, err
		}
		args = call.Args
	}
	return args, result, nil
}

// SupportFunction is a function that an aggregate is to be made of.
type SupportFunction struct {
	Oid       catalog.Oid
	Args      []types.Oid // as declared
	Result    types.Oid   // a domain's own
	Strict    bool
	Signature string // as messages print it
}

// ResolveSupport finds a function by name and the types that an aggregate calls it with: lookup_agg_function.
func ResolveSupport(name parse.Name, args []types.Oid, env *Env) (*SupportFunction, error) {
	a := newAnalyzer(env)
	f := &SupportFunction{Signature: expr.Signature(name.String(), args)}
	missing := pgerr.New(pgerr.UndefinedFunction, "function %s does not exist", f.Signature)
	lookup, _ := builtin(name)
	user := a.userNames(name)
	r, err := expr.LookupFunction(lookup, args, nil, true, user)
	if r == nil && err == nil {
		r, err = expr.LookupFunction(lookup, standIns(args), nil, true, user)
	}
	switch {
	case err != nil || r == nil || r.Cast != 0 || len(r.Args) != len(args):
		return nil, missing
	case r.Set != nil:
		return nil, pgerr.New(pgerr.DatatypeMismatch, "function %s returns a set", f.Signature)
	case r.Fn == nil || len(r.DeclaredArgs()) != len(args):
		return nil, missing
	}
	if u := userDef(r); u != nil && u.Procedure {
		return nil, missing
	}
	f.Oid, f.Args, f.Result, f.Strict = r.Fn.Oid, r.Args, resultFor(r, args), r.Fn.Strict
	if u := userDef(r); u != nil && f.Result == u.Result.Oid {
		f.Result = u.Result.Declared()
	}
	for i, declared := range f.Args {
		if !expr.IsPolymorphic(declared) && !types.BinaryCoercible(args[i], declared) {
			return nil, pgerr.New(pgerr.DatatypeMismatch, "function %s requires run-time type coercion", expr.Signature(name.String(), f.Args))
		}
	}
	return f, nil
}

// concrete are types that stand for polymorphic ones while it is asked which function takes them.
var concrete = map[types.Oid]types.Oid{
	types.AnyelementOid: types.Int4Oid, types.AnynonarrayOid: types.Int4Oid, types.AnyarrayOid: types.Int4ArrayOid,
	types.AnyrangeOid: types.Int4RangeOid, types.AnymultirangeOid: types.Int4MultirangeOid,
	types.AnycompatibleOid: types.Int4Oid, types.AnycompatiblenonarrayOid: types.Int4Oid, types.AnycompatiblearrayOid: types.Int4ArrayOid,
	types.AnycompatiblerangeOid: types.Int4RangeOid, types.AnycompatiblemultirangeOid: types.Int4MultirangeOid,
}

func standIns(args []types.Oid) []types.Oid {
	out := slices.Clone(args)
	for i, a := range args {
		if c, ok := concrete[a]; ok {
			out[i] = c
		}
	}
	return out
}

// resultFor is the type that a function returns for arguments of types that may be polymorphic: then it is one of these
// where it stands for the same.
func resultFor(r *expr.Resolved, args []types.Oid) types.Oid {
	if !expr.IsPolymorphic(r.Result) {
		return r.Result
	}
	stand := standIns(args)
	_, ret, err := expr.ResolvePolymorphic(stand, r.Args, r.Result)
	if err != nil {
		return r.Result
	}
	for i, a := range args {
		if stand[i] == ret {
			return a
		}
	}
	if slices.Equal(stand, args) {
		return ret
	}
	return r.Result
}
