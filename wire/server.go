package wire

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/session"
)

// AuthMethod is how clients prove who they are.
type AuthMethod uint8

// The authentication methods.
const (
	// Trust believes the user name; fit for loopback only.
	Trust AuthMethod = iota
	// SCRAM demands a password by SCRAM-SHA-256.
	SCRAM
)

// Config is what a Server needs. All fields but TLS and MaxConnections are required.
type Config struct {
	// NewSession makes the session of an authenticated connection. An error is sent to the client as FATAL.
	NewSession func(client session.Client, start session.Startup) (*session.Session, error)
	// Role looks a user up for authentication; nil when there is none.
	Role func(name string) *catalog.Role
	// Databases reports whether a database of that name exists.
	DatabaseExists func(name string) bool
	// Ready is nil when queries can be served, else the error (57P03) that a connecting client gets.
	Ready func() error
	Auth  AuthMethod
	TLS   *tls.Config
	// MaxConnections bounds concurrent sessions; 0 means 500.
	MaxConnections int
	// Node leads the process ids given to clients, so that they are unique in the cluster. It is asked once Ready is nil.
	Node func() uint32
	// CancelElsewhere passes a cancel request on that names no session of this server; nil: there are no others.
	CancelElsewhere func(pid int32, secret uint32)
	Log             *slog.Logger
}

// startupTimeout bounds how long a connection may take to authenticate, as PostgreSQL's authentication_timeout does.
const startupTimeout = 60 * time.Second

// Server accepts PostgreSQL connections on one listener.
type Server struct {
	cfg     Config
	ctx     context.Context
	stop    context.CancelFunc
	nextPID atomic.Uint32
	wg      sync.WaitGroup

	mu       sync.Mutex
	conns    map[*conn]struct{}
	sessions map[int32]*conn // by backend process id; only authenticated ones
	closing  bool
}

// NewServer returns a server that is not yet listening.
func NewServer(cfg Config) *Server {
	if cfg.MaxConnections == 0 {
		cfg.MaxConnections = 500
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Server{cfg: cfg, ctx: ctx, stop: cancel, conns: map[*conn]struct{}{}, sessions: map[int32]*conn{}}
}

// Serve accepts connections until the listener is closed, and then returns nil.
func (s *Server) Serve(ln net.Listener) error {
	go s.watch()
	for {
		nc, err := ln.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			s.cfg.Log.Warn("accept failed", "err", err)
			time.Sleep(10 * time.Millisecond) // out of file descriptors: let some close
			continue
		}
		if tc, ok := nc.(*net.TCPConn); ok {
			_ = tc.SetNoDelay(true)
			_ = tc.SetKeepAlive(true)
		}
		c := newConn(s, nc)
		s.mu.Lock()
		if s.closing {
			s.mu.Unlock()
			nc.Close()
			continue
		}
		s.conns[c] = struct{}{}
		s.wg.Add(1)
		s.mu.Unlock()
		go func() {
			defer s.wg.Done()
			c.serve()
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
		}()
	}
}

// Shutdown ends every session with 57P01, as PostgreSQL's fast shutdown does, and waits for them to be gone or for ctx
// to end. The listener must have been closed before.
func (s *Server) Shutdown(ctx context.Context) {
	s.mu.Lock()
	s.closing = true
	for c := range s.conns {
		c.terminate()
	}
	s.mu.Unlock()
	s.stop()
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		s.mu.Lock()
		for c := range s.conns {
			c.nc.Close()
		}
		s.mu.Unlock()
	}
}

// Connections returns the number of authenticated sessions.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// register gives an authenticated connection its process id and secret; it reports false when the limit is reached.
func (s *Server) register(c *conn) bool {
	var secret [4]byte
	_, _ = rand.Read(secret[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sessions) >= s.cfg.MaxConnections {
		return false
	}
	for {
		// 12 bits of node, 19 of counter: positive, and distinct over the nodes of a cluster.
		pid := int32((s.cfg.Node()&0xfff)<<19 | s.nextPID.Add(1)&0x7ffff)
		if _, taken := s.sessions[pid]; taken || pid == 0 {
			continue
		}
		c.pid, c.secret = pid, binary.BigEndian.Uint32(secret[:])
		s.sessions[pid] = c
		return true
	}
}

func (s *Server) unregister(c *conn) {
	s.mu.Lock()
	delete(s.sessions, c.pid)
	s.mu.Unlock()
}

// cancel serves a client's cancel request. Clients that know several hosts may send it to another one than the session's.
func (s *Server) cancel(pid int32, secret uint32) {
	if !s.CancelRequest(pid, secret) && s.cfg.CancelElsewhere != nil {
		s.cfg.CancelElsewhere(pid, secret)
	}
}

// CancelRequest interrupts the statement of the session that pid and secret name; a wrong pair is ignored, as in PostgreSQL.
// It reports whether there is a session with that pid.
func (s *Server) CancelRequest(pid int32, secret uint32) bool {
	s.mu.Lock()
	c := s.sessions[pid]
	s.mu.Unlock()
	if c == nil {
		return false
	}
	if c.secret == secret && c.sess != nil {
		c.sess.Cancel()
	}
	return true
}

// CancelBackend interrupts the statement of the session with the process id; it reports whether there is one.
func (s *Server) CancelBackend(pid int32) bool {
	s.mu.Lock()
	c := s.sessions[pid]
	s.mu.Unlock()
	if c == nil {
		return false
	}
	c.sess.Cancel()
	return true
}

// TerminateBackend ends the session with the process id; it reports whether there is one.
func (s *Server) TerminateBackend(pid int32) bool {
	s.mu.Lock()
	c := s.sessions[pid]
	s.mu.Unlock()
	if c == nil {
		return false
	}
	c.terminate()
	return true
}
