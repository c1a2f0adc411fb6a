package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/group"
	"github.com/pgmqdb/pgmqdb/shard/place"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// A node's membership in the cluster, from its own side.
//
// A node registers when it starts, and again when it learns that its liveness epoch was declared over: each time it gets
// into the catalog's log under a higher epoch, and takes no statement before its catalog replica has applied that entry.
// Whatever was acknowledged before is then known here. From then on it asks the catalog group's leaseholder, again and
// again, for the right to plan (place.Liveness); without that right statements wait, and fail when it stays away.
type member struct {
	s *Server

	epoch     atomic.Uint32 // the current liveness epoch
	synced    atomic.Bool   // the strong table locks of other nodes hold here
	liveUntil atomic.Int64  // CLOCK_BOOTTIME; the right to plan
	horizon   atomic.Uint64 // below it no snapshot is in use on any node, 0: not known
	renewed   chan struct{} // capacity 1: somebody waits for the right to plan
	granted   broadcast

	mu     sync.Mutex
	status clusterStatus // what the holder last said of the others

	renewing sync.Mutex // one at a time registers or takes an answer: an epoch, and what was granted under it, go together
	// The following belong to who registers: the start, and then who holds renewing.
	refusedSince time.Time // another process is said to run under this node's id
	warned       time.Time
}

// registerRequest asks for a place in the log under Epoch.
type registerRequest struct {
	Node         topo.NodeID
	Instance     string
	Cluster      uint64
	Address, SQL string
	Epoch        topo.LivenessEpoch
	LostReplica  uint64 // the node's replica of the catalog group whose data is gone, 0: none is
	Run          string // the process
	Format       uint8  // the newest command format that it understands
}

// registerResponse is the admission: what the catalog replica has to have applied, and which replica it has to be.
type registerResponse struct {
	Index          uint64
	CatalogReplica uint64
	Epoch          topo.LivenessEpoch // when the one asked for is too low: the last one that was given
}

// heartbeat asks for the right to plan and reports.
type heartbeat struct {
	Node     topo.NodeID
	Run      string // the process
	Epoch    topo.LivenessEpoch
	Admitted bool
	Oldest   topo.Timestamp // no snapshot below it is or will be in use at the node
	Applied  uint64         // by its catalog replica
	Version  topo.Timestamp // of its catalog snapshot
	Started  time.Time
	Replicas []replicaReport
}

// replicaReport is what a node says of one of its replicas.
type replicaReport struct {
	Group    topo.GroupID
	ID       uint64
	Holder   bool // it holds the lease
	Lease    topo.LeaseEpoch
	CaughtUp bool // it has applied what was committed when it last asked
	Bytes    int64
}

// heartbeatResponse answers. Not OK: the epoch is over, and the node has to register again.
type heartbeatResponse struct {
	OK      bool
	Removed bool
	Horizon topo.Timestamp
	Status  clusterStatus
}

// epochsPerIncarnation leaves room, within one run of the process, for epochs that others declare over.
const epochsPerIncarnation = 1 << 12

func newMember(s *Server) *member {
	m := &member{s: s, renewed: make(chan struct{}, 1)}
	m.epoch.Store(uint32(s.host.Incarnation() * epochsPerIncarnation))
	return m
}

// Epoch is the liveness epoch under which the node works.
func (m *member) Epoch() topo.LivenessEpoch { return topo.LivenessEpoch(m.epoch.Load()) }

// register gets the node into the catalog's log under an epoch, or a later one, and waits until its catalog replica has
// followed. Only then the epoch is the node's.
func (m *member) register(ctx context.Context, epoch topo.LivenessEpoch) error {
	s := m.s
	return retryUntil(ctx, func(ctx context.Context) error {
		q := &registerRequest{Node: s.id.Node, Instance: s.id.Instance, Cluster: s.id.Cluster, Address: s.address,
			SQL: s.listener.Addr().String(), Epoch: epoch, Run: s.run, Format: fsm.Format}
		if s.host.Replica(topo.CatalogGroup) == nil {
			q.LostReplica = s.id.CatalogReplica
		}
		resp, err := m.askRegister(ctx, q)
		switch err = m.refusal(err); {
		case err != nil:
			return err
		case resp.Epoch > q.Epoch:
			epoch = resp.Epoch + 1
			return errEpochTaken
		}
		if err := s.catalogReplicaIs(resp.CatalogReplica); err != nil {
			return err
		}
		wait, cancel := context.WithTimeout(ctx, catchUpTimeout)
		defer cancel()
		if err := s.catalogApplied(wait, resp.Index); err != nil {
			return err
		}
		m.epoch.Store(uint32(epoch))
		s.txns.SetEpoch(epoch)
		m.synced.Store(false)
		return nil
	})
}

