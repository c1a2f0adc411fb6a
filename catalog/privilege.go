package catalog

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// This file is PostgreSQL's acl.c: what access control lists say, and how GRANT and REVOKE change them. An ACL of nil is
// the default one of its kind of object; an empty one grants nothing to anybody. The owner of an object always has all grant
// options, and needs an item like everybody else for the privileges themselves.

// Privilege is a set of privileges.
type Privilege uint16

// The privileges; the numbers are stored.
const (
	PrivInsert      Privilege = 1 << iota // a
	PrivSelect                            // r
	PrivUpdate                            // w
	PrivDelete                            // d
	PrivTruncate                          // D
	PrivReferences                        // x
	PrivTrigger                           // t
	PrivUsage                             // U
	PrivCreate                            // C
	PrivExecute                           // X
	PrivTemporary                         // T
	PrivConnect                           // c
	PrivSet                               // s
	PrivAlterSystem                       // A
)

// PrivilegeName is one privilege with its letter in aclitem and its name.
type PrivilegeName struct {
	Bit    Privilege
	Letter byte
	Name   string
}

// PrivilegeNames are all privileges in the order in which aclitem writes them.
var PrivilegeNames = []PrivilegeName{
	{PrivInsert, 'a', "INSERT"}, {PrivSelect, 'r', "SELECT"}, {PrivUpdate, 'w', "UPDATE"}, {PrivDelete, 'd', "DELETE"},
	{PrivTruncate, 'D', "TRUNCATE"}, {PrivReferences, 'x', "REFERENCES"}, {PrivTrigger, 't', "TRIGGER"},
	{PrivExecute, 'X', "EXECUTE"}, {PrivUsage, 'U', "USAGE"}, {PrivCreate, 'C', "CREATE"}, {PrivTemporary, 'T', "TEMPORARY"},
	{PrivConnect, 'c', "CONNECT"}, {PrivSet, 's', "SET"}, {PrivAlterSystem, 'A', "ALTER SYSTEM"},
}

// ACLItem grants privileges on an object to a role (0: PUBLIC). Grantable is the part held WITH GRANT OPTION.
type ACLItem struct {
	Grantee    Oid
	Grantor    Oid
	Privileges Privilege
	Grantable  Privilege
}

// ACLKind is a kind of object with privileges, by acldefault's letter.
type ACLKind byte

// The kinds of objects with privileges.
const (
	ACLColumn     ACLKind = 'c'
	ACLRelation   ACLKind = 'r'
	ACLSequence   ACLKind = 's'
	ACLDatabase   ACLKind = 'd'
	ACLFunction   ACLKind = 'f'
	ACLLanguage   ACLKind = 'l'
	ACLLarge      ACLKind = 'L'
	ACLSchema     ACLKind = 'n'
	ACLParameter  ACLKind = 'p'
	ACLTablespace ACLKind = 't'
	ACLWrapper    ACLKind = 'F'
	ACLServer     ACLKind = 'S'
	ACLType       ACLKind = 'T'
)

// All returns the privileges that objects of a kind have; 0 for an unknown kind.
func (k ACLKind) All() Privilege {
	switch k {
	case ACLColumn:
		return PrivInsert | PrivSelect | PrivUpdate | PrivReferences
	case ACLRelation:
		return PrivInsert | PrivSelect | PrivUpdate | PrivDelete | PrivTruncate | PrivReferences | PrivTrigger
	case ACLSequence:
		return PrivUsage | PrivSelect | PrivUpdate
	case ACLDatabase:
		return PrivCreate | PrivTemporary | PrivConnect
	case ACLFunction:
		return PrivExecute
	case ACLLanguage, ACLWrapper, ACLServer, ACLType:
		return PrivUsage
	case ACLLarge:
		return PrivSelect | PrivUpdate
	case ACLSchema:
		return PrivUsage | PrivCreate
	case ACLParameter:
		return PrivSet | PrivAlterSystem
	case ACLTablespace:
		return PrivCreate
	}
	return 0
}

