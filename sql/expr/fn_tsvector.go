package expr

import (
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/tsearch"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Functions and operators over tsvectors and tsqueries. What makes them of texts is in fn_tsearch.go.

// tsWeight is the weight of a letter; -1 for others.
func tsWeight(c byte) int {
	switch c | 0x20 {
	case 'a', 'b', 'c', 'd':
		return int('d' - (c | 0x20))
	}
	return -1
}

func tsWeightOf(d types.Datum, format string) (int, error) {
	c := byte(d.Int())
	if w := tsWeight(c); w >= 0 {
		return w, nil
	}
	if format == "%c" {
		return 0, pgerr.Internal("unrecognized weight: %c", c)
	}
	return 0, pgerr.Internal("unrecognized weight: %d", int8(c))
}

func setLexemeWeight(l *types.TSLexeme, w int) {
	for i := range l.Pos {
		l.Pos[i] = l.Pos[i].WithWeight(w)
	}
}

func setWeight(_ *Call, a, weight types.Datum) (types.Datum, error) {
	w, err := tsWeightOf(weight, "%d")
	if err != nil {
		return types.Null, err
	}
	v := a.TSVector()
	for i := range v {
		setLexemeWeight(&v[i], w)
	}
	return types.NewTSVector(v), nil
}

func setWeightOf(_ *Call, a []types.Datum) (types.Datum, error) {
	w, err := tsWeightOf(a[1], "%c")
	if err != nil {
		return types.Null, err
	}
	v := a[0].TSVector()
	for _, e := range a[2].Array().Elems {
		if e.IsNull() {
			continue
		}
		if i, ok := v.Find(e.Str()); ok {
			setLexemeWeight(&v[i], w)
		}
	}
	return types.NewTSVector(v), nil
}

func stripVector(_ *Call, a types.Datum) (types.Datum, error) {
	v := a.TSVector()
	for i := range v {
		v[i].Pos = nil
	}
	return types.NewTSVector(v), nil
}

// concatVectors appends a document: its positions follow the highest of the first.
func concatVectors(_ *Call, a, b types.Datum) (types.Datum, error) {
	x, y := a.TSVector(), b.TSVector()
	last := 0
	for _, l := range x {
		if n := len(l.Pos); n > 0 {
			last = max(last, l.Pos[n-1].Pos())
		}
	}
	var out types.TSVector
	for len(x) > 0 || len(y) > 0 {
		switch {
		case len(y) == 0 || len(x) > 0 && x[0].Word < y[0].Word:
			out, x = append(out, x[0]), x[1:]
		case len(x) == 0 || y[0].Word < x[0].Word:
			out, y = append(out, types.TSLexeme{Word: y[0].Word, Pos: movedPositions(nil, y[0].Pos, last)}), y[1:]
		default:
			out = append(out, types.TSLexeme{Word: x[0].Word, Pos: movedPositions(x[0].Pos, y[0].Pos, last)})
			x, y = x[1:], y[1:]
		}
	}
	return types.NewTSVector(out), out.CheckSize()
}

// movedPositions appends positions moved by a distance, as many as a lexeme can have.
func movedPositions(to, more []types.TSPos, by int) []types.TSPos {
	for _, p := range more {
		if n := len(to); n >= 256 || n > 0 && to[n-1].Pos() == types.MaxTSPosition {
			break
		}
		to = append(to, types.NewTSPos(p.Pos()+by, p.Weight()))
	}
	return to
}

func deleteLexemes(v types.TSVector, words []types.Datum) types.Datum {
	drop := make([]bool, len(v))
	for _, w := range words {
		if w.IsNull() {
			continue
		}
		if i, ok := v.Find(w.Str()); ok {
			drop[i] = true
		}
	}
	var out types.TSVector
	for i := range v {
		if !drop[i] {
			out = append(out, v[i])
		}
	}
	return types.NewTSVector(out)
}

// filterVector keeps the positions of some weights, and the lexemes that have one.
func filterVector(_ *Call, a, weights types.Datum) (types.Datum, error) {
	mask := 0
	for _, e := range weights.Array().Elems {
		if e.IsNull() {
			return types.Null, pgerr.New(pgerr.NullValueNotAllowed, "weight array may not contain nulls")
		}
		w := tsWeight(byte(e.Int()))
		if w < 0 {
			return types.Null, pgerr.New(pgerr.InvalidParameterValue, "unrecognized weight: \"%c\"", byte(e.Int()))
		}
		mask |= 1 << w
	}
	var out types.TSVector
	for _, l := range a.TSVector() {
		l.Pos = slices.DeleteFunc(l.Pos, func(p types.TSPos) bool { return mask&(1<<p.Weight()) == 0 })
		if len(l.Pos) > 0 {
			out = append(out, l)
		}
	}
	return types.NewTSVector(out), nil
}

func vectorLexemes(_ *Call, a types.Datum) (types.Datum, error) {
	v := a.TSVector()
	out := make([]types.Datum, len(v))
	for i, l := range v {
		out[i] = types.NewString(l.Word)
	}
	return types.NewArray1(types.TextOid, out), nil
}

func vectorOfLexemes(_ *Call, a types.Datum) (types.Datum, error) {
	var v types.TSVector
	for _, e := range a.Array().Elems {
		switch {
		case e.IsNull():
			return types.Null, pgerr.New(pgerr.NullValueNotAllowed, "lexeme array may not contain nulls")
		case e.Str() == "":
			return types.Null, pgerr.New(pgerr.ZeroLengthCharacterString, "lexeme array may not contain empty strings")
		case len(e.Str()) > types.MaxLexemeBytes:
			return types.Null, pgerr.New(pgerr.ProgramLimitExceeded, "word is too long (%d bytes, max %d bytes)", len(e.Str()), types.MaxLexemeBytes)
		}
		v = append(v, types.TSLexeme{Word: e.Str()})
	}
	v = v.Normalize()
	return types.NewTSVector(v), v.CheckSize()
}

// unnestVector yields the lexemes with their positions and weights.
func unnestVector(_ *Call, a []types.Datum) (SetIterator, error) {
	l := &listIter{}
	for _, x := range a[0].TSVector() {
		row := []types.Datum{types.NewString(x.Word), types.Null, types.Null}
		if len(x.Pos) > 0 {
			var pos, weights []types.Datum
			for _, p := range x.Pos {
				pos = append(pos, types.NewInt(int64(p.Pos())))
				weights = append(weights, types.NewString("DCBA"[p.Weight():p.Weight()+1]))
			}
			row[1], row[2] = types.NewArray1(types.Int2Oid, pos), types.NewArray1(types.TextOid, weights)
		}
		l.rows = append(l.rows, row)
	}
	return l, nil
}

// matchVector is @@; a constant query is read once.
func matchVector() impl {
	return impl{
		f2: func(_ *Call, v, q types.Datum) (types.Datum, error) {
			return types.NewBool(tsearch.Match(v.TSVector(), q.TSQuery())), nil
		},
		prepare: func(right types.Datum) func(*Call, types.Datum) (types.Datum, error) {
			q := right.TSQuery()
			return func(_ *Call, v types.Datum) (types.Datum, error) {
				return types.NewBool(tsearch.Match(v.TSVector(), q)), nil
			}
		},
	}
}

// joinQueries connects two queries; an empty one does not count.
func joinQueries(a, b types.Datum, op types.TSOp, distance int) types.Datum {
	x, y := a.TSQuery(), b.TSQuery()
	switch {
	case x == nil:
		return b
	case y == nil:
		return a
	}
	return types.NewTSQuery(&types.TSNode{Op: op, Distance: distance, Left: x, Right: y})
}

func joinFn(op types.TSOp, distance int) impl {
	return impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) { return joinQueries(a, b, op, distance), nil }}
}

