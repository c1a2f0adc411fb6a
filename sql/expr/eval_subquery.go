package expr

import (
	"time"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// subResult is the result of an uncorrelated subquery, kept for the statement: a value, or rows for ANY and ALL, with a
// hash set where one column of integers or strings is compared for equality.
type subResult struct {
	value   types.Datum
	rows    [][]types.Datum
	ints    map[int64]struct{}
	strings map[string]struct{}
	hasNull bool
	// hashed are the rows without NULLs by their hash, where equality is not that of one integer or string; the others are
	// withNull, and rows are all.
	hashed   map[uint64][][]types.Datum
	withNull [][]types.Datum
	// groups are the results of an aggregate by its keys, none the one for all other keys.
	groups  map[string]types.Datum
	several map[string]bool // keys with more than one row
	none    types.Datum
	hasNone bool
	// tooLarge: there is not the memory for it.
	tooLarge bool
}

func (c *compiler) subquery(n *Subquery) (evaluator, error) {
	e := &subqueryEval{n: n, slot: c.vecSlot()}
	var err error
	if e.outer, err = c.nodes(n.Outer); err != nil {
		return nil, err
	}
	if e.left, err = c.nodes(n.Left); err != nil {
		return nil, err
	}
	for i, op := range n.Ops {
		right := n.Left[i].ResultType()
		if len(op.Args) == 2 {
			right = types.T(op.Args[1])
		}
		p, err := c.pair(op, n.Left[i].ResultType(), right)
		if err != nil {
			return nil, err
		}
		e.ops = append(e.ops, p)
	}
	if g, ok := n.Grouped.(*Subquery); ok {
		if e.left, err = c.nodes(g.Left); err != nil {
			return nil, err
		}
	}
	if n.Hashed != nil {
		if e.hashed, err = c.node(n.Hashed); err != nil {
			return nil, err
		}
	}
	return e, nil
}

type subqueryEval struct {
	n     *Subquery
	outer []evaluator
	left  []evaluator
	ops   []pairFunc
	slot  int

	hashed evaluator // of the node's Hashed; nil if there is none
}

// hashRowCost is about what a row of a hash set takes to make.
const hashRowCost = time.Microsecond

// timed is value with the time that it takes counted.
func (e *subqueryEval) timed(f *frame, outer []types.Datum) (types.Datum, error) {
	start := time.Now()
	d, err := e.value(f, outer)
	e.spent(f.ctx, time.Since(start))
	return d, err
}

// spent counts time that running the subquery took.
func (e *subqueryEval) spent(ctx *EvalContext, d time.Duration) {
	ctx.mu.Lock()
	defer ctx.mu.Unlock()
	if ctx.subTime == nil {
		ctx.subTime = map[*Subquery]time.Duration{}
	}
	ctx.subTime[e.n] += d
}

func (e *subqueryEval) run(f *frame, outer []types.Datum, yield func([]types.Datum) (bool, error)) error {
	if f.ctx.Subplan == nil {
		return pgerr.Internal("no subplans in this context")
	}
	return f.ctx.Subplan(f.ctx, e.n.Query, outer, yield)
}

// value runs a scalar, EXISTS or ARRAY subquery.
func (e *subqueryEval) value(f *frame, outer []types.Datum) (types.Datum, error) {
	var res types.Datum
	n := 0
	var elems []types.Datum
	err := e.run(f, outer, func(row []types.Datum) (bool, error) {
		n++
		switch e.n.Kind {
		case ExistsSubquery:
			return false, nil
		case ArraySubquery:
			elems = append(elems, row[0])
			return true, nil
		}
		if n > 1 {
			return false, pgerr.New(pgerr.CardinalityViolation, "more than one row returned by a subquery used as an expression")
		}
		res = row[0]
		return true, nil
	})
	if err != nil {
		return types.Null, err
	}
	switch e.n.Kind {
	case ExistsSubquery:
		return types.NewBool(n > 0), nil
	case ArraySubquery:
		elem := types.ElemOf(e.n.Type.Oid)
		if len(elems) > 0 && e.n.Nested {
			return accumulateArrays(elem, elems)
		}
		return types.NewArray1(elem, elems), nil
	}
	return res, nil
}

// cached returns the result of an uncorrelated subquery, running it the first time.
func (e *subqueryEval) cached(f *frame) (*subResult, error) {
	ctx := f.ctx
	ctx.mu.Lock()
	r := ctx.subCache[e.n]
	ctx.mu.Unlock()
	if r != nil {
		return r, nil
	}
	r = &subResult{}
	var err error
	if e.n.Kind == AnySubquery || e.n.Kind == AllSubquery {
		err = e.fetch(f, r)
	} else {
		r.value, err = e.value(f, nil)
	}
	if err != nil {
		return nil, err
	}
	ctx.mu.Lock()
	if ctx.subCache == nil {
		ctx.subCache = map[*Subquery]*subResult{}
	}
	ctx.subCache[e.n] = r
	ctx.mu.Unlock()
	return r, nil
}

// setRowBytes is what a value in a set takes beside itself.
const setRowBytes = 16

func (e *subqueryEval) fetch(f *frame, r *subResult) error {
	if len(e.ops) == 1 && e.n.Kind == AnySubquery {
		if op := e.ops[0].fn; op.Operator != nil && op.Operator.Name == "=" && op.Args[0] == op.Args[1] {
			// The type is the operand's own: that of the operator may be polymorphic. Blank-padded strings and documents that are
			// equal need not have the same bytes.
			t := e.n.Left[0].ResultType().Oid
			switch kind := t.Kind(); {
			case kind == types.KInt:
				r.ints = map[int64]struct{}{}
			case kind == types.KString && types.ByteEqual(t):
				r.strings = map[string]struct{}{}
			}
		}
	}
	if r.ints == nil && r.strings == nil && e.hashable() {
		r.hashed = map[uint64][][]types.Datum{}
	}
	var bytes int64
	return e.run(f, nil, func(row []types.Datum) (bool, error) {
		for _, d := range row {
			bytes += setRowBytes + types.DatumBytes(d)
		}
		if f.ctx.HashMemBytes > 0 && bytes > f.ctx.HashMemBytes {
			// There is not the memory for it: the rows are compared as they come, each time.
			*r = subResult{tooLarge: true}
			return false, nil
		}
		switch {
		case r.ints == nil && r.strings == nil:
			row = append([]types.Datum(nil), row...)
			r.rows = append(r.rows, row)
			if r.hashed != nil {
				r.put(e.hash(row))
			}
		case row[0].IsNull():
			r.hasNull = true
		case r.ints != nil:
			r.ints[row[0].Int()] = struct{}{}
		default:
			r.strings[row[0].Str()] = struct{}{}
		}
		return true, nil
	})
}

// hashable reports whether the comparison is equality of types whose equal values have equal hashes.
func (e *subqueryEval) hashable() bool {
	if e.n.Kind != AnySubquery {
		return false
	}
	for _, p := range e.ops {
		op := p.fn
		if op.Operator == nil || op.Operator.Name != "=" || op.Args[0] != op.Args[1] || op.Args[0] == types.BpcharOid {
			return false
		}
		switch op.Args[0].Kind() {
		case types.KInt, types.KFloat, types.KString, types.KNumeric:
		default:
			return false
		}
	}
	return true
}

// hash returns a row's hash; ok is false if it has a NULL.
func (e *subqueryEval) hash(row []types.Datum) (d []types.Datum, h uint64, ok bool) {
	for i, p := range e.ops {
		if row[i].IsNull() {
			return row, 0, false
		}
		h = h*31 + types.Hash(p.fn.Args[0], row[i])
	}
	return row, h, true
}

func (r *subResult) put(row []types.Datum, h uint64, ok bool) {
	if ok {
		r.hashed[h] = append(r.hashed[h], row)
	} else {
		r.withNull = append(r.withNull, row)
	}
}

// find is = ANY over hashed rows.
func (e *subqueryEval) find(f *frame, r *subResult, left []types.Datum) (types.Datum, error) {
	rows := [][][]types.Datum{r.rows}
	if _, h, ok := e.hash(left); ok {
		rows = [][][]types.Datum{r.hashed[h], r.withNull}
	}
	acc := logic{}
	for _, list := range rows {
		for _, row := range list {
			d, err := e.compare(f, left, row)
			if err != nil || acc.add(d) {
				return acc.value(), err
			}
		}
	}
	return acc.value(), nil
}

// contains is = ANY over a hash set.
func (r *subResult) contains(d types.Datum) types.Datum {
	if len(r.ints)+len(r.strings) == 0 && !r.hasNull {
		return types.NewBool(false)
	}
	if d.IsNull() {
		return d
	}
	var ok bool
	if r.ints != nil {
		_, ok = r.ints[d.Int()]
	} else {
		_, ok = r.strings[d.Str()]
	}
	if !ok && r.hasNull {
		return types.Null
	}
	return types.NewBool(ok)
}

// compare is the row comparison left op row: true if all are, NULL if none is false and some are NULL.
func (e *subqueryEval) compare(f *frame, left, row []types.Datum) (types.Datum, error) {
	null := false
	for i, op := range e.ops {
		d, err := op.do(f, left[i], row[i])
		if err != nil {
			return d, err
		}
		if d.IsNull() {
			null = true
		} else if !d.Bool() {
			return d, nil
		}
	}
	if null {
		return types.Null, nil
	}
	return types.NewBool(true), nil
}

func (e *subqueryEval) eval(f *frame, arg func(evaluator) (types.Datum, error)) (types.Datum, error) {
	set := e.n.Kind == AnySubquery || e.n.Kind == AllSubquery
	if !set && len(e.outer) == 0 {
		r, err := e.cached(f)
		if err != nil {
			return types.Null, err
		}
		return r.value, nil
	}
	if e.hashed != nil && e.worthHashing(f.ctx) {
		d, err := arg(e.hashed)
		return types.NewBool(!d.IsNull() && d.Bool()), err
	}
	if e.n.Grouped != nil && e.worthHashing(f.ctx) {
		if d, ok, err := e.grouped(f, arg); ok || err != nil {
			return d, err
		}
	}
	outer, err := values(e.outer, arg)
	switch {
	case err != nil:
		return types.Null, err
	case !set && e.n.Memo:
		return e.memoized(f, outer)
	case !set:
		return e.timed(f, outer)
	}
	left, err := values(e.left, arg)
	if err != nil {
		return types.Null, err
	}
	all := e.n.Kind == AllSubquery
	if len(e.outer) == 0 {
		r, err := e.cached(f)
		if err != nil {
			return types.Null, err
		}
		if r.tooLarge {
			return e.search(f, nil, left)
		}
		if r.ints != nil || r.strings != nil {
			return r.contains(left[0]), nil
		}
		if r.hashed != nil {
			return e.find(f, r, left)
		}
		acc := logic{all: all}
		for _, row := range r.rows {
			d, err := e.compare(f, left, row)
			if err != nil || acc.add(d) {
				return acc.value(), err
			}
		}
		return acc.value(), nil
	}
	return e.search(f, outer, left)
}

// search compares the subquery's rows as they come.
func (e *subqueryEval) search(f *frame, outer, left []types.Datum) (types.Datum, error) {
	acc := logic{all: e.n.Kind == AllSubquery}
	err := e.run(f, outer, func(row []types.Datum) (bool, error) {
		d, err := e.compare(f, left, row)
		return !acc.add(d), err
	})
	return acc.value(), err
}

// logic accumulates ANY or ALL.
type logic struct{ all, null, decided bool }

// add takes one comparison and reports whether the result is settled.
func (l *logic) add(d types.Datum) bool {
	if d.IsNull() {
		l.null = true
	} else if d.Bool() != l.all {
		l.decided = true
	}
	return l.decided
}

func (l *logic) value() types.Datum {
	switch {
	case l.decided:
		return types.NewBool(!l.all)
	case l.null:
		return types.Null
	}
	return types.NewBool(l.all)
}

func values(es []evaluator, arg func(evaluator) (types.Datum, error)) ([]types.Datum, error) {
	if len(es) == 0 {
		return nil, nil
	}
	out := make([]types.Datum, len(es))
	for i, e := range es {
		d, err := arg(e)
		if err != nil {
			return nil, err
		}
		out[i] = d
	}
	return out, nil
}

func (e *subqueryEval) row(f *frame, row []types.Datum) (types.Datum, error) {
	return e.eval(f, func(a evaluator) (types.Datum, error) { return a.row(f, row) })
}

// vec runs the subquery for all rows at once where that can be done, else row by row.
func (e *subqueryEval) vec(f *frame, in *types.Batch, sel []int32) (*types.Vec, error) {
	if out, ok, err := e.batched(f, in, sel); ok || err != nil {
		return out, err
	}
	row := make([]types.Datum, 0, len(in.Cols))
	return generic(f, e.slot, e.n.Type, in.N, sel, func(i int) (types.Datum, error) {
		row = in.AppendRowTo(row[:0], i)
		return e.row(f, row)
	})
}
