package rpc

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

var ctx = context.Background()

// echo is a node whose group answers what the test says and remembers what it was asked.
type echo struct {
	Group
	mu     sync.Mutex
	asked  any
	answer any
	err    error
	block  chan struct{} // when set, calls wait for it or their context
	ended  atomic.Int64  // calls whose context ended first
}

func (e *echo) respond(ctx context.Context, q any) (any, error) {
	e.mu.Lock()
	e.asked = q
	answer, err, block := e.answer, e.err, e.block
	e.mu.Unlock()
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
	return a.(*R), nil
}

func (e *echo) Get(ctx context.Context, q *GetRequest) (*GetResponse, error) { return respond[GetResponse](ctx, e, q) }
func (e *echo) Scan(ctx context.Context, q *ScanRequest) (*ScanResponse, error) {
	return respond[ScanResponse](ctx, e, q)
}
func (e *echo) Lock(ctx context.Context, q *LockRequest) (*LockResponse, error) {
	if q.WaitStarted != nil {
		q.WaitStarted([]topo.TxnID{{Node: 1, Epoch: 2, Seq: 3}})
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
	return respond[OutcomeResponse](ctx, e, &fsm.Tombstone{Txn: t, Attempt: a})
}
func (e *echo) NextSequenceValues(ctx context.Context, q *SequenceRequest) (*SequenceResponse, error) {
	return respond[SequenceResponse](ctx, e, q)
}

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

// fill sets every field of a struct to something other than zero.
func fill(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(0, 12345)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), depth+1)
		}
	case reflect.Slice:
		s := reflect.MakeSlice(v.Type(), 2, 2)
		for i := range 2 {
			fill(s.Index(i), depth+1)
		}
		v.Set(s)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString(fmt.Sprint("text", depth))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(3 + depth))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(-3 - depth))
	}
}

func filled[T any]() *T {
	v := new(T)
	fill(reflect.ValueOf(v).Elem(), 0)
	return v
}

func TestEveryFieldTravels(t *testing.T) {
	n, c, at := pair(t)
	g := c.Group(at, 7)
	check := func(name string, asked, answer any, f func() (any, error)) {
		t.Helper()
		n.answer, n.err = answer, nil
		got, err := f()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(n.asked, asked) {
			t.Errorf("%s: asked %+v, came %+v", name, asked, n.asked)
		}
		if answer != nil && !reflect.DeepEqual(got, answer) {
			t.Errorf("%s: answered %+v, came %+v", name, answer, got)
		}
	}
	get, getA := filled[GetRequest](), filled[GetResponse]()
	check("Get", get, getA, func() (any, error) { return g.Get(ctx, get) })
	getA.Versions[0].Value, getA.Versions[1].Value = nil, []byte{}
	check("Get nil", get, getA, func() (any, error) { return g.Get(ctx, get) })
	scan, scanA := filled[ScanRequest](), &ScanResponse{Resume: []byte("r")}
	scanA.Rows.Append([]byte("k"), nil, 4)
	scanA.Rows.Append([]byte("key2"), []byte("value"), 9)
	check("Scan", scan, scanA, func() (any, error) { return g.Scan(ctx, scan) })
	lockQ, lockA := filled[LockRequest](), filled[LockResponse]()
	var holders []topo.TxnID
	told := *lockQ
	told.WaitStarted = func(h []topo.TxnID) { holders = h }
	check("Lock", lockQ, lockA, func() (any, error) { return g.Lock(ctx, &told) })
	if len(holders) != 1 || holders[0] != (topo.TxnID{Node: 1, Epoch: 2, Seq: 3}) {
		t.Errorf("told of %v", holders)
	}
	unlock := filled[UnlockRequest]()
	check("Unlock", unlock, nil, func() (any, error) { return nil, g.Unlock(ctx, unlock) })
	all := &UnlockRequest{Txn: unlock.Txn}
	check("Unlock all", all, nil, func() (any, error) { return nil, g.Unlock(ctx, all) })
	seq, seqA := filled[SequenceRequest](), filled[SequenceResponse]()
	check("Sequence", seq, seqA, func() (any, error) { return g.NextSequenceValues(ctx, seq) })
	out := filled[OutcomeResponse]()
	check("Outcome", &fsm.Tombstone{Txn: unlock.Txn, Attempt: 5}, out, func() (any, error) { return g.Outcome(ctx, unlock.Txn, 5) })
	cmd, res := &fsm.Command{Format: 1, Epoch: 2, ProposedAtNS: 3, Horizon: &fsm.Horizon{TS: 4}}, filled[fsm.Result]()
	check("Propose", cmd, res, func() (any, error) { r, err := g.Propose(ctx, cmd); return &r, err })
	if g.ID() != 7 {
		t.Error("the group has another id")
	}
}

func TestErrorsKeepTheirFields(t *testing.T) {
	n, c, at := pair(t)
	want := filled[Error]()
	n.err = want
	_, err := c.Group(at, 7).Get(ctx, &GetRequest{})
	var got *Error
	if !errors.As(err, &got) || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", err, want)
	}
	n.call = func(context.Context, string, []byte) ([]byte, error) { return nil, pgerr.New("42P01", "no such thing").WithHint("h") }
	_, err = c.Call(ctx, at, "m", nil)
	var pe *pgerr.Error
	if !errors.As(err, &pe) || pe.Code != "42P01" || pe.Hint != "h" {
		t.Errorf("%v", err)
	}
	n.call = func(context.Context, string, []byte) ([]byte, error) { return nil, errors.New("something else") }
	if _, err = c.Call(ctx, at, "m", nil); err == nil || err.Error() != "something else" {
		t.Errorf("%v", err)
	}
	if _, err := c.Group(at, 8).Get(ctx, &GetRequest{}); !errors.As(err, &got) || got.Code != ErrNotLeaseholder {
		t.Errorf("a group that is not there: %v", err)
	}
}

