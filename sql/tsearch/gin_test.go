package tsearch

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

var ginWords = []string{"a", "ab", "abc", "b", "ba", strings.Repeat("a", 110), strings.Repeat("a", 126), strings.Repeat("ab", 200)}

func drawDocument(t *rapid.T) types.TSVector {
	var v types.TSVector
	for range rapid.IntRange(0, 5).Draw(t, "lexemes") {
		l := types.TSLexeme{Word: rapid.SampledFrom(ginWords).Draw(t, "lexeme")}
		for range rapid.IntRange(0, 2).Draw(t, "positions") {
			l.Pos = append(l.Pos, types.NewTSPos(rapid.IntRange(1, 6).Draw(t, "position"), rapid.IntRange(0, 3).Draw(t, "weight")))
		}
		v = append(v, l)
	}
	return v.Normalize()
}

func drawQuery(t *rapid.T, depth int) *types.TSNode {
	op := types.TSOp(rapid.IntRange(0, 4).Draw(t, "op"))
	if depth == 0 || op == types.TSOperand {
		n := &types.TSNode{Word: rapid.SampledFrom(ginWords).Draw(t, "word"), Prefix: rapid.Bool().Draw(t, "prefix")}
		if n.Weight = uint8(rapid.IntRange(0, 15).Draw(t, "weights")); rapid.Bool().Draw(t, "any") {
			n.Weight = 0
		}
		return n
	}
	n := &types.TSNode{Op: op, Right: drawQuery(t, depth-1)}
	if op != types.TSNot {
		n.Left = drawQuery(t, depth-1)
	}
	if op == types.TSPhrase {
		n.Distance = rapid.IntRange(0, 2).Draw(t, "distance")
	}
	return n
}

// ginMet evaluates what follows from a query on the keys of a document, both as entries have them.
func ginMet(q *keyenc.GinQuery, keys []string) bool {
	switch {
	case q == nil:
		return true
	case q.Leaf():
		return slices.ContainsFunc(slices.Concat(q.Any, q.Starts), func(s string) bool {
			return slices.ContainsFunc(keys, func(k string) bool { return strings.HasPrefix(k, s) })
		})
	}
	for _, p := range q.Parts {
		if ginMet(p, keys) == q.Or {
			return q.Or
		}
	}
	return !q.Or
}

// Whatever a document matches, its keys are among those that a GIN index is asked for. Of a query without phrases, weights
// and negations, no others are.
func TestGinKeysFollowFromMatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, q := drawDocument(t), drawQuery(t, 3)
		gin, err := keyenc.GinQueryOf(keyenc.GinTSVector, "@@", types.NewTSQuery(q))
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for _, k := range keyenc.GinKeys(keyenc.GinTSVector, types.NewTSVector(v)) {
			keys = append(keys, string(keyenc.AppendGinKey(nil, 2, k)))
		}
		matches, met := Match(v, q), ginMet(gin.Of(2), keys)
		text := string(q.AppendText(nil))
		if matches && !met {
			t.Fatalf("%s: a document that matches has none of the keys: %q", text, keys)
		}
		long := strings.Contains(text, ginWords[5]) // of which keys have the beginning alone
		if !matches && met && !long && !strings.ContainsAny(text, "!<ABCD") {
			t.Fatalf("%s: a document that does not match is found: %q", text, keys)
		}
	})
}
