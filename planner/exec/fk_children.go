package exec

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/pgmqdb/pgmqdb/fk"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Children is rule R2's scan: the referenced entries are locked in Update mode, so no new child can reference them; then
// F is drawn, so that every child that was committed before the locks is seen at F; and F travels with the entries, whose
// log refuses the commit if a child has come after F nevertheless, because a lock was lost.
//
// What can still happen between F and the lock of a child row that was found is a concurrent change of that very row:
//
//   - It is gone, or references another key. It no longer matters, unless it moved: a change of its primary key or
//     placement leaves the reference, under a key that the scan at F could not see. Nothing of that touches the parent, so
//     no mark tells. So when any row found at F turns out to have changed its place or reference after F, the scan runs
//     again at a later F, until none has.
//   - It was changed otherwise. Its latest version counts.
//
// Scanning and writing alternate: every group delivers a batch, all asked at once, then the rows found are locked and handed
// out. Updates may move rows to other places of the very ranges that are scanned (ON UPDATE CASCADE over consecutive keys),
// so for them the scan is finished first; only row keys are kept.

// emitRows is how many child rows are locked and handed out at a time.
const emitRows = 1000

// childScan finds the children of some keys of one foreign key.
type childScan struct {
	s    *Store
	k    *fk.Key
	ti   *tableInfo
	cols []keyColumn // the referencing columns
	// keys are the keys in the child's types, nil where a key has no equal there; at finds them by their encoding.
	keys [][]types.Datum
	at   map[string]int
	path childPath
	buf  []byte
	row  []types.Datum
}

// rowRefs are the keys of rows found, packed.
type rowRefs struct {
	bytes  []byte
	ends   []int
	groups []topo.GroupID
}

func (r *rowRefs) add(key []byte, g topo.GroupID) {
	r.bytes = append(r.bytes, key...)
	r.ends = append(r.ends, len(r.bytes))
	r.groups = append(r.groups, g)
}

// grow makes room for n more keys of about so many bytes.
func (r *rowRefs) grow(n, bytes int) {
	r.bytes, r.ends, r.groups = slices.Grow(r.bytes, n*bytes), slices.Grow(r.ends, n), slices.Grow(r.groups, n)
}

func (r *rowRefs) len() int { return len(r.ends) }

// join adds the keys of o.
func (r *rowRefs) join(o *rowRefs) {
	if len(r.ends) == 0 {
		*r = *o
		return
	}
	n := len(r.bytes)
	r.bytes = append(r.bytes, o.bytes...)
	r.groups = append(r.groups, o.groups...)
	for _, end := range o.ends {
		r.ends = append(r.ends, n+end)
	}
}

func (r *rowRefs) key(i int) txn.Key {
	from := 0
	if i > 0 {
		from = r.ends[i-1]
	}
	return txn.Key{Group: r.groups[i], Bytes: r.bytes[from:r.ends[i]:r.ends[i]]}
}

// Children implements fk.Store.
func (s *Store) Children(ctx context.Context, k *fk.Key, keys [][]types.Datum, mode lock.Mode, emit func(rows [][]types.Datum, key []int) error) error {
	s.c.Txn.UseTable(k.Child.VersionTag())
	for _, t := range k.Through {
		s.c.Txn.UseTable(t.VersionTag())
	}
	refs, err := s.parentKeys(k, keys)
	if err != nil {
		return err
	}
	refs, at := there(k, refs)
	// The writer holds these already, but for a key whose image changed and not its value (1.0 to 1.00).
	if slices.ContainsFunc(k.ParentCols, func(c int) bool { return !keyenc.KeyLossless(k.Parent.Columns[c].Type.Oid) }) {
		if _, err := s.lockAll(ctx, refs, lock.Update, lock.Wait); err != nil {
			return err
		}
	}
	cs := s.newChildScan(k, keys)
	for first := true; ; first = false {
		f, err := s.c.Txn.FreshTimestamp(ctx)
		if err != nil {
			return err
		}
		for i := range refs {
			s.c.Txn.MarkExclusive(refs[i], f)
			if first {
				n := place(at, i)
				one := keys[n : n+1]
				s.c.Txn.OnChildrenChanged(refs[i], func(ctx context.Context, f topo.Timestamp) error {
					return s.newChildScan(k, one).noneSince(ctx, f)
				})
			}
		}
		changed, err := cs.run(ctx, f, mode, emit)
		if err != nil || !changed {
			return err
		}
	}
}

