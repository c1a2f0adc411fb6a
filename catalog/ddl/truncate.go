package ddl

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Truncate is TRUNCATE: every table named or cascaded to gets new, empty storages. fire, if not nil, fires the triggers
// of each table before anything is done, and of each afterwards.
func (x *Tx) Truncate(ctx context.Context, names []Name, restart bool, b Behavior, fire func(t *catalog.Table, before bool) error) error {
	var tables []catalog.Oid
	for _, n := range names {
		if err := x.mayTruncate(n); err != nil {
			return err
		}
		t, err := x.lockTable(ctx, n, AccessExclusiveLock)
		if err != nil {
			return err
		}
		if err := x.onlyOwnTemp(t, "truncate"); err != nil {
			return err
		}
		if !slices.Contains(tables, t.OID) {
			tables = append(tables, t.OID)
		}
		if n.Only && t.Partitioning != nil {
			return pgerr.New(pgerr.WrongObjectType, "cannot truncate only a partitioned table").
				WithHint("Do not specify the ONLY keyword, or use TRUNCATE ONLY on the partitions directly.")
		}
		if n.Only {
			continue
		}
		for _, k := range x.s.over.Inheritors(t)[1:] {
			if err := x.lock(ctx, k.OID, AccessExclusiveLock); err != nil {
				return err
			}
			if !slices.Contains(tables, k.OID) {
				tables = append(tables, k.OID)
			}
		}
	}
	tables, err := x.truncateReferencing(ctx, tables, b)
	if err != nil {
		return err
	}
	for _, oid := range tables {
		for _, q := range x.s.over.SequencesOwnedBy(oid, 0) {
			if restart && !x.owns(q.Owner) {
				return catalog.NotOwnerError("sequence", q.Name)
			}
		}
	}
	if fire == nil {
		fire = func(*catalog.Table, bool) error { return nil }
	}
	for _, oid := range tables {
		if err := fire(x.s.over.Table(oid), true); err != nil {
			return err
		}
	}
	for _, oid := range tables {
		if err := x.truncateOne(ctx, oid, restart); err != nil {
			return err
		}
	}
	for _, oid := range tables {
		if err := fire(x.s.over.Table(oid), false); err != nil {
			return err
		}
	}
	return nil
}

// truncateReferencing adds the tables with foreign keys to those that are truncated, and to these in turn; with Restrict it
// refuses where there are any. As in PostgreSQL the ones of a round come in the order of their OIDs.
func (x *Tx) truncateReferencing(ctx context.Context, tables []catalog.Oid, b Behavior) ([]catalog.Oid, error) {
	for {
		round := x.referencing(tables)
		if len(round) == 0 {
			return tables, nil
		}
		for _, oid := range round {
			child := x.s.over.Table(oid)
			if b == Restrict {
				return nil, pgerr.New(pgerr.FeatureNotSupported, "cannot truncate a table referenced in a foreign key constraint").
					WithDetail("Table \"%s\" references \"%s\".", child.Name, x.referenced(child, tables)).
					WithHint("Truncate table \"%s\" at the same time, or use TRUNCATE ... CASCADE.", child.Name)
			}
			x.notice(pgerr.Notice("truncate cascades to table %q", child.Name))
			if err := x.lock(ctx, oid, AccessExclusiveLock); err != nil {
				return nil, err
			}
			if err := x.mustTruncate(catalog.Relation{Kind: catalog.KindTable, Table: child}); err != nil {
				return nil, err
			}
			tables = append(tables, oid)
		}
	}
}

// referencing are the tables beside the given ones that have foreign keys to any of them, in the order of OIDs. The rows of a
// partitioned table are in its partitions, which have its foreign keys.
func (x *Tx) referencing(tables []catalog.Oid) (out []catalog.Oid) {
	add := func(oid catalog.Oid) {
		if !slices.Contains(tables, oid) && !slices.Contains(out, oid) {
			out = append(out, oid)
		}
	}
	for _, oid := range tables {
		for _, in := range x.s.over.Table(oid).Inbound {
			child := x.s.over.Table(in.Table)
			add(child.OID)
			if child.Partitioning == nil {
				continue
			}
			for _, k := range x.s.over.Inheritors(child)[1:] {
				add(k.OID)
			}
		}
	}
	slices.Sort(out)
	return out
}

// referenced is the name of the first of tables that a table, or what it is a partition of, has a foreign key to.
func (x *Tx) referenced(child *catalog.Table, tables []catalog.Oid) string {
	for _, oid := range tables {
		t := x.s.over.Table(oid)
		for _, in := range t.Inbound {
			if in.Table == child.OID || slices.Contains(x.s.over.Inheritors(x.s.over.Table(in.Table)), child) {
				return t.Name
			}
		}
	}
	return ""
}

// mayTruncate checks the privilege before the table's lock is waited for.
func (x *Tx) mayTruncate(n Name) error {
	x.refresh()
	if rel, err := x.find(n); err == nil && rel.Kind == catalog.KindTable {
		return x.mustTruncate(rel)
	}
	return nil
}

func (x *Tx) mustTruncate(rel catalog.Relation) error {
	if p, _ := x.s.over.RelationPrivileges(rel, x.user()); p&catalog.PrivTruncate == 0 {
		return catalog.DeniedError(rel.Noun(), rel.Name())
	}
	return nil
}

func (x *Tx) truncateOne(ctx context.Context, oid catalog.Oid, restart bool) error {
	t, err := x.alter(ctx, oid)
	if err != nil {
		return err
	}
	if err := x.newStorages(ctx, t.Clone(), t); err != nil {
		return err
	}
	if err := x.putTable(ctx, t); err != nil {
		return err
	}
	if !restart {
		return nil
	}
	for _, q := range x.s.over.SequencesOwnedBy(oid, 0) {
		if err := x.alterSequence(ctx, q.OID, &SequenceSpec{Restart: true}); err != nil {
			return err
		}
	}
	return nil
}
