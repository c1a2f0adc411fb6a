package session

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/lockmgr"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

var errLocksLost = pgerr.Fatal(pgerr.AdminShutdown, "terminating connection because its locks were lost").
	WithDetail("The cluster declared this node dead and may have granted the locks to others.")

// lockTable takes a table lock until the transaction's end.
func (s *Session) lockTable(ctx context.Context, oid catalog.Oid, mode ddl.LockMode, noWait bool) error {
	key := lock.TableKey(topo.TableID(oid))
	opt := lock.Options{Timeout: s.settings.LockLimit}
	if noWait {
		opt.Policy = lock.NoWait
	}
	_, err := s.node.Tables.Acquire(ctx, s.tx.txn.ID(), key[:], lock.Mode(mode), &opt)
	return s.lockError(ctx, err)
}

// lockError words a failed lock as PostgreSQL does.
func (s *Session) lockError(ctx context.Context, err error) error {
	var dead *lock.Deadlock
	switch {
	case err == nil:
		return nil
	case errors.Is(err, lock.ErrTimeout):
		return pgerr.New(pgerr.LockNotAvailable, "canceling statement due to lock timeout")
	case errors.Is(err, lock.ErrNotAvailable):
		return pgerr.New(pgerr.LockNotAvailable, "could not obtain lock on relation")
	case errors.As(err, &dead):
		return pgerr.New(pgerr.DeadlockDetected, "deadlock detected").WithDetail("%s", s.node.DeadlockDetail(ctx, dead)).
			WithHint("See server log for query details.")
	case errors.Is(err, lockmgr.ErrFenced):
		return errLocksLost
	}
	return s.interrupted(ctx, err)
}

// detailTimeout bounds how long other nodes are asked for the process ids in a deadlock's DETAIL.
const detailTimeout = 2 * time.Second

// DeadlockDetail words a deadlock as PostgreSQL's DETAIL.
func (n *Node) DeadlockDetail(ctx context.Context, dl *lock.Deadlock) string {
	ctx, cancel := context.WithTimeout(ctx, detailTimeout)
	defer cancel()
	return n.Locks.Detail(ctx, dl, n.lockTag)
}

// lockTag names what is awaited, as PostgreSQL's DescribeLockTag does; "" for row locks, which are waits for transactions.
func (n *Node) lockTag(e lock.DeadlockEdge) string {
	switch k := e.Wait.Key; {
	case e.Wait.Class == "relation" && len(k) == 4:
		database := catalog.DefaultDatabase
		n.Catalog().EachDatabase(func(v *catalog.Snapshot) bool {
			if v.Table(catalog.Oid(binary.BigEndian.Uint32(k))) != nil {
				database = v.DatabaseID()
				return false
			}
			return true
		})
		return fmt.Sprintf("relation %d of database %d", binary.BigEndian.Uint32(k), database)
	case e.Wait.Class == "advisory" && (len(k) == 9 || len(k) == 13):
		return fmt.Sprintf("advisory lock [%d,%d,%d,%d]", AdvisoryDatabase(k), binary.BigEndian.Uint32(k[1:]), binary.BigEndian.Uint32(k[5:]), k[0]+1)
	}
	return ""
}

// bindLocks makes the session and its transaction one process for the deadlock detector: they wait for each other's waits.
func (s *Session) bindLocks() {
	if s.tx.txn != nil && !s.tx.bound {
		s.node.Deadlocks.Bind(s.tx.txn.ID(), s.owner)
		s.tx.bound = true
	}
}

// renewOwner gives a session that holds no advisory lock another owner for them when the node works under a later liveness
// epoch than the session began in: the cluster takes the earlier owner for dead.
func (s *Session) renewOwner() {
	if s.owner.Epoch >= s.node.Locks.Epoch() || s.node.Advisory.Holds(s.owner) {
		return
	}
	if s.tx.bound {
		s.node.Deadlocks.Unbind(s.tx.txn.ID())
		s.tx.bound = false
	}
	s.activity.mu.Lock()
	s.owner = s.node.SessionID()
	s.activity.mu.Unlock()
}

// LocksLost ends the session that owns locks as owner, or whose open transaction does: the cluster took them away.
func (n *Node) LocksLost(owner topo.TxnID) {
	if e := n.sessionOf(owner); e != nil {
		e.session.endBase(errLocksLost)
		n.Terminate(e.start.PID)
	}
}
