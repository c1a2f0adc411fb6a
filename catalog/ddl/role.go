package ddl

import (
	"cmp"
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
		if err := x.SetMembership(ctx, group, s.Name, true); err != nil {
			return err
		}
	}
	for _, member := range s.Members {
		if err := x.SetMembership(ctx, s.Name, member, true); err != nil {
			return err
		}
	}
	return nil
}

// AlterRole is ALTER ROLE's options.
func (x *Tx) AlterRole(ctx context.Context, s *RoleSpec) error {
	r, err := x.lockRole(ctx, s.Name)
	if err != nil {
		return err
	}
	c := *r
	s.apply(&c)
	return x.put(ctx, &c)
}

// SetMembership is GRANT and REVOKE of a role.
func (x *Tx) SetMembership(ctx context.Context, group, member string, in bool) error {
	g := x.s.over.RoleByName(group)
	if g == nil {
		return errNoRole(group)
	}
	m, err := x.lockRole(ctx, member)
	if err != nil {
		return err
	}
	if in && (g.OID == m.OID || x.memberOf(g, m.OID)) {
		return pgerr.New(pgerr.InvalidGrantOperation, "role %q is a member of role %q", group, member)
	}
	c := *m
	c.MemberOf = slices.Clone(m.MemberOf)
	if has := slices.Index(c.MemberOf, g.OID); in && has < 0 {
		c.MemberOf = append(c.MemberOf, g.OID)
	} else if in {
		x.notice(pgerr.Notice("role %q is already a member of role %q", member, group))
		return nil
	} else if has >= 0 {
		c.MemberOf = slices.Delete(c.MemberOf, has, has+1)
	} else {
		x.notice(pgerr.NewWarning(pgerr.Warning, "role %q is not a member of role %q", member, group))
		return nil
	}
	return x.put(ctx, &c)
}

func (x *Tx) memberOf(r *catalog.Role, group catalog.Oid) bool {
	for _, g := range r.MemberOf {
		if g == group {
			return true
		}
		if parent := x.s.over.Role(g); parent != nil && x.memberOf(parent, group) {
			return true
		}
	}
	return false
}

// RenameRole is ALTER ROLE … RENAME TO.
func (x *Tx) RenameRole(ctx context.Context, name, to string) error {
	r, err := x.lockRole(ctx, name)
	if err != nil {
		return err
	}
	if r.OID == x.user() {
		return pgerr.New(pgerr.FeatureNotSupported, "session user cannot be renamed")
	}
	if err := reservedRole(to); err != nil {
		return err
	}
	if x.s.over.RoleByName(to) != nil {
		return pgerr.New(pgerr.DuplicateObject, "role %q already exists", to)
	}
	c := *r
	c.Name = to
	return x.put(ctx, &c)
}

// DropRoles is DROP ROLE.
func (x *Tx) DropRoles(ctx context.Context, names []string, missingOK bool) error {
	x.refresh()
	for _, n := range names {
		if x.s.over.RoleByName(n) == nil && missingOK {
			x.notice(pgerr.Notice("role %q does not exist, skipping", n))
			continue
		}
		r, err := x.lockRole(ctx, n)
		if err != nil {
			return err
		}
		if r.OID == x.user() {
			return pgerr.New(pgerr.ObjectInUse, "current user cannot be dropped")
		}
		if lines := x.ownedBy(r.OID); r.OID == catalog.BootstrapRole {
			return pgerr.New(pgerr.DependentObjectsStillExist, "cannot drop role %s because it is required by the database system", n)
		} else if len(lines) > 0 {
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
		if slices.Contains(r.MemberOf, group) {
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
		c.MemberOf = slices.DeleteFunc(slices.Clone(r.MemberOf), func(o catalog.Oid) bool { return o == group })
		if err := x.put(ctx, &c); err != nil {
			return err
		}
	}
	return nil
}

// ownedBy lists what a role owns or is granted, in the words of DETAIL.
func (x *Tx) ownedBy(role catalog.Oid) []string {
	type link struct {
		oid  catalog.Oid
		text string
	}
	var links []link
	path := x.searchPath()
	note := func(owner catalog.Oid, acl []catalog.ACLItem, p catalog.Part) {
		if owner == role {
			links = append(links, link{p.OID, "owner of " + x.s.over.Describe(path, p)})
			return
		}
		for _, a := range acl {
			if a.Grantee == role {
				links = append(links, link{p.OID, "privileges for " + x.s.over.Describe(path, p)})
			}
		}
	}
	x.s.over.Schemas(func(o *catalog.Schema) bool {
		note(o.Owner, o.ACL, catalog.Part{Kind: catalog.PartSchema, OID: o.OID})
		return true
	})
	x.s.over.Tables(func(o *catalog.Table) bool {
		note(o.Owner, o.ACL, catalog.Part{Kind: catalog.PartTable, OID: o.OID})
		return true
	})
	x.s.over.Sequences(func(o *catalog.Sequence) bool {
		if o.OwnedByTab == 0 {
			note(o.Owner, o.ACL, catalog.Part{Kind: catalog.PartSequence, OID: o.OID})
		}
		return true
	})
	x.s.over.Views(func(o *catalog.View) bool {
		note(o.Owner, o.ACL, catalog.Part{Kind: catalog.PartView, OID: o.OID})
		return true
	})
	slices.SortStableFunc(links, func(a, b link) int { return cmp.Compare(a.oid, b.oid) })
	lines := make([]string, len(links))
	for i, l := range links {
		lines[i] = l.text
	}
	return lines
}
