package sema

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

func typeString(t types.Oid) string { return types.FormatType(types.T(t)) }

func oidOf(n expr.Node) types.Oid { return n.ResultType().Oid }

func oidsOf(ns []expr.Node) []types.Oid {
	out := make([]types.Oid, len(ns))
	for i, n := range ns {
		out[i] = oidOf(n)
	}
	return out
}

// coerceType makes n a value of type to (without modifier); the caller has made sure that it can be.
func (a *analyzer) coerceType(n expr.Node, to types.Oid, ctx types.CastContext, loc int) (expr.Node, error) {
	return a.coerceMod(n, types.T(to), ctx, loc)
}

// coerceMod makes n a value of type to and of its modifier.
func (a *analyzer) coerceMod(n expr.Node, to types.Type, ctx types.CastContext, loc int) (expr.Node, error) {
	from := n.ResultType()
	if from.Oid == types.RecordOid && to.Oid.Class() == types.CompositeClass && to.Domain == 0 {
		return a.rowTo(n, to, ctx, loc)
	}
	if to.Domain != 0 && from.Domain != to.Domain {
		base, err := a.coerceMod(n, types.Type{Oid: to.Oid, Mod: to.Mod}, ctx, loc)
		if err != nil {
			return nil, err
		}
		if k, ok := n.(*expr.Const); ok && from.Oid == types.UnknownOid && !k.Value.IsNull() && types.ElemOf(to.Domain) != 0 {
			return a.domainArray(base, to, k.Loc)
		}
		return a.toDomain(base, to, ctx, loc)
	}
	if from.Domain != 0 && to.Domain == 0 && from.Oid == to.Oid && to.Mod < 0 { // what is asked for is no domain
		return &expr.Cast{Arg: n, Type: to, Context: ctx, Loc: loc}, nil
	}
	if from.Oid == to.Oid && (to.Mod == from.Mod || to.Mod < 0 && ctx != types.Explicit) || to.Oid == types.AnyOid {
		return n, nil // a cast to the bare type takes the modifier away
	}
	if from.Oid == types.UnknownOid {
		switch k := n.(type) {
		case *expr.Const:
			return a.coerceLiteral(k, to, ctx, loc)
		case *expr.Param:
			p, err := a.typedParam(k, to.Oid)
			if err != nil || to.Mod < 0 {
				return p, err
			}
			return &expr.Cast{Arg: p, Type: to, Context: ctx, Loc: loc}, nil
		}
		from = types.T(types.TextOid)
	}
	if k, ok := n.(*expr.Const); ok && k.Value.IsNull() {
		return &expr.Const{Type: to, Loc: k.Loc}, nil
	}
	return &expr.Cast{Arg: n, Type: to, Context: ctx, Loc: loc}, nil
}

// domainArray is a literal of an array of a domain, whose elements are verified as they are read.
func (a *analyzer) domainArray(n expr.Node, to types.Type, loc int) (expr.Node, error) {
	cast, err := a.toDomain(n, to, types.Explicit, loc)
	if err != nil {
		return nil, err
	}
	c, err := expr.Compile(cast, nil)
	if err != nil {
		return nil, err
	}
	d, err := c.EvalRow(&expr.EvalContext{IOEnv: a.io}, nil)
	if err != nil {
		return nil, a.at(loc, err)
	}
	return &expr.Const{Type: to, Value: d, Loc: loc}, nil
}

// coerceLiteral reads a literal of unknown type as a value of its type.
func (a *analyzer) coerceLiteral(k *expr.Const, to types.Type, ctx types.CastContext, loc int) (expr.Node, error) {
	if k.Value.IsNull() {
		if to.Mod >= 0 && ctx != types.Explicit && a.kept { // PostgreSQL's tree has the length coercion, and prints without it
			return &expr.Cast{Arg: &expr.Const{Type: types.T(to.Oid), Loc: k.Loc}, Type: to, Context: ctx, Loc: loc}, nil
		}
		return &expr.Const{Type: to, Loc: k.Loc}, nil
	}
	if !types.Supported(to.Oid) {
		return nil, a.unsupported(k.Loc, "type "+typeString(to.Oid))
	}
	t := types.T(to.Oid)
	if to.Oid == types.IntervalOid {
		t = to
	}
	d, err := types.ParseText(t, k.Value.Str(), a.ioAt(k.Loc, t.Oid))
	if err != nil {
		return nil, a.at(k.Loc, err)
	}
	if to.Mod < 0 || t == to {
		return &expr.Const{Type: t, Value: d, Loc: k.Loc}, nil
	}
	return &expr.Cast{Arg: &expr.Const{Type: t, Value: d, Loc: k.Loc}, Type: to, Context: ctx, Loc: loc}, nil
}

// coerceTo is coerceMod for any n; nil without an error where there is no such cast.
func (a *analyzer) coerceTo(n expr.Node, to types.Type, ctx types.CastContext, loc int) (expr.Node, error) {
	if !expr.CanCoerce([]types.Oid{oidOf(n)}, []types.Oid{to.Oid}, ctx) {
		return nil, nil
	}
	return a.coerceMod(n, to, ctx, loc)
}

// coerceBool makes n a boolean, for the named construct.
func (a *analyzer) coerceBool(n expr.Node, construct string) (expr.Node, error) {
	if oidOf(n) == types.BoolOid {
		return n, nil
	}
	out, err := a.coerceTo(n, types.T(types.BoolOid), types.Assignment, -1)
	if err != nil {
		return nil, err
	}
	if out == nil {
		return nil, a.errorf(locOf(n), pgerr.DatatypeMismatch, "argument of %s must be type %s, not type %s", construct, "boolean", typeString(oidOf(n)))
	}
	return out, nil
}

