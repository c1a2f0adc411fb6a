package group

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/lni/dragonboat/v4"
	"github.com/lni/dragonboat/v4/config"
	sm "github.com/lni/dragonboat/v4/statemachine"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// GroupOptions start one replica.
type GroupOptions struct {
	ID      topo.GroupID
	Replica uint64 // this node's replica id in the group, from 1; a removed one never returns
	// Members are the initial members, replica id to raft address; nil: this replica alone. They count only at the
	// replica's first start, and not with Join.
	Members map[uint64]string
	Join    bool // the replica was added to a group that exists
	// NonVoting replicas have the data and no vote, until they are promoted. It counts only at the replica's first start:
	// from then on the log says what the replica is.
	NonVoting bool
	// BeforeStart sees the state before anything is applied to it, for State.Watch.
	BeforeStart func(*fsm.State)
	// Recovered is called after the state was replaced by another replica's snapshot, whose writes State.Watch does not
	// show. Nothing is applied meanwhile.
	Recovered func(*fsm.State)
}

// ErrReplicaLost says that what raft knows of a replica and what its state file has do not go together: one of them is
// missing, damaged or old. The replica cannot be started again. Where it has peers it is rebuilt: RemoveReplica at the
// leader, Host.RemoveReplicaData here, then a new replica id.
var ErrReplicaLost = errors.New("group: the replica's data is lost")

func lost(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrReplicaLost, fmt.Errorf(format, args...))
}

// StartGroup opens a replica's state and starts it. It does not wait for a leader: see Replica.WaitReady.
func (h *Host) StartGroup(o GroupOptions) (*Replica, error) {
	if o.Replica == 0 {
		o.Replica = 1
	}
	r, err := h.start(o)
	if err != nil {
		return nil, fmt.Errorf("group %d: %w", o.ID, err)
	}
	h.loop.Add(1)
	go r.launch()
	h.kick()
	return r, nil
}

// start starts a replica in the role that it has. Raft takes the role of a start as given: a voter that is started as
// non-voting never votes, unless the log that it replays promotes it; a learner that is started as a voter panics. What
// decides is the latest snapshot, which the log continues, and raft shows it only once the replica runs. So a replica that
// began as a learner (a marker file says so) is started as one, and, when its snapshot turns out to have it as a voter,
// stopped before it opened its state, and started anew.
func (h *Host) start(o GroupOptions) (*Replica, error) {
	known := h.nh.HasNodeInfo(uint64(o.ID), o.Replica)
	marker := h.dir.learnerFile(o.ID, o.Replica)
	if known {
		_, err := os.Stat(marker)
		o.NonVoting, o.Join, o.Members = err == nil, false, nil // raft has its own record
	} else if o.NonVoting {
		if err := WriteFileDurably(marker, nil); err != nil {
			return nil, err
		}
	}
	for {
		r, promoted, err := h.startAs(o, known)
		if err != nil || !promoted {
			return r, err
		}
		if err := os.Remove(marker); err != nil {
			return nil, err
		}
		o.NonVoting = false
	}
}

// startAs starts a replica as voter or not. promoted says that it was stopped again, since it is a voter by now.
func (h *Host) startAs(o GroupOptions, known bool) (r *Replica, promoted bool, err error) {
	state, err := h.openState(o, known)
	if err != nil {
		return nil, false, err
	}
	r = newReplica(h, o, state)
	h.mu.Lock()
	if h.groups[o.ID] != nil {
		h.mu.Unlock()
		state.Close()
		return nil, false, errors.New("started already")
	}
	h.groups[o.ID] = r
	h.mu.Unlock()
	settled := make(chan struct{})
	create := func(uint64, uint64) sm.IOnDiskStateMachine { return &machine{r: r, settled: settled} }
	if err := h.nh.StartOnDiskReplica(h.initialMembers(o, known), o.Join, create, h.groupConfig(o)); err != nil {
		h.forget(r)
		state.Close()
		return nil, false, err
	}
	promoted, err = h.inspect(o, state)
	if err == nil && !promoted {
		if o.BeforeStart != nil {
			o.BeforeStart(state)
		}
		close(settled)
		return r, false, nil
	}
	h.forget(r)
	r.end()
	return nil, promoted, errors.Join(err, h.stopRaft(r))
}

// inspect compares what raft has of a replica, whose state is not open to it yet, with how it was started.
func (h *Host) inspect(o GroupOptions, state *fsm.State) (promoted bool, err error) {
	log, err := h.nh.GetLogReader(uint64(o.ID))
	if err != nil {
		return false, err
	}
	ss := log.Snapshot()
	if at := state.AppliedIndex(); ss.OnDiskIndex > at {
		return false, lost("the state file is at index %d, raft's snapshot at %d", at, ss.OnDiskIndex)
	}
	_, voter := ss.Membership.Addresses[o.Replica]
	return o.NonVoting && voter, nil
}

