package group

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lni/dragonboat/v4"
	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/raftio"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Config opens a Host. Zero values mean the defaults.
type Config struct {
	Dir    string      // the data directory
	Node   topo.NodeID // fixed for the life of the directory
	Logger *slog.Logger
	// RaftAddress is where other nodes reach this one's raft, by way of their Transport.Dial. It is fixed for the life of
	// the directory. Empty, with no Transport: this node never has peers.
	RaftAddress string
	// Transport has the connections between nodes; it goes with a RaftAddress.
	Transport *TransportConfig
	// ClusterID keeps the raft messages of other clusters out, where it is not 0. It is fixed for the life of the directory.
	ClusterID uint64
	// NodeAt says which node has a raft address, 0 when it is not known. Calls that come to the wrong replica are then told
	// where to go before the lease has followed raft's leadership. It may be nil, and must not block.
	NodeAt func(address string) topo.NodeID
	State  fsm.Options
	// Graph sees the waits for row locks; nil detects no deadlocks.
	Graph lock.WaitGraph

	LeaseDuration time.Duration
	// RecoverAfter is how long a met prepare may stay unresolved before it is recovered.
	RecoverAfter time.Duration
	// SnapshotEntries is after how many entries a group's log is compacted.
	SnapshotEntries uint64
	// ReserveBytes are kept for what must go on when the disk is full; below MinFreeBytes new writes are refused.
	ReserveBytes, MinFreeBytes int64
}

// Bindings are what the upper packages give a Host after they were made from it.
type Bindings struct {
	// Timestamp draws from the oracle: the clock of the first prepare under a new lease.
	Timestamp func(ctx context.Context) (topo.Timestamp, error)
	// Recover finishes or aborts an attempt whose coordinator does not.
	Recover func(ctx context.Context, txn topo.TxnID, attempt topo.Attempt, primary topo.GroupID) error
	// Horizon returns the timestamp below which no snapshot is in use anywhere; ok is false when it is not known.
	Horizon func() (ts topo.Timestamp, ok bool)
	// SchemaAt returns the version of a table that a snapshot sees, from a catalog that has at least the version known.
	SchemaAt func(ctx context.Context, table topo.TableID, known topo.SchemaVersion, ts topo.Timestamp) (topo.SchemaVersion, error)
}

// The intervals of the host's one background loop.
const (
	tickInterval    = 250 * time.Millisecond
	memberInterval  = 200 * time.Millisecond
	reserveInterval = 500 * time.Millisecond
	// What the horizon has not passed when it is flushed is written, and looked up and deleted by a later flush: of a group that
	// flushes every few seconds, that should be little.
	horizonInterval = 500 * time.Millisecond
)

// ExecShards and LogDB.Shards can't change for a data directory.
const raftShards = 1

// applyWorkers are the goroutines that apply; a group's is its id modulo their number. One that waits for room in a full
// delta makes the other groups of its worker wait, as long as it takes to flush. The catalog group, on whose log everybody's
// timestamps and right to plan depend, shares its worker with no other group, up to as many data groups as workers less one.
const applyWorkers = 17

// Host is this process's share of all groups. One Host has a data directory open at a time.
type Host struct {
	cfg      Config
	dir      *dataDir
	nh       *dragonboat.NodeHost
	wire     *transport
	starts   atomic.Uint64 // replicas started so far, see Replica.incarnation
	reserve  *diskReserve
	process  uint64 // random: names this Host in its proposals
	bindings atomic.Pointer[Bindings]

	mu     sync.RWMutex
	groups map[topo.GroupID]*Replica

	kicked  chan struct{} // capacity 1: some group may have to ask for its lease
	stopped chan struct{}
	loop    sync.WaitGroup
	closed  sync.Once
}

func (c *Config) setDefaults() {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.LeaseDuration == 0 {
		c.LeaseDuration = DefaultLeaseDuration
	}
	if c.RecoverAfter == 0 {
		c.RecoverAfter = 200 * time.Millisecond
	}
	if c.SnapshotEntries == 0 {
		c.SnapshotEntries = 50_000
	}
	if c.ReserveBytes == 0 {
		c.ReserveBytes = 64 << 20
	}
	if c.MinFreeBytes == 0 {
		c.MinFreeBytes = 256 << 20
	}
}

