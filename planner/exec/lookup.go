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
}

func newLookupJoin(r *run, n *planner.LookupJoin, outer operator) *lookupJoinOp {
	ti := infoOf(n.Inner.Table)
	j := &lookupJoinOp{r: r, n: n, outer: outer, keys: newAccessKeys(ti, &n.Inner.Access)}
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
			if err := j.look(b); err != nil {
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

// look fetches the inner rows of an outer batch.
func (j *lookupJoinOp) look(b *types.Batch) error {
	var err error
	if j.vecs, err = j.r.evalVecs(j.n.Inner.Access.Eq, b, &j.tmp, j.vecs); err != nil {
		return err
	}
	opts, err := j.r.readOptions()
	if err != nil {
		return err
	}
	ranges := make([]keyRange, 0, b.N)
	rowOf := make([]int32, 0, b.N)
	vals := make([]types.Datum, len(j.vecs))
	for i := range b.N {
		if anyNull(j.vecs, i) {
			continue
		}
		for k, v := range j.vecs {
			vals[k] = v.Get(i)
		}
		ranges = append(ranges, j.keys.equal(vals, j.r.c.SlotMap))
		rowOf = append(rowOf, int32(i))
	}
	var f found
	if err := j.r.fetch(j.keys, opts, ranges, &f); err != nil {
		return err
	}
	if j.inner, err = j.dec.found(&f); err != nil {
		return err
	}
	j.tags = j.tags[:0]
	for _, t := range j.dec.tags {
		j.tags = append(j.tags, rowOf[t])
	}
	j.in, j.at = b, 0
	j.matched = append(j.matched[:0], make([]bool, b.N)...)
	return nil
}

// step joins the next inner rows.
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
	in, end := j.in, j.at >= len(j.tags)
	if end {
		j.in = nil
	}
	switch j.n.Type {
	case planner.Semi, planner.Anti:
		p.reset()
		if end {
			for i, m := range j.matched {
				if m == (j.n.Type == planner.Semi) {
					p.left = append(p.left, int32(i))
				}
			}
		}
		return p.gather(in, nil), nil
	case planner.LeftOuter:
		if end {
			for i, m := range j.matched {
				if !m {
					p.add(int32(i), -1)
				}
			}
		}
	}
	return j.permute(p.gather(in, j.inner)), nil
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
