package group

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Giving a lease up, in order:
//
//	shut the door: new calls are refused, and told where to go
//	drain: what has entered gets its answer; sequences are logged as they are
//	look: the highest served read, and the row locks that are held
//	log Release: the epoch is over, for everybody; it carries what was looked at
//
// Whoever leads raft then logs the next epoch without waiting, and begins with the locks and above the reads. A read that
// raised the highest served read after the look finds the door shut when it asks whether this is the holder; a prepare is
// registered until its answer, so none is on its way at the look. If nothing of this is logged, the door opens again. If it
// is not known whether the Release is, the holder raises its own epoch first: one of the two is in the log before the
// other.

// handoff is a shut door.
type handoff struct{ node topo.NodeID }

func (h *handoff) refusal() *rpc.Error {
	return &rpc.Error{Code: rpc.ErrNotLeaseholder, Holder: h.node, Detail: "the lease is being handed over"}
}

const (
	// transferTimeout bounds a transfer whose context has no deadline.
	transferTimeout = 10 * time.Second
	// drainTimeout bounds how long the door is shut before the Release is proposed.
	drainTimeout = time.Second
	// closeTransfer bounds the transfers of a stop, all together; each candidate is given candidateTimeout.
	closeTransfer    = 2 * time.Second
	candidateTimeout = 700 * time.Millisecond
	// askAgain is when a request to move raft's leadership, which raft may drop, is made again.
	askAgain = 200 * time.Millisecond
	pollWait = 2 * time.Millisecond
	// maxLockBytes bounds the locks that a Release carries.
	maxLockBytes = 512 << 10
)

// The errors of a transfer. The lease is still, or again, this replica's unless another node took it.
var (
	ErrNotHolder   = errors.New("group: this replica does not hold the lease")
	ErrNotVoter    = errors.New("group: the target is not a voter of the group")
	errBusyRelease = errors.New("group: the lease is being released already")
	errTakenBack   = errors.New("group: the target did not take the lease; this replica has it again")
	errDrain       = errors.New("group: proposals under way did not end in time")
)

// TransferLease moves raft's leadership and the lease to another voter, and returns once that one has taken the lease.
// Calls meanwhile wait for no more than the drain, the Release and the target's Lease. When the leadership does not move
// within the context's bound nothing has changed.
func (r *Replica) TransferLease(ctx context.Context, to uint64) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, transferTimeout)
		defer cancel()
	}
	first := r.lease.Load()
	if !first.mine {
		return ErrNotHolder
	}
	if to == r.replica {
		return nil
	}
	r.host.lookAtMembers()
	if _, ok := r.Voters()[to]; !ok {
		return ErrNotVoter
	}
	if err := r.transfer(ctx, first, to); err != nil {
		return fmt.Errorf("group %d: transfer to replica %d: %w", r.id, to, err)
	}
	return nil
}

// transfer goes on through changes of this replica's own epoch, and through a drain that took too long.
func (r *Replica) transfer(ctx context.Context, first *leaseView, to uint64) error {
	for {
		v := r.lease.Load()
		if !v.mine {
			return r.awaitSuccessor(ctx, first) // it went by the rule that the lease follows
		}
		if err := r.moveLeadership(ctx, to); err != nil {
			return err
		}
		err := r.release(ctx, v, to)
		if err == nil {
			return r.awaitSuccessor(ctx, v)
		}
		if ctx.Err() != nil || r.closing.Load() {
			return err
		}
		time.Sleep(pollWait)
	}
}

// moveLeadership asks raft until the target leads.
func (r *Replica) moveLeadership(ctx context.Context, to uint64) error {
	var asked time.Time
	for {
		if leader, known := r.RaftLeader(); known && leader == to {
			return nil
		}
		if time.Since(asked) > askAgain {
			// An error says that a request is under way already.
			_ = r.host.nh.RequestLeaderTransfer(uint64(r.id), to)
			asked = time.Now()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("raft's leadership did not move: %w", context.Cause(ctx))
		case <-r.stopped:
			return errShuttingDown
		case <-time.After(pollWait):
		}
	}
}

