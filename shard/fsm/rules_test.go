package fsm

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

var manual = Options{ManualFlush: true}

// bothLayers runs a rule against versions in the delta and against the same on disk.
func bothLayers(t *testing.T, fn func(t *testing.T, r *replica, settle func())) {
	t.Run("delta", func(t *testing.T) { fn(t, newReplica(t, manual), func() {}) })
	t.Run("disk", func(t *testing.T) {
		r := newReplica(t, manual)
		fn(t, r, r.flush)
	})
	t.Run("reopened", func(t *testing.T) {
		r := newReplica(t, manual)
		fn(t, r, func() {
			r.flush()
			r.s.Close()
			r.open(manual)
		})
	})
}

func TestR1WriteIsRefusedWhenItsSeenVersionIsNotTheLatest(t *testing.T) {
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		r.want(onePhase(1, 10, put("k", "a", 0)), ResultCommitted)
		settle()
		r.want(onePhase(2, 20, put("k", "b", 0)), ResultConflict)
		r.want(onePhase(3, 20, put("k", "b", 9)), ResultConflict)
		r.want(onePhase(4, 20, put("j", "b", 9)), ResultConflict)
		if got := r.want(onePhase(5, 5, put("k", "b", 10)), ResultCommitted); got.TS != 11 {
			t.Fatalf("commit timestamp %d, want 1 + the replaced version's", got.TS)
		}
		settle()
		if got := r.get("k", 10) + " " + r.get("k", 11) + " " + r.get("k", 9); got != "a@10 b@11 -" {
			t.Fatal(got)
		}
	})
}

func TestR1LockItemIsRefusedWhenTheRowMovedOn(t *testing.T) {
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		r.want(onePhase(1, 10, put("k", "a", 0)), ResultCommitted)
		settle()
		lockItem := Item{Kind: ItemLock, Mode: lock.Update, Key: []byte("k"), Seen: 10}
		r.want(onePhase(2, 20, lockItem), ResultCommitted)
		r.want(onePhase(3, 20, put("k", "b", 10)), ResultCommitted)
		r.want(onePhase(4, 30, lockItem), ResultConflict)
	})
}

func TestAbsenceHoldsAgainstASeenTombstoneAndOneBelowTheHorizon(t *testing.T) {
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		r.want(onePhase(1, 10, put("k", "a", 0)), ResultCommitted)
		r.want(onePhase(2, 20, del("k", 10)), ResultCommitted)
		settle()
		absent := Item{Kind: ItemLock, Mode: lock.Update, Key: []byte("k"), SeenAbsent: true}
		r.want(onePhase(3, 30, absent), ResultConflict)
		seen := absent
		seen.Seen = 20
		r.want(onePhase(4, 30, seen), ResultCommitted)
		r.want(horizon(20), ResultOK)
		settle()
		r.want(onePhase(5, 30, absent), ResultCommitted)
	})
}

func mark(key string, keyVersion topo.Timestamp) Item {
	return Item{Kind: ItemSharedMark, Key: []byte(key), Seen: keyVersion}
}

func exclusive(key string, f topo.Timestamp) Item {
	return Item{Kind: ItemExclusive, Key: []byte(key), F: f}
}

func TestR2SharedMarkComparesTheKeyVersion(t *testing.T) {
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		r.want(onePhase(1, 10, put("p", "a", 0)), ResultCommitted)
		keeps := put("p", "b", 10)
		keeps.KeepsKey = true
		r.want(onePhase(2, 20, keeps), ResultCommitted)
		settle()
		v, _, err := r.s.Latest([]byte("p"), topo.TxnID{})
		if err != nil || v.TS != 20 || v.KeyVersion != 10 {
			t.Fatalf("%+v %v", v, err)
		}
		r.want(onePhase(3, 30, mark("p", 10)), ResultCommitted)
		r.want(onePhase(4, 30, put("p", "c", 20)), ResultCommitted)
		settle()
		r.want(onePhase(5, 40, mark("p", 10)), ResultConflict)
		r.want(onePhase(6, 50, del("p", 30)), ResultCommitted)
		settle()
		r.want(onePhase(7, 60, mark("p", 30)), ResultConflict)
	})
}

