// Package store keeps a node's catalog: a Store follows the catalog group's replica on the node and publishes, for every
// committed change, the next immutable catalog.Snapshot. It also writes what a new cluster starts with (Bootstrap), hands
// out OIDs and storage ids (Allocator) and drops storages that nothing needs any more (Collect).
//
// A transaction's entries of the catalog group are applied together, so that every Snapshot is a state between
// transactions. Commit timestamps are not applied in order: a Snapshot's Version is the highest seen, and who waits for a
// change waits for its entries (WaitEntries), not for a version.
package store

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Garbage is a storage that the catalog no longer names since Dropped.
type Garbage struct {
	Storage  topo.StorageID
	Sequence bool
	Dropped  topo.Timestamp
}

// Store is a node's catalog replica. It is safe for concurrent use.
type Store struct {
	current  atomic.Pointer[catalog.Snapshot]
	topology atomic.Pointer[topo.Topology]
	// statistics are kept apart too: new ones make no plan wrong.
	statistics atomic.Pointer[statistics]

	mu      sync.Mutex
	applied map[string]topo.Timestamp // the latest change of each key, deletions included
	// What was committed up to floor was there when the Store was loaded, the keys in unresolved excepted.
	floor      topo.Timestamp
	unresolved map[string]bool
	garbage    map[topo.StorageID]Garbage
	changed    chan struct{} // closed and replaced at every change
	err        error         // the first entry that could not be read: the node must not plan any more
	watch      []func(old, new *catalog.Snapshot)
}

// New returns an empty Store. Load it, then feed it with Apply.
func New() *Store {
	s := &Store{
		applied: map[string]topo.Timestamp{},
		garbage: map[topo.StorageID]Garbage{},
		changed: make(chan struct{}),
	}
	s.current.Store(catalog.NewSnapshot())
	s.topology.Store(newTopology())
	return s
}

func newTopology() *topo.Topology {
	return &topo.Topology{Nodes: map[topo.NodeID]*topo.Node{}, Groups: map[topo.GroupID]*topo.Group{}}
}

// Current returns the latest published snapshot; never nil.
func (s *Store) Current() *catalog.Snapshot { return s.current.Load() }

// Topology returns the latest records of nodes and groups; never nil. It is kept apart from the Snapshot so that moving a
// replica makes no plan stale.
func (s *Store) Topology() *topo.Topology { return s.topology.Load() }

// Changed returns a channel that is closed at the next change of anything here.
func (s *Store) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Err returns the error that stopped the Store, or nil. A node whose Store has one takes no statements.
func (s *Store) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Watch registers f, called after each published change, in order, with the Store locked: f must not block.
func (s *Store) Watch(f func(old, new *catalog.Snapshot)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch = append(s.watch, f)
}

