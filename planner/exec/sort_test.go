package exec

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// TestOrderByEnds: a sort ends with its statement, in its middle, and only then.
func TestOrderByEnds(t *testing.T) {
	vals := make([]int64, 100000)
	for i := range vals {
		vals[i] = rand.Int64N(1000)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	x := &execution{c: &Context{Context: ctx}}
	compared, until := 0, -1
	compare := func(a, b int32) int {
		if compared++; compared == until {
			cancel(pgerr.New(pgerr.QueryCanceled, "canceling statement due to statement timeout"))
		}
		return cmp.Compare(vals[a], vals[b])
	}
	order, err := x.orderBy(len(vals), compare)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(order, func(a, b int32) int { return cmp.Or(cmp.Compare(vals[a], vals[b]), cmp.Compare(a, b)) }) {
		t.Error("the rows are not in order")
	}
	compared, until = 0, 200000
	if order, err = x.orderBy(len(vals), compare); order != nil || !pgerr.HasCode(err, pgerr.QueryCanceled) {
		t.Errorf("it returned %d rows and %v", len(order), err)
	}
	if compared > until+sortCheck {
		t.Errorf("it ended after %d comparisons", compared-until)
	}
}

// TestOrderByPanics: what a comparison panics with stays a panic.
func TestOrderByPanics(t *testing.T) {
	defer func() {
		if p := recover(); p != "broken" {
			t.Errorf("it recovered %v", p)
		}
	}()
	x := &execution{c: &Context{Context: context.Background()}}
	_, err := x.orderBy(10, func(int32, int32) int { panic("broken") })
	t.Errorf("it returned %v", err)
}
