package expr

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Fold replaces calls of immutable functions on constants by their results, and simplifies AND, OR, CASE and COALESCE by
// their constants. An expression of which a constant part cannot be computed stays as it is.
func Fold(n Node) Node {
	if out, err := fold(n); err == nil {
		return out
	}
	return n
}

// fold is Fold for what is about to run. As in PostgreSQL, a constant part that cannot be computed fails at once, though
// no row would ever ask for its value: SELECT 1/0 fails on an empty table too. Spared is only what constants in front of
// it cut off: the arguments of AND behind a FALSE, of OR behind a TRUE, and of COALESCE behind a value, and the branches
// of CASE that none can reach.
func fold(n Node) (Node, error) {
	switch k := n.(type) {
	case *BoolOp:
		if k.Rows {
			return foldRows(k)
		}
		if k.Op != Not {
			return foldBool(k)
		}
	case *Case:
		return foldCase(k)
	case *Coalesce:
		return foldCoalesce(k)
	}
	whole := n
	n, err := rewriteChildren(n, fold)
	if err != nil {
		if settledBefore(whole) {
			return whole, nil // what comes before may fail too, and first, when it runs
		}
		return nil, err
	}
	if k, ok := n.(*Func); ok && k.Fn.impl != nil {
		return foldFunc(k)
	}
	if k, ok := n.(*IsTest); ok && refuted(k) {
		return &Const{Type: types.T(types.BoolOid), Value: types.NewBool(false), Loc: k.Loc}, nil
	}
	if k, ok := n.(*NullIf); ok && (isNullConst(k.Left) || isNullConst(k.Right)) && !awaitsSettings(k.Right) {
		return k.Left, nil // NULL equals nothing
	}
	if k, ok := n.(*Cast); ok && k.Domain == nil && isNullConst(k.Arg) && types.ElemOf(k.Type.Oid) == 0 {
		return &Const{Type: k.Type, Loc: k.Loc}, nil // whatever its functions depend on, they are strict
	}
	if k, ok := n.(*Cast); ok && k.Domain == nil && !k.ViaIO && k.Type.Oid == types.RecordOid && isConst(k.Arg) {
		return &Const{Type: k.Type, Value: k.Arg.(*Const).Value, Loc: k.Loc}, nil // a composite value is a record as it is
	}
	if !foldable(n) {
		return n, nil
	}
	return evalConst(n)
}

// refuted reports whether a row is not [NOT] NULL for what a constant field of it is.
func refuted(k *IsTest) bool {
	r, ok := k.Arg.(*Row)
	return ok && k.Test == IsNull && slices.ContainsFunc(r.Fields, func(f Node) bool { return isConst(f) && isNullConst(f) == k.Not })
}

// foldRows folds what the comparison of two rows compares. The comparison itself PostgreSQL makes when it runs.
func foldRows(n Node) (Node, error) {
	if _, ok := n.(*BoolOp); ok {
		return rewriteChildren(n, foldRows)
	}
	return rewriteChildren(n, fold)
}

func foldFunc(k *Func) (Node, error) {
	if k.Fn.Strict && slices.ContainsFunc(k.Args, isNullConst) { // however volatile: it is not called
		if !slices.ContainsFunc(k.Args, awaitsSettings) {
			return &Const{Type: k.Type, Loc: k.Loc}, nil
		}
		return forErrors(k), nil
	}
	if fitsAnyLength(k) {
		return k.Args[0], nil
	}
	k = overlapsOfNull(k)
	switch inSQL := strings.HasSuffix(k.Fn.src, ")"); {
	case foldable(k):
		out, err := evalConst(k)
		if err != nil && inSQL { // PostgreSQL calls it; with other arguments it is expanded, so that no error knows of it
			err = pgerr.From(err).Clone().WithWhere("SQL function \"%s\" statement 1", k.Fn.Name)
		}
		return out, err
	case inSQL && sumsInSQL[k.Fn.Name]:
		if plus, err := ResolveOperator("+", []types.Oid{k.Fn.Args[1], k.Fn.Args[0]}); err == nil {
			return &Func{Fn: plus, Args: []Node{k.Args[1], k.Args[0]}, Type: k.Type, Loc: k.Loc}, nil
		}
	case inSQL && k.Fn.impl.inline != nil:
		if err := k.Fn.impl.inline(k.Args); err != nil {
			return nil, pgerr.From(err).Clone().WithWhere("SQL function \"%s\" during inlining", k.Fn.Name)
		}
	}
	return k, nil
}

// sumsInSQL are the functions in SQL whose body is $2 + $1, which is what is evaluated.
var sumsInSQL = map[string]bool{"timedate_pl": true, "timetzdate_pl": true, "interval_pl_time": true, "interval_pl_date": true, "interval_pl_timetz": true,
	"interval_pl_timestamp": true, "interval_pl_timestamptz": true, "integer_pl_date": true, "int8pl_inet": true, "numeric_pl_pg_lsn": true}