func (s *Store) newChildScan(k *fk.Key, keys [][]types.Datum) *childScan {
	cs := &childScan{s: s, k: k, ti: infoOf(k.Child), at: make(map[string]int, len(keys))}
	for _, c := range k.ChildCols {
		cs.cols = append(cs.cols, keyColumn{at: c, oid: k.Child.Columns[c].Type.Oid})
	}
	cs.keys = make([][]types.Datum, len(keys))
	for i, key := range keys {
		if conv := cs.convert(key); conv != nil {
			enc := string(cs.encode(conv))
			if _, twice := cs.at[enc]; !twice {
				cs.keys[i], cs.at[enc] = conv, i
			}
		}
	}
	cs.path = chooseChildPath(cs.ti, cs.cols)
	return cs
}

// convert returns a key in the child's types, nil if none of its rows can hold it.
func (cs *childScan) convert(key []types.Datum) []types.Datum {
	out := make([]types.Datum, len(key))
	for i := range key {
		from := cs.k.Parent.Columns[cs.k.ParentCols[i]].Type
		v, ok := convertKey(key[i], from, cs.k.Child.Columns[cs.cols[i].at].Type)
		if !ok {
			return nil
		}
		out[i] = v
	}
	return out
}

func (cs *childScan) encode(key []types.Datum) []byte {
	cs.buf = cs.buf[:0]
	for i := range cs.cols {
		cs.buf = keyenc.AppendKey(cs.buf, cs.cols[i].oid, key[i], false)
	}
	return cs.buf
}

// keyOf returns the position of the key that a row references, or -1.
func (cs *childScan) keyOf(row []types.Datum) int {
	cs.buf = appendColumns(cs.buf[:0], cs.cols, row)
	if i, ok := cs.at[string(cs.buf)]; ok {
		return i
	}
	return -1
}

// run finds, locks and hands out the children at f. changed says that the scan has to be run again.
func (cs *childScan) run(ctx context.Context, f topo.Timestamp, mode lock.Mode, emit func([][]types.Datum, []int) error) (changed bool, err error) {
	cursors, err := cs.open(ctx, f)
	if err != nil {
		return false, err
	}
	defer func() {
		for _, c := range cursors {
			c.close()
		}
	}()
	var all rowRefs
	for {
		found, more, err := nextOfAll(ctx, cursors)
		if err != nil {
			return false, err
		}
		for i := range found {
			all.join(&found[i])
		}
		if mode == lock.NoKeyUpdate && more {
			continue
		}
		// What all groups have found is locked together, and goes on together to the next level of a cascade.
		moved, err := cs.handOut(ctx, &all, f, mode, emit)
		if err != nil {
			return false, err
		}
		changed = changed || moved
		if !more {
			return changed, nil
		}
		all = rowRefs{}
	}
}

// nextOfAll takes a batch of every group. They are asked for together.
func nextOfAll(ctx context.Context, cursors []*childCursor) (found []rowRefs, more bool, err error) {
	found = make([]rowRefs, len(cursors))
	scanners := make([]txn.Scanner, 0, len(cursors))
	for _, c := range cursors {
		if c.done || c.points != nil {
			continue
		}
		if err := c.start(ctx); err != nil {
			return nil, false, err
		}
		scanners = append(scanners, c.sc)
	}
	txn.Fetch(ctx, scanners)
	next := func(ctx context.Context, i int) error { return cursors[i].next(ctx, &found[i]) }
	if len(cursors) > 0 && cursors[0].keys != nil {
		err = inParallel(ctx, len(cursors), next) // whole rows are compared
	} else {
		for i := 0; i < len(cursors) && err == nil; i++ {
			err = next(ctx, i)
		}
	}
	for _, c := range cursors {
		more = more || !c.done
	}
	return found, more, err
}

