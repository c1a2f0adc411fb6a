package ddl

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// roleLink is how an object depends on a role: a row of pg_shdepend.
type roleLink struct {
	part     catalog.Part
	database bool // part.OID is a database
	defaults *catalog.DefaultPrivileges
	owner    bool // else privileges
}

// oid is the object's, for the order of messages.
func (l *roleLink) oid() catalog.Oid {
	if l.defaults != nil {
		return l.defaults.OID
	}
	return l.part.OID
}

// linksTo lists what a role owns, and what it has or gave privileges on, in OID order.
func (x *Tx) linksTo(role catalog.Oid) []roleLink { return linksIn(x.s.over, role) }

// linksIn does so for the database that a catalog shows, and for databases.
func linksIn(over *catalog.Snapshot, role catalog.Oid) []roleLink {
	var links []roleLink
	note := func(l roleLink, owner catalog.Oid, acls ...[]catalog.ACLItem) {
		if owner == role {
			l.owner = true
			links = append(links, l)
			return
		}
		for _, acl := range acls {
			if slices.ContainsFunc(acl, func(a catalog.ACLItem) bool { return a.Grantee == role || a.Grantor == role }) {
				links = append(links, l)
				return
			}
		}
	}
	relation := func(kind catalog.PartKind, rel catalog.Relation) bool {
		note(roleLink{part: catalog.Part{Kind: kind, OID: rel.OID()}}, rel.Owner(), rel.ACL())
		rel.Columns(func(n catalog.AttNum, c *catalog.Column) {
			if rel.Owner() != role {
				note(roleLink{part: catalog.Part{Kind: catalog.PartColumn, OID: rel.OID(), Sub: n}}, 0, c.ACL)
			}
		})
		return true
	}
	over.Databases(func(d *catalog.Database) bool {
		note(roleLink{database: true, part: catalog.Part{OID: d.OID}}, d.Owner, d.ACL)
		return true
	})
	over.Schemas(func(o *catalog.Schema) bool {
		note(roleLink{part: catalog.Part{Kind: catalog.PartSchema, OID: o.OID}}, o.Owner, o.ACL)
		return true
	})
	over.Tables(func(o *catalog.Table) bool {
		for i := range o.Policies {
			if k := &o.Policies[i]; slices.Contains(k.Roles, role) {
				links = append(links, roleLink{part: catalog.Part{Kind: catalog.PartPolicy, OID: k.OID}})
			}
		}
		return relation(catalog.PartTable, catalog.Relation{Kind: catalog.KindTable, Table: o})
	})
	over.Sequences(func(o *catalog.Sequence) bool {
		return relation(catalog.PartSequence, catalog.Relation{Kind: catalog.KindSequence, Sequence: o})
	})
	over.Views(func(o *catalog.View) bool {
		return relation(catalog.PartView, catalog.Relation{Kind: catalog.KindView, View: o})
	})
	over.Functions(func(o *catalog.Function) bool {
		note(roleLink{part: catalog.Part{Kind: catalog.PartFunction, OID: o.OID}}, o.Owner, o.ACL)
		return true
	})
	over.Extensions(func(o *catalog.Extension) bool {
		note(roleLink{part: catalog.Part{Kind: catalog.PartExtension, OID: o.OID}}, o.Owner, nil)
		return true
	})
	over.DefaultPrivileges(func(d *catalog.DefaultPrivileges) bool {
		note(roleLink{defaults: d}, d.Role, d.ACL)
		return true
	})
	slices.SortStableFunc(links, func(a, b roleLink) int { return cmp.Compare(a.oid(), b.oid()) })
	return links
}

// describeDefaults is getObjectDescription of default privileges.
func (x *Tx) describeDefaults(d *catalog.DefaultPrivileges) string {
	noun := map[catalog.ACLKind]string{catalog.ACLRelation: "relations", catalog.ACLSequence: "sequences",
		catalog.ACLFunction: "functions", catalog.ACLType: "types", catalog.ACLSchema: "schemas"}[d.Kind]
	text := "default privileges on new " + noun + " belonging to role " + x.s.over.RoleName(d.Role)
	if d.Schema != 0 {
		text += " in schema " + x.s.over.SchemaName(d.Schema)
	}
	return text
}

// dependenciesOn says what depends on a role, in the words of DETAIL.
func (x *Tx) dependenciesOn(role catalog.Oid) []string {
	var lines []string
	for _, l := range x.linksTo(role) {
		text := ""
		switch {
		case l.defaults != nil:
			text = x.describeDefaults(l.defaults)
		case l.database:
			text = "database " + x.s.over.Database(l.part.OID).Name
		default:
			text = x.s.over.Describe(x.searchPath(), l.part)
		}
		switch {
		case l.owner:
			text = "owner of " + text
		case l.part.Kind == catalog.PartPolicy:
			text = "target of " + text
		default:
			text = "privileges for " + text
		}
		lines = append(lines, text)
	}
	x.s.over.EachDatabase(func(v *catalog.Snapshot) bool {
		d := v.CurrentDatabase()
		if d == nil || d.OID == x.s.over.DatabaseID() {
			return true
		}
		n := 0
		for _, l := range linksIn(v, role) {
			if !l.database {
				n++
			}
		}
		switch {
		case n == 1:
			lines = append(lines, "1 object in database "+d.Name)
		case n > 1:
			lines = append(lines, strconv.Itoa(n)+" objects in database "+d.Name)
		}
		return true
	})
	return lines
}

// ownedRole resolves a role of DROP OWNED and REASSIGN OWNED, whose rights the current role must have.
func (x *Tx) ownedRole(ctx context.Context, name, verb string) (*catalog.Role, error) {
	r, err := x.lockRole(ctx, name)
	if err != nil {
		return nil, err
	}
	if !x.s.over.HasPrivilegesOf(x.user(), r.OID) {
		return nil, denied("permission denied to %s objects", verb)
	}
	return r, nil
}

