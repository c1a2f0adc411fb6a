package expr

import "github.com/pgmqdb/pgmqdb/sql/types"

// A partial index has entries of the rows for which its predicate is true, so a query may read through it only if its
// conditions imply the predicate: no row for which all of them are true may lack an entry. Implied is a sound part of
// PostgreSQL's predicate_implied_by: AND and OR on either side, equal expressions, comparisons of one expression with
// constants, lists, and IS NOT NULL of what a strict condition looks at. Everything it cannot prove it denies.

// Implied reports whether predicate is true in every row for which all of conds are.
func Implied(predicate Node, conds []Node) bool {
	switch p := predicate.(type) {
	case *BoolOp:
		switch p.Op {
		case And:
			for _, a := range p.Args {
				if !Implied(a, conds) {
					return false
				}
			}
			return true
		case Or:
			for _, a := range p.Args {
				if Implied(a, conds) {
					return true
				}
			}
		}
	}
	for _, c := range conds {
		if implies(c, predicate) {
			return true
		}
	}
	return false
}

// implies reports whether one condition implies a predicate.
func implies(c, p Node) bool {
	if b, ok := c.(*BoolOp); ok {
		switch b.Op {
		case And:
			return Implied(p, b.Args)
		case Or:
			for _, a := range b.Args {
				if !Implied(p, []Node{a}) {
					return false
				}
			}
			return len(b.Args) > 0
		}
	}
	c, p = Truth(c), Truth(p)
	if Equal(c, p) {
		return true
	}
	if t, ok := p.(*IsTest); ok && t.Test == IsNull && t.Not && !isRecordValued(t.Arg) {
		return demands(c, t.Arg)
	}
	return comparisonImplies(c, p)
}

// Truth is a condition without what does not change when it is true: x = true and x IS TRUE are x.
func Truth(n Node) Node {
	for {
		switch t := n.(type) {
		case *IsTest:
			if t.Test != IsTrue || t.Not {
				return n
			}
			n = t.Arg
		case *Func:
			if ComparisonName(t) != "=" || t.Args[0].ResultType().Oid != types.BoolOid {
				return n
			}
			if isTrue(t.Args[1]) {
				n = t.Args[0]
				continue
			}
			if isTrue(t.Args[0]) {
				n = t.Args[1]
				continue
			}
			if isFalse(t.Args[1]) {
				return &BoolOp{Op: Not, Args: t.Args[:1], Loc: -1}
			}
			return n
		default:
			return n
		}
	}
}

func isTrue(n Node) bool {
	k, ok := n.(*Const)
	return ok && !k.Value.IsNull() && k.Value.Bool()
}

func isFalse(n Node) bool {
	k, ok := n.(*Const)
	return ok && !k.Value.IsNull() && !k.Value.Bool()
}

// demands reports whether a condition that is true has looked at a value of x that is not NULL.
func demands(c, x Node) bool {
	switch n := c.(type) {
	case *AnyAll:
		return !n.All && n.Op.Strict && nonNull(n.Left, x)
	case *IsTest:
		found := n.Test == IsNull && n.Not || (n.Test == IsTrue || n.Test == IsFalse) && !n.Not
		return found && !isRecordValued(n.Arg) && nonNull(n.Arg, x)
	}
	return nonNull(c, x)
}

// nonNull reports whether n is NULL where x is.
func nonNull(n, x Node) bool {
	if Equal(n, x) || Equal(StripCast(n), StripCast(x)) {
		return true
	}
	switch n := n.(type) {
	case *Func:
		if !n.Fn.Strict {
			return false
		}
		for _, a := range n.Args {
			if nonNull(a, x) {
				return true
			}
		}
	case *Cast:
		return !isRecordValued(n.Arg) && nonNull(n.Arg, x)
	case *BoolOp:
		return n.Op == Not && nonNull(n.Args[0], x)
	}
	return false
}

// isRecordValued reports whether n is a row, of which IS NULL asks for the fields.
func isRecordValued(n Node) bool { return n.ResultType().Oid.Kind() == types.KRecord }

// constComparison is `operand op value` with constants: several where op is "=" of one of a list.
type constComparison struct {
	operand Node
	op      string
	values  []types.Datum
	oid     types.Oid
}