// refusal lets a node that is said to be running already ask for some time more: what is running may be about to end, or may be
// this node's own former process, killed a moment ago. It also says now and then why a node does not get in.
func (m *member) refusal(err error) error {
	if err != nil && !final(err) && time.Since(m.warned) >= 5*time.Second {
		m.warned = time.Now()
		m.s.log.Warn("the cluster does not take this node in yet", "err", err)
	}
	switch {
	case !pgerr.HasCode(err, pgerr.ObjectInUse):
		m.refusedSince = time.Time{}
	case m.refusedSince.IsZero():
		m.refusedSince = time.Now()
	case time.Since(m.refusedSince) >= copyPatience:
		return &refusedError{err.Error()}
	}
	return err
}

var errEpochTaken = errors.New("the liveness epoch was given already")

// catchUpTimeout bounds one wait for the catalog replica; it is tried again, and the way in is asked for anew.
const catchUpTimeout = 30 * time.Second

// askRegister asks whoever can be reached: the leaseholder if this node knows it, any known node otherwise.
func (m *member) askRegister(ctx context.Context, q *registerRequest) (*registerResponse, error) {
	s := m.s
	if r := s.host.Replica(topo.CatalogGroup); r != nil {
		if _, mine := r.Lease(); mine {
			return askHolder[registerResponse](ctx, s, methodRegHere, q)
		}
	}
	known := s.id.contacts()
	for _, n := range s.catalog.Topology().Nodes {
		known[n.ID] = n.Address
	}
	delete(known, s.id.Node)
	err := errors.New("no other node is known")
	var mistrust *rpc.TrustError
	trusted := false
	for _, a := range known {
		resp := new(registerResponse)
		if err = s.callAddress(ctx, a, methodRegister, q, resp); err == nil || final(err) {
			return resp, err
		}
		// gRPC tells no causes.
		conn, cause := rpc.Dial(ctx, a, rpc.Calls, s.dialTLS)
		if cause == nil {
			conn.Close()
		}
		trusted = trusted || !errors.As(cause, &mistrust)
	}
	if mistrust != nil && !trusted {
		return nil, mistrust
	}
	return nil, err
}

// beatsAtATime bounds the heartbeats under way. An answer counts from when it was asked for: a node that asked again only
// when it has one, or has given up on it, would lose its right to plan where answers take half of LivenessLease.
const beatsAtATime = 4

// run asks for the right to plan until the node stops.
func (m *member) run(ctx context.Context) {
	t := time.NewTicker(place.HeartbeatEvery)
	defer t.Stop()
	var beats sync.WaitGroup
	defer beats.Wait()
	slots := make(chan struct{}, beatsAtATime)
	for {
		select {
		case slots <- struct{}{}:
			beats.Go(func() {
				defer func() { <-slots }()
				m.tryBeat(ctx)
			})
		default:
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-m.renewed:
			if !sleep(ctx, 20*time.Millisecond) {
				return
			}
		}
	}
}

// tryBeat is a beat whose error is looked at.
func (m *member) tryBeat(ctx context.Context) {
	err := m.beat(ctx)
	if err == nil || ctx.Err() != nil {
		return
	}
	m.s.log.Debug("heartbeat", "err", err)
	if pgerr.HasCode(err, pgerr.ObjectNotInPrerequisiteState) || errors.As(err, new(*refusedError)) {
		m.s.fail(err)
	}
}

// noticeCuts logs when the right to plan is lost, and when it is back.
func (m *member) noticeCuts(ctx context.Context) {
	start := group.BootNS() + int64(place.LivenessLease)
	for cut := false; sleep(ctx, place.HeartbeatEvery/2); {
		switch is := group.BootNS() >= max(start, m.liveUntil.Load()); {
		case is && !cut:
			m.s.log.Warn("cut off from the cluster: statements wait", "detail", m.s.cutOffError().Detail)
			cut = true
		case cut && !is:
			m.s.log.Info("back in the cluster")
			cut = false
		}
	}
}

// beat sends one heartbeat. A later one may be under way, or answered already.
func (m *member) beat(ctx context.Context) error {
	s := m.s
	life := ctx
	ctx, cancel := context.WithTimeout(ctx, place.LivenessLease)
	defer cancel()
	asked := group.BootNS()
	oldest, err := m.oldest(ctx)
	if err != nil {
		return err
	}
	q := &heartbeat{Node: s.id.Node, Run: s.run, Epoch: m.Epoch(), Admitted: true, Oldest: oldest, Version: s.catalog.Current().Version(),
		Started: s.started, Replicas: s.replicaReports()}
	if r := s.host.Replica(topo.CatalogGroup); r != nil {
		q.Applied = r.State().AppliedIndex()
	}
	resp, err := askHolder[heartbeatResponse](ctx, s, methodHeartbeat, q)
	switch {
	case err != nil:
		return err
	case resp.Removed:
		s.fail(errRemoved)
		return errRemoved
	case !resp.OK:
		return m.renew(life, q.Epoch)
	}
	return m.grant(ctx, q.Epoch, asked, resp)
}

