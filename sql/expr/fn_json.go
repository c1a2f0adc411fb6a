package expr

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// jsonb values are held as their text, in the form that PostgreSQL prints; functions that look inside parse it. json is
// text as it was written: its accessors return the piece of the source.

func node(s string) *types.JSONNode {
	n, err := types.ParseJSONB(s)
	if err != nil {
		return &types.JSONNode{Kind: types.JSONNull}
	}
	return n
}

func nodeText(n *types.JSONNode) types.Datum { return types.NewBytes(types.AppendJSONB(nil, n)) }

// asText is what ->> gives: strings unquoted, NULL for null.
func asText(n *types.JSONNode) types.Datum {
	switch n.Kind {
	case types.JSONNull:
		return types.Null
	case types.JSONString:
		return types.NewString(n.Str)
	}
	return nodeText(n)
}

func member(n *types.JSONNode, key string) *types.JSONNode {
	if n == nil || n.Kind != types.JSONObject {
		return nil
	}
	for i, k := range n.Keys {
		if k == key {
			return &n.Elems[i]
		}
	}
	return nil
}

func element(n *types.JSONNode, i int64) *types.JSONNode {
	if n == nil || n.Kind != types.JSONArray {
		return nil
	}
	if i < 0 {
		i += int64(len(n.Elems))
	}
	if i < 0 || i >= int64(len(n.Elems)) {
		return nil
	}
	return &n.Elems[i]
}

// path follows a text[] path; nil where it leads nowhere.
func path(n *types.JSONNode, p types.Datum) *types.JSONNode { return followSteps(n, p.Array().Elems) }

func followSteps(n *types.JSONNode, steps []types.Datum) *types.JSONNode {
	for _, step := range steps {
		if n == nil || step.IsNull() {
			return nil
		}
		if n.Kind == types.JSONArray {
			i, ok := pathIndex(step.Str())
			if !ok {
				return nil
			}
			n = element(n, i)
		} else {
			n = member(n, step.Str())
		}
	}
	return n
}

// accessor makes -> (text false) and ->> (text true) of a way to find a value.
func accessor(isText bool, find func(n *types.JSONNode, arg types.Datum) *types.JSONNode) impl {
	return impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		n := find(node(a.Str()), b)
		switch {
		case n == nil:
			return types.Null, nil
		case isText:
			return asText(n), nil
		}
		return nodeText(n), nil
	}}
}

// rawAccessor is accessor for json: the value is returned as it was written.
func rawAccessor(isText bool, find func(r *rawJSON, arg types.Datum) *rawJSON) impl {
	return impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		if err := checkEscapes(a.Str()); err != nil {
			return types.Null, err
		}
		r := find(readRaw(a.Str()), b)
		switch {
		case r == nil:
			return types.Null, nil
		case isText:
			return r.text(), nil
		}
		return types.NewString(r.src), nil
	}}
}

// rawJSON is a json value with its source and the sources of its members in order.
type rawJSON struct {
	src   string
	keys  []string
	elems []string
}

func (r *rawJSON) text() types.Datum {
	switch r.src[0] {
	case 'n':
		return types.Null
	case '"':
		return types.NewString(node(r.src).Str)
	}
	return types.NewString(r.src)
}

// checkEscapes refuses json text with Unicode escapes that no text can hold: json takes them in, and functions that
// read its strings fail, even where the wrong ones are not those asked for.
func checkEscapes(s string) error {
	if !strings.Contains(s, `\u`) {
		return nil
	}
	_, err := types.ParseJSONB(s)
	return err
}

// readRaw takes valid JSON text apart, one level deep.
func readRaw(s string) *rawJSON {
	s = strings.Trim(s, " \t\r\n")
	r := &rawJSON{src: s}
	if s == "" || s[0] != '{' && s[0] != '[' {
		return r
	}
	body := s[1 : len(s)-1]
	object := s[0] == '{'
	for i := 0; ; {
		i += blanks(body[i:])
		if i >= len(body) {
			return r
		}
		if object {
			n := valueLen(body[i:])
			r.keys = append(r.keys, node(body[i:i+n]).Str)
			i += n
			i += blanks(body[i:]) + 1 // the colon
			i += blanks(body[i:])
		}
		n := valueLen(body[i:])
		r.elems = append(r.elems, body[i:i+n])
		i += n
		i += blanks(body[i:]) + 1 // the comma, or the end
		if i > len(body) {
			return r
		}
	}
}

func blanks(s string) int { return len(s) - len(strings.TrimLeft(s, " \t\r\n")) }

// valueLen is the length of the JSON value that s begins with.
func valueLen(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			for i++; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return min(i+1, len(s))
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ':', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return i
			}
		}
	}
	return len(s)
}

