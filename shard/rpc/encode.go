package rpc

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// The encodings of requests and answers: varints, and byte strings behind their lengths; a nil byte string differs from an
// empty one. Lengths are checked against what is left before anything is allocated. Decoded byte strings alias the frame.

type writer []byte

func (w *writer) u64(v uint64) { *w = binary.AppendUvarint(*w, v) }
func (w *writer) i64(v int64)  { *w = binary.AppendVarint(*w, v) }

func (w *writer) bool(v bool) {
	b := byte(0)
	if v {
		b = 1
	}
	*w = append(*w, b)
}

func (w *writer) bytes(v []byte) {
	if v == nil {
		w.u64(0)
		return
	}
	w.u64(uint64(len(v)) + 1)
	*w = append(*w, v...)
}

func (w *writer) str(v string) {
	w.u64(uint64(len(v)))
	*w = append(*w, v...)
}

func (w *writer) txn(t topo.TxnID) {
	w.u64(uint64(t.Node))
	w.u64(uint64(t.Epoch))
	w.u64(t.Seq)
}

func (w *writer) txns(ts []topo.TxnID) {
	w.u64(uint64(len(ts)))
	for _, t := range ts {
		w.txn(t)
	}
}

// reader reads what a writer wrote; its first error stays.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail() {
	r.err, r.b = errDamaged, nil
}

func (r *reader) u64() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) i64() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// narrow reads a number that has to fit its type.
func narrow[T ~uint8 | ~uint32](r *reader) T {
	v := r.u64()
	if v > uint64(^T(0)) {
		r.fail()
		return 0
	}
	return T(v)
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) bool() bool { return r.byte() != 0 }

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) bytes() []byte {
	n := r.u64()
	if n == 0 {
		return nil
	}
	v := r.take(n - 1)
	if v == nil && r.err == nil {
		v = []byte{}
	}
	return v
}

func (r *reader) str() string { return string(r.take(r.u64())) }

// count reads the length of a list whose elements take at least size bytes each.
func (r *reader) count(size int) int {
	n := r.u64()
	if n > uint64(len(r.b)/size) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) txn() topo.TxnID {
	return topo.TxnID{Node: narrow[topo.NodeID](r), Epoch: narrow[topo.LivenessEpoch](r), Seq: r.u64()}
}

func (r *reader) txns() []topo.TxnID {
	out := make([]topo.TxnID, r.count(3))
	for i := range out {
		out[i] = r.txn()
	}
	return out
}

func (r *reader) done() error {
	if r.err == nil && len(r.b) > 0 {
		return errDamaged
	}
	return r.err
}

func (w *writer) tables(ts []topo.TableVersion) {
	w.u64(uint64(len(ts)))
	for _, t := range ts {
		w.u64(uint64(t.Table))
		w.u64(uint64(t.Version))
	}
}

func (r *reader) tables() []topo.TableVersion {
	n := r.count(2)
	if n == 0 {
		return nil
	}
	out := make([]topo.TableVersion, n)
	for i := range out {
		out[i] = topo.TableVersion{Table: narrow[topo.TableID](r), Version: topo.SchemaVersion(r.u64())}
	}
	return out
}

func (w *writer) keys(ks [][]byte) {
	if ks == nil {
		w.u64(0)
		return
	}
	w.u64(uint64(len(ks)) + 1)
	for _, k := range ks {
		w.bytes(k)
	}
}

func (r *reader) keys() [][]byte {
	n := r.u64()
	if n == 0 {
		return nil
	}
	if n-1 > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	out := make([][]byte, n-1)
	for i := range out {
		out[i] = r.bytes()
	}
	return out
}

func (w *writer) ranges(rs []fsm.SeqRange) {
	w.u64(uint64(len(rs)))
	for _, x := range rs {
		w.u64(x.First)
		w.u64(x.End)
	}
}

func (r *reader) ranges() []fsm.SeqRange {
	n := r.count(2)
	if n == 0 {
		return nil
	}
	out := make([]fsm.SeqRange, n)
	for i := range out {
		out[i] = fsm.SeqRange{First: r.u64(), End: r.u64()}
	}
	return out
}

