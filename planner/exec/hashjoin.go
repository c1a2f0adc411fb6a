package exec

import (
	"sync"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// joinBuild is the right side of a hash join, read once and then shared by all workers that probe it.
//
// What does not fit into memory is parted by the keys' hashes (a hybrid hash join): some parts stay in memory, and left rows
// of the others are put aside and joined with them part by part, each as a join of its own.
type joinBuild struct {
	rows    *types.Batch
	table   *keyTable
	head    []int32      // per key: the last row with it, or -1
	chain   []int32      // per row: the row before it with the same key, or -1
	matched types.Bitmap // FULL: rows that were joined

	// Of the whole right side, also where rows has but a part of it.
	hasNull bool // some row has a NULL key (NOT IN)
	empty   bool

	parts *parts // nil: everything is in rows
	away  []bool // per part: it is in the file
	bytes int64
}

// buildSide reads a hash join's right side to its end. whole is nil, or the build of which this right side is a part.
func (r *run) buildSide(n *planner.HashJoin, right operator, level int, whole *joinBuild) (*joinBuild, error) {
	jb := &joinBuild{rows: types.NewBatch(n.Right.Base().Types, 0), table: newKeyTable(n.KeyTypes), empty: true}
	var tmp []types.Vec
	var vecs []*types.Vec
	var ids []int32
	var pb *partedBuild
	for {
		if err := r.cancelled(); err != nil {
			return nil, err
		}
		b, err := right.next(0)
		if err != nil {
			return nil, err
		}
		if b == nil {
			break
		}
		jb.empty = jb.empty && b.N == 0
		if vecs, err = r.evalVecs(n.RightKeys, b, &tmp, vecs); err != nil {
			return nil, err
		}
		if pb != nil {
			if err := pb.add(b, vecs); err != nil {
				return nil, err
			}
			continue
		}
		ids = jb.add(b, vecs, ids)
		if jb.bytes+jb.table.bytes <= r.hashMem() {
			continue
		}
		if pb, err = r.part(n, jb, level); err != nil {
			return nil, err
		}
	}
	if pb != nil {
		if err := pb.finish(n); err != nil {
			return nil, err
		}
	}
	if whole != nil {
		jb.hasNull, jb.empty = whole.hasNull, whole.empty
	}
	return jb, nil
}

// add puts rows with their keys into the table.
func (jb *joinBuild) add(b *types.Batch, keys []*types.Vec, ids []int32) []int32 {
	ids = jb.table.insert(keys, b.N, ids)
	base := int32(jb.rows.N)
	for i, id := range ids {
		for int(id) >= len(jb.head) {
			jb.head = append(jb.head, -1)
		}
		if anyNull(keys, i) {
			jb.hasNull = true
			jb.chain = append(jb.chain, -1)
			continue
		}
		jb.chain = append(jb.chain, jb.head[id])
		jb.head[id] = base + int32(i)
	}
	appendBatch(jb.rows, b)
	jb.bytes += batchBytes(b)
	return ids
}

// close removes the build's file.
func (jb *joinBuild) close() {
	if jb != nil {
		jb.parts.close()
	}
}

// partedBuild reads a right side that does not fit: parts are in memory until it is full, then the largest goes to the file.
type partedBuild struct {
	r     *run
	jb    *joinBuild
	mem   []*types.Batch // per part: its rows, nil when they are in the file
	bytes []int64
	total int64
	hash  []uint64
}

// part begins to part a build. It returns nil when that would be of no use, because no two keys differ.
func (r *run) part(n *planner.HashJoin, jb *joinBuild, level int) (*partedBuild, error) {
	if _, err := r.spills(jb.bytes+jb.table.bytes, r.hashMem()); err != nil {
		return nil, err
	}
	if level >= maxPartLevel || jb.table.len() < 2 {
		return nil, r.unspillable(jb.bytes + jb.table.bytes)
	}
	var err error
	if jb.parts, err = r.newParts(level); err != nil {
		return nil, err
	}
	k := len(jb.parts.streams)
	pb := &partedBuild{r: r, jb: jb, mem: make([]*types.Batch, k), bytes: make([]int64, k)}
	for i := range pb.mem {
		pb.mem[i] = types.NewBatch(n.Right.Base().Types, 0)
	}
	jb.away = make([]bool, k)
	var tmp []types.Vec
	rows := jb.rows
	jb.rows, jb.head, jb.chain, jb.bytes = types.NewBatch(n.Right.Base().Types, 0), nil, nil, 0
	for from := 0; from < rows.N; from += types.BatchSize {
		b := sliceBatch(rows, from, min(rows.N, from+types.BatchSize))
		vecs, err := r.evalVecs(n.RightKeys, b, &tmp, nil)
		if err != nil {
			return nil, err
		}
		if err := pb.add(b, vecs); err != nil {
			return nil, err
		}
	}
	jb.table = newKeyTable(n.KeyTypes)
	return pb, nil
}

func (pb *partedBuild) add(b *types.Batch, keys []*types.Vec) error {
	jb := pb.jb
	for _, v := range keys {
		jb.hasNull = jb.hasNull || v.Nulls.Any()
	}
	for i, sel := range jb.parts.deal(jb.table.hashRows(keys, b.N, &pb.hash), b.N, nil) {
		if len(sel) == 0 {
			continue
		}
		dst := pb.mem[i]
		if dst == nil {
			if err := jb.parts.streams[i].add(b, nil, sel); err != nil {
				return err
			}
			continue
		}
		before := pb.bytes[i]
		for c := range dst.Cols {
			from := dst.Cols[c].Len()
			dst.Cols[c].Gather(&b.Cols[c], sel)
			pb.bytes[i] += vecBytes(&dst.Cols[c], from)
		}
		dst.N += len(sel)
		pb.bytes[i] += int64(len(sel)) * int64(24+8*len(keys))
		pb.total += pb.bytes[i] - before
	}
	for pb.total > pb.r.hashMem() {
		if err := pb.evict(); err != nil {
			return err
		}
	}
	return nil
}

// evict moves the largest part to the file.
func (pb *partedBuild) evict() error {
	most := 0
	for i := range pb.bytes {
		if pb.bytes[i] > pb.bytes[most] {
			most = i
		}
	}
	if err := pb.jb.parts.streams[most].add(pb.mem[most], nil, nil); err != nil {
		return err
	}
	pb.total -= pb.bytes[most]
	pb.mem[most], pb.bytes[most], pb.jb.away[most] = nil, 0, true
	return nil
}

// finish makes the table of the parts that stayed in memory.
func (pb *partedBuild) finish(n *planner.HashJoin) error {
	if err := pb.jb.parts.finish(); err != nil {
		return err
	}
	var tmp []types.Vec
	var vecs []*types.Vec
	var ids []int32
	for i, b := range pb.mem {
		if b == nil || b.N == 0 {
			continue
		}
		var err error
		if vecs, err = pb.r.evalVecs(n.RightKeys, b, &tmp, vecs); err != nil {
			return err
		}
		ids = pb.jb.add(b, vecs, ids)
		pb.mem[i] = nil
	}
	return nil
}

func anyNull(vecs []*types.Vec, i int) bool {
	for _, v := range vecs {
		if v.IsNull(i) {
			return true
		}
	}
	return false
}

// hashJoinOp probes the built right side with the left one. Output rows of one left batch may need several batches: the
// position (row, chain) is kept between calls.
type hashJoinOp struct {
	r           *run
	n           *planner.HashJoin
	left, right operator
	shared      *sharedBuild // in a parallel worker
	jb          *joinBuild
	level       int        // of the parting by which this join came about; 0: it is the whole one
	whole       *joinBuild // of the join that this is a part of

	// Of a build that is parted:
	aside *parts // left rows whose part is in the file
	part  int    // the next part to join
	sub   *hashJoinOp
	ended bool // the left side has

	in      *types.Batch
	ids     []int32
	hashes  []uint64
	row     int
	at      int32 // next candidate of row, or -1
	matched []bool
	tmp     []types.Vec
	vecs    []*types.Vec
	pairs   pairBuffer
	tail    int // FULL: next build row to look at; -1 before
}

// sharedBuild lets the first of several workers read the right side.
type sharedBuild struct {
	once  sync.Once
	right operator
	jb    *joinBuild
	err   error
}

func (r *run) buildHashJoin(n *planner.HashJoin) (operator, error) {
	left, err := r.build(n.Left)
	if err != nil {
		return nil, err
	}
	right, err := r.build(n.Right)
	if err != nil {
		return nil, err
	}
	j := &hashJoinOp{r: r, n: n, left: left, right: right, tail: -1}
	if n.Lookup != nil {
		return newAdaptiveJoin(r, n, j), nil
	}
	return j, nil
}

func (j *hashJoinOp) open() error {
	if j.jb != nil {
		return nil
	}
	var err error
	if j.shared != nil {
		j.shared.once.Do(func() { j.shared.jb, j.shared.err = j.r.buildSide(j.n, j.shared.right, 0, nil) })
		j.jb, err = j.shared.jb, j.shared.err
	} else {
		j.jb, err = j.r.buildSide(j.n, j.right, j.level, j.whole)
	}
	if err != nil {
		return err
	}
	if j.jb.parts != nil {
		if j.aside, err = j.r.newParts(j.level); err != nil {
			return err
		}
	}
	if j.level == 0 {
		j.report()
	}
	return nil
}

// report notes for EXPLAIN ANALYZE how the build went.
func (j *hashJoinOp) report() {
	j.r.note(j.n, func(st *planner.NodeStats) {
		st.Batches, st.Buckets = 1, int64(j.jb.table.mask+1)
		st.MemoryKB = (j.jb.bytes + j.jb.table.bytes + 1023) / 1024
		if j.jb.parts != nil {
			st.Batches += j.jb.parts.used()
		}
	})
}

func (j *hashJoinOp) next(max int) (*types.Batch, error) {
	if err := j.open(); err != nil {
		return nil, err
	}
	if j.jb.empty && (j.n.Type == planner.Inner || j.n.Type == planner.Semi) {
		return nil, nil
	}
	for {
		if j.in == nil {
			if j.ended {
				return j.nextPart(max)
			}
			b, err := j.left.next(max)
			if err != nil {
				return nil, err
			}
			if b == nil {
				if b, err = j.unmatchedRight(); b != nil || err != nil {
					return b, err
				}
				j.ended = true
				if j.jb.parts == nil {
					return nil, nil
				}
				if err := j.aside.finish(); err != nil {
					return nil, err
				}
				if j.shared == nil { // make room for the parts
					j.jb.rows, j.jb.table, j.jb.head, j.jb.chain = nil, nil, nil, nil
				}
				continue
			}
			if b, err = j.putAside(b); err != nil {
				return nil, err
			}
			if err := j.probe(b); err != nil {
				return nil, err
			}
		}
		b, err := j.step()
		if err != nil {
			return nil, err
		}
		if b != nil && b.N > 0 {
			return b, nil
		}
	}
}

// putAside writes the rows of a left batch whose part of the right side is in the file, and returns the others.
func (j *hashJoinOp) putAside(b *types.Batch) (*types.Batch, error) {
	if j.aside == nil {
		return b, nil
	}
	if err := j.r.cancelled(); err != nil {
		return nil, err
	}
	var err error
	if j.vecs, err = j.r.evalVecs(j.n.LeftKeys, b, &j.tmp, j.vecs); err != nil {
		return nil, err
	}
	hashes := j.jb.table.hashRows(j.vecs, b.N, &j.hashes)
	var stay, away []int32
	for i := range b.N {
		if j.jb.away[j.aside.of(hashes[i])] && !anyNull(j.vecs, i) {
			away = append(away, int32(i))
		} else {
			stay = append(stay, int32(i))
		}
	}
	if len(away) == 0 {
		return b, nil
	}
	if err := j.aside.add(b, nil, hashes, away); err != nil {
		return nil, err
	}
	return gatherBatch(&types.Batch{}, b, stay), nil
}

// nextPart joins what was put aside with the parts of the right side in the file, one after the other.
func (j *hashJoinOp) nextPart(max int) (*types.Batch, error) {
	for {
		if j.sub != nil {
			b, err := j.sub.next(max)
			if b != nil || err != nil {
				return b, err
			}
			j.sub.close()
			j.sub = nil
		}
		if j.jb.parts == nil || j.part == len(j.jb.away) {
			return nil, nil
		}
		p := j.part
		j.part++
		if !j.jb.away[p] {
			continue
		}
		j.sub = &hashJoinOp{r: j.r, n: j.n, tail: -1, level: j.level + 1, whole: j.jb,
			left: &streamOp{r: j.r, s: j.aside.streams[p]}, right: &streamOp{r: j.r, s: j.jb.parts.streams[p]}}
	}
}

// probe starts on a left batch.
func (j *hashJoinOp) probe(b *types.Batch) error {
	var err error
	if j.vecs, err = j.r.evalVecs(j.n.LeftKeys, b, &j.tmp, j.vecs); err != nil {
		return err
	}
	j.ids = j.jb.table.find(j.vecs, b.N, j.ids, &j.hashes)
	for _, v := range j.vecs {
		if len(v.Nulls) == 0 {
			continue
		}
		for i := range j.ids {
			if v.IsNull(i) {
				j.ids[i] = -1
			}
		}
	}
	j.in, j.row = b, 0
	j.at = j.first(0)
	if cap(j.matched) < b.N {
		j.matched = make([]bool, b.N)
	}
	j.matched = j.matched[:b.N]
	clear(j.matched)
	return nil
}

// first returns the first candidate of a left row, or -1.
func (j *hashJoinOp) first(row int) int32 {
	if row >= len(j.ids) || j.ids[row] < 0 {
		return -1
	}
	return j.jb.head[j.ids[row]]
}

// step puts out the next rows of the current left batch; nil when there are none left in it.
func (j *hashJoinOp) step() (*types.Batch, error) {
	if j.n.Cond == nil && (j.n.Type == planner.Semi || j.n.Type == planner.Anti || j.n.Type == planner.NullAnti) {
		return j.semiByKey(), nil
	}
	p := &j.pairs
	p.reset()
	in := j.in
	for j.row < in.N && p.len() < 2*types.BatchSize {
		for j.at >= 0 && p.len() < 2*types.BatchSize {
			p.add(int32(j.row), j.at)
			j.at = j.jb.chain[j.at]
		}
		if j.at < 0 {
			j.row++
			j.at = j.first(j.row)
		}
	}
	end := j.row >= in.N
	out, err := j.joinPairs(in, end)
	if end {
		j.in = nil
	}
	return out, err
}

// semiByKey answers a semi or anti join that the keys alone decide.
func (j *hashJoinOp) semiByKey() *types.Batch {
	in := j.in
	j.in = nil
	sel := j.pairs.left[:0]
	for i := range in.N {
		hit := j.ids[i] >= 0 && j.jb.head[j.ids[i]] >= 0
		keep := hit
		switch j.n.Type {
		case planner.Anti:
			keep = !hit
		case planner.NullAnti:
			keep = j.jb.empty || !hit && !j.jb.hasNull && !anyNull(j.vecs, i)
		}
		if keep {
			sel = append(sel, int32(i))
		}
	}
	j.pairs.left = sel
	return j.pairs.gather(in, nil)
}

// joinPairs gathers the candidate pairs, applies the residual condition and adds left rows without a match.
func (j *hashJoinOp) joinPairs(in *types.Batch, end bool) (*types.Batch, error) {
	p := &j.pairs
	if err := p.filter(j.r, j.n.Cond, in, j.jb.rows); err != nil {
		return nil, err
	}
	switch j.n.Type {
	case planner.Semi, planner.Anti, planner.NullAnti:
		for _, l := range p.left {
			j.matched[l] = true
		}
		p.reset()
		if end {
			for i, m := range j.matched {
				if m == (j.n.Type == planner.Semi) {
					p.left = append(p.left, int32(i))
				}
			}
		}
		return p.gather(in, nil), nil
	case planner.LeftOuter, planner.FullOuter:
		for k, l := range p.left {
			j.matched[l] = true
			if j.n.Type == planner.FullOuter {
				j.jb.matched.Set(int(p.right[k]))
			}
		}
		if end {
			for i, m := range j.matched {
				if !m {
					p.add(int32(i), -1)
				}
			}
		}
	}
	return p.gather(in, j.jb.rows), nil
}

// unmatchedRight puts out, for FULL, the build rows that found no partner.
func (j *hashJoinOp) unmatchedRight() (*types.Batch, error) {
	if j.n.Type != planner.FullOuter {
		return nil, nil
	}
	if j.tail < 0 {
		j.tail = 0
	}
	p := &j.pairs
	p.reset()
	for ; j.tail < j.jb.rows.N && p.len() < types.BatchSize; j.tail++ {
		if !j.jb.matched.Has(j.tail) {
			p.add(-1, int32(j.tail))
		}
	}
	if p.len() == 0 {
		return nil, nil
	}
	return p.gather(types.NewBatch(j.n.Left.Base().Types, 0), j.jb.rows), nil
}

func (j *hashJoinOp) close() {
	if j.sub != nil {
		j.sub.close()
		j.sub = nil
	}
	j.aside.close()
	if j.shared == nil {
		j.jb.close()
	}
	j.left.close()
	if j.right != nil {
		j.right.close()
	}
}

// pairBuffer holds pairs of row numbers of two batches and gathers them; -1 stands for a row of NULLs.
type pairBuffer struct {
	left, right []int32
	out         *types.Batch
	sel         []int32
}

func (p *pairBuffer) reset()         { p.left, p.right = p.left[:0], p.right[:0] }
func (p *pairBuffer) len() int       { return len(p.left) }
func (p *pairBuffer) add(l, r int32) { p.left, p.right = append(p.left, l), append(p.right, r) }

// filter keeps the pairs for which cond, over left ++ right, is true.
func (p *pairBuffer) filter(r *run, cond *planner.Scalar, left, right *types.Batch) error {
	if cond == nil || len(p.left) == 0 {
		return nil
	}
	b := p.gather(left, right)
	var err error
	if p.sel, err = cond.Filter(r.eval, b, nil, p.sel[:0]); err != nil {
		return err
	}
	for k, i := range p.sel {
		p.left[k], p.right[k] = p.left[i], p.right[i]
	}
	p.left, p.right = p.left[:len(p.sel)], p.right[:len(p.sel)]
	return nil
}

// gather makes the joined rows; right nil: left rows only.
func (p *pairBuffer) gather(left, right *types.Batch) *types.Batch {
	n := len(left.Cols)
	if right != nil {
		n += len(right.Cols)
	}
	if p.out == nil || len(p.out.Cols) != n {
		p.out = &types.Batch{Cols: make([]types.Vec, n)}
	}
	for c := range left.Cols {
		gatherVec(&p.out.Cols[c], &left.Cols[c], p.left)
	}
	if right != nil {
		for c := range right.Cols {
			gatherVec(&p.out.Cols[len(left.Cols)+c], &right.Cols[c], p.right)
		}
	}
	p.out.N = len(p.left)
	return p.out
}

// gatherVec is Vec.Gather in which -1 gives NULL.
func gatherVec(dst, src *types.Vec, sel []int32) {
	dst.Type = src.Type
	dst.Reset()
	neg := false
	for _, i := range sel {
		if i < 0 {
			neg = true
			break
		}
	}
	if !neg {
		dst.Gather(src, sel)
		return
	}
	for _, i := range sel {
		if i < 0 {
			dst.AppendNull()
		} else {
			dst.Append(src.Get(int(i)))
		}
	}
}

// groupsFor splits the data groups among workers.
func groupsFor(all []topo.GroupID, worker, workers int) []topo.GroupID {
	var out []topo.GroupID
	for i, g := range all {
		if i%workers == worker {
			out = append(out, g)
		}
	}
	return out
}
