package expr

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// trigramsMet evaluates what follows from a condition on the keys of a text.
func trigramsMet(q *keyenc.GinQuery, keys []string) bool {
	switch {
	case q == nil:
		return true
	case q.Leaf():
		return slices.ContainsFunc(q.Any, func(k string) bool { return slices.Contains(keys, k) })
	}
	n := 0
	for _, p := range q.Parts {
		if trigramsMet(p, keys) {
			n++
		}
	}
	switch {
	case q.Least > 0:
		return n >= q.Least
	case q.Or:
		return n > 0
	}
	return n == len(q.Parts)
}

func randomText(r *rand.Rand, of []string, n int) string {
	var b strings.Builder
	for range r.IntN(n) {
		b.WriteString(of[r.IntN(len(of))])
	}
	return b.String()
}

func randomPattern(r *rand.Rand, depth int) string {
	if depth == 0 {
		return []string{"a", "b", "ab", "abc", "B", ".", "x y", "[ab]", "[^a]", "^", "$", `\y`, "é", "ſ", "k", "0", "[a-z]", `\s`}[r.IntN(18)]
	}
	x, y := randomPattern(r, depth-1), randomPattern(r, depth-1)
	switch r.IntN(8) {
	case 0:
		return "(" + x + "|" + y + ")"
	case 1:
		return "(" + x + ")" + []string{"?", "*", "+", "{2}", "{0,2}"}[r.IntN(5)] + y
	case 2:
		return "(" + x + y + ")"
	}
	return x + y
}

// Whatever text meets a condition has the trigrams that the condition asks for.
func TestTrigramsFollowFromConditions(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	letters := []string{"a", "b", "c", "ab", "abc", " ", "  ", "x", "y", "A", "B", "é", "É", "ſ", "s", "K", "k", "0", "-", "\n"}
	matches, asks := 0, 0
	for range 60000 {
		text := randomText(r, letters, 12)
		keys := keyenc.GinKeys(keyenc.GinTrigram, types.NewString(text))
		var ok bool
		var q *keyenc.GinQuery
		var err error
		op, operand := [...]string{"~", "~*", "~~", "~~*", "="}[r.IntN(5)], ""
		switch op {
		case "~", "~*":
			operand = randomPattern(r, r.IntN(4))
			re, e := compileRegexp(operand, strings.TrimPrefix(strings.Replace(op, "*", "i", 1), "~"))
			if e != nil {
				continue
			}
			ok, err = re.match(nil, text)
		case "~~", "~~*":
			operand = randomText(r, append(letters, "%", "%", "_", `\%`, `\a`), 8)
			p := compileLike(operand, op == "~~*")
			ok, err = p.match(text)
		default:
			operand = randomText(r, letters, 3)
			ok = text == operand
		}
		if err != nil {
			t.Fatal(err)
		}
		if q, err = GinQuery(nil, keyenc.GinTrigram, op, types.NewString(operand)); err != nil {
			t.Fatal(err)
		}
		if q != nil {
			asks++
		}
		if ok {
			matches++
		}
		if ok && !trigramsMet(q, keys) {
			t.Fatalf("%q %s %q is true, and the text has none of the keys", text, op, operand)
		}
	}
	if matches < 5000 || asks < 10000 {
		t.Errorf("%d matches, %d conditions that ask for trigrams: the test says little", matches, asks)
	}
}

// What is similar enough has as many trigrams as the index is asked for.
func TestTrigramsFollowFromSimilarity(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	letters := []string{"a", "b", "c", "ab", "abc", " ", "x", "é", "foo", "bar"}
	for range 20000 {
		text, word := randomText(r, letters, 12), randomText(r, letters, 6)
		keys := keyenc.GinKeys(keyenc.GinTrigram, types.NewString(text))
		for _, part := range []float64{0.1, 0.3, 0.5, 0.6, 0.9, 1} {
			q := keyenc.GinSimilar(word, part)
			for name, s := range map[string]float32{"%": similarity(text, word), "%>": wordSimilarity(word, text), "%>>": strictWordSimilarity(word, text)} {
				if float64(s) >= part && !trigramsMet(q, keys) {
					t.Fatalf("%q %s %q is %v, at least %v, and the text has too few of the keys", text, name, word, s, part)
				}
			}
		}
	}
}

// Patterns ask for what they have.
func TestTrigramsOfPatterns(t *testing.T) {
	for _, c := range []struct {
		op, operand string
		found, not  string
	}{
		{"~~", "%foobar%", "a foobars", "foo bar"}, {"~~*", "FOO%", "foot", "a barfoo"}, {"~~", "%a_b%c d%", "a-b c dear", "abcd"},
		{"~", "foo(bar|baz)", "xfoobazx", "foobat"}, {"~", "^abc", "abcd", "xabcd"}, {"~", "abc$", "x abc", "abcd"}, {"~", "(abc)+d", "abcabcd", "abd"},
		{"~", "fo+bar", "foobar", "fooba r"}, {"~", "[abc]xyz", "bxyz", "dxyz"}, {"~*", "FooBar", "fOObAR", "foo-bar"}, {"~", "abc.*def", "abc def", "abcde"},
		{"~", "ab{3}c", "abbbc", "abbc"},
	} {
		q, err := GinQuery(nil, keyenc.GinTrigram, c.op, types.NewString(c.operand))
		if err != nil || q == nil {
			t.Fatalf("%s: %v %v", c.operand, q, err)
		}
		met := func(s string) bool { return trigramsMet(q, keyenc.GinKeys(keyenc.GinTrigram, types.NewString(s))) }
		if !met(c.found) || met(c.not) {
			t.Errorf("%s %s: %s is found %v, %s is found %v", c.op, c.operand, c.found, met(c.found), c.not, met(c.not))
		}
	}
}
