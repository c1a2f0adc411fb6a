package exec

import (
	"bytes"
	"cmp"
	"slices"
	"sync/atomic"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// keyRange is a piece of a storage to read: one key (point) or [lo, hi).
type keyRange struct {
	lo, hi []byte
	point  bool
	// group holds the range if known, else 0: all groups.
	group topo.GroupID
}

// accessKeys is an Access bound to a table: it makes key ranges from values.
type accessKeys struct {
	ti    *tableInfo
	n     *planner.Scan
	a     *planner.Access
	x     *indexInfo // nil: the row storage
	cols  []keyColumn
	start []byte
}

func newAccessKeys(ti *tableInfo, n *planner.Scan) *accessKeys {
	a := &n.Access
	k := &accessKeys{ti: ti, n: n, a: a, start: ti.prefix, cols: ti.key}
	if a.Index != nil && a.Gin == nil { // which reads rows, too
		k.x = ti.indexByOID(a.Index.OID)
		k.start, k.cols = k.x.prefix, k.x.cols
	}
	return k
}

// follows reports whether what is read are entries that lead to the rows wanted.
func (k *accessKeys) follows() bool { return k.x != nil && !k.a.IndexOnly }

// keysOnly reports whether of the index's entries the keys tell all.
func (k *accessKeys) keysOnly() bool {
	if k.a.IndexOnly {
		return !entriesNeedValues(k.n)
	}
	return !k.x.global
}

// storage returns the whole range of the access's storage.
func (k *accessKeys) storage() keyRange {
	return keyRange{lo: k.start, hi: keyenc.PrefixEnd(k.start)}
}

// ranges evaluates the access's values and returns what to read; none when a value is NULL.
func (k *accessKeys) ranges(eval *expr.EvalContext, sm *topo.SlotMap, out []keyRange) ([]keyRange, error) {
	a := k.a
	if a.Never {
		return out, nil
	}
	vals := make([]types.Datum, len(a.Eq), len(a.Eq)+1)
	for i, s := range a.Eq {
		d, err := s.EvalRow(eval, nil)
		if err != nil || d.IsNull() {
			return out, err
		}
		vals[i] = d
	}
	if a.In == nil {
		if a.Lo == nil && a.Hi == nil && !a.NotNull {
			return append(out, k.equal(vals, sm)), nil
		}
		r, ok, err := k.bounded(eval, vals, sm)
		if ok {
			out = append(out, r)
		}
		return out, err
	}
	d, err := a.In.EvalRow(eval, nil)
	if err != nil || d.IsNull() {
		return out, err
	}
	for _, e := range d.Array().Elems {
		if !e.IsNull() {
			out = append(out, k.equal(append(vals[:len(a.Eq):len(a.Eq)], e), sm))
		}
	}
	slices.SortFunc(out, func(a, b keyRange) int { return bytes.Compare(a.lo, b.lo) })
	return slices.CompactFunc(out, func(a, b keyRange) bool { return bytes.Equal(a.lo, b.lo) }), nil
}

// equal returns the range of rows whose leading columns have these values.
func (k *accessKeys) equal(vals []types.Datum, sm *topo.SlotMap) keyRange {
	buf := append(make([]byte, 0, len(k.start)+12*len(vals)), k.start...)
	for i, v := range vals {
		buf = keyenc.AppendKey(buf, k.cols[i].oid, v, k.cols[i].desc)
	}
	r := keyRange{lo: buf, group: k.groupOf(vals, sm)}
	if k.a.Point {
		r.point = true
		return r
	}
	r.hi = keyenc.PrefixEnd(buf)
	return r
}

// groupOf returns the group of all rows with these leading values, or 0.
func (k *accessKeys) groupOf(vals []types.Datum, sm *topo.SlotMap) topo.GroupID {
	if k.x != nil && k.x.global {
		if k.a.Point {
			return sm.Group(slotOfValues(k.cols, vals))
		}
		return 0
	}
	if k.a.Dist == nil {
		return 0
	}
	var tmp [64]byte
	buf := tmp[:0]
	for i, at := range k.a.Dist {
		if at >= len(vals) {
			return 0
		}
		buf = keyenc.CanonicalBytes(buf, k.ti.dist[i].oid, vals[at])
	}
	return sm.Group(topo.Slot(keyenc.SlotOf(buf)))
}

// bounded returns the range with Lo and Hi; ok is false when a bound is NULL or the range is empty.
func (k *accessKeys) bounded(eval *expr.EvalContext, vals []types.Datum, sm *topo.SlotMap) (r keyRange, ok bool, err error) {
	for _, b := range []*planner.Bound{k.a.Lo, k.a.Hi} {
		if b == nil {
			continue
		}
		d, err := b.Value.EvalRow(eval, nil)
		if err != nil || d.IsNull() {
			return r, false, err
		}
		vals = append(vals, d)
	}
	r, ok = k.between(vals, sm)
	return r, ok, nil
}

// between returns the range of rows whose leading columns have the first of some values, and whose next one is bounded by
// the last, of Lo and then Hi; ok is false when the range is empty.
func (k *accessKeys) between(all []types.Datum, sm *topo.SlotMap) (r keyRange, ok bool) {
	a := k.a
	vals, bounds := all[:len(a.Eq)], all[len(a.Eq):]
	prefix := append([]byte(nil), k.start...)
	for i, v := range vals {
		prefix = keyenc.AppendKey(prefix, k.cols[i].oid, v, k.cols[i].desc)
	}
	col := k.cols[len(vals)]
	bound := func(b *planner.Bound) []byte {
		d := bounds[0]
		if b == a.Hi && a.Lo != nil {
			d = bounds[1]
		}
		return keyenc.AppendKey(append([]byte(nil), prefix...), col.oid, d, col.desc)
	}
	// In a descending column the bounds change sides.
	low, high := a.Lo, a.Hi
	if col.desc {
		low, high = a.Hi, a.Lo
	}
	r = keyRange{lo: prefix, hi: keyenc.PrefixEnd(prefix), group: k.groupOf(vals, sm)}
	if low != nil {
		b := bound(low)
		if r.lo = b; !low.Inclusive {
			r.lo = keyenc.PrefixEnd(b)
		}
	} else if col.desc {
		r.lo = append(append([]byte(nil), prefix...), 0x01) // NULLs are tagged 0x00
	}
	if high != nil {
		b := bound(high)
		if r.hi = b; high.Inclusive {
			r.hi = keyenc.PrefixEnd(b)
		}
	} else if !col.desc {
		r.hi = append(append([]byte(nil), prefix...), 0xff) // NULLs are tagged 0xff
	}
	return r, r.hi == nil || bytes.Compare(r.lo, r.hi) < 0
}

// groups returns the groups to scan for a range.
func (r *keyRange) groups(all []topo.GroupID) []topo.GroupID {
	if r.group != 0 {
		return []topo.GroupID{r.group}
	}
	return all
}

// fetchChunk is how many rows are looked up in one batched read.
const fetchChunk = 1000

// found is a list of rows read by key: values with their keys and versions.
type found struct {
	keys   []txn.Key
	values [][]byte
	ts     []topo.Timestamp
	tag    []int32 // which request each answers
}

func (f *found) reset() {
	f.keys, f.values, f.ts, f.tag = f.keys[:0], f.values[:0], f.ts[:0], f.tag[:0]
}

func (f *found) add(k txn.Key, v txn.Version, tag int32) {
	ts := v.TS
	if v.Own {
		ts = 0
	}
	f.keys, f.values, f.ts, f.tag = append(f.keys, k), append(f.values, v.Value), append(f.ts, ts), append(f.tag, tag)
}

// sortByTag orders what was added from the start on by tag, and leaves the rows of one tag as they are.
func (f *found) sortByTag(start int) {
	n := len(f.tag) - start
	if slices.IsSorted(f.tag[start:]) {
		return
	}
	at := make([]int, n)
	for i := range at {
		at[i] = start + i
	}
	slices.SortStableFunc(at, func(i, j int) int { return cmp.Compare(f.tag[i], f.tag[j]) })
	var by found
	for _, i := range at {
		by.keys, by.values = append(by.keys, f.keys[i]), append(by.values, f.values[i])
		by.ts, by.tag = append(by.ts, f.ts[i]), append(by.tag, f.tag[i])
	}
	f.keys, f.values = append(f.keys[:start], by.keys...), append(f.values[:start], by.values...)
	f.ts, f.tag = append(f.ts[:start], by.ts...), append(f.tag[:start], by.tag...)
}

// getRows reads row keys and adds those that exist.
func (x *execution) getRows(opts txn.ReadOptions, keys []txn.Key, tags []int32, out *found) error {
	for len(keys) > 0 {
		n := min(len(keys), fetchChunk)
		vers := make([]txn.Version, n)
		if err := x.c.Txn.Get(x.ctx(), opts, keys[:n], vers); err != nil {
			return err
		}
		for i := range vers {
			if vers[i].Exists() {
				out.add(keys[i], vers[i], tags[i])
			}
		}
		keys, tags = keys[n:], tags[n:]
	}
	return nil
}

// fetch reads the rows of some ranges; tags number the ranges, and the rows come by them. It is for few rows: everything is
// kept.
func (x *execution) fetch(k *accessKeys, opts txn.ReadOptions, ranges []keyRange, out *found) error {
	var points []txn.Key
	var tags, wide []int32
	for i := range ranges {
		r := &ranges[i]
		if r.point {
			points, tags = append(points, txn.Key{Group: r.group, Bytes: r.lo}), append(tags, int32(i))
			continue
		}
		wide = append(wide, int32(i))
	}
	if err := x.fetchRanges(k, opts, ranges, wide, out); err != nil {
		return err
	}
	if len(points) == 0 {
		return nil
	}
	if !k.follows() {
		if points[0].Group == 0 {
			start := len(out.tag)
			err := x.getAnywhere(opts, points, tags, out)
			out.sortByTag(start)
			return err
		}
		return x.getRows(opts, points, tags, out)
	}
	rows, rowTags, err := x.followEntries(k, opts, points, tags)
	if err != nil {
		return err
	}
	return x.getRows(opts, rows, rowTags, out)
}

// getAnywhere reads rows whose key does not tell the group: it asks all of them.
func (x *execution) getAnywhere(opts txn.ReadOptions, keys []txn.Key, tags []int32, out *found) error {
	for _, g := range x.groups() {
		in := make([]txn.Key, len(keys))
		for i := range keys {
			in[i] = txn.Key{Group: g, Bytes: keys[i].Bytes}
		}
		if err := x.getRows(opts, in, tags, out); err != nil {
			return err
		}
	}
	return nil
}

// followEntries reads unique entries and returns the rows that they name.
func (x *execution) followEntries(k *accessKeys, opts txn.ReadOptions, entries []txn.Key, tags []int32) ([]txn.Key, []int32, error) {
	vers := make([]txn.Version, len(entries))
	for at := 0; at < len(entries); at += fetchChunk {
		end := min(at+fetchChunk, len(entries))
		if err := x.c.Txn.Get(x.ctx(), opts, entries[at:end], vers[at:end]); err != nil {
			return nil, nil, err
		}
	}
	var rows []txn.Key
	var rowTags []int32
	for i := range vers {
		if !vers[i].Exists() {
			continue
		}
		key, err := k.ti.follow(vers[i].Value, x.c.SlotMap)
		if err != nil {
			return nil, nil, err
		}
		rows, rowTags = append(rows, key), append(rowTags, tags[i])
	}
	return rows, rowTags, nil
}

// fetchRanges reads the ranges of which numbers are given: those in the same groups by one scan, in the order of their
// keys. A range that overlaps the one before it, and is not the same once more, begins another scan.
func (x *execution) fetchRanges(k *accessKeys, opts txn.ReadOptions, ranges []keyRange, numbers []int32, out *found) error {
	if len(numbers) == 0 {
		return nil
	}
	slices.SortFunc(numbers, func(i, j int32) int {
		a, b := &ranges[i], &ranges[j]
		return cmp.Or(cmp.Compare(a.group, b.group), bytes.Compare(a.lo, b.lo), compareEnds(a.hi, b.hi), cmp.Compare(i, j))
	})
	start := len(out.tag)
	for len(numbers) > 0 {
		var rs []txn.KeyRange
		var tags [][]int32 // of each range, the numbers that stand for it
		group := ranges[numbers[0]].group
		for len(numbers) > 0 {
			r := &ranges[numbers[0]]
			if n := len(rs) - 1; n >= 0 && bytes.Equal(r.lo, rs[n].Lo) && compareEnds(r.hi, rs[n].Hi) == 0 && r.group == group {
				tags[n] = append(tags[n], numbers[0])
			} else if r.group == group && (n < 0 || rs[n].Hi != nil && bytes.Compare(rs[n].Hi, r.lo) <= 0) {
				rs, tags = append(rs, txn.KeyRange{Lo: r.lo, Hi: r.hi}), append(tags, []int32{numbers[0]})
			} else {
				break
			}
			numbers = numbers[1:]
		}
		one := keyRange{group: group}
		if err := x.scanRanges(k, opts, one.groups(x.groups()), rs, tags, out); err != nil {
			return err
		}
	}
	out.sortByTag(start)
	return nil
}

// compareEnds compares upper bounds, nil being the greatest.
func compareEnds(a, b []byte) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return bytes.Compare(a, b)
}

