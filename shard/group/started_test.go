package group

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// threeGroups returns a node with three data groups that are ready.
func threeGroups(t *testing.T) (*node, []*Replica) {
	n := open(t, t.TempDir(), nil)
	groups := []*Replica{n.g}
	for id := testGroup + 1; id < testGroup+3; id++ {
		g, err := n.StartGroup(GroupOptions{ID: id})
		if err != nil {
			t.Fatal(err)
		}
		ready, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		if err := g.WaitReady(ready); err != nil {
			t.Fatal(err)
		}
		groups = append(groups, g)
	}
	return n, groups
}

// gather proposes one command to each group, all at the same time.
func gather(ctx context.Context, groups []*Replica, cmd func(i int) *fsm.Command) []rpc.Call {
	calls := make([]rpc.Call, len(groups))
	for i, g := range groups {
		calls[i] = rpc.Call{Group: g, Propose: cmd(i)}
	}
	rpc.Gather(ctx, calls)
	return calls
}

// nothingUnderWay looks for what proposals leave behind that are over.
func nothingUnderWay(t *testing.T, groups []*Replica) {
	t.Helper()
	for i, g := range groups {
		if n := g.reads.all.n.Load(); n != 0 {
			t.Errorf("group %d: %d prepares in flight", i, n)
		}
		if n := g.calls.Load(); n != 0 {
			t.Errorf("group %d: %d calls", i, n)
		}
		if n := g.ending.Load(); n != 0 {
			t.Errorf("group %d: %d transactions are ending", i, n)
		}
		if !g.proposer.idle() {
			t.Errorf("group %d: the proposer is busy", i)
		}
	}
}

func TestProposalsToSeveralGroupsAreAnsweredEach(t *testing.T) {
	n, groups := threeGroups(t)
	var clients sync.WaitGroup
	for c := range 8 {
		clients.Go(func() {
			for round := range 20 {
				txn, ts := n.txn(), n.now(t)
				k := fmt.Sprintf("%d/%d", c, round)
				for _, g := range groups {
					if _, err := g.Lock(ctx, &rpc.LockRequest{Txn: txn, Keys: [][]byte{key(k)}, Modes: []lock.Mode{lock.Update}}); err != nil {
						t.Error(err)
						return
					}
				}
				ids := []topo.GroupID{testGroup, testGroup + 1, testGroup + 2}
				calls := gather(ctx, groups, func(i int) *fsm.Command {
					p := &fsm.Prepare{Txn: txn, Attempt: 1, Primary: testGroup, StartTS: ts, MinTS: ts,
						Items: []fsm.Item{{Kind: fsm.ItemPut, Mode: lock.Update, Key: key(k), Value: []byte(k), SeenAbsent: true}}}
					if i == 0 {
						p.Participants = ids
					}
					return &fsm.Command{Prepare: p}
				})
				at := ts
				for i := range calls {
					if calls[i].Err != nil || calls[i].Result.Code != fsm.ResultPrepared {
						t.Errorf("prepare in group %d: %+v, %v", i, calls[i].Result, calls[i].Err)
						return
					}
					at = max(at, calls[i].Result.TS)
				}
				calls = gather(ctx, groups, func(i int) *fsm.Command {
					if i == 0 {
						return &fsm.Command{Commit: &fsm.CommitRecord{Txn: txn, Attempt: 1, TS: at}}
					}
					return &fsm.Command{Resolve: &fsm.Resolve{Txn: txn, Attempt: 1, Commit: true, TS: at, Final: true}}
				})
				for i := range calls {
					if calls[i].Err != nil || calls[i].Result.Code != fsm.ResultCommitted {
						t.Errorf("end in group %d: %+v, %v", i, calls[i].Result, calls[i].Err)
					}
					if groups[i].locks.Holds(txn) {
						t.Errorf("group %d keeps the locks of a transaction that has ended", i)
					}
				}
			}
		})
	}
	clients.Wait()
	nothingUnderWay(t, groups)
}

// A group that refuses, or a caller that leaves, has no effect on what the other groups answer, and leaves nothing behind.
func TestProposalsToSeveralGroupsFailEachByItself(t *testing.T) {
	n, groups := threeGroups(t)
	prepare := func(size int) *fsm.Command {
		return n.put(n.txn(), n.now(t), string(make([]byte, size)), fmt.Sprint("k", n.seq.Load()))
	}
	calls := gather(ctx, groups, func(i int) *fsm.Command {
		if i == 1 {
			return prepare(MaxCommandBytes)
		}
		return prepare(10)
	})
	var e *rpc.Error
	if err := calls[1].Err; !errors.As(err, &e) || e.Code != rpc.ErrNotProposed {
		t.Errorf("too large a command: %v", err)
	}
	for _, i := range []int{0, 2} {
		if calls[i].Err != nil || calls[i].Result.Code != fsm.ResultCommitted {
			t.Errorf("group %d: %+v, %v", i, calls[i].Result, calls[i].Err)
		}
	}
	nothingUnderWay(t, groups)

	gone, cancel := context.WithCancel(ctx)
	cancel()
	for i, c := range gather(gone, groups, func(int) *fsm.Command { return prepare(10) }) {
		if c.Err == nil && c.Result.Code != fsm.ResultCommitted {
			t.Errorf("group %d answers a caller that has left: %+v", i, c.Result)
		}
	}
	for i, g := range groups {
		if res, err := g.Propose(ctx, prepare(10)); err != nil || res.Code != fsm.ResultCommitted {
			t.Errorf("group %d, after a caller has left: %+v, %v", i, res, err)
		}
	}
	nothingUnderWay(t, groups)
}
