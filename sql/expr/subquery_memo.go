package expr

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// A correlated subquery runs once for each row around it, which is dear where it runs for the same outer values again and
// again, or for very many. Its results are kept by the outer values (Memo), as long as they are asked for. A value, or an
// aggregate, of the rows with some keys equal to outer values (Grouped) is computed for all keys at once when running it key
// by key has taken as long as that would. Both stay within the memory of a hash table; what is too large is done without.

// subMemo is what a correlated subquery yielded, by its outer values.
type subMemo struct {
	m           map[string]types.Datum
	bytes       int64
	asked, hits int
	off         bool
}

// Where fewer than one of memoMinHits results is asked for again, after memoTrial questions, they are not kept.
const (
	memoTrial   = 2000
	memoMinHits = 10
	memoEntry   = 80 // bytes of an entry beside its key and value
)

// exactKey appends values in a form that tells different ones apart, be they equal; ok is false for types that have none.
func exactKey(buf []byte, ds []types.Datum, es []Node) ([]byte, bool) {
	for i, d := range ds {
		if d.IsNull() {
			buf = append(buf, 0)
			continue
		}
		buf = append(buf, 1)
		switch oid := es[i].ResultType().Oid; oid.Kind() {
		case types.KInt:
			buf = binary.BigEndian.AppendUint64(buf, uint64(d.Int()))
		case types.KFloat:
			buf = binary.BigEndian.AppendUint64(buf, math.Float64bits(d.Float()))
		case types.KString:
			buf = append(binary.AppendUvarint(buf, uint64(len(d.Str()))), d.Str()...)
		case types.KNumeric:
			at := len(buf)
			buf = append(types.AppendText(append(buf, 0), oid, d, types.DefaultIOEnv), 0)
			buf[at] = 'n'
		default:
			return buf, false
		}
	}
	return buf, true
}

// memoized is value with its results kept.
func (e *subqueryEval) memoized(f *frame, outer []types.Datum) (types.Datum, error) {
	ctx := f.ctx
	ctx.mu.Lock()
	m := ctx.subMemo[e.n]
	if m == nil {
		m = &subMemo{m: map[string]types.Datum{}}
		if ctx.subMemo == nil {
			ctx.subMemo = map[*Subquery]*subMemo{}
		}
		ctx.subMemo[e.n] = m
	}
	var tmp [64]byte
	key, ok := exactKey(tmp[:0], outer, e.n.Outer)
	if !ok || m.off {
		ctx.mu.Unlock()
		return e.timed(f, outer)
	}
	m.asked++
	d, hit := m.m[string(key)]
	if hit {
		m.hits++
	} else if m.asked > memoTrial && m.hits*memoMinHits < m.asked {
		m.off, m.m = true, nil
	}
	ctx.mu.Unlock()
	if hit {
		return d, nil
	}
	d, err := e.timed(f, outer)
	if err != nil {
		return d, err
	}
	ctx.mu.Lock()
	defer ctx.mu.Unlock()
	if m.off {
		return d, nil
	}
	if m.bytes += int64(len(key)) + memoEntry + types.DatumBytes(d); ctx.HashMemBytes > 0 && m.bytes > ctx.HashMemBytes {
		m.m, m.bytes = map[string]types.Datum{}, 0
	}
	m.m[string(key)] = d
	return d, nil
}

// grouped answers a subquery from the groups of all keys.
func (e *subqueryEval) grouped(f *frame, arg func(evaluator) (types.Datum, error)) (d types.Datum, ok bool, err error) {
	r := e.groups(f)
	if r.tooLarge {
		return types.Null, false, nil
	}
	keys, err := values(e.left, arg)
	if err != nil {
		return types.Null, false, err
	}
	var tmp [64]byte
	if key, ok := groupKey(tmp[:0], keys, e.n.Grouped.(*Subquery).Left); ok {
		if d, found := r.groups[string(key)]; found {
			return d, !r.several[string(key)], nil // the subquery itself says what is wrong with several
		}
	}
	d, err = e.noRows(f, r, arg)
	return d, true, err
}

// noRows answers for keys that no row has: the value is the same for all of these, and kept in r.
func (e *subqueryEval) noRows(f *frame, r *subResult, arg func(evaluator) (types.Datum, error)) (types.Datum, error) {
	if !r.hasNone {
		outer, err := values(e.outer, arg)
		if err != nil {
			return types.Null, err
		}
		if r.none, err = e.value(f, outer); err != nil {
			return types.Null, err
		}
		r.hasNone = true
	}
	return r.none, nil
}

// groupKey is the same for equal keys; ok is false if one is NULL.
func groupKey(buf []byte, keys []types.Datum, es []Node) ([]byte, bool) {
	for i, k := range keys {
		if k.IsNull() {
			return nil, false
		}
		buf = keyenc.CanonicalBytes(buf, es[i].ResultType().Oid, k)
	}
	return buf, true
}

// groups computes the groups the first time.
func (e *subqueryEval) groups(f *frame) *subResult {
	ctx, g := f.ctx, e.n.Grouped.(*Subquery)
	ctx.mu.Lock()
	r := ctx.subCache[g]
	ctx.mu.Unlock()
	if r != nil {
		return r
	}
	r = e.collect(ctx, g, nil)
	ctx.mu.Lock()
	defer ctx.mu.Unlock()
	if ctx.subCache == nil {
		ctx.subCache = map[*Subquery]*subResult{}
	}
	ctx.subCache[g] = r
	return r
}

// collect reads the groups that a grouped subquery yields for some outer values. What fails is tooLarge.
func (e *subqueryEval) collect(ctx *EvalContext, g *Subquery, outer []types.Datum) *subResult {
	r := &subResult{groups: map[string]types.Datum{}}
	var bytes int64
	n := len(g.Left)
	err := ctx.Subplan(ctx, g.Query, outer, func(row []types.Datum) (bool, error) {
		if key, ok := groupKey(nil, row[:n], g.Left); ok {
			bytes += int64(len(key)) + memoEntry + types.DatumBytes(row[n])
			if _, found := r.groups[string(key)]; found {
				if r.several == nil {
					r.several = map[string]bool{}
				}
				r.several[string(key)] = true
			}
			r.groups[string(key)] = row[n]
		}
		if r.tooLarge = ctx.HashMemBytes > 0 && bytes > ctx.HashMemBytes; r.tooLarge {
			r.groups = nil
		}
		return !r.tooLarge, nil
	})
	if err != nil {
		// It may come of a row that is not asked for.
		r = &subResult{tooLarge: true}
	}
	return r
}

// worthHashing reports whether running the subquery row by row has taken as long as the set of its rows, or the groups of
// all keys, would take.
func (e *subqueryEval) worthHashing(ctx *EvalContext) bool {
	ctx.mu.Lock()
	defer ctx.mu.Unlock()
	return ctx.subTime[e.n] > time.Millisecond+time.Duration(e.n.HashRows)*hashRowCost
}
