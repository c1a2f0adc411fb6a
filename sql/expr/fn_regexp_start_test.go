package expr

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// TestAllInPieces: a search in pieces finds what one search does.
func TestAllInPieces(t *testing.T) {
	s := strings.Repeat("ab cäb  aab,", longText/12+1) + "zab"
	c := &Call{EvalContext: &EvalContext{Context: context.Background()}}
	for _, pattern := range []string{"b", "a+b", "(a)|(b)", "a+?b", "(?:ab| )+", "z", "q", "b,ab", "ä(.)", `b\M`, "ab$", ".+"} {
		re, err := newARE(pattern, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{-1, 0, 1, pieceMatches, pieceMatches + 1, 5*pieceMatches - 1} {
			got, err := re.all(c, s, n)
			if err != nil {
				t.Fatal(err)
			}
			want := re.withEmpty(s, re.re.FindAllStringSubmatchIndex(s, n), n)
			if !slices.EqualFunc(got, want, slices.Equal[[]int]) {
				t.Errorf("%s: the first %d matches: found %d, not %d, or in other places", pattern, n, len(got), len(want))
			}
		}
	}
}

// TestPiecesEnd: a search in pieces ends with its statement.
func TestPiecesEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	re, err := newARE("a", "")
	if err != nil {
		t.Fatal(err)
	}
	if m, err := re.all(&Call{EvalContext: &EvalContext{Context: ctx}}, strings.Repeat("a", longText), -1); err == nil {
		t.Errorf("%d matches", len(m))
	}
}