// scanRanges reads ascending ranges; a row counts for every tag of its range.
func (x *execution) scanRanges(k *accessKeys, opts txn.ReadOptions, groups []topo.GroupID, ranges []txn.KeyRange, tags [][]int32, out *found) error {
	sc, err := x.c.Txn.Scan(x.ctx(), opts, txn.ScanSpec{Groups: groups, Ranges: ranges, KeysOnly: k.x != nil && k.keysOnly()})
	if err != nil {
		return err
	}
	defer sc.Close()
	for {
		b, err := sc.Next(x.ctx())
		if err != nil || b == nil {
			return err
		}
		at, group := 0, topo.GroupID(0) // the rows of each group are in key order
		number := func(i int) []int32 {
			if g := b.GroupOf(i); g != group {
				at, group = 0, g
			}
			for ranges[at].Hi != nil && bytes.Compare(ranges[at].Hi, b.Key(i)) <= 0 {
				at++
			}
			return tags[at]
		}
		if !k.follows() {
			for i := range b.Len() {
				for _, tag := range number(i) {
					out.add(txn.Key{Group: b.GroupOf(i), Bytes: b.Key(i)}, txn.Version{}, tag)
					out.values[len(out.values)-1], out.ts[len(out.ts)-1] = b.Value(i), b.Versions[i]
				}
			}
			continue
		}
		keys, err := x.rowsOfEntries(k, b)
		if err != nil {
			return err
		}
		var rows []txn.Key
		var rowTags []int32
		for i := range keys {
			for _, tag := range number(i) {
				rows, rowTags = append(rows, keys[i]), append(rowTags, tag)
			}
		}
		if err := x.getRows(opts, rows, rowTags, out); err != nil {
			return err
		}
	}
}

// rowsOfEntries returns the keys of the rows that a batch of index entries names.
func (x *execution) rowsOfEntries(k *accessKeys, b *txn.Batch) ([]txn.Key, error) {
	keys := make([]txn.Key, b.Len())
	for i := range keys {
		var err error
		if k.x.global {
			keys[i], err = k.ti.follow(b.Value(i), x.c.SlotMap)
		} else {
			keys[i].Group = b.GroupOf(i)
			keys[i].Bytes, err = k.x.rowOfEntry(k.ti, b.Key(i))
		}
		if err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// groupList remembers the data groups of the last slot map met.
type groupList struct {
	sm     *topo.SlotMap
	groups []topo.GroupID
}

var lastGroups atomic.Pointer[groupList]

// groups returns all data groups.
func (x *execution) groups() []topo.GroupID { return dataGroups(x.c.SlotMap) }

func dataGroups(sm *topo.SlotMap) []topo.GroupID {
	if l := lastGroups.Load(); l != nil && l.sm == sm {
		return l.groups
	}
	l := &groupList{sm: sm, groups: sm.DataGroups()}
	lastGroups.Store(l)
	return l.groups
}
