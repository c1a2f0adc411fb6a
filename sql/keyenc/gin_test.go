package keyenc

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

func jsonb(t *testing.T, s string) types.Datum {
	t.Helper()
	d, err := types.ParseText(types.T(types.JsonbOid), s, types.DefaultIOEnv)
	if err != nil {
		t.Fatal(s, err)
	}
	return d
}

// The keys are on disk: they never change.
func TestGinKeysAreWhatTheyWere(t *testing.T) {
	long := strings.Repeat("x", 200)
	for _, c := range []struct {
		class GinClass
		value string
		want  string
	}{
		{GinJSONB, `{"a": "b", "c": ["d", 1, null, {"e": true}]}`, `["0" "ka" "kc" "kd" "ke" "n@\x80\x00\x01\v\x00" "sb" "t"]`},
		{GinJSONB, `"x"`, `["kx"]`},
		{GinJSONB, `[]`, `[]`},
		{GinJSONB, `{"` + long + `": 1}`, `["K\x00'M|d\xc5\xf6\xc0\x91\xccW\xb7Y\x9c\x13\xad" "n@\x80\x00\x01\v\x00"]`},
		{GinJSONBPath, `{"a": [1, {"b": 1}], "b": {}}`, `["hE\x82N\x87M\x1b\xedi" "h\xf3\x0e$b\x1cI\x86\xdb"]`},
	} {
		got := fmt.Sprintf("%q", GinKeys(c.class, jsonb(t, c.value)))
		if got != c.want {
			t.Errorf("%d %s: %s\nwant %s", c.class, c.value, got, c.want)
		}
	}
	arr := types.NewArray1(types.Int4Oid, []types.Datum{types.NewInt(2), types.Null, types.NewInt(1), types.NewInt(2)})
	if got, want := fmt.Sprintf("%q", GinKeys(GinArray, arr)), `["e\x01\x80\x00\x00\x00\x00\x00\x00\x01" "e\x01\x80\x00\x00\x00\x00\x00\x00\x02" "e\xff"]`; got != want {
		t.Errorf("array: %s\nwant %s", got, want)
	}
	words := types.NewTSVector(types.TSVector{{Word: "a", Pos: []types.TSPos{1}}, {Word: "b"}, {Word: long}})
	if got, want := fmt.Sprintf("%q", GinKeys(GinTSVector, words)), `["L`+long[:109]+`\x00'M|d\xc5\xf6\xc0\x91\xccW\xb7Y\x9c\x13\xad" "la" "lb"]`; got != want {
		t.Errorf("tsvector: %s\nwant %s", got, want)
	}
	if got := GinKeys(GinArray, types.NewArray1(types.Int4Oid, nil)); len(got) != 1 || got[0] != "z" {
		t.Errorf("empty array: %q", got)
	}
}

// met evaluates a query on the keys of a value.
func (q *GinQuery) met(keys []string) bool {
	switch {
	case q == nil:
		return true
	case q.Any != nil:
		return slices.ContainsFunc(q.Any, func(k string) bool { return slices.Contains(keys, k) })
	}
	for _, p := range q.Parts {
		if p.met(keys) == q.Or {
			return q.Or
		}
	}
	return !q.Or
}

// contains is jsonb's @>, by its definition.
func contains(a, b *types.JSONNode, top bool) bool {
	if top && a.Kind == types.JSONArray && b.Kind < types.JSONArray {
		return slices.ContainsFunc(a.Elems, func(e types.JSONNode) bool { return contains(&e, b, false) })
	}
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case types.JSONObject:
		for i, k := range b.Keys {
			at := slices.Index(a.Keys, k)
			if at < 0 || !contains(&a.Elems[at], &b.Elems[i], false) {
				return false
			}
		}
		return true
	case types.JSONArray:
		for i := range b.Elems {
			if !slices.ContainsFunc(a.Elems, func(e types.JSONNode) bool { return contains(&e, &b.Elems[i], false) }) {
				return false
			}
		}
		return true
	case types.JSONString:
		return a.Str == b.Str
	case types.JSONNumber:
		return types.Equal(types.NumericOid, a.Num, b.Num)
	case types.JSONBool:
		return a.Bool == b.Bool
	}
	return true
}

func randomJSON(r *rand.Rand, depth int) string {
	switch n := r.IntN(8); {
	case n < 2 && depth > 0:
		var out []string
		for range r.IntN(4) {
			out = append(out, randomJSON(r, depth-1))
		}
		return "[" + strings.Join(out, ",") + "]"
	case n < 5 && depth > 0:
		var out []string
		for range r.IntN(4) {
			out = append(out, fmt.Sprintf("%q:%s", "abc"[r.IntN(3):][:1], randomJSON(r, depth-1)))
		}
		return "{" + strings.Join(out, ",") + "}"
	}
	return []string{"1", "1.0", "2", `"a"`, `"b"`, "true", "false", "null", `"` + strings.Repeat("a", 130) + `"`}[r.IntN(9)]
}

