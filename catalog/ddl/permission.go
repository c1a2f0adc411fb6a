package ddl

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// owns reports whether the current role has an owner's rights.
func (x *Tx) owns(owner catalog.Oid) bool { return x.s.over.HasPrivilegesOf(x.user(), owner) }

// mustOwn refuses what only a relation's owner may do.
func (x *Tx) mustOwn(rel catalog.Relation) error {
	if x.owns(rel.Owner()) {
		return nil
	}
	return catalog.NotOwnerError(rel.Noun(), rel.Name())
}

// MustOwn refuses what only the owner of a named relation may do. A relation that is not there is left to whoever looks for
// it next.
func (x *Tx) MustOwn(n Name) error {
	rel, err := x.find(n)
	if err != nil {
		if pgerr.HasCode(err, pgerr.InsufficientPrivilege) {
			return err
		}
		return nil
	}
	return x.mustOwn(rel)
}

// mayGive checks that the current role may give a relation to another, which must be able to make it in its schema.
func (x *Tx) mayGive(rel catalog.Relation, to *catalog.Role) error {
	if rel.Owner() == to.OID || x.superuser() {
		return nil
	}
	if err := x.mustOwn(rel); err != nil {
		return err
	}
	if err := x.mustBeMember(to); err != nil {
		return err
	}
	return x.mustCreateIn(x.s.over.Schema(rel.SchemaID()), to.OID)
}

func (x *Tx) mustOwnSchema(s *catalog.Schema) error {
	if x.owns(s.Owner) {
		return nil
	}
	return catalog.NotOwnerError("schema", s.Name)
}

// mustCreateIn refuses new objects in a schema without CREATE on it; role is the one that will own them.
func (x *Tx) mustCreateIn(s *catalog.Schema, role catalog.Oid) error {
	if x.cfg.Temp.IsTempSchema(s.OID) {
		if !x.mayMakeTemp(role) {
			return catalog.DeniedError("schema", s.Name)
		}
		return nil
	}
	if p, _ := x.s.over.SchemaPrivileges(s, role); p&catalog.PrivCreate == 0 {
		return catalog.DeniedError("schema", s.Name)
	}
	return nil
}

// mustCreateInDatabase refuses new schemas without CREATE on the database.
func (x *Tx) mustCreateInDatabase(role catalog.Oid) error {
	d := x.s.over.CurrentDatabase()
	if d == nil {
		return nil
	}
	if p, _ := x.s.over.DatabasePrivileges(d, role); p&catalog.PrivCreate == 0 {
		return catalog.DeniedError("database", d.Name)
	}
	return nil
}

// mustBeMember refuses what is done in the name of a role that the current one could not take on.
func (x *Tx) mustBeMember(r *catalog.Role) error {
	if x.s.over.IsMember(x.user(), r.OID) {
		return nil
	}
	return denied("must be member of role \"%s\"", r.Name)
}

// mustReference refuses a foreign key to columns on which the current role has no REFERENCES.
func (x *Tx) mustReference(parent *catalog.Table, cols []catalog.AttNum) error {
	rel := catalog.Relation{Kind: catalog.KindTable, Table: parent}
	if p, _ := x.s.over.RelationPrivileges(rel, x.user()); p&catalog.PrivReferences != 0 {
		return nil
	}
	for _, n := range cols {
		if p, _ := x.s.over.ColumnPrivileges(rel, n, x.user()); p&catalog.PrivReferences == 0 {
			return catalog.DeniedError("table", parent.Name)
		}
	}
	return nil
}

// setSchemaOwner gives a schema a new owner.
func (x *Tx) setSchemaOwner(ctx context.Context, oid, to catalog.Oid) error {
	if err := x.lockObjects(ctx, x.id(catalog.ClassSchema, oid)); err != nil {
		return err
	}
	s := x.s.over.Schema(oid)
	if s == nil {
		return pgerr.New(pgerr.InvalidSchemaName, "schema with OID %d does not exist", oid)
	}
	if s.Owner == to {
		return nil
	}
	if err := x.mustOwnSchema(s); err != nil {
		return err
	}
	if r := x.s.over.Role(to); r != nil {
		if err := x.mustBeMember(r); err != nil {
			return err
		}
	}
	if err := x.mustCreateInDatabase(x.user()); err != nil {
		return err
	}
	if err := x.shareRole(ctx, to); err != nil {
		return err
	}
	c := *s
	c.Owner, c.ACL = to, catalog.ChangeACLOwner(s.ACL, s.Owner, to)
	return x.put(ctx, &c)
}

// setDatabaseOwner gives a database a new owner.
func (x *Tx) setDatabaseOwner(ctx context.Context, oid, to catalog.Oid) error {
	if err := x.lockObjects(ctx, x.id(catalog.ClassDatabase, oid)); err != nil {
		return err
	}
	d := x.s.over.Database(oid)
	if d == nil {
		return pgerr.New(pgerr.UndefinedDatabase, "database with OID %d does not exist", oid)
	}
	if d.Owner == to {
		return nil
	}
	if !x.owns(d.Owner) {
		return catalog.NotOwnerError("database", d.Name)
	}
	r := x.s.over.Role(to)
	if r != nil {
		if err := x.mustBeMember(r); err != nil {
			return err
		}
	}
	// A database may be given away only by who could have created it.
	if u := x.s.over.Role(x.user()); u == nil || !u.Superuser && !u.CreateDB {
		return denied("permission denied to change owner of database")
	}
	if err := x.shareRole(ctx, to); err != nil {
		return err
	}
	c := *d
	c.Owner, c.ACL = to, catalog.ChangeACLOwner(d.ACL, d.Owner, to)
	return x.put(ctx, &c)
}

// SetDatabaseOwner is ALTER DATABASE … OWNER TO.
func (x *Tx) SetDatabaseOwner(ctx context.Context, name, owner string) error {
	x.refresh()
	d := x.s.over.DatabaseByName(name)
	if d == nil {
		return pgerr.New(pgerr.UndefinedDatabase, "database \"%s\" does not exist", name)
	}
	r := x.s.over.RoleByName(owner)
	if r == nil {
		return errNoRole(owner)
	}
	return x.setDatabaseOwner(ctx, d.OID, r.OID)
}
