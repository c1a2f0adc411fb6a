package rpc

import (
	"context"
	"crypto/tls"
	"sync"
	"time"

	"google.golang.org/grpc/status"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// ClientConfig makes a Client.
type ClientConfig struct {
	// TLS of the connections to other nodes; nil: none.
	TLS *tls.Config
}

// Client calls other nodes by their addresses. Connections are made when first needed and kept. It is safe for concurrent
// use.
type Client struct {
	cfg ClientConfig

	mu     sync.RWMutex
	peers  map[string]*peer
	closed bool
}

// NewClient returns a Client.
func NewClient(cfg ClientConfig) *Client { return &Client{cfg: cfg, peers: map[string]*peer{}} }

// Close ends all connections, and with them the calls on them.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, p := range c.peers {
		p.close()
	}
	c.peers = map[string]*peer{}
}

func (c *Client) peer(address string) (*peer, error) {
	c.mu.RLock()
	p := c.peers[address]
	c.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClientClosed
	}
	if p = c.peers[address]; p == nil {
		p = newPeer(address, c.cfg.TLS)
		c.peers[address] = p
	}
	return p, nil
}

// do makes a call: it runs encode on a request and decode on an answer that is no failure.
func (c *Client) do(ctx context.Context, address string, op byte, group topo.GroupID, encode func(*writer),
	waiting func([]byte) bool, decode func(*reader)) error {
	p, err := c.peer(address)
	if err != nil {
		return lost(op, false, err)
	}
	w := request(ctx, op, group)
	encode(&w)
	if len(w) > maxMessage {
		return tooLarge("a request", len(w))
	}
	p.waiting.Add(1)
	answer, sent, err := p.roundTrip(ctx, w, waiting)
	p.waiting.Add(-1)
	if err != nil {
		return failure(ctx, op, sent, err)
	}
	return taken(op, answer, decode)
}

// taken decodes an answer, which is not empty.
func taken(op byte, answer []byte, decode func(*reader)) error {
	if answer[0] != answerOK {
		err, ok := decodeError(answer[0], answer[1:])
		if !ok {
			return lost(op, true, errDamaged)
		}
		return err
	}
	r := &reader{b: answer[1:]}
	decode(r)
	if err := r.done(); err != nil {
		return lost(op, true, err)
	}
	return nil
}

// request begins a request.
func request(ctx context.Context, op byte, group topo.GroupID) writer {
	w := append(make(writer, 0, 256), op)
	w.u64(uint64(group))
	w.u64(remainingMS(ctx))
	return w
}

// failure is what a call fails with when it got no answer: the end of the caller's context is its cause.
func failure(ctx context.Context, op byte, sent bool, err error) error {
	if ctx.Err() != nil && !(sent && op == opPropose) {
		return context.Cause(ctx)
	}
	return lost(op, sent, err)
}

// remainingMS is the time left to a call, 0 when it has no limit. It is rounded up: the caller's own clock has the last word.
func remainingMS(ctx context.Context) uint64 {
	d, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return uint64(max(1, (time.Until(d)+time.Millisecond-1)/time.Millisecond))
}

// lost is what a call fails with when its request or its answer got lost.
func lost(op byte, sent bool, err error) error {
	code := ErrUnavailable
	if op == opPropose {
		code = ErrNotProposed
		if sent {
			code = ErrAmbiguous
		}
	}
	detail := err.Error()
	if st, ok := status.FromError(err); ok {
		detail = st.Message()
	}
	return &Error{Code: code, Detail: detail}
}

// Call makes one of a node's own calls.
func (c *Client) Call(ctx context.Context, address, method string, body []byte) (answer []byte, err error) {
	err = c.do(ctx, address, opCall, 0, func(w *writer) {
		w.str(method)
		w.bytes(body)
	}, nil, func(r *reader) { answer = r.bytes() })
	return answer, err
}

