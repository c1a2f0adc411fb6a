package exec

import (
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// compareRows returns a comparison of two rows of key columns. Columns stand in the order of keys.
func compareRows(cols []*types.Vec, keys []planner.SortKey) func(a, b int32) int {
	cmps := make([]func(a, b int32) int, len(keys))
	for i, k := range keys {
		cmps[i] = compareColumn(cols[i], k)
	}
	if len(cmps) == 1 {
		return cmps[0]
	}
	return func(a, b int32) int {
		for _, c := range cmps {
			if r := c(a, b); r != 0 {
				return r
			}
		}
		return 0
	}
}

// compareColumn compares values of one column as a sort key wants it.
func compareColumn(v *types.Vec, k planner.SortKey) func(a, b int32) int {
	sign := 1
	if k.Desc {
		sign = -1
	}
	oid := k.Type.Oid
	var cmp func(a, b int32) int
	switch {
	case oid.Kind() == types.KInt && oid != types.PgLsnOid && oid != types.Xid8Oid:
		cmp = func(a, b int32) int {
			switch x, y := v.I[a], v.I[b]; {
			case x < y:
				return -sign
			case x > y:
				return sign
			}
			return 0
		}
	case oid == types.TextOid || oid == types.VarcharOid:
		cmp = func(a, b int32) int { return sign * strings.Compare(v.S[a], v.S[b]) }
	default:
		cmp = func(a, b int32) int { return sign * types.Compare(oid, v.Get(int(a)), v.Get(int(b))) }
	}
	if len(v.Nulls) == 0 {
		return cmp
	}
	null := 1
	if k.NullsFirst {
		null = -1
	}
	return func(a, b int32) int {
		x, y := v.IsNull(int(a)), v.IsNull(int(b))
		switch {
		case x && y:
			return 0
		case x:
			return null
		case y:
			return -null
		}
		return cmp(a, b)
	}
}

// sortedOrder returns the row numbers of b in the order of keys, which are columns of b. Equal rows keep their order.
func sortedOrder(b *types.Batch, keys []planner.SortKey) []int32 {
	cols := make([]*types.Vec, len(keys))
	for i, k := range keys {
		cols[i] = &b.Cols[k.Col]
	}
	return orderBy(b.N, compareRows(cols, keys))
}

func orderBy(n int, cmp func(a, b int32) int) []int32 {
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		if c := cmp(a, b); c != 0 {
			return c
		}
		return int(a - b)
	})
	return order
}

// sortOp sorts its input. With a limit it keeps about twice the rows that are wanted and cuts down now and then.
type sortOp struct {
	r    *run
	n    *planner.Sort
	in   operator
	rows *types.Batch
	keys *types.Batch // values of key expressions
	out  types.Batch
	ord  []int32
	at   int
	done bool
}

func (s *sortOp) next(max int) (*types.Batch, error) {
	if !s.done {
		s.done = true
		if err := s.read(); err != nil {
			return nil, err
		}
	}
	if s.at >= len(s.ord) {
		return nil, nil
	}
	n := min(types.BatchSize, len(s.ord)-s.at)
	if max > 0 {
		n = min(n, max)
	}
	b := gatherBatch(&s.out, s.rows, s.ord[s.at:s.at+n])
	s.at += n
	return b, nil
}

// gatherBatch makes out the rows sel of src.
func gatherBatch(out, src *types.Batch, sel []int32) *types.Batch {
	if len(out.Cols) != len(src.Cols) {
		out.Cols = make([]types.Vec, len(src.Cols))
	}
	for c := range src.Cols {
		out.Cols[c].Type = src.Cols[c].Type
		out.Cols[c].Reset()
		out.Cols[c].Gather(&src.Cols[c], sel)
	}
	out.N = len(sel)
	return out
}

func (s *sortOp) read() error {
	keep := -1
	if s.n.Limit != nil {
		limit, offset, err := limitOf(s.r, s.n.Limit, s.n.Off)
		if err != nil {
			return err
		}
		if limit >= 0 && limit+offset < 100000 {
			keep = int(limit + offset)
		}
	}
	s.rows = types.NewBatch(s.n.Input.Base().Types, 0)
	var kts []types.Type
	var exprs []*planner.Scalar
	for _, k := range s.n.Keys {
		if k.Expr != nil {
			kts, exprs = append(kts, k.Type), append(exprs, k.Expr)
		}
	}
	s.keys = types.NewBatch(kts, 0)
	var tmp []types.Vec
	var used int64
	for {
		if err := s.r.cancelled(); err != nil {
			return err
		}
		b, err := s.in.next(0)
		if err != nil {
			return err
		}
		if b == nil {
			break
		}
		vecs, err := s.r.evalVecs(exprs, b, &tmp, nil)
		if err != nil {
			return err
		}
		for i, v := range vecs {
			s.keys.Cols[i].AppendVec(v, 0, b.N)
		}
		s.keys.N += b.N
		appendBatch(s.rows, b)
		used += batchBytes(b)
		if keep >= 0 && s.rows.N > 2*keep+4*types.BatchSize {
			s.cut(keep)
			used = batchBytes(s.rows)
		}
		if used > s.r.workMem() {
			return errMemory()
		}
	}
	s.ord = s.order()
	if keep >= 0 && len(s.ord) > keep {
		s.ord = s.ord[:keep]
	}
	return nil
}