// Open locks the data directory and starts raft. Groups are started one by one with StartGroup.
func Open(cfg Config) (*Host, error) {
	cfg.setDefaults()
	if (cfg.RaftAddress == "") != (cfg.Transport == nil) {
		return nil, errors.New("group: a raft address and a transport go together")
	}
	address := cfg.RaftAddress
	if address == "" {
		address = fmt.Sprintf("node-%d", cfg.Node)
	}
	dir, err := openDataDir(cfg.Dir, identity{Node: cfg.Node, RaftAddress: address, ClusterID: cfg.ClusterID})
	if err != nil {
		return nil, err
	}
	if err := dir.adoptRaft(); err != nil {
		dir.close()
		return nil, err
	}
	var seed [8]byte
	if _, err := rand.Read(seed[:]); err != nil {
		dir.close()
		return nil, err
	}
	h := &Host{cfg: cfg, dir: dir, process: binary.BigEndian.Uint64(seed[:]), groups: map[topo.GroupID]*Replica{},
		wire: &transport{cfg: cfg.Transport, log: cfg.Logger}, kicked: make(chan struct{}, 1), stopped: make(chan struct{})}
	h.bindings.Store(&Bindings{})
	h.reserve = newDiskReserve(cfg.Dir, cfg.ReserveBytes, cfg.MinFreeBytes, cfg.Logger)
	h.reserve.check()
	bridgeLogs(cfg.Logger)
	if h.nh, err = dragonboat.NewNodeHost(h.raftConfig(address)); err != nil {
		_ = h.wire.Close()
		dir.close()
		return nil, fmt.Errorf("group: cannot start raft in %s: %w", cfg.Dir, err)
	}
	h.loop.Add(1)
	go h.run()
	return h, nil
}

func (h *Host) raftConfig(address string) config.NodeHostConfig {
	logDB := config.GetSmallMemLogDBConfig()
	logDB.Shards = raftShards
	engine := config.GetDefaultEngineConfig()
	engine.ExecShards = raftShards
	engine.CommitShards, engine.ApplyShards, engine.SnapshotShards, engine.CloseShards = 2, applyWorkers, 4, 2
	c := config.NodeHostConfig{
		WALDir: filepath.Join(h.cfg.Dir, raftDir), NodeHostDir: filepath.Join(h.cfg.Dir, raftDir),
		RTTMillisecond: 50, RaftAddress: address, RaftEventListener: (*elections)(h), DeploymentID: h.cfg.ClusterID,
		Expert: config.ExpertConfig{Engine: engine, LogDB: logDB, TransportFactory: h.wire},
	}
	return c
}

// elections hears from raft of new leaders.
type elections Host

func (e *elections) LeaderUpdated(raftio.LeaderInfo) { (*Host)(e).kick() }

// Bind sets what the groups call in the packages above. Groups serve reads before it; prepares wait for a clock.
func (h *Host) Bind(b Bindings) { h.bindings.Store(&b) }

// Incarnation counts the processes that opened the data directory, from 1.
func (h *Host) Incarnation() uint64 { return h.dir.id.Incarnation }

// DiskFull reports whether writes are refused for want of disk space.
func (h *Host) DiskFull() bool { return h.reserve.full.Load() }

// Replica returns a group's replica, nil when none was started.
func (h *Host) Replica(id topo.GroupID) *Replica {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.groups[id]
}

// Replicas returns all replicas in the order of their groups' ids.
func (h *Host) Replicas() []*Replica {
	h.mu.RLock()
	defer h.mu.RUnlock()
	out := make([]*Replica, 0, len(h.groups))
	for _, r := range h.groups {
		out = append(out, r)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].id < out[j].id })
	return out
}

// kick makes the loop look at the leases now.
func (h *Host) kick() {
	select {
	case h.kicked <- struct{}{}:
	default:
	}
}

// run is the one loop for all groups' timers.
func (h *Host) run() {
	defer h.loop.Done()
	t := time.NewTicker(tickInterval)
	defer t.Stop()
	var reserved, raised, looked time.Time
	for {
		select {
		case <-h.stopped:
			return
		case <-t.C:
		case <-h.kicked:
		}
		now := time.Now()
		if now.Sub(looked) >= memberInterval {
			looked = now
			h.lookAtMembers()
		}
		for _, r := range h.Replicas() {
			r.tick()
		}
		if now.Sub(reserved) >= reserveInterval {
			reserved = now
			h.reserve.check()
		}
		if horizon := h.bindings.Load().Horizon; horizon != nil && now.Sub(raised) >= horizonInterval {
			raised = now
			if ts, ok := horizon(); ok {
				h.raiseHorizons(ts)
			}
		}
	}
}

// raiseHorizons runs beside the loop, which must not wait for the log.
func (h *Host) raiseHorizons(ts topo.Timestamp) {
	for _, r := range h.Replicas() {
		go r.advanceHorizon(ts)
	}
}

// Close hands the leases over to other nodes, where there are any, stops the groups, raft, and unlocks the data directory.
// Sessions should have ended before.
func (h *Host) Close() error {
	var err error
	h.closed.Do(func() {
		h.transferAll()
		close(h.stopped)
		h.loop.Wait()
		replicas := h.Replicas()
		for _, r := range replicas {
			r.close()
		}
		for _, r := range replicas {
			// Replay after the next start is short; a failure costs time only, the log has everything.
			err = errors.Join(err, r.state.Flush(context.Background()))
		}
		h.nh.Close()
		for _, r := range replicas {
			if cerr := r.state.Close(); cerr != nil && !errors.Is(cerr, fsm.ErrClosed) {
				err = errors.Join(err, cerr)
			}
		}
		h.dir.close()
	})
	return err
}
