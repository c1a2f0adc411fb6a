package exec

import (
	"sync"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// joinBuild is the right side of a hash join, read once and then shared by all workers that probe it.
type joinBuild struct {
	rows    *types.Batch
	table   *keyTable
	head    []int32      // per key: the last row with it, or -1
	chain   []int32      // per row: the row before it with the same key, or -1
	hasNull bool         // some row has a NULL key (NOT IN)
	matched types.Bitmap // FULL: rows that were joined
}

// buildSide reads a hash join's right side to its end.
func (r *run) buildSide(n *planner.HashJoin, right operator) (*joinBuild, error) {
	jb := &joinBuild{rows: types.NewBatch(n.Right.Base().Types, 0), table: newKeyTable(n.KeyTypes)}
	var tmp []types.Vec
	var vecs []*types.Vec
	var ids []int32
	var used int64
	for {
		if err := r.cancelled(); err != nil {
			return nil, err
		}
		b, err := right.next(0)
		if err != nil {
			return nil, err
		}
		if b == nil {
			return jb, nil
		}
		if vecs, err = r.evalVecs(n.RightKeys, b, &tmp, vecs); err != nil {
			return nil, err
		}
		ids = jb.table.insert(vecs, b.N, ids)
		base := int32(jb.rows.N)
		for i, id := range ids {
			for int(id) >= len(jb.head) {
				jb.head = append(jb.head, -1)
			}
			if anyNull(vecs, i) {
				jb.hasNull = true
				jb.chain = append(jb.chain, -1)
				continue
			}
			jb.chain = append(jb.chain, jb.head[id])
			jb.head[id] = base + int32(i)
		}
		appendBatch(jb.rows, b)
		if used += batchBytes(b); used+jb.table.bytes > r.workMem() {
			return nil, errMemory()
		}
	}
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
	if j.shared != nil {
		j.shared.once.Do(func() { j.shared.jb, j.shared.err = j.r.buildSide(j.n, j.shared.right) })
		j.jb = j.shared.jb
		return j.shared.err
	}
	var err error
	j.jb, err = j.r.buildSide(j.n, j.right)
	return err
}

func (j *hashJoinOp) next(max int) (*types.Batch, error) {
	if err := j.open(); err != nil {
		return nil, err
	}
	if j.jb.rows.N == 0 && (j.n.Type == planner.Inner || j.n.Type == planner.Semi) {
		return nil, nil
	}
	for {
		if j.in == nil {
			b, err := j.left.next(max)
			if err != nil {
				return nil, err
			}
			if b == nil {
				return j.unmatchedRight()
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
			keep = j.jb.rows.N == 0 || !hit && !j.jb.hasNull && !anyNull(j.vecs, i)
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