// release gives the lease of v up, for the raft leader to take. It returns once the Release was applied here.
func (r *Replica) release(ctx context.Context, v *leaseView, to uint64) error {
	h := &handoff{node: r.nodeOf(to)}
	if !r.handoff.CompareAndSwap(nil, h) {
		return errBusyRelease
	}
	// The door may have been shut just after the view moved on: then it is shut for nothing.
	if r.lease.Load() != v {
		r.handoff.CompareAndSwap(h, nil)
		return ErrNotHolder
	}
	done := make(chan error, 1)
	go func() { done <- r.logRelease(ctx, v, h) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// logRelease does the rest of release, and sees it to an end even when nobody waits any more: the door must not stay shut.
func (r *Replica) logRelease(ctx context.Context, v *leaseView, h *handoff) error {
	if err := r.drain(ctx); err != nil {
		r.handoff.CompareAndSwap(h, nil)
		return err
	}
	cmd := &fsm.Command{Release: &fsm.Release{Locks: r.heldLocks()}}
	if r.floored.Load() {
		// Without a floor the reads of earlier holders are not known here: then the successor draws a timestamp.
		cmd.Release.ReadTS = r.reads.highest()
	}
	res, err := r.sendThrough(context.Background(), v.info.Epoch, cmd, nil)
	var e *rpc.Error
	switch {
	case err == nil && res.Code == fsm.ResultOK:
		return nil
	case err == nil:
		r.handoff.CompareAndSwap(h, nil)
		return ErrNotHolder
	case errors.As(err, &e) && e.Code == rpc.ErrAmbiguous:
		return err // the own epoch is raised (failBatch), which opens the door
	}
	r.handoff.CompareAndSwap(h, nil)
	return err
}

// drain waits until every call that has entered has its answer, and logs the sequences.
func (r *Replica) drain(ctx context.Context) error {
	r.flushSequences(context.WithoutCancel(ctx)) // as in logSequence
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	for r.calls.Load() != 0 || !r.proposer.idle() {
		select {
		case <-ctx.Done():
			return errDrain
		case <-r.stopped:
			return errShuttingDown
		case <-time.After(200 * time.Microsecond):
		}
	}
	return nil
}

// highest returns a timestamp at or above every read that was served.
func (r *reads) highest() topo.Timestamp {
	high := max(r.floor.Load(), r.scans.ts.Load())
	for i := range r.stripes {
		high = max(high, r.stripes[i].ts.Load())
	}
	return topo.Timestamp(high)
}

// heldLocks returns the row locks that are held, up to a bound: they are hints.
func (r *Replica) heldLocks() []fsm.HeldLock {
	var held []fsm.HeldLock
	size := 0
	r.locks.EachHeld(func(owner topo.TxnID, key []byte, mode lock.Mode) bool {
		size += len(key) + 24
		if size > maxLockBytes {
			return false
		}
		held = append(held, fsm.HeldLock{Txn: owner, Mode: mode, Key: slices.Clone(key)})
		return true
	})
	return held
}

// awaitSuccessor returns once another process has the lease that v was of.
func (r *Replica) awaitSuccessor(ctx context.Context, v *leaseView) error {
	for {
		now := r.lease.Load()
		switch {
		case now.info.Epoch > v.info.Epoch && now.mine:
			return errTakenBack
		case now.info.Epoch > v.info.Epoch:
			return nil
		}
		select {
		case <-now.changed:
		case <-ctx.Done():
			return fmt.Errorf("nobody took the released lease: %w", context.Cause(ctx))
		case <-r.stopped:
			return errShuttingDown
		}
	}
}

// follow is a tick of a holder while another replica leads raft.
func (r *Replica) follow(v *leaseView, leader uint64) {
	now := BootNS()
	if r.strayed == 0 {
		r.strayed = now
	}
	if now-r.strayed < int64(strayGrace) || r.handoff.Load() != nil || r.fence.Load() {
		return
	}
	r.strayed = now // the next try, if this one fails
	go func() {
		ctx, cancel := context.WithTimeout(r.life, transferTimeout)
		defer cancel()
		if err := r.release(ctx, v, leader); err != nil {
			r.log.Debug("the lease does not follow raft's leader", "leader", leader, "error", err)
		}
	}()
}

// transferAway moves the lease, if this replica has it, to a voter that was heard of in the last moments.
func (r *Replica) transferAway(ctx context.Context) {
	if !r.lease.Load().mine {
		return
	}
	r.host.lookAtMembers()
	ids := make([]uint64, 0, len(r.Voters()))
	for id, addr := range r.Voters() {
		if id != r.replica && r.host.wire.alive(addr) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	// Not all groups to one node.
	if n := len(ids); n > 1 {
		at := int(uint64(r.id) % uint64(n))
		ids = slices.Concat(ids[at:], ids[:at])
	}
	for _, id := range ids {
		try, cancel := context.WithTimeout(ctx, candidateTimeout)
		err := r.TransferLease(try, id)
		cancel()
		if err == nil || ctx.Err() != nil || !r.lease.Load().mine {
			return
		}
		r.log.Info("lease not transferred", "error", err)
	}
}

// transferAll hands all leases over at a stop.
func (h *Host) transferAll() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTransfer)
	defer cancel()
	var wg sync.WaitGroup
	for _, r := range h.Replicas() {
		wg.Add(1)
		go func() {
			defer wg.Done()
			r.transferAway(ctx)
		}()
	}
	wg.Wait()
}