// fitsAnyLength reports whether a call makes its first argument as long as it is: varbit_support takes the call
// away, and with it the argument that says whether it was explicit.
func fitsAnyLength(k *Func) bool {
	if k.Fn.src != "varbit" || k.Fn.User != nil || len(k.Args) != 3 || isConst(k.Args[2]) {
		return false
	}
	c, ok := k.Args[1].(*Const)
	return ok && !c.Value.IsNull() && c.Value.Int() <= 0
}

// overlapsOfNull leaves out the lengths of periods whose start is NULL: PostgreSQL expands such a call, and the sum of start and
// length is NULL before the length is computed, unless that is a constant.
func overlapsOfNull(k *Func) *Func {
	if k.Fn.Name != "overlaps" || k.Fn.User != nil {
		return k
	}
	for i := 0; i+1 < len(k.Args); i += 2 {
		if length := k.Args[i+1]; isNullConst(k.Args[i]) && k.Fn.Args[i+1] == types.IntervalOid && !isConst(length) && !awaitsSettings(length) {
			c := *k
			c.Args = slices.Clone(k.Args)
			c.Args[i+1] = &Const{Type: length.ResultType(), Loc: -1}
			k = &c
		}
	}
	return k
}

func isConst(n Node) bool {
	_, ok := n.(*Const)
	return ok
}

func isNullConst(n Node) bool {
	c, ok := n.(*Const)
	return ok && c.Value.IsNull()
}

// foldable reports whether n is a constant expression of one operation, whose value depends on nothing else.
func foldable(n Node) bool {
	switch k := n.(type) {
	case *Func:
		if k.Fn.impl == nil || k.Fn.User != nil || mutableFunc(k) {
			return false
		}
		if k.Fn.Volatility != Immutable && slices.ContainsFunc(k.Args, func(a Node) bool { return formatted(a.ResultType().Oid) }) {
			return false
		}
	case *Cast:
		if !immutableCast(k) {
			return false
		}
	case *AnyAll:
		if k.Op.Volatility != Immutable {
			return false
		}
	case *IsTest:
		if k.Arg.ResultType().Oid.Kind() == types.KRecord {
			return false // PostgreSQL asks the fields of a row when it runs
		}
	case *BoolOp, *ArrayExpr, *Distinct, *MinMax, *NullIf, *Subscript, *Field, *Row:
	default:
		return false
	}
	all := true
	children(n, func(c *Node) { all = all && isConst(*c) })
	return all && (isChoice(n) || n.ResultType().Oid.Kind() != types.KRecord)
}

// isChoice reports whether a value of n is one of those that it is made of, or NULL.
func isChoice(n Node) bool {
	switch n.(type) {
	case *MinMax, *NullIf:
		return true
	}
	return false
}

// immutableCast reports whether a cast's result depends on nothing but its argument.
func immutableCast(k *Cast) bool {
	from, to := k.Arg.ResultType(), k.Type
	if k.Domain != nil || k.ViaIO || from.Oid == types.UnknownOid || to.Oid == types.Int2vectorOid || to.Oid == types.OidvectorOid {
		return false
	}
	return !mutableCast(from, to) && !(isText(to.Oid) && formattedElem(from.Oid))
}

// formatted reports whether settings decide the text of a type, though PostgreSQL calls its output immutable.
func formatted(o types.Oid) bool {
	return o == types.Float4Oid || o == types.Float8Oid || o == types.ByteaOid
}

// awaitsSettings reports whether a part of n is the text of a constant which settings decide: PostgreSQL has it when it
// folds, and what fails of it fails the statement. Here it is computed when the statement runs, so it must stay.
func awaitsSettings(n Node) bool {
	found := false
	Walk(n, func(k Node) bool {
		if c, ok := k.(*Cast); ok && isConst(c.Arg) && isText(c.Type.Oid) && formatted(c.Arg.ResultType().Oid) {
			found = true
		}
		return !found
	})
	return found
}

// settledBefore reports whether a part of n that waits for settings comes before the first that cannot be folded.
func settledBefore(n Node) bool {
	waits, before := false, false
	failed := false
	children(n, func(c *Node) {
		if failed {
			return
		}
		if _, err := fold(*c); err != nil {
			failed, before = true, waits
		}
		waits = waits || awaitsSettings(*c) && immutableButSettings(*c)
	})
	return before
}

// forErrors leaves, of the arguments of a call whose result is NULL, those that PostgreSQL would have computed when it folded.
func forErrors(k *Func) Node {
	c := *k
	c.Args = slices.Clone(k.Args)
	for i, a := range c.Args {
		if !awaitsSettings(a) || !immutableButSettings(a) {
			c.Args[i] = &Const{Type: a.ResultType(), Loc: -1}
		}
	}
	return &c
}

