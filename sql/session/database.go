package session

import (
	"context"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// A session is in one database from its beginning to its end. Who creates from, renames or drops a database wants to be alone
// in it: the lock on the database, taken on all nodes, keeps new sessions out, and those that are there are counted. A session
// that begins holds the lock in a weak mode until it is counted.

const (
	// enterTimeout bounds how long a session waits to enter a database.
	enterTimeout = time.Minute
	// aloneTimeout is how long the sessions of a database may take to end (CountOtherDBBackends).
	aloneTimeout  = 5 * time.Second
	aloneInterval = 100 * time.Millisecond
)

func errNoDatabase(name string) *pgerr.Error {
	return pgerr.Fatal(pgerr.InvalidCatalogName, "database \"%s\" does not exist", name)
}

// enterDatabase puts the session into its database and counts it.
func (s *Session) enterDatabase() error {
	d := s.node.Catalog().DatabaseByName(s.start.Database)
	if d == nil {
		return errNoDatabase(s.start.Database)
	}
	ctx, cancel := context.WithTimeout(s.base, enterTimeout)
	defer cancel()
	key := lock.TableKey(topo.TableID(d.OID))
	if _, err := s.node.Tables.Acquire(ctx, s.owner, key[:], lock.Mode(ddl.RowExclusiveLock), &lock.Options{}); err != nil {
		return s.lockError(ctx, err)
	}
	defer s.node.Tables.Release(s.owner, key[:])
	if now := s.node.Catalog().DatabaseByName(s.start.Database); now == nil || now.OID != d.OID {
		return errNoDatabase(s.start.Database).WithDetail("It seems to have just been dropped or renamed.")
	}
	s.database = d.OID
	s.activity = s.node.activity.add(s)
	return nil
}

// admitDatabase decides whether a session that is counted may be in its database. The connection limit is one for each node.
func (s *Session) admitDatabase(r *catalog.Role) error {
	d := s.catalog().CurrentDatabase()
	if _, internal := s.client.(silent); d == nil || internal {
		return nil
	}
	if d.NoConnections {
		return pgerr.Fatal(pgerr.ObjectNotInPrerequisiteState, "database \"%s\" is not currently accepting connections", d.Name)
	}
	if p, _ := s.catalog().DatabasePrivileges(d, r.OID); p&catalog.PrivConnect == 0 {
		return pgerr.Fatal(pgerr.InsufficientPrivilege, "permission denied for database \"%s\"", d.Name).
			WithDetail("User does not have CONNECT privilege.")
	}
	if d.ConnLimit != nil && !r.Superuser && s.node.activity.countIn(d.OID) > int(*d.ConnLimit) {
		return pgerr.Fatal(pgerr.TooManyConnections, "too many connections for database \"%s\"", d.Name)
	}
	return nil
}

// countIn is the number of sessions in a database.
func (a *activity) countIn(database catalog.Oid) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for e := range a.entries {
		if e.session.database == database {
			n++
		}
	}
	return n
}

// anyDatabase names a database for what the server does for itself.
func (n *Node) anyDatabase() (name string) {
	n.Catalog().EachDatabase(func(v *catalog.Snapshot) bool {
		if d := v.CurrentDatabase(); d != nil {
			name = d.Name
		}
		return name == ""
	})
	return name
}

