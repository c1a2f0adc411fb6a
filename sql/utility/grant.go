package utility

import (
	"context"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// grantKinds are the object types of GRANT with the noun of "invalid privilege type". Those without objects of their own
// here are refused: their built-in objects keep their default privileges.
var grantKinds = map[parse.ObjectType]struct {
	kind catalog.ACLKind
	noun string
}{
	parse.ObjectTable: {catalog.ACLRelation, "relation"}, parse.ObjectSequence: {catalog.ACLSequence, "sequence"},
	parse.ObjectSchema: {catalog.ACLSchema, "schema"}, parse.ObjectDatabase: {catalog.ACLDatabase, "database"},
	parse.ObjectFunction: {catalog.ACLFunction, "function"}, parse.ObjectProcedure: {catalog.ACLFunction, "procedure"},
	parse.ObjectRoutine: {catalog.ACLFunction, "routine"}, parse.ObjectTypeType: {catalog.ACLType, "type"},
	parse.ObjectDomain: {catalog.ACLType, "type"}, parse.ObjectLanguage: {catalog.ACLLanguage, "language"},
}

// privilegeBit is string_to_privilege: the privilege that a word of GRANT names.
func privilegeBit(word string) (catalog.Privilege, error) {
	switch word {
	case "rule": // had its time
		return 0, nil
	case "temp":
		return catalog.PrivTemporary, nil
	}
	for _, p := range catalog.PrivilegeNames {
		if strings.ToLower(p.Name) == word {
			return p.Bit, nil
		}
	}
	return 0, pgerr.New(pgerr.SyntaxError, "unrecognized privilege type %q", word)
}

// grantees resolves whom a GRANT names; 0 is PUBLIC.
func (e *Env) grantees(list []*parse.RoleSpec) ([]catalog.Oid, error) {
	var out []catalog.Oid
	for _, r := range list {
		if r.Type == parse.RoleSpecPublic {
			out = append(out, 0)
			continue
		}
		role := e.DDL.Overlay().RoleByName(e.roleName(r))
		if role == nil {
			return nil, pgerr.New(pgerr.UndefinedObject, "role %q does not exist", e.roleName(r))
		}
		out = append(out, role.OID)
	}
	return out, nil
}

// grant is GRANT and REVOKE on objects.
func (e *Env) grant(ctx context.Context, s *parse.GrantStmt) error {
	if s.Grantor != nil {
		name := e.roleName(s.Grantor)
		if e.DDL.Overlay().RoleByName(name) == nil {
			return pgerr.New(pgerr.UndefinedObject, "role %q does not exist", name)
		}
		if name != e.User {
			return pgerr.New(pgerr.FeatureNotSupported, "grantor must be current user")
		}
	}
	k, ok := grantKinds[s.ObjType]
	switch {
	case !ok || k.kind == catalog.ACLLanguage:
		return pgerr.NotSupported("GRANT on " + s.ObjType.String())
	case k.kind == catalog.ACLType:
		return pgerr.NotSupported("GRANT on " + s.ObjType.String())
	}
	g := ddl.GrantSpec{Grant: s.IsGrant, GrantOption: s.GrantOption, Behavior: behavior(s.Behavior), Kind: k.kind}
	var err error
	if g.Objects, err = e.grantObjects(s, k.kind); err != nil {
		return err
	}
	if g.Grantees, err = e.grantees(s.Grantees); err != nil {
		return err
	}
	if err := grantPrivileges(s, &g, k.noun); err != nil {
		return err
	}
	return e.DDL.Grant(ctx, &g)
}

// grantPrivileges reads the privileges of a GRANT.
func grantPrivileges(s *parse.GrantStmt, g *ddl.GrantSpec, noun string) error {
	g.All = s.Privileges == nil
	valid := g.Kind.All()
	if g.Kind == catalog.ACLRelation { // TABLE may be a sequence
		valid |= catalog.ACLSequence.All()
	}
	for _, p := range s.Privileges {
		if p.Columns != nil {
			if s.ObjType != parse.ObjectTable {
				return pgerr.New(pgerr.InvalidGrantOperation, "column privileges are only valid for relations")
			}
			c := ddl.ColumnPrivileges{Columns: p.Columns}
			if p.Name != "" {
				var err error
				if c.Privileges, err = privilegeBit(p.Name); err != nil {
					return err
				}
			}
			g.Columns = append(g.Columns, c)
			continue
		}
		bit, err := validPrivilege(p.Name, valid, noun)
		if err != nil {
			return err
		}
		g.Privileges |= bit
	}
	return nil
}

func validPrivilege(word string, valid catalog.Privilege, noun string) (catalog.Privilege, error) {
	bit, err := privilegeBit(word)
	if err == nil && bit&^valid != 0 {
		name := strings.ToUpper(word)
		if bit == catalog.PrivTemporary {
			name = "TEMP"
		}
		err = pgerr.New(pgerr.InvalidGrantOperation, "invalid privilege type %s for %s", name, noun)
	}
	return bit, err
}

// grantObjects resolves the objects of GRANT, those of ALL … IN SCHEMA included.
func (e *Env) grantObjects(s *parse.GrantStmt, kind catalog.ACLKind) ([]catalog.Oid, error) {
	if s.TargetType == parse.GrantAllInSchema {
		return e.grantAll(s, kind)
	}
	over := e.DDL.Overlay()
	var out []catalog.Oid
	for _, r := range s.Relations {
		rel, err := e.DDL.Find(ddl.Name{Schema: r.Schema, Name: r.Name})
		if err != nil && e.Virtual != nil && !pgerr.HasCode(err, pgerr.InsufficientPrivilege) {
			schema := r.Schema
			if schema == "" {
				schema = catalog.PgCatalogName
			}
			if e.Virtual.Lookup(schema, r.Name) != nil {
				return nil, pgerr.NotSupported("GRANT on a system relation")
			}
		}
		if err != nil {
			return nil, err
		}
		out = append(out, rel.OID())
	}
	for _, o := range s.Objects {
		name := o.Name.Last()
		switch kind {
		case catalog.ACLFunction:
			f, err := e.routine(s.ObjType, o, false)
			if err != nil {
				return nil, err
			}
			out = append(out, f.OID)
		case catalog.ACLSchema:
			sc := over.SchemaByName(name)
			if sc == nil {
				return nil, pgerr.New(pgerr.InvalidSchemaName, "schema %q does not exist", name)
			}
			out = append(out, sc.OID)
		case catalog.ACLDatabase:
			d := over.DatabaseByName(name)
			if d == nil {
				return nil, pgerr.New(pgerr.UndefinedDatabase, "database %q does not exist", name)
			}
			out = append(out, d.OID)
		}
	}
	return out, nil
}

// grantAll lists the objects of ALL … IN SCHEMA: tables before views.
func (e *Env) grantAll(s *parse.GrantStmt, kind catalog.ACLKind) ([]catalog.Oid, error) {
	over := e.DDL.Overlay()
	var out, views, matViews []catalog.Oid
	for _, o := range s.Objects {
		sc := over.SchemaByName(o.Name.Last())
		if sc == nil {
			return nil, pgerr.New(pgerr.InvalidSchemaName, "schema %q does not exist", o.Name.Last())
		}
		if user := over.RoleByName(e.User); user != nil {
			if err := over.CheckSchemaUsage(sc.Name, user.OID); err != nil {
				return nil, err
			}
		}
		if kind == catalog.ACLFunction {
			out = append(out, functionsIn(over, sc.OID, s.ObjType)...)
			continue
		}
		over.RelationsIn(sc.OID, func(r catalog.Relation) bool {
			switch {
			case kind == catalog.ACLSequence && r.Kind == catalog.KindSequence, kind == catalog.ACLRelation && r.Kind == catalog.KindTable:
				out = append(out, r.OID())
			case kind == catalog.ACLRelation && r.Kind == catalog.KindView:
				views = append(views, r.OID())
			case kind == catalog.ACLRelation && r.Kind == catalog.KindMatView:
				matViews = append(matViews, r.OID())
			}
			return true
		})
	}
	return slices.Concat(out, views, matViews), nil
}

// alterDefaultPrivileges is ALTER DEFAULT PRIVILEGES.
func (e *Env) alterDefaultPrivileges(ctx context.Context, s *parse.AlterDefaultPrivilegesStmt) error {
	a := s.Action
	d := ddl.DefaultsSpec{Grant: a.IsGrant, GrantOption: a.GrantOption, Behavior: behavior(a.Behavior), All: a.Privileges == nil}
	seen := map[string]bool{}
	for _, o := range s.Options {
		if seen[o.Name] {
			return pgerr.New(pgerr.SyntaxError, "conflicting or redundant options").WithPosition(e.pos(o.Loc()))
		}
		seen[o.Name] = true
		switch list := o.Arg.(type) {
		case parse.NameListArg:
			d.Schemas = list
		case parse.RoleListArg:
			for _, r := range list {
				d.Roles = append(d.Roles, e.roleName(r))
			}
		}
	}
	var err error
	if d.Grantees, err = e.grantees(a.Grantees); err != nil {
		return err
	}
	k, ok := grantKinds[a.ObjType]
	if !ok || k.kind == catalog.ACLDatabase || k.kind == catalog.ACLLanguage {
		return pgerr.Internal("unrecognized GrantStmt.objtype: %s", a.ObjType.String())
	}
	d.Kind = k.kind
	for _, p := range a.Privileges {
		if p.Columns != nil {
			return pgerr.New(pgerr.InvalidGrantOperation, "default privileges cannot be set for columns")
		}
		bit, err := validPrivilege(p.Name, k.kind.All(), k.noun)
		if err != nil {
			return err
		}
		d.Privileges |= bit
	}
	return e.DDL.AlterDefaultPrivileges(ctx, &d)
}

// functionsIn lists the functions of a schema, of a kind.
func functionsIn(over *catalog.Snapshot, schema catalog.Oid, kind parse.ObjectType) (out []catalog.Oid) {
	over.Functions(func(f *catalog.Function) bool {
		if f.SchemaID == schema && (kind == parse.ObjectRoutine || (kind == parse.ObjectProcedure) == (f.Kind == catalog.Procedure)) {
			out = append(out, f.OID)
		}
		return true
	})
	return out
}
