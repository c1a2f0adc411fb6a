package expr

import (
	"reflect"
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// children calls f with the address of every direct child of n. Queries of Subqueries are not children.
func children(n Node, f func(*Node)) {
	list := func(ns []Node) {
		for i := range ns {
			f(&ns[i])
		}
	}
	opt := func(c *Node) {
		if *c != nil {
			f(c)
		}
	}
	switch n := n.(type) {
	case *Func:
		list(n.Args)
	case *Cast:
		f(&n.Arg)
	case *Collate:
		f(&n.Arg)
	case *BoolOp:
		list(n.Args)
	case *IsTest:
		f(&n.Arg)
	case *Distinct:
		f(&n.Left)
		f(&n.Right)
	case *Case:
		for i := range n.Whens {
			f(&n.Whens[i].Cond)
			f(&n.Whens[i].Result)
		}
		opt(&n.Else)
	case *Coalesce:
		list(n.Args)
	case *MinMax:
		list(n.Args)
	case *NullIf:
		f(&n.Left)
		f(&n.Right)
	case *AnyAll:
		f(&n.Left)
		f(&n.Array)
	case *ArrayExpr:
		list(n.Elems)
	case *Subscript:
		f(&n.Container)
		for i := range n.Lower {
			opt(&n.Lower[i])
		}
		for i := range n.Upper {
			opt(&n.Upper[i])
		}
		opt(&n.Assign)
	case *Store:
		f(&n.Container)
		for i := range n.Steps {
			for k := range n.Steps[i].Lower {
				opt(&n.Steps[i].Lower[k])
			}
			for k := range n.Steps[i].Upper {
				opt(&n.Steps[i].Upper[k])
			}
		}
		f(&n.Value)
	case *Row:
		list(n.Fields)
	case *Field:
		f(&n.Arg)
	case *Subquery:
		list(n.Left)
		list(n.Outer)
		opt(&n.Hashed)
		opt(&n.Grouped)
		opt(&n.Batched)
	case *Aggregate:
		list(n.Direct)
		list(n.Args)
		for i := range n.OrderBy {
			f(&n.OrderBy[i].Expr)
		}
		opt(&n.Filter)
	case *Grouping:
		list(n.Args)
	case *WindowFunc:
		list(n.Args)
		opt(&n.Filter)
	case *SetReturning:
		list(n.Args)
	}
}

// Walk calls f for n and all nodes below it, parents first; f returning false leaves out the node's children. It does
// not enter the queries of Subqueries.
func Walk(n Node, f func(Node) bool) {
	if n == nil || !f(n) {
		return
	}
	children(n, func(c *Node) { Walk(*c, f) })
}

// Rewrite returns n with every node replaced by what f returns for it, children first. Nodes are copied where something
// below them changed; n itself is not altered.
func Rewrite(n Node, f func(Node) (Node, error)) (Node, error) {
	if n == nil {
		return nil, nil
	}
	c, err := rewriteChildren(n, func(k Node) (Node, error) { return Rewrite(k, f) })
	if err != nil {
		return nil, err
	}
	return f(c)
}

func rewriteChildren(n Node, f func(Node) (Node, error)) (Node, error) {
	var replaced []Node
	changed := false
	var err error
	children(n, func(c *Node) {
		r := *c
		if err == nil {
			var e error
			if r, e = f(*c); e != nil {
				err = e
				return
			}
		}
		changed = changed || r != *c
		replaced = append(replaced, r)
	})
	if err != nil || !changed {
		return n, err
	}
	cp := shallowCopy(n)
	i := 0
	children(cp, func(c *Node) {
		*c = replaced[i]
		i++
	})
	return cp, nil
}

func cloneNodes(ns []Node) []Node { return append([]Node(nil), ns...) }

// shallowCopy copies a node with the slices that hold its children.
func shallowCopy(n Node) Node {
	switch n := n.(type) {
	case *Func:
		c := *n
		c.Args = cloneNodes(n.Args)
		return &c
	case *Cast:
		c := *n
		return &c
	case *BoolOp:
		c := *n
		c.Args = cloneNodes(n.Args)
		return &c
	case *IsTest:
		c := *n
		return &c
	case *Distinct:
		c := *n
		return &c
	case *Case:
		c := *n
		c.Whens = append([]When(nil), n.Whens...)
		return &c
	case *Coalesce:
		c := *n
		c.Args = cloneNodes(n.Args)
		return &c
	case *MinMax:
		c := *n
		c.Args = cloneNodes(n.Args)
		return &c
	case *NullIf:
		c := *n
		return &c
	case *AnyAll:
		c := *n
		return &c
	case *ArrayExpr:
		c := *n
		c.Elems = cloneNodes(n.Elems)
		return &c
	case *Subscript:
		c := *n
		c.Lower, c.Upper = cloneNodes(n.Lower), cloneNodes(n.Upper)
		return &c
	case *Store:
		c := *n
		c.Steps = append([]StoreStep(nil), n.Steps...)
		for i, st := range c.Steps {
			c.Steps[i].Lower, c.Steps[i].Upper = cloneNodes(st.Lower), cloneNodes(st.Upper)
		}
		return &c
	case *Row:
		c := *n
		c.Fields = cloneNodes(n.Fields)
		return &c
	case *Field:
		c := *n
		return &c
	case *Subquery:
		c := *n
		c.Left, c.Outer = cloneNodes(n.Left), cloneNodes(n.Outer)
		return &c
	case *Aggregate:
		c := *n
		c.Direct, c.Args = cloneNodes(n.Direct), cloneNodes(n.Args)
		c.OrderBy = append([]SortKey(nil), n.OrderBy...)
		return &c
	case *Grouping:
		c := *n
		c.Args = cloneNodes(n.Args)
		return &c
	case *WindowFunc:
		c := *n
		c.Args = cloneNodes(n.Args)
		return &c
	case *SetReturning:
		c := *n
		c.Args = cloneNodes(n.Args)
		return &c
	}
	return n
}

// Equal reports whether two expressions are the same but for their locations and names.
func Equal(a, b Node) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if a == b {
		return true
	}
	if reflect.TypeOf(a) != reflect.TypeOf(b) || a.ResultType() != b.ResultType() || !sameHead(a, b) {
		return false
	}
	var ac, bc []Node
	children(a, func(c *Node) { ac = append(ac, *c) })
	children(b, func(c *Node) { bc = append(bc, *c) })
	if len(ac) != len(bc) {
		return false
	}
	for i := range ac {
		if !Equal(ac[i], bc[i]) {
			return false
		}
	}
	return true
}

