package fsm

import (
	"bytes"

	"github.com/tidwall/btree"

	"github.com/pgmqdb/pgmqdb/shard/disk"
	"github.com/pgmqdb/pgmqdb/shard/mvcc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// A read looks for prepared writes, then fixes its bound, then loads the view. In that order each step may only miss what
// the next one shows: a prepare resolved after the first step is in the bound, a flush after the second in the view.

// Get reads key at ts. A non-nil Pending is another transaction's prepared write with a minimum <= ts; the version is
// then not to be used.
func (s *State) Get(key []byte, ts topo.Timestamp, own Own) (Version, *Pending, error) {
	if !own.Txn.IsZero() && s.intentCount.Load() > 0 {
		if v, ok := s.ownValue(key, own); ok {
			return v, nil, nil
		}
	}
	if p := s.pendingWrite(key, ts, own.Txn); p != nil {
		return Version{}, p, nil
	}
	v, err := s.committed(key, ts)
	return v, nil, err
}

// Latest reads the latest committed version of key, for lock grants, and any other transaction's prepared write on it.
func (s *State) Latest(key []byte, own topo.TxnID) (Version, *Pending, error) {
	if p := s.pendingWrite(key, topo.MaxTimestamp, own); p != nil {
		return Version{}, p, nil
	}
	v, err := s.committed(key, topo.MaxTimestamp)
	return v, nil, err
}

// LatestOf is Latest for keys in turn, and most for those in order: it stops at the first one on which another transaction
// has a prepared write, and returns how many it has read and handed to emit.
func (s *State) LatestOf(keys [][]byte, own topo.TxnID, emit func(i int, v Version)) (n int, err error) {
	return s.visibleOf(keys, topo.MaxTimestamp, own, emit)
}

// VisibleOf is LatestOf for the versions at ts, without a transaction's own provisional writes: it stops at the first key on
// which a transaction has a prepared write with a minimum <= ts.
func (s *State) VisibleOf(keys [][]byte, ts topo.Timestamp, emit func(i int, v Version)) (n int, err error) {
	return s.visibleOf(keys, ts, topo.TxnID{}, emit)
}

func (s *State) visibleOf(keys [][]byte, ts topo.Timestamp, own topo.TxnID, emit func(i int, v Version)) (n int, err error) {
	if ts < s.Horizon() {
		return 0, ErrSnapshotTooOld
	}
	n = s.unprepared(keys, ts, own)
	bound := mvcc.Bound(s.visible.Load())
	v := s.view.Load()
	var file *disk.Seeker
	defer func() {
		if file != nil {
			file.Close()
		}
	}()
	var values []byte // what is left of it is for the next values
	for i, key := range keys[:n] {
		if hasStorage(v.dropped, key) {
			emit(i, Version{})
			continue
		}
		_, row, ok, done := v.deltas(key, ts, bound)
		if !done {
			if file == nil {
				if file, err = v.disk.Seeker(); err != nil {
					return 0, closedError(err)
				}
			}
			onDisk, there, err := file.Get(key, ts)
			if err != nil {
				return 0, err
			}
			if there && (!ok || onDisk.TS > row.ts) {
				row, ok = found{ts: onDisk.TS, keyTS: onDisk.KeyTS}, true
				if onDisk.Value != nil { // an empty one, as entries of indexes have, is one too
					if size := len(onDisk.Value); values == nil || size > cap(values)-len(values) {
						values = make([]byte, 0, max(size, min(valueSlab, size*(n-i))))
					}
					from := len(values)
					values = append(values, onDisk.Value...)
					row.value = values[from:len(values):len(values)]
				}
			}
		}
		if !ok {
			row = found{}
		}
		emit(i, Version{TS: row.ts, KeyVersion: row.keyTS, Value: row.value})
	}
	if file != nil && ts < v.disk.GCHorizon() {
		return 0, ErrSnapshotTooOld
	}
	return n, nil
}

// valueSlab is how much memory values read together take at a time.
const valueSlab = 4 << 10

// unprepared returns how many keys come before the first one that another transaction's prepare with a minimum <= ts writes.
func (s *State) unprepared(keys [][]byte, ts topo.Timestamp, own topo.TxnID) int {
	if s.pendCount.Load() == 0 {
		return len(keys)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i, key := range keys {
		written := false
		s.eachPending(key, own, func(p *pending, it *pendItem) bool {
			written = it.kind.writes() && p.min <= ts
			return !written
		})
		if written {
			return i
		}
	}
	return len(keys)
}

// Prepared returns another transaction's prepare with an item of any kind on key: its locks end as soon as it is resolved.
func (s *State) Prepared(key []byte, own topo.TxnID) (out *Pending) {
	if s.pendCount.Load() == 0 {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	s.eachPending(key, own, func(p *pending, _ *pendItem) bool {
		out = p.public(key)
		return false
	})
	return out
}

func (s *State) committed(key []byte, ts topo.Timestamp) (Version, error) {
	if ts < s.Horizon() {
		return Version{}, ErrSnapshotTooOld
	}
	bound := mvcc.Bound(s.visible.Load())
	v := s.view.Load()
	if hasStorage(v.dropped, key) {
		return Version{}, nil
	}
	_, row, ok, done := v.deltas(key, ts, bound)
	if !done {
		r, err := v.disk.Reader()
		if err != nil {
			return Version{}, closedError(err)
		}
		defer r.Release()
		onDisk, there, err := r.Get(key, ts)
		if err != nil {
			return Version{}, err
		}
		if there && (!ok || onDisk.TS > row.ts) {
			row, ok = found{ts: onDisk.TS, keyTS: onDisk.KeyTS}, true
			if onDisk.Value != nil {
				row.value = append(make([]byte, 0, len(onDisk.Value)), onDisk.Value...)
			}
		}
		if ts < v.disk.GCHorizon() {
			return Version{}, ErrSnapshotTooOld
		}
	}
	if !ok {
		return Version{}, nil
	}
	return Version{TS: row.ts, KeyVersion: row.keyTS, Value: row.value}, nil
}

func closedError(err error) error {
	if err == disk.ErrClosed {
		return ErrClosed
	}
	return err
}

// pendingWrite returns another transaction's prepared write on key with a minimum <= ts.
func (s *State) pendingWrite(key []byte, ts topo.Timestamp, own topo.TxnID) (out *Pending) {
	if s.pendCount.Load() == 0 {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	s.eachPending(key, own, func(p *pending, it *pendItem) bool {
		if it.kind.writes() && p.min <= ts {
			out = p.public(key)
		}
		return out == nil
	})
	return out
}

// ownValue returns the reading transaction's own last provisional write on key.
func (s *State) ownValue(key []byte, own Own) (v Version, ok bool) {
	s.mu.RLock()
	in := s.t.intents[own.Txn]
	s.mu.RUnlock()
	if in == nil {
		return v, false
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
			v, ok = Version{Value: netValue(&op.Item)}, true
		}
	}
	return v, ok
}

// layer is one source of rows in a scan, standing on its next key.
type layer struct {
	ok    bool // it stands in the range
	on    bool // it stands on a key
	key   []byte
	ts    topo.Timestamp
	value []byte // nil: a tombstone
	it    mvcc.Iterator
	disk  *disk.Iterator
	own   *ownIterator
}

// scan is a Scan at work: a merge of the deltas, the file and the own operations.
type scan struct {
	opts   ScanOptions
	bound  mvcc.Bound
	view   *view
	layers [4]layer
	n      int
	// opts.Lo and opts.Hi are those of the current range, next is the first range behind it, and lo and hi are what was
	// asked for.
	next   int
	lo, hi []byte
	// What was emitted.
	rows, size int
	generation uint64 // of the file's view at the start

	lastID      topo.StorageID // of the last row, and whether it is dropped
	lastDropped bool
}

// Scan calls emit for the visible rows of the range in order, until it returns false or a bound is reached. The slices are
// valid during the call only. resume is nil at the end of the range, else the next scan's Lo (Hi when Reverse). With a
// non-nil Pending the rows before its key were emitted, and resume starts at that key.
func (s *State) Scan(opts ScanOptions, emit func(key, value []byte, ts topo.Timestamp) bool) (resume []byte, p *Pending, err error) {
	if opts.TS < s.Horizon() {
		return nil, nil, ErrSnapshotTooOld
	}
	if s.pendCount.Load() > 0 {
		s.mu.RLock()
		if by, key := s.firstPendingOf(&opts); by != nil {
			p = by.public(key)
		}
		s.mu.RUnlock()
	}
	if p != nil {
		// Stop short of the prepared key.
		if opts.Reverse {
			opts.Lo = append(bytes.Clone(p.Key), 0)
			resume = opts.Lo
		} else {
			opts.Hi = p.Key
			resume = p.Key
		}
	}
	sc := scan{opts: opts, bound: mvcc.Bound(s.visible.Load()), view: s.view.Load(), lo: opts.Lo, hi: opts.Hi}
	early, err := s.scan(&sc, emit)
	if err != nil {
		return nil, nil, closedError(err)
	}
	if opts.TS < sc.view.disk.GCHorizon() {
		return nil, nil, ErrSnapshotTooOld
	}
	if early != nil {
		return early, nil, nil
	}
	return resume, p, nil
}

func (s *State) scan(sc *scan, emit func(key, value []byte, ts topo.Timestamp) bool) (resume []byte, err error) {
	if sc.opts.Ranges == nil {
		defer sc.close()
		if err := s.openLayers(sc); err != nil {
			return nil, err
		}
		return sc.run(emit)
	}
	if !sc.enter(sc.lo) {
		return nil, nil
	}
	defer sc.close()
	if err := s.openLayers(sc); err != nil {
		return nil, err
	}
	for {
		if resume, err := sc.run(emit); resume != nil || err != nil {
			return resume, err
		}
		if more, err := sc.nextRange(); !more || err != nil {
			return nil, err
		}
		if file := sc.layers[sc.n-1].disk; sc.opts.TS == topo.MaxTimestamp && file.Generation() != sc.generation {
			return append([]byte{}, sc.opts.Lo...), nil // as in run
		}
	}
}

// openLayers positions every source at the start of the range. Earlier layers win over later ones at equal timestamps.
func (s *State) openLayers(sc *scan) error {
	if own := sc.opts.Own; !own.Txn.IsZero() && s.intentCount.Load() > 0 {
		s.mu.RLock()
		in := s.t.intents[own.Txn]
		s.mu.RUnlock()
		if in != nil {
			sc.add(layer{own: newOwnIterator(in, own, sc.opts.Reverse)})
		}
	}
	for _, d := range [...]*mvcc.Delta{sc.view.active, sc.view.frozen} {
		if d != nil {
			sc.add(layer{it: d.Iterator()})
		}
	}
	it, err := sc.view.disk.Iterator(sc.opts.TS, sc.opts.Reverse)
	if err != nil {
		return err
	}
	sc.add(layer{disk: it})
	sc.generation = it.Generation()
	for i := range sc.layers[:sc.n] {
		if err := sc.seek(&sc.layers[i]); err != nil {
			return err
		}
	}
	return nil
}

// enter makes the first range that ends behind key the current one; false when none is left.
func (sc *scan) enter(key []byte) bool {
	for ; sc.next < len(sc.opts.Ranges); sc.next++ {
		r := &sc.opts.Ranges[sc.next]
		if sc.opts.Lo, sc.opts.Hi = clip(r, sc.lo, sc.hi); sc.opts.Hi != nil && bytes.Compare(sc.opts.Lo, sc.opts.Hi) >= 0 {
			continue // nothing of it was asked for
		}
		if sc.opts.Hi == nil || bytes.Compare(key, sc.opts.Hi) < 0 {
			sc.next++
			return true
		}
	}
	return false
}

// clip returns the part of a range that lies in [lo, hi); it may be empty.
func clip(r *KeyRange, lo, hi []byte) (from, to []byte) {
	from, to = r.Lo, r.Hi
	if bytes.Compare(lo, from) > 0 {
		from = lo
	}
	if hi != nil && (to == nil || bytes.Compare(hi, to) < 0) {
		to = hi
	}
	return from, to
}

// nextRange goes on to the next range that can have rows: every layer stands at or behind the end of the one before, so
// that ranges which end before the nearest of them are empty. Layers only move forward, and only those that are behind.
func (sc *scan) nextRange() (more bool, err error) {
	var nearest *layer
	for i := range sc.layers[:sc.n] {
		if l := &sc.layers[i]; l.on && (nearest == nil || bytes.Compare(l.key, nearest.key) < 0) {
			nearest = l
		}
	}
	if nearest == nil || !sc.enter(nearest.key) {
		return false, nil
	}
	for i := range sc.layers[:sc.n] {
		l := &sc.layers[i]
		switch {
		case !l.on:
		case bytes.Compare(l.key, sc.opts.Lo) < 0:
			err = sc.seek(l)
		default:
			l.ok = sc.opts.Hi == nil || bytes.Compare(l.key, sc.opts.Hi) < 0
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

func (sc *scan) add(l layer) {
	sc.layers[sc.n] = l
	sc.n++
}

func (sc *scan) close() {
	for i := range sc.layers[:sc.n] {
		if l := &sc.layers[i]; l.disk != nil {
			l.disk.Close()
		} else if l.own != nil {
			l.own.close()
		}
	}
}

func (sc *scan) seek(l *layer) error {
	o := &sc.opts
	switch {
	case l.disk != nil && o.Reverse:
		l.disk.Seek(o.Hi)
	case l.disk != nil:
		l.disk.Seek(o.Lo)
	case l.own != nil && o.Reverse:
		l.own.seek(o.Hi)
	case l.own != nil:
		l.own.seek(o.Lo)
	case o.Reverse:
		l.it.SeekLT(o.Hi)
	default:
		l.it.SeekGE(o.Lo)
	}
	return sc.settle(l)
}

// advance moves a layer past its key.
func (sc *scan) advance(l *layer) error {
	switch {
	case l.disk != nil:
		l.disk.Next()
	case l.own != nil:
		l.own.next()
	case sc.opts.Reverse:
		l.it.Prev()
	default:
		l.it.Next()
	}
	return sc.settle(l)
}

// settle makes the layer's next visible key its current one, or ends it at the end of the range.
func (sc *scan) settle(l *layer) error {
	l.ok, l.on = false, false
	switch {
	case l.disk != nil:
		if !l.disk.Valid() {
			return l.disk.Err()
		}
		row := l.disk.Row()
		l.key, l.ts, l.value = l.disk.Key(), row.TS, row.Value
	case l.own != nil:
		if !l.own.valid {
			return nil
		}
		l.key, l.ts, l.value = l.own.key, 0, l.own.value
	default:
		for {
			if !l.it.Valid() {
				return nil
			}
			if v := l.it.Visible(sc.opts.TS, sc.bound); v != nil {
				l.key, l.ts, l.value = l.it.Key(), v.TS, v.Value()
				break
			}
			if sc.opts.Reverse {
				l.it.Prev()
			} else {
				l.it.Next()
			}
		}
	}
	l.on = true
	if sc.opts.Reverse {
		l.ok = bytes.Compare(l.key, sc.opts.Lo) >= 0
	} else {
		l.ok = sc.opts.Hi == nil || bytes.Compare(l.key, sc.opts.Hi) < 0
	}
	return nil
}

// run merges the layers over the current range. A latest-version scan ends early when a flush swaps the file's view under it, because commands
// whole at its bound need not be so in what the flush wrote.
func (sc *scan) run(emit func(key, value []byte, ts topo.Timestamp) bool) (resume []byte, err error) {
	file := sc.layers[sc.n-1].disk
	gen := sc.generation
	pinned := sc.opts.TS == topo.MaxTimestamp
	for {
		best, ties := sc.pick()
		if best == nil {
			return nil, nil
		}
		if pinned && file.Generation() != gen {
			if sc.opts.Reverse {
				return append(bytes.Clone(best.key), 0), nil
			}
			return bytes.Clone(best.key), nil
		}
		live := best.value != nil && !(len(sc.view.dropped) > 0 && sc.isDropped(best.key))
		stop := false
		if live {
			value := best.value
			if sc.opts.KeysOnly {
				value = nil
			}
			stop = !emit(best.key, value, best.ts)
			sc.rows++
			sc.size += len(best.key) + len(value)
			stop = stop || sc.rows == sc.opts.MaxRows || sc.opts.MaxBytes > 0 && sc.size >= sc.opts.MaxBytes
		}
		if stop {
			if sc.opts.Reverse {
				return bytes.Clone(best.key), nil
			}
			return append(bytes.Clone(best.key), 0), nil
		}
		// best advances last: the others are compared with its key.
		if ties {
			for i := range sc.layers[:sc.n] {
				if l := &sc.layers[i]; l != best && l.ok && bytes.Equal(l.key, best.key) {
					if err := sc.advance(l); err != nil {
						return nil, err
					}
				}
			}
		}
		if err := sc.advance(best); err != nil {
			return nil, err
		}
	}
}

// pick returns the layer that stands on the next key, with the newest version of it if several do; own operations win.
func (sc *scan) pick() (best *layer, ties bool) {
	for i := range sc.layers[:sc.n] {
		l := &sc.layers[i]
		if !l.ok {
			continue
		}
		if best == nil {
			best = l
			continue
		}
		c := bytes.Compare(l.key, best.key)
		switch {
		case c == 0:
			ties = true
			if best.own == nil && l.ts > best.ts {
				best = l
			}
		case c < 0 != sc.opts.Reverse:
			best, ties = l, false
		}
	}
	return best, ties
}

func (sc *scan) isDropped(key []byte) bool {
	id, ok := topo.KeyStorageID(key)
	if !ok {
		return false
	}
	if id != sc.lastID || sc.lastID == 0 {
		sc.lastID, sc.lastDropped = id, hasStorage(sc.view.dropped, key)
	}
	return sc.lastDropped
}

// ownIterator walks a transaction's own provisional writes as one value a key. It holds the operations' read lock.
type ownIterator struct {
	in      *intents
	own     Own
	reverse bool
	it      btree.IterG[opRef]
	more    bool // it stands on an operation that was not looked at
	valid   bool
	key     []byte
	value   []byte
}

func newOwnIterator(in *intents, own Own, reverse bool) *ownIterator {
	in.mu.RLock()
	return &ownIterator{in: in, own: own, reverse: reverse, it: in.index.Iter()}
}

func (o *ownIterator) close() {
	o.it.Release()
	o.in.mu.RUnlock()
}

func (o *ownIterator) seek(key []byte) {
	switch {
	case !o.reverse:
		o.more = o.in.seekGE(&o.it, key)
	case key == nil:
		o.more = o.it.Last()
	case o.in.seekGE(&o.it, key):
		o.more = o.it.Prev()
	default:
		o.more = o.it.Last()
	}
	o.next()
}

// next gathers the operations of the next key that has a visible write.
func (o *ownIterator) next() {
	o.valid = false
	best := uint64(0)
	for o.more {
		op := o.in.op(o.it.Item())
		if o.valid && !bytes.Equal(op.Item.Key, o.key) {
			return
		}
		if op.Item.Kind.writes() && op.Seq <= o.own.Seq && !inRanges(o.own.RolledBack, op.Seq) &&
			(!o.valid || op.Seq >= best) {
			o.valid, o.key, o.value, best = true, op.Item.Key, netValue(&op.Item), op.Seq
		}
		if o.reverse {
			o.more = o.it.Prev()
		} else {
			o.more = o.it.Next()
		}
	}
}
