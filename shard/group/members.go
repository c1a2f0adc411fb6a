package group

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lni/dragonboat/v4"

	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Membership is who belongs to a group, as its log says.
type Membership struct {
	// Voters and NonVoting have the raft address of each replica id.
	Voters, NonVoting map[uint64]string
	// Removed are the ids that never come back, sorted.
	Removed []uint64
	// ConfigChangeID grows with every change.
	ConfigChangeID uint64
}

// The errors of membership changes that trying again does not mend.
var (
	ErrReplicaRemoved = errors.New("group: the replica id was removed, and ids are never used again")
	ErrAddressInUse   = errors.New("group: another replica of the group has this address")
	ErrNotLearner     = errors.New("group: not a non-voting replica with this address")
	ErrLastVoter      = errors.New("group: the last voter cannot be removed")
	ErrRemoveSelf     = errors.New("group: a replica does not remove itself: transfer the lease first")
)

// members is what this replica knows of its group's membership without asking anybody: what it has applied.
type members struct {
	voters map[uint64]string
	change uint64 // the index of the last change
}

// alone reports whether replica is the only voter.
func (m *members) alone(replica uint64) bool {
	if m == nil || len(m.voters) != 1 {
		return false
	}
	_, ok := m.voters[replica]
	return ok
}

// changeTry bounds one try of a membership change, or of the look before it.
const changeTry = 2 * time.Second

// Membership asks raft who belongs to the group.
func (r *Replica) Membership(ctx context.Context) (Membership, error) {
	for {
		m, err := r.membership(ctx)
		if err == nil || !r.again(ctx, err) {
			return m, err
		}
	}
}

func (r *Replica) membership(ctx context.Context) (Membership, error) {
	ctx, cancel := context.WithTimeout(ctx, changeTry)
	defer cancel()
	m, err := r.host.nh.SyncGetShardMembership(ctx, uint64(r.id))
	if err != nil {
		return Membership{}, err
	}
	out := Membership{Voters: m.Nodes, NonVoting: m.NonVotings, ConfigChangeID: m.ConfigChangeID}
	for id := range m.Removed {
		out.Removed = append(out.Removed, id)
	}
	slices.Sort(out.Removed)
	return out, nil
}

// again waits a little before another try; false when there is none to be.
func (r *Replica) again(ctx context.Context, err error) bool {
	switch {
	case errors.Is(err, dragonboat.ErrClosed), errors.Is(err, dragonboat.ErrShardNotFound), errors.Is(err, dragonboat.ErrInvalidAddress):
		return false
	case r.closing.Load(), ctx.Err() != nil:
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-r.stopped:
		return false
	case <-time.After(20 * time.Millisecond):
		return true
	}
}

// change brings a membership change about: done looks at the membership and says whether nothing is left to do, or that it
// cannot be done; propose asks raft, naming the membership that it was decided on. Raft refuses it if another change came
// in between (OrderedConfigChange), and drops it while another is under way: then it is looked at anew.
func (r *Replica) change(ctx context.Context, what string, replica uint64, done func(*Membership) (bool, error),
	propose func(ctx context.Context, id uint64) error) error {
	for {
		m, err := r.Membership(ctx)
		if err == nil {
			var ok bool
			if ok, err = done(&m); ok || err != nil {
				return err
			}
			try, cancel := context.WithTimeout(ctx, changeTry)
			err = propose(try, m.ConfigChangeID)
			cancel()
			r.log.Info("membership", "change", what, "replica", replica, "error", err)
			if err == nil {
				r.host.lookAtMembers()
				return nil
			}
		}
		if !r.again(ctx, err) {
			return fmt.Errorf("group %d: %s replica %d: %w", r.id, what, replica, err)
		}
	}
}

// AddNonVoting makes a replica a learner: it gets the data and has no vote. The node at the address then starts it with
// Join and NonVoting. Like the other changes it runs on any voter, best on raft's leader, may be repeated, and ends with
// the context.
func (r *Replica) AddNonVoting(ctx context.Context, replica uint64, address string) error {
	return r.change(ctx, "add", replica, func(m *Membership) (bool, error) {
		return m.has(replica, address)
	}, func(ctx context.Context, id uint64) error {
		return r.host.nh.SyncRequestAddNonVoting(ctx, uint64(r.id), replica, address, id)
	})
}

// has reports whether the replica is a member at the address already, or can never be.
func (m *Membership) has(replica uint64, address string) (bool, error) {
	if slices.Contains(m.Removed, replica) {
		return false, ErrReplicaRemoved
	}
	for _, list := range []map[uint64]string{m.Voters, m.NonVoting} {
		for id, a := range list {
			switch {
			case id == replica && a == address:
				return true, nil
			case id == replica || a == address:
				return false, ErrAddressInUse
			}
		}
	}
	return false, nil
}