// Load fills the Store from the catalog group's state, as after a restart or an installed snapshot: what it held before
// is forgotten. state must not apply meanwhile.
func (s *Store) Load(state *fsm.State) error {
	var entries []entry
	floor, unresolved := state.MaxTS(), map[string]bool{}
	// Where nothing was committed since the horizon was raised, the latest version lies below it.
	at := max(floor, state.Horizon())
	lo := topo.AppendStorageID(nil, catalog.DescriptorStorage)
	hi := topo.AppendStorageID(nil, catalog.StatisticStorage+1)
	for lo != nil {
		resume, pending, err := state.Scan(fsm.ScanOptions{Lo: lo, Hi: hi, TS: at},
			func(key, value []byte, ts topo.Timestamp) bool {
				entries = append(entries, entry{append([]byte(nil), key...), append([]byte{}, value...), ts})
				return true
			})
		if err != nil {
			return err
		}
		lo = resume
		if pending != nil {
			// Prepared, not resolved: Apply brings it. What is committed beneath is read for the moment.
			v, err := beneath(state, pending)
			if err != nil {
				return err
			}
			if v.Value != nil {
				entries = append(entries, entry{append([]byte(nil), pending.Key...), v.Value, v.TS})
			}
			unresolved[string(pending.Key)] = true
			lo = append(append([]byte(nil), pending.Key...), 0)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.applied, s.garbage = map[string]topo.Timestamp{}, map[topo.StorageID]Garbage{}
	s.floor, s.unresolved = floor, unresolved
	s.statistics.Store(nil)
	return s.publish(catalog.NewSnapshot(), newTopology(), entries)
}

// beneath reads the latest committed version under a prepare: as the prepare's own transaction does, which it does not stop.
func beneath(state *fsm.State, p *fsm.Pending) (fsm.Version, error) {
	v, _, err := state.Latest(p.Key, p.Txn)
	return v, err
}

type entry struct {
	key, value []byte // nil value: deleted
	ts         topo.Timestamp
}

// Apply takes a committed batch of the catalog group: it is what fsm.State.Watch calls. The slices are not kept.
func (s *Store) Apply(ts topo.Timestamp, batch []fsm.Entry) {
	entries := make([]entry, 0, len(batch))
	for _, e := range batch {
		if id, _ := topo.KeyStorageID(e.Key); id < catalog.DescriptorStorage || id > catalog.StatisticStorage {
			continue
		}
		c := entry{key: append([]byte(nil), e.Key...), ts: ts}
		if e.Value != nil {
			c.value = append([]byte{}, e.Value...)
		}
		entries = append(entries, c)
	}
	if len(entries) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		_ = s.publish(s.current.Load(), s.topology.Load(), entries)
	}
}

// publish applies entries to a snapshot and a topology and publishes the result. Deletions come first: within one transaction a name may
// pass from one object to another. s.mu is held.
func (s *Store) publish(snap *catalog.Snapshot, nodes *topo.Topology, entries []entry) error {
	old := s.current.Load()
	version := snap.Version()
	before := snap
	var stats statistics
	if m := s.statistics.Load(); m != nil {
		stats = *m
	}
	for _, deletions := range []bool{true, false} {
		for _, e := range entries {
			if (e.value == nil) != deletions {
				continue
			}
			var err error
			if stats, err = applyStatistics(stats, e); err == nil {
				nodes, err = applyTopology(nodes, e)
			}
			if err == nil {
				snap, err = s.applyOne(snap, e)
			}
			if err != nil {
				s.err = fmt.Errorf("catalog entry %x: %w", e.key, err)
				s.wake()
				return s.err
			}
			s.applied[string(e.key)] = max(e.ts, s.applied[string(e.key)])
			version = max(version, e.ts)
		}
	}
	s.topology.Store(nodes)
	s.statistics.Store(&stats)
	if snap != before || old.SlotMap() == nil {
		snap = snap.WithVersion(version)
		s.current.Store(snap)
		for _, f := range s.watch {
			f(old, snap)
		}
	}
	s.wake()
	return nil
}

func (s *Store) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Store) applyOne(snap *catalog.Snapshot, e entry) (*catalog.Snapshot, error) {
	storage, _ := topo.KeyStorageID(e.key)
	switch storage {
	case catalog.DescriptorStorage:
		id, ok := catalog.ParseDescriptorKey(e.key)
		if !ok {
			return nil, fmt.Errorf("damaged key")
		}
		if e.value == nil {
			return snap.Remove(id), nil
		}
		o, err := catalog.Decode(id.Class, e.value)
		if err != nil {
			return nil, err
		}
		return snap.Put(o), nil
	case catalog.SlotMapStorage:
		m, err := catalog.DecodeSlotMap(e.value)
		if err != nil {
			return nil, err
		}
		return snap.WithSlotMap(m), nil
	case catalog.GarbageStorage:
		id, ok := catalog.ParseGarbageKey(e.key)
		if !ok {
			return nil, fmt.Errorf("damaged key")
		}
		if e.value == nil {
			delete(s.garbage, id)
		} else {
			s.garbage[id] = Garbage{Storage: id, Sequence: string(e.value) == catalog.GarbageSequence, Dropped: e.ts}
		}
	}
	return snap, nil
}

// applyTopology takes the record of a node or a group; other entries leave the topology as it is. Records are never
// deleted.
func applyTopology(t *topo.Topology, e entry) (*topo.Topology, error) {
	if _, ok := catalog.ParseNodeKey(e.key); ok {
		n, err := catalog.DecodeRecord[topo.Node](e.value)
		if err != nil {
			return nil, err
		}
		return t.WithNode(n), nil
	}
	if _, ok := catalog.ParseGroupKey(e.key); ok {
		g, err := catalog.DecodeRecord[topo.Group](e.value)
		if err != nil {
			return nil, err
		}
		return t.WithGroup(g), nil
	}
	return t, nil
}

// Garbage lists the storages that may be dropped once the horizon has reached the time they were given up.
func (s *Store) Garbage(horizon topo.Timestamp) []Garbage {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Garbage
	for g := range maps.Values(s.garbage) {
		if g.Dropped <= horizon {
			out = append(out, g)
		}
	}
	return out
}

// WaitFor waits until the published version is at least version.
func (s *Store) WaitFor(ctx context.Context, version topo.Timestamp) (*catalog.Snapshot, error) {
	err := s.wait(ctx, func() bool { return s.current.Load().Version() >= version })
	return s.current.Load(), err
}

// WaitEntries waits until every key has been applied here at or after ts.
func (s *Store) WaitEntries(ctx context.Context, keys [][]byte, ts topo.Timestamp) error {
	return s.wait(ctx, func() bool {
		for _, k := range keys {
			if s.applied[string(k)] < ts && (ts > s.floor || s.unresolved[string(k)]) {
				return false
			}
		}
		return true
	})
}

// wait returns once cond, evaluated with the Store locked, holds.
func (s *Store) wait(ctx context.Context, cond func() bool) error {
	for {
		s.mu.Lock()
		ok, err, changed := cond(), s.err, s.changed
		s.mu.Unlock()
		if err != nil {
			return err
		}
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
