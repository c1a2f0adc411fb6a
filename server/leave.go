package server

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/place"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// spared refuses to empty a node that the cluster cannot do without as it is now. What was asked for once may be asked for
// again.
func (h *holder) spared(q *stateRequest) error {
	t := h.s.catalog.Topology()
	n := t.Nodes[q.Node]
	if n == nil || n.State == q.State || q.State != topo.NodeDraining && q.State != topo.NodeRemoving ||
		n.State == topo.NodeRemoving || n.State == topo.NodeRemoved {
		return nil
	}
	what := "drained"
	if q.State == topo.NodeRemoving {
		what = "removed"
	}
	others := 0
	for _, o := range t.Nodes {
		if o.ID != q.Node && o.State != topo.NodeRemoving && o.State != topo.NodeRemoved {
			others++
		}
	}
	if others == 0 {
		return pgerr.New(pgerr.ObjectNotInPrerequisiteState, "node %d cannot be %s: it is the last one", q.Node, what)
	}
	blocking := place.Blocking(h.control.view(), q.Node)
	if len(blocking) == 0 {
		return nil
	}
	return pgerr.New(pgerr.ObjectNotInPrerequisiteState, "node %d cannot be %s: without it too few replicas of %s would be alive", q.Node,
		what, groupsNamed(blocking)).
		WithDetail("%s", h.livenessDetail(blocking)).
		WithHint("Start the nodes that are down, or add others, first.")
}

// awaitReports waits until every node that may be alive has been heard of, or has had the time for it: a new leaseholder
// would take all others for dead.
func (h *holder) awaitReports(ctx context.Context) error {
	t := time.NewTicker(place.HeartbeatEvery / 8)
	defer t.Stop()
	for h.liveness.Serving() < place.LivenessLease && h.unheard() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-t.C:
		}
	}
	return nil
}

// unheard reports whether there is a node that may be alive and has not been heard of under this lease.
func (h *holder) unheard() bool {
	for _, n := range h.s.catalog.Topology().Nodes {
		if !n.Dead && n.Epoch != 0 && n.State != topo.NodeRemoved && h.report(n) == nil {
			return true
		}
	}
	return false
}

func groupsNamed(ids []topo.GroupID) string {
	if len(ids) == 1 {
		return fmt.Sprintf("group %d", ids[0])
	}
	return "groups " + enumerated(ids)
}

// livenessDetail says on which nodes groups have replicas, and which of those are not alive.
func (h *holder) livenessDetail(groups []topo.GroupID) string {
	t := h.s.catalog.Topology()
	lines := make([]string, len(groups))
	for i, id := range groups {
		var on, silent []topo.NodeID
		for _, r := range t.Groups[id].Replicas {
			if r.Role == topo.Learner {
				continue
			}
			on = append(on, r.Node)
			if n := t.Nodes[r.Node]; n == nil || h.report(n) == nil {
				silent = append(silent, r.Node)
			}
		}
		slices.Sort(on)
		slices.Sort(silent)
		lines[i] = fmt.Sprintf("Group %d has voters on nodes %s", id, enumerated(on))
		if len(on) == 1 {
			lines[i] = fmt.Sprintf("Group %d has its only voter on node %d", id, on[0])
		}
		if len(silent) > 0 {
			lines[i] += ", not alive: " + enumerated(silent)
		}
	}
	return strings.Join(lines, "; ") + "."
}
