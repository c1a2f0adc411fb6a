package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The ctid of a row is its key, where that is one integer: the hidden row id of a table without a primary key, or the primary
// key. Both go into the 48 bits of a tid and come back, so that no two rows of a table have one ctid, and a row is looked up by
// it. Where the key is anything else, nothing of 48 bits names a row, and ctid is refused; so it is of a row whose key is an
// integer with more bits. A ctid stays the same when its row is updated, but for its key.

// ctid is the ctid of a table's row.
func (s *scope) ctid(it *nsItem, level, loc int) (expr.Node, error) {
	tid := types.T(types.TidOid)
	if s.env.Print {
		return &expr.Var{Level: level, Rel: it.rel, Col: SystemColumn, Type: tid, Name: "ctid", Loc: loc}, nil
	}
	t := it.table
	k := tidKey(t)
	sc := s
	for range level {
		sc = sc.parent
	}
	for _, leaf := range sc.q.Rels[it.rel].Tree { // whose rows are seen as rows of the table
		if n := tidKey(leaf); k == 0 || n == 0 || t.Columns[k-1].Hidden || leaf.Columns[n-1].Name != t.Columns[k-1].Name {
			return nil, s.unsupported(loc, "system column \"ctid\" of a table that others inherit from, without a common key of one integer")
		}
	}
	if k == 0 {
		return nil, s.unsupported(loc, "system column \"ctid\" of a table whose primary key is not one integer")
	}
	c := &t.Columns[k-1]
	key := &expr.Var{Level: level, Rel: it.rel, Col: int(k) - 1, Type: c.Type, Name: c.Name, Loc: loc}
	return &expr.Func{Fn: expr.TidOfKey(c.Hidden), Args: []expr.Node{key}, Type: tid, Loc: loc}, nil
}

// tidKey is the column that tids of a table's rows are made of; 0 where there is none.
func tidKey(t *catalog.Table) catalog.AttNum {
	if len(t.KeyColumns) != 1 || t.Partitioning != nil && t.RowIDColumn() != 0 {
		return 0
	}
	switch k := t.KeyColumns[0]; t.Columns[k-1].Type.Oid {
	case types.Int2Oid, types.Int4Oid, types.Int8Oid:
		return k
	}
	return 0
}

// byKey makes ctid = x a condition on the key that the ctid is made of: key = the key that makes x. Other calls stay.
func byKey(f *expr.Func) *expr.Func {
	if f.Fn.Name != "tideq" && f.Fn.Name != "tidne" || len(f.Args) != 2 {
		return f
	}
	key, hidden, ok := keyOfCtid(f.Args[0])
	x := 1
	if !ok {
		if key, hidden, ok = keyOfCtid(f.Args[1]); !ok {
			return f
		}
		x = 0
	}
	other := expr.Node(&expr.Func{Fn: expr.KeyOfTid(hidden), Args: f.Args[x : x+1], Type: types.T(types.Int8Oid), Loc: -1})
	if k, h, ok := keyOfCtid(f.Args[x]); ok && h == hidden {
		other = k
	}
	args := []expr.Node{key, other}
	if x == 0 {
		slices.Reverse(args)
	}
	fn, err := expr.ResolveOperator(f.Fn.Operator.Name, oidsOf(args))
	if err != nil {
		return f
	}
	return &expr.Func{Fn: fn, Args: args, Type: f.Type, Loc: f.Loc}
}

// anyByKey is byKey for ctid = ANY (x).
func anyByKey(n *expr.AnyAll) expr.Node {
	key, hidden, ok := keyOfCtid(n.Left)
	if !ok || n.Op.Name != "tideq" && n.Op.Name != "tidne" {
		return n
	}
	fn, err := expr.ResolveOperator(n.Op.Operator.Name, []types.Oid{oidOf(key), types.Int8Oid})
	if err != nil {
		return n
	}
	keys := &expr.Func{Fn: expr.KeysOfTids(hidden), Args: []expr.Node{n.Array}, Type: types.T(types.ArrayOf(types.Int8Oid)), Loc: -1}
	return &expr.AnyAll{Op: fn, Left: key, Array: keys, All: n.All, Loc: n.Loc}
}

// keyOfCtid is the key that n makes a ctid of.
func keyOfCtid(n expr.Node) (key expr.Node, hidden, ok bool) {
	f, ok := n.(*expr.Func)
	if !ok || f.Fn != expr.TidOfKey(true) && f.Fn != expr.TidOfKey(false) {
		return nil, false, false
	}
	return f.Args[0], f.Fn == expr.TidOfKey(true), true
}

// keyOutput applies a function to each of a query's columns that has one.
func keyOutput(q *Query, keys []*expr.Function) *Query {
	if !slices.ContainsFunc(keys, func(f *expr.Function) bool { return f != nil }) {
		return q
	}
	outer := wrap(q)
	for i, fn := range keys {
		if fn != nil {
			t := &outer.Targets[i]
			t.Expr = &expr.Func{Fn: fn, Args: []expr.Node{t.Expr}, Type: types.T(fn.Result), Loc: -1}
		}
	}
	return outer
}
