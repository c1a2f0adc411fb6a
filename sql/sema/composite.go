package sema

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// composite returns the definition of a composite type; nil for any other type.
func (a *analyzer) composite(oid types.Oid) *types.UserType {
	if oid.Class() != types.CompositeClass || a.io.UserType == nil {
		return nil
	}
	return a.io.UserType(oid)
}

// rowTo makes a row constructor a value of a composite type, field by field.
func (a *analyzer) rowTo(n expr.Node, to types.Type, ctx types.CastContext, loc int) (expr.Node, error) {
	at := func(detail string, args ...any) error {
		e := pgerr.New(pgerr.CannotCoerce, "cannot cast type %s to %s", "record", typeString(to.Oid))
		if detail != "" {
			e = e.WithDetail(detail, args...)
		}
		if loc < 0 {
			loc = locOf(n)
		}
		return a.at(loc, e)
	}
	r, ok := n.(*expr.Row)
	u := a.composite(to.Oid)
	if !ok || u == nil {
		return nil, at("")
	}
	out := &expr.Row{Type: to, Loc: r.Loc, Cast: ctx == types.Explicit}
	used := 0
	for _, f := range u.Fields {
		if f.Dropped {
			out.Fields = append(out.Fields, &expr.Const{Type: f.Type, Loc: -1})
			out.Names = append(out.Names, "")
			continue
		}
		if used == len(r.Fields) {
			return nil, at("Input has too few columns.")
		}
		arg := r.Fields[used]
		used++
		v, err := a.coerceTo(arg, f.Type, ctx, -1)
		if err != nil {
			return nil, err
		}
		if v == nil {
			loc = locOf(arg)
			return nil, at("Cannot cast type %s to %s in column %d.", typeString(oidOf(arg)), types.FormatType(f.Type), used)
		}
		out.Fields, out.Names = append(out.Fields, v), append(out.Names, f.Name)
	}
	if used < len(r.Fields) {
		return nil, at("Input has too many columns.")
	}
	return out, nil
}

// rowType is the type of a whole row of a table: its row type where that has the fields of the row and no more.
func rowType(t *catalog.Table, fields int) types.Type {
	if t == nil {
		return types.T(types.RecordOid)
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		if i < fields == (c.Dropped || c.Hidden) {
			return types.T(types.RecordOid) // a dropped or hidden column lies between
		}
	}
	return types.T(types.UserOid(types.CompositeClass, t.OID))
}

// attribute selects a field of a value of a composite type; nil where the type has none of that name.
func (a *analyzer) attribute(n expr.Node, u *types.UserType, name string, loc int) expr.Node {
	for i, f := range u.Fields {
		if f.Name == name && !f.Dropped {
			return &expr.Field{Arg: n, Index: i, Name: name, Type: f.Type, Loc: loc}
		}
	}
	return nil
}

// fieldDomain judges a field of a composite's text.
func (a *analyzer) fieldDomain(t types.Type, d types.Datum) error {
	cast, err := a.toDomain(&expr.Const{Type: types.Type{Oid: t.Oid, Mod: t.Mod}, Value: d, Loc: -1}, t, types.Explicit, -1)
	if err != nil {
		return err
	}
	c, err := expr.Compile(cast, nil)
	if err != nil {
		return err
	}
	_, err = c.EvalRow(&expr.EvalContext{IOEnv: a.io}, nil)
	return err
}

// JudgeFields returns the settings of env with IOEnv.Domain set: it judges fields of domains by env's catalog.
func JudgeFields(env *Env) *types.IOEnv {
	c := *env.IOEnv
	c.Domain = func(t types.Type, d types.Datum) error { return newAnalyzer(env).fieldDomain(t, d) }
	return &c
}
