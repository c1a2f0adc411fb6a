package group

import (
	"context"
	"errors"
	"fmt"

	"github.com/lni/dragonboat/v4"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Begin starts a group whose only member is this node's replica, and waits until it serves. Its state file, if there is one,
// was written by fsm.State.Rewrite: what the group begins with is in no log. So before another replica is added, Compact has
// to leave nothing of the log's beginning: a replica that got all entries would lack what came before them.
func (h *Host) Begin(ctx context.Context, id topo.GroupID, replica uint64) (*Replica, error) {
	r, err := h.StartGroup(GroupOptions{ID: id, Replica: replica})
	if err != nil {
		return nil, err
	}
	if err := r.WaitReady(ctx); err != nil {
		return nil, fmt.Errorf("group %d: %w", id, err)
	}
	return r, nil
}

// Compact makes a snapshot now, and gives up the log up to it: who has less gets the snapshot.
func (r *Replica) Compact(ctx context.Context) error {
	at, err := r.host.nh.SyncRequestSnapshot(ctx, uint64(r.id), dragonboat.SnapshotOption{OverrideCompactionOverhead: true})
	if err == nil && at == 0 {
		err = errors.New("raft made none")
	}
	if err != nil {
		return fmt.Errorf("group %d: snapshot: %w", r.id, err)
	}
	return nil
}
