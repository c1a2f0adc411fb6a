package rpc

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// blocks lets calls of the node's group wait until their contexts end, or the test; it returns a function that ends that.
func (n *node) blocks() (unblock func()) {
	block := make(chan struct{})
	n.mu.Lock()
	n.block = block
	n.mu.Unlock()
	return func() {
		n.mu.Lock()
		n.block = nil
		n.mu.Unlock()
		close(block)
	}
}

// arrived waits for the node to have that many more calls under way.
func (n *node) arrived(t *testing.T, calls int64) {
	t.Helper()
	until(t, "the call to arrive", func() bool { return n.begun.Load() >= calls })
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for began := time.Now(); !ok(); time.Sleep(time.Millisecond) {
		if time.Since(began) > 5*time.Second {
			t.Fatal("waited too long for " + what)
		}
	}
}

func hasCode(err error, code ErrorCode) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// A caller that gives up ends the handler's context, and the next call is not disturbed.
func TestCancellationReachesTheHandler(t *testing.T) {
	n, c, at := pair(t)
	g := c.Group(at, 7)
	unblock := n.blocks()
	gone := errors.New("the client is gone")
	quit, cancel := context.WithCancelCause(ctx)
	done := make(chan error)
	go func() { _, err := g.Get(quit, &GetRequest{}); done <- err }()
	n.arrived(t, 1)
	cancel(gone)
	if err := <-done; !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
	until(t, "the handler's context to end", func() bool { return n.ended.Load() == 1 })
	if _, err := g.Get(quit, &GetRequest{}); !errors.Is(err, gone) {
		t.Errorf("after the end: %v", err)
	}
	// Whether a cancelled proposal got into the log, nobody knows.
	quit, cancel = context.WithCancelCause(ctx)
	go func() { _, err := g.Propose(quit, &fsm.Command{Horizon: &fsm.Horizon{}}); done <- err }()
	n.arrived(t, 2)
	cancel(gone)
	if err := <-done; !hasCode(err, ErrAmbiguous) {
		t.Errorf("a proposal: %v", err)
	}
	if _, err := g.Propose(quit, &fsm.Command{Horizon: &fsm.Horizon{}}); !errors.Is(err, gone) {
		t.Errorf("a proposal that was never sent: %v", err)
	}
	until(t, "the handler's context to end", func() bool { return n.ended.Load() == 2 })
	unblock()
	n.answer = &GetResponse{}
	if _, err := g.Get(ctx, &GetRequest{}); err != nil {
		t.Error(err)
	}
}

// The server knows how long a call may take, and bounds itself.
func TestDeadlinesTravel(t *testing.T) {
	n, c, at := pair(t)
	left := make(chan time.Duration, 1)
	n.call = func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
		d, ok := ctx.Deadline()
		if !ok {
			left <- 0
		} else {
			left <- time.Until(d)
		}
		return nil, nil
	}
	short, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if _, err := c.Call(short, at, "m", nil); err != nil {
		t.Fatal(err)
	}
	if d := <-left; d < 2*time.Second || d > 3*time.Second+2*time.Millisecond {
		t.Errorf("%v left", d)
	}
	if _, err := c.Call(ctx, at, "m", nil); err != nil || <-left != 0 {
		t.Errorf("a deadline out of nothing (%v)", err)
	}
	defer n.blocks()()
	tight, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if _, err := c.Group(at, 7).Get(tight, &GetRequest{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	until(t, "the handler to end", func() bool { return n.ended.Load() == 1 })
}

// Calls that are cancelled at any moment take nothing from others, whose streams come from the same pool.
func TestCancelledCallsDisturbNoOthers(t *testing.T) {
	t.Parallel()
	n, c, at := pair(t)
	n.answer = &GetResponse{Versions: []Version{{TS: 5, Value: []byte("v")}}}
	g := c.Group(at, 7)
	stop := time.Now().Add(time.Second)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for time.Now().Before(stop) {
				if i%2 == 0 {
					if got, err := g.Get(ctx, &GetRequest{}); err != nil || !reflect.DeepEqual(got, n.answer) {
						t.Errorf("%+v, %v", got, err)
						return
					}
					continue
				}
				short, cancel := context.WithCancel(ctx)
				time.AfterFunc(time.Duration(rand.IntN(300))*time.Microsecond, cancel)
				if _, err := g.Get(short, &GetRequest{}); err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
					return
				}
				cancel()
			}
		})
	}
	wg.Wait()
}

// A long call does not hold up others.
func TestCallsDoNotWaitForEachOther(t *testing.T) {
	n, c, at := pair(t)
	unblock := n.blocks()
	n.answer = &GetResponse{}
	var wg sync.WaitGroup
	for range 300 {
		wg.Go(func() {
			if _, err := c.Group(at, 7).Get(ctx, &GetRequest{}); err != nil {
				t.Error(err)
			}
		})
	}
	n.arrived(t, 300)
	if _, err := c.Call(ctx, at, "m", nil); err != nil {
		t.Error(err)
	}
	unblock()
	wg.Wait()
}

