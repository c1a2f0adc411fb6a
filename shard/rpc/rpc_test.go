package rpc

import (
	"context"
	"crypto/tls"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

var ctx = context.Background()

// holders are in the way of all locks.
var holders = []topo.TxnID{{Node: 1, Epoch: 2, Seq: 3}, {Node: 4, Epoch: 5, Seq: 6}}

// echo is a node whose group answers what the test says and remembers what it was asked.
type echo struct {
	Group
	mu     sync.Mutex
	asked  any
	answer any
	err    error
	block  chan struct{} // when set, calls wait for it or their context
	begun  atomic.Int64  // calls that came
	ended  atomic.Int64  // calls whose context ended first
}

func (e *echo) respond(ctx context.Context, q any) (any, error) {
	e.mu.Lock()
	e.asked = q
	answer, err, block := e.answer, e.err, e.block
	e.mu.Unlock()
	e.begun.Add(1)
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			e.ended.Add(1)
			return nil, ctx.Err()
		}
	}
	return answer, err
}

func respond[R any](ctx context.Context, e *echo, q any) (*R, error) {
	a, err := e.respond(ctx, q)
	if err != nil {
		return nil, err
	}
	if a == nil {
		return new(R), nil
	}
	return a.(*R), nil
}

func (e *echo) Get(ctx context.Context, q *GetRequest) (*GetResponse, error) {
	return respond[GetResponse](ctx, e, q)
}
func (e *echo) Scan(ctx context.Context, q *ScanRequest) (*ScanResponse, error) {
	return respond[ScanResponse](ctx, e, q)
}
func (e *echo) Lock(ctx context.Context, q *LockRequest) (*LockResponse, error) {
	if q.WaitStarted != nil {
		q.WaitStarted(holders)
		q.WaitStarted = nil
	}
	return respond[LockResponse](ctx, e, q)
}
func (e *echo) Unlock(ctx context.Context, q *UnlockRequest) error {
	_, err := e.respond(ctx, q)
	return err
}
func (e *echo) Propose(ctx context.Context, c *fsm.Command) (fsm.Result, error) {
	r, err := respond[fsm.Result](ctx, e, c)
	if err != nil {
		return fsm.Result{}, err
	}
	return *r, nil
}
func (e *echo) Outcome(ctx context.Context, t topo.TxnID, a topo.Attempt) (*OutcomeResponse, error) {
	return respond[OutcomeResponse](ctx, e, &outcomeOf{t, a})
}
func (e *echo) NextSequenceValues(ctx context.Context, q *SequenceRequest) (*SequenceResponse, error) {
	return respond[SequenceResponse](ctx, e, q)
}

// outcomeOf is what Outcome asks for.
type outcomeOf struct {
	Txn     topo.TxnID
	Attempt topo.Attempt
}

// node serves group 7.
type node struct {
	*echo
	call func(ctx context.Context, method string, body []byte) ([]byte, error)
}

func (n *node) Group(id topo.GroupID) Group {
	if id != 7 {
		return nil
	}
	return n.echo
}

func (n *node) Call(ctx context.Context, method string, body []byte) ([]byte, error) {
	if n.call == nil {
		return append([]byte(method+":"), body...), nil
	}
	return n.call(ctx, method, body)
}

// start serves a node at an address, ":0" for any.
func start(t testing.TB, n *node, addr string, conf *tls.Config) (stop func(), at string) {
	t.Helper()
	return startHandler(t, n, addr, conf)
}

func startHandler(t testing.TB, n Handler, addr string, conf *tls.Config) (stop func(), at string) {
	t.Helper()
	var m *Mux
	var err error
	for range 50 { // the port of a server that was just stopped may take a moment
		if m, err = Listen(addr, conf); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(ServerConfig{Handler: n, Log: slog.New(slog.DiscardHandler)})
	done := make(chan error, 1)
	go func() { done <- s.Serve(m.Calls()) }()
	return func() {
		s.Stop()
		m.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}, m.Addr().String()
}

func pair(t testing.TB) (*node, *Client, string) {
	n := &node{echo: &echo{}}
	stop, at := start(t, n, "127.0.0.1:0", nil)
	c := NewClient(ClientConfig{})
	t.Cleanup(func() { c.Close(); stop() })
	return n, c, at
}
