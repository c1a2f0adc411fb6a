package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

const (
	// pingEvery is how often a node is asked for a sign of life while calls wait for it, and pingTimeout how long that may
	// take. A node that is stopped or cut off keeps its connections: this is what notices.
	pingEvery   = 700 * time.Millisecond
	pingTimeout = 1500 * time.Millisecond
	// maxIdleStreams are kept for each node.
	maxIdleStreams = 256
	// reconnectWithin bounds how long a node that is back is still taken for dead.
	reconnectWithin = 200 * time.Millisecond
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

// peer is another node.
type peer struct {
	address string
	cfg     *ClientConfig
	waiting atomic.Int64 // calls under way
	stop    chan struct{}

	mu   sync.Mutex
	conn *grpc.ClientConn // nil: to be made
	gen  uint64           // counts the connections: streams of earlier ones are not put back
	idle []*stream
}

// stream carries one call at a time.
type stream struct {
	grpc.ClientStream
	cancel context.CancelFunc
	gen    uint64
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
		return nil, errors.New("the client is closed")
	}
	if p = c.peers[address]; p == nil {
		p = &peer{address: address, cfg: &c.cfg, stop: make(chan struct{})}
		c.peers[address] = p
		go p.watch()
	}
	return p, nil
}

func (p *peer) close() {
	close(p.stop)
	p.reset()
}

// reset drops the connection and everything on it.
func (p *peer) reset() {
	p.mu.Lock()
	conn, idle := p.conn, p.idle
	p.conn, p.idle = nil, nil
	p.gen++
	p.mu.Unlock()
	for _, s := range idle {
		s.cancel()
	}
	if conn != nil {
		conn.Close()
	}
}

// watch asks for signs of life while calls wait.
func (p *peer) watch() {
	t := time.NewTicker(pingEvery)
	defer t.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-t.C:
		}
		if p.waiting.Load() == 0 {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), pingTimeout)
		_, sent, err := p.roundTrip(ctx, []byte{opPing, 0, 0}, nil)
		cancel()
		if err != nil && (sent || ctx.Err() != nil) {
			p.reset()
		}
	}
}

func (p *peer) connect() (*grpc.ClientConn, uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn == nil {
		conn, err := grpc.NewClient("passthrough:///"+p.address,
			grpc.WithTransportCredentials(insecure.NewCredentials()), // TLS is Dial's
			grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
				return Dial(ctx, addr, Calls, p.cfg.TLS)
			}),
			grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: DialTimeout,
				Backoff: backoff.Config{BaseDelay: reconnectWithin / 4, Multiplier: 1.6, Jitter: 0.2, MaxDelay: reconnectWithin}}),
			grpc.WithInitialWindowSize(windowBytes), grpc.WithInitialConnWindowSize(4*windowBytes), grpc.WithDisableServiceConfig(),
			grpc.WithDefaultCallOptions(grpc.ForceCodec(rawCodec{}), grpc.MaxCallRecvMsgSize(maxMessage),
				grpc.MaxCallSendMsgSize(maxMessage)))
		if err != nil {
			return nil, 0, err
		}
		p.conn = conn
	}
	return p.conn, p.gen, nil
}

var streamDesc = grpc.StreamDesc{StreamName: streamName, ServerStreams: true, ClientStreams: true}

// take returns an idle stream or makes one.
func (p *peer) take(ctx context.Context) (*stream, error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		s := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return s, nil
	}
	p.mu.Unlock()
	conn, gen, err := p.connect()
	if err != nil {
		return nil, err
	}
	base, cancel := context.WithCancel(context.Background())
	// Until the stream is made, the caller's end is the stream's; the connection's own timeout bounds the rest.
	unhook := context.AfterFunc(ctx, cancel)
	st, err := conn.NewStream(base, &streamDesc, "/"+serviceName+"/"+streamName)
	if err != nil || !unhook() {
		cancel()
		if err == nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	return &stream{ClientStream: st, cancel: cancel, gen: gen}, nil
}

