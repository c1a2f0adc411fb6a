// Package server assembles a node from its parts and runs it: the data directory with its raft groups, the catalog
// replica, timestamps, transactions, the SQL listener and the HTTP endpoint. Start and Stop are its life; Check verifies
// the files of a node that is not running.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/catalog/pgcat"
	"github.com/pgmqdb/pgmqdb/catalog/store"
	"github.com/pgmqdb/pgmqdb/shard/deadlock"
	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/group"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/tso"
	"github.com/pgmqdb/pgmqdb/shard/txn"
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
	Join          string
	Auth          string
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
	maxGroups      = 256
	thisNode       = topo.NodeID(1)
	sessionLockTag = 1 << 62 // in TxnID.Seq: a session as the owner of advisory locks
)

// Server is a running node.
type Server struct {
	cfg      Config
	log      *slog.Logger
	host     *group.Host
	catalog  *store.Store
	oracle   *tso.Oracle
	detector *deadlock.Detector
	txns     *txn.Manager
	system   *pgcat.System
	node     *session.Node
	wire     *wire.Server
	stats    rowCounts
	listener net.Listener
	http     *http.Server
	failed   chan error

	sessions atomic.Uint64
	rowIDs   atomic.Int64
	life     context.Context
	endLife  context.CancelFunc
	work     sync.WaitGroup
	started  time.Time
}

func (c *Config) validate() error {
	switch {
	case c.Join != "":
		return errors.New("--join is not supported yet: this version runs single nodes")
	case c.Groups < 1 || c.Groups > maxGroups:
		return fmt.Errorf("--groups must be between 1 and %d", maxGroups)
	case c.Auth != "trust" && c.Auth != "scram-sha-256":
		return fmt.Errorf("--auth must be trust or scram-sha-256, not %q", c.Auth)
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return errors.New("--tls-cert and --tls-key belong together")
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

// The garbage collector runs when the heap has grown to gcPercent beyond what was live: a node's live heap is small beside
// its unflushed deltas, and collecting it too often costs more than its memory. Near the soft limit, a part of the machine's
// memory within bounds, it works harder. GOGC and GOMEMLIMIT override both; mapped state files come on top.
const (
	gcPercent       = 200
	minMemoryLimit  = 640 << 20
	maxMemoryLimit  = 1 << 30
	memoryPartLimit = 12 // the limit is 1/12 of the memory
)

func limitMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		limit := int64(minMemoryLimit)
		var info unix.Sysinfo_t
		if unix.Sysinfo(&info) == nil {
			limit = min(max(int64(info.Totalram)*int64(info.Unit)/memoryPartLimit, minMemoryLimit), maxMemoryLimit)
		}
		debug.SetMemoryLimit(limit)
	}
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
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, log: cfg.Log, catalog: store.New(), detector: deadlock.New(), failed: make(chan error, 4),
		started: time.Now()}
	s.life, s.endLife = context.WithCancel(context.Background())
	limitMemory()
	// The port is taken first: a second server on it fails before it touches any data.
	var err error
	if s.listener, err = net.Listen("tcp", cfg.Listen); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := s.start(ctx); err != nil {
		s.listener.Close()
		s.endLife()
		if s.host != nil {
			err = errors.Join(err, s.host.Close())
		}
		return nil, err
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	var err error
	s.host, err = group.Open(group.Config{Dir: s.cfg.DataDir, Node: thisNode, Logger: s.log, Graph: s.detector})
	if err != nil {
		return err
	}
	if err := s.startCatalog(ctx); err != nil {
		return err
	}
	if err := s.startData(ctx); err != nil {
		return err
	}
	if err := s.recoverLost(ctx); err != nil {
		return err
	}
	s.assemble()
	if err := s.setPassword(ctx); err != nil {
		return err
	}
	if s.cfg.Auth == "scram-sha-256" && !s.hasPassword() {
		return errors.New("no role has a password yet: give user postgres one with --superuser-password-file")
	}
	return s.listen()
}

