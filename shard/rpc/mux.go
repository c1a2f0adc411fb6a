package rpc

import (
	"container/list"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Kind is what a connection between nodes is for: the four bytes that its dialer sends first, and that the listener answers.
type Kind string

// The kinds of connections.
const (
	Calls Kind = "PGC1"
	Raft  Kind = "PGR1"
)

const (
	// prefaceTimeout bounds the TLS handshake and the first bytes of a connection.
	prefaceTimeout = 5 * time.Second
	// DialTimeout bounds a connection attempt.
	DialTimeout = time.Second
	// maxGreeting bounds the connections that have not said what they are for, and those of a kind that nobody has
	// accepted yet.
	maxGreeting = 256
)

// What the listener answers a dialer with, before anything else: that it was understood, or what was missing. With TLS 1.3 a
// dialer learns only from an answer that its certificate was accepted, or why not.
const (
	welcome  = "PGOK"
	needsTLS = "PGTS"   // in plain text: the dialer spoke plain text, and the listener wants TLS
	plain    = "PGPT\n" // in plain text: the dialer spoke TLS, and the listener has none; as long as TLS reads at once
)

// tlsHandshake is the first byte of a TLS connection.
const tlsHandshake = 0x16

// TrustError says that two nodes do not trust each other: trying again changes nothing while their configuration stays.
type TrustError struct {
	Address, Reason string
}

func (e *TrustError) Error() string { return "the node at " + e.Address + " " + e.Reason }

// Mux is a node's listener for the other nodes. Connections that say nothing hold up nobody: they are closed in time, and
// before that when too many others have come after them.
type Mux struct {
	l    net.Listener
	tls  *tls.Config
	half map[Kind]*half

	mu       sync.Mutex
	closed   bool
	greeting list.List // of net.Conn, the oldest first: 0 <= Len <= maxGreeting
}

// Listen listens at addr. With conf set, connections are TLS, and conf.ClientAuth says whether dialers have to show a
// certificate.
func Listen(addr string, conf *tls.Config) (*Mux, error) {
	l, err := (&net.ListenConfig{Control: endWhenSilent}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	m := &Mux{l: l, tls: conf, half: map[Kind]*half{}}
	for _, k := range [...]Kind{Calls, Raft} {
		m.half[k] = &half{m: m, ch: make(chan net.Conn, maxGreeting), done: make(chan struct{})}
	}
	go m.accept()
	return m, nil
}

// Addr is where the Mux listens.
func (m *Mux) Addr() net.Addr { return m.l.Addr() }

// Calls yields the connections for calls.
func (m *Mux) Calls() net.Listener { return m.half[Calls] }

// Raft yields the connections for raft.
func (m *Mux) Raft() net.Listener { return m.half[Raft] }

// Close stops listening; connections that were yielded stay.
func (m *Mux) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	for _, h := range m.half {
		_ = h.Close()
	}
	for e := m.greeting.Front(); e != nil; e = e.Next() {
		e.Value.(net.Conn).Close()
	}
	return m.l.Close()
}

func (m *Mux) accept() {
	for {
		c, err := m.l.Accept()
		switch {
		case err == nil:
			m.admit(c)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			time.Sleep(10 * time.Millisecond) // out of file descriptors, most likely
		}
	}
}

// admit lets a new connection say what it is for. The oldest of too many makes room: whoever means it takes a round trip,
// so that a crowd of silent dialers keeps no node out.
func (m *Mux) admit(c net.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		c.Close()
		return
	}
	if m.greeting.Len() == maxGreeting {
		m.greeting.Remove(m.greeting.Front()).(net.Conn).Close()
	}
	e := m.greeting.PushBack(c)
	go func() {
		said, kind := m.greet(c)
		m.mu.Lock()
		m.greeting.Remove(e) // does nothing when it had to make room, and was closed
		m.mu.Unlock()
		if h := m.half[kind]; h != nil {
			h.offer(said)
		} else {
			c.Close()
		}
	}()
}

// greet reads what a connection is for. It returns the connection to go on with, and no kind when it failed.
func (m *Mux) greet(c net.Conn) (net.Conn, Kind) {
	_ = c.SetDeadline(time.Now().Add(prefaceTimeout))
	var b [4]byte
	if _, err := io.ReadFull(c, b[:1]); err != nil {
		return nil, ""
	}
	said, rest := c, b[1:]
	switch {
	case m.tls == nil:
	case b[0] != tlsHandshake:
		refuse(c, needsTLS)
		return nil, ""
	default:
		said, rest = tls.Server(&begun{Conn: c, first: []byte{b[0]}}, m.tls), b[:] // reading shakes hands
	}
	if _, err := io.ReadFull(said, rest); err != nil {
		return nil, ""
	}
	switch {
	case m.half[Kind(b[:])] != nil:
		if _, err := said.Write([]byte(welcome)); err != nil {
			return nil, ""
		}
	case m.tls == nil && b[0] == tlsHandshake:
		refuse(c, plain)
	}
	_ = c.SetDeadline(time.Time{})
	return said, Kind(b[:])
}

