package ddl

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// creationSchema returns the schema in which an object of a possibly unqualified name is to be made, locked against its
// being dropped.
func (x *Tx) creationSchema(ctx context.Context, schema, name string) (*catalog.Schema, error) {
	var s *catalog.Schema
	own := catalog.TempSchema(x.searchPath())
	switch {
	case schema == catalog.TempAlias || schema == "" && x.cfg.Temp != nil && x.cfg.Temp.Implied():
		var err error
		if s, err = x.tempSchema(ctx); err != nil {
			return nil, err
		}
	case schema != "":
		if s = x.s.over.SchemaByName(schema); s == nil {
			return nil, errNoSchema(schema)
		}
	default:
		for _, p := range x.searchPath() {
			if p != catalog.PgCatalogName && p != own {
				s = x.s.over.SchemaByName(p)
			}
			if s != nil {
				break
			}
		}
		if s == nil {
			return nil, pgerr.New(pgerr.InvalidSchemaName, "no schema has been selected to create in")
		}
	}
	if err := x.mustCreateIn(s, x.user()); err != nil {
		return nil, err
	}
	if s.OID == catalog.PgCatalogSchema || s.OID == catalog.InformationSchema {
		return nil, pgerr.New(pgerr.InsufficientPrivilege, "permission denied to create \"%s.%s\"", s.Name, name).
			WithDetail("System catalog modifications are currently disallowed.")
	}
	if err := x.shareObject(ctx, s.ObjectID()); err != nil {
		return nil, err
	}
	if err := x.shareRole(ctx, x.user()); err != nil {
		return nil, err
	}
	if s = x.s.over.Schema(s.OID); s == nil {
		return nil, errNoSchema(schema)
	}
	return s, x.mustCreateIn(s, x.user())
}

// MayCreate refuses a new relation to a role that may not make one in its schema; all else is left to the creation.
func (x *Tx) MayCreate(ctx context.Context, n Name) error {
	x.refresh()
	if _, err := x.creationSchema(ctx, n.Schema, n.Name); !x.superuser() && pgerr.HasCode(err, pgerr.InsufficientPrivilege) {
		return at(err, n.Pos)
	}
	return nil
}

// Find resolves the name of a relation of any kind, as find.
func (x *Tx) Find(n Name) (catalog.Relation, error) {
	x.refresh()
	return x.find(n)
}

// find resolves a name; a qualified one of a schema that does not exist is an error of its own.
func (x *Tx) find(n Name) (catalog.Relation, error) {
	if n.Schema != "" && x.s.over.SchemaNamed(x.searchPath(), n.Schema) == nil {
		return catalog.Relation{}, errNoSchema(n.Schema).WithPosition(n.Pos)
	}
	if err := x.s.over.CheckSchemaUsage(n.Schema, x.user()); err != nil {
		return catalog.Relation{}, at(err, n.Pos)
	}
	rel, ok := x.s.over.LookupRelation(x.searchPath(), n.Schema, n.Name)
	if !ok {
		return catalog.Relation{}, errNoRelation(n)
	}
	return rel, nil
}

// skipped reports whether the relation whose part is to be dropped IF EXISTS does not exist, and tells the client.
func (x *Tx) skipped(n Name) bool {
	if n.Schema != "" && x.s.over.SchemaNamed(x.searchPath(), n.Schema) == nil {
		x.notice(pgerr.Notice("schema %q does not exist, skipping", n.Schema))
		return true
	}
	_, ok := x.s.over.LookupRelation(x.searchPath(), n.Schema, n.Name)
	if !ok {
		x.notice(pgerr.Notice("relation %q does not exist, skipping", n.String()))
	}
	return !ok
}

// lockTable resolves a table's name and locks the table. A name that changed hands while the lock was waited for is
// resolved again, as PostgreSQL does.
func (x *Tx) lockTable(ctx context.Context, n Name, mode LockMode) (*catalog.Table, error) {
	return x.lockKind(ctx, catalog.KindTable, n, mode)
}

// lockKind is lockTable for what may be a materialized view.
func (x *Tx) lockKind(ctx context.Context, kind catalog.RelKind, n Name, mode LockMode) (*catalog.Table, error) {
	for {
		rel, err := x.find(n)
		if err != nil {
			return nil, err
		}
		if rel.Kind != kind {
			return nil, pgerr.New(pgerr.WrongObjectType, "%q is not %s", n.Name, kindNouns[kind].article)
		}
		oid := rel.Table.OID
		if err := x.lock(ctx, oid, mode); err != nil {
			return nil, err
		}
		if again, ok := x.s.over.LookupRelation(x.searchPath(), n.Schema, n.Name); ok && again.OID() == oid {
			return again.Table, nil
		}
	}
}

// lock takes the table lock of a table that others can see, and its descriptor for a mode that changes it.
func (x *Tx) lock(ctx context.Context, table catalog.Oid, mode LockMode) error {
	x.refresh()
	if x.isNew(table) {
		return nil
	}
	if err := x.cfg.Backend.Lock(ctx, table, mode, false); err != nil {
		return err
	}
	if mode >= ShareUpdateExclusiveLock {
		return x.lockObjects(ctx, x.id(catalog.ClassTable, table))
	}
	x.refresh()
	return nil
}

func (x *Tx) newOID(ctx context.Context) (catalog.Oid, error) { return x.cfg.Alloc.OIDs(ctx, 1) }

func (x *Tx) newStorage(ctx context.Context) (topo.StorageID, error) {
	return x.cfg.Alloc.Storages(ctx, 1)
}

// with returns the overlay as it will be once t is put, for choosing names and for validations that come before.
func (x *Tx) with(t *catalog.Table) *catalog.Snapshot { return x.s.over.With(t.Clone()) }
