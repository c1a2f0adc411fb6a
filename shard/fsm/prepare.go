package fsm

import (
	"bytes"

	"github.com/pgmqdb/pgmqdb/shard/disk"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/mvcc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// applyPrepare validates an attempt and holds it, or commits it when it is one-phase.
//
//	finished or prepared before  -> the first answer
//	a later attempt is here      -> aborted; an earlier one gives way: it can no longer commit (see ARCHITECTURE §5)
//	starts below the horizon     -> refused: its outcome may have been dropped
//	tables, provisional summary, then the items in order, then the net provisional operations
//
// Nothing changes unless all of it passes.
func (s *State) applyPrepare(p *Prepare) (Result, error) {
	id := attemptID{p.Txn, p.Attempt}
	if r, ok := s.first(id); ok {
		return r, nil
	}
	old := s.t.pendings[p.Txn]
	switch {
	case old == nil:
	case old.attempt == p.Attempt:
		return Result{Code: ResultPrepared, TS: old.min}, nil
	case old.attempt > p.Attempt:
		return Result{Code: ResultAborted}, nil
	}
	start := p.StartTS
	if start == 0 {
		start = p.MinTS
	}
	if start <= s.t.horizon {
		return Result{Code: ResultHorizon}, nil
	}
	if old != nil {
		s.abortPending(old, 0)
	}
	if r, ok := s.checkTables(p); !ok {
		return r, nil
	}
	v := validation{s: s, txn: p.Txn, min: max(p.MinTS, start, s.t.readFloor), copies: !p.OnePhase}
	if r, ok := s.checkProvisioned(p, &v); !ok {
		return r, nil
	}
	if r, ok, err := v.items(p.Items); !ok {
		return r, err
	}
	if r, ok, err := v.netOps(); !ok {
		return r, err
	}
	v.p.txn, v.p.attempt, v.p.primary, v.p.min, v.p.start = p.Txn, p.Attempt, p.Primary, v.min, start
	if p.OnePhase {
		s.commitItems(&v.p, v.min)
		s.spareItems, s.spareRanges = v.p.items[:0], v.p.ranges[:0]
		s.finish(id, outcome{code: OutcomeCommitted, forgotten: true, primary: p.Primary, ts: v.min})
		s.dropIntents(p.Txn, true)
		return Result{Code: ResultCommitted, TS: v.min}, nil
	}
	held := v.p
	held.participants = append([]topo.GroupID(nil), p.Participants...)
	held.schema = append([]topo.TableVersion(nil), p.Tables...)
	s.mu.Lock()
	s.t.pendings[p.Txn] = &held
	s.linkPending(&held)
	s.mu.Unlock()
	s.mark(txnRecordKey(recordPending, p.Txn))
	return Result{Code: ResultPrepared, TS: held.min}, nil
}

// checkTables refuses old versions, and everyone but the DDL's own transaction while a fence is up.
func (s *State) checkTables(p *Prepare) (Result, bool) {
	for _, tv := range p.Tables {
		st, known := s.t.schema[tv.Table]
		switch {
		case !known:
		case st.fenced && st.txn != p.Txn:
			return Result{Code: ResultFenced, Table: tv.Table, Other: st.txn, OtherAttempt: st.attempt, OtherPrimary: st.primary}, false
		case tv.Version < st.version:
			return Result{Code: ResultVersion, Table: tv.Table}, false
		}
	}
	return Result{}, true
}

// checkProvisioned compares what was sent ahead with what arrived.
func (s *State) checkProvisioned(p *Prepare, v *validation) (Result, bool) {
	in := s.t.intents[p.Txn]
	switch {
	case in == nil && p.Provisioned.Count == 0:
		return Result{}, true
	case in == nil || uint64(in.index.Len()) != p.Provisioned.Count || in.digest != p.Provisioned.Digest:
		return Result{Code: ResultMismatch}, false
	}
	v.p.provisioned, v.p.in = true, in
	v.p.rolledBack = append([]SeqRange(nil), p.Provisioned.RolledBack...)
	v.p.net = in.netOps(v.p.rolledBack)
	return Result{}, true
}

// conflicts[m] has the modes that conflict with m as bits: PostgreSQL's row-lock table.
var conflicts = [...]uint8{
	lock.None:        0,
	lock.KeyShare:    1 << lock.Update,
	lock.Share:       1<<lock.NoKeyUpdate | 1<<lock.Update,
	lock.NoKeyUpdate: 1<<lock.Share | 1<<lock.NoKeyUpdate | 1<<lock.Update,
	lock.Update:      1<<lock.KeyShare | 1<<lock.Share | 1<<lock.NoKeyUpdate | 1<<lock.Update,
}

// conflictMode is the strength with which an item conflicts with other attempts' items on its key. Entries beside their
// row are covered by the row's own item.
func conflictMode(it *Item) lock.Mode {
	switch it.Kind {
	case ItemPut:
		if it.KeepsKey {
			return lock.NoKeyUpdate
		}
		return lock.Update
	case ItemDelete, ItemExclusive:
		return lock.Update
	case ItemLock:
		if it.Mode == lock.None {
			return lock.Share
		}
		return it.Mode
	case ItemSharedMark:
		return lock.KeyShare
	}
	return lock.None
}

// validation is one prepare being judged. What passes collects in p.
type validation struct {
	s      *State
	txn    topo.TxnID
	min    topo.Timestamp
	copies bool // p outlives the proposal's bytes
	buf    []byte
	p      pending
}

func (v *validation) items(items []Item) (Result, bool, error) {
	if v.copies {
		size := 0
		for i := range items {
			size += len(items[i].Key) + len(items[i].End) + len(items[i].Value)
		}
		v.buf = make([]byte, 0, size)
		v.p.items = v.s.spareHeld.take(len(items))
	} else {
		v.p.items, v.p.ranges = v.s.spareItems[:0], v.s.spareRanges[:0]
	}
	for i := range items {
		it := &items[i]
		held, r, ok, err := v.item(it)
		if !ok {
			r.Item = i
			return r, false, err
		}
		if it.Kind == ItemMoved {
			v.moved(it)
			continue
		}
		if it.Kind == ItemReadRange {
			v.p.ranges = append(v.p.ranges, pendRange{v.keep(it.Key), v.keep(it.End)})
			continue
		}
		held.key = v.keep(it.Key)
		if held.value != nil {
			held.value = v.keep(held.value)
		}
		v.p.items = append(v.p.items, held)
	}
	return Result{}, true, nil
}

// moved adds where a row went to the write on its key, which comes before.
func (v *validation) moved(it *Item) {
	for i := len(v.p.items) - 1; i >= 0 && bytes.Equal(v.p.items[i].key, it.Key); i-- {
		if held := &v.p.items[i]; held.kind.writes() && len(it.Value) > 0 {
			held.moved = v.keep(it.Value)
		}
	}
}

func (v *validation) keep(b []byte) []byte {
	if !v.copies {
		return b
	}
	n := len(v.buf)
	v.buf = append(v.buf, b...)
	return v.buf[n:len(v.buf):len(v.buf)]
}

// netOps validates the net provisional operations; they stay where they are.
func (v *validation) netOps() (Result, bool, error) {
	for i, ref := range v.p.net {
		op := v.p.in.op(ref)
		if ref&refTwoVersions != 0 {
			return Result{Code: ResultConflict, Item: -1}, false, nil
		}
		held, r, ok, err := v.item(&op.Item)
		if !ok {
			r.Item = -1
			return r, false, err
		}
		if op.Item.Kind == ItemReadRange {
			v.p.ranges = append(v.p.ranges, pendRange{op.Item.Key, op.Item.End})
		}
		if held.keyTS != 0 {
			if v.p.netKeyTS == nil {
				v.p.netKeyTS = make([]topo.Timestamp, len(v.p.net))
			}
			v.p.netKeyTS[i] = held.keyTS
		}
	}
	return Result{}, true, nil
}

// item judges one item: versions first, because a version that moved on stays so, then others' pending items.
func (v *validation) item(it *Item) (held pendItem, r Result, ok bool, err error) {
	held = pendItem{kind: it.Kind, mode: conflictMode(it)}
	if len(it.Key) > disk.MaxKeyBytes || len(it.End) > disk.MaxKeyBytes {
		return held, Result{Code: ResultUnsupported}, false, nil
	}
	if it.Kind == ItemPut || it.Kind == ItemPutEntry {
		if held.value = it.Value; held.value == nil {
			held.value = emptyValue
		}
	}
	switch it.Kind {
	case ItemPut, ItemDelete, ItemLock, ItemSharedMark:
		ok, err = v.seen(it, &held)
	case ItemPutEntry, ItemDeleteEntry, ItemMoved:
		ok = true
	case ItemExclusive:
		share := v.s.t.shares[string(it.Key)]
		if it.F < v.s.t.horizon || share > v.s.t.horizon && share > it.F {
			return held, Result{Code: ResultShared}, false, nil
		}
		ok = true
	case ItemReadRange:
		if it.Seen < v.s.t.horizon {
			return held, Result{Code: ResultHorizon}, false, nil
		}
		ok, err = v.s.rangeUnchanged(it.Key, it.End, it.Seen)
	default:
		return held, Result{Code: ResultUnsupported}, false, nil
	}
	if err != nil {
		return held, Result{}, false, err
	}
	if !ok {
		return held, Result{Code: ResultConflict}, false, nil
	}
	if p := v.s.blocked(it, held.mode, v.txn); p != nil {
		return held, Result{Code: ResultPending, Other: p.txn, OtherAttempt: p.attempt, OtherPrimary: p.primary}, false, nil
	}
	return held, Result{}, true, nil
}

// seen compares the key's latest version with the one that the transaction relied on (rule R1), and raises the attempt's
// minimum above what it replaces.
func (v *validation) seen(it *Item, held *pendItem) (bool, error) {
	f, err := v.s.latest(it.Key)
	if err != nil {
		return false, err
	}
	at := f.ts
	if it.Kind == ItemSharedMark {
		at = f.keyTS
	}
	if it.SeenAbsent {
		if f.live() || f.ts != 0 && f.ts != it.Seen {
			return false, nil
		}
	} else if !f.live() || at != it.Seen {
		return false, nil
	}
	if !it.Kind.writes() {
		v.min = max(v.min, f.ts)
		return true, nil
	}
	v.min = max(v.min, f.ts+1)
	held.hints = mvcc.Newest
	if f.empty {
		held.hints |= mvcc.Lone
	}
	if it.KeepsKey && f.live() {
		held.keyTS = f.keyTS
	}
	return true, nil
}

// blocked returns another transaction's prepare that stands in the item's way, or nil.
func (s *State) blocked(it *Item, mode lock.Mode, own topo.TxnID) (by *pending) {
	if len(s.t.pendings) == 0 {
		return nil
	}
	if it.Kind == ItemReadRange {
		return s.pendingWriteIn(it.Key, it.End, topo.MaxTimestamp, own)
	}
	if mode != lock.None {
		s.eachPending(it.Key, own, func(p *pending, other *pendItem) bool {
			if conflicts[mode]&(1<<other.mode) != 0 {
				by = p
			}
			return by == nil
		})
	}
	if by != nil || !it.Kind.writes() {
		return by
	}
	for _, p := range s.rangePends {
		if p.txn == own {
			continue
		}
		for _, r := range p.ranges {
			if bytes.Compare(it.Key, r.lo) >= 0 && bytes.Compare(it.Key, r.hi) < 0 {
				return p
			}
		}
	}
	return nil
}

// pendingWriteIn returns another transaction's prepare with a minimum <= ts that writes into [lo, hi), or nil.
func (s *State) pendingWriteIn(lo, hi []byte, ts topo.Timestamp, own topo.TxnID) *pending {
	p, _ := s.firstPendingWrite(lo, hi, ts, own, false)
	return p
}

// firstPendingOf returns the first prepare, and its key, that a scan has to stop at.
func (s *State) firstPendingOf(o *ScanOptions) (by *pending, at []byte) {
	if o.Ranges == nil {
		return s.firstPendingWrite(o.Lo, o.Hi, o.TS, o.Own.Txn, o.Reverse)
	}
	if n := len(o.Ranges); n > 1 {
		// Most often nothing is pending from the first range to the last.
		lo, _ := clip(&o.Ranges[0], o.Lo, o.Hi)
		_, hi := clip(&o.Ranges[n-1], o.Lo, o.Hi)
		if by, _ = s.firstPendingWrite(lo, hi, o.TS, o.Own.Txn, false); by == nil {
			return nil, nil
		}
		by = nil
	}
	for i := range o.Ranges {
		lo, hi := clip(&o.Ranges[i], o.Lo, o.Hi)
		if hi != nil && bytes.Compare(lo, hi) >= 0 {
			continue
		}
		if by, at = s.firstPendingWrite(lo, hi, o.TS, o.Own.Txn, false); by != nil {
			break
		}
	}
	return by, at
}

// firstPendingWrite returns the prepare that writes the lowest key (in reverse, the highest) of [lo, hi), nil hi being
// the end, with a minimum <= ts, and that key.
func (s *State) firstPendingWrite(lo, hi []byte, ts topo.Timestamp, own topo.TxnID, reverse bool) (by *pending, at []byte) {
	relevant := func(p *pending) bool { return p.txn != own && p.min <= ts }
	visit := func(r pendRef) bool {
		if reverse && bytes.Compare(r.key, lo) < 0 || !reverse && hi != nil && bytes.Compare(r.key, hi) >= 0 {
			return false
		}
		if (hi == nil || bytes.Compare(r.key, hi) < 0) && relevant(r.p) && r.p.items[r.item].kind.writes() {
			by, at = r.p, r.key
			return false
		}
		return true
	}
	switch {
	case s.pendKeys.Len() == 0:
	case !reverse:
		s.pendKeys.Ascend(pendRef{key: lo}, visit)
	case hi == nil:
		s.pendKeys.Reverse(visit)
	default:
		s.pendKeys.Descend(pendRef{key: hi}, visit)
	}
	nearer := func(p *pending, key []byte) {
		if key == nil {
			return
		}
		if c := bytes.Compare(key, at); by == nil || c == 0 && p.txn.Less(by.txn) || !reverse && c < 0 || reverse && c > 0 {
			by, at = p, key
		}
	}
	for i := range s.wide.prepares {
		if p := s.wide.prepares[i].p; relevant(p) {
			nearer(p, p.firstWrite(lo, hi, reverse))
		}
	}
	for _, p := range s.bigPends {
		if relevant(p) {
			nearer(p, p.firstNetWrite(lo, hi, reverse))
		}
	}
	return by, at
}

// firstNetWrite returns the lowest (highest) key of [lo, hi) that a net operation writes, or nil.
func (p *pending) firstNetWrite(lo, hi []byte, reverse bool) []byte {
	from, to := p.netSearch(lo), len(p.net)
	if hi != nil {
		to = p.netSearch(hi)
	}
	for n := 0; n < to-from; n++ {
		i := from + n
		if reverse {
			i = to - 1 - n
		}
		if key, class, _ := p.in.head(p.net[i]); ItemKind(class).writes() {
			return key
		}
	}
	return nil
}

// rangeUnchanged reports whether [lo, hi) has no version above seen. The file is read only when it can hold one.
func (s *State) rangeUnchanged(lo, hi []byte, seen topo.Timestamp) (bool, error) {
	v := s.view.Load()
	for _, d := range [...]*mvcc.Delta{v.active, v.frozen} {
		if d == nil {
			continue
		}
		it := d.Iterator()
		for ok := it.SeekGE(lo); ok && bytes.Compare(it.Key(), hi) < 0; ok = it.Next() {
			if it.Visible(topo.MaxTimestamp, mvcc.Unbounded).TS > seen && !hasStorage(v.dropped, it.Key()) {
				return false, nil
			}
		}
	}
	if seen >= s.flushedMaxTS {
		return true, nil
	}
	s.closeFile()
	it, err := v.disk.Iterator(topo.MaxTimestamp, false)
	if err != nil {
		return false, err
	}
	defer it.Close()
	for it.Seek(lo); it.Valid() && bytes.Compare(it.Key(), hi) < 0; it.Next() {
		if it.Row().TS > seen && !hasStorage(v.dropped, it.Key()) {
			return false, nil
		}
	}
	return true, it.Err()
}
