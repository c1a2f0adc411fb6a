package exec

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Long strings make a batch of many rows too large for the memory. Where an operator computes strings its batches are as
// small as the strings are long.

const (
	// targetBatchBytes is what the strings of a batch are to take; one row may take any.
	targetBatchBytes = 16 << 20
	firstBatchRows   = 64
	maxBatchRows     = 1 << 16
)

// batchSizer says how many rows the next batch is to have, from what those before it took: few at first, twice as many
// each time as long as they are short.
type batchSizer struct{ rows int }

func (s *batchSizer) limit() int {
	if s.rows == 0 {
		s.rows = firstBatchRows
	}
	return s.rows
}

// made notes how many bytes the strings of a batch took.
func (s *batchSizer) made(rows int, bytes int64) {
	if rows > 0 {
		s.rows = int(min(max(targetBatchBytes/(bytes/int64(rows)+1), 1), int64(2*s.limit()), maxBatchRows))
	}
}

// smaller halves the batch size after a batch of so many rows was too large; false: it cannot be smaller.
func (s *batchSizer) smaller(rows int) bool {
	s.rows = max(rows/2, 1)
	return rows > 1
}

// makesStrings reports whether any of the scalars computes strings.
func makesStrings(ss ...*planner.Scalar) bool {
	return slices.ContainsFunc(ss, func(s *planner.Scalar) bool {
		return s != nil && s.Compiled != nil && s.MakesStrings()
	})
}

// stable reports whether all scalars can be evaluated again.
func stable(ss []*planner.Scalar) bool {
	return !slices.ContainsFunc(ss, func(s *planner.Scalar) bool { return s != nil && s.Compiled != nil && !s.Stable() })
}

// stringBytes is the length of the strings of columns.
func stringBytes(cols []types.Vec) (n int64) {
	for c := range cols {
		for _, s := range cols[c].S {
			n += int64(len(s))
		}
	}
	return n
}

// strLen is the length of a string, 0 of other values.
func strLen(d types.Datum) int {
	if d.Kind() != types.KString {
		return 0
	}
	return len(d.Str())
}

// each calls f for pieces of a batch; f returns what the strings of the piece took.
func (s *batchSizer) each(b *types.Batch, f func(*types.Batch) (int64, error)) error {
	for at := 0; at < b.N; {
		piece := b
		if n := min(s.limit(), b.N-at); n < b.N {
			piece = sliceBatch(b, at, at+n)
		}
		bytes, err := f(piece)
		if err != nil {
			return err
		}
		at += piece.N
		s.made(piece.N, bytes)
	}
	return nil
}

// projectPieces computes the columns of a projection that makes strings.
type projectPieces struct {
	size batchSizer
	b    *types.Batch // of the input
	at   int          // rows of b that are done
}

func (p *projectOp) nextPiece(max int) (*types.Batch, error) {
	w := p.pieces
	if w.b == nil || w.at >= w.b.N {
		var err error
		if w.b, err = p.in.next(max); err != nil || w.b == nil {
			return nil, err
		}
		w.at = 0
	}
	for {
		piece := w.b
		if n := min(w.size.limit(), w.b.N-w.at); n < w.b.N {
			piece = sliceBatch(w.b, w.at, w.at+n)
		}
		var err error
		p.vecs, err = p.r.evalVecs(p.n.Exprs, piece, &p.tmp, p.vecs)
		if err != nil && expr.BatchTooLarge(err) && stable(p.n.Exprs) && w.size.smaller(piece.N) {
			continue
		}
		if err != nil {
			return nil, err
		}
		w.at += piece.N
		w.size.made(piece.N, stringBytes(p.tmp))
		for i, v := range p.vecs {
			p.out.Cols[i] = *v
		}
		p.out.N = piece.N
		return &p.out, nil
	}
}