// A row that contains a document has all keys that the search for it asks for.
func TestGinQueriesOfDocumentsMissNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	held, narrowed := 0, 0
	for range 20000 {
		a, b := jsonb(t, randomJSON(r, 3)), jsonb(t, randomJSON(r, 2))
		x, _ := types.ParseJSONB(a.Str())
		y, _ := types.ParseJSONB(b.Str())
		want := contains(x, y, true)
		for _, class := range []GinClass{GinJSONB, GinJSONBPath} {
			q, err := GinQueryOf(class, "@>", b)
			if err != nil {
				t.Fatal(err)
			}
			met := q.met(GinKeys(class, a))
			if want && !met {
				t.Fatalf("class %d: %s @> %s is missed", class, a.Str(), b.Str())
			}
			if want {
				held++
			} else if !met {
				narrowed++
			}
		}
	}
	if held < 500 || narrowed < 5000 {
		t.Fatalf("%d held, %d narrowed down: the test tests little", held, narrowed)
	}
}

// What arrays' operators say is decided by their elements' keys alone, save for order, count and dimensions.
func TestGinQueriesOfArraysMissNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	random := func() types.Datum {
		var out []types.Datum
		for range r.IntN(4) {
			if n := r.IntN(5); n == 0 {
				out = append(out, types.Null)
			} else {
				out = append(out, types.NewInt(int64(n)))
			}
		}
		return types.NewArray1(types.Int4Oid, out)
	}
	has := func(a []types.Datum, e types.Datum) bool {
		return !e.IsNull() && slices.ContainsFunc(a, func(d types.Datum) bool { return !d.IsNull() && d.Int() == e.Int() })
	}
	all := func(a, b []types.Datum) bool {
		return !slices.ContainsFunc(b, func(e types.Datum) bool { return !has(a, e) })
	}
	for range 20000 {
		a, b := random(), random()
		x, y := a.Array().Elems, b.Array().Elems
		for op, want := range map[string]bool{"@>": all(x, y), "<@": all(y, x), "=": types.Equal(types.Int4ArrayOid, a, b),
			"&&": slices.ContainsFunc(y, func(e types.Datum) bool { return has(x, e) })} {
			q, err := GinQueryOf(GinArray, op, b)
			met := err == nil && q.met(GinKeys(GinArray, a))
			if err != nil || want && !met || (op == "@>" || op == "&&") && met != want {
				t.Fatalf("%v %s %v: %v, by keys %v, %v", x, op, y, want, met, err)
			}
		}
	}
}

func TestGinQueriesOfPaths(t *testing.T) {
	for _, c := range []struct{ op, path, want string }{
		{"@?", "$.a.b", `all("ka" "kb")`},
		{"@?", "$", "nil"},
		{"@?", "$.a == 1", "nil"},
		{"@@", "$.a", "nil"},
		{"@@", "$.a == null", `all("0" "ka")`},
		{"@@", `"x" == $.a[*]`, `all(any("kx" "sx") "ka")`},
		{"@@", "$.a == 1 || $.b > 2", "nil"},
		{"@@", "$.a == true && $.b > 2", `all("t" "ka")`},
		{"@@", "!($.a == true)", "nil"},
		{"@@", "!(!($.a == true))", `all("t" "ka")`},
		{"@@", "!(!($.a == true) && !($.b == false))", `or(all("t" "ka") all("f" "kb"))`},
		{"@@", "exists($.a ? (@.b == false))", `all("f" "ka" "kb" "ka")`},
		{"@?", "$.a ? (@.b == false).size()", `all("f" "ka" "kb")`},
		{"@@", "$.a.size() == 1", "nil"},
		{"@@", "exists($.a) || exists($.b)", `any("ka" "kb")`},
	} {
		path, err := types.NormalizeJSONPath(c.path)
		if err != nil {
			t.Fatal(err)
		}
		q, err := GinQueryOf(GinJSONB, c.op, types.NewString(path))
		if got := q.String(); err != nil || got != c.want {
			t.Errorf("%s %s: %s, %v\nwant %s", c.op, c.path, got, err, c.want)
		}
	}
}

func (q *GinQuery) String() string {
	switch {
	case q == nil:
		return "nil"
	case len(q.Any) == 1:
		return fmt.Sprintf("%q", q.Any[0])
	case q.Any != nil:
		return "any(" + strings.Trim(fmt.Sprintf("%q", q.Any), "[]") + ")"
	}
	var parts []string
	for _, p := range q.Parts {
		parts = append(parts, p.String())
	}
	return map[bool]string{true: "or", false: "all"}[q.Or] + "(" + strings.Join(parts, " ") + ")"
}

func TestGinEntriesComeApart(t *testing.T) {
	for _, key := range []string{"k", "ka\x00b", "h\x00\xff\x01\x00\x00", strings.Repeat("\x00", 9)} {
		b := append(AppendGinKey(nil, 3, key), "rest"...)
		if rest, err := SkipGinKey(b); err != nil || string(rest) != "rest" {
			t.Errorf("%q: %q, %v", key, rest, err)
		}
		for n := range len(b) - len("rest") {
			if _, err := SkipGinKey(b[:n]); err == nil {
				t.Errorf("%q: a part of an entry is read", b[:n])
			}
		}
	}
}
