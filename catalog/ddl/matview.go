package ddl

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Refresh prepares REFRESH MATERIALIZED VIEW: it locks the view, and returns it empty for the caller to fill within the
// transaction, unless noData. Concurrently, the rows are left for the caller to replace one by one, under a lock that lets
// readers go on; else the view gets new storages, as by TRUNCATE.
func (x *Tx) Refresh(ctx context.Context, n Name, concurrently, noData bool) (*catalog.Table, error) {
	x.refresh()
	if err := x.MustOwn(n); err != nil {
		return nil, err
	}
	mode := AccessExclusiveLock
	if concurrently {
		mode = ExclusiveLock
	}
	rel, err := x.find(n)
	if err != nil {
		return nil, err
	}
	switch rel.Kind {
	case catalog.KindMatView:
	case catalog.KindTable:
		return nil, pgerr.New(pgerr.FeatureNotSupported, "%q is not a materialized view", rel.Name())
	default:
		return nil, pgerr.New(pgerr.WrongObjectType, "%q is not a table or materialized view", rel.Name())
	}
	t, err := x.lockKind(ctx, catalog.KindMatView, n, mode)
	if err != nil {
		return nil, err
	}
	if concurrently {
		return t, concurrentlyRefreshable(x, t, noData)
	}
	if t, err = x.alter(ctx, t.OID); err != nil {
		return nil, err
	}
	if err := x.newStorages(ctx, t.Clone(), t); err != nil {
		return nil, err
	}
	m := *t.MatView
	m.Populated = !noData
	t.MatView = &m
	if err := x.putTable(ctx, t); err != nil {
		return nil, err
	}
	return x.s.over.Table(t.OID), nil
}

func concurrentlyRefreshable(x *Tx, t *catalog.Table, noData bool) error {
	if !t.MatView.Populated {
		return pgerr.New(pgerr.FeatureNotSupported, "CONCURRENTLY cannot be used when the materialized view is not populated")
	}
	if noData {
		return pgerr.New(pgerr.SyntaxError, "CONCURRENTLY and WITH NO DATA options cannot be used together")
	}
	for _, i := range t.Indexes {
		if i.Unique && i.OnColumns() {
			return nil
		}
	}
	return pgerr.New(pgerr.ObjectNotInPrerequisiteState, "cannot refresh materialized view \"%s\" concurrently",
		catalog.QualifiedName(x.s.over.SchemaName(t.SchemaID), t.Name)).
		WithHint("Create a unique index with no WHERE clause on one or more columns of the materialized view.")
}