func queryWords(q *types.TSNode) map[string]bool {
	words := map[string]bool{}
	q.Operands(func(o *types.TSNode) { words[o.Word] = true })
	return words
}

// queryContains is @>: every lexeme of the second query is in the first.
func queryContains(a, b types.Datum) types.Datum {
	have := queryWords(a.TSQuery())
	for w := range queryWords(b.TSQuery()) {
		if !have[w] {
			return types.NewBool(false)
		}
	}
	return types.NewBool(true)
}

func compareTS(oid types.Oid) impl {
	return impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewInt(int64(types.Compare(oid, a, b))), nil
	}}
}

func readTS(oid types.Oid) impl {
	return impl{f1: func(c *Call, a types.Datum) (types.Datum, error) {
		return types.ParseText(types.T(oid), a.Str(), c.IO())
	}}
}

func writeTS(oid types.Oid) impl {
	return impl{f1: func(c *Call, a types.Datum) (types.Datum, error) {
		return types.NewString(types.Text(oid, a, c.IO())), nil
	}}
}

func queryTree(_ *Call, a types.Datum) (types.Datum, error) {
	q := a.TSQuery()
	if q == nil {
		return types.NewString(""), nil
	}
	p := tsearch.Positive(q)
	if p == nil {
		return types.NewString("T"), nil
	}
	return types.NewBytes(p.AppendText(nil)), nil
}

func rewriteQuery(_ *Call, a []types.Datum) (types.Datum, error) {
	what := a[1].TSQuery()
	if a[0].TSQuery() == nil || what == nil {
		return a[0], nil
	}
	r := tsearch.NewRewriter(a[0].TSQuery())
	r.Replace(what, a[2].TSQuery(), false)
	return types.NewTSQuery(r.Query()), nil
}

