package ddl

import (
	"context"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

func reservedRole(name string) error {
	if strings.HasPrefix(name, "pg_") {
		return pgerr.New(pgerr.ReservedName, "role name %q is reserved", name).
			WithDetail("Role names starting with \"pg_\" are reserved.")
	}
	if name == "public" || name == "none" {
		return pgerr.New(pgerr.ReservedName, "role name %q is reserved", name)
	}
	return nil
}

// lockRole resolves a role by name and locks its descriptor.
func (x *Tx) lockRole(ctx context.Context, name string) (*catalog.Role, error) {
	x.refresh()
	r := x.s.over.RoleByName(name)
	if r == nil {
		return nil, errNoRole(name)
	}
	if err := x.lockObjects(ctx, r.ObjectID()); err != nil {
		return nil, err
	}
	if r = x.s.over.RoleByName(name); r == nil {
		return nil, errNoRole(name)
	}
	return r, nil
}

// shareRole holds a role against being dropped before what names it is committed; 0 is PUBLIC.
func (x *Tx) shareRole(ctx context.Context, oid catalog.Oid) error {
	if oid < catalog.FirstNormalOid { // which is never dropped
		return nil
	}
	if err := x.shareObject(ctx, x.id(catalog.ClassRole, oid)); err != nil {
		return err
	}
	if x.s.over.Role(oid) == nil {
		return pgerr.New(pgerr.UndefinedObject, "role %d was concurrently dropped", oid)
	}
	return nil
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func (s *RoleSpec) apply(r *catalog.Role) {
	set(&r.Superuser, s.Superuser)
	set(&r.Login, s.Login)
	set(&r.Inherit, s.Inherit)
	set(&r.CreateRole, s.CreateRole)
	set(&r.CreateDB, s.CreateDB)
	set(&r.Replication, s.Replication)
	set(&r.BypassRLS, s.BypassRLS)
	set(&r.ConnLimit, s.ConnLimit)
	set(&r.ValidUntil, s.ValidUntil)
	set(&r.Password, s.Password)
}

// CreateRole is CREATE ROLE, USER and GROUP.
func (x *Tx) CreateRole(ctx context.Context, s *RoleSpec) error {
	x.refresh()
	if err := x.mayCreateRole(s); err != nil {
		return err
	}
	if err := reservedRole(s.Name); err != nil {
		return err
	}
	if x.s.over.RoleByName(s.Name) != nil {
		return pgerr.New(pgerr.DuplicateObject, "role %q already exists", s.Name)
	}
	r := &catalog.Role{Name: s.Name, Inherit: true, ConnLimit: -1}
	s.apply(r)
	var err error
	if r.OID, err = x.newOID(ctx); err != nil {
		return err
	}
	if err := x.put(ctx, r); err != nil {
		return err
	}
	for _, group := range s.MemberOf {
		if err := x.AddMembers(ctx, group, []string{s.Name}, x.user(), false); err != nil {
			return err
		}
	}
	if err := x.AddMembers(ctx, s.Name, s.Admins, x.user(), true); err != nil {
		return err
	}
	return x.AddMembers(ctx, s.Name, s.Members, x.user(), false)
}

func denied(format string, args ...any) error {
	return pgerr.New(pgerr.InsufficientPrivilege, format, args...)
}

func (x *Tx) superuser() bool { return x.s.over.Superuser(x.user()) }

// createsRoles is have_createrole_privilege.
func (x *Tx) createsRoles() bool {
	r := x.s.over.Role(x.user())
	return r != nil && (r.Superuser || r.CreateRole)
}

func on(b *bool) bool { return b != nil && *b }

func (x *Tx) mayCreateRole(s *RoleSpec) error {
	super := x.superuser()
	switch {
	case on(s.Superuser) && !super:
		return denied("must be superuser to create superusers")
	case on(s.Superuser):
	case on(s.Replication) && !super:
		return denied("must be superuser to create replication users")
	case on(s.Replication):
	case on(s.BypassRLS) && !super:
		return denied("must be superuser to create bypassrls users")
	case on(s.BypassRLS):
	case !x.createsRoles():
		return denied("permission denied to create role")
	}
	return nil
}

func (x *Tx) mayAlterRole(s *RoleSpec, r *catalog.Role) error {
	super := x.superuser()
	switch {
	case r.Superuser || s.Superuser != nil:
		if !super {
			return denied("must be superuser to alter superuser roles or change superuser attribute")
		}
	case r.Replication || s.Replication != nil:
		if !super {
			return denied("must be superuser to alter replication roles or change replication attribute")
		}
	case s.BypassRLS != nil:
		if !super {
			return denied("must be superuser to change bypassrls attribute")
		}
	case !x.createsRoles():
		// Everybody may change the own password, and nothing else.
		if s.Inherit != nil || s.CreateRole != nil || s.CreateDB != nil || s.Login != nil || s.ConnLimit != nil ||
			s.ValidUntil != nil || s.Members != nil || s.Password == nil || r.OID != x.user() {
			return denied("permission denied")
		}
	}
	return nil
}

// AlterRole is ALTER ROLE's options, and ALTER GROUP … ADD or, with drop, DROP USER.
func (x *Tx) AlterRole(ctx context.Context, s *RoleSpec, drop bool) error {
	if strings.HasPrefix(s.Name, "pg_") {
		return pgerr.New(pgerr.ReservedName, "role name %q is reserved", s.Name).WithDetail("Cannot alter reserved roles.")
	}
	r, err := x.lockRole(ctx, s.Name)
	if err != nil {
		return err
	}
	if err := x.mayAlterRole(s, r); err != nil {
		return err
	}
	c := *r
	s.apply(&c)
	if err := x.put(ctx, &c); err != nil || s.Members == nil {
		return err
	}
	if drop {
		return x.DropMembers(ctx, s.Name, s.Members, false)
	}
	return x.AddMembers(ctx, s.Name, s.Members, x.user(), false)
}

// mayChangeMembers checks that the current role may grant and revoke membership of a role; as is whose admin option counts.
func (x *Tx) mayChangeMembers(group *catalog.Role, as catalog.Oid) error {
	if group.Superuser {
		if !x.superuser() {
			return denied("must be superuser to alter superusers")
		}
		return nil
	}
	if !x.createsRoles() && !x.s.over.IsAdmin(as, group.OID) {
		return denied("must have admin option on role \"%s\"", group.Name)
	}
	return nil
}

// AddMembers is GRANT of a role.
func (x *Tx) AddMembers(ctx context.Context, group string, members []string, grantor catalog.Oid, admin bool) error {
	if len(members) == 0 {
		return nil
	}
	g := x.s.over.RoleByName(group)
	if g == nil {
		return errNoRole(group)
	}
	if err := x.mayChangeMembers(g, grantor); err != nil {
		return err
	}
	if g.OID == catalog.RoleDatabaseOwner {
		return pgerr.New(pgerr.InternalError, "role \"%s\" cannot have explicit members", group)
	}
	if grantor != x.user() && !x.superuser() {
		return denied("must be superuser to set grantor")
	}
	for _, member := range members {
		if err := x.addMember(ctx, g, member, catalog.Membership{Role: g.OID, Grantor: grantor, Admin: admin}); err != nil {
			return err
		}
	}
	return nil
}

func (x *Tx) addMember(ctx context.Context, g *catalog.Role, member string, add catalog.Membership) error {
	m, err := x.lockRole(ctx, member)
	if err != nil {
		return err
	}
	if err := x.shareObject(ctx, g.ObjectID()); err != nil {
		return err
	}
	switch {
	case m.OID == catalog.RoleDatabaseOwner:
		return pgerr.New(pgerr.InternalError, "role \"%s\" cannot be a member of any role", member)
	case x.s.over.IsMemberNosuper(g.OID, m.OID):
		return pgerr.New(pgerr.InvalidGrantOperation, "role %q is a member of role %q", g.Name, member)
	}
	c := *m
	c.MemberOf = slices.Clone(m.MemberOf)
	i := slices.IndexFunc(c.MemberOf, func(h catalog.Membership) bool { return h.Role == g.OID })
	switch {
	case i < 0:
		c.MemberOf = append(c.MemberOf, add)
	case !add.Admin || c.MemberOf[i].Admin:
		x.notice(pgerr.Notice("role %q is already a member of role %q", member, g.Name))
		return nil
	default:
		c.MemberOf[i] = add
	}
	return x.put(ctx, &c)
}

// DropMembers is REVOKE of a role, or with adminOnly of its ADMIN OPTION.
func (x *Tx) DropMembers(ctx context.Context, group string, members []string, adminOnly bool) error {
	if len(members) == 0 {
		return nil
	}
	g := x.s.over.RoleByName(group)
	if g == nil {
		return errNoRole(group)
	}
	if err := x.mayChangeMembers(g, x.user()); err != nil {
		return err
	}
	for _, member := range members {
		m, err := x.lockRole(ctx, member)
		if err != nil {
			return err
		}
		c := *m
		c.MemberOf = slices.Clone(m.MemberOf)
		i := slices.IndexFunc(c.MemberOf, func(h catalog.Membership) bool { return h.Role == g.OID })
		if i < 0 {
			x.notice(pgerr.NewWarning(pgerr.Warning, "role %q is not a member of role %q", member, group))
			continue
		}
		if c.MemberOf[i].Admin = false; !adminOnly {
			c.MemberOf = slices.Delete(c.MemberOf, i, i+1)
		}
		if err := x.put(ctx, &c); err != nil {
			return err
		}
	}
	return nil
}

// RenameRole is ALTER ROLE … RENAME TO.
func (x *Tx) RenameRole(ctx context.Context, name, to string) error {
	r, err := x.lockRole(ctx, name)
	if err != nil {
		return err
	}
	switch r.OID {
	case x.sessionUser():
		return pgerr.New(pgerr.FeatureNotSupported, "session user cannot be renamed")
	case x.user():
		return pgerr.New(pgerr.FeatureNotSupported, "current user cannot be renamed")
	}
	if err := reservedRole(name); err != nil {
		return err
	}
	if err := reservedRole(to); err != nil {
		return err
	}
	if x.s.over.RoleByName(to) != nil {
		return pgerr.New(pgerr.DuplicateObject, "role %q already exists", to)
	}
	switch {
	case r.Superuser && !x.superuser():
		return denied("must be superuser to rename superusers")
	case !x.createsRoles():
		return denied("permission denied to rename role")
	}
	c := *r
	c.Name = to
	return x.put(ctx, &c)
}

// DropRoles is DROP ROLE.
func (x *Tx) DropRoles(ctx context.Context, names []string, missingOK bool) error {
	x.refresh()
	if !x.createsRoles() {
		return denied("permission denied to drop role")
	}
	for _, n := range names {
		if x.s.over.RoleByName(n) == nil && missingOK {
			x.notice(pgerr.Notice("role %q does not exist, skipping", n))
			continue
		}
		r, err := x.lockRole(ctx, n)
		if err != nil {
			return err
		}
		switch {
		case r.OID == x.user():
			return pgerr.New(pgerr.ObjectInUse, "current user cannot be dropped")
		case r.OID == x.sessionUser():
			return pgerr.New(pgerr.ObjectInUse, "session user cannot be dropped")
		case r.Superuser && !x.superuser():
			return denied("must be superuser to drop superusers")
		}
		if r.OID < catalog.FirstNormalOid {
			return pgerr.New(pgerr.DependentObjectsStillExist, "cannot drop role %s because it is required by the database system", n)
		} else if lines := x.dependenciesOn(r.OID); len(lines) > 0 {
			return pgerr.New(pgerr.DependentObjectsStillExist, "role %q cannot be dropped because some objects depend on it", n).
				WithDetail("%s", strings.Join(lines, "\n"))
		}
		if err := x.leaveGroup(ctx, r.OID); err != nil {
			return err
		}
		if err := x.remove(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (x *Tx) leaveGroup(ctx context.Context, group catalog.Oid) error {
	var members []string
	x.s.over.Roles(func(r *catalog.Role) bool {
		if _, ok := r.Membership(group); ok {
			members = append(members, r.Name)
		}
		return true
	})
	for _, m := range members {
		r, err := x.lockRole(ctx, m)
		if err != nil {
			return err
		}
		c := *r
		c.MemberOf = slices.DeleteFunc(slices.Clone(r.MemberOf), func(h catalog.Membership) bool { return h.Role == group })
		if err := x.put(ctx, &c); err != nil {
			return err
		}
	}
	return nil
}
