package utility

import (
	"context"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
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
	for _, m := range spec.Members { // ALTER GROUP … ADD|DROP USER
		if err := e.DDL.SetMembership(ctx, spec.Name, m, !s.Drop); err != nil {
			return err
		}
	}
	return e.DDL.AlterRole(ctx, spec)
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
		n, err := int64Arg(o)
		if err != nil {
			return err
		}
		if *n < -1 {
			return pgerr.New(pgerr.InvalidParameterValue, "invalid connection limit: %d", *n)
		}
		limit := int32(*n)
		s.ConnLimit = &limit
	case "validUntil":
		until := argText(o.Arg)
		s.ValidUntil = &until
	case "addroleto", "rolemembers", "adminmembers":
		list, _ := o.Arg.(parse.RoleListArg)
		for _, r := range list {
			if o.Name == "addroleto" {
				s.MemberOf = append(s.MemberOf, e.roleName(r))
			} else {
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

func (e *Env) grantRole(ctx context.Context, s *parse.GrantRoleStmt) error {
	if len(s.Options) > 0 {
		return pgerr.NotSupported("WITH ADMIN OPTION")
	}
	for _, g := range s.Granted {
		for _, m := range s.Grantees {
			if err := e.DDL.SetMembership(ctx, g.Name, e.roleName(m), s.IsGrant); err != nil {
				return err
			}
		}
	}
	return nil
}

// privileges are the words of GRANT with what they may be granted on: t tables, s sequences, n schemas.
var privileges = map[string]struct {
	bit catalog.Privilege
	on  string
}{
	"insert": {catalog.PrivInsert, "t"}, "select": {catalog.PrivSelect, "ts"}, "update": {catalog.PrivUpdate, "ts"},
	"delete": {catalog.PrivDelete, "t"}, "truncate": {catalog.PrivTruncate, "t"}, "references": {catalog.PrivReferences, "t"},
	"trigger": {catalog.PrivTrigger, "t"}, "usage": {catalog.PrivUsage, "sn"}, "create": {catalog.PrivCreate, "n"},
}

func (e *Env) grant(ctx context.Context, s *parse.GrantStmt) error {
	letter := map[parse.ObjectType]string{parse.ObjectTable: "t", parse.ObjectSequence: "s", parse.ObjectSchema: "n"}[s.ObjType]
	if letter == "" {
		return pgerr.NotSupported("GRANT on " + s.ObjType.String())
	}
	g := ddl.GrantSpec{Grant: s.IsGrant, GrantOption: s.GrantOption}
	var err error
	if g.Privileges, err = privilegeSet(s, letter); err != nil {
		return err
	}
	for _, r := range s.Grantees {
		if r.Type == parse.RoleSpecPublic {
			g.Grantees = append(g.Grantees, 0)
			continue
		}
		role := e.DDL.Overlay().RoleByName(e.roleName(r))
		if role == nil {
			return pgerr.New(pgerr.UndefinedObject, "role %q does not exist", e.roleName(r))
		}
		g.Grantees = append(g.Grantees, role.OID)
	}
	targets, err := e.grantTargets(s)
	if err != nil {
		return err
	}
	for _, t := range targets {
		g.Kind, g.Relation, g.Schema = t.Kind, t.Relation, t.Schema
		if err := e.DDL.Grant(ctx, &g); err != nil {
			return err
		}
	}
	return nil
}

func privilegeSet(s *parse.GrantStmt, letter string) (set catalog.Privilege, err error) {
	if s.Privileges == nil {
		for _, p := range privileges {
			if strings.Contains(p.on, letter) {
				set |= p.bit
			}
		}
		return set, nil
	}
	for _, p := range s.Privileges {
		if p.Columns != nil {
			return 0, pgerr.NotSupported("a privilege on columns")
		}
		w, ok := privileges[p.Name]
		if !ok {
			return 0, pgerr.New(pgerr.SyntaxError, "unrecognized privilege type %q", p.Name)
		}
		// GRANT … ON TABLE takes a sequence's privileges too, as PostgreSQL does for compatibility.
		if !strings.Contains(w.on, letter) && !(letter == "t" && strings.Contains(w.on, "s")) {
			noun := map[string]string{"t": "relation", "s": "sequence", "n": "schema"}[letter]
			return 0, pgerr.New(pgerr.InvalidGrantOperation, "invalid privilege type %s for %s", strings.ToUpper(p.Name), noun)
		}
		set |= w.bit
	}
	return set, nil
}

// grantTargets lists the objects of GRANT, those of ALL … IN SCHEMA included.
func (e *Env) grantTargets(s *parse.GrantStmt) ([]ddl.GrantSpec, error) {
	var out []ddl.GrantSpec
	over := e.DDL.Overlay()
	if s.TargetType == parse.GrantAllInSchema {
		for _, o := range s.Objects {
			sc := over.SchemaByName(o.Name.Last())
			if sc == nil {
				return nil, pgerr.New(pgerr.InvalidSchemaName, "schema %q does not exist", o.Name.Last())
			}
			over.RelationsIn(sc.OID, func(r catalog.Relation) bool {
				wanted := r.Kind == catalog.KindTable || r.Kind == catalog.KindView
				if s.ObjType == parse.ObjectSequence {
					wanted = r.Kind == catalog.KindSequence
				}
				if wanted {
					out = append(out, ddl.GrantSpec{Kind: catalog.PartTable, Relation: ddl.Name{Schema: sc.Name, Name: r.Name()}})
				}
				return true
			})
		}
		return out, nil
	}
	for _, r := range s.Relations {
		out = append(out, ddl.GrantSpec{Kind: catalog.PartTable, Relation: ddl.Name{Schema: r.Schema, Name: r.Name}})
	}
	for _, o := range s.Objects {
		out = append(out, ddl.GrantSpec{Kind: catalog.PartSchema, Schema: o.Name.Last()})
	}
	return out, nil
}