// DropOwned is DROP OWNED BY: the roles' privileges are revoked, and what they own is dropped.
func (x *Tx) DropOwned(ctx context.Context, names []string, b Behavior) error {
	var roles []*catalog.Role
	for _, n := range names {
		r, err := x.ownedRole(ctx, n, "drop")
		if err != nil {
			return err
		}
		roles = append(roles, r)
	}
	var parts []catalog.Part
	for _, r := range roles {
		if r.OID < catalog.FirstNormalOid {
			return pgerr.New(pgerr.DependentObjectsStillExist,
				"cannot drop objects owned by role %s because they are required by the database system", r.Name)
		}
		for _, l := range x.linksTo(r.OID) {
			switch {
			case !l.owner:
				if err := x.forgetRole(ctx, r.OID, &l); err != nil {
					return err
				}
			case l.defaults != nil:
				if err := x.remove(ctx, l.defaults); err != nil {
					return err
				}
			case !l.database:
				parts = append(parts, l.part)
			}
		}
	}
	parts = slices.DeleteFunc(parts, func(p catalog.Part) bool { return x.partOf(p, parts) })
	if len(parts) == 0 {
		return nil
	}
	return x.dropParts(ctx, parts, b)
}

// partOf reports whether a part goes with another of the list anyway: a sequence with the column that it belongs to.
func (x *Tx) partOf(p catalog.Part, parts []catalog.Part) bool {
	owner, ok := x.s.over.Requires(p)
	return ok && slices.ContainsFunc(parts, func(q catalog.Part) bool { return q.Kind == catalog.PartTable && q.OID == owner.OID })
}

// forgetRole is RemoveRoleFromObjectACL.
func (x *Tx) forgetRole(ctx context.Context, role catalog.Oid, l *roleLink) error {
	if d := l.defaults; d != nil {
		return x.changeDefaults(ctx, d.Role, d.Schema, &DefaultsSpec{Kind: d.Kind, All: true, Behavior: Cascade, Grantees: []catalog.Oid{role}})
	}
	if l.part.Kind == catalog.PartPolicy {
		return x.forgetPolicyRole(ctx, l.part.OID, role)
	}
	g := &GrantSpec{All: true, Behavior: Cascade, Grantees: []catalog.Oid{role}, Objects: []catalog.Oid{l.part.OID}}
	switch {
	case l.database:
		g.Kind = catalog.ACLDatabase
	case l.part.Kind == catalog.PartSchema:
		g.Kind = catalog.ACLSchema
	case l.part.Kind == catalog.PartSequence:
		g.Kind = catalog.ACLSequence
	case l.part.Kind == catalog.PartFunction:
		g.Kind = catalog.ACLFunction
	default:
		g.Kind = catalog.ACLRelation
	}
	return x.Grant(ctx, g)
}

// ReassignOwned is REASSIGN OWNED BY.
func (x *Tx) ReassignOwned(ctx context.Context, names []string, to string) error {
	var roles []*catalog.Role
	for _, n := range names {
		r, err := x.ownedRole(ctx, n, "reassign")
		if err != nil {
			return err
		}
		roles = append(roles, r)
	}
	next, err := x.ownedRole(ctx, to, "reassign")
	if err != nil {
		return err
	}
	for _, r := range roles {
		if r.OID < catalog.FirstNormalOid {
			return pgerr.New(pgerr.DependentObjectsStillExist,
				"cannot reassign ownership of objects owned by role %s because they are required by the database system", r.Name)
		}
		for _, l := range x.linksTo(r.OID) {
			if !l.owner || l.defaults != nil {
				continue
			}
			if err := x.reassign(ctx, &l, next.OID); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *Tx) reassign(ctx context.Context, l *roleLink, to catalog.Oid) error {
	switch {
	case l.database:
		return x.setDatabaseOwner(ctx, l.part.OID, to)
	case l.part.Kind == catalog.PartSchema:
		return x.setSchemaOwner(ctx, l.part.OID, to)
	case l.part.Kind == catalog.PartFunction:
		return x.setFunctionOwner(ctx, l.part.OID, to)
	case l.part.Kind == catalog.PartExtension:
		e := *x.s.over.Extension(l.part.OID)
		e.Owner = to
		return x.put(ctx, &e)
	}
	return x.setRelationOwner(ctx, l.part.OID, to)
}

// setRelationOwner gives a relation, and with a table what belongs to it, a new owner, and the old owner's part of its
// privileges to the new one.
func (x *Tx) setRelationOwner(ctx context.Context, oid, to catalog.Oid) error {
	if err := x.shareRole(ctx, to); err != nil {
		return err
	}
	rel, err := x.lockRelation(ctx, oid)
	if err != nil {
		return err
	}
	from := rel.Owner()
	if from == to {
		return nil
	}
	rel = cloneRelation(rel)
	setRelationACL(rel, catalog.ChangeACLOwner(rel.ACL(), from, to))
	rel.Columns(func(_ catalog.AttNum, c *catalog.Column) { c.ACL = catalog.ChangeACLOwner(c.ACL, from, to) })
	switch rel.Kind {
	case catalog.KindSequence:
		rel.Sequence.Owner = to
	case catalog.KindView:
		rel.View.Owner = to
	default:
		rel.Table.Owner = to
	}
	if err := x.putRelation(ctx, rel); err != nil || rel.Kind != catalog.KindTable {
		return err
	}
	for _, q := range x.s.over.SequencesOwnedBy(oid, 0) {
		if err := x.setRelationOwner(ctx, q.OID, to); err != nil {
			return err
		}
	}
	return nil
}
