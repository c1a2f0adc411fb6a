package exec

import (
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// mergeJoinOp joins two sides that come sorted by the join's keys. It goes through the left rows in their order. The right
// rows of one key, a group, are mostly in the batch at hand and are not copied; those of a group that reaches the batch's end
// are, and go to a temporary file where they are many. Pairs are gathered for many left rows at a time.
//
// Left rows before l.at are dealt with; those before done have been put out, also as rows without a partner.
type mergeJoinOp struct {
	r    *run
	n    *planner.MergeJoin
	l, s mergeSide // left and right
	cmps []func(a *types.Vec, i int32, b *types.Vec, j int32) int

	matched []bool // per left row of the batch
	done    int
	pairs   pairBuffer   // pairs of left rows from done on
	ref     *types.Batch // the right rows that pairs refer to
	group   group
	wide    *wideGroup
	end     bool // no left row is to come

	// Of FULL: which rows of the right batch are dealt with, and rows that have no partner.
	seen    types.Bitmap
	orphans *types.Batch
}

// mergeSide is one input with its keys.
type mergeSide struct {
	in    operator
	keys  []*planner.Scalar
	b     *types.Batch
	vecs  []*types.Vec
	tmp   []types.Vec
	at    int
	ended bool
}

// group is the right rows of one key: rows [from, to) of b, and where they are many those of stream before.
type group struct {
	is       bool
	b        *types.Batch
	keys     []*types.Vec // row from has the key
	from, to int
	copied   bool // b is the group's own
	stream   *rowStream
	file     *spillFile
	matched  types.Bitmap // of copied rows, for FULL
}

// wideGroup is the join of left rows [l.at, to), which have one key, with a large group, block by block.
type wideGroup struct {
	to    int
	block int          // the next one
	b     *types.Batch // the rows at hand; nil: none yet
	first int          // the number of its first row in the group
	left  int
	right int
}

func (r *run) buildMergeJoin(n *planner.MergeJoin) (operator, error) {
	left, err := r.build(n.Left)
	if err != nil {
		return nil, err
	}
	right, err := r.build(n.Right)
	if err != nil {
		return nil, err
	}
	j := &mergeJoinOp{r: r, n: n, l: mergeSide{in: left, keys: n.LeftKeys}, s: mergeSide{in: right, keys: n.RightKeys}}
	for _, k := range n.Keys {
		j.cmps = append(j.cmps, compareAcross(k))
	}
	if n.Type == planner.FullOuter {
		j.orphans = types.NewBatch(n.Right.Base().Types, 0)
	}
	return j, nil
}

// fill takes the next batch that has rows; false at the end.
func (s *mergeSide) fill(r *run) (bool, error) {
	for !s.ended {
		if err := r.cancelled(); err != nil {
			return false, err
		}
		b, err := s.in.next(0)
		if err != nil {
			return false, err
		}
		s.b, s.at = b, 0
		if b == nil {
			s.ended = true
		} else if b.N > 0 {
			s.vecs, err = r.evalVecs(s.keys, b, &s.tmp, s.vecs)
			return true, err
		}
	}
	return false, nil
}

// compare orders row i of some keys and row k of others.
func (j *mergeJoinOp) compare(a []*types.Vec, i int, b []*types.Vec, k int) int {
	for n, cmp := range j.cmps {
		if c := cmp(a[n], int32(i), b[n], int32(k)); c != 0 {
			return c
		}
	}
	return 0
}

// runEnd is the end of the rows that have the key of row i.
func (j *mergeJoinOp) runEnd(s *mergeSide, i int) int {
	to := i + 1
	for to < s.b.N && j.compare(s.vecs, to, s.vecs, i) == 0 {
		to++
	}
	return to
}

func (j *mergeJoinOp) next(int) (*types.Batch, error) {
	for {
		b, err := j.step()
		if err != nil || b == nil || b.N > 0 {
			return b, err
		}
	}
}

// noRows is what a step returns that is to be followed by another.
var noRows = &types.Batch{}

// step goes on to where rows may be put out; nil at the end.
func (j *mergeJoinOp) step() (*types.Batch, error) {
	switch {
	case j.orphans != nil && j.orphans.N >= types.BatchSize && j.pairs.len() == 0 || j.end:
		return j.unmatchedRight()
	case j.wide != nil:
		return j.stepWide()
	}
	if j.l.b == nil || j.l.at == j.l.b.N {
		if j.l.b != nil && j.done < j.l.b.N {
			return j.flush()
		}
		more, err := j.l.fill(j.r)
		if !more || err != nil {
			j.end = true
			return noRows, err
		}
		j.done = 0
		j.matched = append(j.matched[:0], make([]bool, j.l.b.N)...)
	}
	for j.l.at < j.l.b.N {
		if anyNull(j.l.vecs, j.l.at) {
			j.l.at++
			continue
		}
		if must, err := j.seek(); must || err != nil {
			if err != nil {
				return nil, err
			}
			return j.flush()
		}
		if !j.group.is {
			if j.s.ended && (j.n.Type == planner.Inner || j.n.Type == planner.Semi) {
				j.end = true // nothing else can match
				return j.flush()
			}
			j.l.at++
			continue
		}
		if full, err := j.pair(); full || err != nil {
			if err != nil {
				return nil, err
			}
			return j.flush()
		}
	}
	return noRows, nil
}

// pair adds the pairs of the left rows that have the group's key; full says that what was gathered is to be put out first.
func (j *mergeJoinOp) pair() (full bool, err error) {
	g := &j.group
	if j.n.Cond == nil && (j.n.Type == planner.Semi || j.n.Type == planner.Anti) {
		j.matched[j.l.at] = true
		j.l.at++
		return false, nil
	}
	if g.stream != nil || g.to-g.from > types.BatchSize {
		if j.done < j.l.at {
			return true, nil
		}
		j.wide = &wideGroup{to: j.runEnd(&j.l, j.l.at)}
		return true, nil
	}
	if j.ref != g.b {
		if j.pairs.len() > 0 {
			return true, nil
		}
		j.ref = g.b
	}
	if j.pairs.len() >= 2*types.BatchSize {
		return true, nil
	}
	for k := g.from; k < g.to; k++ {
		j.pairs.add(int32(j.l.at), int32(k))
	}
	j.l.at++
	return false, nil
}

// seek finds the group of left row l.at: group.is says whether there is one. must says that what was gathered has to be put out
// before, since it refers to rows that are to be left behind.
func (j *mergeJoinOp) seek() (must bool, err error) {
	g, s := &j.group, &j.s
	if g.b != nil {
		c := j.compare(j.l.vecs, j.l.at, g.keys, g.from)
		if g.is = c == 0; c <= 0 {
			return false, nil
		}
		if j.pairs.len() > 0 && g.copied {
			return true, nil
		}
		if err := j.leaveGroup(); err != nil {
			return false, err
		}
	}
	for {
		if s.b == nil || s.at == s.b.N {
			if j.pairs.len() > 0 {
				return true, nil
			}
			j.leaveBatch()
			if more, err := s.fill(j.r); !more || err != nil {
				return false, err
			}
		}
		if !anyNull(s.vecs, s.at) {
			switch c := j.compare(j.l.vecs, j.l.at, s.vecs, s.at); {
			case c < 0:
				return false, nil
			case c == 0:
				return j.newGroup()
			}
		}
		s.at++
	}
}

// newGroup makes the group that begins at the right side's row.
func (j *mergeJoinOp) newGroup() (must bool, err error) {
	s := &j.s
	if to := j.runEnd(s, s.at); to < s.b.N {
		j.group = group{is: true, b: s.b, keys: s.vecs, from: s.at, to: to}
		s.at = to
		return false, nil
	}
	if j.pairs.len() > 0 {
		return true, nil
	}
	j.group = group{is: true, copied: true, b: types.NewBatch(j.n.Right.Base().Types, 0)}
	g := &j.group
	for _, v := range s.vecs {
		one := types.NewVec(v.Type, 1)
		one.Gather(v, []int32{int32(s.at)})
		g.keys = append(g.keys, &one)
	}
	bytes := int64(0)
	for {
		to := s.at
		for to < s.b.N && j.compare(s.vecs, to, g.keys, 0) == 0 {
			if j.orphans != nil {
				j.seen.Set(to) // the copy tells of it
			}
			to++
		}
		part := sliceBatch(s.b, s.at, to)
		bytes += batchBytes(part)
		if err := j.keep(part, bytes); err != nil {
			return false, err
		}
		if s.at = to; to < s.b.N {
			break
		}
		j.leaveBatch()
		if more, err := s.fill(j.r); err != nil {
			return false, err
		} else if !more {
			break
		}
	}
	g.to = g.b.N
	if g.stream != nil {
		return false, g.stream.finish()
	}
	return false, nil
}

// keep adds rows to a group that is copied: to the file, once the group exceeds its memory.
func (j *mergeJoinOp) keep(part *types.Batch, bytes int64) error {
	g := &j.group
	if g.stream != nil {
		return g.stream.add(part, nil, nil)
	}
	appendBatch(g.b, part)
	spill, err := j.r.spills(bytes, j.r.workMem())
	if !spill || err != nil {
		return err
	}
	f, streams, err := j.r.streams(1)
	if err != nil {
		return err
	}
	g.file, g.stream = f, streams[0]
	err = g.stream.add(g.b, nil, nil)
	g.b = types.NewBatch(j.n.Right.Base().Types, 0)
	return err
}

// leaveGroup is done with a group.
func (j *mergeJoinOp) leaveGroup() error {
	g := &j.group
	if g.copied && j.orphans != nil {
		first := 0
		for i := 0; g.stream != nil && i < len(g.stream.blocks); i++ {
			b, err := g.stream.block(i)
			if err != nil {
				return err
			}
			j.abandon(b, g.matched, first)
			first += b.N
		}
		j.abandon(g.b, g.matched, first)
	}
	g.file.remove()
	j.group = group{}
	return nil
}

// leaveBatch is done with the right batch.
func (j *mergeJoinOp) leaveBatch() {
	if j.orphans != nil && j.s.b != nil {
		j.abandon(j.s.b, j.seen, 0)
		clear(j.seen)
	}
}

// abandon keeps the rows of b that had no partner; b's first row has a number among matched.
func (j *mergeJoinOp) abandon(b *types.Batch, matched types.Bitmap, first int) {
	var sel []int32
	for i := range b.N {
		if !matched.Has(first + i) {
			sel = append(sel, int32(i))
		}
	}
	if len(sel) > 0 {
		appendBatch(j.orphans, gatherBatch(&types.Batch{}, b, sel))
	}
}

// unmatchedRight puts out, for FULL, right rows without a partner; at the end all that are left.
func (j *mergeJoinOp) unmatchedRight() (*types.Batch, error) {
	if j.orphans == nil {
		return nil, nil
	}
	if j.orphans.N == 0 {
		if err := j.leaveGroup(); err != nil {
			return nil, err
		}
		j.leaveBatch()
		j.s.b = nil
		more, err := j.s.fill(j.r)
		if err != nil {
			return nil, err
		}
		if !more && j.orphans.N == 0 {
			return nil, nil
		}
		return noRows, nil
	}
	p := &j.pairs
	p.reset()
	for i := range j.orphans.N {
		p.add(-1, int32(i))
	}
	out := p.gather(types.NewBatch(j.n.Left.Base().Types, 0), j.orphans)
	p.reset()
	j.orphans = types.NewBatch(j.n.Right.Base().Types, 0)
	return out, nil
}

// match judges the pairs and notes which rows have a partner. first is the number of ref's first row in a group that is copied.
func (j *mergeJoinOp) match(ref *types.Batch, first int) error {
	p := &j.pairs
	if err := p.filter(j.r, j.n.Cond, j.l.b, ref); err != nil {
		return err
	}
	if j.n.Type == planner.Inner {
		return nil
	}
	for k, l := range p.left {
		j.matched[l] = true
		if j.orphans == nil {
			continue
		}
		if j.group.copied && (ref == j.group.b || j.wide != nil) {
			j.group.matched.Set(first + int(p.right[k]))
		} else {
			j.seen.Set(int(p.right[k]))
		}
	}
	return nil
}

// flush puts out the pairs, and the left rows from done to l.at that the join puts out for having a partner or none.
func (j *mergeJoinOp) flush() (*types.Batch, error) {
	p, ref := &j.pairs, j.ref
	if ref == nil {
		ref = types.NewBatch(j.n.Right.Base().Types, 0)
	}
	if err := j.match(ref, 0); err != nil {
		return nil, err
	}
	from := j.done
	j.done, j.ref = j.l.at, nil
	switch j.n.Type {
	case planner.Semi, planner.Anti:
		p.reset()
		for i := from; i < j.l.at; i++ {
			if j.matched[i] == (j.n.Type == planner.Semi) {
				p.left = append(p.left, int32(i))
			}
		}
		ref = nil
	case planner.LeftOuter, planner.FullOuter:
		at, left, right := 0, p.left, p.right
		p.left, p.right = nil, nil
		for i := from; i < j.l.at; i++ {
			for ; at < len(left) && int(left[at]) == i; at++ {
				p.add(left[at], right[at])
			}
			if !j.matched[i] {
				p.add(int32(i), -1)
			}
		}
	}
	out := p.gather(j.l.b, ref)
	p.reset()
	return out, nil
}

// stepWide joins some more rows with a large group.
func (j *mergeJoinOp) stepWide() (*types.Batch, error) {
	w, g, p := j.wide, &j.group, &j.pairs
	if w.b == nil {
		if err := j.r.cancelled(); err != nil {
			return nil, err
		}
		blocks := 0
		if g.stream != nil {
			blocks = len(g.stream.blocks)
		}
		switch {
		case w.block < blocks:
			var err error
			if w.b, err = g.stream.block(w.block); err != nil {
				return nil, err
			}
		case w.block == blocks:
			w.b, w.right = g.b, g.from
		default:
			j.l.at, j.wide = w.to, nil
			return j.flush()
		}
		w.block++
		w.left = j.l.at
	}
	end := w.b.N
	if w.b == g.b {
		end = g.to
	}
	start := 0
	if w.b == g.b {
		start = g.from
	}
	for w.left < w.to && p.len() < 2*types.BatchSize {
		for w.right < end && p.len() < 2*types.BatchSize {
			p.add(int32(w.left), int32(w.right))
			w.right++
		}
		if w.right == end {
			w.left, w.right = w.left+1, start
		}
	}
	b, first := w.b, w.first
	if w.left == w.to {
		w.first, w.b, w.right = w.first+w.b.N, nil, 0
	}
	if err := j.match(b, first); err != nil {
		return nil, err
	}
	out := noRows
	if j.n.Type != planner.Semi && j.n.Type != planner.Anti {
		out = p.gather(j.l.b, b)
	}
	p.reset()
	return out, nil
}

func (j *mergeJoinOp) close() {
	j.group.file.remove()
	j.group = group{}
	j.l.in.close()
	j.s.in.close()
}
