package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/fsm"
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

// schemaAt returns the version of a table that a snapshot sees, once this node's catalog has at least the version known: a
// group admits none that the catalog group has not committed.
func (s *Server) schemaAt(ctx context.Context, table topo.TableID, known topo.SchemaVersion, ts topo.Timestamp) (topo.SchemaVersion, error) {
	ctx, cancel := context.WithTimeout(ctx, admitTimeout)
	defer cancel()
	id, err := s.awaitTable(ctx, catalog.Oid(table), known)
	if err != nil {
		return 0, err
	}
	v, pending, err := s.host.Replica(topo.CatalogGroup).State().Get(catalog.DescriptorKey(id), ts, fsm.Own{})
	switch {
	case err != nil:
		return 0, err
	case pending != nil || v.Value == nil:
		return 0, fmt.Errorf("what a snapshot sees of table %d is not known", table)
	}
	o, err := catalog.Decode(id.Class, v.Value)
	if err != nil {
		return 0, err
	}
	return o.(*catalog.Table).Version, nil
}

// awaitTable waits until this node's catalog has a table at a version or a later one.
func (s *Server) awaitTable(ctx context.Context, table catalog.Oid, version topo.SchemaVersion) (id catalog.ObjectID, err error) {
	for {
		changed := s.catalog.Changed()
		var found *catalog.Table
		s.catalog.Current().EachDatabase(func(v *catalog.Snapshot) bool {
			if found = v.Table(table); found != nil {
				id = v.ID(catalog.ClassTable, table)
			}
			return found == nil
		})
		switch {
		case found == nil:
			return id, fmt.Errorf("table %d was dropped", table)
		case found.Version >= version:
			return id, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return id, context.Cause(ctx)
		}
	}
}
