package pgcat

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// roleSources are the catalogs of roles and databases, and the views over them.
func roleSources() map[string]*source {
	const attributes = "rolname rolsuper rolinherit rolcreaterole rolcreatedb rolcanlogin rolreplication rolbypassrls rolconnlimit rolpassword rolvaliduntil oid"
	return map[string]*source{
		"pg_catalog.pg_authid": {columns: attributes,
			rows: func(b *builder) { eachRole(b, func(r *catalog.Role) { b.role(r, text(r.Password)) }) }},
		"pg_catalog.pg_roles": {columns: attributes,
			rows: func(b *builder) { eachRole(b, func(r *catalog.Role) { b.role(r, str("********")) }) }},
		"pg_catalog.pg_default_acl": {columns: "oid defaclrole defaclnamespace defaclobjtype defaclacl", rows: func(b *builder) {
			b.snap.DefaultPrivileges(func(d *catalog.DefaultPrivileges) bool {
				b.add(num(d.OID), num(d.Role), num(d.Schema), char(defaultKind(d.Kind)), aclDatum(b.snap, d.ACL))
				return true
			})
		}},
		"pg_catalog.pg_db_role_setting": {columns: "setdatabase setrole setconfig", rows: sessionSettingRows},
		"pg_catalog.pg_auth_members":    {columns: "roleid member grantor admin_option", rows: memberRows},
		"pg_catalog.pg_user": {columns: "usename usesysid usecreatedb usesuper userepl usebypassrls passwd valuntil",
			rows: func(b *builder) { b.users(str("********")) }},
		"pg_catalog.pg_shadow": {columns: "usename usesysid usecreatedb usesuper userepl usebypassrls passwd valuntil",
			rows: func(b *builder) { b.users(null) }},
		"pg_catalog.pg_group": {columns: "groname grosysid grolist", rows: groupRows},
		"pg_catalog.pg_database": {columns: "oid datname datdba encoding datlocprovider datallowconn datconnlimit datfrozenxid " +
			"datminmxid dattablespace datcollate datctype datistemplate datacl", rows: databaseRows},
	}
}

func eachRole(b *builder, f func(*catalog.Role)) {
	b.snap.Roles(func(r *catalog.Role) bool { f(r); return true })
}

func (b *builder) role(r *catalog.Role, password types.Datum) {
	b.add(str(r.Name), flag(r.Superuser), flag(r.Inherit), flag(r.CreateRole), flag(r.CreateDB), flag(r.Login),
		flag(r.Replication), flag(r.BypassRLS), num(r.ConnLimit), password, validUntil(r), num(r.OID))
}

func validUntil(r *catalog.Role) types.Datum {
	if r.ValidUntil == "" {
		return null
	}
	d, err := types.ParseText(types.T(types.TimestamptzOid), r.ValidUntil, types.DefaultIOEnv)
	if err != nil {
		return null
	}
	return d
}

func (b *builder) users(password types.Datum) {
	b.snap.Roles(func(r *catalog.Role) bool {
		if r.Login {
			p := password
			if p.IsNull() {
				p = text(r.Password)
			}
			b.add(str(r.Name), num(r.OID), flag(r.CreateDB), flag(r.Superuser), flag(r.Replication), flag(r.BypassRLS), p, validUntil(r))
		}
		return true
	})
}

// defaultKind is pg_default_acl.defaclobjtype.
func defaultKind(k catalog.ACLKind) byte {
	if k == catalog.ACLSequence {
		return 'S'
	}
	return byte(k)
}

func memberRows(b *builder) {
	b.snap.Roles(func(r *catalog.Role) bool {
		for _, m := range r.MemberOf {
			b.add(num(m.Role), num(r.OID), num(m.Grantor), flag(m.Admin))
		}
		return true
	})
}

func groupRows(b *builder) {
	eachRole(b, func(g *catalog.Role) {
		if g.Login {
			return
		}
		var members []catalog.Oid
		b.snap.Roles(func(r *catalog.Role) bool {
			if _, ok := r.Membership(g.OID); ok {
				members = append(members, r.OID)
			}
			return true
		})
		b.add(str(g.Name), num(g.OID), oids(types.OidOid, members))
	})
}

func databaseRows(b *builder) {
	add := func(oid catalog.Oid, name string, owner catalog.Oid, template, connect bool, limit int32, acl types.Datum) {
		b.add(num(oid), str(name), num(owner), num(encodingUTF8), char('c'), flag(connect), num(limit), num(716), num(1),
			num(tablespaceDefault), str("C.UTF-8"), str("C.UTF-8"), flag(template), acl)
	}
	seen := map[string]bool{}
	b.snap.Databases(func(d *catalog.Database) bool {
		seen[d.Name] = true
		limit := int32(-1)
		if d.ConnLimit != nil {
			limit = *d.ConnLimit
		}
		add(d.OID, d.Name, d.Owner, d.IsTemplate, !d.NoConnections, limit, aclDatum(b.snap, d.ACL))
		return true
	})
	for _, t := range []struct {
		oid     catalog.Oid
		name    string
		connect bool
	}{{1, "template1", true}, {4, "template0", false}} {
		if !seen[t.name] {
			add(t.oid, t.name, catalog.BootstrapRole, true, t.connect, -1, aclTexts("=c/postgres", "postgres=CTc/postgres"))
		}
	}
}

// sessionSettingRows lists what ALTER DATABASE and ALTER ROLE set for sessions.
func sessionSettingRows(b *builder) {
	add := func(database, role catalog.Oid, list []catalog.Setting) {
		if len(list) == 0 {
			return
		}
		config := make([]types.Datum, len(list))
		for i, x := range list {
			config[i] = str(x.Name + "=" + x.Value)
		}
		b.add(num(database), num(role), types.NewArray1(types.TextOid, config))
	}
	b.snap.Databases(func(d *catalog.Database) bool { add(d.OID, 0, d.Settings); return true })
	b.snap.Roles(func(r *catalog.Role) bool {
		for _, x := range r.Settings {
			add(x.Database, r.OID, x.Settings)
		}
		add(0, 0, r.Everyone)
		return true
	})
}

// roleName names a role; PostgreSQL prints the number of one that does not exist.
func roleName(snap *catalog.Snapshot, oid catalog.Oid) (string, bool) {
	r := snap.Role(oid)
	if r == nil {
		return "", false
	}
	return r.Name, true
}

func roleByName(snap *catalog.Snapshot, name string) (*catalog.Role, bool) {
	r := snap.RoleByName(name)
	return r, r != nil
}

func ownerName(snap *catalog.Snapshot, oid catalog.Oid) string {
	if n, ok := roleName(snap, oid); ok {
		return n
	}
	return "unknown (OID=" + itoa(int64(oid)) + ")"
}

func aclTexts(items ...string) types.Datum {
	out := make([]types.Datum, len(items))
	for i, s := range items {
		out[i] = str(s)
	}
	return types.NewArray1(types.AclitemOid, out)
}

// aclDatum is an object's ACL as it is stored: NULL while nothing was granted or revoked.
func aclDatum(snap *catalog.Snapshot, acl []catalog.ACLItem) types.Datum {
	if acl == nil {
		return null
	}
	items := make([]string, len(acl))
	for i, a := range acl {
		items[i] = a.Text(func(role catalog.Oid) string {
			if n, ok := roleName(snap, role); ok {
				return n
			}
			return itoa(int64(role))
		})
	}
	return aclTexts(items...)
}