func TestR2ExclusiveIsRefusedByANewerShareTS(t *testing.T) {
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		r.want(onePhase(1, 10, put("p", "a", 0)), ResultCommitted)
		r.want(onePhase(2, 30, mark("p", 10)), ResultCommitted)
		settle()
		r.want(onePhase(3, 40, del("p", 10), exclusive("p", 29)), ResultShared)
		r.want(onePhase(4, 40, del("p", 10), exclusive("p", 30)), ResultCommitted)
	})
}

func TestR2ExclusiveIsRefusedBelowTheHorizonAndOldMarksAreAbsent(t *testing.T) {
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		r.want(onePhase(1, 10, put("p", "a", 0)), ResultCommitted)
		r.want(onePhase(2, 30, mark("p", 10)), ResultCommitted)
		r.want(horizon(35), ResultOK)
		settle()
		r.want(onePhase(3, 40, del("p", 10), exclusive("p", 34)), ResultShared)
		r.want(onePhase(4, 40, del("p", 10), exclusive("p", 35)), ResultCommitted)
	})
}

func TestR2PendingMarkAndPendingDeleteExcludeEachOther(t *testing.T) {
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		r.want(onePhase(1, 10, put("p", "a", 0), put("q", "a", 0)), ResultCommitted)
		r.want(prepare(2, 20, mark("p", 10), put("c", "child", 0)), ResultPrepared)
		r.want(prepare(3, 20, del("q", 10), exclusive("q", 15)), ResultPrepared)
		settle()
		if got := r.want(onePhase(4, 30, del("p", 10), exclusive("p", 25)), ResultPending); got.Other != txnID(2) || got.OtherPrimary != 2 {
			t.Fatalf("%+v", got)
		}
		r.want(onePhase(5, 30, mark("q", 10)), ResultPending)
		keeps := put("p", "b", 10)
		keeps.KeepsKey = true
		r.want(onePhase(6, 30, keeps), ResultCommitted)
		r.want(prepare(7, 30, mark("p", 10)), ResultPrepared)
		r.want(resolve(2, 40), ResultCommitted)
		r.want(abort(7), ResultAborted)
		r.want(abort(3), ResultAborted)
		settle()
		r.want(onePhase(8, 50, mark("q", 10)), ResultCommitted)
		r.want(onePhase(9, 50, del("p", 30), exclusive("p", 39)), ResultShared)
		r.want(onePhase(10, 50, del("p", 30), exclusive("p", 40)), ResultCommitted)
	})
}

func TestPreparedWriteBlocksReadsFromItsMinimumAndItsResolveShowsIt(t *testing.T) {
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		r.want(onePhase(1, 10, put("a", "1", 0), put("b", "1", 0), put("c", "1", 0)), ResultCommitted)
		r.want(prepare(2, 20, put("b", "2", 10)), ResultPrepared)
		settle()
		if got := r.get("b", 19) + " " + r.get("b", 20); got != "1@10 pending 1.1.2" {
			t.Fatal(got)
		}
		rows, resume, p := r.scan(ScanOptions{TS: 20})
		if fmt.Sprint(rows) != "[a=1@10]" || string(resume) != "b" || p == nil || p.Txn != txnID(2) || string(p.Key) != "b" {
			t.Fatal(rows, resume, p)
		}
		rows, resume, p = r.scan(ScanOptions{TS: 20, Reverse: true})
		if fmt.Sprint(rows) != "[c=1@10]" || string(resume) != "b\x00" || p == nil {
			t.Fatal(rows, resume, p)
		}
		if rows, _, p := r.scan(ScanOptions{TS: 20, Own: Own{Txn: txnID(2)}}); len(rows) != 3 || p != nil {
			t.Fatal("a transaction's own prepare stands in its way")
		}
		r.want(resolve(2, 19), ResultMismatch)
		r.want(resolve(2, 25), ResultCommitted)
		settle()
		if got := r.get("b", 24) + " " + r.get("b", 25); got != "1@10 2@25" {
			t.Fatal(got)
		}
	})
}

