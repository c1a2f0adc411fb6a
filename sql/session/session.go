// Package session is a client's session: transaction state, prepared statements, portals, settings, and the path of a
// statement from its text to its rows. It knows the protocol's notions but not its bytes: package wire calls it for each
// message and is called back through Client.
//
// A statement goes parse (cached by text) -> analyse -> plan (both cached with the statement, for one catalog snapshot)
// -> execute. Table locks are taken between finding a plan and running it; a plan whose snapshot is no longer current by
// then is made again, so that what runs was planned against the catalog that its locks protect.
//
// Settings are PostgreSQL's run-time parameters, all of them; settings_table.go gives the rule by which one is honoured,
// accepted without effect, or refused.
//
// One goroutine drives a Session. Cancel and Terminate may be called from others.
package session

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/catalog/pgcat"
	"github.com/pgmqdb/pgmqdb/fk"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/planner/exec"
	"github.com/pgmqdb/pgmqdb/shard/deadlock"
	"github.com/pgmqdb/pgmqdb/shard/lockmgr"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/plpgsql"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Node is what sessions share: the services of the process they run in.
type Node struct {
	Catalog func() *catalog.Snapshot
	// CatalogChanged returns a channel that is closed at the next change of the catalog.
	CatalogChanged func() <-chan struct{}
	// DDL is the environment of schema changes, without what belongs to one session.
	DDL      ddl.Config
	Groups   func(topo.GroupID) rpc.Group
	Txns     *txn.Manager
	Tables   *lockmgr.Tables // by OID
	Advisory *lockmgr.Advisory
	// Locks is what Tables and Advisory are of.
	Locks *lockmgr.Manager
	// Deadlocks watches all lock managers of the node.
	Deadlocks *deadlock.Detector
	System    *pgcat.System
	// NextRowID makes the keys of tables without a primary key.
	NextRowID func(context.Context) (int64, error)
	// SessionID makes lock owners that outlive transactions (session-level advisory locks).
	SessionID func() topo.TxnID
	// Maintain flushes and reclaims (VACUUM, CHECKPOINT); with tables nil, everything.
	Maintain func(ctx context.Context) error
	// Admitted returns once the node has the right to plan statements, or why it has not; nil: it always has.
	Admitted func(ctx context.Context) error
	// CutOff reports whether the node has had no right to plan for a while; nil: it never is.
	CutOff func() bool
	// ChangeNode drains, removes or reactivates a node of the cluster and reports progress until that is done.
	ChangeNode func(ctx context.Context, what string, node topo.NodeID, progress func(string)) error
	// StoragesInUse lists the storages that are no leftovers: those that the catalog names, or remembers as garbage, and
	// those that a schema change on any node is filling.
	StoragesInUse func(ctx context.Context) (map[topo.StorageID]bool, error)
	// CheckCluster compares the replicas of each group and of the catalog, and looks for what ended coordinators left.
	CheckCluster func(ctx context.Context, report func(exec.Finding) error) error
	// Notify sends notifications of a committed transaction to the other nodes, in the order of its calls; MayNotify says
	// before whether there is room for them, NotifyUsage how much of it is used. nil: there are no other nodes.
	Notify      func(notes []Notification)
	MayNotify   func() error
	NotifyUsage func() float64

	Cancel    func(pid int32) bool
	Terminate func(pid int32) bool
	Log       *slog.Logger
	Started   time.Time
	// Temp takes what does not fit into operators' memory; nil: such statements fail.
	Temp *exec.TempDir

	programs sync.Map // database OID -> *snapshotPrograms
	activity activity
	plans    planCache

	listeners listeners
	sending   sync.Mutex // orders the notifications of the node's sessions
}

type snapshotPrograms struct {
	snap     *catalog.Snapshot
	programs *fk.Programs
}

