package group

import (
	"context"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// What a read was planned against. A plan names the versions of its tables, and a read at a snapshot may go by a version
// for as long as the snapshot does not see a later one: a SELECT of an hour outlives the CREATE INDEX beside it. Nor may it
// see rows of a schema change without its schema. Table locks keep nearly all of this from happening, but they are
// behaviour, not safety: those of a node that was declared dead are dropped, whatever its transactions have become.
//
//   - While a fence is up, the version before it is admitted until the group knows that the change is committed at or below
//     the snapshot. From then on readers wait until the fence is opened: the node that does it has the change's outcome.
//   - Once it is open, an older version is admitted where the catalog had no later one at the snapshot. The node's replica of
//     the catalog knows: it has the version that the group admits, or is waited for until it has.
//   - Reads of the latest versions are admitted by the latest schema only.
//
// A change may be resolved while a read is under way; so it is asked again what a read was admitted by when it has ended.

// admit returns once a read at ts may go by these versions, or an error that says that it may not.
func (r *Replica) admit(ctx context.Context, tables []topo.TableVersion, ts topo.Timestamp) error {
	for _, tv := range tables {
		if err := r.admitTable(ctx, tv, ts); err != nil {
			return err
		}
	}
	return nil
}

// stillAdmitted is admit for what has been read since the state's schema mark was taken.
func (r *Replica) stillAdmitted(ctx context.Context, tables []topo.TableVersion, ts topo.Timestamp, mark uint64) error {
	if now := r.state.SchemaMark(); now == mark && now&1 == 0 {
		return nil
	}
	return r.admit(ctx, tables, ts)
}

func (r *Replica) admitTable(ctx context.Context, tv topo.TableVersion, ts topo.Timestamp) error {
	for {
		now := r.state.TableSchema(tv.Table, ts)
		if tv.Version < now.Version && !r.sawNoLater(ctx, tv, now.Version, ts) {
			if now.Fence == nil {
				return &rpc.Error{Code: rpc.ErrTableVersion, Table: tv.Table, Detail: "planned against another schema version"}
			}
		} else if now.Fence == nil || tv.Version >= now.Fence.Version || !now.Published {
			return nil
		}
		// The schema change ends one way or the other, and is helped to if its coordinator does not.
		p := &fsm.Pending{Txn: now.Fence.Txn, Attempt: now.Fence.Attempt, Primary: now.Fence.Primary}
		err := r.awaitPending(ctx, p, func() (bool, error) {
			again := r.state.TableSchema(tv.Table, ts).Fence
			return again != nil && again.Txn == p.Txn, nil
		})
		if err != nil {
			return err
		}
	}
}

// sawNoLater reports whether a read at ts saw no later version of the table than its plan's. The group admits version
// known.
func (r *Replica) sawNoLater(ctx context.Context, tv topo.TableVersion, known topo.SchemaVersion, ts topo.Timestamp) bool {
	at := r.host.bindings.Load().SchemaAt
	if latest(ts) || at == nil {
		return false
	}
	v, err := at(ctx, tv.Table, known, ts)
	return err == nil && v <= tv.Version
}