// Default returns the privileges of an object that nothing was granted on: PostgreSQL's acldefault. Columns have none.
func (k ACLKind) Default(owner Oid) []ACLItem {
	public := Privilege(0)
	switch k {
	case ACLColumn:
		return []ACLItem{}
	case ACLDatabase:
		public = PrivTemporary | PrivConnect
	case ACLFunction:
		public = PrivExecute
	case ACLLanguage, ACLType:
		public = PrivUsage
	}
	var acl []ACLItem
	if public != 0 {
		acl = append(acl, ACLItem{Grantee: 0, Grantor: owner, Privileges: public})
	}
	return append(acl, ACLItem{Grantee: owner, Grantor: owner, Privileges: k.All()})
}

// UsableSchema is the ACL of a schema that everybody may look into.
func UsableSchema(owner Oid) []ACLItem {
	return append(ACLSchema.Default(owner), ACLItem{Grantor: owner, Privileges: PrivUsage})
}

// Effective returns acl, or the default of the kind where it is nil.
func (k ACLKind) Effective(acl []ACLItem, owner Oid) []ACLItem {
	if acl == nil {
		return k.Default(owner)
	}
	return acl
}

// Held returns the privileges and grant options that an ACL gives to a role, what it inherits and what PUBLIC has
// included. Superusers are the caller's.
func (s *Snapshot) Held(acl []ACLItem, owner, role Oid) (privileges, grantable Privilege) {
	roles := s.rolesOf(role, true)
	super := s.Superuser(role)
	if super || slices.Contains(roles, owner) {
		grantable = ^Privilege(0)
	}
	for _, a := range acl {
		if a.Grantee == 0 || super || slices.Contains(roles, a.Grantee) {
			privileges |= a.Privileges
			grantable |= a.Grantable
		}
	}
	return privileges, grantable
}

// heldDirectly is the grant options of the role itself: aclmask_direct.
func heldDirectly(acl []ACLItem, owner, role Oid) (grantable Privilege) {
	if role == owner {
		return ^Privilege(0)
	}
	for _, a := range acl {
		if a.Grantee == role {
			grantable |= a.Grantable
		}
	}
	return grantable
}

// BestGrantor is select_best_grantor: the role as which role grants or revokes the wanted privileges, and the grant
// options that it has of them.
func (s *Snapshot) BestGrantor(role Oid, want Privilege, acl []ACLItem, owner Oid) (grantor Oid, options Privilege) {
	if role == owner || s.Superuser(role) {
		return owner, want
	}
	grantor = role
	for _, r := range s.rolesOf(role, true) {
		have := heldDirectly(acl, owner, r) & want
		if have == want {
			return r, have
		}
		if bits.OnesCount16(uint16(have)) > bits.OnesCount16(uint16(options)) {
			grantor, options = r, have
		}
	}
	return grantor, options
}

// ACLChange is a change of an ACL by GRANT or REVOKE.
type ACLChange struct {
	Grant       bool
	GrantOption bool // WITH GRANT OPTION; of REVOKE: GRANT OPTION FOR
	Cascade     bool
	Grantor     Oid
	Grantees    []Oid
	Privileges  Privilege
}

// Apply is merge_acl_with_grant.
func (s *Snapshot) Apply(acl []ACLItem, owner Oid, c *ACLChange) ([]ACLItem, error) {
	var err error
	for _, grantee := range c.Grantees {
		if c.Grant && c.GrantOption && grantee == 0 {
			return nil, pgerr.New(pgerr.InvalidGrantOperation, "grant options can only be granted to roles")
		}
		item := ACLItem{Grantee: grantee, Grantor: c.Grantor}
		if c.Grant || !c.GrantOption {
			item.Privileges = c.Privileges
		}
		if !c.Grant || c.GrantOption {
			item.Grantable = c.Privileges
		}
		if acl, err = s.updateACL(acl, item, c.Grant, owner, c.Cascade); err != nil {
			return nil, err
		}
	}
	return acl, nil
}

