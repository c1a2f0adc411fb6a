package plpgsql

import (
	"context"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// exprHost is a host without tables: what a function can do with expressions alone.
type exprHost struct {
	Host
	env     *Env
	ctx     context.Context
	frames  []Frame
	notices []string
}

func newExprHost(ctx context.Context) *exprHost {
	return &exprHost{ctx: ctx, env: &Env{Sema: &sema.Env{}, IO: types.DefaultIOEnv, Asserts: true}}
}

func (h *exprHost) Context() context.Context       { return h.ctx }
func (h *exprHost) Failure(err error) error        { return err }
func (h *exprHost) Env() *Env                      { return h.env }
func (h *exprHost) Eval(c *expr.EvalContext)       { *c = expr.EvalContext{Context: h.ctx} }
func (h *exprHost) Nest() func()                   { return func() {} }
func (h *exprHost) Transaction() any               { return h }
func (h *exprHost) Notice(n *pgerr.Error)          { h.notices = append(h.notices, n.Message) }
func (h *exprHost) Push(f Frame)                   { h.frames = append(h.frames, f) }
func (h *exprHost) Pop()                           { h.frames = h.frames[:len(h.frames)-1] }
func (h *exprHost) Begin() (Subtransaction, error) { return noSubtransaction{}, nil }

func (h *exprHost) Trace() string {
	var lines []string
	for _, f := range slices.Backward(h.frames) {
		lines = append(lines, f.ContextLine())
	}
	return strings.Join(lines, "\n")
}

type noSubtransaction struct{}

func (noSubtransaction) Commit()   {}
func (noSubtransaction) Rollback() {}

var int4 = types.T(types.Int4Oid)

// function compiles f(n int) with a body and a result type.
func function(t *testing.T, h *exprHost, body string, result types.Type) (*Function, error) {
	t.Helper()
	return Compile(&Source{Name: "f", Signature: "f(integer)", Body: body, Result: result, Check: true,
		Args: []Argument{{Name: "n", Type: int4, In: true}}}, h.env, h.Notice)
}

// run calls f(n) and gives its result as text, or its error with CONTEXT.
func run(t *testing.T, h *exprHost, body string, result types.Type, n int64) string {
	t.Helper()
	f, err := function(t, h, body, result)
	if err != nil {
		e := pgerr.From(err)
		return fmt.Sprintf("%s at %d", e.Message, e.Position)
	}
	r, err := f.Call(h, &Call{Args: []types.Datum{types.NewInt(n)}})
	switch {
	case err != nil:
		return pgerr.From(err).Message + "\n" + pgerr.From(err).Where
	case r.Null:
		return "NULL"
	}
	return types.Text(result.Oid, r.Value, h.env.IO)
}

func TestFunctionsOfExpressions(t *testing.T) {
	text := types.T(types.TextOid)
	for _, c := range []struct {
		body   string
		result types.Type
		want   string
	}{
		{"BEGIN RETURN n + 1; END", int4, "8"},
		{"DECLARE n int := n * 2; BEGIN RETURN n + f.n; END", int4, "21"},
		{"<<a>> DECLARE x int := 1; BEGIN DECLARE x int := 2; BEGIN a.x := x + $1; END; RETURN x; END", int4, "9"},
		{"DECLARE s text := ''; BEGIN FOR i IN REVERSE n..1 BY 3 LOOP s := s || i; END LOOP; RETURN s; END", text, "741"},
		{"BEGIN <<o>> LOOP LOOP n := n + 1; CONTINUE o WHEN n < 10; EXIT o; END LOOP; END LOOP; RETURN n; END", int4, "10"},
		{"BEGIN CASE n WHEN 1, 7 THEN RETURN 'a'; ELSE RETURN 'b'; END CASE; END", text, "a"},
		{"BEGIN RETURN 1 / (n - 7); END", int4, "division by zero\nPL/pgSQL function f(integer) line 1 at RETURN"},
		{"BEGIN\n\nIF n > 1 THEN\n  RAISE 'no % %%', n;\nEND IF;\nEND", int4, "no 7 %\nPL/pgSQL function f(integer) line 4 at RAISE"},
		{"BEGIN BEGIN n := n / 0; EXCEPTION WHEN division_by_zero THEN n := -n; END; RETURN n; END", int4, "-7"},
		{"BEGIN RAISE 'x'; EXCEPTION WHEN data_exception THEN RETURN 1; WHEN OTHERS THEN RETURN SQLSTATE || SQLERRM; END", text, "P0001x"},
		{"BEGIN END", int4, "control reached end of function without RETURN\nPL/pgSQL function f(integer)"},
		{"DECLARE r record; BEGIN RETURN r.a; END", int4,
			"record \"r\" is not assigned yet\nSQL expression \"r.a\"\nPL/pgSQL function f(integer) line 1 at RETURN"},
		{"BEGIN x := 1; END", int4, "\"x\" is not a known variable at 7"},
		{"BEGIN RETURN 1 + ; END", int4, "syntax error at end of input at 17"},
		{"BEGIN RETURN 1 END", int4, "syntax error at end of input at 19"},
		{"BEGIN\n  EXIT;\nEND", int4, "EXIT cannot be used outside a loop, unless it has a label at 9"},
	} {
		if got := run(t, newExprHost(t.Context()), c.body, c.result, 7); got != c.want {
			t.Errorf("%s\n got %q\nwant %q", c.body, got, c.want)
		}
	}
}

// Arrays are changed in place where nobody else has them: all programs of stores, appends and copies must give what they give
// when they make arrays of their own.
func TestArraysInPlaceAreNoOthers(t *testing.T) {
	rnd := rand.New(rand.NewSource(7))
	result := types.T(types.TextOid)
	for range 300 {
		var inPlace, plain strings.Builder
		add := func(a, b string) {
			inPlace.WriteString(a)
			plain.WriteString(b)
		}
		same := func(s string) { add(s, s) }
		same("DECLARE a int[] := '{1,2,3}'; b int[]; c int[] := ARRAY[]::int[]; s text := ''; BEGIN FOR k IN 1..3 LOOP\n")
		for range 12 {
			v := string("abc"[rnd.Intn(3)])
			w := string("abc"[rnd.Intn(3)])
			i, x := rnd.Intn(8)-1, rnd.Intn(100)
			switch rnd.Intn(6) {
			case 0:
				// An expression that has got the array takes it from the variable: the next store makes another.
				add(fmt.Sprintf("%s[%d] := %d + k;\n", v, i, x), fmt.Sprintf("IF true THEN %s[%d] := %d + k; s := s || left(%s::text, 0); END IF;\n", v, i, x, v))
			case 1:
				add(fmt.Sprintf("%s := array_append(%s, %d);\n", v, v, x), fmt.Sprintf("%s := array_cat(%s, ARRAY[%d]);\n", v, v, x))
			case 2:
				add(fmt.Sprintf("%s := %s || (%d + k);\n", v, v, x), fmt.Sprintf("%s := array_cat(%s, ARRAY[%d + k]);\n", v, v, x))
			case 3:
				same(fmt.Sprintf("%s := %s;\n", v, w))
			case 4:
				same(fmt.Sprintf("s := s || coalesce(array_length(%s, 1), 0) || coalesce(%s[%d], -1) || ' ';\n", v, v, i))
			case 5:
				same(fmt.Sprintf("s := s || coalesce(%s::text, 'null');\n", w))
			}
		}
		same("END LOOP; RETURN concat_ws(' ', s, a, b, c); END")
		got, want := run(t, newExprHost(t.Context()), inPlace.String(), result, 0), run(t, newExprHost(t.Context()), plain.String(), result, 0)
		if got != want {
			t.Fatalf("%s\n got %s\nwant %s", inPlace.String(), got, want)
		}
	}
}

func TestALoopEndsWhenItsStatementIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	h := newExprHost(ctx)
	f, err := function(t, h, "BEGIN LOOP n := n + 1; IF n = 1000 THEN RAISE NOTICE 'there'; END IF; END LOOP; END", int4)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := f.Call(h, &Call{Args: []types.Datum{types.NewInt(0)}})
		done <- err
	}()
	cancel()
	if err := <-done; err == nil {
		t.Fatal("the loop ended without an error")
	}
}

func TestExecutionsAreUsedAgain(t *testing.T) {
	h := newExprHost(t.Context())
	f, err := function(t, h, "DECLARE a int; r text[]; BEGIN IF n = 1 THEN a := 5; r[1] := 'x'; END IF; RETURN coalesce(a, 0) || coalesce(r[1], '-'); END", types.T(types.TextOid))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"0-", "5x", "0-", "5x"} {
		r, err := f.Call(h, &Call{Args: []types.Datum{types.NewInt(int64(i % 2))}})
		if err != nil || r.Value.Str() != want {
			t.Errorf("call %d: %v %v, want %s", i, r, err, want)
		}
	}
}
