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
// The holder also raises its own epoch when a proposal's outcome is unknown (failBatch): what has not been applied by
// then never will be.

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
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
	// readIndexTimeout bounds the question to raft with the lease expired.
	readIndexTimeout = 3 * time.Second
)

// bootNS reads CLOCK_BOOTTIME: unlike the monotonic clock it goes on while the machine is suspended.
func bootNS() int64 {
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
	mine := info.Holder == r.host.cfg.Node && info.Incarnation == r.host.dir.id.Incarnation
	if !mine {
		r.lastForeign.Store(bootNS())
	}
	if info.Epoch == old.info.Epoch && info.Holder == old.info.Holder && info.Incarnation == old.info.Incarnation {
		return
	}
	// What was registered belongs to older epochs, whose commands apply refuses from here on.
	r.reads.unregisterAll()
	r.proposer.dropOrphans()
	r.sequences.reset()
	if !mine || !old.mine {
		r.expiry.Store(0)
		r.floored.Store(false)
		r.locks.Clear()
	}
	if mine && proposedNS > 0 {
		r.expiry.Store(proposedNS + int64(r.host.cfg.LeaseDuration))
	}
	r.fence.Store(false)
	r.lease.Store(&leaseView{info: info, mine: mine, changed: make(chan struct{})})
	close(old.changed)
	r.log.Info("lease", "epoch", info.Epoch, "holder", info.Holder, "mine", mine)
}

// dropOrphans forgets the batches of unknown outcome once their epoch is over.
func (p *proposer) dropOrphans() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for seq, b := range p.batches {
		if b.orphaned {
			delete(p.batches, seq)
		}
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

// holder waits until this process holds the lease, expired or not.
func (r *Replica) holder(ctx context.Context) (*leaseView, error) {
	if v := r.lease.Load(); v.mine {
		return v, nil
	}
	timer := time.NewTimer(leaseWait)
	defer timer.Stop()
	for {
		v := r.lease.Load()
		if v.mine {
			return v, nil
		}
		r.host.kick()
		select {
		case <-v.changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-r.stopped:
			return nil, fail(rpc.ErrUnavailable, "the group is shutting down")
		case <-timer.C:
			return nil, fail(rpc.ErrUnavailable, "this node does not hold the group's lease")
		}
	}
}

// confirm returns a view under which this process held the lease at some time during the call. A reader raises the highest
// served read before it calls, and reads the state after.
func (r *Replica) confirm(ctx context.Context) (*leaseView, error) {
	for {
		v, err := r.holder(ctx)
		if err != nil {
			return nil, err
		}
		left := r.expiry.Load() - bootNS()
		if left > 0 {
			if left < int64(r.host.cfg.LeaseDuration)/4 {
				r.keepAlive(v)
			}
			return v, nil
		}
		r.metrics.ReadIndexes.Add(1)
		r.keepAlive(v)
		if err := r.readIndex(ctx); err != nil {
			return nil, err
		}
		if r.lease.Load() == v {
			return v, nil
		}
	}
}

// readIndex returns once everything that was committed when it was called has been applied here.
func (r *Replica) readIndex(ctx context.Context) error {
	deadline := time.Now().Add(readIndexTimeout)
	for {
		rs, err := r.host.nh.ReadIndex(uint64(r.id), readIndexTimeout)
		if err == nil {
			select {
			case res := <-rs.ResultC():
				ok := res.Completed()
				rs.Release()
				if ok {
					return nil
				}
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if time.Now().After(deadline) || r.closing.Load() {
			return fail(rpc.ErrUnavailable, "raft does not confirm the lease")
		}
		time.Sleep(5 * time.Millisecond)
	}
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
		_, _ = r.send(context.Background(), v.info.Epoch, &fsm.Command{Horizon: &fsm.Horizon{}}, nil)
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

// tick asks for the lease when it is this replica's to ask for. The host calls it now and then, and when raft elects.
func (r *Replica) tick() {
	v := r.lease.Load()
	if v.mine && !r.fence.Load() || r.closing.Load() {
		return
	}
	leader, _, ok, err := r.host.nh.GetLeaderID(uint64(r.id))
	if err != nil || !ok || !v.mine && leader != r.replica {
		return
	}
	if r.acquiring.CompareAndSwap(false, true) {
		go func() {
			defer r.acquiring.Store(false)
			r.acquire()
		}()
	}
}

func (r *Replica) acquire() {
	info := r.state.Lease()
	// This node's own earlier epochs need no wait: their process is dead, or is this one. Their entries that apply ahead
	// of the new lease do no harm either, and would refuse it for ever on a busy group.
	after := ^uint64(0)
	if info.Epoch != 0 && info.Holder != r.host.cfg.Node {
		after = info.LastIndex
		d := int64(r.host.cfg.LeaseDuration)
		if wait := r.lastForeign.Load() + d + d*maxDriftPerMille/1000 - bootNS(); wait > 0 {
			return // the next tick is soon
		}
	}
	cmd := &fsm.Command{Lease: &fsm.Lease{Epoch: info.Epoch + 1, Holder: r.host.cfg.Node,
		Incarnation: r.host.dir.id.Incarnation, AfterIndex: after}}
	res, err := r.send(context.Background(), info.Epoch+1, cmd, nil)
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
