package lockmgr

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// errStale is the answer to a request that a later one of its owner has overtaken: nobody waits for it any more.
var errStale = errors.New("lockmgr: a later request of the owner has come")

// The inbox carries out what owners of other nodes ask for: an owner's requests in the order of their numbers, each once.
//
//   - A request with the number of the last one is that one, repeated: it waits for the same result. So an acquire keeps its
//     place in the queue when a connection breaks.
//   - A request with a lower number is late. Its sender has gone on, and it does nothing.
//   - A request with a higher number ends the acquire under way, if there is one: its sender has given it up. Only when that
//     has ended does the next one begin. The sender of an acquire that it gave up releases next, whatever the acquire got.
type inbox struct {
	mu     sync.Mutex
	owners map[topo.TxnID]*inboxOwner
	swept  time.Time
}

// inboxOwner is what the inbox knows of an owner. seq only grows.
type inboxOwner struct {
	mu   sync.Mutex
	seq  uint64
	op   *acquireOp // that of seq, nil when seq was a release
	drop uint64     // the last release
	used time.Time  // guarded by inbox.mu
}

// acquireOp is an acquire that was begun. reply is set before done is closed.
type acquireOp struct {
	seq    uint64
	cancel context.CancelFunc
	done   chan struct{}
	reply  *acquireReply
}

// Entries are kept that long after an owner's last request: no call is under way longer.
const inboxMemory = 10 * time.Minute

func newInbox() *inbox { return &inbox{owners: map[topo.TxnID]*inboxOwner{}, swept: time.Now()} }

func (b *inbox) owner(id topo.TxnID) *inboxOwner {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Sub(b.swept) > inboxMemory {
		b.swept = now
		for id, o := range b.owners {
			if now.Sub(o.used) > inboxMemory && o.idle() {
				delete(b.owners, id)
			}
		}
	}
	o := b.owners[id]
	if o == nil {
		o = &inboxOwner{}
		b.owners[id] = o
	}
	o.used = now
	return o
}

// idle reports whether no acquire is under way.
func (o *inboxOwner) idle() bool {
	if !o.mu.TryLock() {
		return false
	}
	defer o.mu.Unlock()
	return o.finished()
}

func (o *inboxOwner) finished() bool {
	if o.op == nil {
		return true
	}
	select {
	case <-o.op.done:
		return true
	default:
		return false
	}
}

// acquire begins an acquire, or finds it begun, and waits for its end as long as ctx allows: the reply is nil when it waits
// still. run must return soon after its context is done, holding nothing then.
func (b *inbox) acquire(ctx context.Context, owner topo.TxnID, seq uint64, run func(context.Context) *acquireReply) *acquireReply {
	o := b.owner(owner)
	o.mu.Lock()
	op := o.op
	switch {
	case seq < o.seq || seq == o.seq && op == nil:
		o.mu.Unlock()
		return replyOf(false, errStale)
	case seq > o.seq:
		o.settle()
		opCtx, cancel := context.WithCancel(context.Background())
		op = &acquireOp{seq: seq, cancel: cancel, done: make(chan struct{})}
		o.seq, o.op = seq, op
		go func() {
			defer cancel()
			op.reply = run(opCtx)
			close(op.done)
		}()
	}
	o.mu.Unlock()
	select {
	case <-op.done:
		return op.reply
	case <-ctx.Done():
		return nil
	}
}

// release runs drop unless a later request has come.
func (b *inbox) release(owner topo.TxnID, seq uint64, drop func()) {
	o := b.owner(owner)
	o.mu.Lock()
	defer o.mu.Unlock()
	if seq < o.seq {
		return
	}
	o.settle()
	o.seq, o.op, o.drop = seq, nil, seq
	drop()
}

// asOf runs f if owner has released nothing since request number seq of its node. quiet asks for more: no acquire either.
func (b *inbox) asOf(owner topo.TxnID, seq uint64, quiet bool, f func()) {
	o := b.owner(owner)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.drop <= seq && (!quiet || o.seq <= seq && o.finished()) {
		f()
	}
}

// settle ends the acquire under way.
func (o *inboxOwner) settle() {
	if o.op != nil {
		o.op.cancel()
		<-o.op.done
	}
}
