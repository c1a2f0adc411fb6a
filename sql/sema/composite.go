package sema

import (
	"slices"

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
	r, ok := rowOf(n).(*expr.Row)
	u := a.composite(to.Oid)
	if !ok || u == nil {
		return nil, at("")
	}
	out := &expr.Row{Type: to, Loc: loc, Cast: ctx == types.Explicit}
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

// recordColumns are the fields of a row value by name, as far as its origin tells them: those of a composite type, of a row
// constructor or of a subquery's whole row, or of what a column of a subquery was made of. A dropped attribute has no name.
func (s *scope) recordColumns(n expr.Node) []Column {
	switch r := rowOf(n).(type) {
	case *expr.Row:
		if r.Names != nil {
			out := make([]Column, len(r.Fields))
			for i, f := range r.Fields {
				out[i] = Column{Name: r.Names[i], Type: f.ResultType()}
			}
			return out
		}
	case *expr.SetReturning:
		if cols := s.outColumns(r); len(cols) > 0 {
			return cols
		}
	case *expr.Func:
		if r.Fn.User != nil && r.Fn.User.Columns != nil {
			return userColumns(r.Fn.User, r.Args)
		}
	}
	if u := s.composite(oidOf(n)); u != nil {
		out := make([]Column, len(u.Fields))
		for i, f := range u.Fields {
			if out[i].Type = f.Type; !f.Dropped {
				out[i].Name = f.Name
			}
		}
		return out
	}
	if v, ok := n.(*expr.Var); ok && oidOf(n) == types.RecordOid {
		return s.recordOrigin(v)
	}
	return nil
}

// recordOrigin finds the fields of a column of type record where the column was made.
func (s *scope) recordOrigin(v *expr.Var) []Column {
	at := s
	for range v.Level {
		if at = at.parent; at == nil {
			return nil
		}
	}
	if v.Rel >= len(at.q.Rels) {
		return nil
	}
	switch rte := at.q.Rels[v.Rel]; {
	case rte.Kind == RTEJoin && v.Col < len(rte.JoinCols):
		return at.recordColumns(rte.JoinCols[v.Col])
	case rte.CTE != nil && v.Col >= len(rte.CTE.Columns): // added by SEARCH or CYCLE
	case rte.CTE != nil && rte.CTE.Query != nil:
		for sc := at; sc != nil; sc = sc.parent {
			if slices.ContainsFunc(sc.ctes, func(c *cteEntry) bool { return c.cte == rte.CTE }) || slices.Contains(sc.q.CTEs, rte.CTE) {
				return sc.recordOutput(rte.CTE.Query, v.Col)
			}
		}
	case rte.Query != nil:
		return at.recordOutput(rte.Query, v.Col)
	}
	return nil
}

// recordOutput is recordColumns of an output column of a query one level below the scope.
func (s *scope) recordOutput(q *Query, col int) []Column {
	below := s.newScope(s)
	below.q = q
	if q.Values != nil {
		return below.recordColumns(q.Values[0][col])
	}
	if q.SetOp != nil {
		return s.recordOutput(q.SetOp.Left, col)
	}
	return below.recordColumns(visibleTarget(q, col).Expr)
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