// updateACL is aclupdate: it adds an item to an ACL, or takes it out with all that was granted by virtue of it.
func (s *Snapshot) updateACL(acl []ACLItem, item ACLItem, add bool, owner Oid, cascade bool) ([]ACLItem, error) {
	if add && item.Grantable != 0 {
		if err := s.checkCircularity(acl, item, owner); err != nil {
			return nil, err
		}
	}
	acl = slices.Clone(acl)
	i := slices.IndexFunc(acl, func(a ACLItem) bool { return a.Grantee == item.Grantee && a.Grantor == item.Grantor })
	if i < 0 {
		acl = append(acl, ACLItem{Grantee: item.Grantee, Grantor: item.Grantor})
		i = len(acl) - 1
	}
	a := &acl[i]
	before := a.Grantable
	if add {
		a.Privileges |= item.Privileges
		a.Grantable |= item.Grantable
	} else {
		a.Privileges &^= item.Privileges
		a.Grantable &^= item.Grantable
	}
	lost := before &^ a.Grantable
	if a.Privileges == 0 && a.Grantable == 0 {
		acl = slices.Delete(acl, i, i+1)
	}
	if lost == 0 {
		return acl, nil
	}
	return s.revokeDependents(acl, item.Grantee, lost, owner, cascade)
}

// checkCircularity refuses grant options that would come back to whom the grantor has them from.
func (s *Snapshot) checkCircularity(acl []ACLItem, item ACLItem, owner Oid) error {
	if item.Grantor == owner {
		return nil
	}
	for {
		i := slices.IndexFunc(acl, func(a ACLItem) bool { return a.Grantee == item.Grantee && a.Grantable != 0 })
		if i < 0 {
			break
		}
		var err error
		if acl, err = s.updateACL(acl, acl[i], false, owner, true); err != nil {
			return err
		}
	}
	if _, own := s.Held(acl, owner, item.Grantor); item.Grantable&^own != 0 {
		return pgerr.New(pgerr.InvalidGrantOperation, "grant options cannot be granted back to your own grantor")
	}
	return nil
}

// revokeDependents is recursive_revoke: what a role granted by virtue of grant options that it has no more.
func (s *Snapshot) revokeDependents(acl []ACLItem, role Oid, lost Privilege, owner Oid, cascade bool) ([]ACLItem, error) {
	if role == owner {
		return acl, nil
	}
	_, still := s.Held(acl, owner, role)
	if lost &^= still; lost == 0 {
		return acl, nil
	}
	for {
		i := slices.IndexFunc(acl, func(a ACLItem) bool { return a.Grantor == role && a.Privileges&lost != 0 })
		if i < 0 {
			return acl, nil
		}
		if !cascade {
			return nil, pgerr.New(pgerr.DependentObjectsStillExist, "dependent privileges exist").
				WithHint("Use CASCADE to revoke them too.")
		}
		item := ACLItem{Grantee: acl[i].Grantee, Grantor: role, Privileges: lost, Grantable: lost}
		var err error
		if acl, err = s.updateACL(acl, item, false, owner, cascade); err != nil {
			return nil, err
		}
	}
}

// ChangeACLOwner is aclnewowner: what the old owner granted and was granted becomes the new owner's.
func ChangeACLOwner(acl []ACLItem, from, to Oid) []ACLItem {
	if acl == nil {
		return nil
	}
	var out []ACLItem
	for _, a := range acl {
		if a.Grantor == from {
			a.Grantor = to
		}
		if a.Grantee == from {
			a.Grantee = to
		}
		i := slices.IndexFunc(out, func(b ACLItem) bool { return b.Grantee == a.Grantee && b.Grantor == a.Grantor })
		if i < 0 {
			out = append(out, a)
			continue
		}
		out[i].Privileges |= a.Privileges
		out[i].Grantable |= a.Grantable
	}
	if out == nil {
		return []ACLItem{}
	}
	return out
}

// SortACL is aclitemsort: by grantee, PUBLIC first, and grantor. An ACL has one item of each grantee and grantor.
func SortACL(acl []ACLItem) {
	slices.SortFunc(acl, func(a, b ACLItem) int {
		return cmp.Or(cmp.Compare(a.Grantee, b.Grantee), cmp.Compare(a.Grantor, b.Grantor))
	})
}

