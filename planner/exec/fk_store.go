package exec

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/fk"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Latest reads the latest committed versions, overlaid with everything that the transaction wrote.
var Latest = txn.ReadOptions{TS: topo.MaxTimestamp, Own: txn.LatestSeq}

// Store is the executor's side of foreign keys: it implements fk.Store over one statement's context. What it reads is
// never the statement's snapshot: parents are judged by their latest version under a lock, children at a timestamp drawn
// after the locks (rule R2), and the transaction's own writes count in both.
type Store struct {
	c       *Context
	writers map[catalog.Oid]*storeWriter
	// validates says that DDL looks at tables that it has fenced, from several goroutines.
	validates bool
}

var _ fk.Store = (*Store)(nil)

// NewStore returns the store of one statement. Its writers report to c.Constraints, which is the runner that uses it.
func NewStore(c *Context) *Store {
	return &Store{c: c, writers: map[catalog.Oid]*storeWriter{}}
}

// Readable implements fk.Store.
func (s *Store) Readable(t *catalog.Table, cols []int) bool { return s.c.readable(t, cols) }

// IOEnv implements fk.Store.
func (s *Store) IOEnv() *types.IOEnv { return ioEnv(s.c) }

// parentKeys returns where the referenced entries of some keys are: the parents' own rows where the foreign key references
// the row key, else entries of the unique index. A partitioned parent's are in the partition that the key belongs to, as the
// partition key is part of it; where there is none the entry has no key.
func (s *Store) parentKeys(k *fk.Key, keys [][]types.Datum) ([]txn.Key, error) {
	out := make([]txn.Key, len(keys))
	row := make([]types.Datum, len(k.Parent.Columns))
	for i, key := range keys {
		for j, c := range k.ParentCols {
			row[c] = key[j]
		}
		t, index, own := k.Parent, k.RefIndex, row
		for t.Partitioning != nil {
			set, err := partitionsOf(s.c, t)
			if err != nil {
				return nil, err
			}
			oid, _, err := set.find(s.c, own)
			if err != nil {
				return nil, err
			}
			if t, index, own = s.part(t, index, own, oid); t == nil {
				break
			}
		}
		if t == nil {
			continue
		}
		ti := infoOf(t)
		if index.RowKey {
			out[i] = ti.rowTxnKey(own, s.c.SlotMap)
		} else {
			out[i] = ti.indexByOID(index.OID).entryKey(ti, own, 0, s.c.SlotMap)
		}
	}
	return out, nil
}

// part goes one level down a partitioned table: to a partition, its part of an index, and a row in its form; nil if there is
// none.
func (s *Store) part(t *catalog.Table, index *catalog.Index, row []types.Datum, oid catalog.Oid) (*catalog.Table, *catalog.Index, []types.Datum) {
	p := s.c.Catalog.Table(oid)
	if p == nil {
		return nil, nil, nil
	}
	if !s.validates {
		s.c.Txn.UseTable(p.VersionTag())
	}
	out := make([]types.Datum, len(p.Columns))
	for i, at := range t.ColumnsIn(p) {
		if at >= 0 {
			out[at] = row[i]
		}
	}
	for _, i := range p.Indexes {
		if i.Parent == index.OID {
			return p, i, out
		}
	}
	return nil, nil, nil
}

// there returns the keys that have a partition, and their places among all; nil where they are all.
func there(k *fk.Key, keys []txn.Key) ([]txn.Key, []int) {
	if k.Parent.Partitioning == nil {
		return keys, nil
	}
	some, at := make([]txn.Key, 0, len(keys)), make([]int, 0, len(keys))
	for i := range keys {
		if keys[i].Bytes != nil {
			some, at = append(some, keys[i]), append(at, i)
		}
	}
	return some, at
}

// place is where the i-th key that there returned was.
func place(at []int, i int) int {
	if at == nil {
		return i
	}
	return at[i]
}

