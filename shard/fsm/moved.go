package fsm

import (
	"bytes"

	"github.com/pgmqdb/pgmqdb/shard/disk"
	"github.com/pgmqdb/pgmqdb/shard/mvcc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// A row that gets another key is deleted under the old one and put under the new one. Whoever saw it before, and had to wait,
// wants the row, not the key: so the version that ends a row under a key says where it went (ItemMoved), be that version a
// tombstone or a row that came in its place.
//
// A row is named by a key and a time at which it was there: puts that keep the key version go on with a row, all others, and
// deletions, end it. A moved row is under its new key from the timestamp on at which it left the old one, for both were
// written by one transaction; that makes a chain, to be followed from key to key.
//
// Versions above the horizon are all there, and no reader's snapshot is below it, so that nobody who read at a snapshot finds
// the chain broken.

// Moved answers what became of the row that key held at the timestamp since: at is when another transaction ended it there,
// 0 when it still is there; to is where it went, nil when it was deleted. The own transaction's writes do not count.
// A non-nil Pending is another transaction's prepared write, which may end the row.
func (s *State) Moved(key []byte, since topo.Timestamp, own topo.TxnID) (at topo.Timestamp, to []byte, p *Pending, err error) {
	if p := s.pendingWrite(key, topo.MaxTimestamp, own); p != nil {
		return 0, nil, p, nil
	}
	bound := mvcc.Bound(s.visible.Load())
	v := s.view.Load()
	if hasStorage(v.dropped, key) {
		return 0, nil, nil, nil
	}
	r, err := v.disk.Reader()
	if err != nil {
		return 0, nil, nil, closedError(err)
	}
	defer r.Release()
	for ts := topo.MaxTimestamp; ; {
		w, there, err := v.versionAt(r, key, ts, bound)
		if err != nil {
			return 0, nil, nil, err
		}
		horizon := max(s.Horizon(), v.disk.GCHorizon())
		switch {
		case there && w.ts <= since, !there && since >= horizon:
			return at, to, nil, nil
		case !there || w.ts <= horizon:
			return 0, nil, nil, ErrSnapshotTooOld // what ended the row may have been dropped
		case w.value == nil || w.keyTS > since:
			at, to = w.ts, bytes.Clone(w.moved)
		}
		ts = w.ts - 1
	}
}

// versionAt returns the newest version of key with a timestamp <= ts in any layer. Its bytes are valid until r is released.
func (v *view) versionAt(r *disk.Reader, key []byte, ts topo.Timestamp, bound mvcc.Bound) (best version, there bool, err error) {
	for _, d := range [...]*mvcc.Delta{v.active, v.frozen} {
		if d == nil {
			continue
		}
		if w := d.Get(key, ts, bound); w != nil && (!there || w.TS > best.ts) {
			best, there = version{w.TS, w.KeyTS, w.Value(), w.Moved()}, true
		}
	}
	row, onDisk, err := r.Get(key, ts)
	if err == nil && onDisk && (!there || row.TS > best.ts) {
		best, there = version{row.TS, row.KeyTS, row.Value, row.Moved}, true
	}
	return best, there, err
}

// Origin returns where the row that the transaction's own provisional operations put under key was when the transaction
// began: empty for the key itself, nil for a row that it inserted.
func (s *State) Origin(key []byte, own Own) []byte {
	s.mu.RLock()
	in := s.t.intents[own.Txn]
	s.mu.RUnlock()
	origin := []byte{}
	if in == nil {
		return origin
	}
	in.mu.RLock()
	defer in.mu.RUnlock()
	it := in.index.Iter()
	defer it.Release()
	for more := in.seekGE(&it, key); more; more = it.Next() {
		op := in.op(it.Item())
		if !bytes.Equal(op.Item.Key, key) {
			break
		}
		if op.Item.Kind.writes() && op.Seq <= own.Seq && !inRanges(own.RolledBack, op.Seq) {
			origin = op.origin(origin)
		}
	}
	return bytes.Clone(origin)
}

// origin takes one of the operations on a key into account: it returns where the row that is then under the key was.
func (op *ProvisionOp) origin(at []byte) []byte {
	switch {
	case op.Item.Origin != nil:
		return op.Item.Origin
	case op.Item.Kind == ItemPut && op.Item.KeepsKey:
		return at
	}
	return nil
}
