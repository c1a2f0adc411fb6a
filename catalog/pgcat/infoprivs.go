package pgcat

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// infoPrivilegeSources are the views of information_schema about roles and privileges.
func infoPrivilegeSources() map[string]*source {
	const table = "table_catalog table_schema table_name "
	const tables = "grantor grantee " + table + "privilege_type is_grantable with_hierarchy"
	const columns = "grantor grantee " + table + "column_name privilege_type is_grantable"
	const usage = "grantor grantee object_catalog object_schema object_name object_type privilege_type is_grantable"
	return map[string]*source{
		"information_schema.enabled_roles":    {columns: "role_name", rows: infoRoles},
		"information_schema.applicable_roles": {columns: "grantee role_name is_grantable", rows: func(b *builder) { infoMemberships(b, false) }},
		"information_schema.administrable_role_authorizations": {columns: "grantee role_name is_grantable",
			rows: func(b *builder) { infoMemberships(b, true) }},
		"information_schema.table_privileges":   {columns: tables, rows: func(b *builder) { infoTablePrivileges(b, (*builder).concerned) }},
		"information_schema.role_table_grants":  {columns: tables, rows: func(b *builder) { infoTablePrivileges(b, (*builder).enabled) }},
		"information_schema.column_privileges":  {columns: columns, rows: func(b *builder) { infoColumnPrivileges(b, (*builder).concerned) }},
		"information_schema.role_column_grants": {columns: columns, rows: func(b *builder) { infoColumnPrivileges(b, (*builder).enabled) }},
		"information_schema.usage_privileges":   {columns: usage, rows: func(b *builder) { infoUsage(b, (*builder).concerned) }},
		"information_schema.role_usage_grants":  {columns: usage, rows: func(b *builder) { infoUsage(b, (*builder).enabled) }},
	}
}

func infoRoles(b *builder) {
	eachRole(b, func(r *catalog.Role) {
		if b.owns(r.OID) {
			b.add(str(r.Name))
		}
	})
}

// infoMemberships lists the memberships of the roles whose privileges the current role has.
func infoMemberships(b *builder, admin bool) {
	add := func(member *catalog.Role, of catalog.Oid, grantable bool) {
		if b.owns(member.OID) && (grantable || !admin) {
			b.add(str(member.Name), str(ownerName(b.snap, of)), yesNo(grantable))
		}
	}
	eachRole(b, func(r *catalog.Role) {
		for _, m := range r.MemberOf {
			add(r, m.Role, m.Admin)
		}
	})
	if d := b.snap.CurrentDatabase(); d != nil {
		if r := b.snap.Role(d.Owner); r != nil {
			add(r, catalog.RoleDatabaseOwner, false)
		}
	}
}

// enabled reports whether the current role has the privileges of a grant's grantor or grantee.
func (b *builder) enabled(a catalog.ACLItem) bool {
	return b.owns(a.Grantor) || a.Grantee != 0 && b.owns(a.Grantee)
}

// concerned is enabled, or a grant to PUBLIC.
func (b *builder) concerned(a catalog.ACLItem) bool { return a.Grantee == 0 || b.enabled(a) }

func (b *builder) granteeName(a catalog.ACLItem) types.Datum {
	if a.Grantee == 0 {
		return str("PUBLIC")
	}
	return str(ownerName(b.snap, a.Grantee))
}

// grantable is is_grantable: owners may grant everything.
func (b *builder) grantable(a catalog.ACLItem, owner catalog.Oid, p catalog.Privilege) types.Datum {
	return yesNo(a.Grantable&p != 0 || a.Grantee != 0 && b.snap.HasPrivilegesOf(a.Grantee, owner))
}

// systemItems is systemACL as items.
func systemItems(r *relation) []catalog.ACLItem {
	acl := catalog.ACLRelation.Default(catalog.BootstrapRole)
	public := catalog.PrivSelect
	if r.Schema == pgCatalog {
		switch r.Name {
		case "pg_settings":
			public |= catalog.PrivUpdate
		case "pg_backend_memory_contexts", "pg_shmem_allocations":
			return append(acl, catalog.ACLItem{Grantee: catalog.RoleReadStats, Grantor: catalog.BootstrapRole, Privileges: public})
		}
		if r.Closed {
			return acl
		}
	}
	return append(acl, catalog.ACLItem{Grantor: catalog.BootstrapRole, Privileges: public})
}

