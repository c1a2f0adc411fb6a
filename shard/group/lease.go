package group

// The lease, from this replica's side. Apply is the only place where the lease changes hands: applied() compares the
// state's lease after each entry and publishes a new leaseView when it moved. A view never changes; losing the lease makes
// a new one, and closes the old one's channel.
//
// Who asks for the lease: raft's leader, when the holder is another process and has had its time. A predecessor on this
// same node needs no wait: the data directory's lock proves it dead. The wait counts from the last entry of the old epoch
// that was applied here, and the Lease command names that entry's index, so that an entry of the old epoch that came in
// between makes apply refuse the command.
//
// The holder also raises its own epoch when a proposal's outcome is unknown (failBatch), or when one is overdue that may
// have been lost with or at another raft leader (overdue): what has not been applied by then never will be, and is answered
// as refused (refuse).
//
// # The lease follows raft's leadership
//
// A holder that is not raft's leader works, at the price of a hop for each proposal. Which of the two moves is decided by
// one rule: raft's leader is where the lease belongs. So TransferLease moves the leadership first, while the holder goes on
// serving, and then releases the lease; and a holder that has seen another replica lead for strayGrace releases it, too.
// A released lease is free at once, for whoever leads raft. Nobody ever asks for the leadership back: where elections,
// faults or an operator put it, there the lease goes, and two replicas cannot pull at it from both ends. See transfer.go.
//
// # Calls to a replica that does not hold the lease
//
// They wait only where that replica is about to take it: it leads raft, or is the group's only voter. All others are told
// at once, or within a moment in which the lease may be on its way, that they are wrong here, and where to go.

import (
	"context"
	"time"

	"github.com/lni/dragonboat/v4"
	"golang.org/x/sys/unix"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

const (
	// DefaultLeaseDuration is how long an applied command keeps the lease after its propose time.
	DefaultLeaseDuration = 1200 * time.Millisecond
	// maxDrift bounds how much faster than the holder's clock a successor's clock may run, in parts of a thousand.
	maxDriftPerMille = 50
	// leaseWait bounds how long a call waits for this node to become leaseholder.
	leaseWait = 5 * time.Second
	// briefWait is how long a call waits where it is not known who will be.
	briefWait = 50 * time.Millisecond
	// readIndexTimeout bounds the question to raft with the lease expired; it is asked again after readIndexTry, since
	// the question may be lost on its way to the leader. A leader does not ask itself again, but waits for proposeTimeout:
	// the answer is only behind what it has to apply first, of which there is more with each new question.
	readIndexTimeout = 3 * time.Second
	readIndexTry     = 500 * time.Millisecond
	// strayGrace is how long a holder lets another replica lead raft before it releases the lease.
	strayGrace = time.Second
	// overdueAfter is when a proposal that goes through another replica is given up for lost.
	overdueAfter = time.Second
)

// BootNS reads CLOCK_BOOTTIME: unlike the monotonic clock it goes on while the machine is suspended.
func BootNS() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic("group: CLOCK_BOOTTIME: " + err.Error())
	}
	return ts.Nano()
}

// leaseView is the lease as this replica last saw it change.
type leaseView struct {
	info    fsm.LeaseInfo
	mine    bool
	changed chan struct{} // closed when another view replaces this one
}

// observeLease publishes the state's lease if it moved. proposedNS is when this process proposed the entry just applied,
// 0 if it did not. It runs in apply's goroutine.
func (r *Replica) observeLease(proposedNS int64) {
	old := r.lease.Load()
	info := r.state.Lease()
	mine := info.Holder == r.host.cfg.Node && info.Incarnation == r.incarnation && !info.Released
	if !mine {
		r.lastForeign.Store(BootNS())
	}
	if info.Epoch == old.info.Epoch && info.Holder == old.info.Holder && info.Incarnation == old.info.Incarnation &&
		info.Released == old.info.Released {
		return
	}
	// What was registered belongs to older epochs, whose commands apply refuses from here on.
	r.reads.unregisterAll()
	r.refuse(info.Epoch)
	r.sequences.reset()
	if !mine || !old.mine || info.Epoch != old.info.Epoch+1 {
		r.expiry.Store(0)
		r.floored.Store(false)
		r.locks.Clear()
		if mine && r.released != nil && info.Epoch == r.releasedEpoch+1 {
			r.inherit(r.released)
		}
	}
	r.released, r.releasedEpoch = r.state.Released(), info.Epoch
	if mine && proposedNS > 0 {
		r.expiry.Store(proposedNS + int64(r.host.cfg.LeaseDuration))
	}
	r.fence.Store(false)
	r.lease.Store(&leaseView{info: info, mine: mine, changed: make(chan struct{})})
	r.handoff.Store(nil) // after the view: who finds the door open sees the view that it leads to
	close(old.changed)
	r.log.Info("lease", "epoch", info.Epoch, "holder", info.Holder, "mine", mine, "released", info.Released)
	if info.Released {
		r.host.kick() // it may be this replica's to take
	}
}

