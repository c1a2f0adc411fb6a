package group

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lni/dragonboat/v4/client"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Replica is this process's replica of one group. While it holds the group's lease it serves rpc.Group.
type Replica struct {
	id      topo.GroupID
	replica uint64
	host    *Host
	state   *fsm.State
	session *client.Session
	log     *slog.Logger
	metrics Metrics

	// incarnation is this replica's in lease commands: of the process and, within it, of this start of a replica.
	incarnation uint64
	recovered   func(*fsm.State)
	installing  atomic.Bool // a snapshot replaces the state, and recovered has not returned

	lease atomic.Pointer[leaseView]
	// handoff is set while the lease is being released: calls are refused, see transfer.go.
	handoff atomic.Pointer[handoff]
	calls   atomic.Int64 // commands on their way from their caller to their result
	members atomic.Pointer[members]
	// released is what the holder after releasedEpoch begins with; only apply's goroutine uses them.
	released      *fsm.Release
	releasedEpoch topo.LeaseEpoch
	// Of the host's loop: since when raft's leader is another replica than this holder; raft's term, and since when.
	strayed   int64
	term      uint64
	elected   int64
	expiry    atomic.Int64 // CLOCK_BOOTTIME; written by apply's goroutine alone
	floored   atomic.Bool  // reads.floor is above what earlier holders served
	fence     atomic.Bool  // the own epoch has to be raised, see failBatch
	acquiring atomic.Bool
	keeping   atomic.Bool
	// lastForeign is when an entry was last applied while another process held the lease (or when we started).
	lastForeign atomic.Int64

	proposer  proposer
	reads     *reads
	resolved  resolutions
	ending    atomic.Int64 // commits and resolves on their way, whose locks go when they have been applied
	locks     *lock.Manager
	sequences sequences

	closing atomic.Bool
	closed  chan struct{} // closed when raft has closed the state
	stopped chan struct{}
	stop    sync.Once
	life    context.Context
	endLife context.CancelFunc
}

var _ rpc.Group = (*Replica)(nil)

// startBits are the bits of an incarnation that count the replicas started by one process.
const startBits = 20

// Metrics counts what a replica did since it was started.
type Metrics struct {
	Gets, Scans, Locks         atomic.Uint64
	PendingWaits, Recoveries   atomic.Uint64
	ReadIndexes, KeepAlives    atomic.Uint64
	Ambiguous, RefusedDiskFull atomic.Uint64
}

func newReplica(h *Host, o GroupOptions, state *fsm.State) *Replica {
	r := &Replica{id: o.ID, replica: o.Replica, recovered: o.Recovered, host: h, state: state,
		session: h.nh.GetNoOPSession(uint64(o.ID)), log: h.cfg.Logger.With("group", uint64(o.ID)), reads: newReads(),
		locks: lock.NewRows(h.cfg.Graph), closed: make(chan struct{}), stopped: make(chan struct{})}
	r.incarnation = h.dir.id.Incarnation<<startBits | h.starts.Add(1)&(1<<startBits-1)
	r.proposer.batches = map[uint64]*batch{}
	r.proposer.limit = inFlightAlone
	r.released, r.releasedEpoch = state.Released(), state.Lease().Epoch
	r.life, r.endLife = context.WithCancel(context.Background())
	r.lastForeign.Store(BootNS())
	// An earlier incarnation's lease is not this process's.
	r.lease.Store(&leaseView{info: state.Lease(), changed: make(chan struct{})})
	return r
}

// ID implements rpc.Group.
func (r *Replica) ID() topo.GroupID { return r.id }

// ReplicaID returns this replica's id in its group.
func (r *Replica) ReplicaID() uint64 { return r.replica }

// AppliedIndex returns the index of the last log entry applied here.
func (r *Replica) AppliedIndex() uint64 { return r.state.AppliedIndex() }

// FollowedIndex is AppliedIndex for who follows the state by State.Watch and GroupOptions.Recovered: they have taken in all
// that was applied up to it. It is 0 while a snapshot is being taken in.
func (r *Replica) FollowedIndex() uint64 {
	at := r.state.AppliedIndex() // first: whoever sees a snapshot's index finds it marked until it is taken in
	if r.installing.Load() {
		return 0
	}
	return at
}

// State returns the replica's state, for the catalog replica's Watch and for checks. Register a Watch in
// GroupOptions.BeforeStart: entries are applied from the start on.
func (r *Replica) State() *fsm.State { return r.state }

// Metrics returns the replica's counters.
func (r *Replica) Metrics() *Metrics { return &r.metrics }

// Batches returns how many proposals were made, and how many commands they carried.
func (r *Replica) Batches() (proposals, commands uint64) {
	return r.proposer.batched.Load(), r.proposer.commands.Load()
}

