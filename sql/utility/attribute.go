package utility

import (
	"context"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// checkComposite refuses to alter as a composite type what is none.
func (e *Env) checkComposite(n ddl.Name) error {
	snap := e.DDL.Overlay()
	if n.Schema != "" && snap.SchemaNamed(e.SearchPath, n.Schema) == nil {
		return nil
	}
	oid, ok := snap.LookupType(e.SearchPath, n.Schema, n.Name)
	t := snap.Type(oid)
	if r, found := snap.LookupRelation(e.SearchPath, n.Schema, n.Name); found && t == nil {
		return pgerr.New(pgerr.WrongObjectType, "%q is not a composite type", r.Name())
	}
	if !ok || t == nil || oid.Class() != types.CompositeClass {
		return pgerr.New(pgerr.UndefinedTable, "relation %q does not exist", n.String())
	}
	return nil
}

// eachCheckOver calls f for the analysed constraints of the domains over a composite type.
func (e *Env) eachCheckOver(n ddl.Name, f func(*catalog.Type, *catalog.DomainCheck, expr.Node) error) error {
	snap := e.DDL.Overlay()
	oid, ok := snap.LookupType(e.SearchPath, n.Schema, n.Name)
	if !ok {
		return nil
	}
	env := e.withoutPositions().sema()
	io := *types.DefaultIOEnv
	if env.IOEnv != nil {
		io = *env.IOEnv
	}
	io.UserType = snap.UserType // the statement's own changes too
	env.IOEnv = &io
	var err error
	snap.Types(func(t *catalog.Type) bool {
		if t.Domain == nil || t.Domain.Base.Oid != oid {
			return true
		}
		for i := range t.Domain.Checks {
			c := &t.Domain.Checks[i]
			var tree parse.Expr
			var node expr.Node
			if tree, err = parse.ParseExpr(c.Expr); err != nil {
				return false
			}
			node, err = sema.AnalyzeExpr(tree, sema.ExprScope{Kind: sema.DomainCheckExpr, Type: t.Domain.Base}, env)
			if err == nil {
				err = f(t, c, node)
			}
			if err != nil {
				return false
			}
		}
		return true
	})
	return err
}

// recheckDomains judges the constraints of the domains over a composite type whose attributes have changed.
func (e *Env) recheckDomains(n ddl.Name) error {
	return e.eachCheckOver(n, func(*catalog.Type, *catalog.DomainCheck, expr.Node) error { return nil })
}

// dropAttributeUses drops the constraints of domains that use an attribute which is to be dropped, or refuses to.
func (e *Env) dropAttributeUses(ctx context.Context, n ddl.Name, cmd *parse.AlterTableCmd) error {
	snap := e.DDL.Overlay()
	oid, _ := snap.LookupType(e.SearchPath, n.Schema, n.Name)
	what := "column " + cmd.Name + " of composite type " + snap.FormatType(e.SearchPath, types.T(oid))
	type use struct{ domain, check string }
	var uses []use
	err := e.eachCheckOver(n, func(t *catalog.Type, c *catalog.DomainCheck, node expr.Node) error {
		expr.Walk(node, func(k expr.Node) bool {
			if f, ok := k.(*expr.Field); ok && f.Name == cmd.Name && f.Arg.ResultType().Oid == oid {
				uses = append(uses, use{t.Name, c.Name})
				return false
			}
			return true
		})
		return nil
	})
	if err != nil || len(uses) == 0 {
		return err
	}
	var lines []string
	for _, u := range uses {
		if cmd.Behavior == parse.DropCascade {
			lines = append(lines, "drop cascades to constraint "+u.check)
			continue
		}
		lines = append(lines, "constraint "+u.check+" depends on "+what)
	}
	if cmd.Behavior != parse.DropCascade {
		return pgerr.New(pgerr.DependentObjectsStillExist, "cannot drop %s because other objects depend on it", what).
			WithDetail("%s", strings.Join(lines, "\n")).WithHint("Use DROP ... CASCADE to drop the dependent objects too.")
	}
	for _, u := range uses {
		if err := e.DDL.DropDomainConstraint(ctx, ddl.Name{Name: u.domain}, u.check, true); err != nil {
			return err
		}
	}
	if len(lines) == 1 {
		e.notice(pgerr.Notice("%s", lines[0]))
	} else {
		e.notice(pgerr.Notice("drop cascades to %d other objects", len(lines)).WithDetail("%s", strings.Join(lines, "\n")))
	}
	return nil
}
