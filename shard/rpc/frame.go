package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"google.golang.org/grpc/mem"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// A request is one frame: the operation, the group's id, the milliseconds that are left to the call (0: no limit), and the
// operation's fields. An answer is one frame too: what it is, and what belongs to that.

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
	opGetLinks
	opBatch // requests to several of the node's groups: of each the operation, the group, and its fields as a byte string; then opEnd
	opEnd
)

// opNames names the operations for those who count them.
var opNames = [opEnd]string{opGet: "get", opScan: "scan", opLock: "lock", opUnlock: "unlock", opPropose: "propose",
	opOutcome: "outcome", opSequence: "sequence", opCall: "call", opPing: "ping", opGetLinks: "getlinks", opBatch: "batch"}

// What an answer is, as its first byte.
const (
	answerOK byte = iota
	answerError
	answerWaiting // the holders of a lock (of a batch: which request it is, and them); the answer is still to come
	answerText    // an error that is of none of the other kinds
	answerSQL     // a *pgerr.Error
	answerCanceled
	answerDeadline
	answerAgain // of a request in a batch: it was not run, or its answer had no room; it is to be made by itself
)

const (
	// maxBatch bounds the requests of a batch, and batchBytes their size, but for the last one's.
	maxBatch   = 1024
	batchBytes = 4 << 20
)

// maxMessage bounds a frame; scans and proposals are bounded far below it by those who make them.
const maxMessage = 64 << 20

const (
	serviceName = "pgmqdb.Node"
	streamName  = "Calls"
	windowBytes = 1 << 20
)

// rawCodec hands frames through as they are: a frame is a *[]byte. One that was sent is not written to again.
type rawCodec struct{}

func (rawCodec) Name() string { return "pgmqdb-raw" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize() // a copy: the transport uses its buffers again
	return nil
}

var errDamaged = errors.New("rpc: damaged frame")

// tooLarge is the failure of a call whose request or answer exceeds maxMessage: it would fail everywhere.
func tooLarge(what string, size int) error {
	return fmt.Errorf("rpc: %s of %d bytes exceeds the limit of %d", what, size, maxMessage)
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
		b, _ := json.Marshal(p) // strings and numbers: it cannot fail
		w = append(append(w, answerSQL), b...)
	case errors.Is(err, context.DeadlineExceeded):
		w = append(w, answerDeadline)
	case errors.Is(err, context.Canceled):
		w = append(w, answerCanceled)
	default:
		w = append(append(w, answerText), err.Error()...)
	}
	return w
}

// decodeError decodes a failure; ok is false when it is none that this binary knows.
func decodeError(kind byte, body []byte) (err error, ok bool) {
	switch kind {
	case answerError:
		e := new(Error)
		r := &reader{b: body}
		e.decode(r)
		return e, r.done() == nil
	case answerSQL:
		p := new(pgerr.Error)
		return p, json.Unmarshal(body, p) == nil
	case answerDeadline:
		return context.DeadlineExceeded, true
	case answerCanceled:
		return context.Canceled, true
	case answerText:
		return &RemoteError{Text: string(body)}, true
	}
	return nil, false
}

// RemoteError is an error of another node that is of no kind known here.
type RemoteError struct{ Text string }

func (e *RemoteError) Error() string { return e.Text }