func rawMember(r *rawJSON, key string) *rawJSON {
	for i := len(r.keys) - 1; i >= 0; i-- {
		if r.keys[i] == key {
			return readRaw(r.elems[i])
		}
	}
	return nil
}

func rawElement(r *rawJSON, i int64) *rawJSON {
	if r.src == "" || r.src[0] != '[' {
		return nil
	}
	if i < 0 {
		i += int64(len(r.elems))
	}
	if i < 0 || i >= int64(len(r.elems)) {
		return nil
	}
	return readRaw(r.elems[i])
}

func rawPath(r *rawJSON, p types.Datum) *rawJSON {
	for _, step := range p.Array().Elems {
		if r == nil || step.IsNull() {
			return nil
		}
		if r.src[0] == '[' {
			i, ok := pathIndex(step.Str())
			if !ok {
				return nil
			}
			r = rawElement(r, i)
		} else {
			r = rawMember(r, step.Str())
		}
	}
	return r
}

// contains is jsonb @>.
func contains(a, b *types.JSONNode, top bool) bool {
	switch {
	case b.Kind == types.JSONObject && a.Kind == types.JSONObject:
		for i, k := range b.Keys {
			if m := member(a, k); m == nil || !contains(m, &b.Elems[i], false) {
				return false
			}
		}
		return true
	case b.Kind == types.JSONArray && a.Kind == types.JSONArray:
		for i := range b.Elems {
			if !anyContains(a, &b.Elems[i]) {
				return false
			}
		}
		return true
	case a.Kind == types.JSONArray && top && b.Kind < types.JSONArray:
		return anyContains(a, b)
	}
	return jsonEqual(a, b)
}

func anyContains(a, x *types.JSONNode) bool {
	for k := range a.Elems {
		e := &a.Elems[k]
		if e.Kind >= types.JSONArray && e.Kind == x.Kind && contains(e, x, false) || e.Kind < types.JSONArray && jsonEqual(e, x) {
			return true
		}
	}
	return false
}

func jsonEqual(a, b *types.JSONNode) bool {
	if a.Kind != b.Kind {
		return false
	}
	if a.Kind == types.JSONNumber {
		return types.NumericCompare(a.Num, b.Num) == 0
	}
	return types.Compare(types.JsonbOid, nodeText(a), nodeText(b)) == 0
}

func exists(n *types.JSONNode, key string) bool {
	switch n.Kind {
	case types.JSONObject:
		return member(n, key) != nil
	case types.JSONArray:
		for i := range n.Elems {
			if n.Elems[i].Kind == types.JSONString && n.Elems[i].Str == key {
				return true
			}
		}
	case types.JSONString:
		return n.Str == key
	}
	return false
}

func existsKeys(all bool) impl {
	return impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		n := node(a.Str())
		for _, k := range b.Array().Elems {
			if !k.IsNull() && exists(n, k.Str()) != all {
				return types.NewBool(!all), nil
			}
		}
		return types.NewBool(all), nil
	}}
}

func stripNulls(n *types.JSONNode) *types.JSONNode {
	out := &types.JSONNode{Kind: n.Kind, Bool: n.Bool, Str: n.Str, Num: n.Num}
	for i := range n.Elems {
		if n.Kind == types.JSONObject {
			if n.Elems[i].Kind == types.JSONNull {
				continue
			}
			out.Keys = append(out.Keys, n.Keys[i])
		}
		out.Elems = append(out.Elems, *stripNulls(&n.Elems[i]))
	}
	return out
}

func pretty(b []byte, n *types.JSONNode, indent int) []byte {
	if n.Kind < types.JSONArray {
		return types.AppendJSONB(b, n)
	}
	open, end := byte('['), byte(']')
	if n.Kind == types.JSONObject {
		open, end = '{', '}'
	}
	b = append(b, open)
	for i := range n.Elems {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '\n')
		b = append(b, strings.Repeat("    ", indent+1)...)
		if n.Kind == types.JSONObject {
			b = append(types.AppendJSONString(b, n.Keys[i]), ": "...)
		}
		b = pretty(b, &n.Elems[i], indent+1)
	}
	b = append(b, '\n')
	b = append(b, strings.Repeat("    ", indent)...)
	return append(b, end)
}

func typeOfJSON(n *types.JSONNode) string {
	return map[types.JSONKind]string{types.JSONNull: "null", types.JSONString: "string", types.JSONNumber: "number", types.JSONBool: "boolean",
		types.JSONArray: "array", types.JSONObject: "object"}[n.Kind]
}

func jsonLength(_ *Call, a types.Datum) (types.Datum, error) {
	n := node(a.Str())
	switch n.Kind {
	case types.JSONArray:
		return types.NewInt(int64(len(n.Elems))), nil
	case types.JSONObject:
		return types.Null, pgerr.New(pgerr.InvalidParameterValue, "cannot get array length of a non-array")
	}
	return types.Null, pgerr.New(pgerr.InvalidParameterValue, "cannot get array length of a scalar")
}