// keyRanges tells no ranges, which narrow nothing, from an empty list of them, as keys does.
func (w *writer) keyRanges(rs []fsm.KeyRange) {
	if rs == nil {
		w.u64(0)
		return
	}
	w.u64(uint64(len(rs)) + 1)
	for i := range rs {
		w.bytes(rs[i].Lo)
		w.bytes(rs[i].Hi)
	}
}

func (r *reader) keyRanges() []fsm.KeyRange {
	n := r.u64()
	if n == 0 {
		return nil
	}
	if n-1 > uint64(len(r.b)/2) {
		r.fail()
		return nil
	}
	out := make([]fsm.KeyRange, n-1)
	for i := range out {
		out[i] = fsm.KeyRange{Lo: r.bytes(), Hi: r.bytes()}
	}
	return out
}

func (q *GetRequest) encode(w *writer) {
	w.u64(uint64(q.TS))
	w.tables(q.Tables)
	w.keys(q.Keys)
	w.txn(q.Txn)
	w.u64(q.OwnSeq)
	w.ranges(q.RolledBack)
}

func (q *GetRequest) decode(r *reader) {
	q.TS, q.Tables, q.Keys = topo.Timestamp(r.u64()), r.tables(), r.keys()
	q.Txn, q.OwnSeq, q.RolledBack = r.txn(), r.u64(), r.ranges()
}

// linksRequest is a GetRequest with what nodes of before fsm.FormatMoved do not know; they are not asked for it.
type linksRequest struct{ GetRequest }

func (q *GetRequest) wantsLinks() bool { return q.Links || q.Since != nil }

func (q *linksRequest) encode(w *writer) {
	q.GetRequest.encode(w)
	w.bool(q.Links)
	if w.bool(q.Since != nil); q.Since == nil {
		return
	}
	w.u64(uint64(len(q.Since)))
	for _, ts := range q.Since {
		w.u64(uint64(ts))
	}
}

func (q *linksRequest) decode(r *reader) {
	q.GetRequest.decode(r)
	q.Links = r.bool()
	if !r.bool() {
		return
	}
	q.Since = make([]topo.Timestamp, r.count(1))
	for i := range q.Since {
		q.Since[i] = topo.Timestamp(r.u64())
	}
}

// linksResponse answers it.
type linksResponse struct{ GetResponse }

func (p *linksResponse) encode(w *writer) {
	p.GetResponse.encode(w)
	w.keys(p.Links)
}

func (p *linksResponse) decode(r *reader) {
	p.GetResponse.decode(r)
	p.Links = r.keys()
}

func (w *writer) versions(vs []Version) {
	w.u64(uint64(len(vs)))
	for i := range vs {
		w.u64(uint64(vs[i].TS))
		w.u64(uint64(vs[i].KeyVersion))
		w.bytes(vs[i].Value)
	}
}

func (r *reader) versions() []Version {
	out := make([]Version, r.count(3))
	for i := range out {
		out[i] = Version{TS: topo.Timestamp(r.u64()), KeyVersion: topo.Timestamp(r.u64()), Value: r.bytes()}
	}
	return out
}

func (p *GetResponse) encode(w *writer) { w.versions(p.Versions) }
func (p *GetResponse) decode(r *reader) { p.Versions = r.versions() }

func (q *ScanRequest) encode(w *writer) {
	w.u64(uint64(q.TS))
	w.tables(q.Tables)
	w.bytes(q.Lo)
	w.bytes(q.Hi)
	w.keyRanges(q.Ranges)
	w.bool(q.Reverse)
	w.bool(q.KeysOnly)
	w.i64(int64(q.MaxRows))
	w.i64(int64(q.MaxBytes))
	w.txn(q.Txn)
	w.u64(q.OwnSeq)
	w.ranges(q.RolledBack)
}

func (q *ScanRequest) decode(r *reader) {
	q.TS, q.Tables, q.Lo, q.Hi = topo.Timestamp(r.u64()), r.tables(), r.bytes(), r.bytes()
	q.Ranges = r.keyRanges()
	q.Reverse, q.KeysOnly, q.MaxRows, q.MaxBytes = r.bool(), r.bool(), int(r.i64()), int(r.i64())
	q.Txn, q.OwnSeq, q.RolledBack = r.txn(), r.u64(), r.ranges()
}

