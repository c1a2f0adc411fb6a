package expr

import "github.com/pgmqdb/pgmqdb/sql/types"

// Unnests is unnest(array, array, …) in FROM, where it means the arrays side by side: a row has one element of each, NULL
// where an array has no more. A call needs its columns in SetReturning.Columns.
var Unnests = &SetFunction{Name: "unnest", Result: types.RecordOid, Volatility: Immutable, src: "array_unnest", open: openUnnests}

type unnestsIter struct {
	arrays [][]types.Datum
	next   int
}

func openUnnests(_ *Call, args []types.Datum) (SetIterator, error) {
	it := &unnestsIter{}
	for _, a := range args {
		var elems []types.Datum
		if arr := a.Array(); arr != nil {
			elems = arr.Elems
		}
		it.arrays = append(it.arrays, elems)
	}
	return it, nil
}

func (it *unnestsIter) Next(_ *EvalContext, row []types.Datum) (bool, error) {
	any := false
	for i, elems := range it.arrays {
		row[i] = types.Null
		if it.next < len(elems) {
			row[i], any = elems[it.next], true
		}
	}
	it.next++
	return any, nil
}