// startCatalog starts the catalog group, follows it, and writes what a new cluster starts with.
func (s *Server) startCatalog(ctx context.Context) error {
	var loadErr error
	cat, err := s.host.StartGroup(group.GroupOptions{ID: topo.CatalogGroup, BeforeStart: func(st *fsm.State) {
		loadErr = s.catalog.Load(st)
		st.Watch(s.catalog.Apply)
	}})
	if err = errors.Join(err, loadErr); err != nil {
		return err
	}
	s.oracle = tso.New(cat, 0)
	s.txns = txn.New(txn.Config{Node: thisNode, Epoch: topo.LivenessEpoch(s.host.Incarnation()), Clock: s.oracle,
		Groups: s.group, AllGroups: s.allGroups, SequenceGroup: s.sequenceGroup})
	s.host.Bind(group.Bindings{Timestamp: s.oracle.Timestamp, Recover: s.recover, Horizon: s.horizon})
	if err := cat.WaitReady(ctx); err != nil {
		return fmt.Errorf("the catalog group does not start: %w", err)
	}
	t := s.txns.Begin(txn.Options{})
	wrote, err := store.Bootstrap(ctx, t, s.cfg.Groups, &topo.Node{ID: store.FirstNode, State: topo.NodeActive})
	if err != nil {
		t.Rollback(ctx)
		return fmt.Errorf("writing the first catalog: %w", err)
	}
	if !wrote {
		t.Rollback(ctx)
		return s.catalog.Err()
	}
	if err := t.Commit(ctx); err != nil {
		return fmt.Errorf("writing the first catalog: %w", err)
	}
	for s.catalog.Current().SlotMap() == nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

// startData starts the data groups that the slot map names and waits until all serve.
func (s *Server) startData(ctx context.Context) error {
	slots := s.catalog.Current().SlotMap()
	if slots == nil {
		return errors.New("the catalog has no slot map: the data directory is incomplete")
	}
	ids := slots.DataGroups()
	if len(ids) != s.cfg.Groups {
		s.log.Info("the cluster was created with another number of groups", "groups", len(ids), "asked", s.cfg.Groups)
	}
	for _, id := range ids {
		if _, err := s.host.StartGroup(group.GroupOptions{ID: id}); err != nil {
			return err
		}
	}
	for _, id := range ids {
		if err := s.host.Replica(id).WaitReady(ctx); err != nil {
			return fmt.Errorf("group %d does not start: %w", id, err)
		}
	}
	return nil
}

// group finds a group's leaseholder: on a single node, its replica.
func (s *Server) group(id topo.GroupID) rpc.Group { return s.host.Replica(id) }

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

// recoverLost finishes what processes that are gone left behind: prepared transactions, operations sent ahead, and the
// fences of schema changes. At a start of this single node, all that is found is such.
func (s *Server) recoverLost(ctx context.Context) error {
	var fences []fsm.FenceInfo
	for _, r := range s.host.Replicas() {
		for _, p := range r.State().PendingList() {
			if err := s.txns.RecoverStuck(ctx, p.Txn, p.Attempt, p.Primary); err != nil {
				return fmt.Errorf("finishing transaction %s: %w", p.Txn, err)
			}
		}
		for _, t := range r.State().ProvisionalTxns() {
			if err := s.txns.AbortProvisional(ctx, r.ID(), t); err != nil {
				return fmt.Errorf("dropping what transaction %s had sent ahead: %w", t, err)
			}
		}
		fences = append(fences, r.State().Fences()...)
	}
	return ddl.RecoverFences(ctx, s.fenceRecovery(), fences)
}

func (s *Server) fenceRecovery() ddl.Recovery {
	return ddl.Recovery{Groups: s.group, Replica: s.catalog, Begin: func() ddl.RecoveryTxn { return s.txns.Begin(txn.Options{}) }}
}

// fenceMet runs beside the statement that met a lost schema change's fence.
func (s *Server) fenceMet(f fsm.FenceInfo) {
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		ctx, cancel := context.WithTimeout(s.life, startTimeout)
		defer cancel()
		if err := ddl.RecoverFences(ctx, s.fenceRecovery(), []fsm.FenceInfo{f}); err != nil && s.life.Err() == nil {
			s.log.Warn("recovering a schema change's fence", "table", f.Table, "err", err)
		}
	}()
}