func TestReappliedCommandsReturnTheFirstOutcome(t *testing.T) {
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		one := onePhase(1, 10, put("k", "a", 0))
		r.want(one, ResultCommitted)
		settle()
		if got := r.want(one, ResultCommitted); got.TS != 10 {
			t.Fatal(got)
		}
		two := prepare(2, 20, put("k", "b", 10))
		r.want(two, ResultPrepared)
		settle()
		if got := r.want(two, ResultPrepared); got.TS != 20 {
			t.Fatal(got)
		}
		commit := Command{Commit: &CommitRecord{Txn: txnID(2), Attempt: 1, TS: 22}}
		r.want(commit, ResultCommitted)
		settle()
		commit.Commit.TS = 23
		for _, c := range []Command{commit, two, resolve(2, 30), {Tombstone: &Tombstone{Txn: txnID(2), Attempt: 1}}} {
			if got := r.want(c, ResultCommitted); got.TS != 22 {
				t.Fatal(got)
			}
		}
		if o := r.s.Outcome(txnID(2), 1); o.Code != OutcomeCommitted || o.TS != 22 || len(o.Participants) != 2 {
			t.Fatalf("%+v", o)
		}
		if got := r.get("k", 100); got != "b@22" {
			t.Fatal(got)
		}
	})
}

func TestTombstoneForbidsAnAttemptUnlessItsPrepareApplied(t *testing.T) {
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		tombstone := func(txn int) Command { return Command{Tombstone: &Tombstone{Txn: txnID(txn), Attempt: 1}} }
		r.want(tombstone(1), ResultAborted)
		settle()
		r.want(prepare(1, 10, put("k", "a", 0)), ResultAborted)
		r.want(prepare(2, 10, put("k", "a", 0)), ResultPrepared)
		settle()
		r.want(tombstone(2), ResultPrepared)
		r.want(resolve(2, 12), ResultCommitted)
		r.want(tombstone(2), ResultCommitted)
		second := prepare(1, 20, put("k", "b", 12))
		second.Prepare.Attempt = 2
		r.want(second, ResultPrepared)
		settle()
		r.want(abort(1), ResultAborted)
		if got := r.get("k", 30); got != "pending 1.1.1" {
			t.Fatalf("a resolve of attempt 1 touched attempt 2: %s", got)
		}
	})
}

func TestLaterAttemptReplacesAnEarlierPrepare(t *testing.T) {
	r := newReplica(t, manual)
	r.want(prepare(1, 10, put("k", "a", 0)), ResultPrepared)
	second := prepare(1, 20, put("k", "b", 0))
	second.Prepare.Attempt = 2
	r.want(second, ResultPrepared)
	r.want(resolve(1, 30), ResultAborted)
	r.want(prepare(1, 10, put("k", "a", 0)), ResultAborted)
	c := resolve(1, 30)
	c.Resolve.Attempt = 2
	r.want(c, ResultCommitted)
	if got := r.get("k", 30); got != "b@30" {
		t.Fatal(got)
	}
}

func TestOutcomeIsKeptUntilForgottenAndPassedByTheHorizon(t *testing.T) {
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		r.want(prepare(1, 10, put("k", "a", 0)), ResultPrepared)
		r.want(resolve(1, 12), ResultCommitted)
		r.want(horizon(12), ResultOK)
		settle()
		if r.s.Outcome(txnID(1), 1).Code != OutcomeCommitted {
			t.Fatal("dropped before it was forgotten")
		}
		r.want(Command{Forget: &Forget{Attempts: []AttemptID{{txnID(1), 1}}}}, ResultOK)
		settle()
		if r.s.Outcome(txnID(1), 1).Code != OutcomeUnknown {
			t.Fatal("kept after it was forgotten and passed")
		}
		r.want(prepare(1, 10, put("j", "a", 0)), ResultHorizon)
		late := prepare(1, 50, put("j", "a", 0))
		late.Prepare.StartTS = 11
		r.want(late, ResultHorizon)
		// Nor does a tombstone say of an attempt that committed that it did not.
		r.want(Command{Tombstone: &Tombstone{Txn: txnID(1), Attempt: 1, TS: 10}}, ResultHorizon)
		r.want(Command{Tombstone: &Tombstone{Txn: txnID(1), Attempt: 1, TS: 13}}, ResultAborted)
	})
}

