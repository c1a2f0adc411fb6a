package exec

import (
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// lookupJoinOp reads, for each outer batch, the inner rows whose key equals values of the outer rows, in one batched read.
type lookupJoinOp struct {
	r     *run
	n     *planner.LookupJoin
	outer operator
	keys  *accessKeys
	dec   decoder
	tmp   []types.Vec
	vecs  []*types.Vec
	pairs pairBuffer
	out   types.Batch
	// queue holds what is still to be put out of the current outer batch.
	in      *types.Batch
	inner   *types.Batch
	tags    []int32 // outer row of each inner row
	at      int
	matched []bool
	chunk   int  // outer rows whose partners are fetched at a time
	to      int  // outer rows of the batch before this one have been looked up
	done    int  // those before this one are joined
	ahead   bool // the next ones are to be looked up
}

func newLookupJoin(r *run, n *planner.LookupJoin, outer operator) *lookupJoinOp {
	ti := infoOf(n.Inner.Table)
	j := &lookupJoinOp{r: r, n: n, outer: outer, keys: newAccessKeys(ti, n.Inner)}
	j.dec.init(r, n.Inner, ti)
	return j
}

func (j *lookupJoinOp) next(max int) (*types.Batch, error) {
	for {
		if j.in == nil {
			if err := j.r.cancelled(); err != nil {
				return nil, err
			}
			b, err := j.outer.next(max)
			if b == nil || err != nil {
				return nil, err
			}
			if err := j.start(b); err != nil {
				return nil, err
			}
		}
		if j.ahead {
			j.ahead = false
			if err := j.look(); err != nil {
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

// lookRows is about how many inner rows are fetched at a time.
const lookRows = 8 * types.BatchSize

// start takes an outer batch.
func (j *lookupJoinOp) start(b *types.Batch) error {
	a := &j.n.Inner.Access
	exprs := a.Eq
	for _, x := range []*planner.Bound{a.Lo, a.Hi} {
		if x != nil {
			exprs = append(exprs[:len(exprs):len(exprs)], x.Value)
		}
	}
	var err error
	if j.vecs, err = j.r.evalVecs(exprs, b, &j.tmp, j.vecs); err != nil {
		return err
	}
	j.in, j.to, j.done = b, 0, 0
	j.matched = append(j.matched[:0], make([]bool, b.N)...)
	return j.look()
}

// look fetches the inner rows of the next outer ones: fewer of these, the more partners those before had.
func (j *lookupJoinOp) look() error {
	opts, err := j.r.readOptions()
	if err != nil {
		return err
	}
	from := j.to
	if j.chunk == 0 {
		j.chunk = types.BatchSize
	}
	j.to = min(j.in.N, from+j.chunk)
	a := &j.n.Inner.Access
	ranges := make([]keyRange, 0, j.to-from)
	rowOf := make([]int32, 0, j.to-from)
	vals := make([]types.Datum, len(j.vecs))
	for i := from; i < j.to; i++ {
		if anyNull(j.vecs, i) {
			continue
		}
		for k, v := range j.vecs {
			vals[k] = v.Get(i)
		}
		if a.Lo == nil && a.Hi == nil {
			ranges = append(ranges, j.keys.equal(vals, j.r.c.SlotMap))
		} else if r, ok := j.keys.between(vals, j.r.c.SlotMap); ok {
			ranges = append(ranges, r)
		} else {
			continue
		}
		rowOf = append(rowOf, int32(i))
	}
	var f found
	if err := j.r.fetch(j.keys, opts, ranges, &f); err != nil {
		return err
	}
	switch n := len(f.values); {
	case n > lookRows:
		j.chunk = max(1, j.chunk*lookRows/n)
	case n < lookRows/4:
		j.chunk = min(2*j.chunk, types.BatchSize)
	}
	if j.inner, err = j.dec.found(&f); err != nil {
		return err
	}
	j.tags = j.tags[:0]
	for _, t := range j.dec.tags {
		j.tags = append(j.tags, rowOf[t])
	}
	j.at = 0
	return nil
}

// step joins the next inner rows. Output is in the order of the outer rows.
func (j *lookupJoinOp) step() (*types.Batch, error) {
	p := &j.pairs
	p.reset()
	for ; j.at < len(j.tags) && p.len() < 2*types.BatchSize; j.at++ {
		p.add(j.tags[j.at], int32(j.at))
	}
	if err := p.filter(j.r, j.n.Cond, j.in, j.inner); err != nil {
		return nil, err
	}
	for _, l := range p.left {
		j.matched[l] = true
	}
	in, inner := j.in, j.inner
	// complete is the outer row up to which all partners were seen.
	complete, end := j.to, j.at >= len(j.tags)
	if !end {
		complete = int(j.tags[j.at])
	}
	semi := j.n.Type == planner.Semi || j.n.Type == planner.Anti
	switch {
	case semi:
		p.reset()
		for i := j.done; i < complete; i++ {
			if j.matched[i] == (j.n.Type == planner.Semi) {
				p.left = append(p.left, int32(i))
			}
		}
	case j.n.Type == planner.LeftOuter:
		j.addUnmatched(complete)
	}
	j.done = complete
	var out *types.Batch
	if semi {
		out = p.gather(in, nil)
	} else {
		out = j.permute(p.gather(in, inner))
	}
	if !end {
		return out, nil
	}
	if j.to == in.N {
		j.in = nil
		return out, nil
	}
	j.ahead = true
	return out, nil
}

// addUnmatched puts the outer rows without a partner, up to a row, between the pairs.
func (j *lookupJoinOp) addUnmatched(complete int) {
	p := &j.pairs
	var left, right []int32
	k := 0
	for i := j.done; i < complete; i++ {
		for ; k < len(p.left) && int(p.left[k]) == i; k++ {
			left, right = append(left, p.left[k]), append(right, p.right[k])
		}
		if !j.matched[i] {
			left, right = append(left, int32(i)), append(right, -1)
		}
	}
	p.left, p.right = append(left, p.left[k:]...), append(right, p.right[k:]...)
}

// permute puts the columns in the order that the plan wants.
func (j *lookupJoinOp) permute(b *types.Batch) *types.Batch {
	if j.n.Out == nil {
		return b
	}
	if len(j.out.Cols) != len(j.n.Out) {
		j.out.Cols = make([]types.Vec, len(j.n.Out))
	}
	for i, c := range j.n.Out {
		j.out.Cols[i] = b.Cols[c]
	}
	j.out.N = b.N
	return &j.out
}

func (j *lookupJoinOp) close() { j.outer.close() }

// adaptiveJoin decides between looking the inner table up and scanning it once it knows how many outer rows there are:
// it buffers them up to the plan's limit.
type adaptiveJoin struct {
	r      *run
	n      *planner.HashJoin
	hash   *hashJoinOp
	chosen operator
}

func newAdaptiveJoin(r *run, n *planner.HashJoin, h *hashJoinOp) *adaptiveJoin {
	return &adaptiveJoin{r: r, n: n, hash: h}
}

func (a *adaptiveJoin) next(max int) (*types.Batch, error) {
	if a.chosen == nil {
		if err := a.choose(); err != nil {
			return nil, err
		}
	}
	return a.chosen.next(max)
}

func (a *adaptiveJoin) choose() error {
	// The outer side is the build side of an inner join, the left side of the others.
	outer := &a.hash.left
	if a.n.Type == planner.Inner {
		outer = &a.hash.right
	}
	buf := &replayOp{rest: *outer}
	rows := 0
	for rows <= a.n.LookupRows {
		b, err := buf.rest.next(0)
		if err != nil {
			return err
		}
		if b == nil {
			buf.ended = true
			break
		}
		rows += b.N
		buf.kept = append(buf.kept, copyBatch(b))
	}
	if rows <= a.n.LookupRows {
		a.chosen = newLookupJoin(a.r, a.n.Lookup, buf)
		return nil
	}
	*outer = buf
	a.chosen = a.hash
	return nil
}

func (a *adaptiveJoin) close() { a.hash.close() }

// replayOp puts out kept batches, then the rest of an operator.
type replayOp struct {
	kept  []*types.Batch
	rest  operator
	ended bool
}

func (o *replayOp) next(max int) (*types.Batch, error) {
	if len(o.kept) > 0 {
		b := o.kept[0]
		o.kept = o.kept[1:]
		return b, nil
	}
	if o.ended {
		return nil, nil
	}
	return o.rest.next(max)
}

func (o *replayOp) close() { o.rest.close() }
