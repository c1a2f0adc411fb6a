package expr

import (
	"sync"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// How expressions are evaluated.
//
// Compile turns a Node into a tree of evaluators, each of which can work on one row (row) or on a batch (vec). A batch
// result is sparse: a column as long as the batch in which only the positions of the selection are meaningful. So a
// column reference costs nothing, no evaluator moves values to other positions, and the arms of AND, OR, CASE and
// COALESCE are evaluated by narrowing the selection: an arm never sees a row for which PostgreSQL would not evaluate it.
//
// Evaluators are immutable. What they write to (result columns, bound calls) is in a frame, at places numbered during
// compilation; frames are pooled per Compiled, so that evaluation allocates next to nothing.

// evaluator is a compiled node.
type evaluator interface {
	row(f *frame, row []types.Datum) (types.Datum, error)
	// vec evaluates the positions in sel, or all of in's rows if sel is nil. The result is valid at those positions until
	// the same evaluator runs again in the same frame. It must not be changed.
	vec(f *frame, in *types.Batch, sel []int32) (*types.Vec, error)
}

// frameSize counts the places that the evaluators of an expression need.
type frameSize struct{ vecs, calls, sels, datums int }

type frame struct {
	ctx    *EvalContext
	vecs   []types.Vec
	calls  []Call
	sels   [][]int32
	datums []types.Datum
	made   int // bytes of strings that the running piece made
	limit  int // of made, for more than one row
	rows   int // that a piece has; 0: not known yet
}

type framePool struct {
	calls []Call // bound calls to start from
	size  frameSize
	pool  sync.Pool
}

func (p *framePool) get(ctx *EvalContext) *frame {
	f, _ := p.pool.Get().(*frame)
	if f == nil {
		f = &frame{vecs: make([]types.Vec, p.size.vecs), calls: append([]Call(nil), p.calls...),
			sels: make([][]int32, p.size.sels), datums: make([]types.Datum, p.size.datums)}
	}
	f.ctx = ctx
	return f
}

func (p *framePool) put(f *frame) {
	f.ctx = nil
	f.forget()
	p.pool.Put(f)
}

// out returns the result column at a place, n values long, without NULLs and with undefined values.
func (f *frame) out(slot int, t types.Type, n int) *types.Vec {
	v := &f.vecs[slot]
	v.Type = t
	v.Nulls = v.Nulls[:0]
	switch t.Oid.Kind() {
	case types.KInt:
		v.I = resized(v.I, n)
	case types.KFloat:
		v.F = resized(v.F, n)
	case types.KString:
		v.S = resized(v.S, n)
	default:
		v.X = resized(v.X, n)
	}
	return v
}

func resized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, max(n, types.BatchSize))
	}
	return s[:n]
}

// Compile makes an executable expression. Its Columns refer to rows of inputTypes. It fails on nodes that planning
// must have replaced (Vars, aggregates) and with 0A000 on functions without an implementation.
func Compile(n Node, inputTypes []types.Type) (*Compiled, error) {
	folded, failed := fold(n)
	if failed != nil {
		folded = n
	}
	c := &compiler{inputs: inputTypes}
	root, err := c.node(folded)
	if err != nil {
		return nil, err
	}
	return &Compiled{root: root, typ: n.ResultType(), size: c.size, pool: &framePool{calls: c.calls, size: c.size}, failed: failed,
		wide: makesStrings(folded), stable: !ContainsVolatile(folded)}, nil
}

// Failed is the error of a constant part of the expression that cannot be computed; nil: there is none. A statement with
// such an expression in its plan fails before it runs.
func (c *Compiled) Failed() error { return c.failed }

// Type returns the type of the results.
func (c *Compiled) Type() types.Type { return c.typ }

// EvalRow evaluates one row.
func (c *Compiled) EvalRow(ctx *EvalContext, row []types.Datum) (types.Datum, error) {
	switch e := c.root.(type) {
	case *columnEval:
		return row[e.index], nil
	case *constEval:
		if e.notices != nil {
			ctx.say(e, e.notices)
		}
		return e.value, nil
	case *paramEval:
		return e.get(ctx)
	}
	f := c.pool.get(ctx)
	d, err := c.root.row(f, row)
	c.pool.put(f)
	return d, err
}