// handOut locks rows found at f and passes on those that still reference one of the keys.
func (cs *childScan) handOut(ctx context.Context, refs *rowRefs, f topo.Timestamp, mode lock.Mode, emit func([][]types.Datum, []int) error) (moved bool, err error) {
	w := childScratches.Get().(*childScratch)
	defer w.free()
	if len(cs.k.Child.Triggers) > 0 || len(cs.k.DeclaredOn.Triggers) > 0 {
		w.kept = true // triggers may be called with the rows later
	}
	for from := 0; from < refs.len(); from += emitRows {
		reqs := slices.Grow(w.reqs[:0], min(refs.len()-from, emitRows))
		for i := from; i < min(from+emitRows, refs.len()); i++ {
			// A row that is to be written and that the transaction's snapshot cannot see is a serialization failure above
			// READ COMMITTED; one that only forbids is reported as what it is, as PostgreSQL does.
			reqs = append(reqs, txn.LockRequest{Key: refs.key(i), Mode: mode, Latest: mode == lock.KeyShare})
		}
		locked := slices.Grow(w.locked[:0], len(reqs))[:len(reqs)]
		w.reqs, w.locked, w.used = reqs, locked, max(w.used, len(reqs))
		if err := cs.s.c.Txn.Lock(ctx, reqs, lock.Wait, locked); err != nil {
			return moved, err
		}
		w.begin(len(reqs), len(cs.k.Child.Columns))
		for i := range locked {
			v := &locked[i].Version
			at := -1
			if v.Exists() {
				start := len(w.flat)
				if w.flat, err = cs.ti.decode(w.flat, v.Value); err != nil {
					return moved, err
				}
				row := w.flat[start:len(w.flat):len(w.flat)]
				if at = cs.keyOf(row); at >= 0 {
					w.rows, w.keys = append(w.rows, row), append(w.keys, at)
				}
			}
			if at < 0 && !v.Own && v.TS > f {
				moved = true
			}
		}
		if len(w.rows) > 0 {
			if err := emit(w.rows, w.keys); err != nil {
				return moved, err
			}
		}
	}
	return moved, nil
}

// childScratch is the memory of handOut.
type childScratch struct {
	reqs   []txn.LockRequest
	locked []txn.Locked
	rows   [][]types.Datum
	keys   []int
	flat   []types.Datum
	used   int  // the most rows at a time
	values int  // and values, in flat
	kept   bool // rows and flat belong to whoever they were handed out to
}

var childScratches = sync.Pool{New: func() any { return new(childScratch) }}

// begin empties what n rows of so many columns are handed out in.
func (w *childScratch) begin(n, width int) {
	if w.kept {
		w.rows, w.flat = nil, nil
	}
	w.rows, w.keys = slices.Grow(w.rows[:0], n), slices.Grow(w.keys[:0], n)
	w.values = max(w.values, len(w.flat))
	w.flat = slices.Grow(w.flat[:0], n*width)
}

func (w *childScratch) free() {
	if w.kept {
		w.rows, w.flat, w.kept = nil, nil, false
	}
	clear(w.reqs[:w.used])
	clear(w.locked[:w.used])
	clear(w.rows[:min(w.used, cap(w.rows))])
	clear(w.flat[:min(max(w.values, len(w.flat)), cap(w.flat))])
	w.used, w.values = 0, 0
	childScratches.Put(w)
}