func TestLeaseSuccessionNeedsTheLastEntryOfTheOldEpoch(t *testing.T) {
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		lease := func(epoch topo.LeaseEpoch, holder topo.NodeID, after uint64) Command {
			return Command{Lease: &Lease{Epoch: epoch, Holder: holder, Incarnation: 1, AfterIndex: after}}
		}
		r.want(lease(1, 1, 0), ResultOK)
		first := r.index
		c := onePhase(1, 10, put("k", "a", 0))
		c.Epoch = 1
		r.want(c, ResultCommitted)
		settle()
		r.want(lease(2, 2, first), ResultStaleEpoch)
		r.want(lease(3, 2, r.index), ResultStaleEpoch)
		r.want(lease(2, 2, first+1), ResultOK)
		settle()
		c = onePhase(2, 10, put("j", "a", 0))
		c.Epoch = 1
		r.want(c, ResultStaleEpoch)
		if l := r.s.Lease(); l.Epoch != 2 || l.Holder != 2 {
			t.Fatalf("%+v", l)
		}
	})
}

func TestAReleasedLeaseIsFreeAtOnceAndItsEpochIsOver(t *testing.T) {
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		lease := func(epoch topo.LeaseEpoch, holder topo.NodeID, after uint64) Command {
			return Command{Lease: &Lease{Epoch: epoch, Holder: holder, Incarnation: 1, AfterIndex: after}}
		}
		release := Command{Epoch: 1, Release: &Release{ReadTS: 70, Locks: []HeldLock{{txnID(3), 4, []byte("k")}, {txnID(4), 1, []byte("l")}}}}
		r.want(lease(1, 1, 0), ResultOK)
		early := release
		early.Epoch = 0
		r.want(early, ResultStaleEpoch)
		r.want(release, ResultOK)
		settle()
		if got := r.s.Released(); got == nil || !reflect.DeepEqual(*got, *release.Release) || !r.s.Lease().Released {
			t.Fatalf("released: %+v", got)
		}
		c := onePhase(1, 10, put("k", "a", 0))
		c.Epoch = 1
		r.want(c, ResultStaleEpoch)
		r.want(release, ResultStaleEpoch)
		r.want(lease(3, 2, 0), ResultStaleEpoch)
		r.want(lease(2, 2, 0), ResultOK) // AfterIndex does not matter
		settle()
		if r.s.Released() != nil || r.s.Lease().Released {
			t.Fatalf("taken, and still released: %+v", r.s.Released())
		}
		c.Epoch = 2
		r.want(c, ResultCommitted)
		r.want(lease(3, 3, 0), ResultStaleEpoch)
	})
}

func TestFenceStopsOthersAndOldVersions(t *testing.T) {
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		fence := func(txn int, phase FencePhase, version topo.SchemaVersion) Command {
			return Command{Fence: &Fence{Txn: txnID(txn), Attempt: 1, Primary: 1, Phase: phase,
				Tables: []topo.TableVersion{{Table: 5, Version: version}}}}
		}
		with := func(c Command, version topo.SchemaVersion) Command {
			c.Prepare.Tables = []topo.TableVersion{{Table: 5, Version: version}}
			return c
		}
		r.want(with(prepare(1, 10, put("k", "a", 0)), 1), ResultPrepared)
		if got := r.want(fence(9, FenceRaise, 2), ResultPending); got.Other != txnID(1) {
			t.Fatalf("%+v", got)
		}
		settle()
		if got := r.want(with(onePhase(2, 10, put("j", "a", 0)), 1), ResultFenced); got.Other != txnID(9) || got.Table != 5 {
			t.Fatalf("%+v", got)
		}
		r.want(resolve(1, 11), ResultCommitted)
		r.want(fence(9, FenceRaise, 2), ResultOK)
		r.want(fence(8, FenceRaise, 2), ResultFenced)
		r.want(with(onePhase(9, 20, put("j", "own", 0)), 1), ResultCommitted)
		settle()
		r.want(fence(9, FenceOpen, 2), ResultOK)
		settle()
		r.want(fence(9, FenceRaise, 2), ResultVersion) // a late copy shuts nothing
		r.want(with(onePhase(3, 30, put("l", "a", 0)), 1), ResultVersion)
		r.want(with(onePhase(4, 30, put("l", "a", 0)), 2), ResultCommitted)
		r.want(fence(7, FenceRaise, 3), ResultOK)
		r.want(fence(7, FenceLower, 3), ResultOK)
		r.want(with(onePhase(5, 40, put("m", "a", 0)), 2), ResultCommitted)
		if len(r.s.Fences()) != 0 {
			t.Fatal("fence left up")
		}
	})
}

func readRange(lo, hi string, seen topo.Timestamp) Item {
	return Item{Kind: ItemReadRange, Key: []byte(lo), End: []byte(hi), Seen: seen}
}

