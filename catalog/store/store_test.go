package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

func put(o catalog.Object) fsm.Entry {
	return fsm.Entry{Key: catalog.DescriptorKey(o.ObjectID()), Value: catalog.Encode(o)}
}

// A batch is published whole, deletions before writes, and wakes those who wait for its entries.
func TestApplyPublishesBatchesWhole(t *testing.T) {
	s := New()
	var seen int
	s.Watch(func(_, snap *catalog.Snapshot) {
		seen++
		_, a := snap.Relation(9, "a")
		_, b := snap.Relation(9, "b")
		if a != b {
			t.Error("half a transaction was published")
		}
	})
	s.Apply(5, []fsm.Entry{put(&catalog.Table{OID: 1, SchemaID: 9, Name: "a"}), put(&catalog.View{OID: 2, SchemaID: 9, Name: "b"})})
	if seen != 1 || s.Current().Version() != 5 {
		t.Fatalf("%d publications, version %d", seen, s.Current().Version())
	}
	// The name of the dropped table passes to a new one in the same transaction.
	gone := fsm.Entry{Key: catalog.DescriptorKey(catalog.ObjectID{Class: catalog.ClassTable, OID: 1})}
	s.Apply(6, []fsm.Entry{put(&catalog.Table{OID: 3, SchemaID: 9, Name: "a"}), gone})
	if rel, ok := s.Current().Relation(9, "a"); !ok || rel.OID() != 3 {
		t.Error("the name did not pass to the new table")
	}
}

// Commit timestamps are not applied in order: a waiter for a change is not satisfied by a later version.
func TestWaitEntriesIsNotAVersionWait(t *testing.T) {
	s := New()
	other := &catalog.Schema{OID: 1, Name: "x"}
	mine := &catalog.Schema{OID: 2, Name: "y"}
	s.Apply(11, []fsm.Entry{put(other)})
	key := catalog.DescriptorKey(mine.ObjectID())
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := s.WaitEntries(ctx, [][]byte{key}, 10); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v before the change was applied", err)
	}
	done := make(chan error, 1)
	go func() { done <- s.WaitEntries(context.Background(), [][]byte{key}, 10) }()
	s.Apply(10, []fsm.Entry{put(mine)})
	if err := <-done; err != nil {
		t.Error(err)
	}
	if v := s.Current().Version(); v != 11 {
		t.Errorf("version fell to %d", v)
	}
}

// An entry that cannot be read stops the node rather than the entry being passed over.
func TestUnreadableEntryStopsTheStore(t *testing.T) {
	s := New()
	s.Apply(1, []fsm.Entry{{Key: catalog.DescriptorKey(catalog.ObjectID{Class: catalog.ClassTable, OID: 1}), Value: []byte{9}}})
	if s.Err() == nil || s.WaitEntries(context.Background(), nil, 0) == nil {
		t.Error("no error for a descriptor of a later format")
	}
}

// Entries of others in the catalog group change nothing here.
func TestForeignEntriesArePassedOver(t *testing.T) {
	s := New()
	before := s.Current()
	s.Apply(3, []fsm.Entry{{Key: topo.AppendStorageID(nil, catalog.FirstClusterStorage), Value: []byte("x")}})
	if s.Current() != before {
		t.Error("a new snapshot for entries that are no part of it")
	}
}

