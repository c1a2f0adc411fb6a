package fsm

import (
	"bytes"
	"slices"

	"github.com/pgmqdb/pgmqdb/shard/disk"
	"github.com/pgmqdb/pgmqdb/shard/mvcc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// applyLease lets a successor begin the next epoch, provided that the old one was released or that the successor had
// applied the old epoch's last entry before it began to wait.
func (s *State) applyLease(index uint64, l *Lease) Result {
	cur := s.t.lease
	switch {
	case l.Epoch == cur.Epoch && l.Holder == cur.Holder && l.Incarnation == cur.Incarnation:
		return Result{Code: ResultOK}
	case l.Epoch != cur.Epoch+1 || l.AfterIndex < cur.LastIndex && s.t.released == nil:
		return Result{Code: ResultStaleEpoch}
	}
	s.mu.Lock()
	s.t.lease = LeaseInfo{Epoch: l.Epoch, Holder: l.Holder, Incarnation: l.Incarnation, LastIndex: index}
	s.t.released = nil
	s.mu.Unlock()
	s.mark(releasedRecord)
	return Result{Code: ResultOK}
}

// applyRelease ends the epoch. The command's bytes are the log's, so what stays is a copy.
func (s *State) applyRelease(r *Release) Result {
	size := 0
	for i := range r.Locks {
		size += len(r.Locks[i].Key)
	}
	keys := make([]byte, 0, size)
	kept := &Release{ReadTS: r.ReadTS, Locks: slices.Clone(r.Locks)}
	for i := range kept.Locks {
		start := len(keys)
		keys = append(keys, kept.Locks[i].Key...)
		kept.Locks[i].Key = keys[start:len(keys):len(keys)]
	}
	s.mu.Lock()
	s.t.released = kept
	s.mu.Unlock()
	s.mark(releasedRecord)
	return Result{Code: ResultOK}
}

// sharesPerHorizon bounds how many dead share_ts one Horizon entry looks for: which of them are still there never shows.
const sharesPerHorizon = 4096

// applyHorizon raises the horizon and drops what it passed.
func (s *State) applyHorizon(h *Horizon) Result {
	if h.TS <= s.t.horizon {
		return Result{Code: ResultOK, TS: s.t.horizon}
	}
	s.mu.Lock()
	s.t.horizon = h.TS
	s.mu.Unlock()
	s.horizon.Store(uint64(h.TS))
	s.dropPassed()
	n := 0
	for key, ts := range s.t.shares {
		if ts <= h.TS {
			delete(s.t.shares, key)
			s.dirtyShares = append(s.dirtyShares, key)
		}
		if n++; n == sharesPerHorizon {
			break
		}
	}
	return Result{Code: ResultOK, TS: h.TS}
}

func (s *State) applyUpgrade(u *Upgrade) Result {
	if u.Version > Format {
		// The entry came through the log, so every replica must answer the same; this binary's format bounds what it can
		// apply, and the upgrade is proposed only when all binaries know it.
		return Result{Code: ResultUnsupported}
	}
	s.mu.Lock()
	s.t.version = max(s.t.version, u.Version)
	s.mu.Unlock()
	return Result{Code: ResultOK}
}

// WindowSequence is the storage id under which the timestamp oracle's window is logged, as the state of a sequence: no table
// has storage id 0. Its value only grows: an entry that was lost and comes late must not take a window back, out of which
// timestamps were handed out.
const WindowSequence topo.StorageID = 0

func (s *State) applySequence(q *Sequence) Result {
	s.mu.Lock()
	switch {
	case q.Drop:
		delete(s.t.sequences, q.ID)
	case q.ID != WindowSequence || q.Last > s.t.sequences[q.ID].Last:
		s.t.sequences[q.ID] = SequenceState{Last: q.Last, IsCalled: q.IsCalled}
	}
	s.mu.Unlock()
	s.mark(idRecordKey(recordSequence, uint32(q.ID)))
	return Result{Code: ResultOK}
}

// applyFence raises, opens or lowers the fences of one DDL.
func (s *State) applyFence(f *Fence) Result {
	if f.Phase == FenceRaise {
		return s.raiseFence(f)
	}
	if f.Phase != FenceOpen && f.Phase != FenceLower {
		return Result{Code: ResultUnsupported}
	}
	for _, tv := range f.Tables {
		st := s.t.schema[tv.Table]
		if st.fenced && st.txn == f.Txn {
			st = tableState{version: st.version}
		}
		if f.Phase == FenceOpen {
			st.version = max(st.version, tv.Version)
		}
		s.setTable(tv.Table, st)
	}
	return Result{Code: ResultOK}
}

func (s *State) setTable(id topo.TableID, st tableState) {
	s.mu.Lock()
	if st == (tableState{}) {
		delete(s.t.schema, id)
	} else {
		s.t.schema[id] = st
	}
	s.markSchema()
	s.mu.Unlock()
	s.mark(idRecordKey(recordTable, uint32(id)))
}

// raiseFence shuts tables for everyone but the DDL's transaction. What was prepared before may yet commit, at a timestamp
// above the one at which the DDL will look; so the DDL is told to wait for it.
func (s *State) raiseFence(f *Fence) Result {
	for _, tv := range f.Tables {
		switch st := s.t.schema[tv.Table]; {
		case st.fenced && st.txn != f.Txn:
			return Result{Code: ResultFenced, Table: tv.Table, Other: st.txn, OtherAttempt: st.attempt, OtherPrimary: st.primary}
		case tv.Version <= st.version:
			// A late copy, or a change planned against a version that is over: it would shut the table with nobody to open it.
			return Result{Code: ResultVersion, Table: tv.Table}
		}
	}
	for _, tv := range f.Tables {
		s.setTable(tv.Table, tableState{version: s.t.schema[tv.Table].version, fenced: true, next: tv.Version,
			txn: f.Txn, attempt: f.Attempt, primary: f.Primary})
	}
	for _, id := range sortedTxns(s.t.pendings) {
		p := s.t.pendings[id]
		if id == f.Txn {
			continue
		}
		for _, tv := range p.schema {
			if slices.ContainsFunc(f.Tables, func(t topo.TableVersion) bool { return t.Table == tv.Table }) {
				return Result{Code: ResultPending, Table: tv.Table, Other: p.txn, OtherAttempt: p.attempt, OtherPrimary: p.primary}
			}
		}
	}
	return Result{Code: ResultOK}
}

// applyDrop makes all entries of storages absent, for ever: storage ids are never used again. The bytes go with flushes.
func (s *State) applyDrop(d *DropStorage) Result {
	ids := slices.Concat(s.t.dropped, d.IDs)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) == len(s.t.dropped) {
		return Result{Code: ResultOK}
	}
	s.mu.Lock()
	s.t.dropped = ids
	s.mu.Unlock()
	s.swapView(func(v *view) { v.dropped = ids })
	s.mark(droppedRecordID)
	return Result{Code: ResultOK}
}

