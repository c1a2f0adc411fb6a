package exec

import (
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// evalVecs evaluates scalars over a batch. Plain columns are passed through; the others are computed into tmp, which
// keeps its memory between calls.
func (r *run) evalVecs(ss []*planner.Scalar, in *types.Batch, tmp *[]types.Vec, out []*types.Vec) ([]*types.Vec, error) {
	if len(*tmp) < len(ss) {
		*tmp = make([]types.Vec, len(ss))
	}
	out = out[:0]
	for i, s := range ss {
		if c, ok := s.Node.(*expr.Column); ok {
			out = append(out, &in.Cols[c.Index])
			continue
		}
		if err := s.Eval(r.eval, in, &(*tmp)[i]); err != nil {
			return nil, err
		}
		out = append(out, &(*tmp)[i])
	}
	return out, nil
}

// evalOne evaluates a scalar without input; nil gives NULL.
func (r *run) evalOne(s *planner.Scalar) (types.Datum, error) {
	if s == nil {
		return types.Null, nil
	}
	return s.EvalRow(r.eval, nil)
}

// evalRow evaluates a scalar over one row.
func (r *run) evalRow(s *planner.Scalar, row []types.Datum) (types.Datum, error) {
	if s.Compiled == nil {
		return row[s.Node.(*expr.Column).Index], nil
	}
	return s.EvalRow(r.eval, row)
}
