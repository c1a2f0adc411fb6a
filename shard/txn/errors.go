package txn

import (
	"context"
	"errors"
	"fmt"

	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// ErrSchemaChanged says that a table is no longer at the version that the statement was planned against: plan again. At
// COMMIT of a transaction of several statements, which cannot be planned again, the session answers 40001.
var ErrSchemaChanged = errors.New("txn: a table's schema has changed since the statement was planned")

// ErrChildrenChanged says that a deleted or changed key gained children that the foreign-key scan could not see, and that
// no recheck was registered for it (OnChildrenChanged). It unwraps to a 40001.
type ErrChildrenChanged struct{ Key Key }

func (e *ErrChildrenChanged) Error() string { return e.Unwrap().Error() }

// Unwrap returns the error that a client gets.
func (e *ErrChildrenChanged) Unwrap() error { return errConcurrentUpdate() }

func errConcurrentUpdate() *pgerr.Error {
	return pgerr.New(pgerr.SerializationFailure, "could not serialize access due to concurrent update")
}

const concurrentDelete = "could not serialize access due to concurrent delete"

func errConcurrentDelete() *pgerr.Error {
	return pgerr.New(pgerr.SerializationFailure, concurrentDelete)
}

// IsConcurrentDelete reports whether err is the 40001 of a row that the transaction's snapshot has and that another one has
// deleted.
func IsConcurrentDelete(err error) bool {
	var e *pgerr.Error
	return errors.As(err, &e) && e.Code == pgerr.SerializationFailure && e.Message == concurrentDelete
}

func errDependencies() *pgerr.Error {
	return pgerr.New(pgerr.SerializationFailure, "could not serialize access due to read/write dependencies among transactions").
		WithHint("The transaction might succeed if retried.")
}

func errUnknownOutcome(detail string) *pgerr.Error {
	return pgerr.New(pgerr.TransactionResolutionUnknown, "the outcome of the transaction is unknown").
		WithDetail("%s", detail).
		WithHint("It may or may not have committed; check before trying again.")
}

func errUnavailable(detail string) *pgerr.Error {
	return pgerr.New(pgerr.SerializationFailure, "could not serialize access: a shard has no leader at the moment").
		WithDetail("%s", detail).
		WithHint("The transaction might succeed if retried.")
}

func errEnded() *pgerr.Error {
	return pgerr.New(pgerr.NoActiveSqlTransaction, "the transaction has ended")
}

// canceled turns the end of a context into what the client gets: the cause when it is an error of ours.
func canceled(ctx context.Context) error {
	var e *pgerr.Error
	if errors.As(context.Cause(ctx), &e) {
		return e
	}
	return pgerr.New(pgerr.QueryCanceled, "canceling statement due to user request")
}

func clockError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return canceled(ctx)
	}
	var e *pgerr.Error
	if errors.As(err, &e) {
		return e
	}
	return errUnavailable("The timestamp oracle does not answer: " + err.Error())
}

// CallError turns a group's error into what the client gets, where nothing depends on whether the call had an effect.
func CallError(ctx context.Context, err error) error {
	var e *rpc.Error
	if errors.As(err, &e) && e.Code == rpc.ErrAmbiguous && ctx.Err() == nil {
		return errUnavailable(e.Error())
	}
	return groupError(ctx, err)
}

// groupError turns a failed call of a group into what the client gets.
func groupError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return canceled(ctx)
	}
	var e *rpc.Error
	if !errors.As(err, &e) {
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return errUnavailable(err.Error())
		}
		var pe *pgerr.Error
		if errors.As(err, &pe) {
			return pe
		}
		return fmt.Errorf("txn: %w", err)
	}
	switch e.Code {
	case rpc.ErrTableVersion:
		return ErrSchemaChanged
	case rpc.ErrLockNotAvailable:
		if e.Timeout {
			return pgerr.New(pgerr.LockNotAvailable, "canceling statement due to lock timeout")
		}
		return pgerr.New(pgerr.LockNotAvailable, "could not obtain lock on row")
	case rpc.ErrDeadlock:
		pe := pgerr.New(pgerr.DeadlockDetected, "deadlock detected").WithHint("See server log for query details.")
		pe.Detail = e.Detail
		return pe
	case rpc.ErrSnapshotTooOld:
		// The horizon waits for every node whose liveness epoch lasts: this node was stopped or cut off past the end of its.
		return pgerr.New(pgerr.SerializationFailure, "could not serialize access: snapshot too old").
			WithDetail("The node was cut off from the cluster for longer than its snapshots are kept.").
			WithHint("The transaction might succeed if retried.")
	case rpc.ErrDiskFull:
		pe := pgerr.New(pgerr.DiskFull, "could not write: the disk reserve is reached")
		pe.Detail = e.Detail
		return pe
	case rpc.ErrCorrupt:
		pe := pgerr.New(pgerr.DataCorrupted, "stored data is corrupt")
		pe.Detail = e.Detail
		return pe
	case rpc.ErrAmbiguous:
		return errUnknownOutcome(e.Detail)
	}
	return errUnavailable(e.Error())
}

// retryable reports whether a proposal that failed so may be sent again as it is.
func retryable(err error) bool {
	var e *rpc.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case rpc.ErrUnavailable, rpc.ErrNotProposed, rpc.ErrAmbiguous, rpc.ErrNotLeaseholder:
		return true
	}
	return false
}

// refusedBeforeLog reports whether a failed proposal certainly never reached the log.
func refusedBeforeLog(err error) bool {
	var e *rpc.Error
	if !errors.As(err, &e) {
		return false
	}
	return e.Code == rpc.ErrNotProposed || e.Code == rpc.ErrDiskFull || e.Code == rpc.ErrNotLeaseholder
}
