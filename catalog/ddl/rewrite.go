package ddl

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// newStorages gives a table and all its indexes new, empty storages; the old ones become garbage.
func (x *Tx) newStorages(ctx context.Context, old, t *catalog.Table) error {
	if err := x.garbage(ctx, catalog.GarbageRows, tableStorages(old)...); err != nil {
		return err
	}
	first, err := x.cfg.Alloc.Storages(ctx, 1+2*len(t.Indexes))
	if err != nil {
		return err
	}
	t.RowStorage = first
	for n, i := range t.Indexes {
		i.Storage = first + 1 + topo.StorageID(n)
		if i.RowKey {
			i.Storage = t.RowStorage
		}
		if i.Excludes() {
			i.Marks = first + topo.StorageID(1+len(t.Indexes)+n)
		}
	}
	return nil
}

// rewrite puts an altered table with new storages and a row key laid out anew, and copies its rows over. exprs are the
// new values of columns by number, over the table as it was.
func (x *Tx) rewrite(ctx context.Context, t *catalog.Table, exprs map[catalog.AttNum]string) error {
	old := x.s.over.Table(t.OID)
	if err := x.newStorages(ctx, old, t); err != nil {
		return err
	}
	if err := x.layOutKeys(ctx, t); err != nil {
		return err
	}
	if err := x.putTable(ctx, t); err != nil {
		return err
	}
	if err := x.raise(ctx, t.OID); err != nil {
		return err
	}
	x.build(tableStorages(t)...)
	return x.cfg.Backend.RewriteTable(ctx, Rewrite{Old: old, New: t, Exprs: exprs, Verify: true})
}
