package group

// Group commit. A raft entry costs about the same with one command as with a hundred, so waiting commands share one, up
// to maxBatchBytes. Nobody lingers: while fewer than a few batches (proposer.limit) are on their way, a caller packs what waits and
// proposes it itself; later callers queue; when a batch comes back from apply, the first caller of the queue is woken to
// lead the next one. There is no proposer goroutine, so a lone client's commit costs no hand-over.
//
// Rejected: one goroutine a group that packs and proposes (two more switches a commit, felt by a lone client), and
// leaving the packing to dragonboat (its entries cost more than ours to step, save and apply).

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lni/dragonboat/v4"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

const (
	// MaxCommandBytes bounds one command's encoding; shard/txn sends what is larger ahead in pieces.
	MaxCommandBytes = 2 << 20
	maxBatchBytes   = 1 << 20
	maxQueuedBytes  = 64 << 20
	// How many batches are on their way through raft at a time. Without peers a proposal's time is the disk's, and one log
	// store syncs for one batch at a time: a second one in flight only makes the batches smaller (8 clients: 21k
	// commits/s with one, 15k with two). With peers the time is the network's.
	inFlightAlone, inFlightWithPeers = 1, 3
	// proposeTimeout bounds a proposal's way through raft; what takes longer has an unknown outcome.
	proposeTimeout = 10 * time.Second
	// leaseTimeout bounds a Lease's; one that got lost is proposed again.
	leaseTimeout = time.Second
	// dropRetryFor bounds the retries of proposals that raft drops because it has no leader.
	dropRetryFor = 5 * time.Second
)

// call is one command on its way. Its fields but signal are guarded by proposer.mu until signal is sent.
type call struct {
	epoch    topo.LeaseEpoch
	data     []byte
	inflight *inflight
	signal   chan struct{} // capacity 1: lead, or done
	lead     *batch        // set when this caller has to propose a batch
	result   fsm.Result
	err      error
}

var callPool = sync.Pool{New: func() any { return &call{signal: make(chan struct{}, 1)} }}

// batch is one proposal.
type batch struct {
	seq        uint64
	calls      []*call
	bytes      int
	timeout    time.Duration
	proposedNS int64 // CLOCK_BOOTTIME before the (last) proposal
	// orphaned: the outcome is unknown and the callers were told so; the registrations of its prepares stay.
	orphaned  bool
	inflights []*inflight
}

type proposer struct {
	mu       sync.Mutex
	queue    []*call
	queued   int // bytes
	inFlight int
	limit    int // 0 <= inFlight <= limit
	seq      uint64
	batches  map[uint64]*batch
	buffers  sync.Pool
	batched  atomic.Uint64
	commands atomic.Uint64
}

// submit queues a command and waits for its result. A Lease does not queue: it is what ends the wait for proposals that
// got lost.
func (r *Replica) submit(ctx context.Context, c *call, urgent bool) (fsm.Result, error) {
	p := &r.proposer
	if urgent {
		p.mu.Lock()
		b := p.newBatch([]*call{c}, len(c.data))
		b.timeout = leaseTimeout
		p.mu.Unlock()
		r.propose(ctx, b)
		return r.await(ctx, c)
	}
	b, err := r.enqueue(c)
	if err != nil {
		return fsm.Result{}, err
	}
	if b != nil {
		r.propose(ctx, b)
	}
	return r.await(ctx, c)
}

// enqueue queues a command, and returns the batch that its caller has to propose, if any.
func (r *Replica) enqueue(c *call) (*batch, error) {
	p := &r.proposer
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.queued > maxQueuedBytes {
		if c.inflight != nil {
			r.reads.unregister(c.inflight)
		}
		return nil, fail(rpc.ErrNotProposed, "too many commands are waiting for the log")
	}
	p.queue = append(p.queue, c)
	p.queued += len(c.data)
	if p.inFlight < p.limit {
		return p.pack(), nil
	}
	return nil, nil
}

// await waits for a queued command's result, proposing a batch when it is this caller's turn.
func (r *Replica) await(ctx context.Context, c *call) (fsm.Result, error) {
	for {
		select {
		case <-c.signal:
		case <-ctx.Done():
			select {
			case <-c.signal: // an answer that is there counts
			default:
				if r.withdraw(c) {
					return fsm.Result{}, context.Cause(ctx)
				}
				// It may be in the log: nobody can take it back. Its batch has to be led if that falls to it.
				go r.await(context.Background(), c)
				return fsm.Result{}, fail(rpc.ErrAmbiguous, "cancelled while the command was on its way through the log")
			}
		}
		b := c.lead
		if b == nil {
			return c.result, c.err
		}
		c.lead = nil
		r.propose(ctx, b)
	}
}

