package session

import (
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Field describes one result column for the client: RowDescription's fields.
type Field struct {
	Name     string
	TableOID types.Oid
	AttNum   int16
	Type     types.Type
	Format   int16 // 0 text, 1 binary
}

// Client is the connection that a session answers to. Its methods buffer; whoever drives the session flushes. Only
// DataRows, ReadCopyData and WriteCopyData can fail, with the connection's error.
type Client interface {
	Notice(n *pgerr.Error)
	ParameterStatus(name, value string)
	RowDescription(fields []Field)
	DataRows(fields []Field, rows *types.Batch, env *types.IOEnv) error
	CommandComplete(tag string)
	EmptyQueryResponse()
	PortalSuspended()
	// Notified says that TakeNotifications has something; it may be called from any goroutine, and must not wait.
	Notified()

	// CopyInResponse asks the client for data; ReadCopyData returns a chunk of it, io.EOF after CopyDone, and a
	// *pgerr.Error after CopyFail. The bytes are valid until the next call.
	CopyInResponse(columns int, binary bool) error
	ReadCopyData() ([]byte, error)
	// CopyOutResponse starts a copy to the client, in WriteCopyData chunks, ended by CopyDone.
	CopyOutResponse(columns int, binary bool)
	WriteCopyData(data []byte) error
	CopyDone()
}