// alone is ddl.Alone.
func (s *Session) alone(ctx context.Context, d *catalog.Database, force bool) (others int, err error) {
	mode := ddl.AccessExclusiveLock
	if d.OID == s.database {
		mode = ddl.ShareLock // a template
	}
	if err := s.lockTable(ctx, d.OID, mode, false); err != nil {
		return 0, err
	}
	if force {
		if err := s.terminateIn(d.Name); err != nil {
			return 0, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, aloneTimeout)
	defer cancel()
	for {
		list, missing := s.node.System.Activity(s.systemEnv())
		others = 0
		for _, a := range list {
			if a.Database == d.Name && a.PID != s.start.PID {
				others++
			}
		}
		if others == 0 && len(missing) == 0 {
			return 0, nil
		}
		select {
		case <-ctx.Done():
			if len(missing) > 0 && others == 0 {
				return 0, pgerr.New(pgerr.ObjectInUse, "database \"%s\" may be accessed by other users", d.Name).
					WithDetail("Node %d does not answer.", missing[0])
			}
			return others, nil
		case <-time.After(aloneInterval):
		}
	}
}

// terminateIn ends the other sessions of a database, if it may.
func (s *Session) terminateIn(database string) error {
	list, _ := s.node.System.Activity(s.systemEnv())
	for _, a := range list {
		if a.Database != database || a.PID == s.start.PID {
			continue
		}
		if ok, err := s.maySignal(a.PID, true); err != nil {
			return err
		} else if ok {
			s.node.Terminate(a.PID)
		}
	}
	return nil
}

// copySequence makes a sequence that nobody knows yet go on where another is.
func (s *Session) copySequence(from, to *catalog.Sequence) error {
	v, err := s.node.Txns.ReadSequence(s.base, sequenceOptions(from))
	if err != nil || !v.IsCalled && v.Last == from.First {
		return err
	}
	return s.node.Txns.SetSequence(s.base, sequenceOptions(to), v)
}

// checkSetting checks a SET or RESET that later sessions are to begin with: utility.Env.CheckSetting. Values are kept as they
// were given.
func (s *Session) checkSetting(u *parse.VariableSetStmt) (name string, value *string, err error) {
	if u.Kind == parse.VarResetAll {
		return "", nil, nil
	}
	name = u.Name
	if d := settingTable[lower(name)]; d != nil {
		name = d.name
	}
	switch u.Kind {
	case parse.VarReset, parse.VarSetDefault:
		_, err = s.settings.with(changer{superuser: s.superuser()}, u.Name, nil, false)
		return name, nil, err
	case parse.VarSetCurrent:
		now, ok := s.settings.Get(u.Name)
		if !ok {
			return "", nil, pgerr.New(pgerr.UndefinedObject, "unrecognized configuration parameter \"%s\"", u.Name)
		}
		now = s.shown(lower(u.Name), now)
		return name, &now, nil
	case parse.VarSetValue:
	default:
		return "", nil, pgerr.NotSupported("SET of this kind for a role or database")
	}
	v, err := setValue(lower(u.Name), u.Args)
	if err != nil {
		return "", nil, err
	}
	if isRoleSetting(lower(u.Name)) {
		if lower(u.Name) == "session_authorization" {
			return "", nil, pgerr.New(pgerr.CantChangeRuntimeParam, "parameter \"%s\" cannot be set", u.Name)
		}
		if v != noRole && s.snapshot().RoleByName(v) == nil {
			s.notice(pgerr.Notice("role \"%s\" does not exist", v))
		}
		return name, &v, nil
	}
	_, err = s.settings.with(changer{superuser: s.superuser()}, u.Name, &v, false)
	return name, &v, err
}

// loginSettings applies what ALTER DATABASE and ALTER ROLE set for the session, the weakest first. One that is no longer valid
// is warned of. It returns where each came from, and the role to be set.
func (s *Session) loginSettings(next *Settings) (*Settings, map[string]string, string) {
	sources, role := map[string]string{}, ""
	snap := s.catalog()
	apply := func(list []catalog.Setting, source string) {
		for _, x := range list {
			if lower(x.Name) == "role" {
				role = x.Value
				continue
			}
			n, err := next.with(changer{superuser: true}, x.Name, &x.Value, false)
			if err != nil {
				w := pgerr.From(err).Clone().WithSeverity("WARNING")
				s.client.Notice(w)
				continue
			}
			next = n
			sources[lower(x.Name)] = source
		}
	}
	if r := snap.Role(catalog.BootstrapRole); r != nil {
		apply(r.Everyone, "global")
	}
	if d := snap.CurrentDatabase(); d != nil {
		apply(d.Settings, "database")
	}
	if r := snap.Role(s.loginRole); r != nil {
		apply(r.SettingsIn(0), "user")
		apply(r.SettingsIn(s.database), "database user")
	}
	return next, sources, role
}