// withdraw takes a command that was not packed yet out of the queue.
func (r *Replica) withdraw(c *call) bool {
	p := &r.proposer
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, q := range p.queue {
		if q == c {
			p.queue = append(p.queue[:i], p.queue[i+1:]...)
			p.queued -= len(c.data)
			if c.inflight != nil {
				r.reads.unregister(c.inflight)
			}
			return true
		}
	}
	return false
}

// pack takes the next batch from the queue, which is not empty. p.mu is held.
func (p *proposer) pack() *batch {
	n, bytes := 0, 0
	for n < len(p.queue) && (n == 0 || bytes+len(p.queue[n].data) <= maxBatchBytes) {
		bytes += len(p.queue[n].data)
		n++
	}
	b := p.newBatch(append([]*call(nil), p.queue[:n]...), bytes)
	rest := copy(p.queue, p.queue[n:])
	clear(p.queue[rest:])
	p.queue = p.queue[:rest]
	p.queued -= bytes
	return b
}

// newBatch counts a batch in. p.mu is held.
func (p *proposer) newBatch(calls []*call, bytes int) *batch {
	p.seq++
	b := &batch{seq: p.seq, calls: calls, bytes: bytes, timeout: proposeTimeout}
	p.inFlight++
	p.batches[b.seq] = b
	p.batched.Add(1)
	p.commands.Add(uint64(len(calls)))
	return b
}

// refuse answers the commands of earlier epochs that are on their way: apply refuses them from now on, wherever they are.
// It runs in apply's goroutine, when the lease has moved. A batch that was not proposed yet is left alone: its leader is
// about to read its commands.
func (r *Replica) refuse(current topo.LeaseEpoch) {
	p := &r.proposer
	var over, lead []*call
	p.mu.Lock()
	for seq, b := range p.batches {
		if b.orphaned {
			delete(p.batches, seq)
		} else if b.proposedNS != 0 && b.olderThan(current) {
			delete(p.batches, seq)
			over = append(over, b.calls...)
			if next := p.next(); next != nil {
				lead = append(lead, next)
			}
		}
	}
	for _, c := range over {
		c.result = fsm.Result{Code: fsm.ResultStaleEpoch}
	}
	p.mu.Unlock()
	for _, c := range lead {
		wake(c)
	}
	for _, c := range over {
		if c.inflight != nil {
			r.reads.unregister(c.inflight)
		}
		c.signal <- struct{}{}
	}
}

func (b *batch) olderThan(epoch topo.LeaseEpoch) bool {
	for _, c := range b.calls {
		if c.epoch >= epoch {
			return false
		}
	}
	return true
}

// underWay reports whether a batch that was proposed before a CLOCK_BOOTTIME is still on its way.
func (p *proposer) underWay(before int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.batches {
		if !b.orphaned && b.proposedNS != 0 && b.proposedNS < before {
			return true
		}
	}
	return false
}

// idle reports whether nothing is on its way or waits to be.
func (p *proposer) idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.inFlight == 0 && len(p.queue) == 0
}

// setLimit bounds the batches on their way by what the group's number of voters calls for.
func (p *proposer) setLimit(voters int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = inFlightWithPeers
	if voters == 1 {
		p.limit = inFlightAlone
	}
}

// propose sends a batch through raft and sees to it that every caller gets an answer. A leading caller that is cancelled
// leaves the watch over the batch to a goroutine.
func (r *Replica) propose(ctx context.Context, b *batch) {
	r.watch(ctx, b, r.entry(b), nil, time.Now().Add(dropRetryFor))
}

// entry returns the log entry of a batch.
func (r *Replica) entry(b *batch) *[]byte {
	buf, _ := r.proposer.buffers.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	data := appendHeader((*buf)[:0], r.host.process, b.seq)
	for _, c := range b.calls {
		data = append(data, c.data...)
	}
	*buf = data
	return buf
}

