// Package server assembles a node from its parts and runs it: the data directory with its raft groups, the catalog
// replica, timestamps, transactions, the SQL listener and the HTTP endpoint. Start and Stop are its life; Check verifies
// the files of a node that is not running.
package server

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/catalog/pgcat"
	"github.com/pgmqdb/pgmqdb/catalog/store"
	"github.com/pgmqdb/pgmqdb/planner/exec"
	"github.com/pgmqdb/pgmqdb/shard/deadlock"
	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/group"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/lockmgr"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/tso"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/session"
	"github.com/pgmqdb/pgmqdb/wire"
)

// Version is the program's own version.
const Version = "0.1.0"

// Config is what the command line says.
type Config struct {
	DataDir       string
	Listen        string
	ClusterListen string
	HTTPListen    string
	Groups        int
	// Advertise is the address given to other nodes; empty: ClusterListen's.
	Advertise string
	Join      string
	// ReplaceAfter is how long a dead node's replicas are left to it before others take its place; 0: 5 minutes.
	ReplaceAfter time.Duration
	// ClusterCert, ClusterKey and ClusterCA make connections between nodes mutual TLS.
	ClusterCert, ClusterKey, ClusterCA string
	Auth                               string
	// SuperuserPassword, when set, becomes the password of user postgres at start.
	SuperuserPassword string
	TLSCert, TLSKey   string
	MaxConnections    int
	Log               *slog.Logger
}

// Limits of start and stop.
const (
	startTimeout   = 60 * time.Second
	sessionsEnd    = 10 * time.Second
	collectEvery   = 10 * time.Second
	cleanUpEvery   = 2 * time.Second
	maxGroups      = 256
	sessionLockTag = 1 << 62 // in TxnID.Seq: a session as the owner of advisory locks
)

// tempDir is where operators put what does not fit into their memory, below the data directory.
const tempDir = "pgsql_tmp"

// Server is a running node.
type Server struct {
	cfg      Config
	log      *slog.Logger
	id       *identity
	run      string // names this process among those that ran on the data directory
	address  string // where other nodes reach this one
	mux      *rpc.Mux
	dialTLS  *tls.Config
	calls    *rpc.Server
	client   *rpc.Client
	host     *group.Host
	pacer    *pacer
	router   *rpc.Router
	catalog  *store.Store
	oracle   *tso.Oracle
	clock    *clock
	member   *member
	holder   *holder
	replicas *replicas
	detector *deadlock.Detector
	locks    *lockmgr.Manager
	txns     *txn.Manager
	system   *pgcat.System
	node     *session.Node
	postman  *postman
	wire     *wire.Server
	temp     *exec.TempDir
	building ddl.Building
	// abandoned is for checks: what is finished soon is not in it for long.
	abandoned abandoned
	listener  net.Listener
	http      *http.Server
	failed    chan error
	// assembled is set when calls of other nodes can be served.
	assembled atomic.Bool
	serving   atomic.Bool // and when clients can be

	sessions atomic.Uint64
	life     context.Context
	endLife  context.CancelFunc
	work     sync.WaitGroup
	started  time.Time
	cut      cutOff
}