func TestReadRangeConflictsWithCommittedAndPendingWrites(t *testing.T) {
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		r.want(onePhase(1, 10, put("c", "1", 0)), ResultCommitted)
		settle()
		r.want(onePhase(2, 20, readRange("a", "f", 9)), ResultConflict)
		r.want(prepare(3, 20, readRange("a", "f", 10)), ResultPrepared)
		settle()
		r.want(onePhase(4, 30, put("d", "1", 0)), ResultPending)
		r.want(onePhase(5, 30, Item{Kind: ItemPutEntry, Key: []byte("d")}), ResultPending)
		r.want(onePhase(6, 30, put("f", "1", 0)), ResultCommitted)
		r.want(resolve(3, 50), ResultCommitted)
		settle()
		if got := r.want(onePhase(7, 30, put("d", "1", 0)), ResultCommitted); got.TS < 50 {
			t.Fatalf("a write committed at %d, below the range's reader", got.TS)
		}
		r.want(prepare(8, 60, put("e", "1", 0)), ResultPrepared)
		r.want(onePhase(9, 70, readRange("a", "f", 60)), ResultPending)
	})
}

// A commit timestamp exceeds the oracle's last one by 1 at most: who commits after a SERIALIZABLE transaction with a
// timestamp drawn before it is pushed up to it, and no further.
func TestReadRangesPushLaterCommitsUpToThemselvesOnly(t *testing.T) {
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		r.do(onePhase(1, 5, put("a", "1", 0)))
		settle()
		for i := 2; i < 6; i++ {
			c := onePhase(i, 10, put(string(rune('a'+i)), "1", 0), readRange("a", "b", 9))
			if i == 2 {
				c.Prepare.MinTS = 11 // a snapshot at 10 was served
			}
			if res := r.want(c, ResultCommitted); res.TS != 11 {
				t.Fatalf("transaction %d commits at %d, not at 11", i, res.TS)
			}
		}
	})
}

func provision(txn int, ops ...ProvisionOp) Command {
	return Command{Provision: &Provision{Txn: txnID(txn), Ops: ops}}
}

func summary(rolledBack []SeqRange, ops ...ProvisionOp) Provisioned {
	p := Provisioned{Count: uint64(len(ops)), RolledBack: rolledBack}
	for i := range ops {
		p.Digest += HashOp(&ops[i])
	}
	return p
}

func TestProvisionalOperationsCommitAsOneNetOperationAKey(t *testing.T) {
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		r.want(onePhase(1, 10, put("b", "old", 0)), ResultCommitted)
		ops := []ProvisionOp{
			{1, put("a", "1", 0)}, {2, del("b", 10)}, {3, put("b", "new", 10)}, {4, put("a", "undone", 0)}, {5, put("c", "undone", 0)},
		}
		r.want(provision(2, ops[:3]...), ResultOK)
		settle()
		r.want(provision(2, ops[1:]...), ResultOK) // overlaps: idempotent by number
		settle()
		own := Own{Txn: txnID(2), Seq: 4}
		if v, _, _ := r.s.Get([]byte("a"), 50, own); string(v.Value) != "undone" || v.TS != 0 {
			t.Fatalf("%+v", v)
		}
		own.RolledBack = []SeqRange{{4, 6}}
		own.Seq = 100
		for _, reverse := range []bool{false, true} {
			want := "[a=1@0 b=new@0]"
			if reverse {
				want = "[b=new@0 a=1@0]"
			}
			if rows, _, _ := r.scan(ScanOptions{TS: 50, Own: own, Reverse: reverse}); fmt.Sprint(rows) != want {
				t.Fatal(rows)
			}
		}
		if got := r.get("a", 50) + r.get("b", 50); got != "-old@10" {
			t.Fatal("others see provisional operations: ", got)
		}
		p := prepare(2, 20)
		p.Prepare.Provisioned = summary(own.RolledBack, ops[:4]...)
		r.want(p, ResultMismatch)
		p.Prepare.Provisioned = summary(own.RolledBack, ops...)
		r.want(p, ResultPrepared)
		settle()
		if got := r.get("b", 30); got != "pending 1.1.2" {
			t.Fatal(got)
		}
		if _, _, p := r.scan(ScanOptions{TS: 30, Reverse: true}); p == nil || string(p.Key) != "b" {
			t.Fatalf("%+v", p)
		}
		r.want(onePhase(3, 30, put("a", "x", 0)), ResultPending)
		r.want(resolve(2, 40), ResultCommitted)
		settle()
		if rows, _, _ := r.scan(ScanOptions{TS: 50}); fmt.Sprint(rows) != "[a=1@40 b=new@40]" {
			t.Fatal(rows)
		}
		if len(r.s.ProvisionalTxns()) != 0 {
			t.Fatal("provisional operations left behind")
		}
	})
}

