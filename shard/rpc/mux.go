package rpc

import (
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

// Kind is what a connection between nodes is for: the four bytes that its dialer sends first.
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
	// maxGreeting bounds the connections that have not said what they are for.
	maxGreeting = 256
)

// Mux is a node's listener for the other nodes. Accepting is not held up by connections that say nothing.
type Mux struct {
	l     net.Listener
	tls   *tls.Config
	kinds map[Kind]*muxListener
	slots chan struct{}
	done  chan struct{}
	close sync.Once
}

// Listen listens at addr. With conf set, connections are TLS and the dialer has to show a certificate that conf trusts.
func Listen(addr string, conf *tls.Config) (*Mux, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	m := &Mux{l: l, tls: conf, kinds: map[Kind]*muxListener{}, slots: make(chan struct{}, maxGreeting), done: make(chan struct{})}
	for _, k := range [...]Kind{Calls, Raft} {
		m.kinds[k] = &muxListener{m: m, ch: make(chan net.Conn)}
	}
	go m.accept()
	return m, nil
}

// Addr is where the Mux listens.
func (m *Mux) Addr() net.Addr { return m.l.Addr() }

// Calls yields the connections for calls.
func (m *Mux) Calls() net.Listener { return m.kinds[Calls] }

// Raft yields the connections for raft.
func (m *Mux) Raft() net.Listener { return m.kinds[Raft] }

// Close stops listening; connections that were yielded stay.
func (m *Mux) Close() error {
	var err error
	m.close.Do(func() {
		close(m.done)
		err = m.l.Close()
	})
	return err
}

func (m *Mux) accept() {
	for {
		c, err := m.l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(10 * time.Millisecond) // out of file descriptors, most likely
			continue
		}
		select {
		case m.slots <- struct{}{}:
			go func() {
				defer func() { <-m.slots }()
				m.greet(c)
			}()
		default:
			c.Close()
		}
	}
}

// greet reads what a connection is for and hands it on.
func (m *Mux) greet(c net.Conn) {
	_ = c.SetDeadline(time.Now().Add(prefaceTimeout))
	if m.tls != nil {
		s := tls.Server(c, m.tls)
		if s.Handshake() != nil {
			c.Close()
			return
		}
		c = s
	}
	var b [4]byte
	if _, err := io.ReadFull(c, b[:]); err != nil {
		c.Close()
		return
	}
	l := m.kinds[Kind(b[:])]
	if l == nil {
		c.Close()
		return
	}
	_ = c.SetDeadline(time.Time{})
	timer := time.NewTimer(prefaceTimeout)
	defer timer.Stop()
	select {
	case l.ch <- c:
	case <-timer.C: // nobody serves this kind yet
		c.Close()
	case <-m.done:
		c.Close()
	}
}

// muxListener is the part of a Mux that yields one kind.
type muxListener struct {
	m  *Mux
	ch chan net.Conn
}

func (l *muxListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.ch:
		return c, nil
	case <-l.m.done:
		return nil, net.ErrClosed
	}
}

func (l *muxListener) Close() error   { return l.m.Close() }
func (l *muxListener) Addr() net.Addr { return l.m.Addr() }

// Dial connects to a node's Mux. With conf set the connection is TLS, and the node has to show a certificate that conf
// trusts; its name is not compared with the address, which nodes may change.
func Dial(ctx context.Context, addr string, kind Kind, conf *tls.Config) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, DialTimeout)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline()
	_ = c.SetDeadline(deadline)
	if conf != nil {
		t := tls.Client(c, trustAnyName(conf))
		if err := t.HandshakeContext(ctx); err != nil {
			c.Close()
			return nil, err
		}
		c = t
	}
	if _, err := c.Write([]byte(kind)); err != nil {
		c.Close()
		return nil, err
	}
	_ = c.SetDeadline(time.Time{})
	return c, nil
}

// trustAnyName verifies the peer's certificate chain as TLS does, but for its name.
func trustAnyName(conf *tls.Config) *tls.Config {
	c := conf.Clone()
	c.InsecureSkipVerify = true // replaced by VerifyConnection
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return errors.New("rpc: the node shows no certificate")
		}
		opts := x509.VerifyOptions{Roots: conf.RootCAs, Intermediates: x509.NewCertPool()}
		for _, cert := range s.PeerCertificates[1:] {
			opts.Intermediates.AddCert(cert)
		}
		if _, err := s.PeerCertificates[0].Verify(opts); err != nil {
			return fmt.Errorf("rpc: %w", err)
		}
		return nil
	}
	return c
}
