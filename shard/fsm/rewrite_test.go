package fsm

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// What a new group begins with is what was committed, up to a timestamp, and nothing of what its transactions held.
func TestRewriteKeepsWhatWasCommitted(t *testing.T) {
	old := newReplica(t, Options{})
	old.want(onePhase(1, 10, put("a", "a1", 0), put("b", "b1", 0), put("c", "c1", 0)), ResultCommitted)
	old.want(horizon(10), ResultOK)
	old.flush()
	old.want(onePhase(2, 20, put("a", "a2", 10), del("b", 10), put("d", "d2", 0)), ResultCommitted)
	old.want(prepare(3, 30, put("c", "c3", 10)), ResultPrepared)
	old.want(prepare(4, 31, put("e", "e4", 0)), ResultPrepared)
	old.want(Command{Provision: &Provision{Txn: txnID(5), Ops: []ProvisionOp{{Seq: 1, Item: put("f", "f5", 0)}}}}, ResultOK)
	old.want(resolve(3, 40), ResultCommitted)
	old.want(Command{Sequence: &Sequence{ID: 9, Last: 77, IsCalled: true}}, ResultOK)
	old.want(Command{Drop: &DropStorage{IDs: []topo.StorageID{0x7a7a7a7a}}}, ResultOK)
	old.want(Command{Fence: &Fence{Txn: txnID(6), Attempt: 1, Primary: 1, Phase: FenceRaise, Tables: []topo.TableVersion{{Table: 5, Version: 3}}}}, ResultOK)

	read := &replica{t: t, path: old.path}
	if known := old.s.KnownAttempts(); len(known) != 2 || known[1].TS != 40 || known[1].Code != OutcomeCommitted || known[1].Primary != 2 {
		t.Errorf("known attempts %+v", known)
	}
	if high := old.s.HighestTS(); high != 40 {
		t.Errorf("highest timestamp %d", high)
	}
	if n, keys, err := old.s.VersionsAbove(15); n != 4 || keys != 4 || err != nil {
		t.Errorf("%d versions of %d keys above 15, %v", n, keys, err)
	}
	for keep, want := range map[topo.Timestamp]map[string]string{
		topo.MaxTimestamp: {"a": "a2@20", "b": "-", "c": "c3@40", "d": "d2@20", "e": "-", "f": "-"},
		20:                {"a": "a2@20", "b": "-", "c": "c1@10", "d": "d2@20", "e": "-", "f": "-"},
		19:                {"a": "a1@10", "b": "b1@10", "c": "c1@10", "d": "-", "e": "-", "f": "-"},
	} {
		r := &replica{t: t, path: filepath.Join(t.TempDir(), "new.db")}
		if err := old.s.Rewrite(r.path, keep, nil); err != nil {
			t.Fatal(err)
		}
		r.open(Options{})
		if at := r.s.AppliedIndex(); at != 0 {
			t.Errorf("the new group begins at index %d", at)
		}
		got := map[string]string{}
		for key := range want {
			got[key] = r.get(key, topo.MaxTimestamp)
		}
		if !maps.Equal(got, want) {
			t.Errorf("kept up to %d: %v, want %v", keep, got, want)
		}
		if n := len(r.s.PendingList()) + len(r.s.ProvisionalTxns()) + len(r.s.KnownAttempts()) + len(r.s.Fences()); n > 0 {
			t.Errorf("%d things of old transactions", n)
		}
		if q, ok := r.s.Sequence(9); !ok || q.Last != 77 {
			t.Errorf("sequence %+v", q)
		}
		if err := r.s.Check(t.Context()); err != nil {
			t.Error(err)
		}
		// The lease is free, of a later epoch, and the group works.
		l := r.s.Lease()
		r.want(Command{Lease: &Lease{Epoch: l.Epoch + 1, Holder: 7, Incarnation: 1}}, ResultOK)
		c := onePhase(9, 50, put("g", "g9", 0))
		c.Epoch = l.Epoch + 1
		r.want(c, ResultCommitted)
		r.flush()
	}
	if err := old.s.Rewrite(filepath.Join(t.TempDir(), "new.db"), 9, nil); !errors.Is(err, ErrSnapshotTooOld) {
		t.Errorf("kept up to a timestamp below the horizon: %v", err)
	}

	// A read-only state applies in memory and leaves its file alone.
	if err := old.s.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(old.path)
	if err != nil {
		t.Fatal(err)
	}
	read.open(Options{ReadOnly: true, InitialMmapBytes: 1 << 20})
	read.want(onePhase(8, 60, put("z", "z8", 0)), ResultCommitted)
	if got := read.get("z", topo.MaxTimestamp); got != "z8@60" {
		t.Errorf("applied to a read-only state: %s", got)
	}
	if err := read.s.Sync(); !errors.Is(err, ErrReadOnly) {
		t.Errorf("a read-only state is flushed: %v", err)
	}
	if err := read.s.Close(); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(old.path); err != nil || string(after) != string(before) {
		t.Errorf("a read-only state has changed its file, %v", err)
	}
}