// sentAhead provisions the operations, numbered from 1, and prepares them.
func sentAhead(r *replica, txn int, ts topo.Timestamp, rolledBack []SeqRange, items ...Item) Command {
	var ops []ProvisionOp
	for i, it := range items {
		ops = append(ops, ProvisionOp{uint64(i + 1), it})
	}
	r.want(provision(txn, ops...), ResultOK)
	p := prepare(txn, ts)
	p.Prepare.Provisioned = summary(rolledBack, ops...)
	return p
}

func TestR2MarksSentAheadAreJudgedAsItems(t *testing.T) {
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		r.want(onePhase(1, 10, put("p", "a", 0), put("q", "a", 0)), ResultCommitted)
		r.want(onePhase(2, 30, mark("p", 10)), ResultCommitted)
		settle()
		// Of several marks on a key the last one counts.
		r.want(sentAhead(r, 3, 40, nil, del("p", 10), exclusive("p", 30), exclusive("p", 29)), ResultShared)
		r.want(sentAhead(r, 4, 40, []SeqRange{{3, 4}}, del("p", 10), exclusive("p", 29), exclusive("p", 30)), ResultShared)
		r.want(sentAhead(r, 5, 40, []SeqRange{{3, 4}}, del("p", 10), exclusive("p", 30), exclusive("p", 29)), ResultPrepared)
		settle()
		// Pending marks exclude each other, whichever way they came.
		r.want(onePhase(6, 41, mark("p", 10)), ResultPending)
		r.want(abort(5), ResultAborted)
		r.want(sentAhead(r, 7, 42, nil, mark("q", 10)), ResultPrepared)
		settle()
		r.want(sentAhead(r, 8, 43, nil, del("q", 10), exclusive("q", 42)), ResultPending)
		r.want(resolve(7, 44), ResultCommitted)
		settle()
		r.want(sentAhead(r, 9, 50, nil, del("q", 10), exclusive("q", 43)), ResultShared)
		r.want(horizon(45), ResultOK)
		settle()
		r.want(sentAhead(r, 10, 50, nil, del("q", 10), exclusive("q", 44)), ResultShared)
		r.want(sentAhead(r, 11, 50, nil, del("q", 10), exclusive("q", 45)), ResultPrepared)
	})
}

func TestR1OperationsSentAheadRelyOnOneVersion(t *testing.T) {
	lockItem := func(key string, seen topo.Timestamp) Item {
		return Item{Kind: ItemLock, Mode: lock.Share, Key: []byte(key), Seen: seen, SeenAbsent: seen == 0}
	}
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		r.want(onePhase(1, 10, put("k", "a", 0)), ResultCommitted)
		r.want(onePhase(2, 20, put("k", "b", 10)), ResultCommitted)
		settle()
		// The first write was made from a version that another transaction has replaced since.
		r.want(sentAhead(r, 3, 30, nil, put("k", "x", 10), put("k", "y", 20)), ResultConflict)
		r.want(sentAhead(r, 4, 30, nil, put("k", "x", 10), put("k", "y", 20), put("k", "z", 20)), ResultConflict)
		r.want(sentAhead(r, 5, 30, nil, lockItem("k", 10), put("k", "y", 20)), ResultConflict)
		r.want(sentAhead(r, 6, 30, nil, put("n", "x", 0), put("n", "y", 20)), ResultConflict)
		settle()
		r.want(sentAhead(r, 7, 30, []SeqRange{{1, 2}}, put("k", "x", 10), put("k", "y", 20)), ResultPrepared)
		r.want(resolve(7, 31), ResultCommitted)
		settle()
		// What was rolled back leaves the lock before it.
		r.want(sentAhead(r, 8, 40, []SeqRange{{2, 3}}, lockItem("k", 20), put("k", "x", 20)), ResultConflict)
		r.want(sentAhead(r, 9, 40, []SeqRange{{2, 3}}, lockItem("k", 31), put("k", "x", 31)), ResultPrepared)
	})
}

