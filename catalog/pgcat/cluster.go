package pgcat

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// clusterSources are the relations of the schema pgmqdb: what PostgreSQL does not have.
func clusterSources() map[string]*source {
	return map[string]*source{
		"pgmqdb.nodes":               {columns: "node_id address sql_address state epoch catalog_version replicas leases started_at", live: nodeRows},
		"pgmqdb.shards":              {columns: "group_id kind slots leader lease_epoch replicas bytes state", live: shardRows},
		"pgmqdb.constraints_by_node": {columns: "node schema table constraint type definition", live: constraintNodeRows},
		"pgmqdb.rebalance": {columns: "move_id group_id from_node to_node state bytes_done bytes_total started_at finished_at reason",
			live: moveRows},
		"pgmqdb.check": {columns: "status schema table object problem key", live: checkRows},
	}
}

func nodeRows(b *builder) error {
	nodes := []Node{{ID: b.sys.cfg.Node, State: "live", CatalogVersion: b.snap.Version(), Started: b.sys.cfg.Started}}
	if b.sys.cfg.Nodes != nil {
		nodes = b.sys.cfg.Nodes()
	}
	for _, n := range nodes {
		b.add(num(n.ID), text(n.Address), text(n.SQL), str(n.State), num(n.Epoch), num(int64(n.CatalogVersion)), num(n.Replicas),
			num(n.Leases), instant(n.Started))
	}
	return nil
}

// soleShards are the groups of a cluster of one node.
func (s *System) soleShards(snap *catalog.Snapshot) []Shard {
	out := []Shard{{Group: topo.CatalogGroup, Leader: s.cfg.Node, Replicas: []topo.NodeID{s.cfg.Node}, State: "ok"}}
	m := snap.SlotMap()
	if m == nil {
		return out
	}
	slots := map[topo.GroupID]int{}
	for _, g := range m.Groups {
		slots[g]++
	}
	for _, g := range m.DataGroups() {
		out = append(out, Shard{Group: g, Slots: slots[g], Leader: s.cfg.Node, Replicas: []topo.NodeID{s.cfg.Node}, State: "ok"})
	}
	return out
}

func shardRows(b *builder) error {
	var shards []Shard
	if b.sys.cfg.Shards != nil {
		shards = b.sys.cfg.Shards()
	} else {
		shards = b.sys.soleShards(b.snap)
	}
	for _, s := range shards {
		kind, leader := "data", null
		if s.Group == topo.CatalogGroup {
			kind = "catalog"
		}
		if s.Leader != 0 {
			leader = num(s.Leader)
		}
		replicas := make([]types.Datum, len(s.Replicas))
		for i, n := range s.Replicas {
			replicas[i] = num(n)
		}
		b.add(num(int64(s.Group)), str(kind), num(s.Slots), leader, num(int64(s.Lease)), types.NewArray1(types.Int4Oid, replicas),
			num(s.Bytes), str(s.State))
	}
	return nil
}

// Constraints lists the constraints that a node enforces which plans by the snapshot, for pgmqdb.constraints_by_node on
// any node. Names in definitions are qualified where PostgreSQL qualifies them under the default search path.
func (s *System) Constraints(snap *catalog.Snapshot) []NodeConstraint {
	var out []NodeConstraint
	snap.EachDatabase(func(v *catalog.Snapshot) bool {
		out = append(out, s.constraints(v)...)
		return true
	})
	return out
}

// constraints lists those of the database that the snapshot shows.
func (s *System) constraints(snap *catalog.Snapshot) []NodeConstraint {
	var out []NodeConstraint
	p := newPrinter(snap, []string{pgCatalog, catalog.PublicName}, &s.analyses)
	snap.Tables(func(t *catalog.Table) bool {
		for _, c := range t.Constraints {
			out = append(out, NodeConstraint{Node: s.cfg.Node, Database: snap.DatabaseID(), Schema: snap.SchemaName(t.SchemaID), Table: t.Name, Constraint: c.Name,
				Type: byte(c.Type), Definition: p.constraint(t, c, false)})
		}
		return true
	})
	return out
}

func constraintNodeRows(b *builder) error {
	var list []NodeConstraint
	if f := b.sys.cfg.NodeConstraints; f != nil {
		var err error
		if list, err = f(); err != nil {
			return err
		}
	} else {
		list = b.sys.Constraints(b.snap)
	}
	slices.SortStableFunc(list, func(a, b NodeConstraint) int { return int(a.Node) - int(b.Node) })
	for _, c := range list {
		if c.Database != b.snap.DatabaseID() {
			continue
		}
		b.add(num(c.Node), str(c.Schema), str(c.Table), str(c.Constraint), char(c.Type), str(c.Definition))
	}
	return nil
}

func moveRows(b *builder) error {
	if b.sys.cfg.Rebalance == nil {
		return nil
	}
	for _, m := range b.sys.cfg.Rebalance() {
		b.add(num(m.ID), num(int64(m.Group)), num(m.From), num(m.To), str(m.State), num(m.Done), num(m.Total), instant(m.Started),
			instant(m.Finished), text(m.Reason))
	}
	return nil
}

// checkRows runs the check: reading the relation is running it. Without one there are no rows, so no summary either, which
// tells that nothing was checked.
func checkRows(b *builder) error {
	if b.env.Check == nil {
		return nil
	}
	return b.env.Check(func(f Finding) {
		b.add(str(f.Status), text(f.Schema), text(f.Table), text(f.Object), str(f.Text), text(f.Key))
	})
}
