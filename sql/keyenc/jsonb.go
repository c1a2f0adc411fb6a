package keyenc

import (
	"encoding/binary"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// A jsonb value in a key is its tree in preorder: a kind, which orders as
// PostgreSQL's btree does, and then a string, a numeric, or for containers the
// count of elements and the elements, each behind its key in objects. At the top
// a scalar sorts above the empty array and below all others, so topClass comes first.
const (
	topEmptyArray = 1
	topScalar     = 2
	topArray      = 3
	topObject     = 4

	maxJSONBDepth = 6500
)

// json kinds in keys: the kind's number plus one; false and true are apart.
const (
	kindNull = iota + 1
	kindString
	kindNumber
	kindFalse
	kindTrue
	kindArray
	kindObject
)

func appendJSONB(buf []byte, text string) []byte {
	n, err := types.ParseJSONB(text)
	if err != nil { // no jsonb value; keep it distinct all the same
		return appendString(append(buf, 0), text)
	}
	top := byte(topScalar)
	switch {
	case n.Kind == types.JSONObject:
		top = topObject
	case n.Kind == types.JSONArray && len(n.Elems) == 0:
		top = topEmptyArray
	case n.Kind == types.JSONArray:
		top = topArray
	}
	return appendNode(append(buf, top), n)
}

func appendNode(buf []byte, n *types.JSONNode) []byte {
	switch n.Kind {
	case types.JSONNull:
		return append(buf, kindNull)
	case types.JSONString:
		return appendString(append(buf, kindString), n.Str)
	case types.JSONNumber:
		return appendNumeric(append(buf, kindNumber), n.Num)
	case types.JSONBool:
		if n.Bool {
			return append(buf, kindTrue)
		}
		return append(buf, kindFalse)
	}
	if n.Kind == types.JSONArray {
		buf = append(buf, kindArray)
	} else {
		buf = append(buf, kindObject)
	}
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(n.Elems)))
	for i := range n.Elems {
		if n.Kind == types.JSONObject {
			buf = appendString(buf, n.Keys[i])
		}
		buf = appendNode(buf, &n.Elems[i])
	}
	return buf
}

func (r *reader) jsonb() (types.Datum, error) {
	switch top := r.byte(); {
	case top == 0:
		return types.NewString(r.string()), nil
	case top > topObject:
		return types.Null, errCorruptKey()
	}
	n, err := r.node(0)
	if err != nil {
		return types.Null, err
	}
	return types.NewBytes(types.AppendJSONB(nil, &n)), nil
}

func (r *reader) node(depth int) (n types.JSONNode, err error) {
	kind := r.byte()
	switch kind {
	case kindNull:
		n.Kind = types.JSONNull
	case kindString:
		n.Kind, n.Str = types.JSONString, r.string()
	case kindNumber:
		n.Kind = types.JSONNumber
		n.Num, err = r.numeric()
	case kindFalse, kindTrue:
		n.Kind, n.Bool = types.JSONBool, kind == kindTrue
	case kindArray, kindObject:
		n.Kind = types.JSONArray
		if kind == kindObject {
			n.Kind = types.JSONObject
		}
		count := int(r.uint(4))
		if depth > maxJSONBDepth || count > len(r.b) { // an element takes a byte at least
			return n, errCorruptKey()
		}
		for range count {
			if kind == kindObject {
				n.Keys = append(n.Keys, r.string())
			}
			e, err := r.node(depth + 1)
			if err != nil {
				return n, err
			}
			n.Elems = append(n.Elems, e)
		}
	default:
		err = errCorruptKey()
	}
	if err == nil && r.bad {
		err = errCorruptKey()
	}
	return n, err
}