func TestIngestGoesBelowNewerVersionsAndRefusesDuplicates(t *testing.T) {
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		r.want(onePhase(1, 30, put("b", "mine", 0), put("c", "x", 0)), ResultCommitted)
		r.want(onePhase(2, 40, del("c", 30)), ResultCommitted)
		settle()
		ingest := func(unique bool, kv ...string) Command {
			in := &Ingest{TS: 20, Unique: unique}
			for i := 0; i < len(kv); i += 2 {
				in.Entries = append(in.Entries, Entry{[]byte(kv[i]), []byte(kv[i+1])})
			}
			return Command{Ingest: in}
		}
		if got := r.want(ingest(true, "a", "1", "b", "other"), ResultDuplicate); got.Item != 1 {
			t.Fatal(got)
		}
		r.want(ingest(true, "a", "1", "a", "2"), ResultDuplicate)
		if got := r.get("a", 100); got != "-" {
			t.Fatal("a refused ingest wrote")
		}
		for range 2 {
			r.want(ingest(true, "a", "1", "b", "mine", "c", "gone"), ResultOK)
			settle()
		}
		got := r.get("a", 100) + r.get("b", 100) + r.get("b", 25) + r.get("c", 100) + r.get("c", 25)
		if got != "1@20mine@30mine@20-gone@20" {
			t.Fatal(got)
		}
	})
}

func TestDroppedStorageIsAbsentAtOnceAndLeavesTheFile(t *testing.T) {
	r := newReplica(t, manual)
	for i := range 10 {
		key := topo.AppendStorageID(nil, topo.StorageID(i%2+1))
		r.want(onePhase(i+1, 10, put(string(append(key, byte(i))), "v", 0)), ResultCommitted)
		if i == 5 {
			r.flush()
		}
	}
	r.want(Command{Drop: &DropStorage{IDs: []topo.StorageID{2}}}, ResultOK)
	for range 2 {
		if rows, _, _ := r.scan(ScanOptions{TS: 100}); len(rows) != 5 {
			t.Fatal(rows)
		}
		before := r.digest()
		r.flush()
		if r.digest() != before {
			t.Fatal("the flush changed the digest")
		}
	}
	if n := r.s.view.Load().disk.Meta().Versions; n != 5 {
		t.Fatalf("%d versions in the file", n)
	}
	if err := r.s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestKeysThatArePrefixesOfOthersKeepTheirOrder(t *testing.T) {
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		keys := []string{"a", "a\x00", "a\x00\x00", "a\x00\x01", "a\x00\xff", "a\x01", "aa", "a\xff", "a\xff\xff", "b"}
		for i, k := range keys {
			r.want(onePhase(2*i+1, 10, put(k, "1", 0)), ResultCommitted)
			settle()
			r.want(onePhase(2*i+2, 20, put(k, "2", 10)), ResultCommitted)
		}
		settle()
		for ts, value := range map[topo.Timestamp]string{10: "1@10", 30: "2@20"} {
			var want, back []string
			for _, k := range keys {
				want = append(want, k+"="+value)
				back = append([]string{k + "=" + value}, back...)
				if got := r.get(k, ts); got != value {
					t.Fatalf("%q: %s", k, got)
				}
			}
			rows, _, _ := r.scan(ScanOptions{TS: ts})
			if fmt.Sprintf("%q", rows) != fmt.Sprintf("%q", want) {
				t.Fatalf("%q", rows)
			}
			rows, _, _ = r.scan(ScanOptions{TS: ts, Reverse: true})
			if fmt.Sprintf("%q", rows) != fmt.Sprintf("%q", back) {
				t.Fatalf("reverse: %q", rows)
			}
		}
	})
}

func TestScanResumesWhereABoundStoppedIt(t *testing.T) {
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		for i := range 9 {
			r.want(onePhase(i+1, 10, put(string(rune('a'+i)), "v", 0)), ResultCommitted)
			if i == 4 {
				settle()
			}
		}
		for _, reverse := range []bool{false, true} {
			o := ScanOptions{TS: 50, Reverse: reverse, MaxRows: 2, Lo: []byte("b"), Hi: []byte("i")}
			var all bytes.Buffer
			for {
				rows, resume, _ := r.scan(o)
				for _, row := range rows {
					all.WriteString(row[:1])
				}
				if resume == nil {
					break
				}
				if reverse {
					o.Hi = resume
				} else {
					o.Lo = resume
				}
			}
			if want := map[bool]string{false: "bcdefgh", true: "hgfedcb"}[reverse]; all.String() != want {
				t.Fatal(all.String())
			}
		}
	})
}