// comparisonOf reads a condition as a comparison; ok is false for another.
func comparisonOf(n Node) (c constComparison, ok bool) {
	switch n := n.(type) {
	case *Func:
		c.op = ComparisonName(n)
		if c.op != "<>" && Commuted[c.op] == "" {
			return c, false
		}
		k, right := n.Args[1].(*Const)
		c.operand = n.Args[0]
		if !right {
			if k, ok = n.Args[0].(*Const); !ok {
				return c, false
			}
			c.operand = n.Args[1]
			if c.op != "<>" {
				c.op = Commuted[c.op]
			}
		}
		if k.Value.IsNull() {
			return c, false
		}
		c.values, c.oid = []types.Datum{k.Value}, k.Type.Oid
		return c, true
	case *AnyAll:
		k, isConst := n.Array.(*Const)
		if n.All || n.Op.Operator == nil || n.Op.Operator.Name != "=" || !isConst || k.Value.IsNull() {
			return c, false
		}
		c.operand, c.op, c.oid = n.Left, "=", types.ElemOf(k.Type.Oid)
		for _, e := range k.Value.Array().Elems {
			if !e.IsNull() { // which no row equals
				c.values = append(c.values, e)
			}
		}
		return c, ComparableTypes(n.Left.ResultType().Oid, c.oid)
	}
	return c, false
}

// comparisonImplies compares two comparisons of one operand: each value that the first admits must be in the second.
func comparisonImplies(cn, pn Node) bool {
	c, ok := comparisonOf(cn)
	if !ok {
		return false
	}
	p, ok := comparisonOf(pn)
	if !ok || !ComparableTypes(c.oid, p.oid) || !Equal(StripCast(c.operand), StripCast(p.operand)) {
		return false
	}
	for _, v := range c.values {
		within := false
		for _, w := range p.values {
			within = within || admits(c.op, v, p.op, w, c.oid)
		}
		if !within {
			return false
		}
	}
	return len(c.values) > 0
}

// admits reports whether x cop v implies x pop w.
func admits(cop string, v types.Datum, pop string, w types.Datum, oid types.Oid) bool {
	d := types.Compare(oid, v, w)
	switch cop {
	case "=":
		switch pop {
		case "=":
			return d == 0
		case "<>":
			return d != 0
		case "<":
			return d < 0
		case "<=":
			return d <= 0
		case ">":
			return d > 0
		case ">=":
			return d >= 0
		}
	case "<", "<=":
		switch pop {
		case "<", "<>":
			return d < 0 || d == 0 && cop == "<"
		case "<=":
			return d <= 0
		}
	case ">", ">=":
		switch pop {
		case ">", "<>":
			return d > 0 || d == 0 && cop == ">"
		case ">=":
			return d >= 0
		}
	case "<>":
		return pop == "<>" && d == 0
	}
	return false
}

// StripCast takes off casts that do not change the value's bytes (varchar to text).
func StripCast(n Node) Node {
	for {
		c, ok := n.(*Cast)
		if ok && c.Domain != nil {
			return n // it verifies the value
		}
		if !ok || !SameBytes(c.Arg.ResultType().Oid, c.Type.Oid) || c.Type.Mod >= 0 {
			return n
		}
		n = c.Arg
	}
}

// SameBytes reports whether values of two types are stored and compared alike.
func SameBytes(a, b types.Oid) bool { return a == b || stringFamily(a) && stringFamily(b) }

func stringFamily(o types.Oid) bool { return o == types.TextOid || o == types.VarcharOid }

func intFamily(o types.Oid) bool {
	return o == types.Int2Oid || o == types.Int4Oid || o == types.Int8Oid
}

func floatFamily(o types.Oid) bool { return o == types.Float4Oid || o == types.Float8Oid }

// ComparableTypes reports whether values of the two types compare by types.Compare under either.
func ComparableTypes(a, b types.Oid) bool {
	return a == b || intFamily(a) && intFamily(b) || floatFamily(a) && floatFamily(b) || stringFamily(a) && stringFamily(b)
}

// ComparisonName returns the name of a binary operator whose operands compare as their types do, or "".
func ComparisonName(f *Func) string {
	if f.Fn.Operator == nil || len(f.Args) != 2 {
		return ""
	}
	if !ComparableTypes(f.Args[0].ResultType().Oid, f.Args[1].ResultType().Oid) || f.Fn.Result != types.BoolOid {
		return ""
	}
	return f.Fn.Operator.Name
}

// Commuted maps the comparisons that keys serve to those of exchanged operands.
var Commuted = map[string]string{"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
