package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

func unavailable(detail string) error { return &rpc.Error{Code: rpc.ErrUnavailable, Detail: detail} }

type actorKey struct{}

// withActor names the client on whose behalf calls are made, so that the labels of its steps are its own.
func withActor(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, actorKey{}, name)
}

func actor(ctx context.Context) string {
	name, _ := ctx.Value(actorKey{}).(string)
	return name
}

// client is a gateway's view of a group: it looks for the leaseholder, and every call is a message out and a message back.
// It keeps nothing between calls (shard/rpc.Router remembers who answered): two calls that go on at the same moment of
// virtual time must not take turns by chance.
type client struct {
	g *Group
	n *Node
}

// patience is how long a call looks for a leaseholder.
const patience = 10 * leaseDuration

// ID implements rpc.Group.
func (cl *client) ID() topo.GroupID { return cl.g.id }

// call runs f at one node after the other until one serves. always says that a node that does not answer is passed over,
// too: the call has no effects, or none that a second one would add to.
func (cl *client) call(ctx context.Context, what string, always bool, f func(s *seat, ft fate) error) error {
	to := cl.n.holderOf(cl.g)
	for began, tries := time.Now(), 1; ; tries++ {
		s, ft, err := cl.n.deliver(ctx, to, cl.g, what)
		if err == nil {
			err = f(s, ft)
		}
		next := topo.NodeID(0)
		var e *rpc.Error
		switch {
		case err == nil || !errors.As(err, &e):
			return err
		case e.Code == rpc.ErrNotLeaseholder:
			next = e.Holder
		case e.Code != rpc.ErrUnavailable || !always:
			return err
		}
		if time.Since(began) > patience {
			return unavailable("no leaseholder")
		}
		if next == 0 || next == to {
			next = to%topo.NodeID(len(cl.n.c.machines)) + 1
		}
		to = next
		if tries%3 == 0 && !sleep(ctx, cl.n.dead, 3*time.Millisecond) {
			return cl.n.gone(ctx)
		}
	}
}

// gone is how the calls of a dead node end. Those of its own clients have a context that has ended with it; what it did on
// behalf of others gets an error, after a while, so that nothing of it goes round in circles.
func (n *Node) gone(ctx context.Context) error {
	timer := time.NewTimer(30 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-n.c.runCtx.Done():
	case <-timer.C:
	}
	return unavailable("the node is dead")
}

// deliver is a message from a node to the group's replica at another one, or at itself. A dead node's messages go nowhere.
func (n *Node) deliver(ctx context.Context, to topo.NodeID, g *Group, what string) (*seat, fate, error) {
	if n.isDead() {
		return nil, fate{}, n.gone(ctx)
	}
	c := n.c
	f, err := c.sched.wait(ctx, place{on: [2]*machine{n.m, c.machines[to-1]}, dead: n.dead}, "n%d.%d%s n%d g%d %s", n.id, n.epoch, actor(ctx), to, g.id, what)
	if err == errDead {
		return nil, f, n.gone(ctx)
	}
	if err != nil {
		return nil, f, callError(err)
	}
	if to == n.id {
		f.lost, f.answerLost = false, false
	} else if g.cut() {
		f.answerLost = true
		f.lost = f.lost || f.coin
	}
	s := c.seat(g, to)
	if f.lost || s == nil {
		return nil, f, unavailable("lost")
	}
	return s, f, nil
}

// Get implements rpc.Group.
func (cl *client) Get(ctx context.Context, req *rpc.GetRequest) (resp *rpc.GetResponse, err error) {
	err = cl.call(ctx, fmt.Sprintf("get %x", req.Keys[0]), true, func(s *seat, _ fate) (err error) {
		resp, err = s.get(ctx, req)
		return err
	})
	return resp, err
}

// Scan implements rpc.Group.
func (cl *client) Scan(ctx context.Context, req *rpc.ScanRequest) (resp *rpc.ScanResponse, err error) {
	err = cl.call(ctx, fmt.Sprintf("scan %x %x", req.Lo, req.Hi), true, func(s *seat, _ fate) (err error) {
		resp, err = s.scan(ctx, req)
		return err
	})
	return resp, err
}

// Lock implements rpc.Group.
func (cl *client) Lock(ctx context.Context, req *rpc.LockRequest) (resp *rpc.LockResponse, err error) {
	err = cl.call(ctx, fmt.Sprintf("lock %v %x", req.Txn, req.Keys[0]), true, func(s *seat, f fate) (err error) {
		if resp, err = s.lock(ctx, req); err == nil && f.answerLost {
			err = unavailable("answer lost")
		}
		return err
	})
	return resp, err
}

