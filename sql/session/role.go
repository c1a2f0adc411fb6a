package session

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// A session has three roles: who logged in, whose session it is (SET SESSION AUTHORIZATION), and the current one (SET ROLE),
// whose privileges count. The latter two are settings, so that they end with their transaction as settings do; their raw
// values are OIDs, so that a role may be renamed meanwhile.

// noRole is the raw value of role where SET ROLE is not in effect.
const noRole = "none"

// isRoleSetting reports whether a setting (in lower case) names a role.
func isRoleSetting(name string) bool { return name == "role" || name == "session_authorization" }

// hiddenSetting reports whether SHOW ALL and pg_settings leave a setting out: those about roles are shown by name only, and so
// are PL/pgSQL's, which PostgreSQL shows from when a session has loaded it.
func hiddenSetting(name string) bool {
	return isRoleSetting(name) || name == "is_superuser" || strings.HasPrefix(name, "plpgsql.")
}

// sessionRole is session_user.
func (s *Session) sessionRole() catalog.Oid {
	if r := s.settings.SessionRole; r != 0 {
		return r
	}
	return s.loginRole
}

// role is current_user.
func (s *Session) role() catalog.Oid {
	if r := s.settings.Role; r != 0 {
		return r
	}
	return s.sessionRole()
}

// roleName names a role; PostgreSQL prints the OID of one that is gone.
func (s *Session) roleName(oid catalog.Oid) string {
	if n := s.snapshot().RoleName(oid); n != "" {
		return n
	}
	if oid == s.loginRole {
		return s.start.User
	}
	return "unknown (OID=" + strconv.FormatUint(uint64(oid), 10) + ")"
}

func (s *Session) superuser() bool { return s.snapshot().Superuser(s.role()) }

// setRole is SET ROLE and SET SESSION AUTHORIZATION, and with a nil value their RESET.
func (s *Session) setRole(name string, value *string, local bool) error {
	none := noRole
	if name == "role" {
		if value == nil || *value == noRole {
			return s.set("role", &none, local)
		}
		r := s.snapshot().RoleByName(*value)
		if r == nil {
			return pgerr.New(pgerr.InvalidParameterValue, "role \"%s\" does not exist", *value)
		}
		if !s.snapshot().IsMember(s.sessionRole(), r.OID) {
			return pgerr.New(pgerr.InsufficientPrivilege, "permission denied to set role \"%s\"", *value)
		}
		raw := rawRole(r.OID)
		return s.set("role", &raw, local)
	}
	raw := rawRole(s.loginRole)
	if value != nil {
		r := s.snapshot().RoleByName(*value)
		if r == nil {
			return pgerr.New(pgerr.InvalidParameterValue, "role \"%s\" does not exist", *value)
		}
		if r.OID != s.loginRole && !s.snapshot().Superuser(s.loginRole) {
			return pgerr.New(pgerr.InsufficientPrivilege, "permission denied to set session authorization")
		}
		raw = rawRole(r.OID)
	}
	next, err := s.settings.with(changer{superuser: true}, "session_authorization", &raw, local)
	if err == nil {
		next, err = next.with(changer{superuser: true}, "role", &none, local) // SET ROLE ends with the session that it was of
	}
	if err != nil {
		return err
	}
	s.adopt(next)
	return nil
}

func rawRole(oid catalog.Oid) string { return strconv.FormatUint(uint64(oid), 10) }

// shown turns the raw value of a setting into what clients see.
func (s *Session) shown(key, raw string) string {
	switch key {
	case "role":
		if s.settings.Role == 0 {
			return noRole
		}
		return s.roleName(s.settings.Role)
	case "session_authorization":
		return s.roleName(s.sessionRole())
	case "is_superuser":
		return onOff(s.superuser())
	}
	return raw
}

// boundPath is the effective search path for a catalog, settings and a role.
type boundPath struct {
	snap     *catalog.Snapshot
	settings *Settings
	role     catalog.Oid
	path     []string
	explicit []string // the part of path that search_path names
	key      string
}

// searchPath is the effective search path: $user and pg_temp are resolved, and schemas that the role may not look into are
// left out. The session's temporary schema, where it has one, comes first unless search_path names it, and then pg_catalog.
// Those that do not exist are passed over at lookup.
func (s *Session) searchPath() []string { return s.boundPath().path }