// EqualACLs compares two ACLs without regard to order.
func EqualACLs(a, b []ACLItem) bool {
	if len(a) != len(b) {
		return false
	}
	for _, x := range a {
		if !slices.Contains(b, x) {
			return false
		}
	}
	return true
}

// ACLKind returns which privileges the relation has.
func (r Relation) ACLKind() ACLKind {
	if r.Kind == KindSequence {
		return ACLSequence
	}
	return ACLRelation
}

// ACL returns the relation's ACL as stored; an index has its table's.
func (r Relation) ACL() []ACLItem {
	switch r.Kind {
	case KindTable, KindMatView, KindIndex:
		return r.Table.ACL
	case KindSequence:
		return r.Sequence.ACL
	case KindView:
		return r.View.ACL
	}
	return nil
}

// Column returns a column of a table or view by number, or nil.
func (r Relation) Column(n AttNum) *Column {
	switch r.Kind {
	case KindTable, KindMatView:
		if c := r.Table.Column(n); c != nil && !c.Dropped {
			return c
		}
	case KindView:
		if n >= 1 && int(n) <= len(r.View.Columns) {
			return &r.View.Columns[n-1]
		}
	}
	return nil
}

// Columns returns the columns of a table or view that queries see, with their numbers.
func (r Relation) Columns(f func(AttNum, *Column)) {
	switch r.Kind {
	case KindTable, KindMatView:
		for i := range r.Table.Columns {
			if c := &r.Table.Columns[i]; !c.Dropped && !c.Hidden {
				f(c.Num, c)
			}
		}
	case KindView:
		for i := range r.View.Columns {
			f(AttNum(i+1), &r.View.Columns[i])
		}
	}
}

// Noun is what messages call the relation.
func (r Relation) Noun() string {
	switch r.Kind {
	case KindIndex:
		return "index"
	case KindSequence:
		return "sequence"
	case KindView:
		return "view"
	case KindMatView:
		return "materialized view"
	}
	return "table"
}

// RelationPrivileges returns what a role may do with a relation as a whole.
func (s *Snapshot) RelationPrivileges(r Relation, role Oid) (privileges, grantable Privilege) {
	if s.Superuser(role) {
		return ^Privilege(0), ^Privilege(0)
	}
	privileges, grantable = s.Held(r.ACLKind().Effective(r.ACL(), r.Owner()), r.Owner(), role)
	return privileges | s.allData(role, privileges), grantable
}

// allData is what pg_read_all_data and pg_write_all_data add to have.
func (s *Snapshot) allData(role Oid, have Privilege) (add Privilege) {
	const write = PrivInsert | PrivUpdate | PrivDelete
	if have&PrivSelect == 0 && s.HasPrivilegesOf(role, RoleReadAllData) {
		add |= PrivSelect
	}
	if have&write != write && s.HasPrivilegesOf(role, RoleWriteAllData) {
		add |= write
	}
	return add
}

// SystemRelationPrivileges returns what a role may do with a system relation, which open says that PUBLIC may read.
func (s *Snapshot) SystemRelationPrivileges(open bool, role Oid) Privilege {
	switch {
	case s.Superuser(role):
		return ^Privilege(0)
	case open:
		return PrivSelect
	}
	return s.allData(role, 0) & PrivSelect
}

// ColumnPrivileges returns what a role may do with a column by privileges on it alone.
func (s *Snapshot) ColumnPrivileges(r Relation, n AttNum, role Oid) (privileges, grantable Privilege) {
	c := r.Column(n)
	if s.Superuser(role) {
		return ^Privilege(0), ^Privilege(0)
	}
	if c == nil || c.ACL == nil {
		return 0, 0
	}
	return s.Held(c.ACL, r.Owner(), role)
}

// ReadsColumn reports whether a role may read a column.
func (s *Snapshot) ReadsColumn(r Relation, n AttNum, role Oid) bool {
	if p, _ := s.RelationPrivileges(r, role); p&PrivSelect != 0 {
		return true
	}
	p, _ := s.ColumnPrivileges(r, n, role)
	return p&PrivSelect != 0
}

