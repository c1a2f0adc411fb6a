package catalog

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"time"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The OIDs of PostgreSQL's predefined roles that rules name.
const (
	RoleMonitor       Oid = 3373
	RoleSignalBackend Oid = 4200
	RoleCheckpoint    Oid = 4544
	RoleReadFiles     Oid = 4569
	RoleWriteFiles    Oid = 4570
	RoleDatabaseOwner Oid = 6171
	RoleReadAllData   Oid = 6181
	RoleWriteAllData  Oid = 6182
	RoleReadSettings  Oid = 3374
	RoleReadStats     Oid = 3375
	RoleScanTables    Oid = 3377
	RoleExecProgram   Oid = 4571
	membersOfMonitor      = 3
)

// predefinedRoles exist in every snapshot. One is stored only once it was made a member of another role.
var predefinedRoles = func() []*Role {
	monitor := make([]Membership, 0, membersOfMonitor)
	for _, g := range []Oid{RoleReadSettings, RoleReadStats, RoleScanTables} {
		monitor = append(monitor, Membership{Role: g, Grantor: BootstrapRole})
	}
	return []*Role{
		{OID: RoleMonitor, Name: "pg_monitor", Inherit: true, ConnLimit: -1, MemberOf: monitor},
		{OID: RoleReadSettings, Name: "pg_read_all_settings", Inherit: true, ConnLimit: -1},
		{OID: RoleReadStats, Name: "pg_read_all_stats", Inherit: true, ConnLimit: -1},
		{OID: RoleScanTables, Name: "pg_stat_scan_tables", Inherit: true, ConnLimit: -1},
		{OID: RoleSignalBackend, Name: "pg_signal_backend", Inherit: true, ConnLimit: -1},
		{OID: RoleCheckpoint, Name: "pg_checkpoint", Inherit: true, ConnLimit: -1},
		{OID: RoleReadFiles, Name: "pg_read_server_files", Inherit: true, ConnLimit: -1},
		{OID: RoleWriteFiles, Name: "pg_write_server_files", Inherit: true, ConnLimit: -1},
		{OID: RoleExecProgram, Name: "pg_execute_server_program", Inherit: true, ConnLimit: -1},
		{OID: RoleDatabaseOwner, Name: "pg_database_owner", Inherit: true, ConnLimit: -1},
		{OID: RoleReadAllData, Name: "pg_read_all_data", Inherit: true, ConnLimit: -1},
		{OID: RoleWriteAllData, Name: "pg_write_all_data", Inherit: true, ConnLimit: -1},
	}
}()

func predefinedRole(is func(*Role) bool) *Role {
	if i := slices.IndexFunc(predefinedRoles, is); i >= 0 {
		return predefinedRoles[i]
	}
	return nil
}

// UnmarshalJSON reads a membership; descriptors once held the group's OID alone.
func (m *Membership) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] != '{' {
		*m = Membership{Grantor: BootstrapRole}
		return json.Unmarshal(b, &m.Role)
	}
	type plain Membership
	return json.Unmarshal(b, (*plain)(m))
}

// PasswordExpired reports whether the role's VALID UNTIL has passed.
func (r *Role) PasswordExpired(now time.Time) bool {
	if r.ValidUntil == "" {
		return false
	}
	d, err := types.ParseText(types.T(types.TimestamptzOid), r.ValidUntil, types.DefaultIOEnv)
	if err != nil {
		return true
	}
	switch us := d.Int(); us {
	case math.MaxInt64: // infinity
		return false
	case math.MinInt64:
		return true
	default:
		return us < now.UnixMicro()-postgresEpochUS
	}
}

// postgresEpochUS is 2000-01-01, from which timestamps count, in microseconds since 1970.
const postgresEpochUS = 946684800 * 1_000_000

// Membership returns a role's own membership of another.
func (r *Role) Membership(of Oid) (m Membership, ok bool) {
	for _, m := range r.MemberOf {
		if m.Role == of {
			return m, true
		}
	}
	return m, false
}

// rolesOf returns a role and the roles that it is a member of, directly or not, nearest first; with inherit only those
// whose privileges it has without SET ROLE. It is PostgreSQL's roles_is_member_of.
func (s *Snapshot) rolesOf(role Oid, inherit bool) []Oid {
	list := []Oid{role}
	owner := Oid(0)
	if d := s.CurrentDatabase(); d != nil {
		owner = d.Owner
	}
	for i := 0; i < len(list); i++ {
		r := s.Role(list[i])
		if r == nil || inherit && !r.Inherit {
			continue
		}
		of := slices.Clone(r.MemberOf)
		slices.SortFunc(of, func(a, b Membership) int { return cmp.Compare(a.Role, b.Role) })
		for _, m := range of {
			if !slices.Contains(list, m.Role) {
				list = append(list, m.Role)
			}
		}
		if r.OID == owner && !slices.Contains(list, RoleDatabaseOwner) {
			list = append(list, RoleDatabaseOwner)
		}
	}
	return list
}

// Superuser reports whether a role exists and is a superuser.
func (s *Snapshot) Superuser(role Oid) bool {
	r := s.Role(role)
	return r != nil && r.Superuser
}

// HasPrivilegesOf reports whether member may use all that was granted to role: it is that role, a superuser, or a member
// by memberships that inherit.
func (s *Snapshot) HasPrivilegesOf(member, role Oid) bool {
	return member == role || s.Superuser(member) || slices.Contains(s.rolesOf(member, true), role)
}

// IsMember reports whether member may SET ROLE to role.
func (s *Snapshot) IsMember(member, role Oid) bool {
	return member == role || s.Superuser(member) || s.IsMemberNosuper(member, role)
}

// IsMemberNosuper is IsMember without a superuser's being a member of everything.
func (s *Snapshot) IsMemberNosuper(member, role Oid) bool {
	return member == role || slices.Contains(s.rolesOf(member, false), role)
}

// IsAdmin reports whether member may grant membership of role to others. No role has that option on itself.
func (s *Snapshot) IsAdmin(member, role Oid) bool {
	if s.Superuser(member) {
		return true
	}
	if member == role {
		return false
	}
	for _, o := range s.rolesOf(member, false) {
		if r := s.Role(o); r != nil {
			if m, ok := r.Membership(role); ok && m.Admin {
				return true
			}
		}
	}
	return false
}