// granted calls f for every table and view with its ACL.
func (b *builder) granted(f func(schema types.Datum, name string, owner catalog.Oid, acl []catalog.ACLItem, rel catalog.Relation, sys *relation)) {
	systemRelations(func(r *relation, _ catalog.Oid) {
		f(str(r.Schema), r.Name, catalog.BootstrapRole, systemItems(r), catalog.Relation{}, r)
	})
	one := func(rel catalog.Relation) bool {
		f(str(b.snap.SchemaName(rel.SchemaID())), rel.Name(), rel.Owner(), rel.ACLKind().Effective(rel.ACL(), rel.Owner()), rel, nil)
		return true
	}
	b.snap.Tables(func(t *catalog.Table) bool { return one(catalog.Relation{Kind: catalog.KindTable, Table: t}) })
	b.snap.Views(func(v *catalog.View) bool { return one(catalog.Relation{Kind: catalog.KindView, View: v}) })
}

func infoTablePrivileges(b *builder, wanted func(*builder, catalog.ACLItem) bool) {
	db := str(b.env.Database)
	b.granted(func(schema types.Datum, name string, owner catalog.Oid, acl []catalog.ACLItem, _ catalog.Relation, _ *relation) {
		for _, a := range acl {
			if !wanted(b, a) {
				continue
			}
			for _, p := range catalog.PrivilegeNames {
				if a.Privileges&p.Bit != 0 {
					b.add(str(ownerName(b.snap, a.Grantor)), b.granteeName(a), db, schema, str(name), str(p.Name),
						b.grantable(a, owner, p.Bit), yesNo(p.Bit == catalog.PrivSelect))
				}
			}
		}
	})
}

// columnGrant is a row of column_privileges: privileges on the table and on the column may say the same.
type columnGrant struct {
	grantor, grantee catalog.Oid
	bit              catalog.Privilege
	grantable        bool
}

func infoColumnPrivileges(b *builder, wanted func(*builder, catalog.ACLItem) bool) {
	db := str(b.env.Database)
	b.granted(func(schema types.Datum, name string, owner catalog.Oid, acl []catalog.ACLItem, rel catalog.Relation, sys *relation) {
		column := func(col string, own []catalog.ACLItem) {
			seen := map[columnGrant]bool{}
			for _, a := range append(append([]catalog.ACLItem(nil), acl...), own...) {
				if !wanted(b, a) {
					continue
				}
				for _, p := range catalog.PrivilegeNames {
					g := columnGrant{a.Grantor, a.Grantee, p.Bit, a.Grantable&p.Bit != 0}
					if a.Privileges&p.Bit&catalog.ACLColumn.All() == 0 || seen[g] {
						continue
					}
					seen[g] = true
					b.add(str(ownerName(b.snap, a.Grantor)), b.granteeName(a), db, schema, str(name), str(col), str(p.Name),
						b.grantable(a, owner, p.Bit))
				}
			}
		}
		if sys != nil {
			for _, c := range sys.Columns {
				column(c.Name, nil)
			}
		}
		rel.Columns(func(_ catalog.AttNum, c *catalog.Column) { column(c.Name, c.ACL) })
	})
}

// infoUsage lists USAGE on collations, which everybody has, domains and sequences.
func infoUsage(b *builder, wanted func(*builder, catalog.ACLItem) bool) {
	db := str(b.env.Database)
	b.eachCollation(func(schema, name types.Datum, owner catalog.Oid) {
		if wanted(b, catalog.ACLItem{Grantor: owner}) {
			b.add(str(ownerName(b.snap, owner)), str("PUBLIC"), db, schema, name, str("COLLATION"), str("USAGE"), str("NO"))
		}
	})
	b.each(pgCatalog, "pg_type", func(t tuple) {
		if t.get("typtype").Int() == 'd' {
			b.typeGrants(t, wanted, func(grantor, grantee, schema, name, grantable types.Datum) {
				b.add(grantor, grantee, db, schema, name, str("DOMAIN"), str("USAGE"), grantable)
			})
		}
	})
	b.snap.Sequences(func(q *catalog.Sequence) bool {
		for _, a := range q.ACL { // without one the view takes a table's defaults, which have no USAGE
			if wanted(b, a) && a.Privileges&catalog.PrivUsage != 0 {
				b.add(str(ownerName(b.snap, a.Grantor)), b.granteeName(a), db, str(b.snap.SchemaName(q.SchemaID)), str(q.Name),
					str("SEQUENCE"), str("USAGE"), b.grantable(a, q.Owner, catalog.PrivUsage))
			}
		}
		return true
	})
}