// LockParents implements fk.Store. Under READ COMMITTED the latest version counts. Above it a parent must be one that the
// transaction's snapshot sees, as in PostgreSQL, whose check is a SELECT … FOR KEY SHARE under that snapshot, or where the
// parent is a partitioned table, under a new one. A key that the transaction wrote itself needs no mark: its write excludes
// and is validated.
func (s *Store) LockParents(ctx context.Context, k *fk.Key, keys [][]types.Datum) ([]bool, error) {
	s.c.Txn.UseTable(k.Parent.VersionTag())
	all, err := s.parentKeys(k, keys)
	if err != nil {
		return nil, err
	}
	refs, at := there(k, all)
	var seenAt topo.Timestamp
	if s.c.Txn.Options().Isolation != txn.ReadCommitted {
		snapshot := s.c.Txn.Snapshot
		if k.Parent.Partitioning != nil {
			snapshot = s.c.Txn.FreshTimestamp
		}
		if seenAt, err = snapshot(ctx); err != nil {
			return nil, err
		}
	}
	locked, err := s.lockAll(ctx, refs, lock.KeyShare, lock.WaitIfExists)
	if err != nil {
		return nil, err
	}
	if seenAt != 0 {
		if err := s.parentsOfSnapshot(ctx, k, refs, locked, seenAt); err != nil {
			return nil, err
		}
	}
	found := make([]bool, len(keys))
	for i := range locked {
		v := &locked[i].Version
		if !v.Exists() {
			continue
		}
		found[place(at, i)] = true
		if !v.Own {
			s.c.Txn.MarkShared(refs[i], v.KeyVersion)
		}
	}
	return found, nil
}

// parentsOfSnapshot judges locked parents by a snapshot: one that came later is not there, and one that was there and has
// gone is a serialization failure.
func (s *Store) parentsOfSnapshot(ctx context.Context, k *fk.Key, refs []txn.Key, locked []txn.Locked, ts topo.Timestamp) error {
	seen := make([]txn.Version, len(refs))
	if err := s.c.Txn.Get(ctx, txn.ReadOptions{TS: ts, Own: txn.LatestSeq}, refs, seen); err != nil {
		return err
	}
	for i := range locked {
		v := &locked[i].Version
		switch {
		case v.Own || seen[i].Own:
		case seen[i].Exists() && (!v.Exists() || v.KeyVersion > ts):
			return k.InCheck(pgerr.New(pgerr.SerializationFailure, "could not serialize access due to concurrent update"))
		case !seen[i].Exists():
			locked[i].Version = txn.Version{}
		}
	}
	return nil
}

// lockAll locks keys of which only the existence matters.
func (s *Store) lockAll(ctx context.Context, keys []txn.Key, mode lock.Mode, policy lock.WaitPolicy) ([]txn.Locked, error) {
	reqs := make([]txn.LockRequest, len(keys))
	for i := range keys {
		reqs[i] = txn.LockRequest{Key: keys[i], Mode: mode, Latest: true, ExistenceOnly: true}
	}
	out := make([]txn.Locked, len(keys))
	return out, s.c.Txn.Lock(ctx, reqs, policy, out)
}

// ParentExists implements fk.Store.
func (s *Store) ParentExists(ctx context.Context, k *fk.Key, keys [][]types.Datum) ([]bool, error) {
	all, err := s.parentKeys(k, keys)
	if err != nil {
		return nil, err
	}
	refs, at := there(k, all)
	vers := make([]txn.Version, len(refs))
	if err := s.c.Txn.Get(ctx, Latest, refs, vers); err != nil {
		return nil, err
	}
	out := make([]bool, len(keys))
	for i := range vers {
		out[place(at, i)] = vers[i].Exists()
	}
	return out, nil
}

// Current implements fk.Store.
func (s *Store) Current(ctx context.Context, t *catalog.Table, rows [][]types.Datum) ([][]types.Datum, error) {
	ti := infoOf(t)
	out := make([][]types.Datum, len(rows))
	keys := make([]txn.Key, 0, len(rows))
	at := make([]int, 0, len(rows))
	for i, row := range rows {
		if row != nil {
			keys, at = append(keys, ti.rowTxnKey(row, s.c.SlotMap)), append(at, i)
		}
	}
	vers := make([]txn.Version, len(keys))
	if err := s.c.Txn.Get(ctx, Latest, keys, vers); err != nil {
		return nil, err
	}
	for j := range vers {
		if !vers[j].Exists() {
			continue
		}
		row, err := ti.decode(make([]types.Datum, 0, len(t.Columns)), vers[j].Value)
		if err != nil {
			return nil, err
		}
		out[at[j]] = row
	}
	return out, nil
}

// convertKey converts a value between the two sides of a foreign key; ok is false when the other type has no equal value,
// so that no row of that side can match.
func convertKey(d types.Datum, from, to types.Type) (v types.Datum, ok bool) {
	if from.Oid == to.Oid || d.IsNull() {
		return d, true
	}
	v, err := types.Cast(d, from, types.Type{Oid: to.Oid, Mod: -1}, types.Explicit, types.DefaultIOEnv)
	if err != nil {
		return types.Null, false
	}
	back, err := types.Cast(v, types.Type{Oid: to.Oid, Mod: -1}, types.Type{Oid: from.Oid, Mod: -1}, types.Explicit, types.DefaultIOEnv)
	return v, err == nil && types.Equal(from.Oid, back, d)
}
