package expr

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

func col(i int, t types.Oid) Node { return &Column{Index: i, Type: types.T(t)} }

func num(i int64) Node {
	return &Const{Type: types.T(types.Int4Oid), Value: types.NewInt(i)}
}

func op(t testing.TB, name string, args ...Node) Node {
	t.Helper()
	ts := make([]types.Oid, len(args))
	for i, a := range args {
		ts[i] = a.ResultType().Oid
	}
	fn, err := ResolveOperator(name, ts)
	if err != nil {
		t.Fatal(err)
	}
	return &Func{Fn: fn, Args: args, Type: types.T(fn.Result)}
}

var testTypes = []types.Type{types.T(types.Int4Oid), types.T(types.Int4Oid), types.T(types.TextOid), types.T(types.TextOid), types.T(types.Float8Oid)}

// randomBatch has small values, so that comparisons hit, and NULLs.
func randomBatch(r *rand.Rand, n int) *types.Batch {
	b := types.NewBatch(testTypes, n)
	for range n {
		row := []types.Datum{types.NewInt(r.Int64N(5)), types.NewInt(r.Int64N(5) - 2), types.NewString(fmt.Sprint("a", r.IntN(4))),
			types.NewString(fmt.Sprint("a", r.IntN(4))), types.NewFloat(float64(r.IntN(6)) / 2)}
		for i := range row {
			if r.IntN(6) == 0 {
				row[i] = types.Null
			}
		}
		b.AppendRow(row)
	}
	return b
}

// TestBatchesGiveWhatRowsGive evaluates random trees over batches, with and without a selection, and row by row.
func TestBatchesGiveWhatRowsGive(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	ctx := &EvalContext{Context: context.Background()}
	for range 400 {
		n := randomBool(t, r, 4)
		c, err := Compile(n, testTypes)
		if err != nil {
			t.Fatal(err)
		}
		b := randomBatch(r, 1+r.IntN(200))
		var sel []int32
		if r.IntN(2) == 0 {
			for i := range int32(b.N) {
				if r.IntN(2) == 0 {
					sel = append(sel, i)
				}
			}
			if sel == nil {
				continue
			}
		} else {
			sel = allRows(nil, b.N)
		}
		out := types.NewVec(c.Type(), b.N)
		berr := c.EvalSelected(ctx, b, sel, &out)
		var rerr error
		for k, i := range sel {
			d, err := c.EvalRow(ctx, b.Row(int(i)))
			if err != nil {
				rerr = err
				break
			}
			if berr == nil && (d.IsNull() != out.IsNull(k) || !d.IsNull() && d.Bool() != out.Get(k).Bool()) {
				t.Fatalf("%s\nrow %v: %v in a batch, %v alone", Deparse(n, nil, nil), b.Row(int(i)), out.Get(k), d)
			}
		}
		if (berr == nil) != (rerr == nil) {
			t.Fatalf("%s: batch error %v, row error %v", Deparse(n, nil, nil), berr, rerr)
		}
	}
}

func randomInt(t *testing.T, r *rand.Rand, depth int) Node {
	if depth == 0 || r.IntN(3) == 0 {
		if r.IntN(3) == 0 {
			return num(r.Int64N(5) - 1)
		}
		return col(r.IntN(2), types.Int4Oid)
	}
	a, b := randomInt(t, r, depth-1), randomInt(t, r, depth-1)
	switch r.IntN(6) {
	case 0:
		return op(t, "+", a, b)
	case 1:
		return op(t, "*", a, b)
	case 2: // guarded division: the guard must keep the division from being evaluated
		return &Case{Whens: []When{{op(t, "=", b, num(0)), num(0)}, {&IsTest{Arg: b, Test: IsNull}, num(7)}}, Else: op(t, "/", a, b), Type: types.T(types.Int4Oid)}
	case 3:
		return &Coalesce{Args: []Node{a, b}, Type: types.T(types.Int4Oid)}
	case 4:
		return &MinMax{Args: []Node{a, b}, Least: r.IntN(2) == 0, Type: types.T(types.Int4Oid)}
	}
	eq, _ := ResolveOperator("=", []types.Oid{types.Int4Oid, types.Int4Oid})
	return &NullIf{Eq: eq, Left: a, Right: b, Type: types.T(types.Int4Oid)}
}

func randomBool(t *testing.T, r *rand.Rand, depth int) Node {
	if depth == 0 || r.IntN(4) == 0 {
		ops := []string{"=", "<>", "<", "<=", ">", ">="}
		switch name := ops[r.IntN(len(ops))]; r.IntN(3) {
		case 0:
			return op(t, name, col(2, types.TextOid), col(3, types.TextOid))
		case 1:
			return op(t, name, col(4, types.Float8Oid), &Const{Type: types.T(types.Float8Oid), Value: types.NewFloat(1)})
		default:
			return op(t, name, randomInt(t, r, 2), randomInt(t, r, 2))
		}
	}
	a, b := randomBool(t, r, depth-1), randomBool(t, r, depth-1)
	switch r.IntN(6) {
	case 0:
		return &BoolOp{Op: Not, Args: []Node{a}}
	case 1:
		return &BoolOp{Op: And, Args: []Node{a, b}}
	case 2:
		return &BoolOp{Op: Or, Args: []Node{a, b}}
	case 3:
		return &IsTest{Arg: a, Test: TestKind(r.IntN(4)), Not: r.IntN(2) == 0}
	case 4: // b is not evaluated where a divides by zero
		x := col(1, types.Int4Oid)
		return &BoolOp{Op: And, Args: []Node{op(t, "<>", x, num(0)), op(t, ">", op(t, "/", num(4), x), num(1)), b}}
	}
	in := op(t, "=", num(1), num(1)).(*Func).Fn
	arr := &ArrayExpr{Type: types.T(types.Int4ArrayOid)}
	for range 6 {
		arr.Elems = append(arr.Elems, num(r.Int64N(5)))
	}
	if r.IntN(3) == 0 {
		arr.Elems = append(arr.Elems, &Const{Type: types.T(types.Int4Oid)})
	}
	return &AnyAll{Op: in, Left: randomInt(t, r, 2), Array: arr}
}

func BenchmarkFilterIntAndText(b *testing.B) {
	n := &BoolOp{Op: And, Args: []Node{op(b, ">", col(0, types.Int4Oid), num(1)),
		op(b, "=", col(2, types.TextOid), &Const{Type: types.T(types.TextOid), Value: types.NewString("a1")})}}
	c, err := Compile(n, testTypes)
	if err != nil {
		b.Fatal(err)
	}
	in := randomBatch(rand.New(rand.NewPCG(1, 2)), types.BatchSize)
	ctx := &EvalContext{Context: context.Background()}
	var dst []int32
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = c.Filter(ctx, in, nil, dst[:0])
	}
}

func BenchmarkEvalRow(b *testing.B) {
	c, err := Compile(op(b, "+", col(0, types.Int4Oid), num(1)), testTypes)
	if err != nil {
		b.Fatal(err)
	}
	row := []types.Datum{types.NewInt(5), types.NewInt(5), types.NewString("a"), types.NewString("b"), types.NewFloat(1)}
	ctx := &EvalContext{Context: context.Background()}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = c.EvalRow(ctx, row)
	}
}
