package group

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Lock implements rpc.Group. The keys are locked in the order given, and then read together. What was locked before an error
// stays locked until the transaction ends or unlocks it.
func (r *Replica) Lock(ctx context.Context, req *rpc.LockRequest) (*rpc.LockResponse, error) {
	r.metrics.Locks.Add(uint64(len(req.Keys)))
	if _, err := r.confirm(ctx); err != nil {
		return nil, err
	}
	mark := r.state.SchemaMark()
	if err := r.admit(ctx, req.Tables, topo.MaxTimestamp); err != nil {
		return nil, err
	}
	resp := &rpc.LockResponse{Versions: make([]rpc.Version, len(req.Keys))}
	opt := lock.Options{Policy: req.Policy, Timeout: time.Duration(req.LockTimeoutMS) * time.Millisecond,
		OnWait: req.WaitStarted}
	for i, key := range req.Keys {
		waited, err := r.acquireKey(ctx, req, i, &opt)
		if waited {
			resp.Waited = true
			opt.OnWait = nil
		}
		if err == nil && ctx.Err() != nil {
			// Nobody waits for the answer any more. Whoever gave it up has asked to unlock, or will: what asked before this
			// grant has not unlocked it, and what asks after it has ended the call first.
			r.locks.ReleaseMode(req.Txn, key, req.Modes[i])
			return nil, context.Cause(ctx)
		}
		if err == lock.ErrNotAvailable && (req.Policy == lock.SkipLocked || req.Policy == lock.WaitIfExists) {
			if resp.Skipped == nil {
				resp.Skipped = make([]bool, len(req.Keys))
			}
			resp.Skipped[i] = true
			continue
		}
		if err != nil {
			return nil, lockError(err, key)
		}
		if req.Policy == lock.Probe {
			// What is not kept must not be in the way while the next key is waited for.
			if err := r.stillLatest(ctx, waited); err != nil {
				return nil, err
			}
			if err := r.readLocked(ctx, req, i, resp); err != nil {
				return nil, err
			}
			r.locks.ReleaseMode(req.Txn, key, req.Modes[i])
		}
	}
	if req.Policy != lock.Probe {
		if err := r.stillLatest(ctx, resp.Waited); err != nil {
			return nil, err
		}
		if err := r.readAllLocked(ctx, req, resp); err != nil {
			return nil, err
		}
	}
	return resp, r.stillAdmitted(ctx, req.Tables, topo.MaxTimestamp, mark)
}

// stillLatest asks, after a wait, for the right to say what is latest: the lease may have gone meanwhile.
func (r *Replica) stillLatest(ctx context.Context, waited bool) error {
	if !waited {
		return nil
	}
	_, err := r.confirm(ctx)
	return err
}

// endingLock bounds the wait for the locks of a transaction whose prepare has been resolved: they go with it.
const endingLock = 10 * time.Millisecond

// acquireKey takes the lock of key i. Under a policy that does not wait, a transaction whose prepare holds the key does not
// count as a holder to give up for: its client may have been told that it is committed, and its locks then have ended for
// everybody who looks. It is waited for, which takes no longer than a commit.
func (r *Replica) acquireKey(ctx context.Context, req *rpc.LockRequest, i int, opt *lock.Options) (waited bool, err error) {
	key, mode := req.Keys[i], req.Modes[i]
	if req.Policy == lock.Wait || req.Policy == lock.Probe {
		return r.locks.Acquire(ctx, req.Txn, key, mode, opt)
	}
	try := *opt
	try.Policy = lock.NoWait
	for {
		again, err := r.locks.Acquire(ctx, req.Txn, key, mode, &try)
		waited = waited || again
		if err == lock.ErrTimeout && try.Policy == lock.Wait {
			err = lock.ErrNotAvailable
		}
		if err != lock.ErrNotAvailable {
			return waited, err
		}
		p := r.state.Prepared(key, req.Txn)
		if p == nil {
			if r.ending.Load() == 0 || try.Policy == lock.Wait {
				break
			}
			// The prepare may have been resolved just now, and its locks be about to go.
			try.Policy, try.Timeout = lock.Wait, endingLock
			continue
		}
		met := p.Txn
		err = r.awaitPending(ctx, p, func() (bool, error) {
			p = r.state.Prepared(key, req.Txn)
			return p != nil && p.Txn == met, nil
		})
		if err != nil {
			return waited, err
		}
		try.Policy, try.Timeout, waited = lock.Wait, endingLock, true
	}
	if req.Policy != lock.WaitIfExists {
		return waited, lock.ErrNotAvailable
	}
	v, _, err := r.state.Latest(key, req.Txn)
	switch {
	case err != nil:
		return waited, r.readError(err, key)
	case v.Value == nil:
		return waited, lock.ErrNotAvailable
	}
	return r.locks.Acquire(ctx, req.Txn, key, mode, opt)
}

