package expr

import (
	"math"
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Making json and jsonb of SQL values: to_json, json_build_*, json_object and their like.

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
	}
	if t.Kind() == types.KRecord {
		return appendRecord(b, c, d.Record(), false)
	}
	if isArray(t) {
		return appendArray(b, c, d.Array(), false)
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

// appendArray appends an array; pretty breaks the line between the elements of the outermost dimension.
func appendArray(b []byte, c *EvalContext, a *types.Array, pretty bool) []byte {
	i := 0
	return appendDimension(b, c, a, 0, &i, pretty)
}

func appendDimension(b []byte, c *EvalContext, a *types.Array, dim int, i *int, pretty bool) []byte {
	b = append(b, '[')
	if len(a.Dims) > 0 {
		for k := range a.Dims[dim] {
			if k > 0 {
				b = append(b, ',')
				if pretty {
					b = append(b, "\n "...)
				}
			}
			if dim+1 < len(a.Dims) {
				b = appendDimension(b, c, a, dim+1, i, false)
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
	for i, f := range types.RecordFields(types.RecordOid, r, c.IO()) {
		if i > 0 {
			b = append(b, ',')
			if pretty {
				b = append(b, "\n "...)
			}
		}
		name := f.Name
		if name == "" {
			name = "f" + strconv.Itoa(i+1)
		}
		b = append(types.AppendJSONString(b, name), ':')
		b = appendJSON(b, c, f.Type.Oid, f.Value)
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
	if c.Variadic && args[len(args)-1].IsNull() {
		return types.Null, nil
	}
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
	if c.Variadic && args[len(args)-1].IsNull() {
		return types.Null, nil
	}
	count := len(args)
	if c.Variadic {
		count = len(args[len(args)-1].Array().Elems)
	}
	if count%2 != 0 {
		name := "json_build_object"
		if c.Result.Oid == types.JsonbOid {
			name = "jsonb_build_object"
		}
		return types.Null, pgerr.New(pgerr.InvalidParameterValue, "argument list must have even number of elements").
			WithHint("The arguments of %s() must consist of alternating keys and values.", name)
	}
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
		if !isJSONKey(t) {
			return errJSONKey
		}
		b = types.AppendJSONString(b, text(c, t, d))
		return nil
	})
	if err != nil {
		return types.Null, err
	}
	return jsonResult(c, append(b, '}'))
}

// isStructured reports whether a value of the type is an array or a row.
func isStructured(t types.Oid) bool { return isArray(t) || t.Kind() == types.KRecord }

// isJSONKey reports whether a value of the type can be an object's key.
func isJSONKey(t types.Oid) bool {
	return !isStructured(t) && t != types.JsonOid && t != types.JsonbOid
}

var errJSONKey = pgerr.New(pgerr.InvalidParameterValue, "key value must be scalar, not array, composite, or json")

// objectOf is json_object: of pairs in one array, or of keys and values.
func objectOf(c *Call, a []types.Datum) (types.Datum, error) {
	var keys, vals []types.Datum
	first := a[0].Array()
	if len(a) == 1 {
		switch {
		case len(first.Dims) > 2:
			return types.Null, errSubscripts("wrong number of array subscripts")
		case len(first.Dims) == 2 && first.Dims[1] != 2:
			return types.Null, errSubscripts("array must have two columns")
		case len(first.Elems)%2 != 0:
			return types.Null, errSubscripts("array must have even number of elements")
		}
		for i := 0; i < len(first.Elems); i += 2 {
			keys, vals = append(keys, first.Elems[i]), append(vals, first.Elems[i+1])
		}
	} else {
		second := a[1].Array()
		if len(first.Dims) > 1 || len(first.Dims) != len(second.Dims) {
			return types.Null, errSubscripts("wrong number of array subscripts")
		}
		if keys, vals = first.Elems, second.Elems; len(keys) != len(vals) {
			return types.Null, errSubscripts("mismatched array dimensions")
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

// stripRawNulls is json_strip_nulls, which writes json anew: without blanks, and strings with only the escapes they need.
func stripRawNulls(b []byte, r *rawJSON) []byte {
	switch r.src[0] {
	case '{':
		b = append(b, '{')
		first := true
		for i, k := range r.keys {
			if r.elems[i] == "null" {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = stripRawNulls(append(types.AppendJSONString(b, k), ':'), readRaw(r.elems[i]))
		}
		return append(b, '}')
	case '[':
		b = append(b, '[')
		for i, e := range r.elems {
			if i > 0 {
				b = append(b, ',')
			}
			b = stripRawNulls(b, readRaw(e))
		}
		return append(b, ']')
	case '"':
		return types.AppendJSONString(b, node(r.src).Str)
	}
	return append(b, r.src...)
}

var jsonBuildImpls = map[string]impl{
	"to_json": {f1: toJSON}, "to_jsonb": {f1: toJSON}, "array_to_json": {f1: toJSON}, "row_to_json": {f1: toJSON},
	"row_to_json_pretty": {f2: func(c *Call, a, p types.Datum) (types.Datum, error) {
		return types.NewBytes(appendRecord(nil, c.EvalContext, a.Record(), p.Bool())), nil
	}},
	"array_to_json_pretty": {f2: func(c *Call, a, p types.Datum) (types.Datum, error) {
		return types.NewBytes(appendArray(nil, c.EvalContext, a.Array(), p.Bool())), nil
	}},
	"json_strip_nulls": {f1: func(_ *Call, a types.Datum) (types.Datum, error) {
		if err := checkEscapes(a.Str()); err != nil {
			return types.Null, err
		}
		return types.NewBytes(stripRawNulls(nil, readRaw(a.Str()))), nil
	}},
	"json_build_array": {fn: buildArray}, "jsonb_build_array": {fn: buildArray},
	"json_build_array_noargs":  {f0: func(*Call) (types.Datum, error) { return types.NewString("[]"), nil }},
	"jsonb_build_array_noargs": {f0: func(*Call) (types.Datum, error) { return types.NewString("[]"), nil }},
	"json_build_object":        {fn: buildObject}, "jsonb_build_object": {fn: buildObject},
	"json_build_object_noargs":  {f0: func(*Call) (types.Datum, error) { return types.NewString("{}"), nil }},
	"jsonb_build_object_noargs": {f0: func(*Call) (types.Datum, error) { return types.NewString("{}"), nil }},
	"json_object":               {fn: objectOf}, "jsonb_object": {fn: objectOf}, "json_object_two_arg": {fn: objectOf}, "jsonb_object_two_arg": {fn: objectOf},
}