func (s *sortOp) order() []int32 {
	cols := make([]*types.Vec, len(s.n.Keys))
	e := 0
	for i, k := range s.n.Keys {
		if k.Expr != nil {
			cols[i] = &s.keys.Cols[e]
			e++
		} else {
			cols[i] = &s.rows.Cols[k.Col]
		}
	}
	return orderBy(s.rows.N, compareRows(cols, s.n.Keys))
}

// cut keeps the first rows in order.
func (s *sortOp) cut(keep int) {
	ord := s.order()
	if len(ord) > keep {
		ord = ord[:keep]
	}
	rows, keys := &types.Batch{}, &types.Batch{}
	s.rows, s.keys = gatherBatch(rows, s.rows, ord), gatherBatch(keys, s.keys, ord)
}

func (s *sortOp) close() { s.in.close() }

// limitOf evaluates LIMIT and OFFSET; limit is -1 for none.
func limitOf(r *run, limit, offset *planner.Scalar) (l, o int64, err error) {
	l = -1
	if limit != nil {
		d, err := r.evalOne(limit)
		if err != nil {
			return 0, 0, err
		}
		if !d.IsNull() {
			if l = d.Int(); l < 0 {
				return 0, 0, pgerr.New(pgerr.InvalidRowCountInLimitClause, "LIMIT must not be negative")
			}
		}
	}
	if offset != nil {
		d, err := r.evalOne(offset)
		if err != nil {
			return 0, 0, err
		}
		if o = d.Int(); o < 0 {
			return 0, 0, pgerr.New(pgerr.InvalidRowCountInResultOffsetClause, "OFFSET must not be negative")
		}
	}
	return l, o, nil
}

// limitOp is LIMIT and OFFSET. It tells its input how many rows are still wanted.
type limitOp struct {
	r          *run
	n          *planner.Limit
	in         operator
	ready      bool
	left, skip int64
	out        types.Batch
	last       *types.Batch // WITH TIES: the last row put out
	unlimited  bool
}

func (l *limitOp) next(max int) (*types.Batch, error) {
	if !l.ready {
		l.ready = true
		limit, offset, err := limitOf(l.r, l.n.Limit, l.n.Offset)
		if err != nil {
			return nil, err
		}
		l.left, l.skip, l.unlimited = limit, offset, limit < 0
	}
	for {
		if !l.unlimited && l.left <= 0 {
			return l.ties()
		}
		want := 0
		if !l.unlimited {
			want = int(min(l.left+l.skip, 1<<30))
		}
		if max > 0 && (want == 0 || int64(max)+l.skip < int64(want)) {
			want = max + int(l.skip)
		}
		b, err := l.in.next(want)
		if err != nil || b == nil {
			return nil, err
		}
		from := int(min(l.skip, int64(b.N)))
		l.skip -= int64(from)
		to := b.N
		if !l.unlimited {
			to = int(min(int64(to), int64(from)+l.left))
		}
		if l.n.Ties != nil && to > from && !l.unlimited && l.left == int64(to-from) {
			return l.withTies(b, from, to)
		}
		if from == to {
			continue
		}
		l.left -= int64(to - from)
		if from == 0 && to == b.N {
			return b, nil
		}
		return l.slice(b, from, to), nil
	}
}

func (l *limitOp) slice(b *types.Batch, from, to int) *types.Batch {
	sel := make([]int32, 0, to-from)
	for i := from; i < to; i++ {
		sel = append(sel, int32(i))
	}
	return gatherBatch(&l.out, b, sel)
}

// withTies puts out the last rows of the limit and those of the same batch that tie with the last.
func (l *limitOp) withTies(b *types.Batch, from, to int) (*types.Batch, error) {
	l.left = 0
	cols := make([]*types.Vec, len(l.n.Ties))
	for i, k := range l.n.Ties {
		cols[i] = &b.Cols[k.Col]
	}
	cmp := compareRows(cols, l.n.Ties)
	last := int32(to - 1)
	for to < b.N && cmp(last, int32(to)) == 0 {
		to++
	}
	if to == b.N {
		l.last = gatherBatch(&types.Batch{}, b, []int32{last})
	}
	return l.slice(b, from, to), nil
}