// noneSince is what a commit asks when children have come after the scan that it relied on: it is refused if the
// transaction has not dealt with one of them.
func (cs *childScan) noneSince(ctx context.Context, f topo.Timestamp) error {
	cursors, err := cs.open(ctx, f)
	if err != nil {
		return err
	}
	defer func() {
		for _, c := range cursors {
			c.close()
		}
	}()
	for {
		found, more, err := nextOfAll(ctx, cursors)
		if err != nil {
			return err
		}
		for i := range found {
			if err := cs.refuse(ctx, &found[i], f); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
	}
}

func (cs *childScan) refuse(ctx context.Context, refs *rowRefs, f topo.Timestamp) error {
	keys := make([]txn.Key, refs.len())
	for i := range keys {
		keys[i] = refs.key(i)
	}
	vers := make([]txn.Version, len(keys))
	if err := cs.s.c.Txn.Get(ctx, txn.ReadOptions{TS: f, Own: txn.LatestSeq}, keys, vers); err != nil {
		return err
	}
	for i := range vers {
		if vers[i].Own || !vers[i].Exists() || vers[i].TS == 0 {
			continue
		}
		var err error
		if cs.row, err = cs.ti.decode(cs.row[:0], vers[i].Value); err != nil {
			return err
		}
		if cs.keyOf(cs.row) >= 0 {
			return errSerialize("update")
		}
	}
	return nil
}

// childPath is how children are found: by a storage whose leading columns are among the referencing ones, or by reading
// all rows.
type childPath struct {
	x     *indexInfo // nil: the row storage
	start []byte
	lead  []keyColumn // the leading columns used; none: read all rows
	order []int       // which referencing column each is
	point bool        // lead is the whole key of a unique index's entries: they are looked up
	dist  []int       // the referencing columns that place the rows, when they all do
}

// chooseChildPath prefers the most referencing columns, then the rows themselves, then looking up single entries.
func chooseChildPath(ti *tableInfo, cols []keyColumn) childPath {
	best := childPath{start: ti.prefix}
	rank := 0
	consider := func(x *indexInfo, start []byte, keyCols []keyColumn) {
		p := childPath{x: x, start: start}
		for _, kc := range keyCols {
			i := slices.IndexFunc(cols, func(c keyColumn) bool { return c.at == kc.at })
			if i < 0 || slices.Contains(p.order, i) {
				break
			}
			p.lead, p.order = append(p.lead, kc), append(p.order, i)
		}
		if len(p.lead) == 0 || x != nil && x.omitsNulls(ti.t, keyCols[len(p.lead):]) {
			return
		}
		p.point = x != nil && x.global && len(p.lead) == len(keyCols)
		r := 4 * len(p.lead)
		switch {
		case x == nil:
			r += 3
		case p.point:
			r += 2
		case !x.global:
			r++
		}
		if r > rank {
			best, rank = p, r
		}
	}
	consider(nil, ti.prefix, ti.key)
	for _, x := range ti.indexes {
		if x.pred < 0 && x.gin == nil {
			consider(x, x.prefix, x.cols)
		}
	}
	if best.x != nil && best.x.global || len(best.lead) == 0 {
		return best
	}
	for _, d := range ti.dist {
		i := slices.IndexFunc(cols, func(c keyColumn) bool { return c.at == d.at })
		if i < 0 {
			best.dist = nil
			break
		}
		best.dist = append(best.dist, i)
	}
	return best
}

// prefix returns the first bytes of the entries or rows of a key.
func (p *childPath) prefix(key []types.Datum) []byte {
	buf := append(make([]byte, 0, len(p.start)+10*len(p.lead)), p.start...)
	for i := range p.lead {
		buf = keyenc.AppendKey(buf, p.lead[i].oid, key[p.order[i]], p.lead[i].desc)
	}
	return buf
}

// rowsPerKey is how many children a key is taken to have in a group, when the first batch is asked for.
const rowsPerKey = 256

// childCursor reads one group's part of a scan for children, a batch at a time: the entries of all keys by one scan of many
// ranges.
type childCursor struct {
	cs     *childScan
	opts   txn.ReadOptions
	group  topo.GroupID
	ranges []txn.KeyRange // of the keys' entries, or rows
	points []txn.Key      // entries to look up instead
	sc     txn.Scanner
	done   bool

	keys   *keyTable // of a scan of all rows instead
	wanted []int
	batch  *types.Batch
	dst    []*types.Vec
	ids    []int32
	hashes []uint64
}

// open makes the cursors of a scan at f.
func (cs *childScan) open(ctx context.Context, f topo.Timestamp) ([]*childCursor, error) {
	opts := txn.ReadOptions{TS: f, Own: txn.LatestSeq}
	if len(cs.at) == 0 {
		return nil, nil
	}
	sm := cs.s.c.SlotMap
	byGroup := map[topo.GroupID]*childCursor{}
	var out []*childCursor
	cursor := func(g topo.GroupID) *childCursor {
		if byGroup[g] == nil {
			byGroup[g] = &childCursor{cs: cs, opts: opts, group: g}
			out = append(out, byGroup[g])
		}
		return byGroup[g]
	}
	p := &cs.path
	switch {
	case len(p.lead) == 0:
		keys := cs.keyTable()
		for _, g := range dataGroups(sm) {
			c := cursor(g)
			c.keys = keys
			c.prepareFull()
		}
		return out, nil
	case p.point:
		c := &childCursor{cs: cs, opts: opts}
		for _, key := range cs.keys {
			if key != nil {
				vals := make([]types.Datum, len(p.order))
				for i, o := range p.order {
					vals[i] = key[o]
				}
				c.points = append(c.points, txn.Key{Group: sm.Group(slotOfValues(p.lead, vals)), Bytes: p.prefix(key)})
			}
		}
		return []*childCursor{c}, nil
	}
	prefixes := map[*childCursor][][]byte{}
	for _, key := range cs.keys {
		if key == nil {
			continue
		}
		pre := p.prefix(key)
		if p.dist != nil {
			vals := make([]types.Datum, len(p.dist))
			for i, d := range p.dist {
				vals[i] = key[d]
			}
			c := cursor(sm.Group(slotOfValues(cs.ti.dist, vals)))
			prefixes[c] = append(prefixes[c], pre)
			continue
		}
		prefixes[nil] = append(prefixes[nil], pre)
	}
	for _, c := range out {
		c.ranges = prefixRanges(prefixes[c])
	}
	if everywhere := prefixRanges(prefixes[nil]); everywhere != nil {
		for _, g := range dataGroups(sm) {
			cursor(g).ranges = everywhere
		}
	}
	return out, nil
}

// prefixRanges returns the ranges of the keys that begin with one of some prefixes, in order; neighbours become one.
func prefixRanges(prefixes [][]byte) []txn.KeyRange {
	slices.SortFunc(prefixes, bytes.Compare)
	var out []txn.KeyRange
	for i, p := range prefixes {
		if i > 0 && bytes.HasPrefix(p, prefixes[i-1]) {
			continue // the same once more: no key's encoding is the beginning of another's
		}
		end := keyenc.PrefixEnd(p)
		if n := len(out); n > 0 && bytes.Equal(out[n-1].Hi, p) {
			out[n-1].Hi = end
			continue
		}
		out = append(out, txn.KeyRange{Lo: p, Hi: end})
	}
	return out
}

// keyTable returns the keys as a hash table over the referencing columns.
func (cs *childScan) keyTable() *keyTable {
	var ts []types.Type
	for _, c := range cs.cols {
		ts = append(ts, cs.k.Child.Columns[c.at].Type)
	}
	b := types.NewBatch(ts, len(cs.keys))
	for _, key := range cs.keys {
		if key == nil {
			continue
		}
		for i := range key {
			b.Cols[i].Append(key[i])
		}
		b.N++
	}
	t := newKeyTable(ts)
	cols := make([]*types.Vec, len(ts))
	for i := range cols {
		cols[i] = &b.Cols[i]
	}
	t.insert(cols, b.N, nil)
	return t
}

func (c *childCursor) prepareFull() {
	c.batch = types.NewBatch(c.keys.types, 0)
	for i := range c.cs.cols {
		c.wanted = append(c.wanted, c.cs.cols[i].at)
		c.dst = append(c.dst, &c.batch.Cols[i])
	}
}

func (c *childCursor) close() {
	if c.sc != nil {
		c.sc.Close()
		c.sc = nil
	}
}

// next adds the rows that another batch leads to. It may add none; done is set at the end.
func (c *childCursor) next(ctx context.Context, out *rowRefs) error {
	if c.done {
		return nil
	}
	switch {
	case c.points != nil:
		return c.lookUp(ctx, out)
	case c.keys != nil:
		return c.nextFull(ctx, out)
	}
	return c.nextIndexed(ctx, out)
}

// lookUp reads entries of a unique index by their keys.
func (c *childCursor) lookUp(ctx context.Context, out *rowRefs) error {
	c.done = true
	vers := make([]txn.Version, len(c.points))
	if err := c.cs.s.c.Txn.Get(ctx, c.opts, c.points, vers); err != nil {
		return err
	}
	for i := range vers {
		if !vers[i].Exists() {
			continue
		}
		key, err := c.cs.ti.follow(vers[i].Value, c.cs.s.c.SlotMap)
		if err != nil {
			return err
		}
		out.add(key.Bytes, key.Group)
	}
	return nil
}

// start begins the cursor's scan.
func (c *childCursor) start(ctx context.Context) (err error) {
	if c.sc != nil {
		return nil
	}
	spec := txn.ScanSpec{Groups: []topo.GroupID{c.group}}
	if ti, x := c.cs.ti, c.cs.path.x; c.keys != nil {
		spec.Lo, spec.Hi = ti.prefix, keyenc.PrefixEnd(ti.prefix)
	} else {
		spec.Ranges, spec.LimitHint, spec.KeysOnly = c.ranges, rowsPerKey*len(c.ranges), x == nil || !x.global
	}
	c.sc, err = c.cs.s.c.Txn.Scan(ctx, c.opts, spec)
	return err
}

// scan returns the next batch of the cursor's scan, which has begun.
func (c *childCursor) scan(ctx context.Context) (*txn.Batch, error) {
	b, err := c.sc.Next(ctx)
	if b == nil && err == nil {
		c.done = true
		c.close()
	}
	return b, err
}

// nextFull filters a batch of all rows.
func (c *childCursor) nextFull(ctx context.Context, out *rowRefs) error {
	ti := c.cs.ti
	b, err := c.scan(ctx)
	if b == nil || err != nil {
		return err
	}
	c.batch.Reset()
	for i := range b.Len() {
		if err := keyenc.DecodeColumns(b.Value(i), ti.layout, c.wanted, c.dst); err != nil {
			return err
		}
	}
	c.batch.N = b.Len()
	c.ids = c.keys.find(c.dst, b.Len(), c.ids, &c.hashes)
	for i, id := range c.ids {
		if id >= 0 {
			out.add(b.Key(i), b.GroupOf(i))
		}
	}
	return nil
}

// nextIndexed reads on in the entries of the keys.
func (c *childCursor) nextIndexed(ctx context.Context, out *rowRefs) error {
	b, err := c.scan(ctx)
	if b == nil || err != nil {
		return err
	}
	out.grow(b.Len(), len(c.cs.ti.prefix)+16)
	for i := range b.Len() {
		if err := c.found(b, i, out); err != nil {
			return err
		}
	}
	return nil
}

// found adds the row of an entry (or the row itself).
func (c *childCursor) found(b *txn.Batch, i int, out *rowRefs) error {
	ti, x := c.cs.ti, c.cs.path.x
	switch {
	case x == nil:
		out.add(b.Key(i), b.GroupOf(i))
		return nil
	case x.global:
		key, err := ti.follow(b.Value(i), c.cs.s.c.SlotMap)
		if err == nil {
			out.add(key.Bytes, key.Group)
		}
		return err
	}
	rest, err := x.keyInEntry(b.Key(i))
	if err == nil {
		out.bytes = append(out.bytes, ti.prefix...)
		out.add(rest, b.GroupOf(i))
	}
	return err
}
