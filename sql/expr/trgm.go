package expr

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Functions of pg_trgm.

// The thresholds of its operators.
const (
	similarityThreshold       = "pg_trgm.similarity_threshold"
	wordSimilarityThreshold   = "pg_trgm.word_similarity_threshold"
	strictSimilarityThreshold = "pg_trgm.strict_word_similarity_threshold"
)

func (c *EvalContext) threshold(name string) (float64, error) {
	if c == nil || c.Session == nil {
		return 0, errNoSession
	}
	v, _ := c.Session.ShowSetting(name)
	f, err := strconv.ParseFloat(v, 64)
	if err != nil {
		return 0, pgerr.Internal("%s is %q", name, v)
	}
	return f, nil
}

var nativeTrgm = func() map[string]impl {
	out := map[string]impl{
		"show_trgm": {f1: func(_ *Call, a types.Datum) (types.Datum, error) { return showTrigrams(a.Str()), nil }},
		"set_limit": {f1: func(c *Call, a types.Datum) (types.Datum, error) {
			if c.Session == nil {
				return types.Null, errNoSession
			}
			_, err := c.Session.SetSetting(similarityThreshold, strconv.FormatFloat(a.Float(), 'g', -1, 32), false)
			if err != nil {
				return types.Null, err
			}
			f, err := c.threshold(similarityThreshold)
			return types.NewFloat(float64(float32(f))), err
		}},
		"show_limit": {f0: func(c *Call) (types.Datum, error) {
			f, err := c.threshold(similarityThreshold)
			return types.NewFloat(float64(float32(f))), err
		}},
		"similarity":             measured(similarity),
		"word_similarity":        measured(wordSimilarity),
		"strict_word_similarity": measured(strictWordSimilarity),
	}
	for _, m := range []struct {
		prefix, threshold string
		f                 func(a, b string) float32
		commutes          bool
	}{{"similarity", similarityThreshold, similarity, true}, {"word_similarity", wordSimilarityThreshold, wordSimilarity, false},
		{"strict_word_similarity", strictSimilarityThreshold, strictWordSimilarity, false}} {
		swapped := func(a, b string) float32 { return m.f(b, a) }
		distance, commutator := "_dist_op", "_dist_commutator_op"
		if m.commutes {
			distance = "_dist"
		} else {
			out[m.prefix+"_commutator_op"] = exceeds(m.threshold, swapped)
			out[m.prefix+commutator] = measured(func(a, b string) float32 { return 1 - swapped(a, b) })
		}
		out[m.prefix+"_op"] = exceeds(m.threshold, m.f)
		out[m.prefix+distance] = measured(func(a, b string) float32 { return 1 - m.f(a, b) })
	}
	return out
}()

func measured(f func(a, b string) float32) impl {
	return impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewFloat(float64(f(a.Str(), b.Str()))), nil
	}}
}

func exceeds(threshold string, f func(a, b string) float32) impl {
	return impl{f2: func(c *Call, a, b types.Datum) (types.Datum, error) {
		t, err := c.threshold(threshold)
		return types.NewBool(err == nil && float64(f(a.Str(), b.Str())) >= t), err
	}}
}

// showTrigrams prints those that are no text of ASCII in hexadecimal.
func showTrigrams(s string) types.Datum {
	var out []types.Datum
	for _, t := range keyenc.TrigramSet(s) {
		printable := !slices.ContainsFunc([]byte(t), func(c byte) bool { return c != ' ' && !isAlnum(c) })
		if !printable {
			n := uint64(t[0])<<16 | uint64(t[1])<<8 | uint64(t[2])
			t = "0x" + strconv.FormatUint(n|1<<24, 16)[1:]
		}
		out = append(out, types.NewString(t))
	}
	return types.NewArray1(types.TextOid, out)
}

// share is how many of the trigrams of both texts they have in common.
func share(common, a, b int) float32 { return float32(common) / float32(a+b-common) }

func similarity(a, b string) float32 {
	x, y := keyenc.TrigramSet(a), keyenc.TrigramSet(b)
	if len(x) == 0 || len(y) == 0 {
		return 0
	}
	common := 0
	for i, j := 0, 0; i < len(x) && j < len(y); {
		switch c := keyenc.CompareTrigrams(x[i], y[j]); {
		case c < 0:
			i++
		case c > 0:
			j++
		default:
			i, j, common = i+1, j+1, common+1
		}
	}
	return share(common, len(x), len(y))
}

