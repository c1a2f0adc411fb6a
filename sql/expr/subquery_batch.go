package expr

import (
	"time"

	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// A value, or an aggregate, of the rows with some keys equal to outer values is looked up for a whole batch of outer rows
// at once where an index leads from one of the keys to the rows (Batched): what the rows would each ask of the shards is
// asked in one go.

// minBatched is the number of rows from which on they are looked up together.
const minBatched = 4

// batchRows is what is known of a batch: for each row the keys (none where one is NULL), and the values to look up.
type batchRows struct {
	keys  []string
	null  []bool
	elems []types.Datum
}

// batched answers a subquery for some rows of a batch; ok is false where they are to be answered one by one.
func (e *subqueryEval) batched(f *frame, in *types.Batch, sel []int32) (out *types.Vec, ok bool, err error) {
	n := in.N
	if sel != nil {
		n = len(sel)
	}
	if e.n.Batched == nil || n < minBatched || e.worthHashing(f.ctx) {
		return nil, false, nil
	}
	g := e.n.Batched.(*Subquery)
	always := e.always(f.ctx, g)
	if always.tooLarge {
		return nil, false, nil
	}
	b := e.batchKeys(f, g, in, sel)
	if b == nil {
		return nil, false, nil
	}
	start := time.Now()
	r := &subResult{groups: map[string]types.Datum{}}
	if len(b.elems) > 0 {
		array := types.NewArray1(g.Left[e.n.BatchKey].ResultType().Oid, b.elems)
		r = e.collect(f.ctx, g, []types.Datum{array})
	}
	e.spent(f.ctx, time.Since(start))
	if r.tooLarge {
		// There is not the memory for it, or it failed, maybe at a row that would not have been met.
		f.ctx.mu.Lock()
		always.tooLarge = true
		f.ctx.mu.Unlock()
		return nil, false, nil
	}
	row := make([]types.Datum, 0, len(in.Cols))
	out, err = generic(f, e.slot, e.n.Type, in.N, sel, func(i int) (types.Datum, error) {
		if d, found := r.groups[b.keys[i]]; found && !b.null[i] && !r.several[b.keys[i]] {
			return d, nil
		}
		row = in.AppendRowTo(row[:0], i)
		arg := func(a evaluator) (types.Datum, error) { return a.row(f, row) }
		if r.several[b.keys[i]] {
			return e.eval(f, arg) // it says what is wrong with several
		}
		return e.noRows(f, always, arg)
	})
	return out, true, err
}

// always is what a Batched subquery yields for keys that no row has, and whether it is of no use.
func (e *subqueryEval) always(ctx *EvalContext, g *Subquery) *subResult {
	ctx.mu.Lock()
	defer ctx.mu.Unlock()
	r := ctx.subCache[g]
	if r == nil {
		r = &subResult{}
		if ctx.subCache == nil {
			ctx.subCache = map[*Subquery]*subResult{}
		}
		ctx.subCache[g] = r
	}
	return r
}

// batchKeys computes the keys of a batch's rows; nil where that fails, which it need not when no row asks for it.
func (e *subqueryEval) batchKeys(f *frame, g *Subquery, in *types.Batch, sel []int32) *batchRows {
	vecs := make([]*types.Vec, len(e.left))
	for k, l := range e.left {
		var err error
		if vecs[k], err = l.vec(f, in, sel); err != nil {
			return nil
		}
	}
	b := &batchRows{keys: make([]string, in.N), null: make([]bool, in.N)}
	oid := g.Left[e.n.BatchKey].ResultType().Oid
	seen := map[string]bool{}
	keys := make([]types.Datum, len(vecs))
	var buf, one []byte
	note := func(i int) {
		for k, v := range vecs {
			keys[k] = v.Get(i)
		}
		var ok bool
		if buf, ok = groupKey(buf[:0], keys, g.Left); !ok {
			b.null[i] = true
			return
		}
		b.keys[i] = string(buf)
		one = keyenc.CanonicalBytes(one[:0], oid, keys[e.n.BatchKey])
		if !seen[string(one)] {
			seen[string(one)] = true
			b.elems = append(b.elems, keys[e.n.BatchKey])
		}
	}
	if sel == nil {
		for i := range in.N {
			note(i)
		}
	}
	for _, i := range sel {
		note(int(i))
	}
	return b
}
