package lockmgr

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/pgmqdb/pgmqdb/shard/deadlock"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// The methods that Handle serves.
const (
	methodAcquire  = "lock.acquire"
	methodRelease  = "lock.release"
	methodSync     = "lock.sync"
	methodReassert = "lock.reassert"
	methodLost     = "lock.lost"
	methodLongWait = "lock.longwait"
	methodWaits    = "lock.waits"
	methodBreak    = "lock.break"
	methodJump     = "lock.jump"
	methodPIDs     = "lock.pids"
)

// class says which locks a request is about.
type class uint8

const (
	classTable class = iota + 1
	classAdvisory
)

// peer says who calls.
type peer struct {
	Node  topo.NodeID
	Epoch topo.LivenessEpoch
}

// acquireRequest asks for one lock. It is repeated under the same Seq until its Status is not stillWaiting.
type acquireRequest struct {
	From   peer
	Class  class
	Owner  topo.TxnID
	Seq    uint64
	Key    []byte
	Mode   lock.Mode
	NoWait bool
}

// status is the result of an acquireRequest.
type status uint8

const (
	stGranted      status = iota + 1
	stStillWaiting        // ask again
	stNotAvailable        // NoWait
	stDeadlock
	stStale     // a later request of the owner has come
	stFenced    // the owner's node was declared dead under the owner's epoch
	stElsewhere // not the home of the advisory locks, or no longer
	stFailed
)

type acquireReply struct {
	Status   status
	Waited   bool
	Term     topo.LeaseEpoch // of the home that granted an advisory lock
	Deadlock *lock.Deadlock
	Text     string // of stFailed
}

// releaseOp drops Modes of Key, or of all keys when Key is nil.
type releaseOp struct {
	Class class
	Owner topo.TxnID
	Seq   uint64
	Key   []byte
	Modes lock.ModeSet
}

type releaseRequest struct {
	From peer
	Ops  []releaseOp
}

// Held is a strong table lock.
type Held struct {
	Owner topo.TxnID
	Key   []byte
	Modes lock.ModeSet
}

type syncRequest struct{ From peer }

// syncReply has the strong locks of the node's own owners, as of its request number Seq.
type syncReply struct {
	Epoch topo.LivenessEpoch
	Seq   uint64
	Held  []Held
}

type reassertRequest struct {
	From peer
	Term topo.LeaseEpoch
}

type reassertReply struct {
	Refused bool // the node knows of a later home
	Epoch   topo.LivenessEpoch
	Held    []Held
}

type lostRequest struct {
	From   peer
	Owners []topo.TxnID
}

type waitsRequest struct{ All bool }

// waitsReply is a node's part of the wait-for graph. Process tells its life from an earlier one's: ids of waits are unique
// within it.
type waitsReply struct {
	Process   uint64
	Waits     []deadlock.Wait
	Bindings  []deadlock.Binding
	Releasing []topo.TxnID // owners of this node whose releases have not arrived everywhere
}

type breakRequest struct {
	Process  uint64
	Wait     uint64
	Deadlock *lock.Deadlock
}

type jumpRequest struct {
	Process uint64
	Wait    uint64
}

type doneReply struct{ Done bool }

type pidsRequest struct{ Owners []topo.TxnID }

type pidsReply struct{ PIDs []int32 } // 0: no such session

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("lockmgr: %T cannot be encoded: %v", v, err)) // the types above all can
	}
	return b
}

func decode[T any](body []byte) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(body, v); err != nil {
		return nil, fmt.Errorf("lockmgr: malformed %T: %w", *v, err)
	}
	return v, nil
}

// replyOf words the result of an acquire.
func replyOf(waited bool, err error) *acquireReply {
	r := &acquireReply{Waited: waited, Status: stGranted}
	var dl *lock.Deadlock
	switch {
	case err == nil:
	case errors.Is(err, lock.ErrNotAvailable):
		r.Status = stNotAvailable
	case errors.As(err, &dl):
		r.Status, r.Deadlock = stDeadlock, dl
	case errors.Is(err, errStale):
		r.Status = stStale
	case errors.Is(err, ErrFenced), errors.Is(err, lock.ErrDropped):
		r.Status = stFenced
	case errors.Is(err, errElsewhere):
		r.Status = stElsewhere
	default:
		r.Status, r.Text = stFailed, err.Error()
	}
	return r
}

// err is the error of a reply that is final.
func (r *acquireReply) err() error {
	switch r.Status {
	case stGranted:
		return nil
	case stNotAvailable:
		return lock.ErrNotAvailable
	case stDeadlock:
		return r.Deadlock
	case stFenced:
		return ErrFenced
	case stElsewhere:
		return errElsewhere
	case stStale:
		return errStale
	}
	return errors.New(r.Text)
}
