package txn

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Recovery. Whoever meets a prepare that does not go away asks the primary of its attempt:
//
//	committed    resolve it so
//	aborted      resolve it so
//	unknown      the primary lacks the prepare: forbid it there, then it is aborted
//	prepared     ask every participant the same; one that lacks the prepare forbids it, and the attempt is aborted;
//	             if none lacks it, the attempt is committed at the greatest minimum: record that at the primary first
//
// The prepared state of a participant cannot be taken back by anyone but a resolve, and a resolve follows a decision; so
// two who recover the same attempt at once, or beside its coordinator, come to the same end.
//
// Once an attempt was resolved everywhere, forgotten and passed by the horizon, it is unknown again, and reads as aborted.
// That is right for resolving what is still prepared, since nothing is, and says nothing about what happened. Who needs to
// know that, the coordinator, keeps the horizon below its commit until it knows (commit.go).

// Recover decides an attempt and resolves it in the groups that are known to take part. The answer's Code is
// OutcomeCommitted, with TS, or OutcomeAborted; the caller resolves its own group by it. Safe at any time, beside the
// coordinator too, but it aborts a transaction whose prepares are still on their way: call it for what is stuck.
func (m *Manager) Recover(ctx context.Context, txn topo.TxnID, attempt topo.Attempt, primary topo.GroupID) (rpc.OutcomeResponse, error) {
	pg := m.cfg.Groups(primary)
	out, err := m.forbid(ctx, pg, txn, attempt)
	if err != nil {
		return out, err
	}
	switch out.Code {
	case rpc.OutcomeCommitted:
		if groups := m.groupsOf(out.Participants); len(groups) > 0 {
			err = m.finish(ctx, txn, attempt, primary, groups, out.TS)
		}
		return out, err
	case rpc.OutcomeAborted:
		return out, m.abort(ctx, txn, attempt, primary, out.Participants)
	}
	return m.recoverPrepared(ctx, txn, attempt, primary, out)
}

// recoverPrepared decides an attempt whose primary holds its prepare.
func (m *Manager) recoverPrepared(ctx context.Context, txn topo.TxnID, attempt topo.Attempt, primary topo.GroupID, at rpc.OutcomeResponse) (rpc.OutcomeResponse, error) {
	ts := at.TS
	for _, id := range at.Participants {
		if id == primary {
			continue
		}
		out, err := m.forbid(ctx, m.cfg.Groups(id), txn, attempt)
		if err != nil {
			return at, err
		}
		switch out.Code {
		case rpc.OutcomeCommitted:
			// Resolved already, so the record was there; the primary's own state is about to show it.
			err = m.finish(ctx, txn, attempt, primary, m.groupsOf(at.Participants), out.TS)
			return rpc.OutcomeResponse{Code: rpc.OutcomeCommitted, TS: out.TS, Primary: primary, Participants: at.Participants}, err
		case rpc.OutcomeAborted:
			return rpc.OutcomeResponse{Code: rpc.OutcomeAborted, Primary: primary, Participants: at.Participants}, m.abort(ctx, txn, attempt, primary, at.Participants)
		}
		ts = max(ts, out.TS)
	}
	err := m.finish(ctx, txn, attempt, primary, m.groupsOf(at.Participants), ts)
	return rpc.OutcomeResponse{Code: rpc.OutcomeCommitted, TS: ts, Primary: primary, Participants: at.Participants}, err
}

// forbid reports what a group knows of an attempt, making sure that it knows something: an attempt unknown to it gets a
// tombstone. The answer's Code is never OutcomeUnknown.
func (m *Manager) forbid(ctx context.Context, g rpc.Group, txn topo.TxnID, attempt topo.Attempt) (rpc.OutcomeResponse, error) {
	out, err := g.Outcome(ctx, txn, attempt)
	if err != nil {
		return rpc.OutcomeResponse{}, err
	}
	if out.Code != rpc.OutcomeUnknown {
		return *out, nil
	}
	ts, err := m.timestamp(ctx)
	if err != nil {
		return rpc.OutcomeResponse{}, err
	}
	res, err := m.propose(ctx, g, &fsm.Command{Tombstone: &fsm.Tombstone{Txn: txn, Attempt: attempt, TS: ts}})
	if err != nil {
		return rpc.OutcomeResponse{}, err
	}
	switch res.Code {
	case fsm.ResultAborted, fsm.ResultOK:
		return rpc.OutcomeResponse{Code: rpc.OutcomeAborted}, nil
	case fsm.ResultCommitted:
		// It has arrived, and has been resolved, in between: the group knows the rest.
		out, err = g.Outcome(ctx, txn, attempt)
		if err != nil {
			return rpc.OutcomeResponse{}, err
		}
		return rpc.OutcomeResponse{Code: rpc.OutcomeCommitted, TS: res.TS, Primary: out.Primary, Participants: out.Participants}, nil
	case fsm.ResultPrepared:
		out, err = g.Outcome(ctx, txn, attempt)
		if err != nil {
			return rpc.OutcomeResponse{}, err
		}
		if out.Code != rpc.OutcomeUnknown {
			return *out, nil
		}
	}
	return rpc.OutcomeResponse{}, &rpc.Error{Code: rpc.ErrAmbiguous, Detail: "a group neither holds nor forbids the attempt"}
}

