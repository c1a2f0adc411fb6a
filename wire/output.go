package wire

import (
	"encoding/binary"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/session"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// flushBytes is how much output may wait for the end of a query: large results stream out.
const flushBytes = 64 << 10

// rowBuffer is a run of DataRow messages encoded straight from columns. As a pgproto3.BackendMessage it is copied once
// into the connection's write buffer.
type rowBuffer struct {
	buf   []byte
	total int // bytes sent since the last flush
}

// Backend marks a message of the server.
func (*rowBuffer) Backend() {}

// Decode is never called: rows only go out.
func (*rowBuffer) Decode([]byte) error { return fmt.Errorf("rows are not decoded here") }

// Encode appends the encoded rows.
func (r *rowBuffer) Encode(dst []byte) ([]byte, error) { return append(dst, r.buf...), nil }

// DataRows sends a batch, each value in its field's format.
func (c *conn) DataRows(fields []session.Field, rows *types.Batch, env *types.IOEnv) error {
	for i := 0; i < rows.N; i++ {
		c.out.buf = appendDataRow(c.out.buf, fields, rows, i, env)
		if len(c.out.buf) > flushBytes {
			if err := c.sendRows(); err != nil {
				return err
			}
			c.flush()
		}
	}
	return c.sendRows()
}

func (c *conn) sendRows() error {
	if len(c.out.buf) > 0 {
		c.out.total += len(c.out.buf)
		c.be.Send(&c.out)
		c.out.buf = c.out.buf[:0]
		if c.out.total > flushBytes {
			c.flush()
		}
	}
	return c.writeErr
}

func appendDataRow(buf []byte, fields []session.Field, rows *types.Batch, row int, env *types.IOEnv) []byte {
	start := len(buf)
	buf = append(buf, 'D', 0, 0, 0, 0)
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(fields)))
	for f := range fields {
		v := &rows.Cols[f]
		if v.IsNull(row) {
			buf = append(buf, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		at := len(buf)
		buf = append(buf, 0, 0, 0, 0)
		if fields[f].Format == 1 {
			buf = types.AppendBinaryVec(buf, v, row, env)
		} else {
			buf = types.AppendTextVec(buf, v, row, env)
		}
		binary.BigEndian.PutUint32(buf[at:], uint32(len(buf)-at-4))
	}
	binary.BigEndian.PutUint32(buf[start+1:], uint32(len(buf)-start-1))
	return buf
}

// Notice sends a NoticeResponse.
func (c *conn) Notice(n *pgerr.Error) { c.be.Send(errorFields(n)) }

// ParameterStatus reports a setting.
func (c *conn) ParameterStatus(name, value string) {
	c.be.Send(&pgproto3.ParameterStatus{Name: name, Value: value})
}

// RowDescription announces the columns of the rows to come.
func (c *conn) RowDescription(fields []session.Field) {
	out := make([]pgproto3.FieldDescription, len(fields))
	for i, f := range fields {
		size := int16(-1)
		if info := types.Lookup(f.Type.Oid); info != nil {
			size = int16(info.Len)
		}
		out[i] = pgproto3.FieldDescription{Name: []byte(f.Name), TableOID: uint32(f.TableOID),
			TableAttributeNumber: uint16(f.AttNum), DataTypeOID: uint32(f.Type.Oid), DataTypeSize: size,
			TypeModifier: f.Type.Mod, Format: f.Format}
	}
	c.be.Send(&pgproto3.RowDescription{Fields: out})
}

// CommandComplete ends a statement.
func (c *conn) CommandComplete(tag string) {
	c.be.Send(&pgproto3.CommandComplete{CommandTag: []byte(tag)})
}

// EmptyQueryResponse answers an empty statement.
func (c *conn) EmptyQueryResponse() { c.be.Send(&pgproto3.EmptyQueryResponse{}) }

// PortalSuspended says that a row limit was reached.
func (c *conn) PortalSuspended() { c.be.Send(&pgproto3.PortalSuspended{}) }

// Notified sends what waits for the session if it is idle, without making the caller wait for the client. Otherwise it goes
// out before the next ReadyForQuery.
func (c *conn) Notified() {
	if c.notifying.Swap(true) {
		return
	}
	go func() {
		c.idleMu.Lock()
		defer c.idleMu.Unlock()
		c.notifying.Store(false)
		if c.idle && c.sendNotifications() {
			c.flush()
		}
	}()
}

// sendNotifications puts the notifications that wait into the output.
func (c *conn) sendNotifications() bool {
	notes := c.sess.TakeNotifications()
	for _, n := range notes {
		c.be.Send(&pgproto3.NotificationResponse{PID: uint32(n.PID), Channel: n.Channel, Payload: n.Payload})
	}
	return len(notes) > 0
}

// setIdle says that the session waits for its next message, with a transaction block open or not, or no longer does. While
// it is idle, Notified may write.
func (c *conn) setIdle(idle bool) {
	c.idleMu.Lock()
	defer c.idleMu.Unlock()
	c.idle = idle
	if idle && c.sendNotifications() { // those that came since ReadyForQuery was written
		c.flush()
	}
}

func copyFormats(columns int, binaryFormat bool) (byte, []uint16) {
	codes := make([]uint16, columns)
	if !binaryFormat {
		return 0, codes
	}
	for i := range codes {
		codes[i] = 1
	}
	return 1, codes
}

// CopyInResponse asks for COPY data.
func (c *conn) CopyInResponse(columns int, binaryFormat bool) error {
	f, codes := copyFormats(columns, binaryFormat)
	c.be.Send(&pgproto3.CopyInResponse{OverallFormat: f, ColumnFormatCodes: codes})
	c.flush()
	return c.writeErr
}

// ReadCopyData returns the next chunk of COPY data. Flush and Sync are ignored meanwhile, as the protocol says.
func (c *conn) ReadCopyData() ([]byte, error) {
	for {
		msg, err := c.be.Receive()
		if err != nil {
			return nil, err
		}
		switch m := msg.(type) {
		case *pgproto3.CopyData:
			return m.Data, nil
		case *pgproto3.CopyDone:
			return nil, io.EOF
		case *pgproto3.CopyFail:
			return nil, pgerr.New(pgerr.QueryCanceled, "COPY from stdin failed: %s", m.Message)
		case *pgproto3.Flush, *pgproto3.Sync:
		default:
			return nil, pgerr.New(pgerr.ProtocolViolation, "unexpected message type during COPY from stdin")
		}
	}
}

// CopyOutResponse starts COPY to the client.
func (c *conn) CopyOutResponse(columns int, binaryFormat bool) {
	f, codes := copyFormats(columns, binaryFormat)
	c.be.Send(&pgproto3.CopyOutResponse{OverallFormat: f, ColumnFormatCodes: codes})
}

// WriteCopyData sends a chunk of COPY data.
func (c *conn) WriteCopyData(data []byte) error {
	c.be.Send(&pgproto3.CopyData{Data: data})
	c.out.total += len(data)
	if c.out.total > flushBytes {
		c.flush()
	}
	return c.writeErr
}

// CopyDone ends COPY to the client.
func (c *conn) CopyDone() { c.be.Send(&pgproto3.CopyDone{}) }

func stack() string { return string(debug.Stack()) }
