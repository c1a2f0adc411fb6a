package ddl

import (
	"context"
	"errors"
	"sync"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Recovery is what RecoverFences needs.
type Recovery struct {
	Replica Replica
	Groups  func(topo.GroupID) rpc.Group
	Begin   func() RecoveryTxn
}

// RecoveryTxn is a transaction of its own; *txn.Txn.
type RecoveryTxn interface {
	Transaction
	Commit(ctx context.Context) error
	Rollback(ctx context.Context)
}

// RecoverFences takes away fences whose schema change does not come to its end: its coordinator died between raising them
// and opening them. It may be called at any time and by several nodes at once; a change that is still under way is waited
// for, since it holds the descriptor's lock.
//
// Neither attempts nor liveness are asked. The table's descriptor in the catalog group is the truth: if it has reached the
// fence's version, the change was committed, and the fence is opened. If it has not, the descriptor is written again,
// unaltered but for the next version. From then on the lost change cannot commit any more, for every prepare of it, however
// late it arrives, relies on the version of the descriptor that it saw; so the fence may be opened at the new version.
func RecoverFences(ctx context.Context, r Recovery, fences []fsm.FenceInfo) error {
	var errs []error
	for _, f := range fences {
		version, err := settle(ctx, r, f)
		if err == nil {
			err = openFence(ctx, r, f, version)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// settle makes sure that the fence's change has committed or never will, and returns the version to be admitted.
func settle(ctx context.Context, r Recovery, f fsm.FenceInfo) (version topo.SchemaVersion, err error) {
	t := r.Begin()
	defer func() {
		if err != nil {
			t.Rollback(context.WithoutCancel(ctx))
		}
	}()
	id, key, found, err := lockTable(ctx, t, r.Replica.Current(), catalog.Oid(f.Table))
	if err != nil {
		return 0, err
	}
	if !found.Version.Exists() { // dropped: nothing is admitted any more
		t.Rollback(ctx)
		return f.Version, nil
	}
	o, err := catalog.Decode(id.Class, found.Version.Value)
	if err != nil {
		return 0, pgerr.Internal("%v", err)
	}
	table := o.(*catalog.Table)
	if table.Version >= f.Version {
		t.Rollback(ctx)
		return table.Version, nil
	}
	table.Version = f.Version
	t.Put(key, catalog.Encode(table), 0)
	return f.Version, t.Commit(ctx)
}

// lockTable locks a table's descriptor, in whichever database it is: the catalog is asked, and where it does not know the table
// (yet, or any more), the database in which the catalog group has it.
func lockTable(ctx context.Context, t Transaction, snap *catalog.Snapshot, oid catalog.Oid) (id catalog.ObjectID, key txn.Key, found txn.Locked, err error) {
	var ids []catalog.ObjectID
	snap.EachDatabase(func(v *catalog.Snapshot) bool {
		if v.Table(oid) != nil {
			ids = []catalog.ObjectID{v.ID(catalog.ClassTable, oid)}
			return false
		}
		ids = append(ids, v.ID(catalog.ClassTable, oid))
		return true
	})
	for _, id = range ids {
		key = catalogKey(catalog.DescriptorKey(id))
		out := make([]txn.Locked, 1)
		if err = t.Lock(ctx, []txn.LockRequest{{Key: key, Mode: lock.Update, Latest: true}}, lock.Wait, out); err != nil {
			return id, key, found, err
		}
		if found = out[0]; found.Version.Exists() {
			break
		}
	}
	return id, key, found, nil
}

// openFence opens one fence in every data group, for whichever transaction raised it.
func openFence(ctx context.Context, r Recovery, f fsm.FenceInfo, version topo.SchemaVersion) error {
	m := r.Replica.Current().SlotMap()
	if m == nil {
		return nil
	}
	groups := m.DataGroups()
	errs := make([]error, len(groups))
	var wg sync.WaitGroup
	for i, g := range groups {
		wg.Add(1)
		go func() {
			defer wg.Done()
			res, err := r.Groups(g).Propose(ctx, &fsm.Command{Fence: &fsm.Fence{
				Txn: f.Txn, Attempt: f.Attempt, Primary: f.Primary, Phase: fsm.FenceOpen,
				Tables: []topo.TableVersion{{Table: f.Table, Version: version}},
			}})
			if err == nil && res.Code != fsm.ResultOK {
				err = pgerr.Internal("a fence could not be opened: result %d", res.Code)
			}
			errs[i] = err
		}()
	}
	wg.Wait()
	return errors.Join(errs...)
}
