package store

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
)

// Objects returns the descriptors that a new cluster starts with.
func Objects() []catalog.Object {
	const owner = catalog.BootstrapRole
	list := []catalog.Object{
		&catalog.Role{
			OID: owner, Name: "postgres", Superuser: true, Login: true, Inherit: true, CreateRole: true, CreateDB: true,
			Replication: true, BypassRLS: true, ConnLimit: -1,
		},
		&catalog.Database{OID: catalog.DefaultDatabase, Name: "postgres", Owner: owner,
			Comment: "default administrative connection database"},
	}
	list = append(list, catalog.InitialSchemas(catalog.DefaultDatabase)...)
	return append(list, catalog.TemplateDatabases()...)
}

// FirstNode is the node that creates the cluster.
const FirstNode topo.NodeID = 1

// Bootstrap writes what a new cluster of one node starts with, spread over groups data groups, in the given transaction,
// unless it is there; it reports whether it wrote. The caller commits.
func Bootstrap(ctx context.Context, t *txn.Txn, groups int, first *topo.Node) (wrote bool, err error) {
	out := make([]txn.Locked, 1)
	slots := txn.Key{Group: topo.CatalogGroup, Bytes: catalog.SlotMapKey()}
	err = t.Lock(ctx, []txn.LockRequest{{Key: slots, Mode: lock.Update, Latest: true}}, lock.Wait, out)
	if err != nil || out[0].Version.Exists() {
		return false, err
	}
	keys := []txn.Key{slots}
	slotMap := topo.NewSlotMap(groups)
	values := [][]byte{catalog.EncodeSlotMap(slotMap)}
	add := func(key, value []byte) {
		keys = append(keys, txn.Key{Group: topo.CatalogGroup, Bytes: key})
		values = append(values, value)
	}
	add(catalog.NodeKey(first.ID), catalog.EncodeRecord(first))
	for _, g := range append([]topo.GroupID{topo.CatalogGroup}, slotMap.DataGroups()...) {
		add(catalog.GroupKey(g), catalog.EncodeRecord((&topo.Group{ID: g, NextReplica: 1}).With(first.ID, topo.Voter)))
	}
	for _, o := range Objects() {
		id := o.ObjectID()
		add(catalog.DescriptorKey(id), catalog.Encode(o))
		for _, n := range catalog.Names(o) {
			add(catalog.NameKey(n), catalog.NameValue(id.OID))
		}
	}
	reqs := make([]txn.LockRequest, len(keys))
	for i := range keys {
		reqs[i] = txn.LockRequest{Key: keys[i], Mode: lock.Update, Latest: true}
	}
	if err := t.Lock(ctx, reqs, lock.Wait, make([]txn.Locked, len(reqs))); err != nil {
		return false, err
	}
	for i := range keys {
		t.Put(keys[i], values[i], 0)
	}
	return true, nil
}