// watch proposes b unless rs is a proposal of it already, and follows it until it was applied here or was refused, with its
// epoch (its callers then have their results), or has failed.
func (r *Replica) watch(ctx context.Context, b *batch, buf *[]byte, rs *dragonboat.RequestState, giveUp time.Time) {
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		var err error
		if rs == nil {
			if !r.proposer.proposing(b) {
				return
			}
			rs, err = r.host.nh.Propose(r.session, *buf, b.timeout)
		}
		if err == nil {
			view := r.lease.Load()
			if !r.proposer.has(b) {
				return // applied, or refused: its epoch ended before the view was loaded
			}
			select {
			case <-view.changed:
				continue
			case res := <-rs.ResultC():
				completed, dropped := res.Completed(), res.Dropped()
				rs.Release()
				rs = nil
				if !completed && !dropped {
					r.failBatch(b, rpc.ErrAmbiguous, "no answer from the log within the time allowed")
					return
				}
				if completed {
					r.proposer.buffers.Put(buf)
					return
				}
				err = errDropped
			case <-ctx.Done():
				go r.watch(context.Background(), b, buf, rs, giveUp)
				return
			}
		}
		if time.Now().After(giveUp) || r.closing.Load() || errors.Is(err, dragonboat.ErrClosed) {
			r.failBatch(b, rpc.ErrNotProposed, err.Error())
			return
		}
		time.Sleep(wait)
	}
}

// proposing notes that b is about to be proposed; false when its callers have been answered.
func (p *proposer) proposing(b *batch) bool {
	now := BootNS()
	p.mu.Lock()
	defer p.mu.Unlock()
	b.proposedNS = now
	return p.batches[b.seq] == b
}

// has reports whether b's callers wait for an answer.
func (p *proposer) has(b *batch) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.batches[b.seq] == b
}

var errDropped = errors.New("the group has no leader")

// failBatch answers a batch's callers with an error. When the batch may still apply, the lease epoch is raised: apply
// then refuses it, and only then do the reads that wait for its prepares go on.
func (r *Replica) failBatch(b *batch, code rpc.ErrorCode, detail string) {
	p := &r.proposer
	p.mu.Lock()
	if p.batches[b.seq] != b || b.orphaned {
		p.mu.Unlock()
		return // applied meanwhile
	}
	for _, c := range b.calls {
		if c.inflight != nil {
			b.inflights = append(b.inflights, c.inflight)
		}
		c.err = fail(code, detail)
	}
	calls := b.calls
	if code == rpc.ErrAmbiguous {
		b.orphaned, b.calls = true, nil
	} else {
		delete(p.batches, b.seq)
		for _, f := range b.inflights {
			r.reads.unregister(f)
		}
	}
	next := p.next()
	p.mu.Unlock()
	for _, c := range calls {
		c.signal <- struct{}{}
	}
	wake(next)
	if code == rpc.ErrAmbiguous && !r.closing.Load() {
		r.metrics.Ambiguous.Add(1)
		r.fence.Store(true)
		r.host.kick()
	}
}

// next ends one batch in flight and packs another if somebody waits. p.mu is held; the caller wakes the leader.
func (p *proposer) next() *call {
	p.inFlight--
	if len(p.queue) == 0 || p.inFlight >= p.limit {
		return nil
	}
	b := p.pack()
	b.calls[0].lead = b
	return b.calls[0]
}

func wake(c *call) {
	if c != nil {
		c.signal <- struct{}{}
	}
}

// deliver hands a batch that came back from apply its results. It returns the CLOCK_BOOTTIME of the proposal, and the
// epoch that its commands were proposed under.
func (r *Replica) deliver(seq uint64, results []fsm.Result) (proposedNS int64, epoch topo.LeaseEpoch) {
	p := &r.proposer
	p.mu.Lock()
	b := p.batches[seq]
	if b == nil {
		p.mu.Unlock()
		return 0, 0
	}
	delete(p.batches, seq)
	if b.orphaned {
		p.mu.Unlock()
		for _, f := range b.inflights {
			r.reads.unregister(f)
		}
		return 0, 0
	}
	proposedNS = b.proposedNS
	for i, c := range b.calls {
		c.result = results[i]
		if results[i].Code != fsm.ResultStaleEpoch {
			epoch = c.epoch
		}
	}
	next := p.next()
	p.mu.Unlock()
	wake(next)
	for _, c := range b.calls {
		if c.inflight != nil {
			r.reads.unregister(c.inflight)
		}
		c.signal <- struct{}{}
	}
	return proposedNS, epoch
}