func (c *Config) validate() error {
	switch {
	case c.Groups < 1 || c.Groups > maxGroups:
		return fmt.Errorf("--groups must be between 1 and %d", maxGroups)
	case c.Auth != "trust" && c.Auth != "scram-sha-256":
		return fmt.Errorf("--auth must be trust or scram-sha-256, not %q", c.Auth)
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return errors.New("--tls-cert and --tls-key belong together")
	case (c.ClusterCert == "") != (c.ClusterKey == "") || (c.ClusterCert == "") != (c.ClusterCA == ""):
		return errors.New("--cluster-cert, --cluster-key and --cluster-ca belong together")
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	if !loopback(host) && c.Auth == "trust" {
		return fmt.Errorf("--listen %s is open to other machines: choose passwords with --auth scram-sha-256", c.Listen)
	}
	return nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Start brings a node up; it serves SQL when Start returns.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Auth == "" {
		cfg.Auth = "trust"
	}
	if cfg.Groups == 0 {
		cfg.Groups = 4
	}
	if cfg.ReplaceAfter == 0 {
		cfg.ReplaceAfter = 5 * time.Minute
	}
	if cfg.ClusterListen == "" {
		cfg.ClusterListen = "127.0.0.1:0"
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, log: cfg.Log, catalog: store.New(), detector: deadlock.New(), failed: make(chan error, 4),
		started: time.Now(), run: hex.EncodeToString(randomBytes(8))}
	s.life, s.endLife = context.WithCancel(context.Background())
	s.pacer = limitMemory()
	// The port is taken first: a second server on it fails before it touches any data.
	var err error
	if s.listener, err = net.Listen("tcp", cfg.Listen); err != nil {
		return nil, err
	}
	if err := s.start(ctx); err != nil {
		select {
		case cause := <-s.failed:
			err = errors.Join(cause, err)
		default:
		}
		return nil, errors.Join(err, s.shutDown())
	}
	return s, nil
}

// start brings the node up in the order of what depends on what: who it is, raft, the catalog, its place in the cluster,
// the data groups, and only then clients.
func (s *Server) start(ctx context.Context) error {
	if err := s.listen(); err != nil {
		return err
	}
	if err := s.connect(ctx); err != nil {
		return err
	}
	if err := s.openHost(); err != nil {
		return err
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	if err := s.awaitGroups(ctx); err != nil {
		return err
	}
	if err := s.cleanUp(ctx); err != nil {
		if s.alone() {
			return err
		}
		s.log.Warn("finishing what others left", "err", err) // it is tried again
	}
	s.runBackground()
	if err := s.setPassword(ctx); err != nil {
		return err
	}
	if s.cfg.Auth == "scram-sha-256" && !s.hasPassword() {
		return errors.New("no role has a password yet: give user postgres one with --superuser-password-file")
	}
	s.serving.Store(true)
	s.log.Info("ready", "node", s.id.Node, "sql", s.listener.Addr().String(), "cluster", s.address, "http", s.cfg.HTTPListen,
		"data", s.cfg.DataDir, "took", time.Since(s.started).Round(time.Millisecond))
	return nil
}

// ready is nil when clients can be served.
func (s *Server) ready() error {
	switch {
	case !s.serving.Load():
		return pgerr.New(pgerr.CannotConnectNow, "the database system is starting up")
	case s.catalog.Err() != nil:
		return s.catalog.Err()
	}
	// A node that was merely stopped for a while is back in a moment.
	ctx, cancel := context.WithTimeout(s.life, readyTimeout)
	defer cancel()
	if s.member.admitted(ctx) != nil {
		return s.cutOffError()
	}
	return nil
}

// connect opens the node-to-node listener and finds out who this node is, asking a cluster to take it in if need be.
func (s *Server) connect(ctx context.Context) error {
	err := group.InUse(s.cfg.DataDir)
	if err != nil {
		return err // said at once, before anybody is asked about this node
	}
	if err := checkNotRecovered(s.cfg.DataDir); err != nil {
		return err
	}
	if s.id, err = loadIdentity(s.cfg.DataDir); err != nil {
		return err
	}
	conf, err := s.clusterTLS()
	if err != nil {
		return err
	}
	if s.mux, err = rpc.Listen(s.cfg.ClusterListen, conf); err != nil {
		return err
	}
	s.address = s.cfg.Advertise
	if s.address == "" {
		s.address = s.mux.Addr().String()
	}
	s.client = rpc.NewClient(rpc.ClientConfig{TLS: conf})
	s.dialTLS = conf
	s.calls = rpc.NewServer(rpc.ServerConfig{Handler: s, Log: s.log})
	switch {
	case s.id.Node != 0:
		return s.checkOthers(ctx)
	case s.cfg.Join == "":
		s.id.newCluster(store.FirstNode)
		return s.id.save(s.cfg.DataDir)
	}
	s.log.Info("joining", "cluster", s.cfg.Join, "as", s.address)
	return s.joinCluster(ctx, s.cfg.Join)
}

// openHost starts raft, with this node's replica of the catalog group and all data replicas that it is known to have.
func (s *Server) openHost() error {
	var err error
	s.host, err = group.Open(group.Config{Dir: s.cfg.DataDir, Node: s.id.Node, Logger: s.log, Graph: s.detector,
		ClusterID: s.id.Cluster, RaftAddress: raftName(s.id.Node), NodeAt: nodeNamed,
		Transport: &group.TransportConfig{Listener: s.mux.Raft(), Dial: s.dialRaft}})
	if err != nil {
		return err
	}
	if s.temp, err = exec.OpenTempDir(filepath.Join(s.cfg.DataDir, tempDir)); err != nil {
		return err
	}
	s.temp.Full = s.host.DiskFull
	s.pacer.host.Store(s.host)
	s.router = rpc.NewRouter(rpc.RouterConfig{Self: s.id.Node, Local: s.localGroup, Holder: s.leaseHolder,
		Nodes: s.nodesOf, Remote: s.remoteGroup})
	s.oracle = tso.New(catalogOracle{s}, 0)
	s.clock = &clock{s: s, remote: tso.NewRemote(s.askTimestamps)}
	s.member, s.holder, s.replicas = newMember(s), newHolder(s), newReplicas(s)
	s.txns = txn.New(txn.Config{Node: s.id.Node, Epoch: s.member.Epoch(), Clock: s.clock, RemoteClock: s.clock.isRemote, Groups: s.group,
		AllGroups: s.allGroups, SequenceGroup: s.sequenceGroup, Format: s.clusterVersion,
		DeadlockDetail: func(ctx context.Context, dl *lock.Deadlock) string { return s.node.DeadlockDetail(ctx, dl) }})
	s.locks = lockmgr.New(lockmgr.Config{Env: lockEnv{s}, Detector: s.detector,
		PID:    func(o topo.TxnID) int32 { return s.node.PIDOf(o) },
		OnLost: func(o topo.TxnID) { s.node.LocksLost(o) }, Log: s.log})
	s.host.Bind(group.Bindings{Timestamp: s.clock.Timestamp, Recover: s.recover, Horizon: s.horizon, SchemaAt: s.schemaAt})
	s.assemble()
	if err := s.openCatalog(); err != nil {
		if !errors.Is(err, group.ErrReplicaLost) || !s.id.CatalogJoined {
			return err
		}
		s.log.Error("the catalog replica's data is lost: it will be filled again by the other nodes", "err", err)
	}
	s.assembled.Store(true)
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		if err := s.calls.Serve(s.mux.Calls()); err != nil {
			s.fail(err)
		}
	}()
	s.replicas.reconcile()
	return nil
}

// enter gets the node into the cluster: the first node of a new one writes its first catalog; every node registers and
// follows the catalog up to its own registration.
func (s *Server) enter(ctx context.Context) error {
	cat := s.host.Replica(topo.CatalogGroup)
	if cat != nil && !s.id.CatalogJoined {
		alone, err := s.awaitLeaseOrOthers(ctx, cat)
		if err != nil {
			return fmt.Errorf("the catalog group does not start: %w", err)
		}
		if alone {
			if err := s.bootstrap(ctx); err != nil {
				return fmt.Errorf("writing the first catalog: %w", err)
			}
		}
	}
	if err := s.member.register(ctx, s.member.Epoch()); err != nil {
		return fmt.Errorf("entering the cluster: %w", err)
	}
	if err := s.catalog.Err(); err != nil {
		return err
	}
	if s.catalog.Current().SlotMap() == nil {
		return errors.New("the catalog has no slot map: the data directory is incomplete")
	}
	return retryUntil(ctx, s.member.beat)
}

// awaitLeaseOrOthers waits until the node has the catalog group's lease, or learns from its log that there are others: the
// state file that the node starts from can be older than they are.
func (s *Server) awaitLeaseOrOthers(ctx context.Context, cat *group.Replica) (alone bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		changed := s.catalog.Changed()
		if !s.alone() {
			return false, nil
		}
		short, stop := context.WithCancel(ctx)
		go func() {
			defer stop()
			select {
			case <-changed:
			case <-short.Done():
			}
		}()
		err := cat.WaitReady(short)
		stop()
		if err == nil || ctx.Err() != nil {
			return err == nil, err
		}
		var e *rpc.Error
		if errors.As(err, &e) {
			return false, err
		}
	}
}

