package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/session"
)

// Bounds on message bodies, in bytes. Before authentication nothing legitimate is large.
const (
	maxBodyBeforeAuth = 64 << 10
	maxBody           = 256 << 20
)

// conn is one client connection, and its session's Client.
type conn struct {
	srv    *Server
	socket net.Conn // as accepted, below TLS
	nc     net.Conn
	br     *bufio.Reader
	be     *pgproto3.Backend
	tls    bool
	pid    int32
	secret uint32
	sess   *session.Session // written under srv.mu

	out         rowBuffer
	failed      bool // an extended-protocol error: skip messages until Sync
	terminating atomic.Bool
	checked     time.Time // when the socket was last looked at; of Server.watch
	writeErr    error

	idleMu    sync.Mutex // held while something is written to an idle connection
	idle      bool
	notifying atomic.Bool // a goroutine of Notified is about to look
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{srv: s, socket: nc}
	c.setTransport(nc)
	return c
}

// terminate ends the connection from another goroutine: a running statement is interrupted, a waiting read returns.
func (c *conn) terminate() {
	c.terminating.Store(true)
	if c.sess != nil {
		c.sess.Terminate()
	}
	_ = c.nc.SetReadDeadline(time.Unix(1, 0))
}

// serve runs the connection to its end. A panic ends this connection only; the process and its other sessions go on.
func (c *conn) serve() {
	defer c.nc.Close()
	if !c.startup() {
		return
	}
	defer func() {
		if r := recover(); r != nil {
			c.srv.cfg.Log.Error("session panicked", "pid", c.pid, "panic", fmt.Sprint(r), "stack", stack())
			c.fatal(pgerr.Fatal(pgerr.InternalError, "internal error: the session was ended"))
		}
		c.sess.Close()
		c.srv.unregister(c)
	}()
	c.ready()
	for {
		msg, err := c.be.Receive()
		c.setIdle(false)
		if err != nil {
			c.receiveFailed(err)
			return
		}
		if !c.handle(msg) || c.writeErr != nil {
			return
		}
		if c.terminating.Load() {
			c.receiveFailed(os.ErrDeadlineExceeded)
			return
		}
	}
}

// receiveFailed says goodbye where the client can still hear it.
func (c *conn) receiveFailed(err error) {
	var tooLong *pgproto3.ExceededMaxBodyLenErr
	switch {
	case c.terminating.Load():
		c.fatal(pgerr.Fatal(pgerr.AdminShutdown, "terminating connection due to administrator command"))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
	case errors.As(err, &tooLong):
		c.fatal(pgerr.Fatal(pgerr.ProtocolViolation, "invalid message length"))
	default:
		var ne net.Error
		if !errors.As(err, &ne) {
			c.fatal(pgerr.Fatal(pgerr.ProtocolViolation, "invalid frontend message: %s", err.Error()))
		}
	}
}

// handle acts on one message; it returns false when the connection is to end.
func (c *conn) handle(msg pgproto3.FrontendMessage) bool {
	switch m := msg.(type) {
	case *pgproto3.Query:
		c.failed = false
		if err := c.sess.SimpleQuery(m.String); err != nil {
			c.sendError(err)
		}
		c.ready()
	case *pgproto3.Sync:
		c.failed = false
		if err := c.sess.Sync(); err != nil {
			c.sendError(err)
		}
		c.ready()
	case *pgproto3.Terminate:
		return false
	case *pgproto3.Flush:
		c.flush()
	case *pgproto3.CopyData, *pgproto3.CopyDone, *pgproto3.CopyFail:
		// Left over from a COPY that failed on this side: PostgreSQL ignores them too. ready held the answer back while they
		// were unread, and its client may be waiting for it.
		if c.br.Buffered() == 0 {
			c.flush()
		}
	case *pgproto3.FunctionCall:
		c.sendError(pgerr.NotSupported("the function call sub-protocol"))
		c.ready()
	case *pgproto3.Parse, *pgproto3.Bind, *pgproto3.Describe, *pgproto3.Execute, *pgproto3.Close:
		if c.failed {
			return true
		}
		if err := c.extended(m); err != nil {
			c.failed = true
			c.sess.ExtendedError()
			c.sendError(err)
		}
	default:
		c.fatal(pgerr.Fatal(pgerr.ProtocolViolation, "unexpected message %T", msg))
		return false
	}
	return true
}

