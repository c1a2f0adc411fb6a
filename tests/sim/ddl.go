package sim

import (
	"context"
	"fmt"
	"sort"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/catalog/store"
	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Two of the workload's tables have descriptors in the catalog: children(id, parent) and parents(id), with a foreign key
// between them that comes and goes. Their rows are encoded as elsewhere in the workload.
const (
	parentsOID catalog.Oid = 16384 + iota
	parentsKey
	parentsIndex
	childrenOID
	childrenKey
	childrenIndex
	childrenFK
	firstOID = 17000 // of what schema changes make
)

func table(oid, key, index catalog.Oid, name string, storage topo.StorageID, columns ...string) *catalog.Table {
	t := &catalog.Table{OID: oid, SchemaID: catalog.PublicSchema, Name: name, Owner: catalog.BootstrapRole, Version: 1,
		RowStorage: storage, KeyColumns: []catalog.AttNum{1}, DistColumns: []catalog.AttNum{1},
		Indexes: []*catalog.Index{{OID: index, Name: name + "_pkey", Storage: storage, Unique: true, Primary: true,
			Columns: []catalog.IndexColumn{{Num: 1}}, Constraint: key, RowKey: true}},
		Constraints: []*catalog.Constraint{{OID: key, Name: name + "_pkey", Type: catalog.PrimaryKey,
			Columns: []catalog.AttNum{1}, Index: index, Validated: true}}}
	for i, c := range columns {
		t.Columns = append(t.Columns, catalog.Column{Num: catalog.AttNum(i + 1), Name: c, Type: types.T(types.Int4Oid), NotNull: i == 0})
	}
	return t
}

// writeCatalog writes what a new cluster starts with, and the two tables with their foreign key.
func (c *Cluster) writeCatalog(t *txn.Txn) {
	put := func(key, value []byte) { t.Put(txn.Key{Group: topo.CatalogGroup, Bytes: key}, value, 0) }
	put(catalog.SlotMapKey(), catalog.EncodeSlotMap(topo.NewSlotMap(len(c.groups))))
	p := table(parentsOID, parentsKey, parentsIndex, "parents", parents, "id")
	ch := table(childrenOID, childrenKey, childrenIndex, "children", children, "id", "parent")
	ch.Constraints = append(ch.Constraints, &catalog.Constraint{OID: childrenFK, Name: fkName, Type: catalog.Foreign,
		Columns: []catalog.AttNum{2}, Validated: true, FK: &catalog.ForeignKey{RefTable: parentsOID, RefColumns: []catalog.AttNum{1},
			RefIndex: parentsIndex, Match: catalog.MatchSimple, OnDelete: catalog.Cascade, OnUpdate: catalog.NoAction}})
	p.Inbound = []catalog.InboundFK{{Table: childrenOID, Constraint: childrenFK}}
	for _, o := range append(store.Objects(), p, ch) {
		id := o.ObjectID()
		put(catalog.DescriptorKey(id), catalog.Encode(o))
		for _, n := range catalog.Names(o) {
			put(catalog.NameKey(n), catalog.NameValue(id.OID))
		}
	}
}

const fkName = "children_parent_fkey"

// plan is what a statement over the two tables is planned by: this node's catalog, as old as it may be.
type plan struct{ parents, children *catalog.Table }

func (n *Node) plan() plan {
	s := n.catalog.Current()
	return plan{s.Table(parentsOID), s.Table(childrenOID)}
}

// references says that children have a foreign key. Who writes children looks at their descriptor, who deletes parents at
// theirs: nobody looks at both.
func (p plan) references() bool { return len(p.children.ForeignKeys()) > 0 }
func (p plan) referenced() bool { return len(p.parents.Inbound) > 0 }

// useChildren notes the versions that a writer of children was planned against.
func (p plan) useChildren(t *txn.Txn) {
	t.UseTable(p.children.VersionTag())
	if p.references() {
		t.UseTable(p.parents.VersionTag())
	}
}

// useParents notes the versions that a deleter of parents was planned against, the cascade's included.
func (p plan) useParents(t *txn.Txn) {
	t.UseTable(p.parents.VersionTag())
	if p.referenced() {
		t.UseTable(p.children.VersionTag())
	}
}

// OIDs implements ddl.Allocator.
func (n *Node) OIDs(ctx context.Context, k int) (catalog.Oid, error) {
	if err := n.step(ctx, "allocates"); err != nil {
		return 0, err
	}
	return catalog.Oid(n.c.oids.Add(uint32(k))) - catalog.Oid(k) + 1, nil
}

// Storages implements ddl.Allocator.
func (n *Node) Storages(context.Context, int) (topo.StorageID, error) {
	return 0, pgerr.Internal("no schema change of the simulation makes storages")
}

// backend implements ddl.Backend for one transaction. Nobody takes table locks here: what must hold holds by the fences
// alone.
type backend struct {
	ddl.Backend
	w *workload
	t *txn.Txn
}

// Lock implements ddl.Backend.
func (b *backend) Lock(context.Context, catalog.Oid, ddl.LockMode, bool) error { return nil }

// ValidateForeignKey implements ddl.Backend.
func (b *backend) ValidateForeignKey(ctx context.Context, _ *catalog.Snapshot, child *catalog.Table, fk *catalog.Constraint) error {
	ts, err := b.t.FreshTimestamp(ctx)
	if err != nil {
		return err
	}
	ids := map[uint32]bool{}
	if err := b.w.each(ctx, b.t, ts, parents, func(k, _ []byte, _ topo.GroupID) error {
		ids[part(k, 0)] = true
		return nil
	}); err != nil {
		return err
	}
	return b.w.each(ctx, b.t, ts, children, func(_, v []byte, _ topo.GroupID) error {
		if !ids[toNum(v)] {
			return pgerr.New(pgerr.ForeignKeyViolation, "insert or update on table %q violates foreign key constraint %q", child.Name, fk.Name)
		}
		return nil
	})
}

// each reads a storage at ts.
func (w *workload) each(ctx context.Context, t *txn.Txn, ts topo.Timestamp, id topo.StorageID, f func(key, value []byte, g topo.GroupID) error) error {
	s, err := t.Scan(ctx, txn.ReadOptions{TS: ts, Own: txn.LatestSeq}, txn.ScanSpec{Groups: w.c.allGroups(), Lo: key(id), Hi: key(id + 1)})
	if err != nil {
		return err
	}
	defer s.Close()
	for {
		b, err := s.Next(ctx)
		if err != nil || b == nil {
			return err
		}
		for i := 0; i < b.Len(); i++ {
			if err := f(b.Key(i), b.Value(i), b.GroupOf(i)); err != nil {
				return err
			}
		}
	}
}

// schemaChange adds the foreign key, or drops it, as a session does.
func (w *workload) schemaChange(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	n := w.n
	t := n.mgr.Begin(txn.Options{})
	t.StartStatement()
	x := ddl.Begin(ddl.Config{Replica: n.catalog, Alloc: n, Groups: func(id topo.GroupID) rpc.Group { return n.clients[id] },
		Recover: n.mgr.RecoverStuck, FenceMet: n.fenceMet, Backend: &backend{w: w, t: t}}, t)
	cmd := ddl.AlterCommand{Kind: ddl.DropConstraint, Name: fkName}
	what := "drop foreign key"
	if !n.plan().references() {
		what = "add foreign key"
		cmd = ddl.AlterCommand{Kind: ddl.AddConstraint, Constraints: []ddl.ConstraintSpec{{Name: fkName, Type: catalog.Foreign,
			Columns: []string{"parent"}, FK: &ddl.ForeignKeySpec{RefTable: ddl.Name{Name: "parents"}, RefColumns: []string{"id"},
				Match: catalog.MatchSimple, OnDelete: catalog.Cascade, OnUpdate: catalog.NoAction}}}}
	}
	err := x.AlterTable(ctx, ddl.Name{Name: "children"}, false, []ddl.AlterCommand{cmd})
	if err == nil {
		err = x.BeforeCommit(ctx)
	}
	var e *ledgerEntry
	var at topo.Timestamp
	if err == nil {
		e = w.mark(t, what)
		t.OnCommit(func(ts topo.Timestamp) { at = ts })
		err = t.Commit(ctx)
		w.told(e, err)
	}
	w.c.ledger.count(what, err)
	switch {
	case err == nil:
		_ = x.AfterCommit(ctx, at)
	case e != nil && pgerr.HasCode(err, pgerr.TransactionResolutionUnknown):
		x.AfterUnknown()
	default:
		t.Rollback(ctx)
		x.AfterAbort(ctx)
	}
}

// fenceMet runs beside the statement that met a lost schema change's fence.
func (n *Node) fenceMet(f fsm.FenceInfo) {
	ctx := withActor(n.ctx, fmt.Sprintf(" n%d.%d for the fence of %d by %v", n.id, n.epoch, f.Table, f.Txn))
	n.c.spawn(func() { _ = ddl.RecoverFences(ctx, n.fenceRecovery(ctx), []fsm.FenceInfo{f}) })
}

func (n *Node) fenceRecovery(ctx context.Context) ddl.Recovery {
	return ddl.Recovery{Groups: func(id topo.GroupID) rpc.Group { return n.clients[id] }, Replica: n.catalog,
		Begin: func() ddl.RecoveryTxn {
			_ = n.step(ctx, "begins")
			return n.mgr.Begin(txn.Options{})
		}}
}

// recoverFences takes away the fences that this node's replicas have up and whose schema change does not come to its end.
func (n *Node) recoverFences(ctx context.Context) {
	var fences []fsm.FenceInfo
	seen := map[fsm.FenceInfo]bool{}
	for _, g := range n.c.groups {
		s := n.seats[g.id]
		s.mu.Lock()
		for _, f := range s.st.Fences() {
			if !seen[f] {
				seen[f] = true
				fences = append(fences, f)
			}
		}
		s.mu.Unlock()
	}
	if len(fences) > 0 {
		_ = ddl.RecoverFences(ctx, n.fenceRecovery(ctx), fences)
	}
}

// sweep deletes children that have no parent, which is possible while there is no foreign key.
func (w *workload) sweep(ctx context.Context, t *txn.Txn) error {
	p := w.n.plan()
	if p.references() {
		return errRefused
	}
	p.useChildren(t)
	ts, err := t.Snapshot(ctx)
	if err != nil {
		return err
	}
	ids := map[uint32]bool{}
	if err := w.each(ctx, t, ts, parents, func(k, _ []byte, _ topo.GroupID) error {
		ids[part(k, 0)] = true
		return nil
	}); err != nil {
		return err
	}
	orphans := map[uint32]uint32{}
	if err := w.each(ctx, t, ts, children, func(k, v []byte, _ topo.GroupID) error {
		if !ids[toNum(v)] {
			orphans[part(k, 0)] = toNum(v)
		}
		return nil
	}); err != nil {
		return err
	}
	list := make([]uint32, 0, len(orphans))
	for id := range orphans {
		list = append(list, id)
	}
	sort.Slice(list, func(i, j int) bool { return list[i] < list[j] })
	if len(list) == 0 {
		return errRefused
	}
	for _, id := range list {
		if err := w.deleteChild(ctx, t, id, orphans[id]); err != nil {
			return err
		}
	}
	return nil
}
