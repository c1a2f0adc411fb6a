package catalog

import (
	"testing"
	"time"
)

// A membership was once stored as the group's OID alone.
func TestMembershipsOfOldDescriptors(t *testing.T) {
	o, err := Decode(ClassRole, append([]byte{formatVersion}, `{"OID":16400,"MemberOf":[16390,{"Role":16391,"Grantor":16392,"Admin":true}]}`...))
	if err != nil {
		t.Fatal(err)
	}
	r := o.(*Role)
	if len(r.MemberOf) != 2 || r.MemberOf[0] != (Membership{Role: 16390, Grantor: BootstrapRole}) || r.MemberOf[1] != (Membership{16391, 16392, true}) {
		t.Errorf("%+v", r.MemberOf)
	}
}

// The first schemas were once stored without privileges; PUBLIC could use them all the same.
func TestSchemasOfOldDescriptors(t *testing.T) {
	o, err := Decode(ClassSchema, append([]byte{formatVersion}, `{"OID":2200,"Name":"public","Owner":10,"ACL":null}`...))
	if err != nil {
		t.Fatal(err)
	}
	s := NewSnapshot().Put(&Role{OID: 100, Inherit: true}).Put(o)
	if p, _ := s.SchemaPrivileges(s.Schema(PublicSchema), 100); p != PrivUsage {
		t.Errorf("privileges %x in public", p)
	}
}

func TestPasswordsExpire(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for until, want := range map[string]bool{"": false, "infinity": false, "-infinity": true, "2026-06-01 12:00:01+00": false,
		"2026-06-01 11:59:59+00": true, "2026-06-01 14:00:01+02": false} {
		if got := (&Role{ValidUntil: until}).PasswordExpired(now); got != want {
			t.Errorf("%q: %v", until, got)
		}
	}
}

// What PostgreSQL's acl.c does in the cases that its comments name.
func TestHeldPrivileges(t *testing.T) {
	const owner, group, member, apart, super = 100, 101, 102, 103, 104
	s := NewSnapshot()
	for _, r := range []*Role{{OID: owner, Inherit: true}, {OID: group, Inherit: true}, {OID: super, Superuser: true},
		{OID: member, Inherit: true, MemberOf: []Membership{{Role: group}}}, {OID: apart, MemberOf: []Membership{{Role: group, Admin: true}}}} {
		s = s.Put(r)
	}
	acl := []ACLItem{{Grantee: group, Grantor: owner, Privileges: PrivSelect | PrivInsert, Grantable: PrivInsert}, {Grantor: owner, Privileges: PrivUpdate}}
	for role, want := range map[Oid][2]Privilege{member: {PrivSelect | PrivInsert | PrivUpdate, PrivInsert}, apart: {PrivUpdate, 0},
		0: {PrivUpdate, 0}, owner: {PrivUpdate, ^Privilege(0)}, super: {PrivSelect | PrivInsert | PrivUpdate, ^Privilege(0)}} {
		if p, g := s.Held(acl, owner, role); p != want[0] || g != want[1] {
			t.Errorf("role %d holds %x, %x, not %x", role, p, g, want)
		}
	}
	if !s.IsMember(apart, group) || s.HasPrivilegesOf(apart, group) || !s.IsAdmin(apart, group) || s.IsAdmin(member, group) {
		t.Error("a member WITH ADMIN OPTION and NOINHERIT")
	}
	if g, o := s.BestGrantor(member, PrivSelect|PrivInsert, acl, owner); g != group || o != PrivInsert {
		t.Errorf("grants as %d with %x", g, o)
	}
}
