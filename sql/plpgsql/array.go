package plpgsql

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Arrays that a variable owns are changed in place, so that a loop that sets one element after the other, or appends them,
// takes time by their number and not by its square. Values are shared everywhere else: an array is a variable's own only if
// the interpreter made it for the variable and no expression has got it since, but to look at an element or at its size.

// elementStore is a[i] := v or a := array_append(a, v), of an array that is the target's.
type elementStore struct {
	index *expr.Compiled // nil: behind the last one
	value *expr.Compiled
}

// maxOwnElements bounds the arrays that are changed in place.
const maxOwnElements = 1 << 26

// newElementStore is how an assignment changes its target in place; nil where it does not.
func newElementStore(e *expression, n expr.Node) (*elementStore, error) {
	if e.target == nil || e.target.typ.Domain != 0 || e.target.typ.Kind() != types.KArray {
		return nil, nil
	}
	s := &elementStore{}
	var err error
	switch k := n.(type) {
	case *expr.Subscript:
		if k.Assign == nil || k.Lower != nil || len(k.Upper) != 1 || !e.isTarget(k.Container) || e.leaks(k.Upper[0]) || e.leaks(k.Assign) {
			return nil, nil
		}
		if s.index, err = expr.Compile(k.Upper[0], nil); err == nil {
			s.value, err = expr.Compile(k.Assign, nil)
		}
	case *expr.Func:
		if k.Fn.Name != "array_append" && !(k.Fn.Operator != nil && k.Fn.Operator.Name == "||" && appends(k)) || len(k.Args) != 2 ||
			!e.isTarget(k.Args[0]) || e.leaks(k.Args[1]) {
			return nil, nil
		}
		s.value, err = expr.Compile(k.Args[1], nil)
	default:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// appends reports whether a || is that of an array and an element.
func appends(k *expr.Func) bool {
	return types.ElemOf(k.Args[0].ResultType().Oid) == k.Args[1].ResultType().Oid
}

// isTarget reports whether a node is the variable that an assignment goes to.
func (e *expression) isTarget(n expr.Node) bool {
	p, ok := n.(*expr.Param)
	return ok && e.params[p.Index-1] == e.target
}

// leaks reports whether an expression gives the target itself away.
func (e *expression) leaks(n expr.Node) bool {
	for i, d := range e.params {
		if d == e.target && !readsOnly(n, i+1) {
			return true
		}
	}
	return false
}

// sizes are the functions that tell of an array no more than how large it is.
var sizes = []string{"array_length", "array_upper", "array_lower", "array_ndims", "cardinality"}

// readsOnly reports whether an expression reads elements or the size of a parameter, and gives it to nobody.
func readsOnly(n expr.Node, param int) bool {
	only := true
	isParam := func(k expr.Node) bool {
		p, ok := k.(*expr.Param)
		return ok && p.Index == param
	}
	var visit func(k expr.Node) bool
	visit = func(k expr.Node) bool {
		switch k := k.(type) {
		case *expr.Subscript:
			if isParam(k.Container) && k.Lower == nil && k.Assign == nil {
				for _, u := range k.Upper {
					expr.Walk(u, visit)
				}
				return false
			}
		case *expr.Func:
			if len(k.Args) > 0 && isParam(k.Args[0]) && slices.Contains(sizes, k.Fn.Name) {
				for _, a := range k.Args[1:] {
					expr.Walk(a, visit)
				}
				return false
			}
		case *expr.Param:
			only = only && k.Index != param
		}
		return only
	}
	expr.Walk(n, visit)
	return only
}

// own returns the array of a variable if it is the variable's own.
func (x *execution) own(d *datum) *types.Array {
	if x.owned == nil {
		return nil
	}
	if a := x.owned[d.no]; a != nil && x.vals[d.no].Array() == a {
		return a
	}
	return nil
}

// storeElement changes a variable's array in place; done is false where that cannot be.
func (x *execution) storeElement(to *datum, e *expression) (done bool, err error) {
	s := e.simple.store
	for i, d := range e.params {
		v := x.vals[d.no]
		if d.kind != scalarDatum {
			var t types.Type
			if v, t, err = x.value(d); err != nil || t.Declared() != e.types[i].Declared() {
				return false, nil // the plain way says what is wrong
			}
		}
		e.simple.params[i] = v
	}
	shared := x.vals[to.no].Array()
	if shared == nil || len(shared.Dims) != 1 || len(shared.Elems) == 0 || len(shared.Elems) >= maxOwnElements {
		return false, nil
	}
	x.eval.Params = e.simple.params
	lower := 1
	if shared.Lbs != nil {
		lower = int(shared.Lbs[0])
	}
	at := len(shared.Elems)
	if s.index != nil {
		i, err := s.index.EvalRow(&x.eval, nil)
		if err != nil {
			return true, err
		}
		if i.IsNull() {
			return false, nil
		}
		if at = int(i.Int()) - lower; at < 0 || at > len(shared.Elems) {
			return false, nil
		}
	}
	v, err := s.value.EvalRow(&x.eval, nil)
	if err != nil {
		return true, err
	}
	a := x.own(to)
	if a == nil {
		a = &types.Array{Elem: shared.Elem, Dims: slices.Clone(shared.Dims), Lbs: slices.Clone(shared.Lbs), Elems: slices.Clone(shared.Elems)}
		if x.owned == nil {
			x.owned = make([]*types.Array, len(x.vals))
		}
		x.owned[to.no], x.vals[to.no] = a, types.NewArray(a)
	}
	if at < len(a.Elems) {
		a.Elems[at] = v
		return true, nil
	}
	a.Elems = append(a.Elems, v)
	a.Dims[0]++
	return true, nil
}