// readAllLocked reads the latest committed versions of the keys that were just locked.
func (r *Replica) readAllLocked(ctx context.Context, req *rpc.LockRequest, resp *rpc.LockResponse) error {
	for from := 0; from < len(req.Keys); {
		if resp.Skipped != nil && resp.Skipped[from] {
			from++
			continue
		}
		to := from + 1
		for to < len(req.Keys) && (resp.Skipped == nil || !resp.Skipped[to]) {
			to++
		}
		for from < to {
			versions := resp.Versions[from:to]
			n, err := r.state.LatestOf(req.Keys[from:to], req.Txn, func(i int, v fsm.Version) { versions[i] = rpc.Version(v) })
			if err != nil {
				return r.readError(err, req.Keys[from])
			}
			if from += n; from == to {
				break
			}
			if err := r.readLocked(ctx, req, from, resp); err != nil {
				return err
			}
			from++
		}
	}
	return nil
}

// readLocked reads the latest committed version of a key that was just locked. Another transaction's prepared write on it
// outlived that transaction's lock (a lease was lost): it has to be resolved first.
func (r *Replica) readLocked(ctx context.Context, req *rpc.LockRequest, i int, resp *rpc.LockResponse) error {
	key := req.Keys[i]
	v, p, err := r.state.Latest(key, req.Txn)
	for err == nil && p != nil {
		resp.Waited = true
		met := p.Txn
		err = r.awaitPending(ctx, p, func() (bool, error) {
			var err error
			v, p, err = r.state.Latest(key, req.Txn)
			return p != nil && p.Txn == met, err
		})
	}
	if err != nil {
		return r.readError(err, key)
	}
	resp.Versions[i] = rpc.Version(v)
	return nil
}

// Unlock implements rpc.Group. It is the holder's to do, since locks may have moved there with the lease.
func (r *Replica) Unlock(ctx context.Context, req *rpc.UnlockRequest) error {
	if _, err := r.holder(ctx); err != nil {
		return err
	}
	if req.Keys == nil {
		r.locks.ReleaseAll(req.Txn)
		return nil
	}
	for _, k := range req.Keys {
		r.locks.Release(req.Txn, k)
	}
	return nil
}

// ReleaseNode drops the row locks and the waits for them of a node that was declared dead: of its liveness epochs before the
// one given.
func (r *Replica) ReleaseNode(node topo.NodeID, before topo.LivenessEpoch) {
	if n := r.locks.ReleaseNode(node, before); n > 0 {
		r.log.Info("dropped the locks of a dead node", "node", node, "epochs_before", before, "transactions", n)
	}
}

// Locks returns the group's lock table, for pg_locks.
func (r *Replica) Locks() []lock.Entry { return r.locks.List() }

func lockError(err error, key []byte) error {
	var dl *lock.Deadlock
	switch {
	case errors.As(err, &dl):
		return &rpc.Error{Code: rpc.ErrDeadlock, Detail: "a cycle of " + strconv.Itoa(len(dl.Edges)) + " waits", Key: key,
			Deadlock: dl}
	case err == lock.ErrNotAvailable:
		return &rpc.Error{Code: rpc.ErrLockNotAvailable, Key: key, Detail: "held by another transaction"}
	case err == lock.ErrTimeout:
		return &rpc.Error{Code: rpc.ErrLockNotAvailable, Timeout: true, Key: key, Detail: "lock_timeout"}
	case err == lock.ErrDropped:
		return &rpc.Error{Code: rpc.ErrUnavailable, Key: key, Detail: "the lease moved while waiting for a lock"}
	}
	return err
}