func TestTheCallerHearsOfAWait(t *testing.T) {
	n, c, at := pair(t)
	n.answer = &LockResponse{Versions: []Version{}, Waited: true}
	unblock := n.blocks()
	told := make(chan []topo.TxnID, 1)
	done := make(chan error, 1)
	go func() {
		_, err := c.Group(at, 7).Lock(ctx, &LockRequest{WaitStarted: func(h []topo.TxnID) { told <- h }})
		done <- err
	}()
	if h := <-told; !reflect.DeepEqual(h, holders) {
		t.Errorf("told of %v", h)
	}
	select {
	case err := <-done:
		t.Errorf("it did not wait: %v", err)
	default:
	}
	unblock()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// What becomes of calls that a node takes with it.
func TestANodeThatGoesLeavesNoCallWaiting(t *testing.T) {
	n := &node{echo: &echo{}}
	stop, at := start(t, n, "127.0.0.1:0", nil)
	c := NewClient(ClientConfig{})
	defer c.Close()
	g := c.Group(at, 7)
	defer n.blocks()()
	got, proposed := make(chan error, 1), make(chan error, 1)
	go func() { _, err := g.Get(ctx, &GetRequest{}); got <- err }()
	go func() { _, err := g.Propose(ctx, &fsm.Command{Horizon: &fsm.Horizon{}}); proposed <- err }()
	n.arrived(t, 2)
	stop()
	if err := <-got; !hasCode(err, ErrUnavailable) {
		t.Errorf("a read: %v", err)
	}
	if err := <-proposed; !hasCode(err, ErrAmbiguous) {
		t.Errorf("a proposal: %v", err)
	}
}

// A closed client makes no calls and keeps nothing.
func TestACloseEndsCalls(t *testing.T) {
	n, c, at := pair(t)
	before := runtime.NumGoroutine()
	mine := NewClient(ClientConfig{})
	defer n.blocks()()
	done := make(chan error, 1)
	go func() { _, err := mine.Group(at, 7).Get(ctx, &GetRequest{}); done <- err }()
	n.arrived(t, 1)
	mine.Close()
	if err := <-done; !hasCode(err, ErrUnavailable) {
		t.Errorf("%v", err)
	}
	if _, err := mine.Group(at, 7).Get(ctx, &GetRequest{}); !hasCode(err, ErrUnavailable) {
		t.Errorf("%v", err)
	}
	mine.Close()
	until(t, "its goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
	if _, err := c.Call(ctx, at, "m", nil); err != nil {
		t.Errorf("another client: %v", err)
	}
}

func TestANodeThatComesBackIsFoundAgain(t *testing.T) {
	n := &node{echo: &echo{answer: &GetResponse{}}}
	stop, at := start(t, n, "127.0.0.1:0", nil)
	c := NewClient(ClientConfig{})
	defer c.Close()
	g := c.Group(at, 7)
	if _, err := g.Get(ctx, &GetRequest{}); err != nil {
		t.Fatal(err)
	}
	stop()
	began := time.Now()
	var e *Error
	if _, err := g.Get(ctx, &GetRequest{}); !errors.As(err, &e) || e.Code != ErrUnavailable {
		t.Fatalf("%v", err)
	}
	if _, err := g.Propose(ctx, &fsm.Command{Horizon: &fsm.Horizon{}}); !errors.As(err, &e) || e.Code != ErrNotProposed {
		t.Fatalf("%v", err)
	}
	if d := time.Since(began); d > time.Second {
		t.Errorf("a dead node was noticed after %v", d)
	}
	stop, _ = start(t, n, at, nil)
	defer stop()
	for began = time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if _, err := g.Get(ctx, &GetRequest{}); err == nil {
			break
		}
		if time.Since(began) > time.Second {
			t.Fatal("it is not found again")
		}
	}
}

// A node whose process is stopped accepts connections and answers nothing.
func TestASilentNodeIsNoticed(t *testing.T) {
	t.Parallel()
	n, c, at := pair(t)
	n.call = func(ctx context.Context, _ string, _ []byte) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() }
	// A listener that takes the place of a stopped process: it reads and never writes.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			if _, err := l.Accept(); err != nil {
				return
			}
		}
	}()
	began := time.Now()
	var e *Error
	if _, err := c.Group(l.Addr().String(), 7).Get(ctx, &GetRequest{}); !errors.As(err, &e) || e.Code != ErrUnavailable {
		t.Fatalf("%v", err)
	}
	if d := time.Since(began); d > 4*time.Second {
		t.Errorf("noticed after %v", d)
	}
	// One that answered once, with calls waiting for it.
	proxy := &stopper{to: at}
	addr := proxy.listen(t)
	done := make(chan error, 1)
	if _, err := c.Group(addr, 8).Get(ctx, &GetRequest{}); err == nil {
		t.Fatal("no such group")
	}
	go func() { _, err := c.Call(ctx, addr, "wait", nil); done <- err }()
	time.Sleep(100 * time.Millisecond)
	proxy.stopped.Store(true)
	select {
	case err := <-done:
		if !errors.As(err, &e) || e.Code != ErrUnavailable {
			t.Fatalf("%v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("a call waits for ever")
	}
}

// A caller whose process is stopped, or that is cut off, does not keep what it waits for.
func TestASilentCallerIsNoticed(t *testing.T) {
	t.Parallel()
	n, c, at := pair(t)
	defer n.blocks()()
	proxy := &stopper{to: at}
	addr := proxy.listen(t)
	go func() { _, _ = c.Group(addr, 7).Get(ctx, &GetRequest{}) }()
	n.arrived(t, 1)
	proxy.stopped.Store(true)
	until(t, "the handler's context to end", func() bool { return n.ended.Load() == 1 })
}

// stopper passes bytes on until it is stopped. Then it keeps its connections, and neither end hears of the other's.
type stopper struct {
	to      string
	stopped atomic.Bool

	mu    sync.Mutex
	conns []net.Conn
}

func (p *stopper) listen(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			a, err := l.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", p.to)
			if err != nil {
				a.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, a, b)
			p.mu.Unlock()
			go p.copy(a, b)
			go p.copy(b, a)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, c := range p.conns {
			c.Close()
		}
	})
	return l.Addr().String()
}

func (p *stopper) copy(dst, src net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := src.Read(buf)
		if err != nil {
			if !p.stopped.Load() {
				dst.Close()
			}
			return
		}
		if !p.stopped.Load() {
			_, _ = dst.Write(buf[:n])
		}
	}
}
