package expr

import (
	"context"
	"time"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Fold replaces calls of immutable functions on constants by their results, and simplifies AND, OR and CASE by constant
// conditions. What fails stays, to fail if it is ever evaluated.
func Fold(n Node) Node {
	out, _ := Rewrite(n, func(k Node) (Node, error) { return foldNode(k), nil })
	return out
}

func isConst(n Node) bool {
	_, ok := n.(*Const)
	return ok
}

func foldNode(n Node) Node {
	switch k := n.(type) {
	case *Func:
		if k.Fn.impl == nil {
			return n
		}
		if k.Fn.Strict { // however volatile: it is not called
			null := false
			for _, a := range k.Args {
				if c, ok := a.(*Const); ok && c.Value.IsNull() {
					null = true
				} else if fails(a) {
					return n
				}
			}
			if null {
				return &Const{Type: k.Type, Loc: k.Loc}
			}
		}
	case *BoolOp:
		return foldBool(k)
	case *Case:
		return foldCase(k)
	}
	if !foldable(n) {
		return n
	}
	return evalConst(n)
}

// foldable reports whether n is a constant expression of one operation, whose value depends on nothing else.
func foldable(n Node) bool {
	switch k := n.(type) {
	case *Func:
		if k.Fn.Volatility != Immutable || k.Fn.impl == nil {
			return false
		}
	case *Cast:
		if !stableFreeCast(k) {
			return false
		}
	case *AnyAll:
		if k.Op.Volatility != Immutable {
			return false
		}
	case *ArrayExpr, *IsTest, *Distinct, *Coalesce, *MinMax, *NullIf, *Subscript, *Row:
	default:
		return false
	}
	all := true
	children(n, func(c *Node) { all = all && isConst(*c) })
	return all && n.ResultType().Oid.Kind() != types.KRecord
}

// fails reports whether the folded n has a constant expression that is not one constant by now: its evaluation failed.
// PostgreSQL raises that error, though a strict function around it has a NULL among its other arguments.
func fails(n Node) bool {
	if c, ok := n.(*Cast); ok && types.ElemOf(c.Type.Oid) != 0 {
		return false // the input of arrays counts as depending on settings, since that of their elements may
	}
	if foldable(n) {
		return true
	}
	found := false
	children(n, func(c *Node) { found = found || fails(*c) })
	return found
}

// stableFreeCast reports whether a cast's result depends on no setting.
func stableFreeCast(k *Cast) bool {
	if k.Domain != nil {
		return false
	}
	from, to := k.Arg.ResultType().Oid, k.Type.Oid
	if e := types.ElemOf(from); (from.Kind() == types.KFloat || e != 0 && e.Kind() == types.KFloat) && to.Kind() == types.KString {
		return false // extra_float_digits
	}
	for _, o := range [...]types.Oid{from, to} {
		if types.Lookup(o) == nil {
			return false
		}
		if e := types.ElemOf(o); e != 0 {
			o = e
		}
		switch o {
		case types.BoolOid, types.Int2Oid, types.Int4Oid, types.Int8Oid, types.TextOid, types.VarcharOid, types.BpcharOid,
			types.NumericOid, types.Float8Oid, types.Float4Oid, types.NameOid, types.CharOid, types.UuidOid, types.OidOid,
			types.JsonOid, types.JsonbOid, types.JsonpathOid, types.ByteaOid, types.InetOid, types.CidrOid, types.MacaddrOid, types.Macaddr8Oid,
			types.PgLsnOid, types.UnknownOid:
		default:
			return false
		}
	}
	return true
}

func evalConst(n Node) Node {
	c := &compiler{}
	root, err := c.node(n)
	if err != nil {
		return n
	}
	pool := &framePool{calls: c.calls, size: c.size}
	ctx := &EvalContext{Context: context.Background(), TxnTime: time.Time{}}
	d, err := root.row(pool.get(ctx), nil)
	if err != nil {
		return n
	}
	return &Const{Type: n.ResultType(), Value: d, Loc: n.Pos()}
}

func foldBool(k *BoolOp) Node {
	if k.Op == Not {
		if isConst(k.Args[0]) {
			return evalConst(k)
		}
		return k
	}
	var keep []Node
	for _, a := range k.Args {
		if c, ok := a.(*Const); ok && !c.Value.IsNull() {
			if c.Value.Bool() == (k.Op == Or) {
				return c
			}
			continue
		}
		keep = append(keep, a)
	}
	switch {
	case len(keep) == 0:
		return &Const{Type: boolType, Value: types.NewBool(k.Op == And), Loc: k.Loc}
	case len(keep) == 1:
		return keep[0]
	case len(keep) == len(k.Args):
		return k
	}
	return &BoolOp{Op: k.Op, Args: keep, Loc: k.Loc}
}

func foldCase(k *Case) Node {
	var whens []When
	for _, w := range k.Whens {
		c, ok := w.Cond.(*Const)
		if !ok {
			whens = append(whens, w)
			continue
		}
		if c.Value.IsNull() || !c.Value.Bool() {
			continue
		}
		if len(whens) == 0 {
			return w.Result
		}
		return &Case{Whens: whens, Else: w.Result, Type: k.Type, Loc: k.Loc}
	}
	if len(whens) == len(k.Whens) {
		return k
	}
	if len(whens) > 0 {
		return &Case{Whens: whens, Else: k.Else, Type: k.Type, Loc: k.Loc}
	}
	if k.Else == nil {
		return &Const{Type: k.Type, Loc: k.Loc}
	}
	return k.Else
}