// renew registers again, once for an epoch that is over.
func (m *member) renew(ctx context.Context, over topo.LivenessEpoch) error {
	m.renewing.Lock()
	defer m.renewing.Unlock()
	if m.Epoch() != over {
		return nil
	}
	m.s.log.Warn("this node's liveness epoch was declared over: registering again", "epoch", over)
	ctx, cancel := context.WithTimeout(ctx, place.LivenessLease/2)
	defer cancel()
	return m.register(ctx, over+1)
}

// grant takes the answer to a heartbeat that was sent under an epoch. An answer under an earlier one is worth nothing.
func (m *member) grant(ctx context.Context, epoch topo.LivenessEpoch, asked int64, resp *heartbeatResponse) error {
	s := m.s
	m.renewing.Lock()
	defer m.renewing.Unlock()
	if m.Epoch() != epoch || asked+int64(place.LivenessLease) <= m.liveUntil.Load() {
		return nil
	}
	if !m.synced.Load() {
		// The table locks that others hold have to hold here too before statements are planned.
		if err := s.locks.Sync(ctx); err != nil {
			return err
		}
		m.synced.Store(true)
	}
	m.mu.Lock()
	m.status = resp.Status
	m.mu.Unlock()
	if resp.Horizon > topo.Timestamp(m.horizon.Load()) {
		m.horizon.Store(uint64(resp.Horizon))
	}
	m.liveUntil.Store(asked + int64(place.LivenessLease))
	m.granted.notify()
	return nil
}

// oldest returns a timestamp below which this node uses no snapshot and will use none: it is drawn first, and every later
// snapshot is above it.
func (m *member) oldest(ctx context.Context) (topo.Timestamp, error) {
	now, err := m.s.txns.Now(ctx)
	if err != nil {
		return 0, err
	}
	if ts, ok := m.s.txns.OldestSnapshot(); ok {
		return min(ts, now), nil
	}
	return now, nil
}

// admitted waits until the node has the right to plan; statements call it first. In the usual case it costs a look at the
// clock.
func (m *member) admitted(ctx context.Context) error {
	if group.BootNS() < m.liveUntil.Load() {
		return nil
	}
	deadline := time.NewTimer(holderPatience)
	defer deadline.Stop()
	for {
		granted := m.granted.wait()
		if group.BootNS() < m.liveUntil.Load() {
			return nil
		}
		select {
		case m.renewed <- struct{}{}:
		default:
		}
		select {
		case <-granted:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-deadline.C:
			return m.s.cutOffError()
		}
	}
}

// replicaReports describes this node's replicas.
func (s *Server) replicaReports() []replicaReport {
	var out []replicaReport
	for _, r := range s.host.Replicas() {
		info, mine := r.Lease()
		out = append(out, replicaReport{Group: r.ID(), ID: r.ReplicaID(), Holder: mine, Lease: info.Epoch,
			CaughtUp: s.replicas.caughtUp(r), Bytes: r.State().DiskBytes() + r.State().DeltaBytes()})
	}
	return out
}

// catalogReplicaIs makes sure that this node's replica of the catalog group is the one that the group knows. Another one
// was removed while the node was away: its data goes, and a new one is filled by the others.
func (s *Server) catalogReplicaIs(id uint64) error {
	r := s.host.Replica(topo.CatalogGroup)
	if r != nil && r.ReplicaID() == id {
		return nil
	}
	if id == 0 {
		return fmt.Errorf("the cluster has no replica of the catalog for this node yet")
	}
	s.log.Info("the catalog replica was replaced", "old", s.id.CatalogReplica, "new", id)
	var err error
	if r != nil {
		err = s.host.StopGroup(topo.CatalogGroup, true)
	} else {
		err = s.host.RemoveReplicaData(topo.CatalogGroup, s.id.CatalogReplica)
	}
	if err != nil {
		return err
	}
	if err := s.id.update(s.cfg.DataDir, func() { s.id.CatalogReplica, s.id.CatalogJoined = id, true }); err != nil {
		return err
	}
	return s.openCatalog()
}

// openCatalog starts this node's replica of the catalog group.
func (s *Server) openCatalog() error {
	_, err := s.host.StartGroup(s.catalogOptions())
	return err
}

// catalogOptions follow the catalog replica with the Store, from its file and from what is applied.
func (s *Server) catalogOptions() group.GroupOptions {
	return group.GroupOptions{ID: topo.CatalogGroup, Replica: s.id.CatalogReplica, Join: s.id.CatalogJoined,
		NonVoting: s.id.CatalogJoined, BeforeStart: s.followCatalog, Recovered: s.reloadCatalog}
}

// broadcast wakes all who wait.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *broadcast) notify() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}
