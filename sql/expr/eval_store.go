package expr

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// storeEval evaluates a Store. Its arguments are the container, the bounds of all steps and the value, in this order.
type storeEval struct {
	steps []storeStep
	value int // index of the value
}

type storeStep struct {
	StoreStep
	// read and write take [container, bounds…] and [container, bounds…, value].
	read, write func(args []types.Datum) (types.Datum, error)
	at          int // index of the first bound
}

func (c *compiler) store(n *Store) (evaluator, error) {
	e := &storeEval{}
	args := []Node{n.Container}
	for _, st := range n.Steps {
		e.steps = append(e.steps, newStoreStep(st, len(args)))
		args = append(append(args, st.Lower...), st.Upper...)
	}
	e.value = len(args)
	return c.rowFunc(append(args, n.Value), n.Type, func(f *frame, args []types.Datum) (types.Datum, error) {
		return e.set(f, args, args[0], 0)
	})
}

func newStoreStep(st StoreStep, at int) storeStep {
	out := storeStep{StoreStep: st, at: at}
	if st.Fields != nil {
		return out
	}
	read := &subscriptEval{node: &Subscript{Lower: st.Lower, Upper: st.Upper}, elem: types.ElemOf(st.Of.Oid), upper: 1 + len(st.Lower)}
	if st.Lower != nil {
		read.lower = 1
	}
	write := *read
	write.assign = 1 + len(st.Lower) + len(st.Upper)
	if out.read, out.write = read.array, write.array; st.Of.Oid == types.JsonbOid {
		out.read, out.write = read.jsonb, write.jsonb
	}
	return out
}

// set is old with what the steps from the k-th on lead to replaced.
func (e *storeEval) set(f *frame, args []types.Datum, old types.Datum, k int) (types.Datum, error) {
	if k == len(e.steps) {
		return args[e.value], nil
	}
	st := &e.steps[k]
	var out types.Datum
	var err error
	if st.Fields != nil {
		out, err = e.setField(f, args, old, k)
	} else {
		out, err = e.setElement(f, args, old, k)
	}
	if err != nil || k == 0 || st.Of.Domain == 0 { // the domain of the whole is the caller's business
		return out, err
	}
	return out, f.ctx.IO().Domain(st.Of, out)
}

func (e *storeEval) setField(f *frame, args []types.Datum, old types.Datum, k int) (types.Datum, error) {
	st := &e.steps[k]
	r := &types.Record{Oid: st.Of.Oid, Types: make([]types.Type, len(st.Fields)), Fields: make([]types.Datum, len(st.Fields))}
	if !old.IsNull() {
		copy(r.Fields, old.Record().Fields)
	}
	for i, a := range st.Fields {
		r.Types[i] = a.Type
	}
	var err error
	r.Fields[st.Field], err = e.set(f, args, r.Fields[st.Field], k+1)
	return types.NewRecord(r), err
}

func (e *storeEval) setElement(f *frame, args []types.Datum, old types.Datum, k int) (types.Datum, error) {
	st := &e.steps[k]
	with := append([]types.Datum{old}, args[st.at:st.at+len(st.Lower)+len(st.Upper)]...)
	var was types.Datum
	var err error
	if k+1 < len(e.steps) {
		if was, err = st.read(with); err != nil {
			return was, err
		}
	}
	v, err := e.set(f, args, was, k+1)
	if err != nil {
		return v, err
	}
	return st.write(append(with, v))
}

func sameSteps(a, b []StoreStep) bool {
	return slices.EqualFunc(a, b, func(a, b StoreStep) bool {
		return a.Of == b.Of && a.Field == b.Field && sameNils(a.Lower, b.Lower) && sameNils(a.Upper, b.Upper)
	})
}
