package pgcat

import (
	"slices"
	"strings"

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
		"pg_catalog.pg_auth_members": {columns: "roleid member grantor admin_option", rows: memberRows},
		"pg_catalog.pg_user": {columns: "usename usesysid usecreatedb usesuper userepl usebypassrls passwd valuntil",
			rows: func(b *builder) { b.users(str("********")) }},
		"pg_catalog.pg_shadow": {columns: "usename usesysid usecreatedb usesuper userepl usebypassrls passwd valuntil",
			rows: func(b *builder) { b.users(null) }},
		"pg_catalog.pg_group": {columns: "groname grosysid grolist", rows: groupRows},
		"pg_catalog.pg_database": {columns: "oid datname datdba encoding datlocprovider datallowconn datconnlimit datfrozenxid " +
			"datminmxid dattablespace datcollate datctype datistemplate datacl", rows: databaseRows},
	}
}

// predefined are PostgreSQL's predefined roles, of which the server knows the names only: nothing can be granted by them.
var predefined = []*catalog.Role{
	{OID: 3373, Name: "pg_monitor"}, {OID: 3374, Name: "pg_read_all_settings"}, {OID: 3375, Name: "pg_read_all_stats"},
	{OID: 3377, Name: "pg_stat_scan_tables"}, {OID: 4200, Name: "pg_signal_backend"}, {OID: 4544, Name: "pg_checkpoint"},
	{OID: 4569, Name: "pg_read_server_files"}, {OID: 4570, Name: "pg_write_server_files"},
	{OID: 4571, Name: "pg_execute_server_program"}, {OID: roleDatabaseOwner, Name: "pg_database_owner"},
	{OID: 6181, Name: "pg_read_all_data"}, {OID: 6182, Name: "pg_write_all_data"},
}

func eachRole(b *builder, f func(*catalog.Role)) {
	b.snap.Roles(func(r *catalog.Role) bool { f(r); return true })
	for _, r := range predefined {
		p := *r
		p.Inherit, p.ConnLimit = true, -1
		f(&p)
	}
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

func memberRows(b *builder) {
	b.snap.Roles(func(r *catalog.Role) bool {
		for _, g := range r.MemberOf {
			b.add(num(g), num(r.OID), num(catalog.BootstrapRole), no)
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
			if slices.Contains(r.MemberOf, g.OID) {
				members = append(members, r.OID)
			}
			return true
		})
		b.add(str(g.Name), num(g.OID), oids(types.OidOid, members))
	})
}

func databaseRows(b *builder) {
	add := func(oid catalog.Oid, name string, owner catalog.Oid, template, connect bool, acl types.Datum) {
		b.add(num(oid), str(name), num(owner), num(encodingUTF8), char('c'), flag(connect), num(-1), num(716), num(1),
			num(tablespaceDefault), str("C.UTF-8"), str("C.UTF-8"), flag(template), acl)
	}
	seen := map[string]bool{}
	b.snap.Databases(func(d *catalog.Database) bool {
		seen[d.Name] = true
		add(d.OID, d.Name, d.Owner, false, true, null)
		return true
	})
	for _, t := range []struct {
		oid     catalog.Oid
		name    string
		connect bool
	}{{1, "template1", true}, {4, "template0", false}} {
		if !seen[t.name] {
			add(t.oid, t.name, catalog.BootstrapRole, true, t.connect, aclTexts("=c/postgres", "postgres=CTc/postgres"))
		}
	}
}

// roleName names a role, also a predefined one; PostgreSQL prints the number of one that does not exist.
func roleName(snap *catalog.Snapshot, oid catalog.Oid) (string, bool) {
	if r := snap.Role(oid); r != nil {
		return r.Name, true
	}
	for _, r := range predefined {
		if r.OID == oid {
			return r.Name, true
		}
	}
	return "", false
}

func roleByName(snap *catalog.Snapshot, name string) (*catalog.Role, bool) {
	if r := snap.RoleByName(name); r != nil {
		return r, true
	}
	for _, r := range predefined {
		if r.Name == name {
			return r, true
		}
	}
	return nil, false
}