func wordSimilarity(word, text string) float32       { return newExtent(word, text, false).best() }
func strictWordSimilarity(word, text string) float32 { return newExtent(word, text, true).best() }

// extent searches for the continuous extent of a text's trigrams that is the most similar to a word's: PostgreSQL's
// iterate_word_similarity, whose result is no true maximum.
type extent struct {
	index  []int  // the text's trigrams, by number
	found  []bool // by number: the word has it
	words  int    // how many distinct trigrams the word has
	bounds []keyenc.TrigramBounds
	strict bool // from the beginning of a word to the end of one

	last         []int // by number: where it was last seen within the extent; -1: it is not in it
	lower        int   // where the extent begins; -1: nowhere yet
	unique, both int   // distinct trigrams of the extent, and of those the word's
}

func newExtent(word, text string, strict bool) *extent {
	e := &extent{strict: strict, lower: -1}
	if strict {
		e.lower = 0
	}
	mine, _ := keyenc.Trigrams(word, false)
	theirs, bounds := keyenc.Trigrams(text, strict)
	e.bounds = bounds
	numbers := map[string]int{}
	number := func(t string) int {
		n, ok := numbers[t]
		if !ok {
			n = len(numbers)
			numbers[t] = n
		}
		return n
	}
	for _, t := range mine {
		number(t)
	}
	e.words = len(numbers)
	for _, t := range theirs {
		e.index = append(e.index, number(t))
	}
	e.found = make([]bool, len(numbers))
	e.last = make([]int, len(numbers))
	for i := range e.found {
		e.found[i], e.last[i] = i < e.words, -1
	}
	return e
}

func (e *extent) best() (most float32) {
	for i, n := range e.index {
		if e.lower >= 0 || e.found[n] {
			if e.last[n] < 0 {
				e.unique++
				if e.found[n] {
					e.both++
				}
			}
			e.last[n] = i
		}
		ends := e.found[n]
		if e.strict {
			ends = e.bounds[i]&keyenc.TrigramRight != 0
		}
		if ends {
			most = max(most, e.shrink(i))
		}
	}
	return most
}

// shrink lets the extent, which ends at upper, begin where that makes it the most similar.
func (e *extent) shrink(upper int) float32 {
	if e.lower < 0 {
		e.lower, e.unique = upper, 1
	}
	now := share(e.both, e.words, e.unique)
	both, unique, before := e.both, e.unique, e.lower
	for at := e.lower; at <= upper; at++ {
		if !e.strict || e.bounds[at]&keyenc.TrigramLeft != 0 {
			if s := share(both, e.words, unique); cmp.Compare(s, now) > 0 {
				now, e.unique, e.lower, e.both = s, unique, at, both
			}
		}
		if n := e.index[at]; e.last[n] == at {
			unique--
			if e.found[n] {
				both--
			}
		}
	}
	for at := before; at < e.lower; at++ {
		if n := e.index[at]; e.last[n] == at {
			e.last[n] = -1
		}
	}
	return now
}

// GinQuery is keyenc.GinQueryOf, with what the session and regular expressions say about trigrams.
func GinQuery(c *EvalContext, class keyenc.GinClass, op string, operand types.Datum) (*keyenc.GinQuery, error) {
	if class != keyenc.GinTrigram || operand.IsNull() {
		return keyenc.GinQueryOf(class, op, operand)
	}
	s := operand.Str()
	switch op {
	case "=":
		return keyenc.GinTrigramsOf(keyenc.TextEdge + s + keyenc.TextEdge), nil
	case "~~", "~~*":
		return likeTrigrams(s), nil
	case "~":
		return regexpTrigrams(s, "")
	case "~*":
		return regexpTrigrams(s, "i")
	}
	t, err := c.threshold(map[string]string{"%": similarityThreshold, "%>": wordSimilarityThreshold, "%>>": strictSimilarityThreshold}[op])
	if err != nil {
		return nil, err
	}
	return keyenc.GinSimilar(s, t), nil
}