func onNode(f func(n *types.JSONNode, b types.Datum) (*types.JSONNode, error)) impl {
	return impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		n, err := f(node(a.Str()), b)
		if err != nil {
			return types.Null, err
		}
		return nodeText(n), nil
	}}
}

// castJSONB turns a jsonb scalar into a number or boolean.
func castJSONB(kind types.JSONKind, name string) impl {
	return impl{f1: func(c *Call, a types.Datum) (types.Datum, error) {
		n := node(a.Str())
		if n.Kind != kind {
			what := map[types.JSONKind]string{types.JSONNull: "jsonb null", types.JSONArray: "jsonb array", types.JSONObject: "jsonb object",
				types.JSONString: "jsonb string", types.JSONNumber: "jsonb numeric", types.JSONBool: "jsonb boolean"}[n.Kind]
			return types.Null, pgerr.New(pgerr.InvalidParameterValue, "cannot cast %s to type %s", what, name)
		}
		if kind == types.JSONBool {
			return types.NewBool(n.Bool), nil
		}
		return types.Cast(n.Num, types.T(types.NumericOid), types.T(c.Fn.Result), types.Explicit, c.IO())
	}}
}

// index finds an element of a document; a scalar counts as an array of itself, as PostgreSQL stores it.
func index(n *types.JSONNode, i types.Datum) *types.JSONNode {
	if n.Kind < types.JSONArray && (i.Int() == 0 || i.Int() == -1) {
		return n
	}
	return element(n, i.Int())
}

var jsonImpls = map[string]impl{
	"jsonb_object_field": memberAccessor(false), "jsonb_object_field_text": memberAccessor(true),
	"jsonb_array_element": accessor(false, index), "jsonb_array_element_text": accessor(true, index),
	"jsonb_extract_path": accessor(false, path), "jsonb_extract_path_text": accessor(true, path),
	"json_object_field":       rawAccessor(false, func(r *rawJSON, k types.Datum) *rawJSON { return rawMember(r, k.Str()) }),
	"json_object_field_text":  rawAccessor(true, func(r *rawJSON, k types.Datum) *rawJSON { return rawMember(r, k.Str()) }),
	"json_array_element":      rawAccessor(false, func(r *rawJSON, i types.Datum) *rawJSON { return rawElement(r, i.Int()) }),
	"json_array_element_text": rawAccessor(true, func(r *rawJSON, i types.Datum) *rawJSON { return rawElement(r, i.Int()) }),
	"json_extract_path":       rawAccessor(false, rawPath), "json_extract_path_text": rawAccessor(true, rawPath),
	"jsonb_contains": {
		f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
			return types.NewBool(containsText(a.Str(), node(b.Str()), true)), nil
		},
		prepare: func(b types.Datum) func(*Call, types.Datum) (types.Datum, error) {
			want := node(b.Str())
			return func(_ *Call, a types.Datum) (types.Datum, error) {
				return types.NewBool(containsText(a.Str(), want, true)), nil
			}
		},
	},
	"jsonb_contained": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewBool(containsText(b.Str(), node(a.Str()), true)), nil
	}},
	"jsonb_exists": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		if a.Str()[0] == '{' {
			return types.NewBool(memberText(a.Str(), b.Str()) != ""), nil
		}
		return types.NewBool(exists(node(a.Str()), b.Str())), nil
	}},
	"jsonb_exists_any": existsKeys(false), "jsonb_exists_all": existsKeys(true),
	"jsonb_strip_nulls": {f1: func(_ *Call, a types.Datum) (types.Datum, error) { return nodeText(stripNulls(node(a.Str()))), nil }},
	"jsonb_pretty": {f1: func(_ *Call, a types.Datum) (types.Datum, error) {
		return types.NewBytes(pretty(nil, node(a.Str()), 0)), nil
	}},
	"jsonb_typeof": str1(func(s string) string { return typeOfJSON(node(s)) }), "json_typeof": str1(func(s string) string { return typeOfJSON(node(s)) }),
	"jsonb_array_length": {f1: jsonLength}, "json_array_length": {f1: jsonLength},
	"jsonb_bool": castJSONB(types.JSONBool, "boolean"), "jsonb_numeric": castJSONB(types.JSONNumber, "numeric"),
	"jsonb_int2": castJSONB(types.JSONNumber, "smallint"), "jsonb_int4": castJSONB(types.JSONNumber, "integer"),
	"jsonb_int8": castJSONB(types.JSONNumber, "bigint"), "jsonb_float4": castJSONB(types.JSONNumber, "real"),
	"jsonb_float8": castJSONB(types.JSONNumber, "double precision"),
}