func ownerName(snap *catalog.Snapshot, oid catalog.Oid) string {
	if n, ok := roleName(snap, oid); ok {
		return n
	}
	return "unknown (OID=" + itoa(int64(oid)) + ")"
}

// privilegeLetter is one privilege as aclitem and has_…_privilege write it.
type privilegeLetter struct {
	bit    catalog.Privilege
	letter byte
	name   string
}

var privilegeLetters = []privilegeLetter{
	{catalog.PrivInsert, 'a', "INSERT"}, {catalog.PrivSelect, 'r', "SELECT"}, {catalog.PrivUpdate, 'w', "UPDATE"},
	{catalog.PrivDelete, 'd', "DELETE"}, {catalog.PrivTruncate, 'D', "TRUNCATE"}, {catalog.PrivReferences, 'x', "REFERENCES"},
	{catalog.PrivTrigger, 't', "TRIGGER"}, {catalog.PrivUsage, 'U', "USAGE"}, {catalog.PrivCreate, 'C', "CREATE"},
}

// The privileges that an owner has by default.
const (
	tablePrivileges = catalog.PrivInsert | catalog.PrivSelect | catalog.PrivUpdate | catalog.PrivDelete | catalog.PrivTruncate |
		catalog.PrivReferences | catalog.PrivTrigger
	sequencePrivileges = catalog.PrivSelect | catalog.PrivUpdate | catalog.PrivUsage
	schemaPrivileges   = catalog.PrivUsage | catalog.PrivCreate
)

func aclTexts(items ...string) types.Datum {
	out := make([]types.Datum, len(items))
	for i, s := range items {
		out[i] = str(s)
	}
	return types.NewArray1(types.AclitemOid, out)
}

// aclDatum is an object's ACL; the owner's own privileges lead it, as PostgreSQL stores them with the first GRANT.
func aclDatum(snap *catalog.Snapshot, acl []catalog.ACLItem, owner catalog.Oid, all catalog.Privilege) types.Datum {
	if len(acl) == 0 {
		return null
	}
	var items []string
	if !slices.ContainsFunc(acl, func(a catalog.ACLItem) bool { return a.Grantee == owner }) {
		items = append(items, aclText(snap, catalog.ACLItem{Grantee: owner, Grantor: owner, Privileges: all}))
	}
	for _, a := range acl {
		items = append(items, aclText(snap, a))
	}
	return aclTexts(items...)
}

func aclText(snap *catalog.Snapshot, a catalog.ACLItem) string {
	var b strings.Builder
	if a.Grantee != 0 {
		b.WriteString(catalog.QuoteIdent(ownerName(snap, a.Grantee)))
	}
	b.WriteByte('=')
	for _, p := range privilegeLetters {
		if a.Privileges&p.bit != 0 {
			b.WriteByte(p.letter)
			if a.Grantable&p.bit != 0 {
				b.WriteByte('*')
			}
		}
	}
	b.WriteByte('/')
	b.WriteString(catalog.QuoteIdent(ownerName(snap, a.Grantor)))
	return b.String()
}

// member reports whether a role is another, is a member of it, directly or not, or is a superuser.
func member(snap *catalog.Snapshot, role, of catalog.Oid) bool {
	r := snap.Role(role)
	if r == nil {
		return role == of
	}
	return r.Superuser || belongs(snap, r, of)
}

func belongs(snap *catalog.Snapshot, r *catalog.Role, of catalog.Oid) bool {
	if r.OID == of {
		return true
	}
	for _, g := range r.MemberOf { // memberships have no cycles
		if up := snap.Role(g); g == of || up != nil && belongs(snap, up, of) {
			return true
		}
	}
	return false
}

// allowed reports whether a role has any of the wanted privileges on an object.
func allowed(snap *catalog.Snapshot, role, owner catalog.Oid, acl []catalog.ACLItem, want catalog.Privilege, grant bool) bool {
	if member(snap, role, owner) {
		return true
	}
	for _, a := range acl {
		have := a.Privileges
		if grant {
			have = a.Grantable
		}
		if have&want != 0 && (a.Grantee == 0 || member(snap, role, a.Grantee)) {
			return true
		}
	}
	return false
}
