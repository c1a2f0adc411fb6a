package group

import (
	"context"
	"errors"
	"maps"
	"sync"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// sequenceLogValues is how many values are logged ahead of use, PostgreSQL's SEQ_LOG_VALS. What was logged and not handed
// out is skipped by the next holder; a clean stop logs the true values, so that a restart leaves no gap.
const sequenceLogValues = 32

// When fewer than this many values are covered, more are logged in the background, so that nobody who comes in time waits
// for the log.
const sequenceLogBelow = sequenceLogValues / 2

// sequences are the sequences that this holder has served. They are forgotten with the lease's epoch.
type sequences struct {
	mu sync.Mutex
	m  map[topo.StorageID]*sequence
}

// sequence is one of them. Whoever cannot be served before the log has answered keeps the mutex meanwhile: nextval is served
// in order. One command at a time is on its way: a later one could be overtaken, and set the sequence back.
type sequence struct {
	mu        sync.Mutex
	epoch     topo.LeaseEpoch // 0: not loaded
	state     rpc.SequenceValue
	increment int64 // that ahead was logged with
	ahead     int64 // values after state.Last that are covered by what is logged
	// logging is set while more is being logged in the background, and closed at its end.
	logging chan struct{}
}

// settle waits until nothing is being logged in the background. q.mu is held, and let go meanwhile.
func (q *sequence) settle(ctx context.Context) error {
	for q.logging != nil {
		done := q.logging
		q.mu.Unlock()
		var err error
		select {
		case <-done:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		q.mu.Lock()
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *sequences) get(id topo.StorageID) *sequence {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.m[id]
	if q == nil {
		q = &sequence{}
		if s.m == nil {
			s.m = map[topo.StorageID]*sequence{}
		}
		s.m[id] = q
	}
	return q
}

// settle waits until nothing of a sequence is being logged in the background.
func (s *sequences) settle(ctx context.Context, id topo.StorageID) error {
	s.mu.Lock()
	q := s.m[id]
	s.mu.Unlock()
	if q == nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.settle(ctx)
}

// forget drops what is remembered of a sequence whose state was logged by somebody's own command.
func (s *sequences) forget(id topo.StorageID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, id)
}

func (s *sequences) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m = nil
}

// NextSequenceValues implements rpc.Group.
func (r *Replica) NextSequenceValues(ctx context.Context, req *rpc.SequenceRequest) (*rpc.SequenceResponse, error) {
	v, err := r.confirm(ctx)
	if err != nil {
		return nil, err
	}
	q := r.sequences.get(req.ID)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.epoch != v.info.Epoch || req.Set != nil {
		if err := q.settle(ctx); err != nil {
			return nil, err
		}
	}
	if q.epoch != v.info.Epoch {
		q.state = rpc.SequenceValue{Last: req.Start}
		if logged, ok := r.state.Sequence(req.ID); ok {
			q.state = rpc.SequenceValue(logged)
		}
		q.epoch, q.ahead = v.info.Epoch, 0
	}
	switch {
	case req.Peek:
		return &rpc.SequenceResponse{State: q.state}, nil
	case req.Set != nil:
		if err := r.logSequence(ctx, q.epoch, req.ID, *req.Set); err != nil {
			q.epoch = 0
			return nil, err
		}
		q.state, q.ahead = *req.Set, 0
		return &rpc.SequenceResponse{State: q.state}, nil
	}
	return r.nextValues(ctx, q, req)
}

// nextValues is nextval. q is locked and loaded.
func (r *Replica) nextValues(ctx context.Context, q *sequence, req *rpc.SequenceRequest) (*rpc.SequenceResponse, error) {
	count := int64(max(req.Count, 1))
	if resp := q.covered(req, count); resp != nil {
		r.logAhead(q, req)
		return resp, nil
	}
	if epoch := q.epoch; q.logging != nil {
		switch err := q.settle(ctx); {
		case err != nil:
			return nil, err
		case q.epoch != epoch:
			return nil, fail(rpc.ErrUnavailable, "the sequence could not be logged")
		}
		if resp := q.covered(req, count); resp != nil {
			return resp, nil
		}
	}
	run, ok := nextRun(q.state, req, count)
	if !ok {
		return &rpc.SequenceResponse{AtLimit: true, State: q.state}, nil
	}
	if err := r.logSequence(ctx, q.epoch, req.ID, rpc.SequenceValue{Last: run.logged, IsCalled: true}); err != nil {
		q.epoch = 0 // what is logged is not known: load it anew
		return nil, err
	}
	q.state = rpc.SequenceValue{Last: run.last, IsCalled: true}
	q.increment, q.ahead = req.Increment, run.ahead
	return &rpc.SequenceResponse{First: run.first, Count: int(run.count), State: q.state}, nil
}

// covered hands out values that what is logged covers, or returns nil.
func (q *sequence) covered(req *rpc.SequenceRequest, count int64) *rpc.SequenceResponse {
	if !q.state.IsCalled || q.ahead < count || q.increment != req.Increment {
		return nil
	}
	first := q.state.Last + req.Increment
	q.state.Last += count * req.Increment
	q.ahead -= count
	return &rpc.SequenceResponse{First: first, Count: int(count), State: q.state}
}

// logAhead logs more values in the background when few are left, as far ahead of what was handed out as anybody logs: what
// a crash skips stays within sequenceLogValues. q is locked.
func (r *Replica) logAhead(q *sequence, req *rpc.SequenceRequest) {
	if q.ahead >= sequenceLogBelow || q.logging != nil {
		return
	}
	ahead := int64(min(stepsLeft(q.state.Last, req), sequenceLogValues))
	more := ahead - q.ahead
	if more <= 0 {
		return // near the bound, all is logged
	}
	logged := rpc.SequenceValue{Last: q.state.Last + ahead*req.Increment, IsCalled: true}
	epoch, id := q.epoch, req.ID
	done := make(chan struct{})
	q.logging = done
	go func() {
		err := r.logSequence(r.life, epoch, id, logged)
		q.mu.Lock()
		var refused *rpc.Error
		switch {
		case err == nil:
			q.ahead += more
		case errors.As(err, &refused) && refused.Code == rpc.ErrDiskFull:
			// Nothing was logged: what is covered can still be handed out.
		default:
			q.epoch = 0 // what is logged is not known: load it anew
		}
		q.logging = nil
		q.mu.Unlock()
		close(done)
	}()
}

// sequenceRun is a run of values to hand out, and how far beyond them to log.
type sequenceRun struct {
	first, last   int64
	count         int64
	logged, ahead int64
}

// nextRun finds the next count values (fewer at a bound, but one at least) as PostgreSQL's nextval does. ok is false when
// the bound is reached and the sequence does not cycle.
func nextRun(state rpc.SequenceValue, req *rpc.SequenceRequest, count int64) (run sequenceRun, ok bool) {
	first := state.Last
	if state.IsCalled {
		switch {
		case stepsLeft(state.Last, req) > 0:
			first = state.Last + req.Increment
		case !req.Cycle:
			return run, false
		case req.Increment > 0:
			first = req.Min
		default:
			first = req.Max
		}
	}
	after := stepsLeft(first, req)
	more := count - 1
	if uint64(more) > after {
		more = int64(after)
	}
	ahead := int64(min(after-uint64(more), sequenceLogValues))
	run = sequenceRun{first: first, last: first + more*req.Increment, count: more + 1, ahead: ahead}
	run.logged = run.last + ahead*req.Increment
	return run, true
}

// stepsLeft returns how many increments fit between v and the bound. It computes in uint64, where the distance of any two
// int8 values fits.
func stepsLeft(v int64, req *rpc.SequenceRequest) uint64 {
	if req.Increment > 0 {
		if v >= req.Max {
			return 0
		}
		return (uint64(req.Max) - uint64(v)) / uint64(req.Increment)
	}
	if v <= req.Min {
		return 0
	}
	return (uint64(v) - uint64(req.Min)) / -uint64(req.Increment)
}

func (r *Replica) logSequence(ctx context.Context, epoch topo.LeaseEpoch, id topo.StorageID, v rpc.SequenceValue) error {
	if !r.host.reserve.admit(0) {
		return fail(rpc.ErrDiskFull, "the disk reserve is reached")
	}
	// Not cancelled half-way: a command that is still on its way could apply after a later one, and set the sequence back.
	return r.sendOK(context.WithoutCancel(ctx), epoch, sequenceCommand(id, v))
}

func sequenceCommand(id topo.StorageID, v rpc.SequenceValue) *fsm.Command {
	return &fsm.Command{Sequence: &fsm.Sequence{ID: id, Last: v.Last, IsCalled: v.IsCalled}}
}

// flushSequences logs the true state of every sequence that is logged ahead; part of a clean stop and of a
// release: what is served after it must be logged first.
func (r *Replica) flushSequences(ctx context.Context) {
	v := r.lease.Load()
	if !v.mine {
		return
	}
	// Apply takes sequences.mu when the lease moves: it may not be held while logging.
	r.sequences.mu.Lock()
	served := maps.Clone(r.sequences.m)
	r.sequences.mu.Unlock()
	for id, q := range served {
		q.mu.Lock()
		if q.settle(ctx) == nil && q.epoch == v.info.Epoch && q.ahead > 0 {
			// A failure leaves a gap, as a crash would.
			_, _ = r.sendThrough(ctx, q.epoch, sequenceCommand(id, q.state), nil)
		}
		q.epoch = 0
		q.mu.Unlock()
	}
}

// LoggedWindow returns the end of the last window of timestamps logged in this group, 0 before the first. The caller holds
// the lease.
func (r *Replica) LoggedWindow(ctx context.Context) (topo.Timestamp, error) {
	if _, err := r.confirm(ctx); err != nil {
		return 0, err
	}
	s, _ := r.state.Sequence(fsm.WindowSequence)
	return topo.Timestamp(s.Last), nil
}

// LogWindow logs the end of a window of timestamps; it fails when the epoch is over. It is let through on a full disk,
// since reads need timestamps.
func (r *Replica) LogWindow(ctx context.Context, epoch topo.LeaseEpoch, end topo.Timestamp) error {
	// As in logSequence.
	return r.sendOK(context.WithoutCancel(ctx), epoch, &fsm.Command{Sequence: &fsm.Sequence{ID: fsm.WindowSequence, Last: int64(end), IsCalled: true}})
}