// pathKey tells one effective search path from another.
func (s *Session) pathKey() string {
	key := s.boundPath().key
	if s.settings.NoViews {
		key += "\x00" // plans with views are not for it
	}
	if s.settings.NoRowSecurity {
		key += "\x01"
	}
	if m := s.settings.Methods; m != (planner.Methods{}) {
		key += fmt.Sprintf("\x02%t%t%t", m.NoHashJoin, m.NoMergeJoin, m.NoNestLoop)
	}
	return key
}

func (s *Session) boundPath() *boundPath {
	snap, role := s.snapshot(), s.role()
	b := &s.path
	if b.snap == snap && b.settings == s.settings && b.role == role {
		return b
	}
	*b = boundPath{snap: snap, settings: s.settings, role: role}
	own := s.tempSchema(snap)
	for _, n := range s.settings.SearchPath {
		switch n {
		case "$user":
			n = s.roleName(role)
		case catalog.TempAlias:
			n = own
		}
		if n != "" && (n == own || !catalog.IsTempSchemaName(n) && snap.CheckSchemaUsage(n, role) == nil) {
			b.path = append(b.path, n)
		}
	}
	b.explicit = slices.Clip(b.path)
	if b.path = b.explicit; own != "" && !slices.Contains(b.path, own) {
		implicit := []string{own}
		if !slices.Contains(b.path, catalog.PgCatalogName) {
			implicit = append(implicit, catalog.PgCatalogName)
		}
		b.path = append(implicit, b.path...)
	}
	b.key = strings.Join(b.path, "\x00")
	return b
}

// roleOf is the role whose rights a statement needs: that of a materialized view's owner where it fills one.
func (s *Session) roleOf(st *statement) catalog.Oid {
	if t := s.snapshot().Table(st.populate); t != nil && t.MatView != nil {
		return t.Owner
	}
	return s.role()
}

// checkPermissions checks at execution that the current role may do what a statement does.
func (s *Session) checkPermissions(p *sema.Permissions) error {
	return p.Check(s.snapshot(), s.role())
}

// startRole applies what a client's start-up says of roles.
func (s *Session) startRole(settings map[string]string) error {
	for name, value := range settings {
		if key := lower(name); isRoleSetting(key) {
			if err := s.setRole(key, &value, false); err != nil {
				return err
			}
		}
	}
	s.settings.base = s.settings.session
	return nil
}

// admitRole decides whether a role that has proved who it is may have this session, which is counted already. The connection
// limit is one for each node.
func (s *Session) admitRole() error {
	snap := s.catalog()
	r := snap.Role(s.loginRole)
	if r.ConnLimit >= 0 && !r.Superuser && s.node.activity.count(r.OID) > int(r.ConnLimit) {
		return pgerr.Fatal(pgerr.TooManyConnections, "too many connections for role \"%s\"", r.Name)
	}
	return s.admitDatabase(r)
}

// maySignal checks that the current role may cancel or terminate another session; false where there is none.
func (s *Session) maySignal(pid int32, terminate bool) (bool, error) {
	user, ok := s.node.System.SessionUser(s.systemEnv(), pid)
	if !ok {
		s.notice(pgerr.NewWarning(pgerr.Warning, "PID %d is not a PostgreSQL backend process", pid))
		return false, nil
	}
	snap := s.snapshot()
	r := snap.RoleByName(user)
	if s.superuser() || r == nil {
		return true, nil
	}
	verb, query, end := "cancel", "query", "query is being canceled"
	if terminate {
		verb, query, end = "terminate", "process", "process is being terminated"
	}
	switch {
	case r.Superuser:
		return false, pgerr.New(pgerr.InsufficientPrivilege, "must be a superuser to %s superuser %s", verb, query)
	case !snap.HasPrivilegesOf(s.role(), r.OID) && !snap.HasPrivilegesOf(s.role(), catalog.RoleSignalBackend):
		return false, pgerr.New(pgerr.InsufficientPrivilege, "must be a member of the role whose %s or member of pg_signal_backend", end)
	}
	return true, nil
}

// sequenceAllowed checks that the current role has any of the privileges on a sequence.
func (s *Session) sequenceAllowed(q *catalog.Sequence, any catalog.Privilege) error {
	have, _ := s.snapshot().RelationPrivileges(catalog.Relation{Kind: catalog.KindSequence, Sequence: q}, s.role())
	if have&any == 0 {
		return catalog.DeniedError("sequence", q.Name)
	}
	return nil
}
