package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/group"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// replicas brings this node's replicas in line with the records: it starts those that the catalog lists here and drops
// those that were removed. It acts on the records of this node's own catalog replica, however old they are, so it drops
// only what can never be wanted again: a replica whose id was given and is not listed any more.
type replicas struct {
	s *Server

	mu sync.Mutex
	// caught holds the learners that were seen to have caught up; asking those that are being asked.
	caught, asking map[replicaKey]bool
	lost           map[replicaKey]bool // reported to the holder
}

type replicaKey struct {
	group topo.GroupID
	id    uint64
}

func newReplicas(s *Server) *replicas {
	return &replicas{s: s, caught: map[replicaKey]bool{}, asking: map[replicaKey]bool{}, lost: map[replicaKey]bool{}}
}

// reconcileEvery is how often the records are looked at when none has changed.
const reconcileEvery = 500 * time.Millisecond

func (m *replicas) run(ctx context.Context) {
	for {
		changed := m.s.catalog.Changed()
		m.reconcile()
		t := time.NewTimer(reconcileEvery)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-changed:
			t.Stop()
		case <-t.C:
		}
	}
}

// reconcile looks at every data group once.
func (m *replicas) reconcile() {
	t := m.s.catalog.Topology()
	for _, id := range t.GroupIDs() {
		if id == topo.CatalogGroup {
			continue
		}
		g := t.Groups[id]
		want, has := g.On(m.s.id.Node)
		r := m.s.host.Replica(id)
		switch {
		case r != nil && (!has || want.ID != r.ReplicaID()):
			if r.ReplicaID() < g.NextReplica {
				if _, listed := g.Replica(r.ReplicaID()); !listed {
					m.drop(r)
				}
			}
		case r == nil && has:
			m.start(g, want)
		}
		m.dropLost(g)
	}
	m.askLearners(t)
}

func (m *replicas) drop(r *group.Replica) {
	m.s.log.Info("dropping a replica that was moved away", "group", r.ID(), "replica", r.ReplicaID())
	if err := m.s.host.StopGroup(r.ID(), true); err != nil {
		m.s.log.Warn("dropping a replica", "group", r.ID(), "err", err)
	}
}

// start opens a replica that the records list here. Only the first replica of a group that was never joined begins it.
func (m *replicas) start(g *topo.Group, want topo.ReplicaRecord) {
	key := replicaKey{g.ID, want.ID}
	first := want.ID == 1 && g.NextReplica == 2
	_, err := m.s.host.StartGroup(group.GroupOptions{ID: g.ID, Replica: want.ID, Join: !first, NonVoting: !first})
	switch {
	case err == nil:
		m.s.log.Info("started a replica", "group", g.ID, "replica", want.ID, "role", want.Role)
	case errors.Is(err, group.ErrReplicaLost) && len(g.Replicas) > 1:
		m.replace(key, err)
	default:
		m.s.fail(err)
	}
}

// replace asks for another replica in place of one whose file is lost or damaged.
func (m *replicas) replace(key replicaKey, cause error) {
	m.mu.Lock()
	known := m.lost[key]
	m.lost[key] = true
	m.mu.Unlock()
	if known {
		return
	}
	m.s.log.Error("a replica's data is lost: asking for another one", "group", key.group, "replica", key.id, "err", cause)
	m.s.background(func(ctx context.Context) {
		_, err := askHolder[empty](ctx, m.s, methodLost, &lostRequest{Group: key.group, Replica: key.id})
		if err != nil {
			m.mu.Lock()
			delete(m.lost, key)
			m.mu.Unlock()
		}
	})
}

// dropLost removes what is left of lost replicas that the records do not list any more.
func (m *replicas) dropLost(g *topo.Group) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key := range m.lost {
		if _, listed := g.Replica(key.id); key.group != g.ID || listed {
			continue
		}
		if err := m.s.host.RemoveReplicaData(key.group, key.id); err != nil {
			m.s.log.Warn("removing a lost replica's data", "group", key.group, "replica", key.id, "err", err)
			continue
		}
		delete(m.lost, key)
	}
}

// lostRequest tells the holder that a replica has no data any more.
type lostRequest struct {
	Group   topo.GroupID
	Replica uint64
}

// askLearners finds out which of this node's learners have caught up.
func (m *replicas) askLearners(t *topo.Topology) {
	for _, r := range m.s.host.Replicas() {
		g := t.Groups[r.ID()]
		if g == nil {
			continue
		}
		rec, ok := g.Replica(r.ReplicaID())
		key := replicaKey{r.ID(), r.ReplicaID()}
		m.mu.Lock()
		ask := ok && rec.Role == topo.Learner && !m.caught[key] && !m.asking[key]
		if ask {
			m.asking[key] = true
		}
		m.mu.Unlock()
		if ask {
			m.s.background(func(ctx context.Context) {
				ctx, cancel := context.WithTimeout(ctx, callTimeout)
				defer cancel()
				err := r.CaughtUp(ctx)
				m.mu.Lock()
				defer m.mu.Unlock()
				delete(m.asking, key)
				if err == nil {
					m.caught[key] = true
				}
			})
		}
	}
}

// caughtUp reports whether a replica was seen to have applied what was committed.
func (m *replicas) caughtUp(r *group.Replica) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.caught[replicaKey{r.ID(), r.ReplicaID()}]
}