// bootstrap writes what a new cluster starts with, unless it is there.
func (s *Server) bootstrap(ctx context.Context) error {
	t := s.txns.Begin(txn.Options{})
	wrote, err := store.Bootstrap(ctx, t, s.cfg.Groups, &topo.Node{ID: s.id.Node, Instance: s.id.Instance,
		Address: s.address, SQL: s.listener.Addr().String(), State: topo.NodeActive, Format: fsm.Format})
	if err != nil || !wrote {
		t.Rollback(ctx)
		return errors.Join(err, s.catalog.Err())
	}
	if err := t.Commit(ctx); err != nil {
		return err
	}
	for s.catalog.Current().SlotMap() == nil {
		if !sleep(ctx, time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}

// awaitGroups starts this node's replicas and, on a lone node, waits until all serve: nobody else could.
func (s *Server) awaitGroups(ctx context.Context) error {
	s.replicas.reconcile()
	ids := s.catalog.Current().SlotMap().DataGroups()
	if len(ids) != s.cfg.Groups && s.cfg.Join == "" {
		s.log.Info("the cluster was created with another number of groups", "groups", len(ids), "asked", s.cfg.Groups)
	}
	if !s.alone() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for _, id := range ids {
		r, err := s.replica(id)
		if err == nil {
			err = r.WaitReady(ctx)
		}
		if err != nil {
			return fmt.Errorf("group %d does not start: %w", id, err)
		}
	}
	if s.mayUpgrade() {
		return s.upgrade(ctx)
	}
	return nil
}

// alone reports whether this is the only node of its cluster.
func (s *Server) alone() bool { return len(s.catalog.Topology().NodeIDs()) < 2 }

// runBackground starts what goes on beside the sessions.
func (s *Server) runBackground() {
	for _, f := range []func(context.Context){s.member.run, s.member.noticeCuts, s.member.endWaits, s.holder.run, s.replicas.run,
		s.watchEnds, s.keepContacts} {
		s.background(f)
	}
}

// group returns a group as gateways see it: its leaseholder, wherever that is.
func (s *Server) group(id topo.GroupID) rpc.Group { return s.router.Group(id) }

// sequenceGroup spreads the sequences over the data groups.
func (s *Server) sequenceGroup(id topo.StorageID) topo.GroupID {
	return s.catalog.Current().SlotMap().Group(topo.Slot(uint32(id) % topo.NumSlots))
}

func (s *Server) recover(ctx context.Context, t topo.TxnID, attempt topo.Attempt, primary topo.GroupID) error {
	return s.txns.RecoverStuck(ctx, t, attempt, primary)
}

// allGroups lists the catalog group and the data groups.
func (s *Server) allGroups() []topo.GroupID {
	out := []topo.GroupID{topo.CatalogGroup}
	if m := s.catalog.Current().SlotMap(); m != nil {
		out = append(out, m.DataGroups()...)
	}
	return out
}

// horizon is the timestamp below which no node uses a snapshot.
func (s *Server) horizon() (topo.Timestamp, bool) {
	ts := topo.Timestamp(s.member.horizon.Load())
	return ts, ts > 0
}

// assemble makes the services that sessions share.
func (s *Server) assemble() {
	s.system = pgcat.New(s.systemConfig())
	alloc := store.NewAllocator(func() rpc.Group { return s.group(topo.CatalogGroup) })
	s.postman = newPostman(s)
	s.node = &session.Node{
		Notify: s.postman.send, MayNotify: s.postman.room, NotifyUsage: s.postman.usage,
		Catalog: s.catalog.Current, CatalogChanged: s.catalog.Changed,
		DDL: ddl.Config{Replica: s.catalog, Alloc: alloc,
			Groups: s.group, Admit: s.admit, Recover: s.recover, FenceMet: s.fenceMet,
			Building: &s.building},
		Groups: s.group, Txns: s.txns, Tables: s.locks.Tables, Advisory: s.locks.Advisory, Locks: s.locks,
		Deadlocks: s.detector, System: s.system, NextRowID: alloc.RowID, SessionID: s.sessionID,
		Maintain: s.maintain, Log: s.log, Started: s.started, Temp: s.temp,
		Admitted: s.member.admitted, ChangeNode: s.changeNode,
		CutOff:        func() bool { return s.member.cutOffFor() > cutOffPatience },
		StoragesInUse: s.storagesInUse, CheckCluster: s.checkCluster,
		Cancel:    func(pid int32) bool { return s.cancelBackend(pid, false) },
		Terminate: func(pid int32) bool { return s.cancelBackend(pid, true) },
	}
	s.every(collectEvery, func(ctx context.Context) {
		if s.clock.isRemote() {
			return // the catalog group's leaseholder is enough
		}
		if ts, ok := s.horizon(); ok {
			if err := s.catalog.Collect(ctx, ts, s.group, s.txns); err != nil && ctx.Err() == nil {
				s.log.Warn("dropping unused storages", "err", err)
			}
		}
	})
}

func (s *Server) sessionID() topo.TxnID {
	return topo.TxnID{Node: s.id.Node, Epoch: s.member.Epoch(), Seq: sessionLockTag + s.sessions.Add(1)}
}

// background runs f beside the sessions; Stop waits for it, after ending its context.
func (s *Server) background(f func(ctx context.Context)) {
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		f(s.life)
	}()
}

// fail ends the node.
func (s *Server) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

// every runs f in the background at an interval until the node stops.
func (s *Server) every(d time.Duration, f func(ctx context.Context)) {
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		t := time.NewTicker(d)
		defer t.Stop()
		for {
			select {
			case <-s.life.Done():
				return
			case <-t.C:
				f(s.life)
			}
		}
	}()
}