// horizon is the oldest snapshot in use; without one, the latest timestamp handed out.
func (s *Server) horizon() (topo.Timestamp, bool) {
	last := s.oracle.Last()
	if ts, ok := s.txns.OldestSnapshot(); ok {
		return min(ts, last), true
	}
	return last, last > 0
}

// assemble makes the services that sessions share.
func (s *Server) assemble() {
	s.rowIDs.Store(int64(thisNode)<<55 | int64(s.host.Incarnation()&0xfffff)<<35)
	s.system = pgcat.New(s.systemConfig())
	s.node = &session.Node{
		Catalog: s.catalog.Current,
		DDL: ddl.Config{Replica: s.catalog, Alloc: store.NewAllocator(func() rpc.Group { return s.group(topo.CatalogGroup) }),
			Groups: s.group, Recover: s.recover, FenceMet: s.fenceMet},
		Groups: s.group, Txns: s.txns, Tables: lock.NewTables(s.detector), Advisory: lock.NewAdvisory(s.detector),
		Deadlocks: s.detector, System: s.system, NextRowID: func() int64 { return s.rowIDs.Add(1) }, SessionID: s.sessionID,
		Maintain: s.maintain, Log: s.log, Started: s.started,
		Cancel:    func(pid int32) bool { return s.wire.CancelBackend(pid) },
		Terminate: func(pid int32) bool { return s.wire.TerminateBackend(pid) },
	}
	s.every(collectEvery, func(ctx context.Context) {
		if ts, ok := s.horizon(); ok {
			if err := s.catalog.Collect(ctx, ts, s.group, s.txns); err != nil && ctx.Err() == nil {
				s.log.Warn("dropping unused storages", "err", err)
			}
		}
	})
	s.every(time.Second, s.stats.follow(s))
}

func (s *Server) sessionID() topo.TxnID {
	return topo.TxnID{Node: thisNode, Epoch: topo.LivenessEpoch(s.host.Incarnation()), Seq: sessionLockTag + s.sessions.Add(1)}
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
		Ready:          s.catalog.Err,
		Auth:           auth, TLS: conf, MaxConnections: s.cfg.MaxConnections, Node: uint32(thisNode), Log: s.log,
	})
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		if err := s.wire.Serve(s.listener); err != nil {
			s.failed <- err
		}
	}()
	if err := s.serveHTTP(); err != nil {
		return err
	}
	s.log.Info("ready", "sql", s.listener.Addr().String(), "http", s.cfg.HTTPListen, "data", s.cfg.DataDir,
		"groups", len(s.host.Replicas())-1, "took", time.Since(s.started).Round(time.Millisecond))
	return nil
}

// SQLAddress is where clients connect.
func (s *Server) SQLAddress() (host, port string) {
	host, port, _ = net.SplitHostPort(s.listener.Addr().String())
	return host, port
}

// Failed receives errors that end the node.
func (s *Server) Failed() <-chan error { return s.failed }

// Stop ends all sessions, stops the groups and closes the data directory.
func (s *Server) Stop() error {
	s.log.Info("stopping")
	s.listener.Close()
	ctx, cancel := context.WithTimeout(context.Background(), sessionsEnd)
	defer cancel()
	s.wire.Shutdown(ctx)
	s.endLife()
	if s.http != nil {
		_ = s.http.Shutdown(ctx)
	}
	s.work.Wait()
	err := s.txns.Close(ctx)
	return errors.Join(err, s.host.Close())
}
