package utility

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

func (e *Env) createDomain(ctx context.Context, s *parse.CreateDomainStmt) error {
	e = e.withoutPositions() // as PostgreSQL, which analyses what is in the statement when it is past its analysis
	name := objectName(s.DomainName)
	base, err := sema.ResolveType(s.Type, e.sema())
	if err != nil {
		return err
	}
	if in := types.Lookup(base.Declared()); in != nil && in.Type == 'p' {
		return pgerr.New(pgerr.DatatypeMismatch, "%q is not a valid base type for a domain", s.Type.Names.Last())
	}
	spec := &ddl.DomainSpec{Name: name, Base: base}
	b := &tableBuilder{Env: e}
	if spec.Collation, err = b.collation(s.CollClause, base); err != nil {
		return err
	}
	sawDefault, sawNull, sawNotNull := false, false, false
	for _, k := range s.Constraints {
		switch k.Type {
		case parse.ConstrDefault:
			if sawDefault {
				return pgerr.New(pgerr.SyntaxError, "multiple default expressions")
			}
			sawDefault = true
			if spec.Default, err = e.domainDefault(k.Expr, k.ExprText, name.Name, base); err != nil {
				return err
			}
		case parse.ConstrNotNull:
			if sawNull {
				return pgerr.New(pgerr.SyntaxError, "conflicting NULL/NOT NULL constraints")
			}
			spec.NotNull, sawNotNull = true, true
		case parse.ConstrNull:
			if sawNotNull {
				return pgerr.New(pgerr.SyntaxError, "conflicting NULL/NOT NULL constraints")
			}
			sawNull = true
		default:
			check, err := e.domainCheck(k, base)
			if err != nil {
				return err
			}
			spec.Checks = append(spec.Checks, *check)
		}
	}
	return e.DDL.CreateDomain(ctx, spec)
}

// domainDefault analyses a domain's DEFAULT; NULL is none.
func (e *Env) domainDefault(x parse.Expr, text, domain string, base types.Type) (*ddl.Expression, error) {
	def, node, err := e.expression(x, text, sema.ExprScope{Kind: sema.DefaultExpr, Column: domain, Type: base})
	if err != nil || isNullDefault(node, base) {
		return nil, err
	}
	return def, nil
}

func (e *Env) domainCheck(k *parse.Constraint, base types.Type) (*ddl.DomainCheckSpec, error) {
	switch {
	case k.Type == parse.ConstrCheck && k.NoInherit:
		return nil, pgerr.New(pgerr.InvalidObjectDefinition, "check constraints for domains cannot be marked NO INHERIT")
	case k.Type == parse.ConstrCheck:
		check, _, err := e.expression(k.Expr, k.ExprText, sema.ExprScope{Kind: sema.DomainCheckExpr, Type: base})
		return &ddl.DomainCheckSpec{Name: k.Name, Check: check, NotValid: k.SkipValidation}, err
	case k.Type == parse.ConstrUnique:
		return nil, pgerr.New(pgerr.SyntaxError, "unique constraints not possible for domains")
	case k.Type == parse.ConstrPrimary:
		return nil, pgerr.New(pgerr.SyntaxError, "primary key constraints not possible for domains")
	case k.Type == parse.ConstrExclusion:
		return nil, pgerr.New(pgerr.SyntaxError, "exclusion constraints not possible for domains")
	case k.Type == parse.ConstrForeign:
		return nil, pgerr.New(pgerr.SyntaxError, "foreign key constraints not possible for domains")
	case k.Type >= parse.ConstrAttrDeferrable && k.Type <= parse.ConstrAttrImmediate:
		return nil, pgerr.New(pgerr.FeatureNotSupported, "specifying constraint deferrability not supported for domains")
	}
	return nil, pgerr.NotSupported("this constraint of a domain")
}

func (e *Env) alterDomain(ctx context.Context, s *parse.AlterDomainStmt) error {
	e = e.withoutPositions()
	n := objectName(s.TypeName)
	base := func() (types.Type, error) {
		oid, _ := e.DDL.Overlay().LookupType(e.SearchPath, n.Schema, n.Name)
		if t := e.DDL.Overlay().Type(oid); t != nil && t.Domain != nil {
			return t.Domain.Base, nil
		}
		return types.Type{}, e.DDL.SetDomainDefault(ctx, n, nil) // which says what it is instead
	}
	switch s.Subtype {
	case 'T':
		if s.Expr == nil {
			return e.DDL.SetDomainDefault(ctx, n, nil)
		}
		b, err := base()
		if err != nil {
			return err
		}
		def, err := e.domainDefault(s.Expr, s.ExprText, n.Name, b)
		if err != nil {
			return err
		}
		return e.DDL.SetDomainDefault(ctx, n, def)
	case 'N', 'O':
		return e.DDL.SetDomainNotNull(ctx, n, s.Subtype == 'O')
	case 'C':
		b, err := base()
		if err != nil {
			return err
		}
		check, err := e.domainCheck(s.Constraint, b)
		if err != nil {
			return err
		}
		return e.DDL.AddDomainConstraint(ctx, n, check)
	case 'X':
		return e.DDL.DropDomainConstraint(ctx, n, s.Name, s.MissingOk)
	case 'V':
		return e.DDL.ValidateDomainConstraint(ctx, n, s.Name)
	}
	return pgerr.NotSupported("this form of ALTER DOMAIN")
}

// fillByDomain gives the rows that an added column of a domain finds the domain's default, or NULL, both of which the
// domain's constraints judge.
func (b *tableBuilder) fillByDomain(c *ddl.ColumnSpec) {
	if b.alter == nil || c.Type.Domain == 0 || c.Default != nil || c.Sequence != nil {
		return
	}
	c.NeedsRewrite, c.Fill = true, "NULL"
	if t := b.DDL.Overlay().Type(c.Type.Domain); t != nil && t.Domain.Default != "" {
		c.Fill = t.Domain.Default
	}
}
