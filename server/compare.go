package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner/exec"
	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// The replicas of a group are compared by digests of their states, taken after the same entry of the log: the first at or
// above an index that none has reached when it is asked. Under writes the log gets there by itself; an idle one is moved by
// entries that change nothing. A replica that was past the index when it was asked has all asked again, further ahead.

const (
	compareTries   = 6
	compareAhead   = 4 // entries, at the first try
	compareFarther = 8 // times as many at each further one
	reachTimeout   = 10 * time.Second
	digestTimeout  = 5 * time.Minute
	compareFanOut  = 4
	nudgeAfter     = 20 * time.Millisecond // and then between two entries that change nothing
)

// digestRequest asks for the digest of a replica after the first entry at or above an index; of none, for what it has
// applied.
type digestRequest struct {
	Group topo.GroupID
	Index uint64
}

type digestResponse struct {
	Applied uint64
	Sum     uint64
	Passed  bool   // the index was applied already
	Late    bool   // the index was not reached in time
	Catalog string // of the catalog group: the digest of what the node plans by, at that moment
}

// digest answers a digestRequest.
func (s *Server) digest(ctx context.Context, q *digestRequest) (*digestResponse, error) {
	r, err := s.replica(q.Group)
	if err != nil {
		return nil, err
	}
	if q.Index == 0 {
		return &digestResponse{Applied: r.AppliedIndex()}, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(s.life, func() { cancel(errors.New("the node is stopping")) })
	defer stop()
	late := time.AfterFunc(reachTimeout, func() { cancel(errLate) })
	defer late.Stop()
	var snap *catalog.Snapshot
	reached := func() {
		late.Stop()
		if q.Group == topo.CatalogGroup {
			snap = s.catalog.Current()
		}
	}
	resp := &digestResponse{}
	resp.Applied, resp.Sum, err = r.State().DigestAt(ctx, q.Index, reached)
	switch {
	case errors.Is(err, fsm.ErrPassed):
		return &digestResponse{Passed: true}, nil
	case errors.Is(err, errLate):
		return &digestResponse{Late: true}, nil
	case err != nil:
		return nil, err
	}
	if snap != nil {
		resp.Catalog = snap.Digest()
	}
	return resp, nil
}

var errLate = errors.New("the index was not reached in time")

// compareReplicas compares the replicas of every group.
func (s *Server) compareReplicas(ctx context.Context, report func(exec.Finding) error) error {
	ids := s.catalog.Topology().GroupIDs()
	findings := make([][]exec.Finding, len(ids))
	slots := make(chan struct{}, compareFanOut)
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			findings[i] = s.compareGroup(ctx, id)
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, list := range findings {
		for _, f := range list {
			if err := report(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// compareGroup compares those replicas of a group that are on nodes not known to be dead.
func (s *Server) compareGroup(ctx context.Context, id topo.GroupID) (out []exec.Finding) {
	find := func(status, format string, args ...any) {
		out = append(out, exec.Finding{Status: status, Object: fmt.Sprintf("group %d", id), Text: fmt.Sprintf(format, args...)})
	}
	ctx, cancel := context.WithTimeout(ctx, digestTimeout)
	defer cancel()
	ahead := uint64(compareAhead)
	for range compareTries {
		nodes, dead := s.replicaNodes(id)
		answers, err := s.digests(ctx, id, nodes, ahead)
		if err != nil {
			find(exec.NotCompared, "%v", err)
			return out
		}
		passed := false
		for i, a := range answers {
			passed = passed || a.Passed || a.Applied != answers[0].Applied
			if a.Late {
				find(exec.NotCompared, "the replica on node %d does not follow", nodes[i])
				return out
			}
		}
		if passed {
			ahead *= compareFarther
			continue
		}
		for _, n := range dead {
			find(exec.NotCompared, "node %d, which has a replica, is dead", n)
		}
		if text := disagreement(nodes, answers, func(a *digestResponse) string { return fmt.Sprintf("%016x", a.Sum) }); text != "" {
			find(exec.Problem, "the replicas differ after entry %d: %s", answers[0].Applied, text)
		}
		if text := disagreement(nodes, answers, func(a *digestResponse) string { return a.Catalog }); text != "" {
			find(exec.Problem, "the nodes plan by different catalogs after entry %d: %s", answers[0].Applied, text)
		}
		return out
	}
	find(exec.NotCompared, "the log does not come to rest")
	return out
}

// disagreement lists what each node has, if that is not the same.
func disagreement(nodes []topo.NodeID, answers []*digestResponse, of func(*digestResponse) string) string {
	var list []string
	differ := false
	for i, a := range answers {
		differ = differ || of(a) != of(answers[0])
		list = append(list, fmt.Sprintf("node %d has %s", nodes[i], of(a)))
	}
	if !differ {
		return ""
	}
	return strings.Join(list, ", ")
}

// replicaNodes lists the nodes that have a replica of a group.
func (s *Server) replicaNodes(id topo.GroupID) (live, dead []topo.NodeID) {
	t := s.catalog.Topology()
	g := t.Groups[id]
	if g == nil {
		return nil, nil
	}
	for _, r := range g.Replicas {
		if n := t.Nodes[r.Node]; n == nil || n.Dead {
			dead = append(dead, r.Node)
		} else {
			live = append(live, r.Node)
		}
	}
	return live, dead
}

// digests asks all nodes for the digest after the same entry, some entries ahead of the last one applied anywhere.
func (s *Server) digests(ctx context.Context, id topo.GroupID, nodes []topo.NodeID, ahead uint64) ([]*digestResponse, error) {
	applied, err := s.askAll(ctx, nodes, &digestRequest{Group: id})
	if err != nil {
		return nil, err
	}
	q := &digestRequest{Group: id}
	for _, a := range applied {
		q.Index = max(q.Index, a.Applied+ahead)
	}
	nudging, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.nudge(nudging, id, q.Index)
	}()
	answers, err := s.askAll(ctx, nodes, q)
	stop()
	<-done
	return answers, err
}

// askAll asks nodes at the same time.
func (s *Server) askAll(ctx context.Context, nodes []topo.NodeID, q *digestRequest) ([]*digestResponse, error) {
	out, errs := make([]*digestResponse, len(nodes)), make([]error, len(nodes))
	var wg sync.WaitGroup
	for i, n := range nodes {
		wg.Go(func() {
			if out[i], errs[i] = askNode[digestResponse](ctx, s, n, methodDigest, q); errs[i] != nil {
				errs[i] = fmt.Errorf("node %d: %w", n, errs[i])
			}
		})
	}
	wg.Wait()
	return out, errors.Join(errs...)
}

// nudge moves a group's log to an index by entries that change nothing, once it has had time to get there by itself.
func (s *Server) nudge(ctx context.Context, id topo.GroupID, index uint64) {
	for pause := nudgeAfter; sleep(ctx, pause); pause = time.Millisecond {
		r := s.host.Replica(id)
		if r != nil && r.AppliedIndex() >= index {
			return
		}
		if _, err := s.group(id).Propose(ctx, &fsm.Command{Horizon: &fsm.Horizon{}}); err != nil && !sleep(ctx, nudgeAfter) {
			return
		}
	}
}
