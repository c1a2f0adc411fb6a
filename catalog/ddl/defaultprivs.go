package ddl

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// DefaultsSpec is ALTER DEFAULT PRIVILEGES.
type DefaultsSpec struct {
	// Roles are those whose new objects are meant; nil: the current role. Schemas nil: objects of all schemas.
	Roles, Schemas []string

	Grant, GrantOption bool
	Behavior           Behavior
	Kind               catalog.ACLKind // ACLRelation, ACLSequence, ACLFunction, ACLType or ACLSchema
	All                bool
	Privileges         catalog.Privilege
	Grantees           []catalog.Oid // 0 is PUBLIC
}

// AlterDefaultPrivileges is ALTER DEFAULT PRIVILEGES.
func (x *Tx) AlterDefaultPrivileges(ctx context.Context, s *DefaultsSpec) error {
	x.refresh()
	if s.Roles == nil {
		return x.defaultsInSchemas(ctx, x.user(), s)
	}
	for _, name := range s.Roles {
		r := x.s.over.RoleByName(name)
		if r == nil {
			return errNoRole(name)
		}
		if err := x.mustBeMember(r); err != nil {
			return err
		}
		if err := x.defaultsInSchemas(ctx, r.OID, s); err != nil {
			return err
		}
	}
	return nil
}

func (x *Tx) defaultsInSchemas(ctx context.Context, role catalog.Oid, s *DefaultsSpec) error {
	if s.Schemas == nil {
		return x.changeDefaults(ctx, role, 0, s)
	}
	for _, name := range s.Schemas {
		sc := x.s.over.SchemaByName(name)
		if sc == nil {
			return errNoSchema(name)
		}
		if s.Kind == catalog.ACLSchema {
			return pgerr.New(pgerr.InvalidGrantOperation, "cannot use IN SCHEMA clause when using GRANT/REVOKE ON SCHEMAS")
		}
		if err := x.changeDefaults(ctx, role, sc.OID, s); err != nil {
			return err
		}
	}
	return nil
}

// changeDefaults is SetDefaultACL.
func (x *Tx) changeDefaults(ctx context.Context, role, schema catalog.Oid, s *DefaultsSpec) error {
	if err := x.shareRoles(ctx, s.Grant, append([]catalog.Oid{role}, s.Grantees...)); err != nil {
		return err
	}
	if schema != 0 {
		if err := x.shareObject(ctx, x.id(catalog.ClassSchema, schema)); err != nil {
			return err
		}
	}
	base := []catalog.ACLItem{}
	if schema == 0 {
		base = s.Kind.Default(role)
	}
	var old *catalog.DefaultPrivileges
	x.s.over.DefaultPrivileges(func(d *catalog.DefaultPrivileges) bool {
		if d.Role == role && d.Schema == schema && d.Kind == s.Kind {
			old = d
		}
		return old == nil
	})
	next := catalog.DefaultPrivileges{Role: role, Schema: schema, Kind: s.Kind, ACL: base}
	if old != nil {
		if err := x.lockObjects(ctx, old.ObjectID()); err != nil {
			return err
		}
		if o, ok := x.s.over.Get(old.ObjectID()).(*catalog.DefaultPrivileges); ok {
			next = *o
		}
	}
	privileges := s.Privileges
	if s.All {
		privileges = s.Kind.All()
	}
	var err error
	next.ACL, err = x.s.over.Apply(next.ACL, role, &catalog.ACLChange{Grant: s.Grant, GrantOption: s.GrantOption,
		Cascade: s.Behavior == Cascade, Grantor: role, Grantees: s.Grantees, Privileges: privileges})
	if err != nil {
		return err
	}
	catalog.SortACL(next.ACL)
	if catalog.EqualACLs(next.ACL, base) {
		if old == nil {
			return nil
		}
		return x.remove(ctx, old)
	}
	if next.OID == 0 {
		if next.OID, err = x.newOID(ctx); err != nil {
			return err
		}
	}
	return x.put(ctx, &next)
}

// defaultACL is the ACL of an object that the current role creates.
func (x *Tx) defaultACL(kind catalog.ACLKind, schema catalog.Oid) ([]catalog.ACLItem, error) {
	return x.s.over.DefaultACLFor(kind, x.user(), schema)
}
