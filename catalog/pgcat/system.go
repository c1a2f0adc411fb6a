package pgcat

import (
	"context"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Config is what a System shows of its node and cluster. Every function may be nil: what it would tell is then shown as
// for a cluster of one idle node.
type Config struct {
	// Node is the node that the System runs on.
	Node topo.NodeID
	// Nodes are the cluster's nodes, for pgmqdb.nodes.
	Nodes func() []Node
	// Shards are the raft groups with their replicas, for pgmqdb.shards.
	Shards func() []Shard
	// NodeConstraints asks every live node for the constraints that it enforces (System.Constraints there), for
	// pgmqdb.constraints_by_node.
	NodeConstraints func() ([]NodeConstraint, error)
	// Rebalance are the moves of replicas and slots, for pgmqdb.rebalance.
	Rebalance func() []Move
	// Activity are the sessions of all nodes, for pg_stat_activity; nil: those of Env.Activity. missing are the nodes that did
	// not answer.
	Activity func() (sessions []Activity, missing []topo.NodeID)
	// Locks are the locks held and awaited on all nodes, for pg_locks.
	Locks func() (locks []Lock, missing []topo.NodeID)
	// Blockers are the sessions that keep a session waiting, for pg_blocking_pids and
	// pg_isolation_test_session_is_blocked.
	Blockers func(pid int32) []int32
	// RowCount estimates a table's rows, -1 where nothing is known.
	RowCount func(*catalog.Table) int64
	// Size is the number of bytes stored under a storage id: a table's rows or an index's entries.
	Size func(topo.StorageID) int64
	// TempFiles counts the temporary files that the node's sessions on a database wrote, and their bytes.
	TempFiles func(database string) (files, bytes int64)
	// Statistics are what ANALYZE found out about a table; nil for nothing.
	Statistics func(*catalog.Table) *catalog.TableStats
	// Analyze refreshes them, of some tables (nil: all), by a statistics target.
	Analyze func(ctx context.Context, tables []*catalog.Table, target int) error
	// Started is when the server started.
	Started time.Time
}

// Node is a row of pgmqdb.nodes.
type Node struct {
	ID      topo.NodeID
	Address string // where other nodes reach it
	SQL     string // where clients reach it
	State   string // "live", "suspect", "draining", "joining" or "dead"
	Epoch   topo.LivenessEpoch
	// CatalogVersion is the catalog version that the node plans by.
	CatalogVersion topo.Timestamp
	Replicas       int
	Leases         int
	Started        time.Time
}

// Shard is a row of pgmqdb.shards: one raft group.
type Shard struct {
	Group    topo.GroupID
	Slots    int // 0 for the catalog group
	Leader   topo.NodeID
	Lease    topo.LeaseEpoch
	Replicas []topo.NodeID
	Bytes    int64
	State    string // "ok", "under-replicated" or "unavailable"
}

// NodeConstraint is a row of pgmqdb.constraints_by_node. Type is pg_constraint.contype.
type NodeConstraint struct {
	Database                  catalog.Oid
	Node                      topo.NodeID
	Schema, Table, Constraint string
	Type                      byte
	Definition                string
}

// Move is a row of pgmqdb.rebalance.
type Move struct {
	ID       int64
	Group    topo.GroupID
	From, To topo.NodeID
	State    string // "pending", "copying", "done", "failed"
	Done     int64  // bytes
	Total    int64  // bytes
	Started  time.Time
	Finished time.Time
	Reason   string
}

// Lock is a row of pg_locks. Relation is 0 except for table locks; the IDs are those of advisory locks.
type Lock struct {
	Type               string // "relation", "tuple", "transactionid" or "advisory"
	Relation           catalog.Oid
	Database           catalog.Oid // of an advisory lock
	TransactionID      uint32
	ClassID, ObjID     uint32
	ObjSubID           int16
	VirtualTransaction string
	PID                int32
	Mode               string // "AccessShareLock", …
	Granted            bool
	WaitStart          time.Time
}

// Env is one session's view for one statement.
type Env struct {
	Snapshot *catalog.Snapshot
	// SearchPath is the effective search path: schemas that exist, pg_catalog included where it is searched.
	SearchPath []string
	// Role is the current role, whose privileges count; 0: there is none.
	Role          catalog.Oid
	Database      string
	Remote, Local string // host:port of the client and of the server's end; empty where the session has no connection
	PID           int32
	IO            *types.IOEnv
	Settings      func() []Setting
	Activity      func() []Activity // of this node
	Prepared      func() []Prepared
	Cursors       func() []Cursor
	// Warn tells the session's client something; nil: nobody listens.
	Warn func(*pgerr.Error)
	// SequenceState reads a sequence's last_value and is_called.
	SequenceState func(*catalog.Sequence) (last int64, called bool, err error)
	// Check checks the cluster's data, for pgmqdb.check.
	Check func(emit func(Finding)) error
}

// Prepared is a row of pg_prepared_statements. Plans are generic ones always.
type Prepared struct {
	Name, Statement string
	At              time.Time
	Params          []types.Oid
	FromSQL         bool
	Generic, Custom int64 // executions by such plans
}

// Cursor is a row of pg_cursors.
type Cursor struct {
	Name, Statement      string
	Hold, Binary, Scroll bool
	At                   time.Time
}

// Finding is a row of pgmqdb.check.
type Finding struct{ Status, Schema, Table, Object, Text, Key string }

// Setting is a row of pg_settings.
type Setting struct {
	Name, Value, Unit, VarType, Short, Extra, Category, Context, Source, Min, Max, Boot, Reset string
	Enum                                                                                       []string
}

// Activity is a row of pg_stat_activity.
type Activity struct {
	PID              int32
	User, Database   string
	Remote           string
	Started, QueryAt time.Time
	State, Query     string
	ApplicationName  string
}

// System serves the system relations of one node. It may be used by any number of goroutines.
type System struct {
	cfg Config

	analyses analyses

	mu     sync.Mutex
	recent []*snapshotRows // most recently used first; at most maxSnapshots
}

// New returns the system relations of a node.
func New(cfg Config) *System { return &System{cfg: cfg} }

var _ sema.VirtualTables = (*System)(nil)

// RowCount estimates a table's rows, -1 where nothing is known.
func (s *System) RowCount(t *catalog.Table) int64 {
	if s.cfg.RowCount == nil {
		return -1
	}
	return s.cfg.RowCount(t)
}

// Statistics returns what ANALYZE found out about a table, nil for nothing.
func (s *System) Statistics(t *catalog.Table) *catalog.TableStats {
	if s.cfg.Statistics == nil {
		return nil
	}
	return s.cfg.Statistics(t)
}

// Analyze refreshes the statistics of some tables (nil: all) by a statistics target.
func (s *System) Analyze(ctx context.Context, tables []*catalog.Table, target int) error {
	if s.cfg.Analyze == nil {
		return nil
	}
	err := s.cfg.Analyze(ctx, tables, target)
	s.mu.Lock()
	s.recent = nil // pg_class.reltuples is among what is kept
	s.mu.Unlock()
	return err
}
