package group

import (
	"context"
	"time"

	"github.com/lni/dragonboat/v4"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
)

// A transaction proposes to several groups at a time, and all groups of a node share one log store, which syncs for whatever
// has come to it by then. Proposals that were made ready beforehand come to it together; otherwise the first one would have
// the disk to itself, and the others would wait for the next turn.

// started is a proposal that was made ready.
type started struct {
	r      *Replica
	cmd    *fsm.Command
	c      *call
	err    error
	ending bool

	// The batch that it has to propose, if any, and its proposal, if it was made.
	b      *batch
	buf    *[]byte
	rs     *dragonboat.RequestState
	giveUp time.Time
}

var _ rpc.Starter = (*Replica)(nil)

// Start implements rpc.Starter.
func (r *Replica) Start(cmd *fsm.Command) rpc.Started {
	if cmd.Sequence != nil || cmd.Lease != nil {
		return nil
	}
	r.calls.Add(1) // before the look at the door, see Propose
	shut := r.handoff.Load()
	v := r.lease.Load()
	if !v.mine || shut != nil || r.closing.Load() || cmd.Prepare != nil && !r.floored.Load() ||
		grows(cmd) && !r.host.reserve.admit(size(cmd)) {
		r.calls.Add(-1)
		return nil
	}
	s := &started{r: r, cmd: cmd, ending: cmd.Commit != nil || cmd.Resolve != nil}
	if s.ending {
		r.ending.Add(1)
	}
	var f *inflight
	if cmd.Prepare != nil {
		f = r.reads.register(cmd.Prepare)
	}
	s.c, s.err = r.encode(v.info.Epoch, cmd, f)
	return s
}

// Send implements rpc.Started.
func (s *started) Send() {
	if s.err != nil {
		return
	}
	r := s.r
	if s.b, s.err = r.enqueue(s.c); s.b == nil {
		return
	}
	s.giveUp = time.Now().Add(dropRetryFor)
	s.buf = r.entry(s.b)
	if r.proposer.proposing(s.b) {
		s.rs, _ = r.host.nh.Propose(r.session, *s.buf, s.b.timeout) // Wait tries again
	}
}

// Wait implements rpc.Started.
func (s *started) Wait(ctx context.Context) (res fsm.Result, err error) {
	r := s.r
	defer r.calls.Add(-1)
	if s.ending {
		defer r.ending.Add(-1)
	}
	if s.err != nil {
		return fsm.Result{}, s.err
	}
	if s.b != nil {
		r.watch(ctx, s.b, s.buf, s.rs, s.giveUp)
	}
	res, err = r.await(ctx, s.c)
	s.c.free(err)
	if err == nil {
		r.releaseLocks(s.cmd, res)
	}
	return res, err
}
