package expr

import (
	"errors"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// A batch is evaluated in pieces where its rows make long strings, so that what is in memory is bounded whatever the rows
// are. How many rows a piece has follows from those before it: it begins with few and doubles as long as little comes. A
// piece whose strings are too many all the same is evaluated again in halves, if that has no effects.

const (
	// maxPieceBytes bounds the strings that a piece makes in all its columns, and maxBatchBytes those of a piece that cannot be
	// evaluated again, and the results of a batch.
	maxPieceBytes = 256 << 20
	maxBatchBytes = 1 << 30
	// pieceBytes is what the rows of a piece are to make.
	pieceBytes     = 8 << 20
	firstPieceRows = 32
)

const tooLarge = "The values of a batch of rows are too large."

func errTooLarge() error { return pgerr.New(pgerr.OutOfMemory, "out of memory").WithDetail(tooLarge) }

// BatchTooLarge reports whether an evaluation failed because the values of the batch are too large; with fewer rows it may
// succeed.
func BatchTooLarge(err error) bool {
	e := (*pgerr.Error)(nil)
	return errors.As(err, &e) && e.Code == pgerr.OutOfMemory && e.Detail == tooLarge
}

// makesStrings reports whether some part of an expression computes strings.
func makesStrings(n Node) bool {
	found := false
	Walk(n, func(k Node) bool {
		switch k.(type) {
		case *Func, *Cast, *Subquery:
			found = found || k.ResultType().Kind() == types.KString
		}
		return !found
	})
	return found
}

// MakesStrings reports whether the result is a string that is computed.
func (c *Compiled) MakesStrings() bool { return c.wide && c.typ.Kind() == types.KString }

// Stable reports whether the expression can be evaluated again without effects and with the same results.
func (c *Compiled) Stable() bool { return c.stable }

// Eval evaluates all rows of in and makes out their values; what out held before is overwritten.
func (c *Compiled) Eval(ctx *EvalContext, in *types.Batch, out *types.Vec) error {
	return c.EvalSelected(ctx, in, nil, out)
}

// EvalSelected evaluates the rows at the positions sel of in (all if nil); out gets one value for each, in order.
func (c *Compiled) EvalSelected(ctx *EvalContext, in *types.Batch, sel []int32, out *types.Vec) error {
	out.Type = c.typ
	out.Reset()
	bytes := 0
	return c.pieces(ctx, in, sel, func(v *types.Vec, sel []int32) error {
		from := len(out.S)
		if sel != nil {
			out.Gather(v, sel)
		} else {
			out.AppendVec(v, 0, in.N)
		}
		if !c.wide || len(out.S) == 0 {
			return nil
		}
		for _, s := range out.S[from:] {
			if bytes += len(s); bytes > maxBatchBytes && len(out.S) > 1 {
				return errTooLarge()
			}
		}
		return nil
	})
}

// Filter appends to dst the positions, of those in sel or of all rows if sel is nil, at which a boolean expression is
// true. dst may be sel[:0].
func (c *Compiled) Filter(ctx *EvalContext, in *types.Batch, sel, dst []int32) ([]int32, error) {
	err := c.pieces(ctx, in, sel, func(v *types.Vec, sel []int32) error {
		dst = appendTrue(dst, v, sel, in.N)
		return nil
	})
	return dst, err
}

// pieces evaluates positions of a batch (all if sel is nil) and gives put the values of one piece after the other.
func (c *Compiled) pieces(ctx *EvalContext, in *types.Batch, sel []int32, put func(v *types.Vec, sel []int32) error) error {
	f := c.pool.get(ctx)
	defer c.pool.put(f)
	f.limit = maxBatchBytes
	if c.stable {
		f.limit = maxPieceBytes
	}
	n := in.N
	if sel != nil {
		n = len(sel)
	}
	if !c.wide {
		f.made = 0
		v, err := c.root.vec(f, in, sel)
		if err != nil {
			return err
		}
		return put(v, sel)
	}
	if f.rows == 0 {
		f.rows = firstPieceRows
	}
	whole := sel
	for at := 0; at < n || n == 0; {
		rows := min(n-at, f.rows)
		sel := whole
		switch {
		case whole != nil:
			sel = whole[at : at+rows]
		case rows < n:
			sel = make([]int32, rows)
			for i := range sel {
				sel[i] = int32(at + i)
			}
		}
		f.made = 0
		v, err := c.root.vec(f, in, sel)
		switch {
		case err != nil && BatchTooLarge(err) && c.stable && rows > 1:
			f.forget()
			f.rows = rows / 2
			continue
		case err != nil:
			return err
		}
		if err := put(v, sel); err != nil || n == 0 {
			return err
		}
		at += rows
		f.adapt(rows)
	}
	return nil
}

// adapt chooses the next piece's rows by what the last one made.
func (f *frame) adapt(rows int) {
	f.rows = min(max(pieceBytes/(f.made/rows+1), 1), 2*max(f.rows, rows), types.BatchSize)
	f.forget()
}

// forget drops long strings: a column keeps those at positions that are not evaluated again.
func (f *frame) forget() {
	if f.made < pieceBytes/8 {
		return
	}
	for i := range f.vecs {
		v := &f.vecs[i]
		clear(v.S[:cap(v.S)])
		clear(v.X[:cap(v.X)])
		v.S, v.X = v.S[:0], v.X[:0] // a constant is filled in again
	}
	clear(f.datums)
	f.made = 0
}