// WaitReady returns once this process holds the group's lease, or the context is done.
func (r *Replica) WaitReady(ctx context.Context) error {
	for {
		v := r.lease.Load()
		if v.mine {
			return nil
		}
		r.host.kick()
		select {
		case <-v.changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-r.stopped:
			return fail(rpc.ErrUnavailable, "the group is shutting down")
		}
	}
}

func fail(code rpc.ErrorCode, detail string) *rpc.Error {
	return &rpc.Error{Code: code, Detail: detail}
}

// readError turns a state's error into the caller's.
func (r *Replica) readError(err error, key []byte) error {
	switch {
	case errors.Is(err, fsm.ErrSnapshotTooOld):
		return fail(rpc.ErrSnapshotTooOld, "the snapshot is below the garbage-collection horizon")
	case errors.Is(err, fsm.ErrClosed):
		return fail(rpc.ErrUnavailable, "the group is shutting down")
	case fsm.IsCorrupt(err):
		r.log.Error("stored data is damaged", "key", key, "error", err)
		return &rpc.Error{Code: rpc.ErrCorrupt, Key: key, Detail: err.Error()}
	}
	return err
}

// applied is called by apply's goroutine after each entry.
func (r *Replica) applied(process, seq uint64, cmds []fsm.Command, results []fsm.Result) {
	own := process == r.host.process
	if v := r.lease.Load(); !v.mine && len(cmds) > 0 {
		r.lastForeign.Store(BootNS())
	}
	for i := range cmds {
		if cmds[i].Lease != nil || cmds[i].Release != nil {
			var proposedNS int64
			if own && cmds[i].Lease != nil {
				proposedNS = cmds[i].ProposedAtNS
			}
			r.observeLease(proposedNS)
		}
	}
	if own {
		r.extend(r.deliver(seq, results))
	}
	if r.resolved.waiting.Load() > 0 {
		for i := range cmds {
			switch c := &cmds[i]; {
			case c.Commit != nil:
				r.resolved.notify(c.Commit.Txn)
			case c.Resolve != nil:
				r.resolved.notify(c.Resolve.Txn)
			case c.Tombstone != nil:
				r.resolved.notify(c.Tombstone.Txn)
			case c.Fence != nil:
				r.resolved.notify(c.Fence.Txn)
			}
		}
	}
}

// send sees a command through the log unless the lease is being released.
func (r *Replica) send(ctx context.Context, epoch topo.LeaseEpoch, cmd *fsm.Command) (fsm.Result, error) {
	r.calls.Add(1)
	defer r.calls.Add(-1)
	if h := r.handoff.Load(); h != nil {
		return fsm.Result{}, h.refusal()
	}
	return r.sendThrough(ctx, epoch, cmd, nil)
}

// sendThrough encodes a command and sees it through the log. f is a prepare's registration: it ends when the command's
// fate is certain.
func (r *Replica) sendThrough(ctx context.Context, epoch topo.LeaseEpoch, cmd *fsm.Command, f *inflight) (fsm.Result, error) {
	c, err := r.encode(epoch, cmd, f)
	if err != nil {
		return fsm.Result{}, err
	}
	res, err := r.submit(ctx, c, cmd.Lease != nil)
	c.free(err)
	return res, err
}

// encode makes the call of a command.
func (r *Replica) encode(epoch topo.LeaseEpoch, cmd *fsm.Command, f *inflight) (*call, error) {
	cmd.Epoch = epoch
	if cmd.Lease != nil { // what other commands extend the lease to is counted from their batch's proposal
		cmd.ProposedAtNS = BootNS()
	}
	c := callPool.Get().(*call)
	c.epoch, c.inflight = epoch, f
	c.data = fsm.AppendCommand(c.data[:0], cmd)
	if len(c.data) > MaxCommandBytes {
		if f != nil {
			r.reads.unregister(f)
		}
		return nil, fail(rpc.ErrNotProposed, "the command is too large for one log entry")
	}
	return c, nil
}

// free lets the call be used again, unless it failed: then others may have it still.
func (c *call) free(err error) {
	if err == nil && cap(c.data) <= 64<<10 {
		*c = call{data: c.data, signal: c.signal}
		callPool.Put(c)
	}
}

// sendOK is send for commands that only a lost lease can refuse.
func (r *Replica) sendOK(ctx context.Context, epoch topo.LeaseEpoch, cmd *fsm.Command) error {
	res, err := r.send(ctx, epoch, cmd)
	if err == nil && res.Code != fsm.ResultOK {
		err = fail(rpc.ErrNotProposed, "the lease has moved")
	}
	return err
}

