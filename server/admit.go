package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// A schema change is acknowledged when every node that may plan has applied it. One that does not follow within a bound
// loses its right to plan first.

// admitTimeout is how long a schema change waits for a node before it has it fenced.
const admitTimeout = 2 * time.Second

// admit returns once no node plans by a catalog older than this node's. It is called when the change has been applied here.
func (s *Server) admit(ctx context.Context, _ topo.Timestamp) error {
	index := s.host.Replica(topo.CatalogGroup).State().AppliedIndex()
	t := s.catalog.Topology()
	ids := t.NodeIDs()
	errs := make([]error, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		n := t.Nodes[id]
		// A node that registers later waits for an index that is later still.
		if id == s.id.Node || n.Dead || n.Epoch == 0 {
			continue
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			errs[i] = s.admitNode(ctx, n, index)
		}()
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (s *Server) admitNode(ctx context.Context, n *topo.Node, index uint64) error {
	short, cancel := context.WithTimeout(ctx, admitTimeout)
	_, err := askNode[empty](short, s, n.ID, methodApplied, &appliedRequest{Index: index})
	cancel()
	if err == nil || ctx.Err() != nil {
		return err
	}
	s.log.Warn("a node does not follow the catalog: fencing it", "node", n.ID, "epoch", n.Epoch, "err", err)
	_, err = askHolder[empty](ctx, s, methodFence, &fenceRequest{Node: n.ID, Epoch: n.Epoch})
	return err
}