// coerceSpecific makes n a value of a type by assignment, for the named construct.
func (a *analyzer) coerceSpecific(n expr.Node, to types.Oid, construct string) (expr.Node, error) {
	if oidOf(n) == to {
		return n, nil
	}
	out, err := a.coerceTo(n, types.T(to), types.Assignment, -1)
	if err != nil {
		return nil, err
	}
	if out == nil {
		return nil, a.errorf(locOf(n), pgerr.DatatypeMismatch, "argument of %s must be type %s, not type %s", construct, typeString(to), typeString(oidOf(n)))
	}
	return out, nil
}

// commonType is select_common_type: the type that all of ns can become; text if all are unknown. context is the
// construct, for the error; "" makes no error and returns 0.
func (a *analyzer) commonType(ns []expr.Node, context string) (types.Oid, error) {
	same := true
	for _, n := range ns[1:] {
		same = same && oidOf(n) == oidOf(ns[0])
	}
	if same && oidOf(ns[0]) != types.UnknownOid {
		return oidOf(ns[0]), nil
	}
	var t types.Oid
	for _, n := range ns {
		o := oidOf(n)
		switch {
		case o == types.UnknownOid || o == t:
		case t == 0:
			t = o
		case types.Lookup(o).Category != types.Lookup(t).Category:
			if context == "" {
				return 0, nil
			}
			return 0, a.errorf(locOf(n), pgerr.DatatypeMismatch, "%s types %s and %s cannot be matched", context, typeString(t), typeString(o))
		case !types.Lookup(t).Preferred && canCoerce1(t, o) && !canCoerce1(o, t):
			t = o
		}
	}
	if t == 0 {
		t = types.TextOid
	}
	return t, nil
}

func canCoerce1(from, to types.Oid) bool {
	return expr.CanCoerce([]types.Oid{from}, []types.Oid{to}, types.Implicit)
}

// toCommon makes n a value of the common type of a construct.
func (a *analyzer) toCommon(n expr.Node, to types.Oid, context string) (expr.Node, error) {
	if oidOf(n) == to {
		return n, nil
	}
	if !canCoerce1(oidOf(n), to) {
		return nil, a.errorf(locOf(n), pgerr.CannotCoerce, "%s could not convert type %s to %s", context, typeString(oidOf(n)), typeString(to))
	}
	return a.coerceType(n, to, types.Implicit, -1)
}

// unify makes all of ns values of their common type, with the modifier that all share.
func (a *analyzer) unify(ns []expr.Node, context string) ([]expr.Node, types.Type, error) {
	t, err := a.commonType(ns, context)
	if err != nil {
		return nil, types.Type{}, err
	}
	out := make([]expr.Node, len(ns))
	for i, n := range ns {
		if out[i], err = a.toCommon(n, t, context); err != nil {
			return nil, types.Type{}, err
		}
	}
	common := types.Type{Oid: t, Mod: commonMod(out), Domain: out[0].ResultType().Domain}
	for _, n := range out {
		if n.ResultType().Domain != common.Domain {
			common.Domain = 0
		}
	}
	return out, common, nil
}

func commonMod(ns []expr.Node) int32 {
	mod := ns[0].ResultType().Mod
	for _, n := range ns[1:] {
		if n.ResultType().Mod != mod {
			return -1
		}
	}
	return mod
}

// resolveUnknown makes what is still of unknown type text.
func (a *analyzer) resolveUnknown(n expr.Node) (expr.Node, error) {
	if oidOf(n) != types.UnknownOid {
		return n, nil
	}
	return a.coerceType(n, types.TextOid, types.Implicit, -1)
}

// assign coerces a value to a column's type, as INSERT and UPDATE do.
func (a *analyzer) assign(n expr.Node, to types.Type, column string, loc int) (expr.Node, error) {
	out, err := a.coerceTo(n, to, types.Assignment, -1)
	if err != nil {
		return nil, err
	}
	if out == nil {
		if locOf(n) >= 0 {
			loc = locOf(n)
		}
		return nil, a.at(loc, pgerr.New(pgerr.DatatypeMismatch, "column %q is of type %s but expression is of type %s",
			column, typeString(to.Oid), typeString(oidOf(n))).
			WithHint("You will need to rewrite or cast the expression."))
	}
	return out, nil
}

// locOf is where an expression begins in the text, as PostgreSQL's exprLocation has it: operators and conversions begin
// with their leftmost operand.
func locOf(n expr.Node) int {
	loc := n.Pos()
	first := func(args ...expr.Node) int {
		for _, a := range args {
			if l := locOf(a); loc < 0 || l >= 0 && l < loc {
				loc = l
			}
		}
		return loc
	}
	switch k := n.(type) {
	case *expr.Func:
		return first(k.Args...)
	case *expr.Cast:
		return first(k.Arg)
	case *expr.BoolOp:
		return first(k.Args...)
	case *expr.IsTest:
		return first(k.Arg)
	case *expr.Distinct:
		return first(k.Left, k.Right)
	case *expr.NullIf:
		return first(k.Left, k.Right)
	case *expr.AnyAll:
		return first(k.Left)
	case *expr.Subquery:
		return first(k.Left...)
	}
	return loc
}