// programsFor returns the constraint programs of a snapshot; those of the current one are shared by all sessions.
func (n *Node) programsFor(snap *catalog.Snapshot) *fk.Programs {
	if p, ok := n.programs.Load(snap.DatabaseID()); ok && p.(*snapshotPrograms).snap == snap {
		return p.(*snapshotPrograms).programs
	}
	p := &snapshotPrograms{snap, fk.NewPrograms(snap)}
	if snap == n.Catalog().In(snap.DatabaseID()) {
		n.programs.Range(func(database, _ any) bool { // of those that are gone nothing is kept
			if snap.Database(database.(catalog.Oid)) == nil {
				n.programs.Delete(database)
			}
			return true
		})
		n.programs.Store(snap.DatabaseID(), p)
	}
	return p.programs
}

// Startup is what a client said when it connected.
type Startup struct {
	User, Database string
	PID            int32
	Settings       map[string]string
	Remote, Local  string // host:port of the connection's ends
	TLS            bool
}

// Session is one client's session.
type Session struct {
	node   *Node
	client Client
	start  Startup
	// database is the OID of the database that the session is connected to.
	database catalog.Oid
	owner    topo.TxnID // of session-level advisory locks
	log      *slog.Logger

	settings   *Settings
	loginRole  catalog.Oid // who logged in; see role.go
	path       boundPath
	ioEnv      boundIO
	clockRead  atomic.Bool // ioEnv's clock was read: cleared where a plan is made
	tx         block
	statements map[string]*statement
	portals    map[string]*portal
	lastPortal int // the number of the portal opened last
	seqs       sequenceState
	advisory   bool   // has taken session-level advisory locks since it last released all
	holdTag    bool   // the command tag of the running statement waits in heldTag for the commit
	heldTag    string // see complete
	activity   *activityEntry
	temp       tempState
	// triggers are those whose functions run, innermost last.
	triggers  []*exec.TriggerData
	spill     *exec.TempSpace // nil without Node.Temp
	listening []string        // channels, in the order of LISTEN
	inbox     inbox
	nesting   int             // how deep the running statement is within others
	frames    []plpgsql.Frame // what is around the code of the innermost function, for CONTEXT
	text      string          // of the statement that the client sent
	// mayEnd says that the procedure or DO that is about to be entered may end the transaction; several, that the simple query
	// has several statements.
	mayEnd, several bool
	pl              plState
	routines        map[routineKey]*sqlRoutine

	base    context.Context // ends when the session is terminated
	endBase context.CancelCauseFunc

	mu     sync.Mutex // guards cancel
	cancel context.CancelCauseFunc
}

// Errors that interrupt statements.
var (
	errUserCancel       = pgerr.New(pgerr.QueryCanceled, "canceling statement due to user request")
	errStatementTimeout = pgerr.New(pgerr.QueryCanceled, "canceling statement due to statement timeout")
	errConnectionLost   = pgerr.Fatal(pgerr.ConnectionFailure, "connection to client lost")
	errTerminated       = pgerr.Fatal(pgerr.AdminShutdown, "terminating connection due to administrator command")
)

// New opens a session for an authenticated client and sends it the reported settings.
func New(n *Node, client Client, start Startup) (*Session, error) {
	login := n.Catalog().RoleByName(start.User)
	if login == nil {
		return nil, pgerr.Fatal(pgerr.InvalidAuthorizationSpecification, "role \"%s\" does not exist", start.User)
	}
	base := map[string]string{"session_authorization": rawRole(login.OID)}
	s := &Session{node: n, client: client, start: start, loginRole: login.OID, owner: n.SessionID(), log: n.Log,
		statements: map[string]*statement{}, portals: map[string]*portal{}}
	s.base, s.endBase = context.WithCancelCause(context.Background())
	s.settings = newSettings(base)
	s.temp.ddl.Session, s.temp.ddl.Implied = s.owner, s.tempImplied
	s.openSpill()
	if err := s.enterDatabase(); err != nil {
		return nil, err
	}
	if err := s.startUp(); err != nil {
		n.activity.remove(s.activity)
		return nil, err
	}
	return s, nil
}

