package sim

import (
	"bytes"
	"context"
	"fmt"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// shadow is a replica whose every answer is compared with the model's.
type shadow struct {
	replica
	model *model
	fail  func(format string, args ...any)
}

// Apply implements replica.
func (s *shadow) Apply(index uint64, cmds []fsm.Command, results []fsm.Result) error {
	if err := s.replica.Apply(index, cmds, results); err != nil {
		return err
	}
	want := make([]fsm.Result, len(cmds))
	if err := s.model.Apply(index, cmds, want); err != nil {
		return err
	}
	for i := range cmds {
		a, b := results[i], want[i]
		if cmds[i].Resolve != nil && (a.Code == fsm.ResultMismatch || b.Code == fsm.ResultMismatch) {
			continue // one of them has dropped a forgotten outcome earlier than the other
		}
		if refusal(a.Code) && refusal(b.Code) {
			continue // there may be several reasons, found in another order
		}
		if a.Code != b.Code || ((a.Code == fsm.ResultPrepared || a.Code == fsm.ResultCommitted) && a.TS != b.TS) {
			s.fail("entry %d, %s: fsm answers %+v, the model %+v", index, describe(&cmds[i]), a, b)
		}
	}
	return nil
}

func refusal(c fsm.ResultCode) bool {
	return c == fsm.ResultConflict || c == fsm.ResultPending || c == fsm.ResultShared
}

func samePending(a, b *fsm.Pending) bool { return (a == nil) == (b == nil) }

// Get implements replica.
func (s *shadow) Get(key []byte, ts topo.Timestamp, own fsm.Own) (fsm.Version, *fsm.Pending, error) {
	v, p, err := s.replica.Get(key, ts, own)
	w, q, err2 := s.model.Get(key, ts, own)
	if err == nil && err2 == nil && (!samePending(p, q) || (p == nil && !sameVersion(v, w))) {
		s.fail("get %x at %d: fsm has %+v %+v, the model %+v %+v", key, ts, v, p, w, q)
	}
	return v, p, err
}

// sameVersion compares what matters of two versions: a dropped tombstone is like none.
func sameVersion(v, w fsm.Version) bool {
	if v.Value == nil && w.Value == nil {
		return true
	}
	return (v.Value == nil) == (w.Value == nil) && bytes.Equal(v.Value, w.Value) && v.TS == w.TS && v.KeyVersion == w.KeyVersion
}

// Latest implements replica.
func (s *shadow) Latest(key []byte, own topo.TxnID) (fsm.Version, *fsm.Pending, error) {
	v, p, err := s.replica.Latest(key, own)
	w, q, _ := s.model.Latest(key, own)
	if err == nil && (!samePending(p, q) || (p == nil && !sameVersion(v, w))) {
		s.fail("latest %x: fsm has %+v %+v, the model %+v %+v", key, v, p, w, q)
	}
	return v, p, err
}

// Moved implements replica.
func (s *shadow) Moved(key []byte, since topo.Timestamp, own topo.TxnID) (topo.Timestamp, []byte, *fsm.Pending, error) {
	at, to, p, err := s.replica.Moved(key, since, own)
	at2, to2, q, _ := s.model.Moved(key, since, own)
	if err == nil && (!samePending(p, q) || (p == nil && (at != at2 || !bytes.Equal(to, to2)))) {
		s.fail("moved %x since %d: fsm says %d %x %+v, the model %d %x %+v", key, since, at, to, p, at2, to2, q)
	}
	return at, to, p, err
}

// Origin implements replica.
func (s *shadow) Origin(key []byte, own fsm.Own) []byte {
	o, o2 := s.replica.Origin(key, own), s.model.Origin(key, own)
	if !bytes.Equal(o, o2) || (o == nil) != (o2 == nil) {
		s.fail("origin of %x: fsm says %x, the model %x", key, o, o2)
	}
	return o
}

// Scan implements replica.
func (s *shadow) Scan(o fsm.ScanOptions, emit func(key, value []byte, ts topo.Timestamp) bool) ([]byte, *fsm.Pending, error) {
	var got, want []string
	resume, p, err := s.replica.Scan(o, func(k, v []byte, ts topo.Timestamp) bool {
		got = append(got, fmt.Sprintf("%x=%x@%d", k, v, ts))
		return emit(k, v, ts)
	})
	_, q, err2 := s.model.Scan(o, func(k, v []byte, ts topo.Timestamp) bool {
		want = append(want, fmt.Sprintf("%x=%x@%d", k, v, ts))
		return true
	})
	if err == nil && err2 == nil && (!samePending(p, q) || fmt.Sprint(got) != fmt.Sprint(want)) {
		s.fail("scan %x %x at %d: fsm has %v %+v, the model %v %+v", o.Lo, o.Hi, o.TS, got, p, want, q)
	}
	return resume, p, err
}

// Flush implements replica.
func (s *shadow) Flush(ctx context.Context) error { return s.replica.Flush(ctx) }

func (s *shadow) state() *fsm.State { return s.replica.(*fsm.State) }
