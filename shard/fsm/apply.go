package fsm

import (
	"fmt"

	"github.com/pgmqdb/pgmqdb/shard/disk"
	"github.com/pgmqdb/pgmqdb/shard/mvcc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Apply applies the commands of the log entry at index (none for an entry that is not ours) and fills results, one per
// command. One goroutine applies; indexes grow. It waits while the delta is full. An error means that this replica cannot
// go on: what it read from its file is damaged, or it is closed.
func (s *State) Apply(index uint64, cmds []Command, results []Result) error {
	if err := s.flusher.awaitRoom(); err != nil {
		return err
	}
	s.applyMu.Lock()
	defer s.applyMu.Unlock()
	if err := s.failure(); err != nil {
		return err
	}
	if index <= s.t.index {
		return s.fail(fmt.Errorf("fsm: entry %d applied after entry %d", index, s.t.index))
	}
	for i := range cmds {
		s.seq++
		r, err := s.apply(index, &cmds[i])
		s.closeFile()
		if err != nil {
			return s.fail(err)
		}
		results[i] = r
		s.visible.Store(uint64(s.seq))
		s.notify(r.TS)
	}
	s.mu.Lock()
	s.t.index = index
	s.mu.Unlock()
	s.applied.Store(index)
	if len(s.digests) > 0 {
		s.pinWaiting()
	}
	return nil
}

// notify hands what the command committed to the watchers.
func (s *State) notify(ts topo.Timestamp) {
	if len(s.entries) == 0 {
		return
	}
	for _, fn := range s.watchers {
		fn(ts, s.entries)
	}
	clear(s.entries)
	s.entries = s.entries[:0]
}

func (s *State) apply(index uint64, c *Command) (Result, error) {
	if c.Format > s.t.version {
		return Result{Code: ResultUnsupported}, nil
	}
	if c.Lease != nil {
		return s.applyLease(index, c.Lease), nil
	}
	if c.Epoch != s.t.lease.Epoch || s.t.released != nil {
		return Result{Code: ResultStaleEpoch}, nil
	}
	if s.t.lease.LastIndex != index {
		s.mu.Lock()
		s.t.lease.LastIndex = index
		s.mu.Unlock()
	}
	switch {
	case c.Prepare != nil:
		return s.applyPrepare(c.Prepare)
	case c.Provision != nil:
		return s.applyProvision(c.Provision), nil
	case c.Commit != nil:
		return s.applyCommit(c.Commit)
	case c.Resolve != nil:
		return s.applyResolve(c.Resolve)
	case c.Tombstone != nil:
		return s.applyTombstone(c.Tombstone), nil
	case c.Forget != nil:
		return s.applyForget(c.Forget), nil
	case c.Fence != nil:
		return s.applyFence(c.Fence), nil
	case c.Horizon != nil:
		return s.applyHorizon(c.Horizon), nil
	case c.Sequence != nil:
		return s.applySequence(c.Sequence), nil
	case c.Ingest != nil:
		return s.applyIngest(c.Ingest)
	case c.Drop != nil:
		return s.applyDrop(c.Drop), nil
	case c.Upgrade != nil:
		return s.applyUpgrade(c.Upgrade), nil
	case c.Release != nil:
		return s.applyRelease(c.Release), nil
	}
	return Result{Code: ResultUnsupported}, nil
}

func (s *State) mark(recordKey []byte) { s.dirty[string(recordKey)] = struct{}{} }

// found is the latest version of a key as apply sees it: a tombstone at or below the horizon is no version.
type found struct {
	ts    topo.Timestamp // 0: none
	keyTS topo.Timestamp
	value []byte // nil: none, or a tombstone; valid until the next lookup
	// empty says that no layer holds anything of the key, not even a tombstone that is due to go.
	empty bool
}

func (f *found) live() bool { return f.value != nil }

// latest looks the newest version of key up, through all layers.
func (s *State) latest(key []byte) (found, error) { return s.lookup(key, topo.MaxTimestamp) }

func (s *State) lookup(key []byte, ts topo.Timestamp) (found, error) {
	v := s.view.Load()
	if hasStorage(v.dropped, key) {
		return found{}, nil
	}
	best, row, ok, done := v.deltas(key, ts, mvcc.Unbounded)
	if !done {
		file, err := s.file(v)
		if err != nil {
			return found{}, err
		}
		onDisk, there, err := file.Get(key, ts)
		if err != nil {
			return found{}, err
		}
		if there && (!ok || onDisk.TS > best.TS) {
			row, ok = found{ts: onDisk.TS, keyTS: onDisk.KeyTS, value: onDisk.Value}, true
			if row.value != nil {
				s.scratch = append(s.scratch[:0], row.value...)
				row.value = s.scratch
				if row.value == nil {
					row.value = emptyValue
				}
			}
		}
	}
	if !ok {
		return found{empty: true}, nil
	}
	if !row.live() && row.ts <= s.t.horizon {
		return found{}, nil
	}
	return row, nil
}

// file returns apply's seeker in the file of the present view. A command looks all its keys up by one: as long as the view
// has not been replaced, no flush has taken versions out of it, and what the file had when the seeker began is what goes with
// it. The command's end closes it, and so does whoever reads the file in another way.
func (s *State) file(v *view) (*disk.Seeker, error) {
	if s.seeker != nil {
		if s.seekerOf == v {
			return s.seeker, nil
		}
		s.closeFile()
	}
	k, err := v.disk.Seeker()
	if err != nil {
		return nil, err
	}
	s.seeker, s.seekerOf = k, v
	return k, nil
}

func (s *State) closeFile() {
	if s.seeker != nil {
		s.seeker.Close()
		s.seeker, s.seekerOf = nil, nil
	}
}

var emptyValue = []byte{}

// deltas looks key up in the two deltas. done says that the file cannot hold a newer version at or below ts.
func (v *view) deltas(key []byte, ts topo.Timestamp, bound mvcc.Bound) (best *mvcc.Version, row found, ok, done bool) {
	best = v.active.Get(key, ts, bound)
	if best != nil && best.Flags()&mvcc.Newest != 0 {
		return best, found{ts: best.TS, keyTS: best.KeyTS, value: best.Value()}, true, true
	}
	if v.frozen != nil {
		if w := v.frozen.Get(key, ts, bound); w != nil {
			done = w.Flags()&mvcc.Newest != 0
			if best == nil || w.TS > best.TS {
				best = w
			}
		}
	}
	if best == nil {
		return nil, found{}, false, false
	}
	return best, found{ts: best.TS, keyTS: best.KeyTS, value: best.Value()}, true, done
}

// write adds a committed version. The key and value are the delta's to keep when owned is set. moved, if not nil, is where the
// row went that was under the key.
func (s *State) write(key []byte, ts, keyTS topo.Timestamp, value, moved []byte, hints mvcc.Flags, owned bool) {
	v := s.view.Load()
	if hasStorage(v.dropped, key) {
		return
	}
	if keyTS == 0 {
		keyTS = ts
	}
	v.active.Put(key, ts, keyTS, value, moved, s.seq, hints, owned)
	if len(s.watchers) > 0 {
		s.entries = append(s.entries, Entry{key, value})
	}
}

// raiseMaxTS notes that a version has timestamp ts.
func (s *State) raiseMaxTS(ts topo.Timestamp) {
	if ts > s.t.maxTS {
		s.t.maxTS = ts
		s.maxTS.Store(uint64(ts))
	}
}

// finish records an attempt's outcome. An attempt that needs no Forget is forgotten at once.
func (s *State) finish(id attemptID, o outcome) {
	s.mu.Lock()
	s.t.outcomes[id] = o
	s.mu.Unlock()
	if o.forgotten {
		s.forgotten.push(o.ts, id)
	}
	s.dirtyOutcomes = append(s.dirtyOutcomes, id)
}

// first answers a command about an attempt that is finished already.
func (s *State) first(id attemptID) (Result, bool) {
	o, ok := s.t.outcomes[id]
	if !ok {
		return Result{}, false
	}
	if o.code == OutcomeCommitted {
		return Result{Code: ResultCommitted, TS: o.ts}, true
	}
	return Result{Code: ResultAborted}, true
}
