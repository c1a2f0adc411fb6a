package sema

import (
	"cmp"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// maxDomainDepth bounds domains whose constraints lead through other domains.
const maxDomainDepth = 100

// toDomain makes a value of the base type one of a domain, or an array one of an array of a domain, whose constraints are
// verified when it is computed.
func (a *analyzer) toDomain(n expr.Node, to types.Type, ctx types.CastContext, loc int) (expr.Node, error) {
	d, err := a.domain(to.Domain)
	if err != nil {
		return nil, err
	}
	if in := types.Lookup(to.Oid); in != nil && a.typeCollation(to) != in.Collation {
		a.collates = true
	}
	return &expr.Cast{Arg: n, Type: to, Context: ctx, Domain: d, Loc: loc}, nil
}

// domain collects the constraints of a domain and of those below it, a base's before its own, each domain's by name.
func (a *analyzer) domain(oid types.Oid) (*expr.Domain, error) {
	out := &expr.Domain{Oid: oid}
	if e := types.ElemOf(oid); e != 0 {
		out.Oid, out.Array = e, true
	}
	if a.domainDepth++; a.domainDepth > maxDomainDepth {
		return nil, pgerr.New(pgerr.StatementTooComplex, "stack depth limit exceeded")
	}
	defer func() { a.domainDepth-- }()
	for at := out.Oid; at != 0; {
		t := a.env.Catalog.Type(at)
		if t == nil || t.Domain == nil {
			return nil, pgerr.Internal("cache lookup failed for type %d", at)
		}
		if at == out.Oid {
			out.Schema, out.Name = a.env.Catalog.SchemaName(t.SchemaID), t.Name
		}
		checks, err := a.domainChecks(t)
		if err != nil {
			return nil, err
		}
		out.NotNull = out.NotNull || t.Domain.NotNull
		out.Checks = append(checks, out.Checks...)
		if at = t.Domain.Base.Domain; types.ElemOf(at) != 0 {
			at = 0 // over an array of a domain, which verifies its elements
		}
	}
	return out, nil
}

func (a *analyzer) domainChecks(t *catalog.Type) ([]expr.DomainCheck, error) {
	var out []expr.DomainCheck
	for i := range t.Domain.Checks {
		c := &t.Domain.Checks[i]
		e, err := parse.ParseExpr(c.Expr)
		if err != nil {
			return nil, err
		}
		sub := newAnalyzer(a.stored())
		sub.domainDepth = a.domainDepth
		cond, err := sub.standalone(e, ExprScope{Kind: DomainCheckExpr, Type: t.Domain.Base})
		if err != nil {
			return nil, err
		}
		out = append(out, expr.DomainCheck{Name: c.Name, Cond: cond})
	}
	slices.SortStableFunc(out, func(a, b expr.DomainCheck) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// domainDefault is the value of a column of a domain that nothing is assigned to: the domain's default or NULL, which the
// domain's constraints may refuse.
func (a *analyzer) domainDefault(to types.Type) (expr.Node, error) {
	base := types.Type{Oid: to.Oid, Mod: to.Mod}
	var n expr.Node = &expr.Const{Type: base, Loc: -1}
	if t := a.env.Catalog.Type(to.Domain); t != nil && t.Domain != nil && t.Domain.Default != "" {
		e, err := parse.ParseExpr(t.Domain.Default)
		if err != nil {
			return nil, err
		}
		if n, err = AnalyzeExpr(e, ExprScope{Kind: DefaultExpr, Column: t.Name, Type: t.Domain.Base}, a.stored()); err != nil {
			return nil, err
		}
	}
	return a.coerceMod(n, to, types.Assignment, -1)
}

// ToDomain returns Column 0, a value of the base type, made one of a domain type.
func ToDomain(to types.Type, env *Env) (expr.Node, error) {
	return newAnalyzer(env).toDomain(&expr.Column{Type: types.Type{Oid: to.Oid, Mod: to.Mod}}, to, types.Assignment, -1)
}

// elemType is the type of the elements of an array type.
func elemType(t types.Type) types.Type {
	out := types.Type{Oid: types.ElemOf(t.Oid), Mod: t.Mod}
	if t.Domain != 0 {
		out.Domain = types.ElemOf(t.Domain)
	}
	return out
}
