package exec

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Reads by key for constraint programs and DDL: whole rows by attnum-1, batched, at a timestamp of the caller's choice.

// Rows is a batch of rows found, with where they are and which request each answers.
type Rows struct {
	Rows [][]types.Datum
	Keys []txn.Key
	TS   []topo.Timestamp // of the version; 0: the transaction's own
	Tag  []int            // position in the keys asked for
}

// Latest reads the latest committed versions, overlaid with everything that the transaction wrote.
var Latest = txn.ReadOptions{TS: topo.MaxTimestamp, Own: txn.LatestSeq}

// equalScanKeys is the number of keys from which ScanEqual reads the whole table rather than one range a key.
const equalScanKeys = 256

// ScanEqual finds the rows of t whose columns equal one of the keys (given in those columns' types; keys with a NULL find
// nothing) and passes them to emit in batches of at most about 1,000. It reads an index that begins with the columns
// where there is one, one range a key; without one, or for very many keys, all groups are scanned once. An error from
// emit ends the scan. Rows passed to emit belong to the callee; the slices around them are valid during the call only.
func ScanEqual(ctx context.Context, c *Context, t *catalog.Table, cols []catalog.AttNum, keys [][]types.Datum, opts txn.ReadOptions, emit func(*Rows) error) error {
	if len(keys) == 0 {
		return nil
	}
	ti := infoOf(t)
	x := &execution{c: c}
	if path := equalPath(ti, cols); path != nil && (len(keys) < equalScanKeys || path.keys.a.Point) {
		return x.scanByIndex(ctx, path, ti, keys, opts, emit)
	}
	return x.scanByHash(ctx, ti, cols, keys, opts, emit)
}

// equalAccess is an index whose leading columns are a set of columns: order[i] is the position in the set of its column i.
type equalAccess struct {
	keys  *accessKeys
	order []int
}

// equalPath finds the row key or an index whose leading columns are cols in any order; unique ones first.
func equalPath(ti *tableInfo, cols []catalog.AttNum) *equalAccess {
	leading := func(ks []keyColumn) []int {
		if len(ks) < len(cols) {
			return nil
		}
		var order []int
		for _, k := range ks[:len(cols)] {
			at := -1
			for i, c := range cols {
				if int(c)-1 == k.at {
					at = i
				}
			}
			if at < 0 {
				return nil
			}
			order = append(order, at)
		}
		return order
	}
	access := func(ix *catalog.Index, ks []keyColumn, unique bool, order []int) *equalAccess {
		a := &planner.Access{Index: ix, Point: unique && len(ks) == len(cols)}
		if ix == nil {
			a.Dist = distPositions(ti, len(cols))
		}
		return &equalAccess{keys: newAccessKeys(ti, a), order: order}
	}
	if o := leading(ti.key); o != nil && len(cols) == len(ti.key) && distPositions(ti, len(cols)) != nil {
		return access(nil, ti.key, true, o)
	}
	var best *equalAccess
	for _, x := range ti.indexes {
		o := leading(x.cols)
		if o == nil || x.deferrable() {
			continue
		}
		a := access(x.ix, x.cols, x.global, o)
		if best == nil || a.keys.a.Point {
			best = a
		}
	}
	if best != nil {
		return best
	}
	if o := leading(ti.key); o != nil {
		return access(nil, ti.key, true, o)
	}
	return nil
}

// distPositions returns where the distribution columns are among the first n key columns, or nil.
func distPositions(ti *tableInfo, n int) []int {
	var out []int
	for _, d := range ti.dist {
		at := -1
		for i, k := range ti.key[:n] {
			if k.at == d.at {
				at = i
			}
		}
		if at < 0 {
			return nil
		}
		out = append(out, at)
	}
	return out
}

// scanByIndex reads one key or range a key, in chunks.
func (x *execution) scanByIndex(ctx context.Context, p *equalAccess, ti *tableInfo, keys [][]types.Datum, opts txn.ReadOptions, emit func(*Rows) error) error {
	var f found
	vals := make([]types.Datum, len(p.order))
	for at := 0; at < len(keys); at += fetchChunk {
		var ranges []keyRange
		var tags []int
		for i := at; i < min(at+fetchChunk, len(keys)); i++ {
			null := false
			for k, o := range p.order {
				vals[k] = keys[i][o]
				null = null || vals[k].IsNull()
			}
			if !null {
				ranges, tags = append(ranges, p.keys.equal(vals, x.c.SlotMap)), append(tags, i)
			}
		}
		f.reset()
		if !p.keys.a.Point && len(ranges) > 0 {
			// Ranges may be long: each is passed on as it comes.
			for i := range ranges {
				if err := x.streamRange(ctx, p.keys, opts, &ranges[i], tags[i], emit); err != nil {
					return err
				}
			}
			continue
		}
		if err := x.fetch(p.keys, opts, ranges, &f); err != nil {
			return err
		}
		if err := emitFound(ti, &f, func(i int) int { return tags[f.tag[i]] }, emit); err != nil {
			return err
		}
	}
	return nil
}