// inherit begins a tenure where the last one ended: with its locks, and above the reads that it served.
func (r *Replica) inherit(from *fsm.Release) {
	if from.ReadTS > 0 {
		raise(&r.reads.floor, from.ReadTS)
		r.floored.Store(true)
	}
	at := lock.Options{Policy: lock.NoWait}
	for i := range from.Locks {
		l := &from.Locks[i]
		// The table is empty, and what one holder had granted does not conflict.
		_, _ = r.locks.Acquire(r.life, l.Txn, l.Key, l.Mode, &at)
	}
}

// extend moves the expiry after an own command of the current epoch was applied.
func (r *Replica) extend(proposedNS int64, epoch topo.LeaseEpoch) {
	v := r.lease.Load()
	if !v.mine || epoch != v.info.Epoch || proposedNS == 0 {
		return
	}
	// Only apply's goroutine writes expiry.
	if until := proposedNS + int64(r.host.cfg.LeaseDuration); until > r.expiry.Load() {
		r.expiry.Store(until)
	}
}

// holder waits until this process holds the lease, expired or not. Its error says that nothing happened: ErrNotLeaseholder,
// or the context's.
func (r *Replica) holder(ctx context.Context) (*leaseView, error) {
	// The door first: if it was open, the lease was not being released when the view is read. See observeLease.
	shut := r.handoff.Load()
	if v := r.lease.Load(); v.mine && shut == nil && !r.closing.Load() {
		return v, nil
	}
	return r.awaitLease(ctx)
}

func (r *Replica) awaitLease(ctx context.Context) (*leaseView, error) {
	began := time.Now()
	for {
		shut := r.handoff.Load()
		v := r.lease.Load()
		switch {
		case r.closing.Load():
			return nil, fail(rpc.ErrNotLeaseholder, "the group is shutting down here")
		case v.mine && shut == nil:
			return v, nil
		case v.mine:
			return nil, shut.refusal()
		}
		wait, holder := r.whereElse(v)
		left := wait - time.Since(began)
		if left <= 0 {
			return nil, &rpc.Error{Code: rpc.ErrNotLeaseholder, Holder: holder, Detail: "another node holds the lease, or will"}
		}
		r.host.kick()
		timer := time.NewTimer(min(left, briefWait)) // then look again: raft's leader may be known by now
		select {
		case <-v.changed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, context.Cause(ctx)
		case <-r.stopped:
		}
		timer.Stop()
	}
}

// whereElse says how long in all a call may wait here for the lease, and which node to try after that, 0 when unknown.
func (r *Replica) whereElse(v *leaseView) (wait time.Duration, node topo.NodeID) {
	foreign := v.info.Epoch != 0 && v.info.Holder != r.host.cfg.Node && !v.info.Released
	leader, known := r.RaftLeader()
	if foreign {
		node = v.info.Holder
		if BootNS() < r.lastForeign.Load()+r.fullLease() {
			if known && leader == r.replica {
				return briefWait, node // it is on its way here, perhaps
			}
			return 0, node
		}
	}
	switch {
	case known && leader == r.replica, !known && r.members.Load().alone(r.replica):
		return leaseWait, 0
	case !known:
		return briefWait, node
	}
	if n := r.nodeOf(leader); n != 0 {
		node = n
	}
	if foreign {
		return 0, node
	}
	return briefWait, node
}

// fullLease is how long after its last entry a lease may still be held, in nanoseconds of this node's clock.
func (r *Replica) fullLease() int64 {
	d := int64(r.host.cfg.LeaseDuration)
	return d + d*maxDriftPerMille/1000
}

// confirm returns a view under which this process held the lease at some time during the call. A reader raises the highest
// served read before it calls, and reads the state after.
func (r *Replica) confirm(ctx context.Context) (*leaseView, error) {
	for {
		v, err := r.holder(ctx)
		if err != nil {
			return nil, err
		}
		// Half of it, so that nodes' heartbeats alone keep the catalog group's from running out between two of them.
		left := r.expiry.Load() - BootNS()
		if left < int64(r.host.cfg.LeaseDuration)/2 {
			r.keepAlive(v)
		}
		if left > 0 {
			return v, nil
		}
		r.metrics.ReadIndexes.Add(1)
		if err := r.readIndex(ctx); err != nil {
			return nil, err
		}
		if r.lease.Load() == v {
			return v, nil
		}
	}
}

// confirmRead is confirm for a read of rows. A binary that is to show what the lease is worth asks raft about every one.
func (r *Replica) confirmRead(ctx context.Context) error {
	if _, err := r.confirm(ctx); err != nil || leaseServesReads {
		return err
	}
	r.metrics.ReadIndexes.Add(1)
	return r.readIndex(ctx)
}