// immutableButSettings reports whether n would be a constant, were the texts of constants that settings decide.
func immutableButSettings(n Node) bool {
	ok := true
	Walk(n, func(k Node) bool {
		switch k := k.(type) {
		case *Const:
		case *Func:
			ok = ok && k.Fn.impl != nil && k.Fn.User == nil && k.Fn.Volatility == Immutable
		case *Cast:
			ok = ok && (immutableCast(k) || isConst(k.Arg) && isText(k.Type.Oid))
		default:
			ok = false
		}
		return ok
	})
	return ok
}

func formattedElem(o types.Oid) bool {
	if e := types.ElemOf(o); e != 0 {
		o = e
	}
	return formatted(o)
}

func isText(o types.Oid) bool {
	if e := types.ElemOf(o); e != 0 {
		o = e
	}
	in := types.Lookup(o)
	return in != nil && in.Category == 'S'
}

// maxFolding bounds the time for computing a constant.
const maxFolding = 20 * time.Millisecond

// evalConst computes a constant expression. What wants a session is left to run in one.
func evalConst(n Node) (Node, error) {
	c := &compiler{}
	root, err := c.node(n)
	if err != nil {
		return nil, err
	}
	pool := &framePool{calls: c.calls, size: c.size}
	// What takes longer is computed when the statement runs, where it can be cancelled.
	limit, cancel := context.WithTimeout(context.Background(), maxFolding)
	defer cancel()
	var notices []*pgerr.Error
	io := *types.DefaultIOEnv
	io.Notice = func(n *pgerr.Error) { notices = append(notices, n) }
	ctx := &EvalContext{Context: limit, IOEnv: &io, TxnTime: time.Time{}}
	d, err := root.row(pool.get(ctx), nil)
	if errors.Is(err, errNoSession) || err != nil && limit.Err() != nil {
		return n, nil
	}
	if err != nil {
		return nil, err
	}
	return &Const{Type: n.ResultType(), Value: d, Loc: n.Pos(), Notices: notices}, nil
}

func foldBool(k *BoolOp) (Node, error) {
	var keep []Node
	changed := false
	for _, a := range k.Args {
		b, err := fold(a)
		if err != nil {
			return nil, err
		}
		if c, ok := b.(*Const); ok && !c.Value.IsNull() {
			if c.Value.Bool() == (k.Op == Or) {
				return c, nil
			}
			continue
		}
		changed = changed || a != b
		keep = append(keep, b)
	}
	switch {
	case len(keep) == 0:
		return &Const{Type: boolType, Value: types.NewBool(k.Op == And), Loc: k.Loc}, nil
	case len(keep) == 1:
		return keep[0], nil
	case !slices.ContainsFunc(keep, func(n Node) bool { return !isNullConst(n) }):
		return keep[0], nil
	case len(keep) == len(k.Args) && !changed:
		return k, nil
	}
	return &BoolOp{Op: k.Op, Args: keep, Loc: k.Loc}, nil
}

func foldCase(k *Case) (Node, error) {
	var whens []When
	otherwise, changed := k.Else, false
	for _, w := range k.Whens {
		cond, err := fold(w.Cond)
		if err != nil {
			return nil, err
		}
		c, constant := cond.(*Const)
		if constant && (c.Value.IsNull() || !c.Value.Bool()) {
			continue
		}
		if constant {
			otherwise = w.Result
			break
		}
		result, err := fold(w.Result)
		if err != nil {
			return nil, err
		}
		changed = changed || cond != w.Cond || result != w.Result
		whens = append(whens, When{Cond: cond, Result: result})
	}
	if otherwise == nil && len(whens) == 0 {
		return &Const{Type: k.Type, Loc: k.Loc}, nil
	}
	if otherwise != nil {
		var err error
		if otherwise, err = fold(otherwise); err != nil {
			return nil, err
		}
	}
	switch {
	case len(whens) == 0:
		return otherwise, nil
	case len(whens) == len(k.Whens) && otherwise == k.Else && !changed:
		return k, nil
	}
	return &Case{Whens: whens, Else: otherwise, Type: k.Type, Loc: k.Loc}, nil
}

func foldCoalesce(k *Coalesce) (Node, error) {
	var keep []Node
	changed := false
	for i, a := range k.Args {
		b, err := fold(a)
		if err != nil {
			return nil, err
		}
		if isNullConst(b) {
			changed = true
			continue
		}
		keep, changed = append(keep, b), changed || a != b
		if isConst(b) {
			changed = changed || i < len(k.Args)-1
			break
		}
	}
	switch {
	case len(keep) == 0:
		return &Const{Type: k.Type, Loc: k.Loc}, nil
	case len(keep) == 1:
		return keep[0], nil
	case !changed:
		return k, nil
	}
	return &Coalesce{Args: keep, Type: k.Type, Loc: k.Loc}, nil
}
