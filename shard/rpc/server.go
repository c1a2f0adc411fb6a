package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"time"

	"google.golang.org/grpc"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Handler is what a node serves to others. Its methods are called from many goroutines; their contexts end when the
// caller has given up.
type Handler interface {
	// Group returns this node's replica of a group, nil when it has none.
	Group(topo.GroupID) Group
	// Call answers one of the node's own calls.
	Call(ctx context.Context, method string, body []byte) ([]byte, error)
}

// The operations, as the first byte of a request.
const (
	opGet byte = iota + 1
	opScan
	opLock
	opUnlock
	opPropose
	opOutcome
	opSequence
	opCall
	opPing
)

// What an answer is, as its first byte.
const (
	answerOK byte = iota
	answerError
	answerWaiting // the holders of a lock; the answer is still to come
	answerText    // an error that is no *Error
	answerSQL     // a *pgerr.Error
)

// maxMessage bounds a frame; a scan's answer and a proposal are bounded far below it by those who make them.
const maxMessage = 64 << 20

// rawCodec hands frames through as they are: a frame is a *[]byte.
type rawCodec struct{}

func (rawCodec) Name() string { return "pgmqdb-raw" }

func (rawCodec) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }

func (rawCodec) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...) // the transport may use data again
	return nil
}

const (
	serviceName = "pgmqdb.Node"
	streamName  = "Calls"
	windowBytes = 1 << 20
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
	s := &Server{cfg: cfg, grpc: grpc.NewServer(grpc.ForceServerCodec(rawCodec{}), grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxSendMsgSize(maxMessage), grpc.InitialWindowSize(windowBytes), grpc.InitialConnWindowSize(4*windowBytes),
		grpc.MaxConcurrentStreams(math.MaxUint32))}
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
	var out []byte
	for {
		var frame []byte
		if err := st.RecvMsg(&frame); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		out = s.answer(st, out[:0], frame)
		if err := st.SendMsg(&out); err != nil {
			return err
		}
		out = nil // the transport may hold on to it
	}
}

// answer runs one request and appends its answer to buf.
func (s *Server) answer(st grpc.ServerStream, buf, frame []byte) []byte {
	ctx := st.Context()
	r := &reader{b: frame}
	op, group, limit := r.byte(), topo.GroupID(r.u64()), r.u64()
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(limit)*time.Millisecond)
		defer cancel()
	}
	w := writer(append(buf, answerOK))
	err := r.err
	switch {
	case err != nil:
	case op == opPing:
	case op == opCall:
		err = s.call(ctx, r, &w)
	default:
		g := s.cfg.Handler.Group(group)
		if g == nil {
			err = &Error{Code: ErrNotLeaseholder, Detail: "this node has no replica of the group"}
			break
		}
		err = s.group(ctx, st, g, op, r, &w)
	}
	if err != nil {
		return appendError(writer(w[:0]), err)
	}
	return w
}

func (s *Server) call(ctx context.Context, r *reader, w *writer) error {
	method, body := r.str(), r.bytes()
	if err := r.done(); err != nil {
		return err
	}
	b, err := s.cfg.Handler.Call(ctx, method, body)
	if err == nil {
		w.bytes(b)
	}
	return err
}

func (s *Server) group(ctx context.Context, st grpc.ServerStream, g Group, op byte, r *reader, w *writer) error {
	switch op {
	case opGet:
		return serve(r, w, new(GetRequest), func(q *GetRequest) (*GetResponse, error) { return g.Get(ctx, q) })
	case opScan:
		return serve(r, w, new(ScanRequest), func(q *ScanRequest) (*ScanResponse, error) { return g.Scan(ctx, q) })
	case opLock:
		return s.lock(ctx, st, g, r, w)
	case opUnlock:
		q := new(UnlockRequest)
		if q.decode(r); r.done() != nil {
			return errDamaged
		}
		return g.Unlock(ctx, q)
	case opPropose:
		return propose(ctx, g, r, w)
	case opOutcome:
		txn, attempt := r.txn(), topo.Attempt(r.u64())
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

// lock tells the caller when the wait for a lock begins.
func (s *Server) lock(ctx context.Context, st grpc.ServerStream, g Group, r *reader, w *writer) error {
	q := new(LockRequest)
	wants := q.decode(r)
	if r.done() != nil {
		return errDamaged
	}
	if wants {
		q.WaitStarted = func(holders []topo.TxnID) {
			f := writer{answerWaiting}
			f.u64(uint64(len(holders)))
			for _, h := range holders {
				f.txn(h)
			}
			b := []byte(f)
			_ = st.SendMsg(&b) // a caller that is gone ends ctx
		}
	}
	p, err := g.Lock(ctx, q)
	if err == nil {
		p.encode(w)
	}
	return err
}

func propose(ctx context.Context, g Group, r *reader, w *writer) error {
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

// appendError encodes a failure.
func appendError(w writer, err error) []byte {
	var e *Error
	var p *pgerr.Error
	switch {
	case errors.As(err, &e):
		w = append(w, answerError)
		e.encode(&w)
	case errors.As(err, &p):
		b, _ := json.Marshal(p)
		w = append(append(w, answerSQL), b...)
	default:
		w = append(append(w, answerText), err.Error()...)
	}
	return w
}

// readError decodes a failure.
func readError(kind byte, body []byte) error {
	switch kind {
	case answerError:
		e := new(Error)
		r := &reader{b: body}
		if e.decode(r); r.done() == nil {
			return e
		}
	case answerSQL:
		p := new(pgerr.Error)
		if json.Unmarshal(body, p) == nil {
			return p
		}
	case answerText:
		return &RemoteError{Text: string(body)}
	}
	return errDamaged
}

// RemoteError is an error of another node that is of no kind known here.
type RemoteError struct{ Text string }

func (e *RemoteError) Error() string { return e.Text }