// streamRange passes on the rows of one range batch by batch.
func (x *execution) streamRange(ctx context.Context, k *accessKeys, opts txn.ReadOptions, r *keyRange, tag int, emit func(*Rows) error) error {
	sc, err := x.c.Txn.Scan(ctx, opts, txn.ScanSpec{Groups: r.groups(x.groups()), Lo: r.lo, Hi: r.hi, KeysOnly: k.x != nil && !k.x.global})
	if err != nil {
		return err
	}
	defer sc.Close()
	var f found
	for {
		b, err := sc.Next(ctx)
		if err != nil || b == nil {
			return err
		}
		f.reset()
		if k.x == nil {
			f.addBatch(b)
		} else {
			keys, err := x.rowsOfEntries(k, b)
			if err != nil {
				return err
			}
			if err := x.getRows(opts, keys, make([]int32, len(keys)), &f); err != nil {
				return err
			}
		}
		if err := emitFound(k.ti, &f, func(int) int { return tag }, emit); err != nil {
			return err
		}
	}
}

func (f *found) addBatch(b *txn.Batch) {
	for i := range b.Len() {
		f.keys = append(f.keys, txn.Key{Group: b.GroupOf(i), Bytes: b.Key(i)})
		f.values, f.ts, f.tag = append(f.values, b.Value(i)), append(f.ts, b.Versions[i]), append(f.tag, 0)
	}
}

// emitFound decodes rows and passes them on in batches of at most fetchChunk.
func emitFound(ti *tableInfo, f *found, tag func(int) int, emit func(*Rows) error) error {
	n := len(ti.t.Columns)
	for at := 0; at < len(f.values); at += fetchChunk {
		end := min(at+fetchChunk, len(f.values))
		flat := make([]types.Datum, 0, n*(end-at))
		out := &Rows{Keys: f.keys[at:end], TS: f.ts[at:end]}
		for i := at; i < end; i++ {
			start := len(flat)
			var err error
			if flat, err = ti.decode(flat, f.values[i]); err != nil {
				return err
			}
			out.Rows = append(out.Rows, flat[start:len(flat):len(flat)])
			out.Tag = append(out.Tag, tag(i))
		}
		if err := emit(out); err != nil {
			return err
		}
	}
	return nil
}

// scanByHash scans all rows and keeps those whose columns are among the keys.
func (x *execution) scanByHash(ctx context.Context, ti *tableInfo, cols []catalog.AttNum, keys [][]types.Datum, opts txn.ReadOptions, emit func(*Rows) error) error {
	table, tagOf := keySet(ti.t, cols, keys)
	wanted := make([]int, len(cols))
	for i, c := range cols {
		wanted[i] = int(c) - 1
	}
	probe := newProbe(ti, wanted)
	sc, err := x.c.Txn.Scan(ctx, opts, txn.ScanSpec{Groups: x.groups(), Lo: ti.prefix, Hi: prefixEnd(ti.prefix)})
	if err != nil {
		return err
	}
	defer sc.Close()
	var f found
	for {
		b, err := sc.Next(ctx)
		if err != nil {
			return err
		}
		if b == nil {
			return nil
		}
		ids, err := probe.find(table, b)
		if err != nil {
			return err
		}
		f.reset()
		for i, id := range ids {
			if id >= 0 {
				f.keys = append(f.keys, txn.Key{Group: b.GroupOf(i), Bytes: b.Key(i)})
				f.values, f.ts, f.tag = append(f.values, b.Value(i)), append(f.ts, b.Versions[i]), append(f.tag, id)
			}
		}
		if len(f.values) == 0 {
			continue
		}
		if err := emitFound(ti, &f, func(i int) int { return tagOf[f.tag[i]] }, emit); err != nil {
			return err
		}
	}
}

// keySet hashes keys; tagOf maps a key's number to the position of its first occurrence. Keys with a NULL stay out.
func keySet(t *catalog.Table, cols []catalog.AttNum, keys [][]types.Datum) (*keyTable, []int) {
	ts := make([]types.Type, len(cols))
	for i, c := range cols {
		ts[i] = types.T(t.Columns[c-1].Type.Oid)
	}
	table := newKeyTable(ts)
	b := types.NewBatch(ts, len(keys))
	var pos []int
	for i, k := range keys {
		null := false
		for _, d := range k {
			null = null || d.IsNull()
		}
		if !null {
			b.AppendRow(k)
			pos = append(pos, i)
		}
	}
	var tagOf []int
	for i, id := range table.insert(vecsOf(b, allKeys(len(cols))), b.N, nil) {
		if int(id) == len(tagOf) {
			tagOf = append(tagOf, pos[i])
		}
	}
	return table, tagOf
}