// A Store that follows a replica's log and one that is loaded from its state hold the same, and wait the same.
func TestLoadEqualsFollowing(t *testing.T) {
	state, err := fsm.Open(t.TempDir()+"/catalog", fsm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	following := New()
	state.Watch(following.Apply)
	index := uint64(0)
	apply := func(p *fsm.Prepare, want fsm.ResultCode) {
		t.Helper()
		index++
		res := make([]fsm.Result, 1)
		if err := state.Apply(index, []fsm.Command{{Prepare: p}}, res); err != nil || res[0].Code != want {
			t.Fatalf("apply: %v, code %d", err, res[0].Code)
		}
	}
	prepare := func(seq uint64, onePhase bool, entries ...fsm.Entry) *fsm.Prepare {
		p := &fsm.Prepare{Txn: topo.TxnID{Node: 1, Epoch: 1, Seq: seq}, Attempt: 1, Primary: topo.CatalogGroup,
			Participants: []topo.GroupID{topo.CatalogGroup}, OnePhase: onePhase, MinTS: topo.Timestamp(10 * seq)}
		for _, e := range entries {
			p.Items = append(p.Items, fsm.Item{Kind: fsm.ItemPut, Key: e.Key, Value: e.Value, SeenAbsent: true})
		}
		return p
	}
	var first []fsm.Entry
	for _, o := range Objects() {
		first = append(first, put(o))
	}
	first = append(first, fsm.Entry{Key: catalog.SlotMapKey(), Value: catalog.EncodeSlotMap(topo.NewSlotMap(2))})
	apply(prepare(1, true, first...), fsm.ResultCommitted)
	pending := &catalog.Schema{OID: 20000, Name: "pending"}
	apply(prepare(2, false, put(pending)), fsm.ResultPrepared)
	garbage := fsm.Entry{Key: catalog.GarbageKey(300), Value: []byte(catalog.GarbageRows)}
	apply(prepare(3, true, put(&catalog.Schema{OID: 20001, Name: "s"}), garbage), fsm.ResultCommitted)

	loaded := New()
	if err := loaded.Load(state); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Store{following, loaded} {
		snap := s.Current()
		if snap.SchemaByName("s") == nil || snap.SchemaByName("public") == nil || snap.SchemaByName("pending") != nil ||
			snap.RoleByName("postgres") == nil || len(snap.SlotMap().DataGroups()) != 2 || len(s.Garbage(30)) != 1 {
			t.Error("the snapshot lacks what was committed, or has what was not")
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	neverWritten := catalog.DescriptorKey(catalog.ObjectID{Class: catalog.ClassTable, OID: 1})
	if err := loaded.WaitEntries(ctx, [][]byte{neverWritten}, 25); err != nil {
		t.Errorf("waiting for what was there before the load (a collected deletion): %v", err)
	}
	if err := loaded.WaitEntries(ctx, [][]byte{catalog.DescriptorKey(pending.ObjectID())}, 20); err == nil {
		t.Error("a prepared change counts as applied")
	}
}

// A node that starts while a change is prepared has the object as it was: the change may be aborted, and then nothing of it
// is ever applied.
func TestLoadReadsBeneathAPreparedChange(t *testing.T) {
	state, err := fsm.Open(t.TempDir()+"/catalog", fsm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	apply := func(index uint64, p fsm.Prepare, want fsm.ResultCode) {
		t.Helper()
		p.Txn, p.Attempt, p.Primary = topo.TxnID{Node: 1, Epoch: 1, Seq: index}, 1, topo.CatalogGroup
		p.Participants = []topo.GroupID{topo.CatalogGroup}
		res := make([]fsm.Result, 1)
		if err := state.Apply(index, []fsm.Command{{Prepare: &p}}, res); err != nil || res[0].Code != want {
			t.Fatalf("apply: %v, code %d", err, res[0].Code)
		}
	}
	item := func(o catalog.Object, seen topo.Timestamp) []fsm.Item {
		e := put(o)
		return []fsm.Item{{Kind: fsm.ItemPut, Key: e.Key, Value: e.Value, Seen: seen, SeenAbsent: seen == 0}}
	}
	apply(1, fsm.Prepare{OnePhase: true, MinTS: 10, Items: item(&catalog.Schema{OID: 20000, Name: "before"}, 0)}, fsm.ResultCommitted)
	apply(2, fsm.Prepare{MinTS: 20, Items: item(&catalog.Schema{OID: 20000, Name: "after"}, 10)}, fsm.ResultPrepared)
	apply(3, fsm.Prepare{OnePhase: true, MinTS: 30, Items: item(&catalog.Schema{OID: 20001, Name: "later"}, 0)}, fsm.ResultCommitted)
	s := New()
	if err := s.Load(state); err != nil {
		t.Fatal(err)
	}
	if s.Current().SchemaByName("before") == nil || s.Current().SchemaByName("after") != nil {
		t.Error("the schema under a prepared change is not as it was")
	}
}
