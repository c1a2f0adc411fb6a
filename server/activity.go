package server

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/pgcat"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/session"
)

// The sessions and locks of all nodes, for pg_stat_activity and pg_locks.

// lookTimeout bounds a question that a view asks the other nodes: one that does not answer is left out.
const lookTimeout = time.Second

// everyNode asks all nodes that are alive, this one included. missing are those that did not answer.
func everyNode[R any](s *Server, method string) (answers []*R, missing []topo.NodeID) {
	ctx, cancel := context.WithTimeout(s.life, lookTimeout)
	defer cancel()
	t := s.catalog.Topology()
	var ids []topo.NodeID
	for _, id := range t.NodeIDs() {
		if n := t.Nodes[id]; id == s.id.Node || !n.Dead && n.Epoch != 0 {
			ids = append(ids, id)
		}
	}
	all := make([]*R, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() {
			r, err := askNode[R](ctx, s, id, method, &empty{})
			if err != nil {
				s.log.Debug("asking a node", "node", id, "call", method, "err", err)
				return
			}
			all[i] = r
		})
	}
	wg.Wait()
	for i, r := range all {
		if r == nil {
			missing = append(missing, ids[i])
		} else {
			answers = append(answers, r)
		}
	}
	return answers, missing
}

// activityResponse is the answer to methodActivity.
type activityResponse struct{ Sessions []pgcat.Activity }

func (s *Server) ownActivity(context.Context, *empty) (*activityResponse, error) {
	r := new(activityResponse)
	for _, a := range s.node.Activity() {
		r.Sessions = append(r.Sessions, pgcat.Activity(a))
	}
	return r, nil
}

func (s *Server) activity() ([]pgcat.Activity, []topo.NodeID) {
	var out []pgcat.Activity
	answers, missing := everyNode[activityResponse](s, methodActivity)
	for _, r := range answers {
		out = append(out, r.Sessions...)
	}
	return out, missing
}

// heldLock is a lock with its owner: a row lock is kept by the group's leaseholder, and only the owner's node knows the session.
type heldLock struct {
	pgcat.Lock
	Owner topo.TxnID
}

// locksResponse is the answer to methodLocks.
type locksResponse struct {
	Locks []heldLock
	// Owners are the sessions and open transactions of the node, with their process ids.
	Owners []lockOwner
}

type lockOwner struct {
	Owner topo.TxnID
	PID   int32
}

func (s *Server) lockRows() ([]pgcat.Lock, []topo.NodeID) {
	answers, missing := everyNode[locksResponse](s, methodLocks)
	pids := map[topo.TxnID]int32{}
	for _, r := range answers {
		for _, o := range r.Owners {
			pids[o.Owner] = o.PID
		}
	}
	var out []pgcat.Lock
	for _, r := range answers {
		for _, l := range r.Locks {
			l.PID = pids[l.Owner]
			out = append(out, l.Lock)
		}
	}
	return out, missing
}

// ownLocks lists the table and advisory locks of this node's sessions, wherever they are kept, and the row locks of the groups
// served here: over all nodes every lock comes once.
func (s *Server) ownLocks(context.Context, *empty) (*locksResponse, error) {
	r := new(locksResponse)
	s.node.Owners(func(owner topo.TxnID, pid int32) { r.Owners = append(r.Owners, lockOwner{owner, pid}) })
	add := func(l pgcat.Lock, owner topo.TxnID) { r.Locks = append(r.Locks, heldLock{l, owner}) }
	for _, e := range s.node.Tables.List() {
		l := pgcat.Lock{Type: "relation", Mode: e.Name, Granted: e.Granted}
		if len(e.Key) == 4 {
			l.Relation = catalog.Oid(binary.BigEndian.Uint32([]byte(e.Key)))
		}
		add(l, e.Owner)
	}
	for _, e := range s.node.Advisory.List() {
		l := pgcat.Lock{Type: "advisory", Mode: e.Name, Granted: e.Granted, ObjSubID: 1}
		if k := []byte(e.Key); len(k) >= 9 {
			l.Database = session.AdvisoryDatabase(k)
			if k[0] == 1 {
				l.ObjSubID = 2
			}
			l.ClassID, l.ObjID = binary.BigEndian.Uint32(k[1:]), binary.BigEndian.Uint32(k[5:])
		}
		add(l, e.Owner)
	}
	for _, g := range s.host.Replicas() {
		for _, e := range g.Locks() {
			add(pgcat.Lock{Type: "tuple", Mode: e.Name, Granted: e.Granted, TransactionID: uint32(e.Owner.Seq)}, e.Owner)
		}
	}
	return r, nil
}