// rankWeights reads the weights of D, C, B and A; negative ones are the defaults.
func rankWeights(d types.Datum) (w [4]float32, err error) {
	a := d.Array()
	switch {
	case len(a.Dims) != 1:
		return w, pgerr.New(pgerr.ArraySubscriptError, "array of weight must be one-dimensional")
	case len(a.Elems) < len(w):
		return w, pgerr.New(pgerr.ArraySubscriptError, "array of weight is too short")
	case slices.ContainsFunc(a.Elems, types.Datum.IsNull):
		return w, pgerr.New(pgerr.NullValueNotAllowed, "array of weight must not contain nulls")
	}
	for i := range w {
		if w[i] = float32(a.Elems[i].Float()); !(w[i] >= 0) {
			w[i] = tsearch.DefaultWeights[i]
		}
		if w[i] > 1 {
			return w, pgerr.New(pgerr.InvalidParameterValue, "weight out of range")
		}
	}
	return w, nil
}

// rankFn is ts_rank or ts_rank_cd, whose first argument may be weights and whose last a normalization.
func rankFn(rank func([4]float32, types.TSVector, *types.TSNode, int) float32) impl {
	return impl{fn: func(c *Call, a []types.Datum) (types.Datum, error) {
		w := tsearch.DefaultWeights
		if c.Types[0].Oid == types.Float4ArrayOid {
			var err error
			if w, err = rankWeights(a[0]); err != nil {
				return types.Null, err
			}
			a = a[1:]
		}
		norm := 0
		if len(a) > 2 {
			norm = int(a[2].Int())
		}
		return types.NewFloat(float64(rank(w, a[0].TSVector(), a[1].TSQuery(), norm))), nil
	}}
}

var tsvectorImpls = func() map[string]impl {
	m := map[string]impl{
		"tsvector_cmp": compareTS(types.TsvectorOid), "tsquery_cmp": compareTS(types.TsqueryOid),
		"tsvector_strip": {f1: stripVector}, "tsvector_setweight": {f2: setWeight}, "tsvector_setweight_by_filter": {fn: setWeightOf},
		"tsvector_concat": {f2: concatVectors}, "tsvector_filter": {f2: filterVector},
		"tsvector_length": {f1: func(_ *Call, a types.Datum) (types.Datum, error) { return types.NewInt(int64(len(a.TSVector()))), nil }},
		"tsvector_delete_str": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
			return deleteLexemes(a.TSVector(), []types.Datum{b}), nil
		}},
		"tsvector_delete_arr": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
			return deleteLexemes(a.TSVector(), b.Array().Elems), nil
		}},
		"tsvector_to_array": {f1: vectorLexemes}, "array_to_tsvector": {f1: vectorOfLexemes},
		"tsvectorin": readTS(types.TsvectorOid), "tsqueryin": readTS(types.TsqueryOid),
		"tsvectorout": writeTS(types.TsvectorOid), "tsqueryout": writeTS(types.TsqueryOid),
		"ts_match_vq": matchVector(),
		"ts_match_qv": {f2: func(_ *Call, q, v types.Datum) (types.Datum, error) {
			return types.NewBool(tsearch.Match(v.TSVector(), q.TSQuery())), nil
		}},
		"tsquery_and": joinFn(types.TSAnd, 0), "tsquery_or": joinFn(types.TSOr, 0), "tsquery_phrase": joinFn(types.TSPhrase, 1),
		"tsquery_phrase_distance": {fn: func(_ *Call, a []types.Datum) (types.Datum, error) {
			n := a[2].Int()
			if n < 0 || n > types.MaxTSPosition+1 {
				return types.Null, types.ErrPhraseDistance()
			}
			return joinQueries(a[0], a[1], types.TSPhrase, int(n)), nil
		}},
		"tsquery_not": {f1: func(_ *Call, a types.Datum) (types.Datum, error) {
			if q := a.TSQuery(); q != nil {
				return types.NewTSQuery(&types.TSNode{Op: types.TSNot, Right: q}), nil
			}
			return a, nil
		}},
		"tsq_mcontains":  {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) { return queryContains(a, b), nil }},
		"tsq_mcontained": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) { return queryContains(b, a), nil }},
		"tsquery_numnode": {f1: func(_ *Call, a types.Datum) (types.Datum, error) {
			return types.NewInt(int64(a.TSQuery().Nodes())), nil
		}},
		"tsquerytree": {f1: queryTree}, "tsquery_rewrite": {fn: rewriteQuery},
	}
	for name := range strings.FieldsSeq("wttf wtt ttf tt") {
		m["ts_rank_"+name], m["ts_rankcd_"+name] = rankFn(tsearch.Rank), rankFn(tsearch.RankCD)
	}
	return m
}()