func TestSnapshotBelowTheHorizonIsTooOld(t *testing.T) {
	r := newReplica(t, manual)
	r.want(onePhase(1, 10, put("k", "a", 0)), ResultCommitted)
	r.want(horizon(20), ResultOK)
	if _, _, err := r.s.Get([]byte("k"), 19, Own{}); err != ErrSnapshotTooOld {
		t.Fatal(err)
	}
	if _, _, err := r.s.Scan(ScanOptions{TS: 19}, nil); err != ErrSnapshotTooOld {
		t.Fatal(err)
	}
	if got := r.get("k", 20); got != "a@10" {
		t.Fatal(got)
	}
}

func TestGarbageBelowTheHorizonLeavesTheFile(t *testing.T) {
	r := newReplica(t, manual)
	r.want(onePhase(1, 10, put("k", "a", 0), put("d", "a", 0)), ResultCommitted)
	r.want(onePhase(2, 20, put("k", "b", 10), del("d", 10)), ResultCommitted)
	r.flush()
	if n := r.s.view.Load().disk.Meta().Versions; n != 4 {
		t.Fatalf("%d versions", n)
	}
	r.want(horizon(20), ResultOK)
	r.flush()
	if n := r.s.view.Load().disk.Meta().Versions; n != 1 {
		t.Fatalf("%d versions after the horizon passed", n)
	}
}

func TestWatchersSeeCommittedWritesInApplyOrder(t *testing.T) {
	r := newReplica(t, manual)
	var got []string
	r.s.Watch(func(ts topo.Timestamp, entries []Entry) {
		for _, e := range entries {
			got = append(got, fmt.Sprintf("%s=%s/%v@%d", e.Key, e.Value, e.Value == nil, ts))
		}
	})
	r.want(onePhase(1, 10, put("a", "1", 0)), ResultCommitted)
	r.want(prepare(2, 20, del("a", 10), put("b", "2", 0)), ResultPrepared)
	r.want(Command{Commit: &CommitRecord{Txn: txnID(2), Attempt: 1, TS: 21}}, ResultCommitted)
	r.want(resolve(2, 21), ResultCommitted)
	if want := "[a=1/false@10 a=/true@21 b=2/false@21]"; fmt.Sprint(got) != want {
		t.Fatal(got)
	}
}

func TestNewerFormatIsRefusedUntilUpgraded(t *testing.T) {
	r := newReplica(t, manual)
	results := make([]Result, 1)
	c := onePhase(1, 10, put("k", "a", 0))
	c.Format = 2
	if err := r.s.Apply(1, []Command{c}, results); err != nil || results[0].Code != ResultUnsupported {
		t.Fatal(err, results)
	}
	upgrade := Command{Upgrade: &Upgrade{Version: 2}}
	if err := r.s.Apply(2, []Command{upgrade}, results); err != nil || results[0].Code != ResultOK {
		t.Fatal(err, results)
	}
	if err := r.s.Apply(3, []Command{c}, results); err != nil || results[0].Code != ResultCommitted {
		t.Fatal(err, results)
	}
	c.Format = Format + 1
	if _, err := DecodeCommands(AppendCommand(nil, &c)); err == nil {
		t.Fatal("a binary decoded a format that it does not know")
	}
}

func TestALoggedWindowOfTimestampsOnlyGrows(t *testing.T) {
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		for _, v := range []struct{ logged, then int64 }{{100, 100}, {300, 300}, {200, 300}, {301, 301}} {
			r.want(Command{Sequence: &Sequence{ID: WindowSequence, Last: v.logged, IsCalled: true}}, ResultOK)
			settle()
			if s, _ := r.s.Sequence(WindowSequence); s.Last != v.then {
				t.Fatalf("after %d: %d, want %d", v.logged, s.Last, v.then)
			}
			r.want(Command{Sequence: &Sequence{ID: 7, Last: v.logged}}, ResultOK)
			if s, _ := r.s.Sequence(7); s.Last != v.logged {
				t.Fatalf("a sequence is at %d after %d", s.Last, v.logged)
			}
		}
	})
}