// applyIngest writes committed entries, all or none. An entry goes below newer versions of its key, never over them.
func (s *State) applyIngest(in *Ingest) (Result, error) {
	if in.TS < s.t.horizon {
		return Result{Code: ResultHorizon}, nil
	}
	writes := make([]pendItem, 0, len(in.Entries))
	var batch map[string][]byte
	if in.Unique {
		batch = make(map[string][]byte, len(in.Entries))
	}
	for i := range in.Entries {
		disk.GiveWay(i)
		e := &in.Entries[i]
		if batch != nil {
			if other, ok := batch[string(e.Key)]; ok && !bytes.Equal(other, e.Value) {
				return Result{Code: ResultDuplicate, Item: i}, nil
			}
			batch[string(e.Key)] = e.Value
		}
		w, r, err := s.ingestEntry(e, in)
		if r.Code != ResultOK || err != nil {
			r.Item = i
			return r, err
		}
		if w.key != nil {
			writes = append(writes, w)
		}
	}
	for i := range writes {
		disk.GiveWay(i)
		w := &writes[i]
		s.write(w.key, in.TS, 0, w.value, nil, w.hints, false)
	}
	s.raiseMaxTS(in.TS)
	return Result{Code: ResultOK, TS: in.TS}, nil
}

// ingestEntry says what to write for an entry: nothing (no key) when the key shows that value at the timestamp already.
func (s *State) ingestEntry(e *Entry, in *Ingest) (w pendItem, r Result, err error) {
	if len(e.Key) > disk.MaxKeyBytes {
		return w, Result{Code: ResultUnsupported}, nil
	}
	put := Item{Kind: ItemPut, Key: e.Key}
	if p := s.blocked(&put, conflictMode(&put), topo.TxnID{}); p != nil {
		return w, Result{Code: ResultPending, Other: p.txn, OtherAttempt: p.attempt, OtherPrimary: p.primary}, nil
	}
	ok := Result{Code: ResultOK}
	newest, err := s.latest(e.Key)
	if err != nil {
		return w, Result{}, err
	}
	differs := newest.live() && !bytes.Equal(newest.value, e.Value)
	if in.Unique && differs {
		return w, Result{Code: ResultDuplicate}, nil
	}
	if newest.live() && newest.ts <= in.TS && !differs {
		return w, ok, nil
	}
	hints := mvcc.Newest
	if newest.empty {
		hints |= mvcc.Lone
	}
	if newest.ts >= in.TS {
		hints = 0
		at, err := s.lookup(e.Key, in.TS)
		if err != nil {
			return w, Result{}, err
		}
		if at.ts == in.TS && (at.live() || in.TS > s.t.horizon) {
			return w, ok, nil
		}
	}
	value := e.Value
	if value == nil {
		value = emptyValue
	}
	return pendItem{key: e.Key, value: value, hints: hints}, ok, nil
}
