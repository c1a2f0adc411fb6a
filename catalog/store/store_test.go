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