func (p *peer) put(s *stream) {
	p.mu.Lock()
	if s.gen == p.gen && len(p.idle) < maxIdleStreams {
		p.idle = append(p.idle, s)
		s = nil
	}
	p.mu.Unlock()
	if s != nil {
		s.cancel()
	}
}

// roundTrip sends a request and receives its answer. sent tells whether the request may have reached the node. waiting is
// called for each frame that is not the answer yet.
func (p *peer) roundTrip(ctx context.Context, frame []byte, waiting func([]byte)) (answer []byte, sent bool, err error) {
	for {
		s, err := p.take(ctx)
		if err != nil {
			return nil, false, err
		}
		answer, retry, err := p.on(ctx, s, frame, waiting)
		if err == nil || !retry || ctx.Err() != nil {
			return answer, !retry, err
		}
		// The stream was idle while its connection ended: nothing was sent.
	}
}

// on makes a round trip on a stream. retry is true when the request was certainly not sent.
func (p *peer) on(ctx context.Context, s *stream, frame []byte, waiting func([]byte)) (answer []byte, retry bool, err error) {
	if ctx.Done() != nil {
		unhook := context.AfterFunc(ctx, s.cancel)
		defer unhook()
	}
	if err := s.SendMsg(&frame); err != nil {
		s.cancel()
		return nil, true, err
	}
	for {
		if err := s.RecvMsg(&answer); err != nil {
			s.cancel()
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return nil, false, err
		}
		if len(answer) > 0 && answer[0] == answerWaiting && waiting != nil {
			waiting(answer[1:])
			continue
		}
		if ctx.Err() != nil {
			s.cancel() // it may have been cancelled already
		} else {
			p.put(s)
		}
		return answer, false, nil
	}
}

// do makes a call: it runs encode on a request and decode on an answer that is no failure.
func (c *Client) do(ctx context.Context, address string, op byte, group topo.GroupID, encode func(*writer), waiting func([]byte),
	decode func(*reader)) error {
	p, err := c.peer(address)
	if err != nil {
		return lost(op, false, err)
	}
	w := make(writer, 0, 256)
	w = append(w, op)
	w.u64(uint64(group))
	w.u64(remainingMS(ctx))
	encode(&w)
	p.waiting.Add(1)
	answer, sent, err := p.roundTrip(ctx, w, waiting)
	p.waiting.Add(-1)
	switch {
	case err != nil && ctx.Err() != nil:
		if op == opPropose && sent {
			return lost(op, sent, err)
		}
		return context.Cause(ctx)
	case err != nil:
		return lost(op, sent, err)
	case len(answer) == 0:
		return lost(op, true, errDamaged)
	case answer[0] != answerOK:
		return readError(answer[0], answer[1:])
	}
	r := &reader{b: answer[1:]}
	decode(r)
	if err := r.done(); err != nil {
		return lost(op, true, err)
	}
	return nil
}

// remainingMS is the time left to a call, 0 when it has no limit.
func remainingMS(ctx context.Context) uint64 {
	d, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return uint64(max(1, time.Until(d).Milliseconds()))
}

// lost is what a call fails with when it got no answer.
func lost(op byte, sent bool, err error) error {
	code := ErrUnavailable
	if op == opPropose {
		code = ErrNotProposed
		if sent {
			code = ErrAmbiguous
		}
	}
	return &Error{Code: code, Detail: err.Error()}
}

// Call makes one of a node's own calls.
func (c *Client) Call(ctx context.Context, address, method string, body []byte) (answer []byte, err error) {
	err = c.do(ctx, address, opCall, 0, func(w *writer) {
		w.str(method)
		w.bytes(body)
	}, nil, func(r *reader) { answer = r.bytes() })
	return answer, err
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
	var waiting func([]byte)
	if q.WaitStarted != nil {
		waiting = func(b []byte) {
			r := &reader{b: b}
			holders := make([]topo.TxnID, r.count(3))
			for i := range holders {
				holders[i] = r.txn()
			}
			if r.done() == nil {
				q.WaitStarted(holders)
			}
		}
	}
	return answered(p, g.c.do(ctx, g.address, opLock, g.id, q.encode, waiting, p.decode))
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
