package server

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// progressEvery is how often a waiting change says what it waits for.
const progressEvery = 2 * time.Second

// changeNode drains, removes or reactivates a node. It returns when that is done; given up, the change goes on by itself.
func (s *Server) changeNode(ctx context.Context, what string, node topo.NodeID, progress func(string)) error {
	states := map[string]topo.NodeState{"drain": topo.NodeDraining, "remove": topo.NodeRemoving, "activate": topo.NodeActive}
	state, ok := states[what]
	if !ok {
		return pgerr.Internal("unknown change %q of a node", what)
	}
	if _, err := askHolder[empty](ctx, s, methodSetState, &stateRequest{Node: node, State: state}); err != nil {
		return err
	}
	if state == topo.NodeActive {
		return nil
	}
	last := time.Time{}
	for {
		left := s.leftOn(node, state)
		if left == "" {
			return nil
		}
		if time.Since(last) >= progressEvery {
			last = time.Now()
			progress(left)
		}
		if !sleep(ctx, 100*time.Millisecond) {
			return context.Cause(ctx)
		}
	}
}

// leftOn says what a node that is being emptied still has, and what keeps it there; empty when it has nothing.
func (s *Server) leftOn(node topo.NodeID, state topo.NodeState) string {
	t := s.catalog.Topology()
	n := t.Nodes[node]
	if n == nil || n.State == topo.NodeRemoved {
		return ""
	}
	if n.State != state && n.State != topo.NodeRemoving {
		return fmt.Sprintf("node %d is not being emptied yet", node)
	}
	st := s.clusterStatus()
	var groups []string
	for _, id := range t.GroupIDs() {
		_, has := t.Groups[id].On(node)
		if has && (id != topo.CatalogGroup || state == topo.NodeRemoving) {
			groups = append(groups, fmt.Sprint(id))
		}
	}
	var leases []string
	for _, g := range st.Shards {
		if g.Leader == node {
			leases = append(leases, fmt.Sprint(g.Group))
		}
	}
	if len(groups)+len(leases) == 0 && state == topo.NodeDraining {
		return ""
	}
	left := fmt.Sprintf("node %d still has replicas of groups %s", node, listed(groups))
	if len(leases) > 0 {
		left += fmt.Sprintf(" and the leases of groups %s", listed(leases))
	}
	for _, m := range st.Moves {
		if m.State == "pending" && (m.To == node || m.To == 0) {
			left += fmt.Sprintf("; group %d: %s", m.Group, m.Reason)
		}
	}
	return left
}

func listed(ids []string) string {
	if len(ids) == 0 {
		return "(none)"
	}
	return strings.Join(ids, ", ")
}