func (p *ScanResponse) encode(w *writer) {
	*w = slices.Grow(*w, len(p.Resume)+len(p.Rows.Data)+12*len(p.Rows.Versions)+32)
	w.bytes(p.Resume)
	w.bytes(p.Rows.Data)
	w.u64(uint64(len(p.Rows.Versions)))
	end := uint32(0)
	for i, ts := range p.Rows.Versions {
		w.u64(uint64(p.Rows.Ends[2*i] - end))
		w.u64(uint64(p.Rows.Ends[2*i+1] - p.Rows.Ends[2*i]))
		end = p.Rows.Ends[2*i+1]
		w.u64(uint64(ts))
	}
}

func (p *ScanResponse) decode(r *reader) {
	p.Resume, p.Rows.Data = r.bytes(), r.bytes()
	n := r.count(3)
	if n == 0 {
		return
	}
	p.Rows.Ends, p.Rows.Versions = make([]uint32, 2*n), make([]topo.Timestamp, n)
	end, size := uint64(0), uint64(len(p.Rows.Data))
	for i := range n {
		for j := range 2 {
			d := r.u64()
			if d > size-end {
				r.fail()
				return
			}
			end += d
			p.Rows.Ends[2*i+j] = uint32(end)
		}
		p.Rows.Versions[i] = topo.Timestamp(r.u64())
	}
}

func (q *LockRequest) encode(w *writer) {
	w.txn(q.Txn)
	w.tables(q.Tables)
	w.keys(q.Keys)
	w.u64(uint64(len(q.Modes)))
	for _, m := range q.Modes {
		w.u64(uint64(m))
	}
	w.u64(uint64(q.Policy))
	w.i64(q.LockTimeoutMS)
	w.bool(q.WaitStarted != nil)
}

// decode reads the request; wantsWait tells whether the caller wants to hear of a wait.
func (q *LockRequest) decode(r *reader) (wantsWait bool) {
	q.Txn, q.Tables, q.Keys = r.txn(), r.tables(), r.keys()
	q.Modes = make([]lock.Mode, r.count(1))
	for i := range q.Modes {
		if q.Modes[i] = narrow[lock.Mode](r); q.Modes[i] > lock.Update {
			r.fail()
		}
	}
	if len(q.Modes) != len(q.Keys) {
		r.fail()
	}
	q.Policy, q.LockTimeoutMS = narrow[lock.WaitPolicy](r), r.i64()
	return r.bool()
}

func (p *LockResponse) encode(w *writer) {
	w.versions(p.Versions)
	w.bool(p.Skipped != nil)
	for _, s := range p.Skipped {
		w.bool(s)
	}
	w.bool(p.Waited)
}

func (p *LockResponse) decode(r *reader) {
	p.Versions = r.versions()
	if r.bool() {
		if len(r.b) < len(p.Versions) {
			r.fail()
			return
		}
		p.Skipped = make([]bool, len(p.Versions))
		for i := range p.Skipped {
			p.Skipped[i] = r.bool()
		}
	}
	p.Waited = r.bool()
}

func (q *UnlockRequest) encode(w *writer) {
	w.txn(q.Txn)
	w.keys(q.Keys)
}

func (q *UnlockRequest) decode(r *reader) { q.Txn, q.Keys = r.txn(), r.keys() }

func encodeResult(w *writer, res *fsm.Result) {
	w.u64(uint64(res.Code))
	w.u64(uint64(res.TS))
	w.i64(int64(res.Item))
	w.u64(uint64(res.Table))
	w.txn(res.Other)
	w.u64(uint64(res.OtherAttempt))
	w.u64(uint64(res.OtherPrimary))
}

func decodeResult(r *reader) fsm.Result {
	return fsm.Result{Code: narrow[fsm.ResultCode](r), TS: topo.Timestamp(r.u64()), Item: int(r.i64()), Table: narrow[topo.TableID](r),
		Other: r.txn(), OtherAttempt: narrow[topo.Attempt](r), OtherPrimary: topo.GroupID(r.u64())}
}

