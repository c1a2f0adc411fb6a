package utility

import (
	"context"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

func (e *Env) createRole(ctx context.Context, s *parse.CreateRoleStmt) error {
	spec, err := e.roleSpec(s.Role, s.Options)
	if err != nil {
		return err
	}
	if s.Type == parse.RoleStmtUser && spec.Login == nil {
		on := true
		spec.Login = &on
	}
	return e.DDL.CreateRole(ctx, spec)
}

func (e *Env) alterRole(ctx context.Context, s *parse.AlterRoleStmt) error {
	spec, err := e.roleSpec(e.roleName(s.Role), s.Options)
	if err != nil {
		return err
	}
	return e.DDL.AlterRole(ctx, spec, s.Drop)
}

func (e *Env) roleSpec(name string, opts []*parse.DefElem) (*ddl.RoleSpec, error) {
	s := &ddl.RoleSpec{Name: name}
	seen := map[string]bool{}
	for _, o := range opts {
		if seen[o.Name] {
			return nil, pgerr.New(pgerr.SyntaxError, "conflicting or redundant options").WithPosition(e.pos(o.Loc()))
		}
		seen[o.Name] = true
		if err := e.roleOption(s, o); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (e *Env) roleOption(s *ddl.RoleSpec, o *parse.DefElem) error {
	flag := map[string]**bool{
		"superuser": &s.Superuser, "inherit": &s.Inherit, "createrole": &s.CreateRole, "createdb": &s.CreateDB,
		"canlogin": &s.Login, "isreplication": &s.Replication, "bypassrls": &s.BypassRLS,
	}[o.Name]
	if flag != nil {
		k, _ := o.Arg.(*parse.Const)
		on := k != nil && (k.Bval || k.Kind == parse.ConstInteger && k.Ival != 0)
		*flag = &on
		return nil
	}
	switch o.Name {
	case "password":
		clear := argText(o.Arg) // PASSWORD NULL has no argument
		if clear == "" {
			s.Password = &clear
			return nil
		}
		if e.HashPassword == nil {
			return pgerr.NotSupported("PASSWORD")
		}
		verifier, err := e.HashPassword(s.Name, clear)
		s.Password = &verifier
		return err
	case "connectionlimit":
		limit, err := connLimit(o)
		if err != nil {
			return err
		}
		s.ConnLimit = &limit
	case "validUntil":
		at, err := types.ParseText(types.T(types.TimestamptzOid), argText(o.Arg), e.IOEnv)
		if err != nil {
			return err
		}
		until := types.Text(types.TimestamptzOid, at, types.DefaultIOEnv)
		s.ValidUntil = &until
	case "addroleto", "rolemembers", "adminmembers":
		list, _ := o.Arg.(parse.RoleListArg)
		for _, r := range list {
			switch o.Name {
			case "addroleto":
				s.MemberOf = append(s.MemberOf, e.roleName(r))
			case "adminmembers":
				s.Admins = append(s.Admins, e.roleName(r))
			default:
				s.Members = append(s.Members, e.roleName(r))
			}
		}
	case "sysid":
		e.notice(pgerr.Notice("SYSID can no longer be specified"))
	default:
		return pgerr.NotSupported("role option " + o.Name)
	}
	return nil
}

func (e *Env) dropRoles(ctx context.Context, s *parse.DropRoleStmt) error {
	names := make([]string, len(s.Roles))
	for i, r := range s.Roles {
		if r.Type != parse.RoleSpecCString {
			return pgerr.New(pgerr.InvalidParameterValue, "cannot use special role specifier in DROP ROLE")
		}
		names[i] = r.Name
	}
	return e.DDL.DropRoles(ctx, names, s.MissingOk)
}

// roleNames resolves role specifications; those that name no role are refused.
func (e *Env) roleNames(list []*parse.RoleSpec) ([]string, error) {
	names := make([]string, len(list))
	for i, r := range list {
		names[i] = e.roleName(r)
		if e.DDL.Overlay().RoleByName(names[i]) == nil {
			return nil, pgerr.New(pgerr.UndefinedObject, "role %q does not exist", names[i])
		}
	}
	return names, nil
}

// grantRole is GRANT and REVOKE of roles.
func (e *Env) grantRole(ctx context.Context, s *parse.GrantRoleStmt) error {
	admin := false
	for _, o := range s.Options {
		k, _ := o.Arg.(*parse.Const)
		if o.Name != "admin" || s.IsGrant && (k == nil || !k.Bval) {
			return pgerr.New(pgerr.SyntaxError, "syntax error at or near %q", strings.ToUpper(o.Name)).WithPosition(e.pos(o.Loc()))
		}
		admin = true
	}
	over := e.DDL.Overlay()
	grantor := over.RoleByName(e.User)
	if s.Grantor != nil {
		if grantor = over.RoleByName(e.roleName(s.Grantor)); grantor == nil {
			return pgerr.New(pgerr.UndefinedObject, "role %q does not exist", e.roleName(s.Grantor))
		}
	}
	members, err := e.roleNames(s.Grantees)
	if err != nil {
		return err
	}
	for _, g := range s.Granted {
		switch {
		case g.Name == "" || g.Columns != nil:
			return pgerr.New(pgerr.InvalidGrantOperation, "column names cannot be included in GRANT/REVOKE ROLE")
		case s.IsGrant:
			err = e.DDL.AddMembers(ctx, g.Name, members, grantor.OID, admin)
		default:
			err = e.DDL.DropMembers(ctx, g.Name, members, admin)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *Env) dropOwned(ctx context.Context, s *parse.DropOwnedStmt) error {
	names, err := e.roleNames(s.Roles)
	if err != nil {
		return err
	}
	return e.DDL.DropOwned(ctx, names, behavior(s.Behavior))
}

func (e *Env) reassignOwned(ctx context.Context, s *parse.ReassignOwnedStmt) error {
	names, err := e.roleNames(s.Roles)
	if err != nil {
		return err
	}
	return e.DDL.ReassignOwned(ctx, names, e.roleName(s.NewRole))
}

// connLimit reads CONNECTION LIMIT of a role or a database; -1: none.
func connLimit(o *parse.DefElem) (int32, error) {
	n, err := int64Arg(o)
	if err != nil {
		return 0, err
	}
	if *n < -1 {
		return 0, pgerr.New(pgerr.InvalidParameterValue, "invalid connection limit: %d", *n)
	}
	return int32(*n), nil
}
