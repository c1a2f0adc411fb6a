package keyenc

import (
	"hash/fnv"
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// A GIN index has one entry for each distinct key that a value of its column is made of. A key is bytes that begin with
// what kind of key it is:
//
//	k string        jsonb_ops: a key of an object, or a string that is an element of an array or the whole value
//	s string        jsonb_ops: a string that is a value in an object
//	n numeric       jsonb_ops: a number, as in keys
//	t, f, 0         jsonb_ops: true, false and null
//	h 8 bytes       jsonb_path_ops: the hash of a scalar and the keys of objects on the path to it
//	e column        array_ops: an element, NULL too, as in keys
//	z               array_ops: the array has no elements
//	l lexeme        tsvector_ops
//	g 3 bytes       gin_trgm_ops
//
// What is longer than ginMaxKey bytes is replaced by a hash of 128 bits, under the kind's letter in the other case; of a
// lexeme, which is also searched for by its beginning, only what is behind ginLexemeHead bytes is. A search by keys may thus
// find too much; it never misses a row, and whoever reads by it tests the condition again.
//
// The keys are stored on disk and agreed between nodes; they must never change.

// GinClass is an operator class of GIN indexes.
type GinClass uint8

// The operator classes.
const (
	GinArray     GinClass = iota + 1 // array_ops
	GinJSONB                         // jsonb_ops
	GinJSONBPath                     // jsonb_path_ops
	GinTSVector                      // tsvector_ops
	GinTrigram                       // gin_trgm_ops, of pg_trgm
)

// GinClassNamed returns the operator class of a name; 0 for none.
func GinClassNamed(name string) GinClass {
	switch name {
	case "array_ops":
		return GinArray
	case "jsonb_ops":
		return GinJSONB
	case "jsonb_path_ops":
		return GinJSONBPath
	case "tsvector_ops":
		return GinTSVector
	case "gin_trgm_ops":
		return GinTrigram
	}
	return 0
}

// Accepts reports whether a column of a type can have the class.
func (c GinClass) Accepts(oid types.Oid) bool {
	if c == GinTrigram {
		return oid == types.TextOid || oid == types.VarcharOid
	}
	d := DefaultGinClass(oid)
	return d == c || d == GinJSONB && c == GinJSONBPath
}

// DefaultGinClass returns the class of a type that CREATE INDEX takes where none is named; 0: none that there is.
func DefaultGinClass(oid types.Oid) GinClass {
	switch {
	case oid == types.JsonbOid:
		return GinJSONB
	case oid == types.TsvectorOid:
		return GinTSVector
	case oid.Kind() == types.KArray && types.ElemOf(oid) != 0:
		return GinArray
	}
	return 0
}

// Serves reports whether the class serves an operator whose left operand is the column.
func (c GinClass) Serves(op string) bool {
	switch op {
	case "@>":
		return c <= GinJSONBPath
	case "&&", "<@":
		return c == GinArray
	case "=":
		return c == GinArray || c == GinTrigram
	case "~~", "~~*", "~", "~*", "%", "%>", "%>>":
		return c == GinTrigram
	case "?", "?|", "?&":
		return c == GinJSONB
	case "@?":
		return c == GinJSONB || c == GinJSONBPath
	case "@@":
		return c >= GinJSONB && c <= GinTSVector
	case "@@@":
		return c == GinTSVector
	}
	return false
}

const ginMaxKey = 125

// ginKey makes a key of a kind, which is a small letter where there is a body.
func ginKey(kind byte, body []byte) string {
	if len(body) <= ginMaxKey {
		return string(kind) + string(body)
	}
	h := fnv.New128a()
	h.Write(body)
	return string(h.Sum([]byte{kind - 'a' + 'A'}))
}

func ginString(kind byte, s string) string {
	if len(s) <= ginMaxKey {
		return string(kind) + s
	}
	return ginKey(kind, []byte(s))
}

// GinKeys returns the distinct keys of a value in ascending order; none for NULL.
func GinKeys(c GinClass, d types.Datum) []string {
	if d.IsNull() {
		return nil
	}
	var out []string
	switch c {
	case GinArray:
		a := d.Array()
		for _, e := range a.Elems {
			out = append(out, ginElem(a.Elem, e))
		}
		if len(out) == 0 {
			return []string{ginEmpty}
		}
	case GinJSONB:
		out = ginJSON(nil, d)
	case GinJSONBPath:
		out = ginPaths(nil, d)
	case GinTSVector:
		for _, l := range d.TSVector() {
			out = append(out, ginLexeme(l.Word))
		}
	case GinTrigram:
		list, _ := Trigrams(d.Str(), false)
		return ginTrigrams(list)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

const ginEmpty = "z"

func ginElem(elem types.Oid, d types.Datum) string {
	return ginKey('e', AppendKey(nil, elem, d, false))
}

func ginJSON(out []string, d types.Datum) []string {
	n, err := types.ParseJSONB(d.Str())
	if err != nil { // not reached: the text passed input
		return out
	}
	return ginNode(out, n, true)
}

// ginNode appends the keys of a node; inArray: it is an element or the whole value.
func ginNode(out []string, n *types.JSONNode, inArray bool) []string {
	switch n.Kind {
	case types.JSONObject:
		for i, k := range n.Keys {
			out = ginNode(append(out, ginString('k', k)), &n.Elems[i], false)
		}
		return out
	case types.JSONArray:
		for i := range n.Elems {
			out = ginNode(out, &n.Elems[i], true)
		}
		return out
	}
	return append(out, ginScalar(n, inArray))
}

func ginScalar(n *types.JSONNode, inArray bool) string {
	switch n.Kind {
	case types.JSONString:
		if inArray {
			return ginString('k', n.Str)
		}
		return ginString('s', n.Str)
	case types.JSONNumber:
		return ginKey('n', appendNumeric(nil, n.Num))
	case types.JSONBool:
		if n.Bool {
			return "t"
		}
		return "f"
	}
	return "0"
}

// ginPath is the hash of the keys of objects on a path: FNV-1a of 64 bits over them, each ended by a zero byte.
type ginPath uint64

const ginRoot ginPath = 14695981039346656037

func (p ginPath) add(s string) ginPath {
	for i := range len(s) {
		p = (p ^ ginPath(s[i])) * 1099511628211
	}
	return p
}

// key is the path with one more key of an object.
func (p ginPath) key(k string) ginPath { return p.add(k).add("\x00") }

// scalar is the key of a scalar at the path's end. Strings are alike wherever they are.
func (p ginPath) scalar(n *types.JSONNode) string {
	h := p.add(ginScalar(n, false))
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	out := [9]byte{'h'}
	for i := range 8 {
		out[i+1] = byte(h >> (56 - 8*i))
	}
	return string(out[:])
}

func ginPaths(out []string, d types.Datum) []string {
	n, err := types.ParseJSONB(d.Str())
	if err != nil {
		return out
	}
	return ginRoot.node(out, n)
}

func (p ginPath) node(out []string, n *types.JSONNode) []string {
	switch n.Kind {
	case types.JSONObject:
		for i, k := range n.Keys {
			out = p.key(k).node(out, &n.Elems[i])
		}
		return out
	case types.JSONArray: // adds nothing to the path
		for i := range n.Elems {
			out = p.node(out, &n.Elems[i])
		}
		return out
	}
	return append(out, p.scalar(n))
}

// ginLexemeHead is how much of a long lexeme stays in its key.
const ginLexemeHead = ginMaxKey - 16

func ginLexeme(w string) string {
	if len(w) <= ginMaxKey {
		return "l" + w
	}
	h := fnv.New128a()
	h.Write([]byte(w))
	return string(h.Sum([]byte("L" + w[:ginLexemeHead])))
}

// ginLexemeStarts returns what the keys of lexemes that begin with a prefix begin with.
func ginLexemeStarts(prefix string) []string {
	return []string{"L" + prefix[:min(len(prefix), ginLexemeHead)], "l" + prefix}
}

// AppendGinKey appends what entries of a key of an index's column n have behind the index's storage, before the row's key.
func AppendGinKey(buf []byte, n int, key string) []byte {
	return appendString(append(buf, tagValue, byte(n)), key)
}

// appendGinStart appends what entries of keys that begin with start have in common.
func appendGinStart(buf []byte, n int, start string) []byte {
	buf = AppendGinKey(buf, n, start)
	return buf[:len(buf)-2] // without what ends a string
}

// SkipGinKey returns what follows in an entry of a GIN index.
func SkipGinKey(b []byte) (rest []byte, err error) {
	r := reader{b: b}
	if r.byte() != tagValue {
		return nil, errCorruptKey()
	}
	r.byte()
	r.string()
	if r.bad {
		return nil, errCorruptKey()
	}
	return r.b, nil
}