// startUp decides whether the session may be, and applies and reports the settings that it starts with.
func (s *Session) startUp() error {
	if err := s.admitRole(); err != nil {
		return err
	}
	probe, sources, role := s.loginSettings(s.settings)
	for name, value := range s.start.Settings {
		if isRoleSetting(lower(name)) {
			continue
		}
		next, err := probe.with(changer{s.superuser(), true}, name, &value, false)
		if err != nil {
			return err
		}
		probe = next
		delete(sources, lower(name))
	}
	s.settings = newSettings(probe.session)
	s.settings.sources = sources
	if role != "" {
		if err := s.setRole("role", &role, false); err != nil {
			s.client.Notice(pgerr.From(err).Clone().WithSeverity("WARNING"))
		}
	}
	if err := s.startRole(s.start.Settings); err != nil {
		return err
	}
	for _, row := range s.settings.All() {
		if row.report {
			s.client.ParameterStatus(row.name, s.shown(lower(row.name), row.Value))
		}
	}
	return nil
}

// Close rolls back, and releases all that the session holds.
func (s *Session) Close() {
	s.abort()
	for name := range s.portals { // cursors that outlive transactions
		s.dropPortal(name)
	}
	s.dropTemp()
	s.unlistenAll()
	s.endBase(errTerminated)
	s.node.Advisory.ReleaseAll(s.owner)
	s.node.activity.remove(s.activity)
}

// Cancel interrupts the running statement, if there is one.
func (s *Session) Cancel() { s.interrupt(errUserCancel) }

// interrupt ends the running statement, if there is one, with an error.
func (s *Session) interrupt(why *pgerr.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil {
		s.cancel(why)
	}
}

// Terminate interrupts the running statement and makes every later one fail; the connection then ends.
func (s *Session) Terminate() { s.endBase(errTerminated) }

// ConnectionLost interrupts the running statement because its client has gone; the connection then ends.
func (s *Session) ConnectionLost() { s.endBase(errConnectionLost) }

// ConnectionCheck returns since when a statement runs, the zero time for none, and how often its client's connection is to
// be checked, 0 for never.
func (s *Session) ConnectionCheck() (began time.Time, interval time.Duration) {
	e := s.activity
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.running {
		return time.Time{}, 0
	}
	return e.began, e.checkInterval
}

// statementContext returns the context of one statement, and the function that ends it.
func (s *Session) statementContext() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(s.base)
	s.mu.Lock()
	s.cancel = cancel
	s.mu.Unlock()
	var timer *time.Timer
	if limit := s.settings.StatementLimit; limit > 0 {
		timer = time.AfterFunc(limit, func() { cancel(errStatementTimeout) })
	}
	return ctx, func() {
		if timer != nil {
			timer.Stop()
		}
		s.mu.Lock()
		s.cancel = nil
		s.mu.Unlock()
		cancel(nil)
		for _, end := range s.pl.resumed {
			end(nil)
		}
		s.pl.resumed = nil
	}
}

// admitted holds a statement up, before it is planned, while the node does not know that its catalog is current.
func (s *Session) admitted(ctx context.Context) error {
	if s.node.Admitted != nil {
		if err := s.node.Admitted(ctx); err != nil {
			return err
		}
	}
	return s.checkTemp()
}

// interrupted replaces an error by the reason for which its statement was interrupted, and completes any other with the
// names of user types.
func (s *Session) interrupted(ctx context.Context, err error) error {
	if errors.Is(err, txn.ErrSchemaChanged) {
		return pgerr.New(pgerr.SerializationFailure, "could not serialize access due to a concurrent schema change")
	}
	if err == nil {
		return nil
	}
	if e, ok := err.(*pgerr.Error); ok {
		err = sema.NameTypes(e, s.snapshot(), s.searchPath())
	}
	if ctx.Err() == nil {
		return err
	}
	if e, ok := context.Cause(ctx).(*pgerr.Error); ok && (pgerr.HasCode(err, pgerr.QueryCanceled) || !isSQLError(err)) {
		if at := pgerr.From(err).Where; at != "" && at != e.Where {
			out := pgerr.From(err).Clone() // the context is that of the place where it ended
			out.Severity, out.Code, out.Message, out.Detail, out.Hint = e.Severity, e.Code, e.Message, e.Detail, e.Hint
			return out
		}
		return e
	}
	return err
}

func isSQLError(err error) bool {
	_, ok := err.(*pgerr.Error)
	return ok
}

