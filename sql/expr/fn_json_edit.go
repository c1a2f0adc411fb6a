package expr

import (
	"math"
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Changes of a jsonb at a path: jsonb_set, jsonb_insert, #- and subscripted assignment. All path elements before the
// last must exist, or nothing is done, unless gaps are to be filled.

// pathOp says what is done at the end of a path: PostgreSQL's JB_PATH flags.
type pathOp uint8

const (
	pathCreate         pathOp = 1 << iota // set the value, create the key
	pathDelete                            // remove it
	pathReplace                           // set the value of what exists
	pathInsertBefore                      // a new element before the one named
	pathInsertAfter                       // after it
	pathFillGaps                          // make what is missing on the way, null elements included
	pathFixedPositions                    // an array may not be prepended to
)

const pathAdds = pathCreate | pathInsertBefore | pathInsertAfter

type jsonEdit struct {
	op    pathOp
	value *types.JSONNode
	steps []types.Datum
}

// apply returns n changed; level is the step that leads into n.
func (e jsonEdit) apply(n *types.JSONNode, level int) (*types.JSONNode, error) {
	if e.steps[level].IsNull() {
		return nil, pgerr.New(pgerr.NullValueNotAllowed, "path element at position %d is null", level+1)
	}
	switch n.Kind {
	case types.JSONObject:
		return e.inObject(n, level)
	case types.JSONArray:
		return e.inArray(n, level)
	}
	if e.op&pathFillGaps != 0 {
		return nil, pgerr.New(pgerr.InvalidParameterValue, "cannot replace existing key").
			WithDetail("The path assumes key is a composite object, but it is a scalar value.")
	}
	return n, nil
}

func (e jsonEdit) inObject(n *types.JSONNode, level int) (*types.JSONNode, error) {
	key, last := e.steps[level].Str(), level == len(e.steps)-1
	for i, k := range n.Keys {
		if k != key {
			continue
		}
		switch {
		case last && e.op&(pathInsertBefore|pathInsertAfter) != 0:
			return nil, pgerr.New(pgerr.InvalidParameterValue, "cannot replace existing key").
				WithHint("Try using the function jsonb_set to replace key value.")
		case last && e.op&pathDelete != 0:
			return without(n, func(j int) bool { return j == i }), nil
		}
		value := e.value
		if !last {
			var err error
			if value, err = e.apply(&n.Elems[i], level+1); err != nil {
				return nil, err
			}
		}
		out := &types.JSONNode{Kind: n.Kind, Keys: n.Keys, Elems: append([]types.JSONNode(nil), n.Elems...)}
		out.Elems[i] = *value
		return out, nil
	}
	value := e.value
	switch {
	case last && e.op&pathAdds != 0:
	case !last && e.op&pathFillGaps != 0:
		var err error
		if value, err = e.chain(level + 1); err != nil {
			return nil, err
		}
	default:
		return n, nil
	}
	return object(append(append([]string(nil), n.Keys...), key), append(append([]types.JSONNode(nil), n.Elems...), *value)), nil
}

// chain makes the containers of all steps from level on, with the value inside: arrays where a step is an integer.
func (e jsonEdit) chain(level int) (*types.JSONNode, error) {
	if level == len(e.steps) {
		return e.value, nil
	}
	inner, err := e.chain(level + 1)
	if err != nil {
		return nil, err
	}
	i, isIndex := pathIndex(e.steps[level].Str())
	if !isIndex {
		return &types.JSONNode{Kind: types.JSONObject, Keys: []string{e.steps[level].Str()}, Elems: []types.JSONNode{*inner}}, nil
	}
	out := &types.JSONNode{Kind: types.JSONArray}
	if i > maxJSONElements {
		return nil, errJSONElements()
	}
	for range i {
		out.Elems = append(out.Elems, types.JSONNode{Kind: types.JSONNull})
	}
	out.Elems = append(out.Elems, *inner)
	return out, nil
}

// maxJSONElements is how far a jsonb array may grow by one assignment. PostgreSQL allows 33554431 elements; here a null
// between takes about 100 bytes of memory while the statement runs.
const maxJSONElements = 1 << 22

func errJSONElements() error {
	return pgerr.New(pgerr.ProgramLimitExceeded, "number of jsonb array elements exceeds the maximum allowed (%d)", maxJSONElements)
}

// pathIndex reads a path step as C's strtol does: blanks may precede the digits.
func pathIndex(s string) (int64, bool) {
	i, err := strconv.ParseInt(strings.TrimLeft(s, " \t\n\v\f\r"), 10, 32)
	return i, err == nil && !strings.Contains(s, "_")
}

func (e jsonEdit) inArray(n *types.JSONNode, level int) (*types.JSONNode, error) {
	i, ok := pathIndex(e.steps[level].Str())
	if !ok {
		return nil, pgerr.New(pgerr.InvalidTextRepresentation, "path element at position %d is not an integer: \"%s\"", level+1, e.steps[level].Str())
	}
	size, last := int64(len(n.Elems)), level == len(e.steps)-1
	switch {
	case i < 0 && -i <= size:
		i += size
	case i < 0 && e.op&pathFixedPositions != 0:
		return nil, pgerr.New(pgerr.InvalidParameterValue, "path element at position %d is out of range: %d", level+1, i)
	case i < 0:
		i = math.MinInt32
	case e.op&pathFillGaps == 0:
		i = min(i, size)
	}
	if i >= 0 && i < size {
		return e.atElement(n, int(i), level, last)
	}
	value := e.value
	switch {
	case last && e.op&pathAdds != 0:
	case !last && e.op&pathFillGaps != 0:
		var err error
		if value, err = e.chain(level + 1); err != nil {
			return nil, err
		}
	default:
		return n, nil
	}
	out := &types.JSONNode{Kind: n.Kind, Elems: append([]types.JSONNode(nil), n.Elems...)}
	if i < 0 {
		out.Elems = append([]types.JSONNode{*value}, out.Elems...)
		return out, nil
	}
	if e.op&pathFillGaps != 0 {
		if i > maxJSONElements {
			return nil, errJSONElements()
		}
		for int64(len(out.Elems)) < i {
			out.Elems = append(out.Elems, types.JSONNode{Kind: types.JSONNull})
		}
	}
	out.Elems = append(out.Elems, *value)
	return out, nil
}

// atElement changes an element that exists.
func (e jsonEdit) atElement(n *types.JSONNode, i, level int, last bool) (*types.JSONNode, error) {
	out := &types.JSONNode{Kind: n.Kind, Elems: append([]types.JSONNode(nil), n.Elems...)}
	if !last {
		sub, err := e.apply(&n.Elems[i], level+1)
		if err == nil {
			out.Elems[i] = *sub
		}
		return out, err
	}
	switch {
	case e.op&pathDelete != 0:
		return without(n, func(j int) bool { return j == i }), nil
	case e.op&(pathInsertBefore|pathInsertAfter) != 0:
		at := i
		if e.op&pathInsertAfter != 0 {
			at++
		}
		out.Elems = append(out.Elems[:at:at], append([]types.JSONNode{*e.value}, n.Elems[at:]...)...)
	default:
		out.Elems[i] = *e.value
	}
	return out, nil
}

// editJSONB makes the function that changes a jsonb at a path; scalar is the error for one without any path in it.
func editJSONB(doc, path types.Datum, value *types.JSONNode, op pathOp, scalar string) (types.Datum, error) {
	if len(path.Array().Dims) > 1 {
		return types.Null, pgerr.New(pgerr.ArraySubscriptError, "wrong number of array subscripts")
	}
	n := node(doc.Str())
	if n.Kind < types.JSONArray {
		return types.Null, pgerr.New(pgerr.InvalidParameterValue, "%s", scalar)
	}
	steps := path.Array().Elems
	if len(steps) == 0 || len(n.Elems) == 0 && op&pathAdds == 0 {
		return doc, nil
	}
	out, err := jsonEdit{op: op, value: value, steps: steps}.apply(n, 0)
	if err != nil {
		return types.Null, err
	}
	return nodeText(out), nil
}

func jsonbSet(_ *Call, a []types.Datum) (types.Datum, error) {
	op := pathReplace
	if len(a) < 4 || a[3].Bool() {
		op = pathCreate
	}
	return editJSONB(a[0], a[1], node(a[2].Str()), op, "cannot set path in scalar")
}

func jsonbInsert(_ *Call, a []types.Datum) (types.Datum, error) {
	op := pathInsertBefore
	if len(a) > 3 && a[3].Bool() {
		op = pathInsertAfter
	}
	return editJSONB(a[0], a[1], node(a[2].Str()), op, "cannot set path in scalar")
}

func jsonbDeletePath(_ *Call, doc, path types.Datum) (types.Datum, error) {
	return editJSONB(doc, path, nil, pathDelete, "cannot delete path in scalar")
}

// jsonbSetLax is jsonb_set whose fifth argument says what a NULL value means.
func jsonbSetLax(c *Call, a []types.Datum) (types.Datum, error) {
	badTreatment := pgerr.New(pgerr.InvalidParameterValue, "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"")
	if len(a) < 4 {
		a = append(a[:3:3], types.NewBool(true))
	}
	if len(a) < 5 {
		a = append(a[:4:4], types.NewString("use_json_null"))
	}
	switch {
	case a[0].IsNull() || a[1].IsNull() || a[3].IsNull():
		return types.Null, nil
	case a[4].IsNull():
		return types.Null, badTreatment
	case !a[2].IsNull():
		return jsonbSet(c, a)
	}
	switch a[4].Str() {
	case "raise_exception":
		return types.Null, pgerr.New(pgerr.NullValueNotAllowed, "JSON value must not be null").
			WithDetail("Exception was raised because null_value_treatment is \"raise_exception\".").
			WithHint("To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed.")
	case "use_json_null":
		return jsonbSet(c, []types.Datum{a[0], a[1], types.NewString("null"), a[3]})
	case "delete_key":
		return jsonbDeletePath(c, a[0], a[1])
	case "return_target":
		return a[0], nil
	}
	return types.Null, badTreatment
}

// deleteKey is jsonb - text; deleteKeys - text[].
func deleteKey(n *types.JSONNode, key types.Datum) (*types.JSONNode, error) {
	return deleteKeys(n, []types.Datum{key})
}

func deleteKeys(n *types.JSONNode, keys []types.Datum) (*types.JSONNode, error) {
	if n.Kind < types.JSONArray {
		return nil, pgerr.New(pgerr.InvalidParameterValue, "cannot delete from scalar")
	}
	drop := map[string]bool{}
	for _, k := range keys {
		if !k.IsNull() {
			drop[k.Str()] = true
		}
	}
	if n.Kind == types.JSONObject {
		return without(n, func(i int) bool { return drop[n.Keys[i]] }), nil
	}
	return without(n, func(i int) bool { return n.Elems[i].Kind == types.JSONString && drop[n.Elems[i].Str] }), nil
}

func deleteIndex(n *types.JSONNode, i int64) (*types.JSONNode, error) {
	switch n.Kind {
	case types.JSONObject:
		return nil, pgerr.New(pgerr.InvalidParameterValue, "cannot delete from object using integer index")
	case types.JSONArray:
	default:
		return nil, pgerr.New(pgerr.InvalidParameterValue, "cannot delete from scalar")
	}
	if i < 0 {
		i += int64(len(n.Elems))
	}
	return without(n, func(k int) bool { return int64(k) == i }), nil
}

// without copies n without the members that drop accepts.
func without(n *types.JSONNode, drop func(i int) bool) *types.JSONNode {
	out := &types.JSONNode{Kind: n.Kind}
	for i := range n.Elems {
		if drop(i) {
			continue
		}
		out.Elems = append(out.Elems, n.Elems[i])
		if n.Kind == types.JSONObject {
			out.Keys = append(out.Keys, n.Keys[i])
		}
	}
	return out
}

// object makes an object of members in any order; the last of equal keys counts.
func object(keys []string, elems []types.JSONNode) *types.JSONNode {
	n := &types.JSONNode{Kind: types.JSONObject, Keys: keys, Elems: elems}
	n.SortKeys()
	return n
}

func jsonConcat(a, b *types.JSONNode) *types.JSONNode {
	if a.Kind == types.JSONObject && b.Kind == types.JSONObject {
		return object(append(append([]string(nil), a.Keys...), b.Keys...), append(append([]types.JSONNode(nil), a.Elems...), b.Elems...))
	}
	list := func(n *types.JSONNode) []types.JSONNode {
		if n.Kind == types.JSONArray {
			return n.Elems
		}
		return []types.JSONNode{*n}
	}
	return &types.JSONNode{Kind: types.JSONArray, Elems: append(append([]types.JSONNode(nil), list(a)...), list(b)...)}
}

var jsonEditImpls = map[string]impl{
	"jsonb_concat": onNode(func(n *types.JSONNode, b types.Datum) (*types.JSONNode, error) {
		return jsonConcat(n, node(b.Str())), nil
	}),
	"jsonb_delete": onNode(deleteKey),
	"jsonb_delete_array": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		if len(b.Array().Dims) > 1 {
			return types.Null, pgerr.New(pgerr.ArraySubscriptError, "wrong number of array subscripts")
		}
		n, err := deleteKeys(node(a.Str()), b.Array().Elems)
		if err != nil {
			return types.Null, err
		}
		return nodeText(n), nil
	}},
	"jsonb_delete_idx":  onNode(func(n *types.JSONNode, b types.Datum) (*types.JSONNode, error) { return deleteIndex(n, b.Int()) }),
	"jsonb_delete_path": {f2: jsonbDeletePath},
	"jsonb_set":         {fn: jsonbSet}, "jsonb_insert": {fn: jsonbInsert}, "jsonb_set_lax": {fn: jsonbSetLax},
}
