package server

import (
	"context"
	"fmt"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// The groups admit a new command format once every node of the cluster runs a program that knows it: the catalog group's
// leaseholder then logs so in every group. The catalog group is the last one, so that a node which finds the format admitted
// there, in its own replica, may use it in all groups (txn.Config.Format).
//
// A node that goes back to an older program in that very moment is refused from then on; it does not misread the log, which
// names its formats.

// upgrade starts to admit this program's format if that is due, beside what the leaseholder does else.
func (h *holder) upgrade() {
	s := h.s
	if !s.mayUpgrade() || h.upgrading.Swap(true) {
		return
	}
	s.background(func(ctx context.Context) {
		defer h.upgrading.Store(false)
		ctx, cancel := context.WithTimeout(ctx, stepTimeout)
		defer cancel()
		if err := s.upgrade(ctx); err != nil && ctx.Err() == nil {
			s.log.Info("not done yet", "err", err) // the next step tries again
		}
	})
}

// mayUpgrade reports whether this program's format is not admitted yet, and all nodes know it.
func (s *Server) mayUpgrade() bool {
	if s.clusterVersion() >= fsm.Format {
		return false
	}
	for _, n := range s.catalog.Topology().Nodes {
		if n.State != topo.NodeRemoved && n.Format < fsm.Format {
			return false
		}
	}
	return true
}

// upgrade admits this program's format in every group. To do it again changes nothing.
func (s *Server) upgrade(ctx context.Context) error {
	groups := append(s.catalog.Current().SlotMap().DataGroups(), topo.CatalogGroup)
	for _, id := range groups {
		res, err := s.group(id).Propose(ctx, &fsm.Command{Upgrade: &fsm.Upgrade{Version: fsm.Format}})
		if err != nil {
			return fmt.Errorf("admitting command format %d in group %d: %w", fsm.Format, id, err)
		}
		if res.Code != fsm.ResultOK {
			return fmt.Errorf("group %d does not admit command format %d: result %d", id, fsm.Format, res.Code)
		}
	}
	s.log.Info("the cluster admits a new command format", "format", fsm.Format)
	return nil
}