// LockFound locks rows that were found and returns those that still exist, at their latest version; same tells that the
// version is the one found. REPEATABLE READ's 40001 comes from the transaction unless latest is set.
func LockFound(ctx context.Context, c *Context, t *catalog.Table, in *Rows, mode lock.Mode, latest bool) (out *Rows, same []bool, err error) {
	reqs := make([]txn.LockRequest, len(in.Keys))
	for i, k := range in.Keys {
		reqs[i] = txn.LockRequest{Key: txn.Key{Group: k.Group, Bytes: append([]byte(nil), k.Bytes...)}, Mode: mode, Latest: latest}
	}
	locked := make([]txn.Locked, len(reqs))
	if len(reqs) > 0 {
		if err := c.Txn.Lock(ctx, reqs, lock.Wait, locked); err != nil {
			return nil, nil, err
		}
	}
	ti := infoOf(t)
	out = &Rows{}
	for i := range locked {
		v := locked[i].Version
		if !v.Exists() {
			continue
		}
		ts := v.TS
		if v.Own {
			ts = 0
		}
		row := in.Rows[i]
		unchanged := ts == in.TS[i] && !v.Own
		if !unchanged {
			if row, err = ti.decode(nil, v.Value); err != nil {
				return nil, nil, err
			}
		}
		out.Rows, out.Keys, out.TS, out.Tag = append(out.Rows, row), append(out.Keys, reqs[i].Key), append(out.TS, ts), append(out.Tag, in.Tag[i])
		same = append(same, unchanged)
	}
	return out, same, nil
}

// FetchRows reads rows again by the row keys of given rows: nil where a row is gone.
func FetchRows(ctx context.Context, c *Context, t *catalog.Table, rows [][]types.Datum, opts txn.ReadOptions) ([][]types.Datum, error) {
	ti := infoOf(t)
	keys := make([]txn.Key, len(rows))
	for i, r := range rows {
		keys[i] = ti.rowTxnKey(r, c.SlotMap)
	}
	out := make([][]types.Datum, len(rows))
	for at := 0; at < len(keys); at += fetchChunk {
		end := min(at+fetchChunk, len(keys))
		vers := make([]txn.Version, end-at)
		if err := c.Txn.Get(ctx, opts, keys[at:end], vers); err != nil {
			return nil, err
		}
		for i := range vers {
			if !vers[i].Exists() {
				continue
			}
			var err error
			if out[at+i], err = ti.decode(nil, vers[i].Value); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// UniqueKey returns where the unique index's entry (or the row itself, for the index that is the row key) of a key is;
// vals are in the order of the index's columns. ok is false for a key with a NULL, which has no entry.
func UniqueKey(c *Context, t *catalog.Table, index *catalog.Index, vals []types.Datum) (key txn.Key, ok bool) {
	ti := infoOf(t)
	x := ti.indexByOID(index.OID)
	for _, v := range vals {
		if v.IsNull() {
			return key, false
		}
	}
	a := &planner.Access{Point: true, Dist: distPositions(ti, len(ti.key))}
	if x != ti.rowKey {
		a.Index = index
		a.Dist = nil
	} else {
		// The row key's columns may stand in another order than the index's.
		ordered := make([]types.Datum, len(ti.key))
		for i, k := range ti.key {
			for j, xc := range x.cols {
				if xc.at == k.at {
					ordered[i] = vals[j]
				}
			}
		}
		vals = ordered
	}
	r := newAccessKeys(ti, a).equal(vals, c.SlotMap)
	return txn.Key{Group: r.group, Bytes: r.lo}, true
}

// CheckUnique judges keys of a deferrable unique index again: for each row that still exists with the same key, the
// entry must name it. A missing entry is written; an entry of another row is a duplicate (23505).
func CheckUnique(ctx context.Context, c *Context, t *catalog.Table, index *catalog.Index, rows [][]types.Datum) error {
	ti := infoOf(t)
	x := ti.indexByOID(index.OID)
	if x == nil || x == ti.rowKey {
		return nil
	}
	w := NewWriter(c, t)
	now, err := FetchRows(ctx, c, t, rows, Latest)
	if err != nil {
		return err
	}
	for i, row := range now {
		if row == nil || w.changed(x.cols, rows[i], row) || x.hasNull(row) {
			continue
		}
		key, slot := w.rowKey(row)
		entry := w.entryKey(x, row, 0)
		locator := w.locator(key.Bytes, slot)
		reqs := [1]txn.LockRequest{{Key: entry, Mode: lock.Update, Latest: true}}
		var locked [1]txn.Locked
		if err := c.Txn.Lock(ctx, reqs[:], lock.Wait, locked[:]); err != nil {
			return err
		}
		v := locked[0].Version
		switch {
		case !v.Exists():
			c.Txn.Put(entry, locator, 0)
		case string(v.Value) != string(locator):
			return errDuplicate(c, t, x, row)
		}
	}
	return nil
}
