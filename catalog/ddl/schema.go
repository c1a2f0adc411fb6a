package ddl

import (
	"context"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// CreateSchema is CREATE SCHEMA; owner 0 is the current role.
func (x *Tx) CreateSchema(ctx context.Context, name string, owner catalog.Oid, ifNotExists bool) error {
	x.refresh()
	if owner == 0 {
		owner = x.user()
	}
	if err := x.mustCreateInDatabase(x.user()); err != nil {
		return err
	}
	if r := x.s.over.Role(owner); r != nil {
		if err := x.mustBeMember(r); err != nil {
			return err
		}
	}
	if err := reservedSchema(name); err != nil {
		return err
	}
	if x.s.over.SchemaByName(name) != nil {
		err := pgerr.New(pgerr.DuplicateSchema, "schema %q already exists", name)
		if ifNotExists {
			n := pgerr.Notice("schema %q already exists, skipping", name)
			n.Code = err.Code
			x.notice(n)
			return nil
		}
		return err
	}
	if err := x.shareRole(ctx, owner); err != nil {
		return err
	}
	acl, err := x.s.over.DefaultACLFor(catalog.ACLSchema, owner, 0)
	if err != nil {
		return err
	}
	oid, err := x.newOID(ctx)
	if err != nil {
		return err
	}
	return x.put(ctx, &catalog.Schema{OID: oid, Name: name, Owner: owner, ACL: acl})
}

func reservedSchema(name string) error {
	if strings.HasPrefix(name, "pg_") {
		return pgerr.New(pgerr.ReservedName, "unacceptable schema name %q", name).
			WithDetail("The prefix \"pg_\" is reserved for system schemas.")
	}
	return nil
}

// lockSchema resolves a schema by name and locks its descriptor.
func (x *Tx) lockSchema(ctx context.Context, name string) (*catalog.Schema, error) {
	x.refresh()
	s := x.s.over.SchemaByName(name)
	if s == nil {
		return nil, errNoSchema(name)
	}
	if err := x.lockObjects(ctx, s.ObjectID()); err != nil {
		return nil, err
	}
	if s = x.s.over.SchemaByName(name); s == nil {
		return nil, errNoSchema(name)
	}
	return s, nil
}

// RenameSchema is ALTER SCHEMA … RENAME TO.
func (x *Tx) RenameSchema(ctx context.Context, name, to string) error {
	s, err := x.lockSchema(ctx, name)
	if err != nil {
		return err
	}
	if x.s.over.SchemaByName(to) != nil {
		return pgerr.New(pgerr.DuplicateSchema, "schema %q already exists", to)
	}
	if err := x.mustOwnSchema(s); err != nil {
		return err
	}
	if err := x.mustCreateInDatabase(x.user()); err != nil {
		return err
	}
	if err := reservedSchema(to); err != nil {
		return err
	}
	c := *s
	c.Name = to
	return x.put(ctx, &c)
}

// SetSchemaOwner is ALTER SCHEMA … OWNER TO.
func (x *Tx) SetSchemaOwner(ctx context.Context, name, owner string) error {
	s, err := x.lockSchema(ctx, name)
	if err != nil {
		return err
	}
	r := x.s.over.RoleByName(owner)
	if r == nil {
		return errNoRole(owner)
	}
	return x.setSchemaOwner(ctx, s.OID, r.OID)
}