// Unlock implements rpc.Group.
func (cl *client) Unlock(ctx context.Context, req *rpc.UnlockRequest) error {
	return cl.call(ctx, fmt.Sprintf("unlock %v", req.Txn), true, func(s *seat, _ fate) error {
		s.unlock(req.Txn, req.Keys)
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.rule.mine {
			return s.notHolder() // the locks are at another node, if anywhere
		}
		return nil
	})
}

// Outcome implements rpc.Group.
func (cl *client) Outcome(ctx context.Context, txn topo.TxnID, attempt topo.Attempt) (resp *rpc.OutcomeResponse, err error) {
	err = cl.call(ctx, fmt.Sprintf("outcome %v/%d", txn, attempt), true, func(s *seat, _ fate) (err error) {
		resp, err = s.outcome(ctx, txn, attempt)
		return err
	})
	return resp, err
}

// Propose implements rpc.Group: the request may be lost before it, doubled, or its answer lost. Only a replica that says
// that it did nothing, for want of the lease, makes it try another.
func (cl *client) Propose(ctx context.Context, cmd *fsm.Command) (res fsm.Result, err error) {
	c := cl.n.c
	if cmd.Fence != nil && c.faults.NoFence {
		return fsm.Result{Code: fsm.ResultOK}, nil
	}
	what := describe(cmd)
	err = cl.call(ctx, what, false, func(s *seat, f fate) (err error) {
		label := what + actor(ctx)
		if f.doubled {
			// A copy that arrives whenever it likes, even after its sender's death.
			late := *cmd
			if p := cmd.Prepare; p != nil { // the sender uses the memory of its items again
				prepare := *p
				prepare.Items = slices.Clone(p.Items)
				late.Prepare = &prepare
			}
			c.spawn(func() {
				if _, err := c.sched.wait(c.runCtx, place{on: [2]*machine{s.n.m}, dead: s.n.dead}, "late n%d g%d %s", s.n.id, s.g.id, label); err == nil {
					_, _ = s.propose(withActor(c.runCtx, actor(ctx)+" late"), &late, "late "+label)
				}
			})
		}
		if res, err = s.propose(ctx, cmd, label); err == nil && f.answerLost {
			res, err = fsm.Result{}, &rpc.Error{Code: rpc.ErrAmbiguous, Detail: "answer lost"}
		}
		return err
	})
	if e := (*rpc.Error)(nil); errors.As(err, &e) && e.Code == rpc.ErrUnavailable {
		err = &rpc.Error{Code: rpc.ErrAmbiguous, Detail: e.Detail}
	}
	if err == nil && cl.n.isDead() {
		err = cl.n.gone(ctx)
	}
	return res, err
}

func describe(c *fsm.Command) string {
	switch {
	case c.Prepare != nil:
		return fmt.Sprintf("prepare %v/%d", c.Prepare.Txn, c.Prepare.Attempt)
	case c.Provision != nil:
		return fmt.Sprintf("provision %v %d", c.Provision.Txn, c.Provision.Ops[0].Seq)
	case c.Commit != nil:
		return fmt.Sprintf("record %v/%d at %d", c.Commit.Txn, c.Commit.Attempt, c.Commit.TS)
	case c.Resolve != nil:
		return fmt.Sprintf("resolve %v/%d %v at %d", c.Resolve.Txn, c.Resolve.Attempt, c.Resolve.Commit, c.Resolve.TS)
	case c.Tombstone != nil:
		return fmt.Sprintf("tombstone %v/%d", c.Tombstone.Txn, c.Tombstone.Attempt)
	case c.Forget != nil:
		return fmt.Sprintf("forget %v", c.Forget.Attempts)
	case c.Fence != nil:
		tables := slices.Clone(c.Fence.Tables) // they come in no order
		slices.SortFunc(tables, func(a, b topo.TableVersion) int { return int(a.Table) - int(b.Table) })
		return fmt.Sprintf("fence %v phase %d tables %v", c.Fence.Txn, c.Fence.Phase, tables)
	case c.Horizon != nil:
		return fmt.Sprintf("horizon %d", c.Horizon.TS)
	case c.Lease != nil:
		return fmt.Sprintf("lease %d of n%d", c.Lease.Epoch, c.Lease.Holder)
	}
	return "command"
}

// NextSequenceValues implements rpc.Group.
func (cl *client) NextSequenceValues(ctx context.Context, req *rpc.SequenceRequest) (*rpc.SequenceResponse, error) {
	return nil, unavailable("not simulated")
}
