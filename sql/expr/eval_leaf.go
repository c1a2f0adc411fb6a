package expr

import (
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

type columnEval struct{ index int }

func (e *columnEval) row(_ *frame, row []types.Datum) (types.Datum, error) { return row[e.index], nil }

func (e *columnEval) vec(_ *frame, in *types.Batch, _ []int32) (*types.Vec, error) {
	return &in.Cols[e.index], nil
}

type constEval struct {
	value   types.Datum
	typ     types.Type
	slot    int
	notices []*pgerr.Error
}

func (e *constEval) row(f *frame, _ []types.Datum) (types.Datum, error) {
	if e.notices != nil {
		f.ctx.say(e, e.notices)
	}
	return e.value, nil
}

// vec keeps the filled column in the frame: a later batch that is no longer needs no work.
func (e *constEval) vec(f *frame, in *types.Batch, _ []int32) (*types.Vec, error) {
	if e.notices != nil {
		f.ctx.say(e, e.notices)
	}
	v := &f.vecs[e.slot]
	if v.Type == e.typ && v.Len() >= in.N && v.Len() > 0 {
		return v, nil
	}
	return broadcast(f, e.slot, e.typ, max(in.N, 1), e.value), nil
}

// broadcast fills a column with one value.
func broadcast(f *frame, slot int, t types.Type, n int, d types.Datum) *types.Vec {
	v := f.out(slot, t, n)
	switch t.Oid.Kind() {
	case types.KInt:
		fill(v.I, d.Int())
	case types.KFloat:
		fill(v.F, d.Float())
	case types.KString:
		fill(v.S, d.Str())
	default:
		fill(v.X, d)
	}
	if d.IsNull() {
		for i := range n {
			v.Nulls.Set(i)
		}
		if t.Oid.Kind() == types.KInt {
			fill(v.I, 0)
		}
	}
	return v
}

func fill[T any](s []T, x T) {
	for i := range s {
		s[i] = x
	}
}

type paramEval struct {
	index int
	typ   types.Type
	slot  int
}

func (e *paramEval) get(ctx *EvalContext) (types.Datum, error) {
	if e.index >= len(ctx.Params) {
		return types.Null, pgerr.New(pgerr.UndefinedObject, "no value found for parameter %d", e.index+1)
	}
	return ctx.Params[e.index], nil
}

func (e *paramEval) row(f *frame, _ []types.Datum) (types.Datum, error) { return e.get(f.ctx) }

func (e *paramEval) vec(f *frame, in *types.Batch, _ []int32) (*types.Vec, error) {
	d, err := e.get(f.ctx)
	if err != nil {
		return nil, err
	}
	return broadcast(f, e.slot, e.typ, in.N, d), nil
}

type outerEval struct {
	index int
	typ   types.Type
	slot  int
}

func (e *outerEval) row(f *frame, _ []types.Datum) (types.Datum, error) {
	return f.ctx.Outer[e.index], nil
}

func (e *outerEval) vec(f *frame, in *types.Batch, _ []int32) (*types.Vec, error) {
	return broadcast(f, e.slot, e.typ, in.N, f.ctx.Outer[e.index]), nil
}

type sqlValueEval struct {
	kind SQLValueKind
	typ  types.Type
	slot int
}

func (e *sqlValueEval) vec(f *frame, in *types.Batch, _ []int32) (*types.Vec, error) {
	d, err := e.row(f, nil)
	if err != nil {
		return nil, err
	}
	return broadcast(f, e.slot, e.typ, in.N, d), nil
}

func (e *sqlValueEval) row(f *frame, _ []types.Datum) (types.Datum, error) {
	ctx := f.ctx
	now := types.TimestampFromTime(ctx.TxnTime)
	if e.typ.Mod >= 0 {
		now = roundMicros(now, e.typ.Mod)
	}
	local := types.TimestamptzToLocal(now, ctx.IO().TimeZone)
	switch e.kind {
	case CurrentTimestamp:
		return types.NewInt(now), nil
	case LocalTimestamp:
		return types.NewInt(local), nil
	case CurrentDate:
		return types.NewInt(types.TimestampToDate(local)), nil
	case LocalTime:
		return types.NewInt(local - types.TimestampToDate(local)*microsPerDay), nil
	case CurrentTime:
		return types.TimestamptzToTimetz(now, ctx.IO()), nil
	}
	s := ctx.Session
	if s == nil {
		return types.Null, errNoSession
	}
	switch e.kind {
	case CurrentRole, CurrentUser:
		return types.NewString(s.CurrentUser()), nil
	case SessionUser:
		return types.NewString(s.SessionUser()), nil
	case CurrentCatalog:
		return types.NewString(s.CurrentDatabase()), nil
	}
	if sp := s.CurrentSchemas(false); len(sp) > 0 {
		return types.NewString(sp[0]), nil
	}
	return types.Null, nil
}

const microsPerDay = 86_400_000_000

// errNoSession stops the folding of functions that need a session.
var errNoSession = pgerr.Internal("function needs a session")

// roundMicros rounds microseconds to a number of fractional digits.
func roundMicros(us int64, digits int32) int64 {
	if digits < 0 || digits >= 6 || !types.TimestampIsFinite(us) {
		return us
	}
	unit := [...]int64{1_000_000, 100_000, 10_000, 1000, 100, 10}[digits]
	if us < 0 {
		return -((-us + unit/2) / unit * unit)
	}
	return (us + unit/2) / unit * unit
}
