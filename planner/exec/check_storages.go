package exec

import (
	"context"
	"fmt"
	"maps"
	"math"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
)

// Leftovers finds storages with entries that no descriptor names. inUse tells, now, of all that a catalog names, that waits
// to be dropped, or that a schema change fills: a schema change that ended since has published its storages or dropped
// them, so what is still there after the question, and in no answer, is left over.
func (k *Checker) Leftovers(ctx context.Context, inUse func(context.Context) (map[topo.StorageID]bool, error)) error {
	known := map[topo.StorageID]bool{}
	k.C.Catalog.AllTables(func(t *catalog.Table) bool {
		known[t.RowStorage] = true
		for _, x := range t.Indexes {
			known[x.Storage], known[x.Marks] = true, true // 0 is no storage
		}
		return true
	})
	groups := dataGroups(k.C.SlotMap)
	unknown, err := k.storages(ctx, groups, known)
	if err != nil || len(unknown) == 0 {
		return err
	}
	used, err := inUse(ctx)
	if err != nil {
		return err
	}
	maps.Copy(known, used)
	if unknown, err = k.storages(ctx, groups, known); err != nil {
		return err
	}
	for _, u := range unknown {
		err := k.problem(nil, fmt.Sprintf("group %d", u.group), "a leftover storage",
			fmt.Sprintf("storage %d has entries, and no table or index names it", u.id), "")
		if err != nil {
			return err
		}
	}
	return nil
}

// lastKey is above the key of every entry.
var lastKey = []byte{0xff, 0xff, 0xff, 0xff, 0xff}

type groupStorage struct {
	group topo.GroupID
	id    topo.StorageID
}

// storages lists those that have entries and are not known, by group. Known ones are jumped over.
func (k *Checker) storages(ctx context.Context, groups []topo.GroupID, known map[topo.StorageID]bool) ([]groupStorage, error) {
	found := make([][]groupStorage, len(groups))
	err := inParallel(ctx, len(groups), func(ctx context.Context, i int) error {
		for lo := topo.AppendStorageID(nil, 0); lo != nil; {
			id, ok, err := k.nextStorage(ctx, groups[i], lo)
			if err != nil || !ok {
				return err
			}
			if !known[id] {
				found[i] = append(found[i], groupStorage{groups[i], id})
			}
			if lo = nil; id < math.MaxUint32 {
				lo = topo.AppendStorageID(nil, id+1)
			}
		}
		return nil
	})
	var all []groupStorage
	for _, f := range found {
		all = append(all, f...)
	}
	return all, err
}

// nextStorage returns the storage of the first entry at or above lo.
func (k *Checker) nextStorage(ctx context.Context, group topo.GroupID, lo []byte) (id topo.StorageID, ok bool, err error) {
	sc, err := k.C.Txn.Scan(ctx, k.opts, txn.ScanSpec{Groups: []topo.GroupID{group}, Lo: lo, Hi: lastKey, KeysOnly: true, LimitHint: 1})
	if err != nil {
		return 0, false, err
	}
	defer sc.Close()
	tb, err := sc.Next(ctx)
	if err != nil || tb == nil {
		return 0, false, err
	}
	id, ok = topo.KeyStorageID(tb.Key(0))
	if !ok {
		return 0, false, fmt.Errorf("group %d has an entry without a storage: %x", group, tb.Key(0))
	}
	return id, true, nil
}
