package fsm

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

func inFormat(c Command) Command {
	c.Format = FormatMoved
	return c
}

// went says what became of the row that key held at ts.
func (r *replica) went(key string, ts topo.Timestamp) string {
	r.t.Helper()
	at, to, p, err := r.s.Moved([]byte(key), ts, topo.TxnID{})
	switch {
	case err != nil:
		r.t.Fatal(err)
	case p != nil:
		return "pending " + p.Txn.String()
	case at == 0:
		return "here"
	case to == nil:
		return fmt.Sprintf("gone@%d", at)
	}
	return fmt.Sprintf("%s@%d", to, at)
}

func (r *replica) wantWent(key string, ts topo.Timestamp, want string) {
	r.t.Helper()
	if got := r.went(key, ts); got != want {
		r.t.Errorf("%s at %d: %s, want %s", key, ts, got, want)
	}
}

// settledWays runs f with a settle that does nothing, flushes, restarts, and moves all to a new replica by a snapshot.
func settledWays(t *testing.T, f func(t *testing.T, r *replica, settle func())) {
	ways := map[string]func(r *replica){
		"delta": func(*replica) {},
		"run":   func(*replica) {},
		"file":  func(r *replica) { r.flush() },
		"restart": func(r *replica) {
			r.flush()
			r.s.Close()
			r.open(manual)
		},
		"snapshot": func(r *replica) {
			snap, err := r.s.PrepareSnapshot()
			if err != nil {
				r.t.Fatal(err)
			}
			var buf bytes.Buffer
			if err := r.s.SaveSnapshot(snap, &buf, nil); err != nil {
				r.t.Fatal(err)
			}
			before := r.digest()
			next := newReplica(r.t, manual)
			if err := next.s.RecoverFromSnapshot(&buf, nil); err != nil {
				r.t.Fatal(err)
			}
			next.index = next.s.AppliedIndex()
			*r = *next
			if r.digest() != before {
				r.t.Fatal("the digest differs after a snapshot")
			}
		},
	}
	for name, settle := range ways {
		t.Run(name, func(t *testing.T) {
			r := newReplica(t, manual)
			upgraded(nil, r)
			if name == "run" {
				r.s.runOps = 1
			}
			f(t, r, func() { settle(r) })
		})
	}
}