// initialMembers are those that a group begins with. A restart is told neither members nor to join.
func (h *Host) initialMembers(o GroupOptions, known bool) map[uint64]dragonboat.Target {
	members := map[uint64]dragonboat.Target{}
	if known || o.Join {
		return members
	}
	for id, a := range o.Members {
		members[id] = a
	}
	if len(members) == 0 {
		members[o.Replica] = h.nh.RaftAddress()
	}
	return members
}

// openState opens the state file, or creates it for a replica that raft does not know.
func (h *Host) openState(o GroupOptions, known bool) (*fsm.State, error) {
	path := h.dir.stateFile(o.ID, o.Replica)
	if _, err := os.Stat(path); known && errors.Is(err, os.ErrNotExist) {
		return nil, lost("its state file %s is missing", path)
	}
	state, err := fsm.Open(path, h.cfg.State)
	if fsm.IsCorrupt(err) {
		return nil, lost("its state file: %w", err)
	}
	if err != nil {
		return nil, err
	}
	if known {
		return state, nil
	}
	if at := state.AppliedIndex(); at > 0 {
		state.Close()
		return nil, lost("its state file is at index %d, and raft's log of it is missing", at)
	}
	// Raft is about to record the replica durably; the file's name has to be there after a power loss, too.
	if err := SyncDir(h.cfg.Dir); err != nil {
		state.Close()
		return nil, err
	}
	return state, nil
}

func (h *Host) groupConfig(o GroupOptions) config.Config {
	return config.Config{
		ReplicaID: o.Replica, ShardID: uint64(o.ID), CheckQuorum: true, PreVote: true,
		ElectionRTT: 20, HeartbeatRTT: 2,
		OrderedConfigChange: true, IsNonVoting: o.NonVoting,
		SnapshotEntries: h.cfg.SnapshotEntries, CompactionOverhead: h.cfg.SnapshotEntries / 10,
	}
}

// forget takes a replica out of the host's list.
func (h *Host) forget(r *Replica) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.groups[r.id] == r {
		delete(h.groups, r.id)
	}
}

const (
	stopTimeout   = 20 * time.Second
	removeTimeout = 30 * time.Second
)

// StopGroup stops this node's replica of a group, after it handed the lease over if it has it and can. With removeData
// everything of the replica is deleted: it must have been removed from the group before, or the group counts on a voter
// that forgot its votes. The group can then be started again, under a new replica id.
func (h *Host) StopGroup(id topo.GroupID, removeData bool) error {
	r := h.Replica(id)
	if r == nil {
		return fmt.Errorf("group %d: not started", id)
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTransfer)
	r.transferAway(ctx)
	cancel()
	r.close()
	if !removeData {
		if err := r.state.Flush(context.Background()); err != nil {
			r.log.Warn("not flushed; the log has everything", "error", err)
		}
	}
	h.forget(r)
	if err := h.stopRaft(r); err != nil {
		return fmt.Errorf("group %d: %w", id, err)
	}
	if !removeData {
		return nil
	}
	return h.RemoveReplicaData(id, r.replica)
}

// stopRaft stops raft's part of a replica and waits until it has closed the state. It may be stopped already: raft stops a
// replica that applies its own removal.
func (h *Host) stopRaft(r *Replica) error {
	err := h.nh.StopReplica(uint64(r.id), r.replica)
	if err != nil && !errors.Is(err, dragonboat.ErrShardNotFound) {
		return err
	}
	select {
	case <-r.closed:
		return nil
	case <-time.After(stopTimeout):
		return errors.New("raft does not let go of the replica")
	}
}

// RemoveReplicaData deletes what is left of a replica that does not run: one that is lost, or was stopped. The rules are
// StopGroup's.
func (h *Host) RemoveReplicaData(id topo.GroupID, replica uint64) error {
	if r := h.Replica(id); r != nil && r.replica == replica {
		return fmt.Errorf("group %d: replica %d is running", id, replica)
	}
	ctx, cancel := context.WithTimeout(context.Background(), removeTimeout)
	defer cancel()
	for {
		// Not SyncRemoveData: it panics while the engine still has a replica that was stopped a moment ago.
		err := h.nh.RemoveData(uint64(id), replica)
		if err == nil {
			break
		}
		if ctx.Err() != nil || errors.Is(err, dragonboat.ErrClosed) {
			return fmt.Errorf("group %d: raft's data of replica %d: %w", id, replica, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	state := h.dir.stateFile(id, replica)
	for _, name := range []string{state, state + ".recover", h.dir.learnerFile(id, replica)} {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return SyncDir(h.cfg.Dir)
}
