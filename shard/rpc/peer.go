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

// peer is another node: one connection to it, and the streams on that which no call uses at the moment.
type peer struct {
	address string
	tls     *tls.Config
	waiting atomic.Int64  // calls under way
	heard   atomic.Uint64 // frames that came
	// requests counts the frames that were sent, by operation; batched the requests to groups that travelled in batches.
	requests [opEnd]atomic.Uint64
	batched  atomic.Uint64
	stop     chan struct{}

	mu     sync.Mutex
	closed bool
	conn   *grpc.ClientConn // nil: to be made
	gen    uint64           // counts the connections
	idle   []*stream        // streams of conn; 0 <= len <= maxIdleStreams
}

// stream carries one call at a time.
type stream struct {
	grpc.ClientStream
	cancel context.CancelFunc
	gen    uint64 // the connection's
}

var streamDesc = grpc.StreamDesc{StreamName: streamName, ServerStreams: true, ClientStreams: true}

var errClientClosed = errors.New("rpc: the client is closed")

func newPeer(address string, conf *tls.Config) *peer {
	p := &peer{address: address, tls: conf, stop: make(chan struct{})}
	go p.watch()
	return p
}

// close ends the connection, and with it the calls on it, for good. It is called once.
func (p *peer) close() {
	p.mu.Lock()
	p.closed = true
	gen := p.gen
	p.mu.Unlock()
	close(p.stop)
	p.reset(gen)
}

// reset drops a connection and everything on it, unless another one has replaced it.
func (p *peer) reset(gen uint64) {
	p.mu.Lock()
	if p.gen != gen {
		p.mu.Unlock()
		return
	}
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

// watch asks for signs of life while calls wait. gRPC's own keep-alive does not serve: a client's may not ask more often
// than every 10 s.
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
		p.mu.Lock()
		gen := p.gen
		p.mu.Unlock()
		heard := p.heard.Load()
		ctx, cancel := context.WithTimeout(context.Background(), pingTimeout)
		_, _, err := p.roundTrip(ctx, []byte{opPing, 0, 0}, nil)
		// Other answers are signs of life as well: a busy node is not a dead one.
		if err != nil && ctx.Err() != nil && p.heard.Load() == heard {
			p.reset(gen)
		}
		cancel()
	}
}

// connect returns the connection, and makes it when there is none. gRPC keeps it up from then on.
func (p *peer) connect() (*grpc.ClientConn, uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, 0, errClientClosed
	}
	if p.conn == nil {
		conn, err := grpc.NewClient("passthrough:///"+p.address,
			grpc.WithTransportCredentials(insecure.NewCredentials()), // TLS is Dial's
			grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
				return Dial(ctx, addr, Calls, p.tls)
			}),
			grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: DialTimeout,
				Backoff: backoff.Config{BaseDelay: reconnectWithin / 4, Multiplier: 1.6, Jitter: 0.2, MaxDelay: reconnectWithin}}),
			grpc.WithInitialWindowSize(windowBytes), grpc.WithInitialConnWindowSize(4*windowBytes),
			grpc.WithDisableServiceConfig(), grpc.WithDisableRetry(),
			grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawCodec{}), grpc.MaxCallRecvMsgSize(maxMessage),
				grpc.MaxCallSendMsgSize(maxMessage)))
		if err != nil {
			return nil, 0, err
		}
		p.conn = conn
	}
	return p.conn, p.gen, nil
}

// idleStream takes the idle stream that was used last, nil when there is none. p.mu is held.
func (p *peer) idleStream() *stream {
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	s := p.idle[n-1]
	p.idle[n-1] = nil
	p.idle = p.idle[:n-1]
	return s
}

// take returns an idle stream, or makes one; used tells which.
func (p *peer) take(ctx context.Context) (s *stream, used bool, err error) {
	p.mu.Lock()
	s = p.idleStream()
	p.mu.Unlock()
	if s != nil {
		return s, true, nil
	}
	conn, gen, err := p.connect()
	if err != nil {
		return nil, false, err
	}
	// The stream outlives the call, so it has a context of its own. While it is being made, the caller's end is its end.
	base, cancel := context.WithCancel(context.Background())
	unhook := context.AfterFunc(ctx, cancel)
	st, err := conn.NewStream(base, &streamDesc, "/"+serviceName+"/"+streamName)
	if intact := unhook(); err != nil || !intact {
		cancel()
		if err == nil {
			err = context.Cause(ctx)
		}
		return nil, false, err
	}
	return &stream{ClientStream: st, cancel: cancel, gen: gen}, false, nil
}

// put keeps a stream for the next call.
func (p *peer) put(s *stream) {
	p.mu.Lock()
	keep := s.gen == p.gen && len(p.idle) < maxIdleStreams
	if keep {
		p.idle = append(p.idle, s)
	}
	p.mu.Unlock()
	if !keep {
		s.cancel()
	}
}

// roundTrip sends a request and receives its answer. sent tells whether the request may have reached the node. waiting is
// called for each frame that is not the answer yet, and reports whether it could read it.
func (p *peer) roundTrip(ctx context.Context, frame []byte, waiting func([]byte) bool) (answer []byte, sent bool, err error) {
	for {
		s, used, err := p.take(ctx)
		if err != nil {
			return nil, false, err
		}
		f, err := p.launch(ctx, s, frame)
		if err == nil {
			answer, err = p.land(f, waiting)
			return answer, true, err
		}
		// The connection of an idle stream may have ended meanwhile: another stream may serve.
		if !used || ctx.Err() != nil {
			return nil, false, err
		}
	}
}

// flight is a request that was sent, on a stream that is its own until the answer has come.
type flight struct {
	s      *stream
	unhook func() bool // nil: the caller's context never ends
}

// launch sends a request on a stream. When it fails nothing was sent, and the stream is of no more use.
func (p *peer) launch(ctx context.Context, s *stream, frame []byte) (flight, error) {
	f := flight{s: s}
	if ctx.Done() != nil {
		f.unhook = context.AfterFunc(ctx, s.cancel)
	}
	// SendMsg fails before it queues the frame, or not at all.
	if err := s.SendMsg(&frame); err != nil {
		if f.unhook != nil {
			f.unhook()
		}
		s.cancel()
		return flight{}, err
	}
	p.requests[frame[0]].Add(1)
	return f, nil
}

// dispatch sends a request if that can be done without waiting for anything: on an idle stream.
func (p *peer) dispatch(ctx context.Context, frame []byte) (f flight, ok bool) {
	for {
		p.mu.Lock()
		s := p.idleStream()
		p.mu.Unlock()
		if s == nil {
			return flight{}, false
		}
		if f, err := p.launch(ctx, s, frame); err == nil {
			return f, true
		}
	}
}

// land receives the answer to a request that was sent.
func (p *peer) land(f flight, waiting func([]byte) bool) (answer []byte, err error) {
	for {
		if err = f.s.RecvMsg(&answer); err != nil {
			break
		}
		p.heard.Add(1)
		if len(answer) == 0 || answer[0] == answerWaiting && (waiting == nil || !waiting(answer[1:])) {
			err = errDamaged
			break
		}
		if answer[0] != answerWaiting {
			break
		}
	}
	// A stream that the caller's end may cancel at any later time is not used again.
	if intact := f.unhook == nil || f.unhook(); err == nil && intact {
		p.put(f.s)
	} else {
		f.s.cancel()
	}
	if err != nil {
		return nil, err
	}
	return answer, nil
}
