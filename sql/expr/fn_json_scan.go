package expr

import (
	"bytes"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// A jsonb value is held in one form alone (keys once, one way to escape, ", " and ": " between), so that a member of an
// object is found by comparing bytes, and the members before it are skipped unparsed.

// memberText is the text of an object's member; "" where there is none, or s is no object.
func memberText(s, key string) string {
	if len(s) < 2 || s[0] != '{' || s[1] == '}' {
		return ""
	}
	var buf [64]byte
	quoted := types.AppendJSONString(buf[:0], key)
	for i := 1; i < len(s); {
		end := skipValue(s, i)
		found := s[i:end] == string(quoted)
		i = end + len(": ")
		end = skipValue(s, i)
		if found {
			return s[i:end]
		}
		i = end + len(", ")
	}
	return ""
}

// skipValue is the end of the value that starts at i.
func skipValue(s string, i int) int {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '"':
			i = skipString(s, i) - 1
			if depth == 0 {
				return i + 1
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
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return i
}

// skipString is the end of the string whose opening quote is at i.
func skipString(s string, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return i
}

// memberAccessor is -> (isText false) and ->> (isText true) of an object's key.
func memberAccessor(isText bool) impl {
	return impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		v := memberText(a.Str(), b.Str())
		switch {
		case v == "" || isText && v == "null":
			return types.Null, nil
		case isText && v[0] == '"':
			if strings.IndexByte(v, '\\') >= 0 {
				return asText(node(v)), nil
			}
			v = v[1 : len(v)-1]
		}
		return types.NewString(strings.Clone(v)), nil
	}}
}

// containsText is contains of a document that is not parsed but where arrays are looked through.
func containsText(a string, b *types.JSONNode, top bool) bool {
	switch b.Kind {
	case types.JSONObject:
		if a[0] != '{' {
			return false
		}
		for i, k := range b.Keys {
			if m := memberText(a, k); m == "" || !containsText(m, &b.Elems[i], false) {
				return false
			}
		}
		return true
	case types.JSONArray:
		return a[0] == '[' && contains(node(a), b, top)
	}
	if a[0] == '[' {
		return top && anyContains(node(a), b)
	}
	return equalText(a, b)
}

// equalText reports whether a value's text is that of a scalar.
func equalText(a string, b *types.JSONNode) bool {
	switch b.Kind {
	case types.JSONString:
		var buf [64]byte
		return a[0] == '"' && a == string(types.AppendJSONString(buf[:0], b.Str))
	case types.JSONNumber:
		if a[0] != '-' && (a[0] < '0' || a[0] > '9') {
			return false
		}
		var buf [64]byte
		text := types.AppendText(buf[:0], types.NumericOid, b.Num, types.DefaultIOEnv)
		if a == string(text) {
			return true
		}
		// Numbers are written without exponents: of two integers the digits differ.
		fraction := strings.IndexByte(a, '.') >= 0 || bytes.IndexByte(text, '.') >= 0
		return fraction && types.NumericCompare(node(a).Num, b.Num) == 0
	}
	return a == nodeText(b).Str()
}