// Promote makes a learner a voter. It should have caught up before: a voter that lacks entries delays commits.
func (r *Replica) Promote(ctx context.Context, replica uint64, address string) error {
	return r.change(ctx, "promote", replica, func(m *Membership) (bool, error) {
		if m.Voters[replica] == address {
			return true, nil
		}
		if m.NonVoting[replica] != address {
			return false, ErrNotLearner
		}
		return false, nil
	}, func(ctx context.Context, id uint64) error {
		return r.host.nh.SyncRequestAddReplica(ctx, uint64(r.id), replica, address, id)
	})
}

// RemoveReplica takes a replica out of the group, for good. Its node then stops it with Host.StopGroup.
func (r *Replica) RemoveReplica(ctx context.Context, replica uint64) error {
	return r.change(ctx, "remove", replica, func(m *Membership) (bool, error) {
		_, voter := m.Voters[replica]
		_, learner := m.NonVoting[replica]
		switch {
		case !voter && !learner:
			return true, nil
		case voter && len(m.Voters) == 1:
			return false, ErrLastVoter
		case replica == r.replica:
			return false, ErrRemoveSelf
		}
		return false, nil
	}, func(ctx context.Context, id uint64) error {
		return r.host.nh.SyncRequestDeleteReplica(ctx, uint64(r.id), replica, id)
	})
}

// CaughtUp returns once this replica, a learner too, has applied everything that was committed when it was called.
func (r *Replica) CaughtUp(ctx context.Context) error {
	for {
		err := r.readIndex(ctx)
		if err == nil || ctx.Err() != nil || r.closing.Load() {
			return err
		}
	}
}

// RaftLeader returns the replica that leads the group as far as this one knows.
func (r *Replica) RaftLeader() (replica uint64, known bool) {
	leader, _, ok, err := r.host.nh.GetLeaderID(uint64(r.id))
	return leader, ok && err == nil
}

// Voters returns the replica ids and raft addresses of the voters as far as this replica has applied the log; nil when it
// has applied none of it yet. It must not be changed.
func (r *Replica) Voters() map[uint64]string {
	if m := r.members.Load(); m != nil {
		return m.voters
	}
	return nil
}

// nodeOf returns the node of a voter, 0 when it is not known.
func (r *Replica) nodeOf(replica uint64) topo.NodeID {
	if addr := r.Voters()[replica]; addr != "" && r.host.cfg.NodeAt != nil {
		return r.host.cfg.NodeAt(addr)
	}
	return 0
}

// lookAtMembers takes the memberships that were applied on this node to the replicas. It is cheap and asks nobody.
func (h *Host) lookAtMembers() {
	info := h.nh.GetNodeHostInfo(dragonboat.NodeHostInfoOption{SkipLogInfo: true})
	if info == nil {
		return
	}
	for i := range info.ShardInfoList {
		s := &info.ShardInfoList[i]
		r := h.Replica(topo.GroupID(s.ShardID))
		if r == nil || r.replica != s.ReplicaID || s.Pending {
			continue
		}
		if old := r.members.Load(); old != nil && old.change == s.ConfigChangeIndex && len(old.voters) == len(s.Replicas) {
			continue
		}
		r.members.Store(&members{voters: s.Replicas, change: s.ConfigChangeIndex})
		r.proposer.setLimit(len(s.Replicas))
	}
}

const (
	launchEvery = 5 * time.Millisecond
	launchFor   = 30 * time.Second
)

// launch sees a replica that was just started to a leader: the only voter of its group need not wait for an election
// timeout. Whether it is alone is known once it has applied what its log says of the membership; raft itself refuses to
// stand for election while it knows of more. With peers, elections and timeouts are the usual ones, from the first on.
func (r *Replica) launch() {
	defer r.host.loop.Done()
	for end := time.Now().Add(launchFor); time.Now().Before(end); time.Sleep(launchEvery) {
		select {
		case <-r.stopped:
			return
		case <-r.host.stopped:
			return
		default:
		}
		if _, known := r.RaftLeader(); known {
			return
		}
		r.host.lookAtMembers()
		if m := r.members.Load(); m.alone(r.replica) {
			r.host.wire.electAlone(r.id, r.replica)
		} else if m != nil && len(m.voters) > 1 {
			return
		}
	}
}

var errShuttingDown = fail(rpc.ErrUnavailable, "the group is shutting down")