func (p *OutcomeResponse) encode(w *writer) {
	w.u64(uint64(p.Code))
	w.u64(uint64(p.TS))
	w.u64(uint64(p.Primary))
	w.u64(uint64(len(p.Participants)))
	for _, g := range p.Participants {
		w.u64(uint64(g))
	}
}

func (p *OutcomeResponse) decode(r *reader) {
	p.Code, p.TS, p.Primary = narrow[OutcomeCode](r), topo.Timestamp(r.u64()), topo.GroupID(r.u64())
	if n := r.count(1); n > 0 {
		p.Participants = make([]topo.GroupID, n)
		for i := range p.Participants {
			p.Participants[i] = topo.GroupID(r.u64())
		}
	}
}

func (q *SequenceRequest) encode(w *writer) {
	w.u64(uint64(q.ID))
	for _, v := range [...]int64{q.Start, q.Increment, q.Min, q.Max, int64(q.Count)} {
		w.i64(v)
	}
	w.bool(q.Cycle)
	w.bool(q.Peek)
	w.bool(q.Set != nil)
	if q.Set != nil {
		q.Set.encode(w)
	}
}

func (q *SequenceRequest) decode(r *reader) {
	q.ID = narrow[topo.StorageID](r)
	q.Start, q.Increment, q.Min, q.Max, q.Count = r.i64(), r.i64(), r.i64(), r.i64(), int(r.i64())
	q.Cycle, q.Peek = r.bool(), r.bool()
	if r.bool() {
		q.Set = new(SequenceValue)
		q.Set.decode(r)
	}
}

func (v *SequenceValue) encode(w *writer) {
	w.i64(v.Last)
	w.bool(v.IsCalled)
}

func (v *SequenceValue) decode(r *reader) { v.Last, v.IsCalled = r.i64(), r.bool() }

func (p *SequenceResponse) encode(w *writer) {
	w.i64(p.First)
	w.i64(int64(p.Count))
	w.bool(p.AtLimit)
	p.State.encode(w)
}

func (p *SequenceResponse) decode(r *reader) {
	p.First, p.Count, p.AtLimit = r.i64(), int(r.i64()), r.bool()
	p.State.decode(r)
}

func (e *Error) encode(w *writer) {
	w.u64(uint64(e.Code))
	w.bool(e.Timeout)
	w.str(e.Detail)
	w.bytes(e.Key)
	w.u64(uint64(e.Table))
	w.u64(uint64(e.Holder))
	w.bool(e.Deadlock != nil)
	if e.Deadlock == nil {
		return
	}
	w.u64(uint64(len(e.Deadlock.Edges)))
	for i := range e.Deadlock.Edges {
		d := &e.Deadlock.Edges[i]
		w.txn(d.Waiter)
		w.txn(d.Blocker)
		w.wait(&d.Wait)
	}
}

func (e *Error) decode(r *reader) {
	e.Code, e.Timeout, e.Detail, e.Key = narrow[ErrorCode](r), r.bool(), r.str(), r.bytes()
	e.Table, e.Holder = narrow[topo.TableID](r), narrow[topo.NodeID](r)
	if !r.bool() {
		return
	}
	e.Deadlock = &lock.Deadlock{Edges: make([]lock.DeadlockEdge, r.count(11))}
	for i := range e.Deadlock.Edges {
		d := &e.Deadlock.Edges[i]
		d.Waiter, d.Blocker = r.txn(), r.txn()
		d.Wait = r.wait()
	}
}

func (w *writer) wait(i *lock.WaitInfo) {
	w.str(i.Class)
	w.bytes(i.Key)
	w.u64(uint64(i.Mode))
	w.str(i.Name)
	w.bool(!i.Since.IsZero())
	if !i.Since.IsZero() {
		w.i64(i.Since.UnixNano())
	}
}

func (r *reader) wait() lock.WaitInfo {
	i := lock.WaitInfo{Class: r.str(), Key: r.bytes(), Mode: narrow[lock.Mode](r), Name: r.str()}
	if r.bool() {
		i.Since = time.Unix(0, r.i64())
	}
	return i
}