// abort resolves an attempt that has a tombstone as aborted in its participants. The primary comes last: as long as it
// holds its prepare, it can tell who takes part.
func (m *Manager) abort(ctx context.Context, txn topo.TxnID, attempt topo.Attempt, primary topo.GroupID, participants []topo.GroupID) error {
	others := m.groupsOf(slices.DeleteFunc(slices.Clone(participants), func(id topo.GroupID) bool { return id == primary }))
	// A group that the prepare has not reached keeps it forbidden until the horizon has passed this timestamp, which is after
	// the attempt's start: then the prepare is refused for its age.
	ts, err := m.timestamp(ctx)
	if err != nil {
		return err
	}
	cmd := &fsm.Command{Resolve: &fsm.Resolve{Txn: txn, Attempt: attempt, TS: ts}}
	_, err = proposeEverywhere(ctx, others, cmd)
	if err != nil || len(participants) == 0 {
		return err
	}
	if _, err = m.propose(ctx, m.cfg.Groups(primary), cmd); err != nil {
		return err
	}
	m.forget(txn, attempt, m.groupsOf(participants))
	return nil
}

func (m *Manager) groupsOf(ids []topo.GroupID) []rpc.Group {
	groups := make([]rpc.Group, 0, len(ids))
	for _, id := range ids {
		groups = append(groups, m.cfg.Groups(id))
	}
	return groups
}

// RecoverStuck is Recover for a leaseholder that does not resolve its own group by the answer: when the attempt is aborted
// and its participants are not known, because the primary never had its prepare, all groups are asked who holds it.
func (m *Manager) RecoverStuck(ctx context.Context, txn topo.TxnID, attempt topo.Attempt, primary topo.GroupID) error {
	out, err := m.Recover(ctx, txn, attempt, primary)
	if err != nil || len(out.Participants) > 0 || m.cfg.AllGroups == nil {
		return err
	}
	ids := m.cfg.AllGroups()
	return parallel(len(ids), func(i int) error {
		g := m.cfg.Groups(ids[i])
		held, err := g.Outcome(ctx, txn, attempt)
		if err != nil || held.Code != rpc.OutcomePrepared {
			return err
		}
		_, err = m.propose(ctx, g, &fsm.Command{Resolve: &fsm.Resolve{
			Txn: txn, Attempt: attempt, Commit: out.Code == rpc.OutcomeCommitted, TS: out.TS}})
		return err
	})
}

// recoverAt recovers an attempt whose prepare was met in g, and resolves it there. Failures leave it for the next who
// meets it.
func (m *Manager) recoverAt(ctx context.Context, g rpc.Group, txn topo.TxnID, attempt topo.Attempt, primary topo.GroupID) {
	out, err := m.Recover(ctx, txn, attempt, primary)
	if err != nil {
		return
	}
	_, _ = m.propose(ctx, g, &fsm.Command{Resolve: &fsm.Resolve{
		Txn: txn, Attempt: attempt, Commit: out.Code == rpc.OutcomeCommitted, TS: out.TS}})
}

// noAttempt is before every attempt: a resolve of it touches no prepare.
const noAttempt topo.Attempt = 0

// AbortProvisional drops what a transaction of a dead coordinator has sent ahead to a group and not prepared there. Only
// for a coordinator whose liveness epoch is over: a live one would find its operations gone. A prepare of the transaction
// in the group is not touched, nor are the operations that it holds: that is for Recover, which knows whether it committed.
func (m *Manager) AbortProvisional(ctx context.Context, group topo.GroupID, txn topo.TxnID) error {
	_, err := m.propose(ctx, m.cfg.Groups(group), &fsm.Command{Resolve: &fsm.Resolve{Txn: txn, Attempt: noAttempt, Final: true}})
	return err
}