// A caller that gives up ends the handler's context, and the next call is not disturbed.
func TestCancellationReachesTheHandler(t *testing.T) {
	n, c, at := pair(t)
	n.block = make(chan struct{})
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := c.Group(at, 7).Get(short, &GetRequest{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%v", err)
	}
	for n.ended.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	n.mu.Lock()
	n.block, n.answer = nil, &GetResponse{}
	n.mu.Unlock()
	if _, err := c.Group(at, 7).Get(ctx, &GetRequest{}); err != nil {
		t.Fatal(err)
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
	if d := time.Since(began); d > 3*time.Second {
		t.Errorf("a dead node was noticed after %v", d)
	}
	stop, _ = start(t, n, at, nil)
	defer stop()
	for began = time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if _, err := g.Get(ctx, &GetRequest{}); err == nil {
			break
		}
		if time.Since(began) > 3*time.Second {
			t.Fatal("it is not found again")
		}
	}
}

// A node whose process is stopped accepts connections and answers nothing.
func TestASilentNodeIsNoticed(t *testing.T) {
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

// stopper passes bytes on until it is stopped, and keeps its connections then.
type stopper struct {
	to      string
	stopped atomic.Bool
}

func (p *stopper) listen(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			a, err := l.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", p.to)
			if err != nil {
				return
			}
			go p.copy(a, b)
			go p.copy(b, a)
		}
	}()
	return l.Addr().String()
}

func (p *stopper) copy(dst, src net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := src.Read(buf)
		if err != nil {
			dst.Close()
			return
		}
		if !p.stopped.Load() {
			_, _ = dst.Write(buf[:n])
		}
	}
}

func TestOnlyNodesWithACertificateGetIn(t *testing.T) {
	ca, caKey := certificate(t, "ca", nil, nil)
	leaf, key := certificate(t, "node", ca, caKey)
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	conf := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}}, RootCAs: pool,
		ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13}
	n := &node{echo: &echo{}}
	stop, at := start(t, n, "127.0.0.1:0", conf)
	defer stop()
	ask := func(c *tls.Config) error {
		cl := NewClient(ClientConfig{TLS: c})
		defer cl.Close()
		short, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		_, err := cl.Call(short, at, "m", nil)
		return err
	}
	if err := ask(conf); err != nil {
		t.Errorf("a node: %v", err)
	}
	if ask(nil) == nil {
		t.Error("plain text got in")
	}
	if ask(&tls.Config{RootCAs: pool}) == nil {
		t.Error("no certificate got in")
	}
	otherCA, otherKey := certificate(t, "other ca", nil, nil)
	stranger, strangerKey := certificate(t, "node", otherCA, otherKey)
	if ask(&tls.Config{RootCAs: pool, Certificates: []tls.Certificate{{Certificate: [][]byte{stranger.Raw}, PrivateKey: strangerKey}}}) == nil {
		t.Error("a stranger got in")
	}
	otherPool := x509.NewCertPool()
	otherPool.AddCert(otherCA)
	wrong := conf.Clone()
	wrong.RootCAs = otherPool
	if ask(wrong) == nil {
		t.Error("a server that is not trusted was talked to")
	}
}

func certificate(t *testing.T, name string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: parent == nil, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	if parent == nil {
		parent, parentKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return out, key
}

// Connections that say nothing, or nonsense, hold up nobody.
func TestTheMuxDoesNotWaitForSilentDialers(t *testing.T) {
	n, c, at := pair(t)
	n.answer = &GetResponse{}
	for i := range 20 {
		conn, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if i%2 == 0 {
			_, _ = conn.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
		}
	}
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if _, err := c.Group(at, 7).Get(short, &GetRequest{}); err != nil {
		t.Fatal(err)
	}
}

func FuzzDecode(f *testing.F) {
	var w writer
	filled[GetRequest]().encode(&w)
	f.Add([]byte(w))
	w = nil
	filled[Error]().encode(&w)
	f.Add([]byte(w))
	f.Add(bytes.Repeat([]byte{0xff}, 20))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, d := range []func(*reader){new(GetRequest).decode, new(GetResponse).decode, new(ScanRequest).decode,
			new(ScanResponse).decode, func(r *reader) { new(LockRequest).decode(r) }, new(LockResponse).decode,
			new(UnlockRequest).decode, new(OutcomeResponse).decode, new(SequenceRequest).decode, new(SequenceResponse).decode,
			new(Error).decode, func(r *reader) { decodeResult(r) }} {
			d(&reader{b: b})
		}
		_ = lock.Wait
	})
}

func BenchmarkRemoteGet(b *testing.B) {
	n, c, at := pair(b)
	n.answer = &GetResponse{Versions: []Version{{TS: 1, Value: make([]byte, 100)}}}
	g := c.Group(at, 7)
	q := &GetRequest{TS: 1, Keys: [][]byte{make([]byte, 20)}, Tables: []topo.TableVersion{{Table: 1, Version: 1}}}
	b.Run("alone", func(b *testing.B) {
		for b.Loop() {
			if _, err := g.Get(ctx, q); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("32 at a time", func(b *testing.B) {
		b.SetParallelism(16)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := g.Get(ctx, q); err != nil {
					b.Error(err)
				}
			}
		})
	})
}