// TxStatus is the transaction status of ReadyForQuery: I, T or E.
func (s *Session) TxStatus() byte {
	switch {
	case s.tx.failed:
		return 'E'
	case s.tx.explicit:
		return 'T'
	}
	return 'I'
}

// notice sends a notice when client_min_messages lets it through.
func (s *Session) notice(n *pgerr.Error) {
	if severityRank(n.Severity) >= severityRank(s.settings.MinMessages) {
		if len(s.frames) > 0 && n.Where == "" {
			n = n.Clone().WithWhere("%s", s.trace())
		}
		s.client.Notice(sema.NameTypes(n, s.snapshot(), s.searchPath()))
	}
}

func severityRank(name string) int {
	switch lower(name) {
	case "debug", "debug1", "debug2", "debug3", "debug4", "debug5":
		return 0
	case "log":
		return 1
	case "info":
		return 9
	case "notice":
		return 2
	case "warning":
		return 3
	}
	return 4
}

// set applies SET and tells the client about reported settings.
func (s *Session) set(name string, value *string, local bool) error {
	next, err := s.settings.with(changer{superuser: s.superuser()}, name, value, local)
	if err != nil {
		return err
	}
	s.adopt(next)
	return nil
}

// adopt makes next the session's settings and reports what changed for the client.
func (s *Session) adopt(next *Settings) {
	old, super := s.settings, s.superuser()
	if old == next {
		return
	}
	s.settings = next
	if now := s.superuser(); now != super {
		s.client.ParameterStatus("is_superuser", onOff(now))
	}
	for key, d := range settingTable {
		if !d.report {
			continue
		}
		before, _, _ := old.raw(key)
		after, _, _ := next.raw(key)
		if before != after {
			s.client.ParameterStatus(d.name, s.shown(key, after))
		}
	}
}

// snapshot is the catalog that the session plans against: its transaction's own DDL included.
func (s *Session) snapshot() *catalog.Snapshot {
	if s.tx.ddl != nil {
		return s.tx.ddl.Overlay()
	}
	return s.catalog()
}

// catalog is the node's, as the session's database sees it.
func (s *Session) catalog() *catalog.Snapshot { return s.node.Catalog().In(s.database) }

// boundIO is the settings of text forms with reg* names bound to a catalog snapshot.
type boundIO struct {
	snap     *catalog.Snapshot
	settings *Settings
	role     catalog.Oid
	env      *types.IOEnv
}

// io returns how values are read and printed: by the settings, and with reg* values by name.
func (s *Session) io() *types.IOEnv {
	snap := s.snapshot()
	if b := &s.ioEnv; b.snap != snap || b.settings != s.settings || b.role != s.role() {
		io := pgcat.BindIO(s.systemEnv(), &s.settings.IO)
		io.Now = s.transactionStart
		io.Notice = s.notice
		*b = boundIO{snap, s.settings, s.role(), sema.JudgeFields(&sema.Env{Catalog: snap, SearchPath: s.searchPath(), IOEnv: io})}
	}
	return s.ioEnv.env
}

// transactionStart is the time that 'now' stands for. That it was asked is kept: a plan made meanwhile has it in it.
func (s *Session) transactionStart() time.Time {
	s.clockRead.Store(true)
	if s.tx.started.IsZero() {
		return time.Now()
	}
	return s.tx.started
}

func (s *Session) planEnv() *planner.Env {
	return &planner.Env{Catalog: s.snapshot(), RowCount: s.node.System.RowCount, Statistics: s.node.System.Statistics,
		Groups:  len(s.snapshot().SlotMap().DataGroups()),
		Methods: s.settings.Methods, HashBytes: int64(float64(s.settings.WorkMem) * max(1, s.settings.HashMemMultiplier)),
		ConstraintWork: s.constraintWork}
}

func lower(v string) string {
	for i := 0; i < len(v); i++ {
		if v[i] >= 'A' && v[i] <= 'Z' {
			b := []byte(v)
			for j := range b {
				if b[j] >= 'A' && b[j] <= 'Z' {
					b[j] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return v
}
