package rpc

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Handler is what a node serves to others. Its methods are called from many goroutines; their contexts end when the
// caller has given up.
type Handler interface {
	// Group returns this node's replica of a group, nil when it has none.
	Group(topo.GroupID) Group
	// Call answers one of the node's own calls.
	Call(ctx context.Context, method string, body []byte) ([]byte, error)
}

const (
	// callerPingEvery and callerPingTimeout notice a caller that is stopped or cut off, so that its calls, waits for locks
	// among them, end. A second is gRPC's least.
	callerPingEvery   = time.Second
	callerPingTimeout = 1500 * time.Millisecond
	// maxLimitMS bounds what a caller can say about its time.
	maxLimitMS = 1 << 40
)

// ServerConfig makes a Server.
type ServerConfig struct {
	Handler Handler
	Log     *slog.Logger
}

// Server serves a node to the others.
type Server struct {
	cfg  ServerConfig
	grpc *grpc.Server
}

// NewServer returns a Server.
func NewServer(cfg ServerConfig) *Server {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	s := &Server{cfg: cfg, grpc: grpc.NewServer(grpc.ForceServerCodecV2(rawCodec{}), grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxSendMsgSize(maxMessage), grpc.InitialWindowSize(windowBytes), grpc.InitialConnWindowSize(4*windowBytes),
		grpc.MaxConcurrentStreams(math.MaxUint32), grpc.ConnectionTimeout(prefaceTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: callerPingEvery, Timeout: callerPingTimeout}))}
	s.grpc.RegisterService(&grpc.ServiceDesc{ServiceName: serviceName, HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{StreamName: streamName, Handler: s.stream, ServerStreams: true, ClientStreams: true}}}, s)
	return s
}

// Serve answers calls on the listener's connections until Stop.
func (s *Server) Serve(l net.Listener) error {
	err := s.grpc.Serve(l)
	if errors.Is(err, grpc.ErrServerStopped) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Stop ends all calls.
func (s *Server) Stop() { s.grpc.Stop() }

// stream answers the calls of one stream, one after the other.
func (s *Server) stream(_ any, st grpc.ServerStream) error {
	send := func(frame []byte) error { return st.SendMsg(&frame) }
	for {
		var frame []byte
		if err := st.RecvMsg(&frame); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := send(s.answer(st.Context(), send, frame)); err != nil {
			return err
		}
	}
}

// answer runs one request and returns its answer; send sends what precedes that.
func (s *Server) answer(ctx context.Context, send func([]byte) error, frame []byte) []byte {
	r := &reader{b: frame}
	op, group, limitMS := r.byte(), topo.GroupID(r.u64()), r.u64()
	if limitMS > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(min(limitMS, maxLimitMS))*time.Millisecond)
		defer cancel()
	}
	return s.perform(op, group, func(w *writer) error { return s.run(ctx, send, op, group, r, w) })
}

// perform returns the answer to a request that run answers.
func (s *Server) perform(op byte, group topo.GroupID, run func(w *writer) error) []byte {
	w := append(make(writer, 0, 128), answerOK)
	err := run(&w)
	if err == nil && len(w) > maxMessage {
		err = tooLarge("an answer", len(w))
		s.cfg.Log.Warn("call between nodes", "operation", op, "group", group, "error", err)
	}
	if err == errDamaged {
		// Of another release, or no node at all.
		s.cfg.Log.Warn("call between nodes", "operation", op, "group", group, "error", err)
		if op == opPropose {
			err = &Error{Code: ErrNotProposed, Detail: err.Error()}
		}
	}
	if err != nil {
		return appendError(w[:0], err)
	}
	return w
}

func (s *Server) run(ctx context.Context, send func([]byte) error, op byte, group topo.GroupID, r *reader, w *writer) error {
	switch {
	case r.err != nil:
		return errDamaged
	case op == opPing:
		return nil
	case op == opCall:
		return s.call(ctx, r, w)
	case op == opBatch:
		return s.batch(ctx, send, r, w)
	}
	return s.atGroup(ctx, send, op, group, r, w)
}

// atGroup runs a request to one of the node's groups.
func (s *Server) atGroup(ctx context.Context, send func([]byte) error, op byte, group topo.GroupID, r *reader, w *writer) error {
	g := s.cfg.Handler.Group(group)
	if g == nil {
		return &Error{Code: ErrNotLeaseholder, Detail: "this node has no replica of the group"}
	}
	return callGroup(ctx, send, g, op, r, w)
}

func (s *Server) call(ctx context.Context, r *reader, w *writer) error {
	method, body := r.str(), r.bytes()
	if r.done() != nil {
		return errDamaged
	}
	b, err := s.cfg.Handler.Call(ctx, method, body)
	if err == nil {
		w.bytes(b)
	}
	return err
}

func callGroup(ctx context.Context, send func([]byte) error, g Group, op byte, r *reader, w *writer) error {
	switch op {
	case opGet:
		return serve(r, w, new(GetRequest), func(q *GetRequest) (*GetResponse, error) { return g.Get(ctx, q) })
	case opGetLinks:
		return serve(r, w, new(linksRequest), func(q *linksRequest) (*linksResponse, error) {
			p, err := g.Get(ctx, &q.GetRequest)
			if err != nil {
				return nil, err
			}
			return &linksResponse{*p}, nil
		})
	case opScan:
		return serve(r, w, new(ScanRequest), func(q *ScanRequest) (*ScanResponse, error) { return g.Scan(ctx, q) })
	case opLock:
		return callLock(ctx, send, g, r, w)
	case opUnlock:
		q := new(UnlockRequest)
		if q.decode(r); r.done() != nil {
			return errDamaged
		}
		return g.Unlock(ctx, q)
	case opPropose:
		return callPropose(ctx, g, r, w)
	case opOutcome:
		txn, attempt := r.txn(), narrow[topo.Attempt](r)
		if r.done() != nil {
			return errDamaged
		}
		p, err := g.Outcome(ctx, txn, attempt)
		if err == nil {
			p.encode(w)
		}
		return err
	case opSequence:
		return serve(r, w, new(SequenceRequest), func(q *SequenceRequest) (*SequenceResponse, error) {
			return g.NextSequenceValues(ctx, q)
		})
	}
	return errDamaged
}

// serve decodes a request, runs it and encodes the answer.
func serve[Q interface{ decode(*reader) }, R interface{ encode(*writer) }](r *reader, w *writer, q Q, f func(Q) (R, error)) error {
	if q.decode(r); r.done() != nil {
		return errDamaged
	}
	p, err := f(q)
	if err == nil {
		p.encode(w)
	}
	return err
}

// callLock tells the caller when the wait for a lock begins.
func callLock(ctx context.Context, send func([]byte) error, g Group, r *reader, w *writer) error {
	q := new(LockRequest)
	wants := q.decode(r)
	if r.done() != nil {
		return errDamaged
	}
	if wants {
		q.WaitStarted = func(holders []topo.TxnID) {
			f := writer{answerWaiting}
			f.txns(holders)
			_ = send(f) // a caller that is gone ends ctx
		}
	}
	p, err := g.Lock(ctx, q)
	if err == nil {
		p.encode(w)
	}
	return err
}

func callPropose(ctx context.Context, g Group, r *reader, w *writer) error {
	cmds, err := fsm.DecodeCommands(r.take(uint64(len(r.b))))
	if err != nil || len(cmds) != 1 {
		return errDamaged
	}
	res, err := g.Propose(ctx, &cmds[0])
	if err == nil {
		encodeResult(w, &res)
	}
	return err
}