// begun is a connection whose first byte was read already.
type begun struct {
	net.Conn
	first []byte
}

func (b *begun) Read(p []byte) (int, error) {
	if len(b.first) == 0 || len(p) == 0 {
		return b.Conn.Read(p)
	}
	n := copy(p, b.first)
	b.first = b.first[n:]
	return n, nil
}

// refuse says why a connection is not taken. What came on it is read first, as far as it is there: a connection that is closed
// with unread bytes is reset, and the answer with it.
func refuse(c net.Conn, why string) {
	if _, err := c.Write([]byte(why)); err != nil {
		return
	}
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.CloseWrite()
	}
	_ = c.SetReadDeadline(time.Now().Add(DialTimeout))
	_, _ = io.CopyN(io.Discard, c, 1<<16)
}

// half is the part of a Mux that yields one kind.
type half struct {
	m    *Mux
	ch   chan net.Conn // what was not accepted yet: before the kind is served, and in a burst
	done chan struct{}
	once sync.Once
}

// offer hands a connection to Accept, or closes it when too many wait for that.
func (h *half) offer(c net.Conn) {
	select {
	case h.ch <- c:
	default:
		c.Close()
		return
	}
	select {
	case <-h.done:
		h.drain()
	default:
	}
}

func (h *half) drain() {
	for {
		select {
		case c := <-h.ch:
			c.Close()
		default:
			return
		}
	}
}

// Accept implements net.Listener.
func (h *half) Accept() (net.Conn, error) {
	select {
	case c := <-h.ch:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. The other half goes on.
func (h *half) Close() error {
	h.once.Do(func() {
		close(h.done)
		h.drain()
	})
	return nil
}

// Addr implements net.Listener.
func (h *half) Addr() net.Addr { return h.m.Addr() }

// Dial connects to a node's Mux. With conf set the connection is TLS, and the node has to show a certificate that conf
// trusts; its name is not compared with the address, which nodes may change. When one side does not trust the other, or only
// one of them uses TLS, the error is a *TrustError.
func Dial(ctx context.Context, addr string, kind Kind, conf *tls.Config) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, DialTimeout)
	defer cancel()
	d := net.Dialer{Control: endWhenSilent}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline()
	_ = c.SetDeadline(deadline)
	said, err := enter(ctx, c, addr, kind, conf)
	if err != nil {
		c.Close()
		return nil, err
	}
	_ = c.SetDeadline(time.Time{})
	return said, nil
}

// enter says what a new connection is for, and waits until the node has taken it.
func enter(ctx context.Context, c net.Conn, addr string, kind Kind, conf *tls.Config) (net.Conn, error) {
	if conf != nil {
		t := tls.Client(c, trustAnyName(conf))
		if err := t.HandshakeContext(ctx); err != nil {
			return nil, mistrust(addr, err)
		}
		c = t
	}
	if _, err := c.Write([]byte(kind)); err != nil {
		return nil, mistrust(addr, err)
	}
	var b [len(welcome)]byte
	if _, err := io.ReadFull(c, b[:]); err != nil {
		return nil, mistrust(addr, err)
	}
	switch string(b[:]) {
	case welcome:
		return c, nil
	case needsTLS:
		return nil, &TrustError{addr, "demands a certificate, and this one has none"}
	}
	return nil, fmt.Errorf("rpc: what listens at %s is no node", addr)
}

// mistrust tells a failure of trust from a broken connection.
func mistrust(addr string, err error) error {
	var header tls.RecordHeaderError
	var alert *net.OpError
	var unverified *tls.CertificateVerificationError
	var untrusted *untrustedError
	switch {
	case errors.As(err, &header):
		return &TrustError{addr, "does not use certificates, and this one does"}
	case errors.As(err, &untrusted):
		return &TrustError{addr, "is not trusted: " + untrusted.err.Error()}
	case errors.As(err, &unverified):
		return &TrustError{addr, "is not trusted: " + unverified.Err.Error()}
	case errors.As(err, &alert) && alert.Op == "remote error":
		return &TrustError{addr, "refuses this node's certificate: " + alert.Err.Error()}
	}
	return err
}

// untrustedError is a peer's certificate that did not verify.
type untrustedError struct{ err error }

func (e *untrustedError) Error() string { return "rpc: " + e.err.Error() }

// trustAnyName verifies the peer's certificate chain as TLS does, but for its name.
func trustAnyName(conf *tls.Config) *tls.Config {
	c := conf.Clone()
	c.InsecureSkipVerify = true // replaced by VerifyConnection
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return &untrustedError{errors.New("it shows no certificate")}
		}
		opts := x509.VerifyOptions{Roots: conf.RootCAs, Intermediates: x509.NewCertPool()}
		for _, cert := range s.PeerCertificates[1:] {
			opts.Intermediates.AddCert(cert)
		}
		if _, err := s.PeerCertificates[0].Verify(opts); err != nil {
			return &untrustedError{err}
		}
		return nil
	}
	return c
}
