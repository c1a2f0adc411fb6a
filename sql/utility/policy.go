package utility

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

var policyCommands = map[string]catalog.PolicyCommand{
	"all": catalog.PolicyAll, "select": catalog.PolicySelect, "insert": catalog.PolicyInsert, "update": catalog.PolicyUpdate,
	"delete": catalog.PolicyDelete,
}

func (e *Env) createPolicy(ctx context.Context, s *parse.CreatePolicyStmt) error {
	p := catalog.Policy{Name: s.Name, Command: policyCommands[s.CmdName], Permissive: s.Permissive}
	switch {
	case (p.Command == catalog.PolicySelect || p.Command == catalog.PolicyDelete) && s.WithCheck != nil:
		return pgerr.New(pgerr.SyntaxError, "WITH CHECK cannot be applied to SELECT or DELETE")
	case p.Command == catalog.PolicyInsert && s.Qual != nil:
		return pgerr.New(pgerr.SyntaxError, "only WITH CHECK expression allowed for INSERT")
	}
	var err error
	if p.Roles, err = e.policyRoles(s.Roles); err != nil {
		return err
	}
	t, err := e.DDL.PolicyTable(ctx, policyTable(s.Table))
	if err != nil {
		return err
	}
	if p.Using, err = e.policyExpr(t, s.Qual, s.QualText); err != nil {
		return err
	}
	if p.Check, err = e.policyExpr(t, s.WithCheck, s.CheckText); err != nil {
		return err
	}
	return e.DDL.CreatePolicy(ctx, t, p)
}

func (e *Env) alterPolicy(ctx context.Context, s *parse.AlterPolicyStmt) error {
	var roles []catalog.Oid
	var err error
	if s.Roles != nil {
		if roles, err = e.policyRoles(s.Roles); err != nil {
			return err
		}
	}
	t, err := e.DDL.PolicyTable(ctx, policyTable(s.Table))
	if err != nil {
		return err
	}
	using, err := e.policyExpr(t, s.Qual, s.QualText)
	if err != nil {
		return err
	}
	check, err := e.policyExpr(t, s.WithCheck, s.CheckText)
	if err != nil {
		return err
	}
	return e.DDL.AlterPolicy(ctx, t, s.Name, roles, using, check)
}

// policyTable is the name of a policy's table; PostgreSQL tells no position of it.
func policyTable(r *parse.RangeVar) ddl.Name { return ddl.Name{Schema: r.Schema, Name: r.Name} }

// policyRoles are those that a policy is for (policy_role_list_to_array): with PUBLIC among them nobody else is needed.
func (e *Env) policyRoles(list []*parse.RoleSpec) ([]catalog.Oid, error) {
	if len(list) == 0 {
		return []catalog.Oid{0}, nil
	}
	var out []catalog.Oid
	for _, r := range list {
		if r.Type == parse.RoleSpecPublic {
			if len(list) > 1 {
				e.notice(pgerr.NewWarning(pgerr.InvalidParameterValue, "ignoring specified roles other than PUBLIC").
					WithHint("All roles are members of the PUBLIC role."))
			}
			return []catalog.Oid{0}, nil
		}
		role := e.DDL.Overlay().RoleByName(e.roleName(r))
		if role == nil {
			return nil, pgerr.New(pgerr.UndefinedObject, "role %q does not exist", e.roleName(r))
		}
		out = append(out, role.OID)
	}
	return out, nil
}

// policyExpr makes the stored form of a policy's condition, nil for none.
func (e *Env) policyExpr(t *catalog.Table, x parse.Expr, text string) (*catalog.PolicyExpr, error) {
	if x == nil {
		return nil, nil
	}
	if err := sema.CheckPolicyExpr(x, t, e.sema()); err != nil {
		return nil, err
	}
	over := e.DDL.Overlay()
	text = "SELECT " + text + "\nFROM ONLY " + catalog.QualifiedName(over.SchemaName(t.SchemaID), t.Name)
	stmt, err := parse.ParseOne(text)
	if err != nil {
		return nil, err
	}
	out := &catalog.PolicyExpr{}
	out.Query, out.Deps, err = e.boundText(stmt, text, func(env *sema.Env) (*boundUse, error) {
		env.NoParams = true
		a, err := sema.Analyze(stmt, env)
		if err != nil {
			return nil, err
		}
		q := a.Query
		return &boundUse{refs: sema.References(q), keys: a.Keys, walk: func(f func(expr.Node)) { sema.WalkWritten(q, f) }}, nil
	})
	return out, err
}

func (e *Env) dropPolicies(ctx context.Context, s *parse.DropStmt) error {
	for _, o := range s.Objects {
		n := len(o.Name) - 1
		if n < 1 {
			return pgerr.New(pgerr.SyntaxError, "must specify relation and object name")
		}
		if err := e.DDL.DropPolicy(ctx, objectName(o.Name[:n]), o.Name[n], s.MissingOk, behavior(s.Behavior)); err != nil {
			return err
		}
	}
	return nil
}
