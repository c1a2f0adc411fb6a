package planner

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

var impliedTable = &catalog.Table{OID: 16384, Name: "t", Columns: []catalog.Column{
	{Num: 1, Name: "a", Type: types.T(types.Int4Oid)}, {Num: 2, Name: "f", Type: types.T(types.BoolOid)},
	{Num: 3, Name: "s", Type: types.T(types.VarcharOid)}, {Num: 4, Name: "b", Type: types.T(types.Int8Oid)},
}}

func impliedCondition(t *testing.T, text string) expr.Node {
	t.Helper()
	e, err := parse.ParseExpr(text)
	if err != nil {
		t.Fatal(text, err)
	}
	n, err := sema.AnalyzeExpr(e, sema.ExprScope{Kind: sema.PredicateExpr, Table: impliedTable}, &sema.Env{Catalog: catalog.NewSnapshot(), NoParams: true})
	if err != nil {
		t.Fatal(text, err)
	}
	return expr.Fold(n)
}

// impliedRows are all rows of a small domain, NULLs included.
func impliedRows() (out [][]types.Datum) {
	ints := []types.Datum{types.Null, types.NewInt(0), types.NewInt(1), types.NewInt(2), types.NewInt(3), types.NewInt(4)}
	for _, a := range ints {
		for _, b := range ints {
			for _, f := range []types.Datum{types.Null, types.NewBool(true), types.NewBool(false)} {
				for _, s := range []types.Datum{types.Null, types.NewString("a"), types.NewString("b"), types.NewString("")} {
					out = append(out, []types.Datum{a, f, s, b})
				}
			}
		}
	}
	return out
}

func randomCondition(r *rand.Rand, depth int) string {
	if depth > 0 && r.IntN(3) == 0 {
		l, rr := randomCondition(r, depth-1), randomCondition(r, depth-1)
		return "(" + l + [...]string{" and ", " or "}[r.IntN(2)] + rr + ")"
	}
	if depth > 0 && r.IntN(8) == 0 {
		return "not (" + randomCondition(r, depth-1) + ")"
	}
	op := [...]string{"=", "<>", "<", "<=", ">", ">="}[r.IntN(6)]
	num := [...]string{"a", "b", "(a + b)", "abs(a)"}[r.IntN(4)]
	any := [...]string{"a", "b", "f", "s", "(s || 'x')", "(a + b)"}[r.IntN(6)]
	switch r.IntN(10) {
	case 0:
		return any + " is not null"
	case 1:
		return any + " is null"
	case 2:
		return [...]string{"f", "f = true", "f is true", "f = false", "not f", "f is not false", "f is false", "true = f"}[r.IntN(8)]
	case 3:
		return "s " + op + [...]string{" 'a'", " 'b'", " ''"}[r.IntN(3)]
	case 4:
		return fmt.Sprintf("%s in (%d, %d)", num, r.IntN(5), r.IntN(5))
	case 5:
		return fmt.Sprintf("%s %s any (array[%d, null, %d])", num, op, r.IntN(5), r.IntN(5))
	case 6:
		return fmt.Sprintf("%d %s %s", r.IntN(5), op, num)
	case 7:
		return [...]string{"s like 'a%'", "coalesce(a, 1) = 1", "a is distinct from 1", "a = any ('{}'::int[])", "nullif(a, 1) = 2", "a = b"}[r.IntN(6)]
	}
	return fmt.Sprintf("%s %s %d", num, op, r.IntN(5))
}

// What is taken for implied is implied: a row for which the conditions are true and the predicate is not would be missed.
func TestImpliedIsSound(t *testing.T) {
	rows := impliedRows()
	ts := make([]types.Type, len(impliedTable.Columns))
	for i := range ts {
		ts[i] = impliedTable.Columns[i].Type
	}
	ec := &expr.EvalContext{Context: context.Background()}
	truth := func(n expr.Node) []bool {
		s, err := CompileOver(n, ts)
		if err != nil {
			t.Fatal(err)
		}
		out := make([]bool, len(rows))
		for i, row := range rows {
			d, err := s.EvalRow(ec, row)
			if err != nil {
				t.Fatal(err)
			}
			out[i] = !d.IsNull() && d.Bool()
		}
		return out
	}
	proven := 0
	for seed := range uint64(4000) {
		r := rand.New(rand.NewPCG(seed, 1))
		predicate, cond, other := randomCondition(r, 1), randomCondition(r, 2), randomCondition(r, 1)
		p, c, o := impliedCondition(t, predicate), impliedCondition(t, cond), impliedCondition(t, other)
		if !expr.Implied(p, []expr.Node{c, o}) {
			continue
		}
		proven++
		ps, cs, others := truth(p), truth(c), truth(o)
		for i := range rows {
			if cs[i] && others[i] && !ps[i] {
				t.Fatalf("seed %d: %s and %s do not imply %s: %v", seed, cond, other, predicate, rows[i])
			}
		}
	}
	if proven < 100 {
		t.Errorf("only %d of 4000 were proven", proven)
	}
}

func TestImplied(t *testing.T) {
	for _, c := range []struct {
		predicate, cond string
		want            bool
	}{
		{"a > 1", "a > 1", true}, {"a > 1", "a >= 2", true}, {"a > 1", "a = 4", true}, {"a > 1", "a >= 1", false},
		{"a > 1", "a in (2, 3)", true}, {"a > 1", "a in (1, 3)", false}, {"a > 1", "a = 2 or a = 3", true},
		{"a <> 2", "a < 2", true}, {"a <> 2", "a <= 2", false}, {"a in (1, 2)", "a = 2", true}, {"a in (1, 2)", "a in (2, 1)", true},
		{"a is not null", "a = 3", true}, {"a is not null", "a + b > 3", true}, {"a is not null", "coalesce(a, 1) = 1", false},
		{"a is not null", "not (a = any ('{}'::int[]))", false}, {"a is not null", "a is distinct from 2", false},
		{"f", "f = true", true}, {"f", "f is true", true}, {"not f", "f = false", true}, {"not f", "f is not true", false},
		{"s = 'a'", "s = 'a'", true}, {"a = 1 or s = 'b'", "s = 'b'", true}, {"a = 1 and s = 'b'", "s = 'b'", false},
		{"a is null", "a is null", true}, {"a > 1", "b > 1", false}, {"s <> ''", "s = 'a'", true},
	} {
		if got := expr.Implied(impliedCondition(t, c.predicate), []expr.Node{impliedCondition(t, c.cond)}); got != c.want {
			t.Errorf("%s implies %s: %v", c.cond, c.predicate, got)
		}
	}
}