// readIndex returns once everything that was committed when it was called has been applied here.
func (r *Replica) readIndex(ctx context.Context) error {
	deadline := time.Now().Add(readIndexTimeout)
	for {
		term, leads := r.leads()
		timeout := readIndexTry
		if leads {
			timeout = proposeTimeout
		}
		rs, err := r.host.nh.ReadIndex(uint64(r.id), timeout)
		if err == nil {
			if ok, err := r.awaitIndex(ctx, rs, term); ok || err != nil {
				return err
			}
		}
		if time.Now().After(deadline) || r.closing.Load() {
			return fail(rpc.ErrUnavailable, "raft does not confirm the lease")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// awaitIndex waits for the answer to a question that was asked in a term. Not ok: it has to be asked again.
func (r *Replica) awaitIndex(ctx context.Context, rs *dragonboat.RequestState, term uint64) (ok bool, err error) {
	again := time.NewTicker(readIndexTry)
	defer again.Stop()
	for {
		select {
		case res := <-rs.ResultC():
			ok := res.Completed()
			rs.Release()
			return ok, nil
		case <-again.C:
			if t, leads := r.leads(); !leads || t != term {
				return false, nil
			}
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-r.stopped:
			return false, errShuttingDown
		}
	}
}

// leads returns raft's term, and whether this replica leads in it.
func (r *Replica) leads() (term uint64, leads bool) {
	leader, term, known, err := r.host.nh.GetLeaderID(uint64(r.id))
	return term, err == nil && known && leader == r.replica
}

// keepAlive proposes a command without effect, one at a time: there are readers, and nobody writes.
func (r *Replica) keepAlive(v *leaseView) {
	if !r.keeping.CompareAndSwap(false, true) {
		return
	}
	r.metrics.KeepAlives.Add(1)
	go func() {
		defer r.keeping.Store(false)
		// A horizon of zero raises nothing. A failure shows in the next read, which asks raft again.
		_, _ = r.send(context.Background(), v.info.Epoch, &fsm.Command{Horizon: &fsm.Horizon{}})
	}()
}

// ConfirmLease returns the epoch under which this process held the lease at some time during the call.
func (r *Replica) ConfirmLease(ctx context.Context) (topo.LeaseEpoch, error) {
	v, err := r.confirm(ctx)
	if err != nil {
		return 0, err
	}
	return v.info.Epoch, nil
}

// Lease returns the lease as last logged, and whether this process holds it.
func (r *Replica) Lease() (info fsm.LeaseInfo, mine bool) {
	v := r.lease.Load()
	return v.info, v.mine
}

// tick asks for the lease when it is this replica's to ask for, and gives it up when it belongs elsewhere. The host calls
// it now and then, and when raft elects.
func (r *Replica) tick() {
	v := r.lease.Load()
	leader, term, known, err := r.host.nh.GetLeaderID(uint64(r.id))
	if !known || err != nil || r.closing.Load() {
		r.strayed = 0
		return
	}
	if term != r.term {
		r.term, r.elected = term, BootNS()
	}
	if v.mine && r.overdue(leader) {
		r.fence.Store(true)
	}
	if v.mine && leader != r.replica {
		r.follow(v, leader)
	} else {
		r.strayed = 0
	}
	if v.mine && !r.fence.Load() || !v.mine && leader != r.replica {
		return
	}
	if r.acquiring.CompareAndSwap(false, true) {
		go func() {
			defer r.acquiring.Store(false)
			r.acquire()
		}()
	}
}

// overdue reports whether a proposal is under way that may never come: raft does not tell what was lost on the way to
// another leader, nor with a leader that is no more.
func (r *Replica) overdue(leader uint64) bool {
	if leader != r.replica {
		return r.proposer.underWay(BootNS() - int64(overdueAfter))
	}
	return r.proposer.underWay(min(r.elected, BootNS()-int64(overdueAfter)))
}

func (r *Replica) acquire() {
	info := r.state.Lease()
	// This node's own earlier epochs need no wait: their process is dead, or is this one. Their entries that apply ahead
	// of the new lease do no harm either, and would refuse it for ever on a busy group.
	after := ^uint64(0)
	if info.Epoch != 0 && info.Holder != r.host.cfg.Node && !info.Released {
		after = info.LastIndex
		if wait := r.lastForeign.Load() + r.fullLease() - BootNS(); wait > 0 {
			if wait < int64(tickInterval) {
				time.AfterFunc(time.Duration(wait), r.host.kick)
			}
			return // the next tick is soon
		}
	}
	cmd := &fsm.Command{Lease: &fsm.Lease{Epoch: info.Epoch + 1, Holder: r.host.cfg.Node,
		Incarnation: r.incarnation, AfterIndex: after}}
	res, err := r.sendThrough(context.Background(), info.Epoch+1, cmd, nil)
	if err != nil || res.Code != fsm.ResultOK {
		r.log.Debug("lease not taken", "epoch", info.Epoch+1, "result", res.Code, "error", err)
	}
}

// floor makes sure that the first prepare of a new holder comes after every read that earlier holders served.
func (r *Replica) floor(ctx context.Context) error {
	if r.floored.Load() {
		return nil
	}
	v := r.lease.Load()
	clock := r.host.bindings.Load().Timestamp
	if clock == nil {
		return fail(rpc.ErrUnavailable, "no clock yet")
	}
	ts, err := clock(ctx)
	if err != nil {
		return err
	}
	raise(&r.reads.floor, ts)
	if r.lease.Load() == v {
		r.floored.Store(true)
	}
	return nil
}
