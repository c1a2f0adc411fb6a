package expr

import (
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The functions and operators over SQL/JSON paths.

func init() {
	types.CheckJSONPathRegex = func(pattern string, flags types.JSONRegexFlags) error {
		_, err := compilePathRegex(pattern, flags)
		return err
	}
}

// compilePathRegex makes like_regex's expression: PostgreSQL's own flavour with XQuery's flags.
func compilePathRegex(pattern string, flags types.JSONRegexFlags) (*areRegexp, error) {
	f := ""
	if flags&types.RegexIgnoreCase != 0 {
		f += "i"
	}
	if flags&types.RegexQuote != 0 {
		return compileRegexp(pattern, f+"q")
	}
	dotAll, lines := flags&types.RegexDotAll != 0, flags&types.RegexMultiline != 0
	switch {
	case dotAll && lines:
		f += "w"
	case lines:
		f += "n"
	case !dotAll:
		f += "p"
	}
	return compileRegexp(pattern, f)
}

// pathArgs are the arguments after document and path: variables, none by default, and whether errors are suppressed.
func pathArgs(a []types.Datum) (vars *types.JSONNode, silent bool) {
	vars = &types.JSONNode{Kind: types.JSONObject}
	if len(a) > 2 {
		vars = node(a[2].Str())
	}
	return vars, len(a) > 3 && a[3].Bool()
}

func pathExists(tz, operator bool) impl {
	return impl{fn: func(c *Call, a []types.Datum) (types.Datum, error) {
		vars, silent := pathArgs(a)
		if operator { // whose variables are all null
			vars = nil
		}
		r, err := runPath(c.EvalContext, a[0].Str(), a[1].Str(), vars, !silent && !operator, tz, nil)
		if err != nil || r == pathFailed {
			return types.Null, err
		}
		return types.NewBool(r == pathFound), nil
	}}
}

func pathMatch(tz, operator bool) impl {
	return impl{fn: func(c *Call, a []types.Datum) (types.Datum, error) {
		vars, silent := pathArgs(a)
		if operator {
			vars, silent = nil, true
		}
		var found pathList
		if _, err := runPath(c.EvalContext, a[0].Str(), a[1].Str(), vars, !silent, tz, &found); err != nil {
			return types.Null, err
		}
		if len(found.values) == 1 {
			switch v := found.values[0]; {
			case v.is(types.JSONBool):
				return types.NewBool(v.node.Bool), nil
			case v.is(types.JSONNull):
				return types.Null, nil
			}
		}
		if !silent {
			return types.Null, pgerr.New(pgerr.SingletonSqlJsonItemRequired, "single boolean result is expected")
		}
		return types.Null, nil
	}}
}

// pathQuery runs a path for its values.
func pathQuery(c *EvalContext, a []types.Datum, tz bool) ([]pathValue, error) {
	vars, silent := pathArgs(a)
	var found pathList
	_, err := runPath(c, a[0].Str(), a[1].Str(), vars, !silent, tz, &found)
	return found.values, err
}

func pathQueryArray(tz bool) impl {
	return impl{fn: func(c *Call, a []types.Datum) (types.Datum, error) {
		values, err := pathQuery(c.EvalContext, a, tz)
		if err != nil {
			return types.Null, err
		}
		out := &types.JSONNode{Kind: types.JSONArray}
		for _, v := range values {
			out.Elems = append(out.Elems, *v.result())
		}
		return nodeText(out), nil
	}}
}

func pathQueryFirst(tz bool) impl {
	return impl{fn: func(c *Call, a []types.Datum) (types.Datum, error) {
		values, err := pathQuery(c.EvalContext, a, tz)
		if err != nil || len(values) == 0 {
			return types.Null, err
		}
		return nodeText(values[0].result()), nil
	}}
}

func pathQuerySet(tz bool) func(c *Call, a []types.Datum) (SetIterator, error) {
	return func(c *Call, a []types.Datum) (SetIterator, error) {
		values, err := pathQuery(c.EvalContext, a, tz)
		if err != nil {
			return nil, err
		}
		out := make([]types.Datum, len(values))
		for i, v := range values {
			out[i] = nodeText(v.result())
		}
		return column(out), nil
	}
}

// jsonbOffset is where a container within base begins in PostgreSQL's binary form of it, which the ids of .keyvalue()
// show: a header of 4 bytes, 4 bytes for each element (for objects each key and each value), then keys and values,
// numbers and containers at multiples of 4.
func jsonbOffset(base, target *types.JSONNode) int64 {
	if base == nil {
		return 0
	}
	at, found := int64(-1), false
	layoutJSONB(base, 0, target, func(offset int64) { at, found = offset, true })
	if !found {
		return 0
	}
	return at
}

// layoutJSONB returns where a container that begins at offset ends.
func layoutJSONB(n *types.JSONNode, offset int64, target *types.JSONNode, found func(int64)) int64 {
	if n == target {
		found(offset)
	}
	entries := int64(len(n.Elems) + len(n.Keys))
	at := offset + 4 + 4*entries
	for _, k := range n.Keys {
		at += int64(len(k))
	}
	for i := range n.Elems {
		switch e := &n.Elems[i]; e.Kind {
		case types.JSONString:
			at += int64(len(e.Str))
		case types.JSONNumber:
			at = align4(at) + types.NumericStorageSize(e.Num)
		case types.JSONArray, types.JSONObject:
			at = layoutJSONB(e, align4(at), target, found)
		}
	}
	return at
}

func align4(n int64) int64 { return (n + 3) &^ 3 }

var jsonpathImpls = map[string]impl{
	"jsonb_path_exists": pathExists(false, false), "jsonb_path_exists_tz": pathExists(true, false), "jsonb_path_exists_opr": pathExists(false, true),
	"jsonb_path_match": pathMatch(false, false), "jsonb_path_match_tz": pathMatch(true, false), "jsonb_path_match_opr": pathMatch(false, true),
	"jsonb_path_query_array": pathQueryArray(false), "jsonb_path_query_array_tz": pathQueryArray(true),
	"jsonb_path_query_first": pathQueryFirst(false), "jsonb_path_query_first_tz": pathQueryFirst(true),
}
