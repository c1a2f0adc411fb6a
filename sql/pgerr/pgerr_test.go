package pgerr

import (
	"errors"
	"fmt"
	"testing"
)

func TestFromFindsAWrappedErrorAndMakesOthersInternal(t *testing.T) {
	e := New(UniqueViolation, "duplicate key value violates unique constraint %q", "t_pkey").
		WithDetail("Key (%s)=(%s) already exists.", "id", "1").WithTable("public", "t").WithConstraint("t_pkey")
	if got := From(fmt.Errorf("while inserting: %w", e)); got != e {
		t.Errorf("got %v", got)
	}
	if got := From(errors.New("boom")); got.Code != InternalError || got.Message != "boom" {
		t.Errorf("got %v", got)
	}
	if From(nil) != nil || Code(nil) != "" || !HasCode(e, UniqueViolation) || !errors.Is(e, &Error{Code: UniqueViolation}) {
		t.Error("nil and code handling")
	}
}

func TestPercentSignsWithoutArgumentsStand(t *testing.T) {
	if got := New(SyntaxError, "100%s").WithHint("50%").Message; got != "100%s" {
		t.Error(got)
	}
}