func TestAVersionSaysWhereTheRowBeforeItWent(t *testing.T) {
	settledWays(t, func(t *testing.T, r *replica, settle func()) {
		r.want(onePhase(1, 10, put("a", "1", 0), put("b", "2", 0), put("c", "3", 0)), ResultCommitted)
		settle()
		r.wantWent("a", 10, "here")
		keeps := put("a", "1'", 10)
		keeps.KeepsKey = true
		r.want(onePhase(2, 20, keeps), ResultCommitted)
		r.wantWent("a", 10, "here")
		// a goes, b comes in its place, c is deleted and inserted again.
		r.want(inFormat(onePhase(3, 30, put("a", "2", 20), moved("a", "x"), del("b", 10), moved("b", "a"), put("c", "4", 10))), ResultCommitted)
		settle()
		for _, ts := range []topo.Timestamp{10, 20, 29} {
			r.wantWent("a", ts, "x@30")
			r.wantWent("b", ts, "a@30")
			r.wantWent("c", ts, "gone@30")
		}
		r.wantWent("a", 30, "here")
		// Another row in the place of the one that is in the place of a: the first step counts.
		r.want(inFormat(onePhase(4, 40, del("a", 30), moved("a", "y"))), ResultCommitted)
		r.want(onePhase(5, 50, put("a", "5", 0)), ResultConflict)
		again := put("a", "5", 40)
		again.SeenAbsent = true
		r.want(onePhase(6, 50, again), ResultCommitted)
		settle()
		r.wantWent("a", 20, "x@30")
		r.wantWent("a", 30, "y@40")
		r.wantWent("a", 50, "here")
		for ts, want := range map[topo.Timestamp]string{10: "1@10", 20: "1'@20", 30: "2@30", 40: "-", 50: "5@50"} {
			if got := r.get("a", ts); got != want {
				t.Errorf("a at %d is %s, want %s", ts, got, want)
			}
		}
		if rows, _, _ := r.scan(ScanOptions{TS: 45}); fmt.Sprint(rows) != "[c=4@30]" {
			t.Error(rows)
		}
		if err := r.s.Check(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestAPreparedMoveIsWaitedForAndKept(t *testing.T) {
	settledWays(t, func(t *testing.T, r *replica, settle func()) {
		r.want(onePhase(1, 10, put("a", "1", 0), put("b", "2", 0)), ResultCommitted)
		r.want(inFormat(prepare(2, 20, del("a", 10), moved("a", "x"), put("b", "3", 10), moved("b", "y"))), ResultPrepared)
		settle()
		r.wantWent("a", 10, "pending "+txnID(2).String())
		if at, _, p, err := r.s.Moved([]byte("a"), 10, txnID(2)); at != 0 || p != nil || err != nil {
			t.Errorf("the own transaction's prepare counts: %d, %v, %v", at, p, err)
		}
		r.want(resolve(2, 25), ResultCommitted)
		settle()
		r.wantWent("a", 10, "x@25")
		r.wantWent("b", 24, "y@25")
		r.want(inFormat(prepare(3, 30, del("b", 25), moved("b", "z"))), ResultPrepared)
		r.want(abort(3), ResultAborted)
		r.wantWent("b", 25, "here")
	})
}

func TestMovesSentAhead(t *testing.T) {
	settledWays(t, func(t *testing.T, r *replica, settle func()) {
		r.want(onePhase(1, 10, put("a", "1", 0), put("b", "2", 0), put("c", "3", 0)), ResultCommitted)
		from := func(it Item, origin string) Item {
			it.Origin = []byte(origin)
			return it
		}
		updated := func(it Item) Item {
			it.KeepsKey = true
			return it
		}
		ops := []ProvisionOp{
			{1, del("a", 10)}, {2, from(put("p", "1", 0), "a")}, {3, moved("a", "p")},
			// Once more, and b in its place; then the savepoint before number 10 takes the last steps back.
			{4, Item{Kind: ItemDelete, Key: []byte("p"), SeenAbsent: true}}, {5, from(put("q", "1", 0), "a")}, {6, moved("a", "q")},
			{7, del("b", 10)}, {8, from(put("p", "2", 0), "b")}, {9, moved("b", "p")},
			{10, Item{Kind: ItemDelete, Key: []byte("q"), SeenAbsent: true}}, {11, from(put("s", "1", 0), "a")}, {12, moved("a", "s")},
			{13, updated(put("c", "3'", 10))}, {14, put("new", "4", 0)}, {15, updated(put("new", "5", 0))},
		}
		r.want(inFormat(Command{Provision: &Provision{Txn: txnID(2), Ops: ops}}), ResultOK)
		settle()
		for key, want := range map[string]string{"p": "b", "s": "a", "c": "", "new": "<nil>", "none": ""} {
			got := "<nil>"
			if o := r.s.Origin([]byte(key), Own{Txn: txnID(2), Seq: 99}); o != nil {
				got = string(o)
			}
			if got != want {
				t.Errorf("the origin of %s is %q, want %q", key, got, want)
			}
		}
		undone := []SeqRange{{10, 13}}
		if o := r.s.Origin([]byte("q"), Own{Txn: txnID(2), Seq: 99, RolledBack: undone}); string(o) != "a" {
			t.Errorf("after ROLLBACK TO q comes from %q", o)
		}
		c := inFormat(prepare(2, 20))
		c.Prepare.Provisioned = Provisioned{Count: uint64(len(ops)), RolledBack: undone}
		for i := range ops {
			c.Prepare.Provisioned.Digest += HashOp(&ops[i])
		}
		r.want(c, ResultPrepared)
		settle()
		r.wantWent("a", 10, "pending "+txnID(2).String())
		r.want(resolve(2, 22), ResultCommitted)
		settle()
		r.wantWent("a", 10, "q@22")
		r.wantWent("b", 10, "p@22")
		r.wantWent("c", 10, "here")
		if rows, _, _ := r.scan(ScanOptions{TS: 30}); fmt.Sprint(rows) != "[c=3'@22 new=5@22 p=2@22 q=1@22]" {
			t.Error(rows)
		}
	})
}

// What the horizon has passed may be gone, and is not guessed at.
func TestMovesBelowTheHorizonAreNotAnswered(t *testing.T) {
	settledWays(t, func(t *testing.T, r *replica, settle func()) {
		r.want(onePhase(1, 10, put("a", "1", 0), put("b", "1", 0)), ResultCommitted)
		r.want(inFormat(onePhase(2, 20, del("a", 10), moved("a", "x"))), ResultCommitted)
		r.want(horizon(15), ResultOK)
		settle()
		r.wantWent("a", 15, "x@20")
		r.wantWent("a", 10, "x@20") // what the key held at the horizon is that version
		r.wantWent("b", 10, "here")
		r.want(horizon(30), ResultOK)
		settle()
		if _, _, _, err := r.s.Moved([]byte("a"), 15, topo.TxnID{}); !errors.Is(err, ErrSnapshotTooOld) {
			t.Errorf("answered: %v", err)
		}
		r.wantWent("a", 30, "here")
		r.wantWent("b", 10, "here")
	})
}

// A cluster that has not admitted the format makes snapshots and files that the program before this one reads.
func TestNothingOfTheNewFormatBeforeItIsAdmitted(t *testing.T) {
	r := newReplica(t, manual)
	r.want(onePhase(1, 10, put("a", "1", 0)), ResultCommitted)
	r.want(inFormat(onePhase(2, 20, del("a", 10), moved("a", "x"))), ResultUnsupported)
	r.flush()
	format := func() (snapshot, file uint8) {
		snap, err := r.s.PrepareSnapshot()
		if err != nil {
			t.Fatal(err)
		}
		var buf bytes.Buffer
		if err := r.s.SaveSnapshot(snap, &buf, nil); err != nil {
			t.Fatal(err)
		}
		return buf.Bytes()[len(snapshotMagic)], r.s.view.Load().disk.Meta().Format
	}
	if s, f := format(); s != snapshotFormatFirst || f != 1 {
		t.Errorf("formats %d and %d", s, f)
	}
	upgraded(nil, r)
	r.flush()
	if s, f := format(); s != snapshotFormatMoved || f != 1 {
		t.Errorf("formats %d and %d, nothing moved", s, f)
	}
	r.want(inFormat(onePhase(2, 20, del("a", 10), moved("a", "x"))), ResultCommitted)
	r.flush()
	if s, f := format(); s != snapshotFormatMoved || f != 2 {
		t.Errorf("formats %d and %d", s, f)
	}
	r.s.Close()
	r.open(manual)
	r.wantWent("a", 10, "x@20")
}