// extended acts on a message of the extended query protocol.
func (c *conn) extended(msg pgproto3.FrontendMessage) error {
	switch m := msg.(type) {
	case *pgproto3.Parse:
		if err := c.sess.Parse(m.Name, m.Query, m.ParameterOIDs); err != nil {
			return err
		}
		c.be.Send(&pgproto3.ParseComplete{})
	case *pgproto3.Bind:
		if err := c.sess.Bind(m.DestinationPortal, m.PreparedStatement, m.ParameterFormatCodes, m.Parameters,
			m.ResultFormatCodes); err != nil {
			return err
		}
		c.be.Send(&pgproto3.BindComplete{})
	case *pgproto3.Describe:
		return c.describe(m)
	case *pgproto3.Execute:
		return c.sess.Execute(m.Portal, int(int32(m.MaxRows)))
	case *pgproto3.Close:
		if err := c.closeObject(m); err != nil {
			return err
		}
		c.be.Send(&pgproto3.CloseComplete{})
	}
	return nil
}

func (c *conn) closeObject(m *pgproto3.Close) error {
	switch m.ObjectType {
	case 'S':
		return c.sess.CloseStatement(m.Name)
	case 'P':
		return c.sess.ClosePortal(m.Name)
	}
	return pgerr.New(pgerr.ProtocolViolation, "invalid CLOSE message subtype %d", m.ObjectType)
}

func (c *conn) describe(m *pgproto3.Describe) error {
	var fields []session.Field
	switch m.ObjectType {
	case 'S':
		params, f, err := c.sess.DescribeStatement(m.Name)
		if err != nil {
			return err
		}
		oids := make([]uint32, len(params))
		for i, p := range params {
			oids[i] = uint32(p)
		}
		c.be.Send(&pgproto3.ParameterDescription{ParameterOIDs: oids})
		fields = f
	case 'P':
		f, err := c.sess.DescribePortal(m.Name)
		if err != nil {
			return err
		}
		fields = f
	default:
		return pgerr.New(pgerr.ProtocolViolation, "invalid DESCRIBE message subtype %d", m.ObjectType)
	}
	if fields == nil {
		c.be.Send(&pgproto3.NoData{})
		return nil
	}
	c.RowDescription(fields)
	return nil
}

// ready ends a query cycle: ReadyForQuery with the transaction status, and everything buffered goes out. While further
// messages of a pipeline are already here, the write waits for the last of them.
func (c *conn) ready() {
	status := c.sess.TxStatus()
	if status == 'I' {
		c.sendNotifications()
	}
	c.be.Send(&pgproto3.ReadyForQuery{TxStatus: status})
	if c.br.Buffered() == 0 || c.out.total > flushBytes {
		c.flush()
	}
	if status == 'I' {
		c.setIdle(true)
	}
}

func (c *conn) flush() {
	c.out.total = 0
	if err := c.be.Flush(); err != nil && c.writeErr == nil {
		c.writeErr = err
	}
}

func (c *conn) sendError(err error) {
	e := pgerr.From(err)
	r := pgproto3.ErrorResponse(*errorFields(e))
	c.be.Send(&r)
}

// fatal sends the last word and flushes it.
func (c *conn) fatal(e *pgerr.Error) {
	_ = c.nc.SetWriteDeadline(time.Now().Add(5 * time.Second))
	c.sendError(e)
	c.flush()
}

func errorFields(e *pgerr.Error) *pgproto3.NoticeResponse {
	severity := e.Severity
	if severity == "" {
		severity = "ERROR"
	}
	return &pgproto3.NoticeResponse{
		Severity: severity, SeverityUnlocalized: severity, Code: e.Code, Message: e.Message, Detail: e.Detail,
		Hint: e.Hint, Position: int32(e.Position), InternalPosition: int32(e.InternalPosition),
		InternalQuery: e.InternalQuery, Where: e.Where, SchemaName: e.Schema, TableName: e.Table, ColumnName: e.Column,
		DataTypeName: e.DataType, ConstraintName: e.Constraint, Routine: e.Routine,
	}
}
