package expr

import (
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Functions of fuzzystrmatch. The metaphones are missing.
var nativeFuzzy = map[string]impl{
	"levenshtein": {f2: func(c *Call, a, b types.Datum) (types.Datum, error) {
		return editDistance(c, a.Str(), b.Str(), 1, 1, 1, -1)
	}},
	"levenshtein_with_costs": {fn: func(c *Call, a []types.Datum) (types.Datum, error) {
		return editDistance(c, a[0].Str(), a[1].Str(), a[2].Int(), a[3].Int(), a[4].Int(), -1)
	}},
	"levenshtein_less_equal": {fn: func(c *Call, a []types.Datum) (types.Datum, error) {
		return editDistance(c, a[0].Str(), a[1].Str(), 1, 1, 1, a[2].Int())
	}},
	"levenshtein_less_equal_with_costs": {fn: func(c *Call, a []types.Datum) (types.Datum, error) {
		return editDistance(c, a[0].Str(), a[1].Str(), a[2].Int(), a[3].Int(), a[4].Int(), a[5].Int())
	}},
	"soundex": {f1: func(_ *Call, a types.Datum) (types.Datum, error) { return types.NewString(soundex(a.Str())), nil }},
	"difference": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		x, y := soundex(a.Str()), soundex(b.Str())
		n := int64(0)
		for i := range soundexLen { // what has no code has NULs
			if i >= len(x) && i >= len(y) || i < len(x) && i < len(y) && x[i] == y[i] {
				n++
			}
		}
		return types.NewInt(n), nil
	}},
}

// maxEditLength is PostgreSQL's MAX_LEVENSHTEIN_STRLEN, in characters.
const maxEditLength = 255

// editDistance is the least cost of making b of a. A limit that is not negative bounds it: what costs more is limit + 1.
func editDistance(_ *Call, a, b string, insert, remove, change, limit int64) (types.Datum, error) {
	x, y := []rune(a), []rune(b)
	if len(x) > maxEditLength || len(y) > maxEditLength {
		return types.Null, pgerr.New(pgerr.InvalidParameterValue, "levenshtein argument exceeds maximum length of %d characters", maxEditLength)
	}
	prev, cur := make([]int64, len(x)+1), make([]int64, len(x)+1)
	for i := range prev {
		prev[i] = int64(i) * remove
	}
	for j := range y {
		cur[0] = int64(j+1) * insert
		for i := range x {
			cost := change
			if x[i] == y[j] {
				cost = 0
			}
			cur[i+1] = min(prev[i+1]+insert, cur[i]+remove, prev[i]+cost)
		}
		prev, cur = cur, prev
	}
	d := prev[len(x)]
	if limit >= 0 && d > limit {
		d = limit + 1
	}
	return types.NewInt(d), nil
}

const soundexLen = 4

// soundexCodes are the digits of the letters; those without one do not count.
const soundexCodes = "01230120022455012623010202"

// soundexCode is the digit of a letter; another character stands for itself.
func soundexCode(c byte) byte {
	if isLetter(c) {
		return soundexCodes[c|0x20-'a']
	}
	return c
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// soundex is the code of how a name sounds; it is empty without a letter of ASCII.
func soundex(s string) string {
	i := 0
	for i < len(s) && !isLetter(s[i]) {
		i++
	}
	if i == len(s) {
		return ""
	}
	out := []byte{s[i] &^ 0x20}
	for i++; i < len(s) && len(out) < soundexLen; i++ {
		if code := soundexCode(s[i]); isLetter(s[i]) && code != soundexCode(s[i-1]) && code != '0' {
			out = append(out, code)
		}
	}
	for len(out) < soundexLen {
		out = append(out, '0')
	}
	return string(out)
}