// sameHead compares two nodes of one Go type without their children.
func sameHead(a, b Node) bool {
	switch a := a.(type) {
	case *Const:
		b := b.(*Const)
		if a.Value.IsNull() || b.Value.IsNull() {
			return a.Value.IsNull() && b.Value.IsNull()
		}
		if a.Type.Oid.Kind() == types.KNumeric && types.NumericScale(a.Value) != types.NumericScale(b.Value) {
			return false
		}
		return types.Equal(a.Type.Oid, a.Value, b.Value)
	case *Param:
		return a.Index == b.(*Param).Index
	case *Var:
		b := b.(*Var)
		return a.Rel == b.Rel && a.Col == b.Col && a.Level == b.Level
	case *Column:
		return a.Index == b.(*Column).Index
	case *OuterColumn:
		return a.Index == b.(*OuterColumn).Index
	case *Func:
		b := b.(*Func)
		return a.Fn == b.Fn && a.Variadic == b.Variadic
	case *Collate:
		return a.Name == b.(*Collate).Name
	case *BoolOp:
		return a.Op == b.(*BoolOp).Op
	case *IsTest:
		b := b.(*IsTest)
		return a.Test == b.Test && a.Not == b.Not
	case *Distinct:
		b := b.(*Distinct)
		return a.Eq == b.Eq && a.Not == b.Not
	case *Case:
		b := b.(*Case)
		return len(a.Whens) == len(b.Whens)
	case *MinMax:
		return a.Least == b.(*MinMax).Least
	case *NullIf:
		return a.Eq == b.(*NullIf).Eq
	case *AnyAll:
		b := b.(*AnyAll)
		return a.Op == b.Op && a.All == b.All
	case *Subscript:
		b := b.(*Subscript)
		return sameNils(a.Lower, b.Lower) && sameNils(a.Upper, b.Upper) && (a.Assign == nil) == (b.Assign == nil)
	case *Store:
		return sameSteps(a.Steps, b.(*Store).Steps)
	case *Field:
		return a.Index == b.(*Field).Index
	case *Subquery:
		b := b.(*Subquery)
		return a.Kind == b.Kind && a.Nested == b.Nested && slices.Equal(a.Ops, b.Ops) && sameQuery(a.Query, b.Query)
	case *Aggregate:
		b := b.(*Aggregate)
		return a.Fn == b.Fn && a.Star == b.Star && a.Distinct == b.Distinct && a.Level == b.Level &&
			len(a.Direct) == len(b.Direct) && len(a.OrderBy) == len(b.OrderBy) && (a.Filter == nil) == (b.Filter == nil) && sameOrder(a.OrderBy, b.OrderBy)
	case *WindowFunc:
		b := b.(*WindowFunc)
		return a.Fn == b.Fn && a.Agg == b.Agg && a.Star == b.Star && a.Window == b.Window && (a.Filter == nil) == (b.Filter == nil)
	case *Grouping:
		return a.Level == b.(*Grouping).Level
	case *SQLValue:
		return a.Kind == b.(*SQLValue).Kind
	case *SetReturning:
		return a.Fn == b.(*SetReturning).Fn
	}
	return true
}

// sameQuery compares queries of subqueries.
func sameQuery(a, b any) bool {
	if q, ok := a.(interface{ SameQuery(any) bool }); ok {
		return q.SameQuery(b)
	}
	return a == b
}

// sameNils reports whether two lists are equally long and left out at the same places.
func sameNils(a, b []Node) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if (a[i] == nil) != (b[i] == nil) {
			return false
		}
	}
	return true
}

func sameOrder(a, b []SortKey) bool {
	for i := range a {
		if a[i].Desc != b[i].Desc || a[i].NullsFirst != b[i].NullsFirst {
			return false
		}
	}
	return true
}

// ContainsVolatile reports whether n calls a volatile function or has a Subquery, whose query it does not look into.
func ContainsVolatile(n Node) bool {
	found := false
	Walk(n, func(k Node) bool {
		switch k := k.(type) {
		case *Func:
			found = found || k.Fn.Volatility == Volatile
		case *SetReturning:
			found = found || k.Fn.Volatility == Volatile
		case *AnyAll:
			found = found || k.Op.Volatility == Volatile
		case *Subquery:
			found = true
		}
		return !found
	})
	return found
}
