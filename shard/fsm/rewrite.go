package fsm

import (
	"maps"
	"slices"

	"github.com/pgmqdb/pgmqdb/shard/disk"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Recovery from the survivors of a group that has lost the majority of its voters for good: what is left of a replica becomes
// the beginning of a new group. Nobody is alive who prepared, locked, planned or coordinated anything; so what the old group
// held for such is decided before (KnownAttempts, PendingList), and left behind.

// KnownAttempt is an attempt whose outcome the state knows.
type KnownAttempt struct {
	Txn     topo.TxnID
	Attempt topo.Attempt
	OutcomeInfo
}

// KnownAttempts lists the finished attempts that are not forgotten for good, ordered by transaction. What is prepared is in
// PendingList.
func (s *State) KnownAttempts() []KnownAttempt {
	s.mu.RLock()
	defer s.mu.RUnlock()
	ids := slices.SortedFunc(maps.Keys(s.t.outcomes), attemptID.compare)
	out := make([]KnownAttempt, 0, len(ids))
	for _, id := range ids {
		o := s.t.outcomes[id]
		out = append(out, KnownAttempt{id.txn, id.attempt, OutcomeInfo{Code: o.code, TS: o.ts, Primary: o.primary,
			Participants: slices.Clone(s.t.members[id])}})
	}
	return out
}

// HighestTS returns a timestamp at or above every one that the state has anything of.
func (s *State) HighestTS() topo.Timestamp {
	s.mu.RLock()
	defer s.mu.RUnlock()
	high := max(s.t.horizon, s.t.maxTS, s.t.readFloor, topo.Timestamp(max(0, s.t.sequences[WindowSequence].Last)))
	if s.t.released != nil {
		high = max(high, s.t.released.ReadTS)
	}
	for _, p := range s.t.pendings {
		high = max(high, p.min, p.start)
	}
	for _, o := range s.t.outcomes {
		high = max(high, o.ts)
	}
	for _, ts := range s.t.shares {
		high = max(high, ts)
	}
	return high
}

// Sequences returns the logged states of all sequences, the oracle's window (WindowSequence) among them.
func (s *State) Sequences() map[topo.StorageID]SequenceState {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return maps.Clone(s.t.sequences)
}

// SchemaVersions returns the admitted version of each table that the group knows of.
func (s *State) SchemaVersions() map[topo.TableID]topo.SchemaVersion {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make(map[topo.TableID]topo.SchemaVersion, len(s.t.schema))
	for id, st := range s.t.schema {
		out[id] = st.version
	}
	return out
}

// VersionsAbove counts the versions with a later timestamp, and the keys that they are of. It reads everything.
func (s *State) VersionsAbove(ts topo.Timestamp) (versions, keys int64, err error) {
	snap, err := s.pin()
	if err != nil {
		return 0, 0, err
	}
	defer snap.reader.Release()
	var last []byte
	err = snap.eachVersion(func(key []byte, v *version) error {
		if v.ts > ts {
			versions++
			if string(last) != string(key) || keys == 0 {
				keys++
				last = append(last[:0], key...)
			}
		}
		return nil
	})
	return versions, keys, err
}

// Rewrite writes a new file from which another group begins, at index 0 of a log that has no entries yet. It has the
// committed versions up to keep, which must not be below the horizon unless it is MaxTimestamp, the sequences, and the
// storages that are dropped for ever. It has no prepares, outcomes, marks nor fences: share_ts and admitted schema versions
// stop only who drew his timestamp or read his catalog before. The lease is free. done interrupts it.
func (s *State) Rewrite(path string, keep topo.Timestamp, done <-chan struct{}) error {
	if keep < s.Horizon() {
		return ErrSnapshotTooOld
	}
	snap, err := s.pin()
	if err != nil {
		return err
	}
	defer snap.reader.Release()
	b, err := disk.NewBuilder(path)
	if err != nil {
		return err
	}
	defer b.Abort()
	t := s.successor()
	for _, key := range t.keys() {
		if err := b.Record(key, t.encode(key)); err != nil {
			return err
		}
	}
	n := 0
	err = snap.eachVersion(func(key []byte, v *version) error {
		if n++; n&1023 == 0 && interrupted(done) {
			return ErrInterrupted
		}
		if v.ts > keep {
			return nil
		}
		return b.Version(key, v.ts, v.keyTS, v.value, v.moved)
	})
	if err != nil {
		return err
	}
	if err := b.Finish(0, t.horizon); err != nil {
		return err
	}
	return b.Install()
}

// successor is what of the tables a new group begins with.
func (s *State) successor() *tables {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := newTables()
	t.version = s.t.version
	t.lease, t.released = LeaseInfo{Epoch: s.t.lease.Epoch}, &Release{}
	t.horizon, t.maxTS, t.readFloor = s.t.horizon, s.t.maxTS, s.t.readFloor
	t.dropped = s.t.dropped
	t.sequences = maps.Clone(s.t.sequences)
	return &t
}