// appendTrue appends the selected positions at which a boolean column is true.
func appendTrue(dst []int32, v *types.Vec, sel []int32, n int) []int32 {
	if sel != nil {
		for _, i := range sel {
			if v.I[i] != 0 && !v.Nulls.Has(int(i)) {
				dst = append(dst, i)
			}
		}
		return dst
	}
	for i := range n {
		if v.I[i] != 0 && !v.Nulls.Has(i) {
			dst = append(dst, int32(i))
		}
	}
	return dst
}

type compiler struct {
	inputs []types.Type
	size   frameSize
	calls  []Call
}

func (c *compiler) vecSlot() int { c.size.vecs++; return c.size.vecs - 1 }
func (c *compiler) selSlot() int { c.size.sels++; return c.size.sels - 1 }

// datumSlots reserves n consecutive places.
func (c *compiler) datumSlots(n int) int { c.size.datums += n; return c.size.datums - n }

func (c *compiler) callSlot(call Call) int {
	c.calls = append(c.calls, call)
	c.size.calls++
	return len(c.calls) - 1
}

func (c *compiler) nodes(ns []Node) ([]evaluator, error) {
	out := make([]evaluator, len(ns))
	for i, n := range ns {
		e, err := c.node(n)
		if err != nil {
			return nil, err
		}
		out[i] = e
	}
	return out, nil
}

func (c *compiler) node(n Node) (evaluator, error) {
	switch n := n.(type) {
	case *Const:
		return &constEval{value: n.Value, typ: n.Type, slot: c.vecSlot(), notices: n.Notices}, nil
	case *Param:
		return &paramEval{index: n.Index - 1, typ: n.Type, slot: c.vecSlot()}, nil
	case *OuterColumn:
		return &outerEval{index: n.Index, typ: n.Type, slot: c.vecSlot()}, nil
	case *Column:
		return &columnEval{index: n.Index}, nil
	case *Func:
		return c.function(n)
	case *Cast:
		return c.cast(n)
	case *BoolOp:
		return c.boolOp(n)
	case *SQLValue:
		return &sqlValueEval{kind: n.Kind, typ: n.Type, slot: c.vecSlot()}, nil
	}
	return c.special(n)
}

func (c *compiler) special(n Node) (evaluator, error) {
	switch n := n.(type) {
	case *IsTest:
		return c.isTest(n)
	case *Distinct:
		return c.distinct(n)
	case *Case:
		return c.caseExpr(n)
	case *Coalesce:
		return c.coalesce(n)
	case *MinMax:
		return c.minMax(n)
	case *NullIf:
		return c.nullIf(n)
	case *AnyAll:
		return c.anyAll(n)
	case *ArrayExpr:
		return c.arrayExpr(n)
	case *Subscript:
		return c.subscript(n)
	case *Store:
		return c.store(n)
	case *Row:
		return c.rowExpr(n)
	case *Field:
		return c.field(n)
	case *Subquery:
		return c.subquery(n)
	case *Aggregate:
		if n.Level > 0 {
			return nil, pgerr.NotSupported("an aggregate of an outer query within a subquery")
		}
		return nil, pgerr.New(pgerr.GroupingError, "aggregate functions are not allowed here")
	case *SetReturning:
		return nil, pgerr.New(pgerr.FeatureNotSupported, "set-valued function called in context that cannot accept a set")
	}
	return nil, pgerr.Internal("expression node %T cannot be evaluated", n)
}

// generic evaluates a column row by row through get, which may read the columns of its arguments.
func generic(f *frame, slot int, t types.Type, n int, sel []int32, get func(i int) (types.Datum, error)) (*types.Vec, error) {
	out := f.out(slot, t, n)
	if sel != nil {
		n = len(sel)
	}
	for k := range n {
		i := k
		if sel != nil {
			i = int(sel[k])
		}
		if err := f.ctx.cancelled(); err != nil { // a row may take long
			return nil, err
		}
		d, err := get(i)
		if err != nil {
			return nil, err
		}
		if d.Kind() == types.KString {
			if f.made += len(d.Str()); f.made > f.limit && n > 1 {
				return nil, errTooLarge()
			}
		}
		out.Set(i, d)
	}
	return out, nil
}
