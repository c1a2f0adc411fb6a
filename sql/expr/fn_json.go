package expr

import (
	"math"
	"strconv"
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

// appendJSON appends a value of any type as to_json prints it.
func appendJSON(b []byte, c *EvalContext, t types.Oid, d types.Datum) []byte {
	if d.IsNull() {
		return append(b, "null"...)
	}
	switch t {
	case types.BoolOid:
		return strconv.AppendBool(b, d.Bool())
	case types.Int2Oid, types.Int4Oid, types.Int8Oid:
		return strconv.AppendInt(b, d.Int(), 10)
	case types.Float4Oid, types.Float8Oid, types.NumericOid:
		s := types.Text(t, d, c.IO())
		if t != types.NumericOid && (math.IsNaN(d.Float()) || math.IsInf(d.Float(), 0)) || strings.ContainsAny(s, "NI") {
			return types.AppendJSONString(b, s)
		}
		return append(b, s...)
	case types.JsonOid, types.JsonbOid:
		return append(b, d.Str()...)
	case types.TimestampOid, types.TimestamptzOid, types.DateOid:
		env := *c.IO()
		env.DateStyle = "ISO"
		s := types.Text(t, d, &env)
		if t != types.DateOid {
			s = strings.Replace(s, " ", "T", 1)
		}
		if t == types.TimestamptzOid {
			s = fullOffset(s)
		}
		return types.AppendJSONString(b, s)
	case types.RecordOid:
		return appendRecord(b, c, d.Record(), false)
	}
	if isArray(t) {
		a := d.Array()
		i := 0
		return appendArray(b, c, a, 0, &i)
	}
	return types.AppendJSONString(b, types.Text(t, d, c.IO()))
}

// fullOffset writes a zone's offset with minutes, as JSON dates have it.
func fullOffset(s string) string {
	i := strings.LastIndexAny(s, "+-")
	if i > 10 && len(s)-i == 3 {
		return s + ":00"
	}
	return s
}

func appendArray(b []byte, c *EvalContext, a *types.Array, dim int, i *int) []byte {
	b = append(b, '[')
	if len(a.Dims) > 0 {
		for k := range a.Dims[dim] {
			if k > 0 {
				b = append(b, ',')
			}
			if dim+1 < len(a.Dims) {
				b = appendArray(b, c, a, dim+1, i)
				continue
			}
			b = appendJSON(b, c, a.Elem, a.Elems[*i])
			*i++
		}
	}
	return append(b, ']')
}

func appendRecord(b []byte, c *EvalContext, r *types.Record, pretty bool) []byte {
	b = append(b, '{')
	for i, f := range r.Fields {
		if i > 0 {
			b = append(b, ',')
			if pretty {
				b = append(b, "\n "...)
			}
		}
		name := "f" + strconv.Itoa(i+1)
		if r.Names != nil {
			name = r.Names[i]
		}
		b = append(types.AppendJSONString(b, name), ':')
		b = appendJSON(b, c, r.Types[i].Oid, f)
	}
	return append(b, '}')
}

func jsonResult(c *Call, b []byte) (types.Datum, error) {
	if c.Result.Oid == types.JsonbOid {
		s, err := types.NormalizeJSONB(string(b))
		return types.NewString(s), err
	}
	return types.NewBytes(b), nil
}

func toJSON(c *Call, d types.Datum) (types.Datum, error) {
	return jsonResult(c, appendJSON(nil, c.EvalContext, c.Types[0].Oid, d))
}

func buildArray(c *Call, args []types.Datum) (types.Datum, error) {
	b := []byte{'['}
	n := 0
	err := eachAny(c, args, 0, func(t types.Oid, d types.Datum) error {
		if n++; n > 1 {
			b = append(b, ", "...)
		}
		b = appendJSON(b, c.EvalContext, t, d)
		return nil
	})
	if err != nil {
		return types.Null, err
	}
	return jsonResult(c, append(b, ']'))
}

func buildObject(c *Call, args []types.Datum) (types.Datum, error) {
	b := []byte{'{'}
	n := 0
	err := eachAny(c, args, 0, func(t types.Oid, d types.Datum) error {
		if n++; n%2 == 0 {
			b = append(b, " : "...)
			b = appendJSON(b, c.EvalContext, t, d)
			return nil
		}
		if d.IsNull() {
			if c.Result.Oid == types.JsonbOid {
				return pgerr.New(pgerr.InvalidParameterValue, "argument %d: key must not be null", n)
			}
			return pgerr.New(pgerr.InvalidParameterValue, "argument %d cannot be null", n).WithHint("Object keys should be text.")
		}
		if n > 1 {
			b = append(b, ", "...)
		}
		b = types.AppendJSONString(b, text(c, t, d))
		return nil
	})
	if err != nil {
		return types.Null, err
	}
	if n%2 != 0 {
		name := "json_build_object"
		if c.Result.Oid == types.JsonbOid {
			name = "jsonb_build_object"
		}
		return types.Null, pgerr.New(pgerr.InvalidParameterValue, "argument list must have even number of elements").
			WithHint("The arguments of %s() must consist of alternating keys and values.", name)
	}
	return jsonResult(c, append(b, '}'))
}

// objectOf is json_object: of pairs in one array, or of keys and values.
func objectOf(c *Call, a []types.Datum) (types.Datum, error) {
	var keys, vals []types.Datum
	if len(a) == 1 {
		elems := a[0].Array().Elems
		if len(elems)%2 != 0 {
			return types.Null, pgerr.New(pgerr.ArraySubscriptError, "array must have even number of elements")
		}
		for i := 0; i < len(elems); i += 2 {
			keys, vals = append(keys, elems[i]), append(vals, elems[i+1])
		}
	} else {
		if keys, vals = a[0].Array().Elems, a[1].Array().Elems; len(keys) != len(vals) {
			return types.Null, pgerr.New(pgerr.ArraySubscriptError, "mismatched array dimensions")
		}
	}
	b := []byte{'{'}
	for i := range keys {
		if keys[i].IsNull() {
			return types.Null, pgerr.New(pgerr.NullValueNotAllowed, "null value not allowed for object key")
		}
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(types.AppendJSONString(b, keys[i].Str()), " : "...)
		b = appendJSON(b, c.EvalContext, types.TextOid, vals[i])
	}
	return jsonResult(c, append(b, '}'))
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

func key(n *types.JSONNode, k types.Datum) *types.JSONNode   { return member(n, k.Str()) }
func index(n *types.JSONNode, i types.Datum) *types.JSONNode { return element(n, i.Int()) }

var jsonImpls = map[string]impl{
	"jsonb_object_field": accessor(false, key), "jsonb_object_field_text": accessor(true, key),
	"jsonb_array_element": accessor(false, index), "jsonb_array_element_text": accessor(true, index),
	"jsonb_extract_path": accessor(false, path), "jsonb_extract_path_text": accessor(true, path),
	"json_object_field":       rawAccessor(false, func(r *rawJSON, k types.Datum) *rawJSON { return rawMember(r, k.Str()) }),
	"json_object_field_text":  rawAccessor(true, func(r *rawJSON, k types.Datum) *rawJSON { return rawMember(r, k.Str()) }),
	"json_array_element":      rawAccessor(false, func(r *rawJSON, i types.Datum) *rawJSON { return rawElement(r, i.Int()) }),
	"json_array_element_text": rawAccessor(true, func(r *rawJSON, i types.Datum) *rawJSON { return rawElement(r, i.Int()) }),
	"json_extract_path":       rawAccessor(false, rawPath), "json_extract_path_text": rawAccessor(true, rawPath),
	"jsonb_contains": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewBool(contains(node(a.Str()), node(b.Str()), true)), nil
	}},
	"jsonb_contained": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewBool(contains(node(b.Str()), node(a.Str()), true)), nil
	}},
	"jsonb_exists": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewBool(exists(node(a.Str()), b.Str())), nil
	}},
	"jsonb_exists_any": existsKeys(false), "jsonb_exists_all": existsKeys(true),
	"jsonb_strip_nulls": {f1: func(_ *Call, a types.Datum) (types.Datum, error) { return nodeText(stripNulls(node(a.Str()))), nil }},
	"jsonb_pretty": {f1: func(_ *Call, a types.Datum) (types.Datum, error) {
		return types.NewBytes(pretty(nil, node(a.Str()), 0)), nil
	}},
	"jsonb_typeof": str1(func(s string) string { return typeOfJSON(node(s)) }), "json_typeof": str1(func(s string) string { return typeOfJSON(node(s)) }),
	"jsonb_array_length": {f1: jsonLength}, "json_array_length": {f1: jsonLength},
	"to_json": {f1: toJSON}, "to_jsonb": {f1: toJSON}, "array_to_json": {f1: toJSON}, "row_to_json": {f1: toJSON},
	"row_to_json_pretty": {f2: func(c *Call, a, p types.Datum) (types.Datum, error) {
		return types.NewBytes(appendRecord(nil, c.EvalContext, a.Record(), p.Bool())), nil
	}},
	"json_build_array": {fn: buildArray}, "jsonb_build_array": {fn: buildArray},
	"json_build_array_noargs":  {f0: func(*Call) (types.Datum, error) { return types.NewString("[]"), nil }},
	"jsonb_build_array_noargs": {f0: func(*Call) (types.Datum, error) { return types.NewString("[]"), nil }},
	"json_build_object":        {fn: buildObject}, "jsonb_build_object": {fn: buildObject},
	"json_build_object_noargs":  {f0: func(*Call) (types.Datum, error) { return types.NewString("{}"), nil }},
	"jsonb_build_object_noargs": {f0: func(*Call) (types.Datum, error) { return types.NewString("{}"), nil }},
	"json_object":               {fn: objectOf}, "jsonb_object": {fn: objectOf}, "json_object_two_arg": {fn: objectOf}, "jsonb_object_two_arg": {fn: objectOf},
	"jsonb_bool": castJSONB(types.JSONBool, "boolean"), "jsonb_numeric": castJSONB(types.JSONNumber, "numeric"),
	"jsonb_int2": castJSONB(types.JSONNumber, "smallint"), "jsonb_int4": castJSONB(types.JSONNumber, "integer"),
	"jsonb_int8": castJSONB(types.JSONNumber, "bigint"), "jsonb_float4": castJSONB(types.JSONNumber, "real"),
	"jsonb_float8": castJSONB(types.JSONNumber, "double precision"),
}