// maintain writes what was applied to disk and drops what no snapshot can read: VACUUM and CHECKPOINT.
func (s *Server) maintain(ctx context.Context) error {
	for _, r := range s.host.Replicas() {
		if err := r.State().Flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) hasPassword() (found bool) {
	s.catalog.Current().Roles(func(r *catalog.Role) bool {
		found = found || r.Password != ""
		return !found
	})
	return found
}

// setPassword gives the superuser the password of the command line.
func (s *Server) setPassword(ctx context.Context) error {
	if s.cfg.SuperuserPassword == "" {
		return nil
	}
	return session.SetPassword(ctx, s.node, "postgres", s.cfg.SuperuserPassword)
}

// listen answers clients from now on; until the node is ready they are told so.
func (s *Server) listen() error {
	var conf *tls.Config
	if s.cfg.TLSCert != "" {
		cert, err := tls.LoadX509KeyPair(s.cfg.TLSCert, s.cfg.TLSKey)
		if err != nil {
			return err
		}
		conf = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	auth := wire.Trust
	if s.cfg.Auth == "scram-sha-256" {
		auth = wire.SCRAM
	}
	s.wire = wire.NewServer(wire.Config{
		NewSession: func(c session.Client, start session.Startup) (*session.Session, error) {
			return session.New(s.node, c, start)
		},
		Role:           func(name string) *catalog.Role { return s.catalog.Current().RoleByName(name) },
		DatabaseExists: func(name string) bool { return s.catalog.Current().DatabaseByName(name) != nil },
		Ready:          s.ready,
		Auth:           auth, TLS: conf, MaxConnections: s.cfg.MaxConnections, Node: func() uint32 { return uint32(s.id.Node) },
		CancelElsewhere: s.cancelElsewhere, Log: s.log,
	})
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		if err := s.wire.Serve(s.listener); err != nil {
			s.failed <- err
		}
	}()
	return s.serveHTTP()
}

// SQLAddress is where clients connect.
func (s *Server) SQLAddress() (host, port string) {
	host, port, _ = net.SplitHostPort(s.listener.Addr().String())
	return host, port
}

// Failed receives errors that end the node.
func (s *Server) Failed() <-chan error { return s.failed }

// Stop ends all sessions, stops the groups, handing their leases over, and closes the data directory.
func (s *Server) Stop() error {
	s.log.Info("stopping")
	return s.shutDown()
}

// shutDown stops whatever was started. Calls of other nodes are answered until the groups are closed, so that their callers
// learn at once that the leases have moved.
func (s *Server) shutDown() error {
	s.listener.Close()
	ctx, cancel := context.WithTimeout(context.Background(), sessionsEnd)
	defer cancel()
	if s.wire != nil {
		s.wire.Shutdown(ctx)
	}
	if s.http != nil {
		_ = s.http.Shutdown(ctx)
	}
	s.endLife()
	var err error
	if s.locks != nil {
		s.locks.Close()
	}
	if s.txns != nil {
		err = s.txns.Close(ctx)
	}
	if s.host != nil {
		err = errors.Join(err, s.host.Close())
	}
	if s.calls != nil {
		s.calls.Stop()
	}
	if s.mux != nil {
		s.mux.Close()
	}
	if s.client != nil {
		s.client.Close()
	}
	s.work.Wait()
	return err
}