// Requests tells what was sent to another node.
type Requests struct {
	Address string
	// Sent counts the messages by what they ask for: "batch" for those with requests to several groups.
	Sent map[string]uint64
	// Batched counts the requests to groups that travelled in batches.
	Batched uint64
}

// Requests counts, for each node by its address, what was sent to it.
func (c *Client) Requests() []Requests {
	c.mu.RLock()
	defer c.mu.RUnlock()
	out := make([]Requests, 0, len(c.peers))
	for _, p := range c.peers {
		r := Requests{Address: p.address, Sent: map[string]uint64{}, Batched: p.batched.Load()}
		for op, name := range opNames {
			if name != "" {
				r.Sent[name] = p.requests[op].Load()
			}
		}
		out = append(out, r)
	}
	return out
}

// Group returns a group at another node.
func (c *Client) Group(address string, id topo.GroupID) Group {
	return &remote{c: c, address: address, id: id}
}

// remote is a group at another node.
type remote struct {
	c       *Client
	address string
	id      topo.GroupID
}

var _ Group = (*remote)(nil)

// ID implements Group.
func (g *remote) ID() topo.GroupID { return g.id }

// Get implements Group.
func (g *remote) Get(ctx context.Context, q *GetRequest) (*GetResponse, error) {
	if q.wantsLinks() {
		p := new(linksResponse)
		return answered(&p.GetResponse, g.c.do(ctx, g.address, opGetLinks, g.id, (&linksRequest{*q}).encode, nil, p.decode))
	}
	p := new(GetResponse)
	return answered(p, g.c.do(ctx, g.address, opGet, g.id, q.encode, nil, p.decode))
}

// Scan implements Group.
func (g *remote) Scan(ctx context.Context, q *ScanRequest) (*ScanResponse, error) {
	p := new(ScanResponse)
	return answered(p, g.c.do(ctx, g.address, opScan, g.id, q.encode, nil, p.decode))
}

// Lock implements Group.
func (g *remote) Lock(ctx context.Context, q *LockRequest) (*LockResponse, error) {
	p := new(LockResponse)
	var waiting func([]byte) bool
	if q.WaitStarted != nil {
		waiting = func(b []byte) bool { return q.waiting(&reader{b: b}) }
	}
	return answered(p, g.c.do(ctx, g.address, opLock, g.id, q.encode, waiting, p.decode))
}

// waiting takes in that the wait for a lock has begun; false when that cannot be read.
func (q *LockRequest) waiting(r *reader) bool {
	holders := r.txns()
	if r.done() != nil {
		return false
	}
	if q.WaitStarted != nil {
		q.WaitStarted(holders)
	}
	return true
}

// Unlock implements Group.
func (g *remote) Unlock(ctx context.Context, q *UnlockRequest) error {
	return g.c.do(ctx, g.address, opUnlock, g.id, q.encode, nil, func(*reader) {})
}

// Propose implements Group.
func (g *remote) Propose(ctx context.Context, cmd *fsm.Command) (res fsm.Result, err error) {
	err = g.c.do(ctx, g.address, opPropose, g.id, func(w *writer) { *w = fsm.AppendCommand(*w, cmd) }, nil,
		func(r *reader) { res = decodeResult(r) })
	return res, err
}

// Outcome implements Group.
func (g *remote) Outcome(ctx context.Context, txn topo.TxnID, attempt topo.Attempt) (*OutcomeResponse, error) {
	p := new(OutcomeResponse)
	return answered(p, g.c.do(ctx, g.address, opOutcome, g.id, func(w *writer) {
		w.txn(txn)
		w.u64(uint64(attempt))
	}, nil, p.decode))
}

// NextSequenceValues implements Group.
func (g *remote) NextSequenceValues(ctx context.Context, q *SequenceRequest) (*SequenceResponse, error) {
	p := new(SequenceResponse)
	return answered(p, g.c.do(ctx, g.address, opSequence, g.id, q.encode, nil, p.decode))
}

// answered returns an answer or an error, never both.
func answered[R any](p *R, err error) (*R, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}