// ties goes on after the limit while rows equal the last one.
func (l *limitOp) ties() (*types.Batch, error) {
	if l.last == nil {
		return nil, nil
	}
	b, err := l.in.next(0)
	if err != nil || b == nil {
		l.last = nil
		return nil, err
	}
	both := copyBatch(l.last)
	appendBatch(both, b)
	cols := make([]*types.Vec, len(l.n.Ties))
	for i, k := range l.n.Ties {
		cols[i] = &both.Cols[k.Col]
	}
	cmp := compareRows(cols, l.n.Ties)
	to := 0
	for to < b.N && cmp(0, int32(to+1)) == 0 {
		to++
	}
	if to < b.N {
		l.last = nil
	}
	if to == 0 {
		return nil, nil
	}
	return l.slice(b, 0, to), nil
}

func (l *limitOp) close() { l.in.close() }

// distinctOp drops rows whose columns equal those of an earlier row.
type distinctOp struct {
	r    *run
	n    *planner.Distinct
	in   operator
	seen *keyTable
	ids  []int32
	sel  []int32
	out  types.Batch
}

func (d *distinctOp) next(max int) (*types.Batch, error) {
	if d.seen == nil {
		ts := make([]types.Type, len(d.n.Cols))
		for i, c := range d.n.Cols {
			ts[i] = types.T(d.n.Input.Base().Types[c].Oid)
		}
		d.seen = newKeyTable(ts)
	}
	for {
		if err := d.r.cancelled(); err != nil {
			return nil, err
		}
		b, err := d.in.next(0)
		if err != nil || b == nil {
			return nil, err
		}
		if len(d.n.Cols) == 0 {
			// Rows without columns are all equal.
			if d.seen.keys.N > 0 || b.N == 0 {
				continue
			}
			d.seen.keys.N = 1
			return &types.Batch{Cols: b.Cols, N: 1}, nil
		}
		before := int32(d.seen.len())
		d.ids = d.seen.insert(vecsOf(b, d.n.Cols), b.N, d.ids)
		d.sel = d.sel[:0]
		for i, id := range d.ids {
			if id >= before {
				d.sel = append(d.sel, int32(i))
				before = id + 1
			}
		}
		if d.seen.bytes > d.r.workMem() {
			return nil, errMemory()
		}
		switch len(d.sel) {
		case 0:
			continue
		case b.N:
			return b, nil
		}
		return gatherBatch(&d.out, b, d.sel), nil
	}
}

func (d *distinctOp) close() { d.in.close() }

// setOp is INTERSECT and EXCEPT: the right side is counted, then the left side's rows are judged.
type setOp struct {
	r     *run
	n     *planner.SetOp
	left  operator
	seen  *keyTable
	count []int64 // of right rows per key
	done  []bool  // keys put out already (without ALL)
	ids   []int32
	sel   []int32
	out   types.Batch
}

func (s *setOp) open() error {
	ts := make([]types.Type, len(s.n.Types))
	for i, t := range s.n.Types {
		ts[i] = types.T(t.Oid)
	}
	s.seen = newKeyTable(ts)
	right, err := s.r.build(s.n.Right)
	if err != nil {
		return err
	}
	defer right.close()
	for {
		b, err := right.next(0)
		if err != nil {
			return err
		}
		if b == nil {
			break
		}
		s.ids = s.seen.insert(vecsOf(b, allKeys(len(b.Cols))), b.N, s.ids)
		for _, id := range s.ids {
			for int(id) >= len(s.count) {
				s.count = append(s.count, 0)
			}
			s.count[id]++
		}
		if s.seen.bytes > s.r.workMem() {
			return errMemory()
		}
	}
	s.left, err = s.r.build(s.n.Left)
	return err
}

func (s *setOp) next(max int) (*types.Batch, error) {
	if s.seen == nil {
		if err := s.open(); err != nil {
			return nil, err
		}
	}
	for {
		if err := s.r.cancelled(); err != nil {
			return nil, err
		}
		b, err := s.left.next(0)
		if err != nil || b == nil {
			return nil, err
		}
		s.ids = s.seen.insert(vecsOf(b, allKeys(len(b.Cols))), b.N, s.ids)
		s.sel = s.sel[:0]
		for i, id := range s.ids {
			for int(id) >= len(s.count) {
				s.count = append(s.count, 0)
			}
			for int(id) >= len(s.done) {
				s.done = append(s.done, false)
			}
			if s.keep(id) {
				s.sel = append(s.sel, int32(i))
			}
		}
		if len(s.sel) > 0 {
			return gatherBatch(&s.out, b, s.sel), nil
		}
	}
}

// keep judges one left row with key id.
func (s *setOp) keep(id int32) bool {
	in := s.count[id] > 0
	if s.n.All {
		if in {
			s.count[id]--
		}
		return in == (s.n.Kind == sema.Intersect)
	}
	if s.done[id] || in != (s.n.Kind == sema.Intersect) {
		return false
	}
	s.done[id] = true
	return true
}

func (s *setOp) close() {
	if s.left != nil {
		s.left.close()
	}
}