// SchemaPrivileges returns what a role may do in a schema.
func (s *Snapshot) SchemaPrivileges(sc *Schema, role Oid) (privileges, grantable Privilege) {
	if s.Superuser(role) {
		return ^Privilege(0), ^Privilege(0)
	}
	privileges, grantable = s.Held(ACLSchema.Effective(sc.ACL, sc.Owner), sc.Owner, role)
	if sc.Temporary() { // whose it is, its session knows: it refuses others' relations when they are used
		privileges |= PrivUsage
	}
	if privileges&PrivUsage == 0 && (s.HasPrivilegesOf(role, RoleReadAllData) || s.HasPrivilegesOf(role, RoleWriteAllData)) {
		privileges |= PrivUsage
	}
	return privileges, grantable
}

// DatabasePrivileges returns what a role may do in a database.
func (s *Snapshot) DatabasePrivileges(d *Database, role Oid) (privileges, grantable Privilege) {
	if s.Superuser(role) {
		return ^Privilege(0), ^Privilege(0)
	}
	return s.Held(ACLDatabase.Effective(d.ACL, d.Owner), d.Owner, role)
}

// CheckSchemaUsage returns the error of a role that may not look into a schema, by the schema's name. Role 0 may look into
// every one, and of a schema that does not exist nothing is said.
func (s *Snapshot) CheckSchemaUsage(name string, role Oid) error {
	if role == 0 {
		return nil
	}
	if sc := s.SchemaByName(name); sc != nil {
		if p, _ := s.SchemaPrivileges(sc, role); p&PrivUsage == 0 {
			return DeniedError("schema", name)
		}
	}
	return nil
}

// DeniedError is the error for a missing privilege on an object.
func DeniedError(noun, name string) *pgerr.Error {
	return pgerr.New(pgerr.InsufficientPrivilege, "permission denied for %s %s", noun, name)
}

// NotOwnerError is the error for what only owners may do.
func NotOwnerError(noun, name string) *pgerr.Error {
	return pgerr.New(pgerr.InsufficientPrivilege, "must be owner of %s %s", noun, name)
}

// DefaultACLFor is get_user_default_acl: the ACL of an object that a role creates in a schema (0: in none), nil where that
// is the built-in default.
func (s *Snapshot) DefaultACLFor(kind ACLKind, role, schema Oid) ([]ACLItem, error) {
	var global, local []ACLItem
	found := false
	s.DefaultPrivileges(func(d *DefaultPrivileges) bool {
		if d.Role == role && d.Kind == kind {
			switch d.Schema {
			case 0:
				global, found = d.ACL, true
			case schema:
				local, found = d.ACL, true
			}
		}
		return true
	})
	if !found {
		return nil, nil
	}
	builtin := kind.Default(role)
	acl := kind.Effective(global, role)
	for _, a := range local {
		var err error
		if acl, err = s.updateACL(acl, a, true, role, false); err != nil {
			return nil, err
		}
	}
	SortACL(acl)
	if EqualACLs(acl, builtin) {
		return nil, nil
	}
	return acl, nil
}

// Text is aclitemout; name names a role.
func (a ACLItem) Text(name func(Oid) string) string {
	var b strings.Builder
	if a.Grantee != 0 {
		b.WriteString(quoteACLName(name(a.Grantee)))
	}
	b.WriteByte('=')
	for _, p := range PrivilegeNames {
		if a.Privileges&p.Bit != 0 {
			b.WriteByte(p.Letter)
		}
		if a.Grantable&p.Bit != 0 {
			b.WriteByte('*')
		}
	}
	b.WriteByte('/')
	b.WriteString(quoteACLName(name(a.Grantor)))
	return b.String()
}

// quoteACLName is putid: a name is quoted unless it has letters, digits and underscores alone.
func quoteACLName(name string) string {
	for _, c := range []byte(name) {
		if c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		}
	}
	return name
}