// Propose implements rpc.Group. It sets the command's Epoch, and raises a Prepare's MinTS.
func (r *Replica) Propose(ctx context.Context, cmd *fsm.Command) (fsm.Result, error) {
	// A release counts the calls after it has shut the door, and who comes in counts itself before it looks at the door.
	r.calls.Add(1)
	defer r.calls.Add(-1)
	v, err := r.holder(ctx)
	if err != nil {
		return fsm.Result{}, err
	}
	if grows(cmd) && !r.host.reserve.admit(size(cmd)) {
		r.metrics.RefusedDiskFull.Add(1)
		return fsm.Result{}, fail(rpc.ErrDiskFull, "the disk reserve is reached")
	}
	var f *inflight
	if cmd.Prepare != nil {
		if err := r.floor(ctx); err != nil {
			return fsm.Result{}, err
		}
		f = r.reads.register(cmd.Prepare)
	}
	if cmd.Sequence != nil {
		if err := r.sequences.settle(ctx, cmd.Sequence.ID); err != nil {
			return fsm.Result{}, err
		}
	}
	if cmd.Commit != nil || cmd.Resolve != nil {
		r.ending.Add(1)
		defer r.ending.Add(-1)
	}
	res, err := r.sendThrough(ctx, v.info.Epoch, cmd, f)
	if err == nil {
		r.releaseLocks(cmd, res)
		if cmd.Sequence != nil {
			r.sequences.forget(cmd.Sequence.ID)
		}
	}
	return res, err
}

// releaseLocks ends a transaction's locks once its commit or its end is in the log.
func (r *Replica) releaseLocks(cmd *fsm.Command, res fsm.Result) {
	switch {
	case cmd.Prepare != nil && cmd.Prepare.OnePhase && res.Code == fsm.ResultCommitted:
		r.locks.ReleaseAll(cmd.Prepare.Txn)
	case cmd.Commit != nil && res.Code == fsm.ResultCommitted:
		r.locks.ReleaseAll(cmd.Commit.Txn) // the record at the primary resolves its own part
	case cmd.Resolve != nil && (cmd.Resolve.Commit || cmd.Resolve.Final) && res.Code != fsm.ResultStaleEpoch:
		r.locks.ReleaseAll(cmd.Resolve.Txn)
	}
}

// grows reports whether a command may be refused for want of disk space. What ends transactions and frees space may not.
func grows(cmd *fsm.Command) bool {
	return cmd.Prepare != nil || cmd.Provision != nil || cmd.Ingest != nil || cmd.Sequence != nil
}

// size is about how many bytes a command writes.
func size(cmd *fsm.Command) int {
	n := 64
	switch {
	case cmd.Prepare != nil:
		for i := range cmd.Prepare.Items {
			n += len(cmd.Prepare.Items[i].Key) + len(cmd.Prepare.Items[i].Value)
		}
	case cmd.Provision != nil:
		for i := range cmd.Provision.Ops {
			n += len(cmd.Provision.Ops[i].Item.Key) + len(cmd.Provision.Ops[i].Item.Value)
		}
	case cmd.Ingest != nil:
		for i := range cmd.Ingest.Entries {
			n += len(cmd.Ingest.Entries[i].Key) + len(cmd.Ingest.Entries[i].Value)
		}
	}
	return n
}

// Outcome implements rpc.Group.
func (r *Replica) Outcome(ctx context.Context, txn topo.TxnID, attempt topo.Attempt) (*rpc.OutcomeResponse, error) {
	if _, err := r.confirm(ctx); err != nil {
		return nil, err
	}
	o := r.state.Outcome(txn, attempt)
	return &rpc.OutcomeResponse{Code: rpc.OutcomeCode(o.Code), TS: o.TS, Primary: o.Primary,
		Participants: o.Participants}, nil
}

// ProposeHorizon raises the group's garbage-collection horizon.
func (r *Replica) ProposeHorizon(ctx context.Context, ts topo.Timestamp) error {
	v, err := r.holder(ctx)
	if err != nil {
		return err
	}
	return r.sendOK(ctx, v.info.Epoch, &fsm.Command{Horizon: &fsm.Horizon{TS: ts}})
}

// advanceHorizon raises the horizon if the group has committed something since it was raised last: an idle group stays
// idle.
func (r *Replica) advanceHorizon(ts topo.Timestamp) {
	if v := r.lease.Load(); !v.mine || r.closing.Load() {
		return
	}
	h := r.state.Horizon()
	if ts <= h || r.state.MaxTS() <= h {
		return
	}
	ctx, cancel := context.WithTimeout(r.life, proposeTimeout)
	defer cancel()
	if err := r.ProposeHorizon(ctx, ts); err != nil {
		r.log.Debug("horizon not raised", "error", err)
	}
}

// close ends the service: no call is let in, sequences are logged as they are.
func (r *Replica) close() {
	r.stop.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		r.flushSequences(ctx)
		r.shut()
	})
}

// end is close without a word to the log.
func (r *Replica) end() { r.stop.Do(r.shut) }

func (r *Replica) shut() {
	r.closing.Store(true)
	close(r.stopped)
	r.endLife()
}
