package expr

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The operators ~<~, ~<=~, ~>=~ and ~>~ compare strings byte by byte whatever the collation: here as the others do.

func patternTest(t test) impl {
	return impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewBool(t.holds(strings.Compare(a.Str(), b.Str()))), nil
	}}
}

func blankPatternTest(t test) impl {
	return impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewBool(t.holds(types.CompareString(types.BpcharOid, a.Str(), b.Str()))), nil
	}}
}

var patternImpls = map[string]impl{
	"text_pattern_lt": patternTest(testLT), "text_pattern_le": patternTest(testLE),
	"text_pattern_ge": patternTest(testGE), "text_pattern_gt": patternTest(testGT),
	"bttext_pattern_cmp": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewInt(int64(strings.Compare(a.Str(), b.Str()))), nil
	}},
	"bpchar_pattern_lt": blankPatternTest(testLT), "bpchar_pattern_le": blankPatternTest(testLE),
	"bpchar_pattern_ge": blankPatternTest(testGE), "bpchar_pattern_gt": blankPatternTest(testGT),
	"btbpchar_pattern_cmp": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewInt(int64(types.CompareString(types.BpcharOid, a.Str(), b.Str()))), nil
	}},
}
