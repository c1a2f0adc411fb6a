package server

import (
	"context"
	"fmt"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
)

// What a coordinator whose liveness epoch is over has left in the groups: row locks, prepared transactions, operations
// sent ahead, and fences. Whoever meets a prepare or a fence finishes it; this is for what nobody meets, and so that nobody
// has to wait for it.

// cleanUp finishes what is left of ended epochs in the groups whose leases this node holds.
func (s *Server) cleanUp(ctx context.Context) error {
	s.noteAbandoned()
	t := s.catalog.Topology()
	var fences []fsm.FenceInfo
	for _, r := range s.host.Replicas() {
		if _, mine := r.Lease(); !mine {
			continue
		}
		for _, p := range r.State().PendingList() {
			if !t.Over(p.Txn) {
				continue
			}
			if err := s.txns.RecoverStuck(ctx, p.Txn, p.Attempt, p.Primary); err != nil {
				return fmt.Errorf("finishing transaction %s: %w", p.Txn, err)
			}
		}
		for _, x := range r.State().ProvisionalTxns() {
			if !t.Over(x) {
				continue
			}
			if err := s.txns.AbortProvisional(ctx, r.ID(), x); err != nil {
				return fmt.Errorf("dropping what transaction %s had sent ahead: %w", x, err)
			}
		}
		for _, f := range r.State().Fences() {
			if t.Over(f.Txn) {
				fences = append(fences, f)
			}
		}
	}
	if err := ddl.RecoverFences(ctx, s.fenceRecovery(), fences); err != nil {
		return err
	}
	return s.dropAbandonedTemp(ctx, t)
}

// dropAbandonedTemp drops the temporary tables of sessions that are no more: this node's, and on the catalog group's
// leaseholder those of ended epochs.
func (s *Server) dropAbandonedTemp(ctx context.Context, t *topo.Topology) error {
	if s.member.admitted(ctx) != nil {
		return nil
	}
	leader := false
	for _, r := range s.host.Replicas() {
		if r.ID() == topo.CatalogGroup {
			_, leader = r.Lease()
		}
	}
	over := func(session topo.TxnID) bool { return leader && t.Over(session) }
	return s.node.DropAbandonedTemp(ctx, s.id.Node, over)
}

// dropLocksOf drops the row locks of ended epochs as soon as the records say that they are over.
func (s *Server) dropLocksOf(old, now *topo.Topology) {
	for id, n := range now.Nodes {
		before := n.Epoch
		if n.Dead || n.State == topo.NodeRemoved {
			before++
		}
		if o := old.Nodes[id]; o != nil && o.Epoch == n.Epoch && o.Dead == n.Dead && o.State == n.State {
			continue
		}
		for _, r := range s.host.Replicas() {
			r.ReleaseNode(id, before)
		}
		s.locks.NodeDead(id, before)
	}
}

func (s *Server) fenceRecovery() ddl.Recovery {
	return ddl.Recovery{Groups: s.group, Replica: s.catalog, Begin: func() ddl.RecoveryTxn { return s.txns.Begin(txn.Options{}) }}
}

// fenceMet runs beside the statement that met a lost schema change's fence.
func (s *Server) fenceMet(f fsm.FenceInfo) {
	s.background(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, startTimeout)
		defer cancel()
		if err := ddl.RecoverFences(ctx, s.fenceRecovery(), []fsm.FenceInfo{f}); err != nil && s.life.Err() == nil {
			s.log.Warn("recovering a schema change's fence", "table", f.Table, "err", err)
		}
	})
}

// watchEnds drops locks at once when epochs end, and finishes transactions then and now and then.
func (s *Server) watchEnds(ctx context.Context) {
	seen := s.catalog.Topology()
	t := time.NewTicker(cleanUpEvery)
	defer t.Stop()
	for {
		if err := s.cleanUp(ctx); err != nil && ctx.Err() == nil {
			s.log.Debug("finishing what others left", "err", err)
		}
		for now := seen; now == seen; now = s.catalog.Topology() {
			select {
			case <-ctx.Done():
				return
			case <-s.catalog.Changed():
				continue
			case <-t.C:
			}
			break
		}
		if now := s.catalog.Topology(); now != seen {
			s.dropLocksOf(seen, now)
			seen = now
		}
	}
}
