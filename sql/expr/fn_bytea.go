package expr

import (
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Functions over bytea that text has under the same names, and unistr.

// trimBytes cuts bytes of a set off the ends of s.
func trimBytes(s, set string, left, right bool) string {
	for left && s != "" && strings.IndexByte(set, s[0]) >= 0 {
		s = s[1:]
	}
	for right && s != "" && strings.IndexByte(set, s[len(s)-1]) >= 0 {
		s = s[:len(s)-1]
	}
	return s
}

func overlayBytes(a []types.Datum) (string, error) {
	s, by, start := a[0].Str(), a[1].Str(), a[2].Int()
	length := int64(len(by))
	if len(a) > 3 {
		length = a[3].Int()
	}
	if start <= 0 {
		return "", errNegSubstr
	}
	head, err := substringBytes(s, 1, start-1, true)
	if err != nil {
		return "", err
	}
	if start+length > 1<<31-1 {
		return "", errInteger
	}
	tail, err := substringBytes(s, start+length, 0, false)
	return head + by + tail, err
}

func setBit(a []types.Datum) (string, error) {
	s, n, bit := a[0].Str(), a[1].Int(), a[2].Int()
	if size := int64(len(s)) * 8; n < 0 || n >= size {
		return "", pgerr.New(pgerr.ArraySubscriptError, "index %d out of valid range, 0..%d", n, size-1)
	}
	if bit != 0 && bit != 1 {
		return "", pgerr.New(pgerr.InvalidParameterValue, "new bit must be 0 or 1")
	}
	b := []byte(s)
	b[n/8] = b[n/8]&^(1<<(n%8)) | byte(bit)<<(n%8)
	return string(b), nil
}

func bitCount(_ *Call, a types.Datum) (types.Datum, error) {
	n := 0
	for _, c := range a.Bytes() {
		n += bits.OnesCount8(c)
	}
	return types.NewInt(int64(n)), nil
}

var errUnicodePair = pgerr.New(pgerr.SyntaxError, "invalid Unicode surrogate pair")

// unistr replaces \XXXX, \+XXXXXX, \uXXXX and \UXXXXXXXX by the characters that they name.
func unistr(s string) (string, error) {
	var b strings.Builder
	var high rune
	for i := 0; i < len(s); {
		if s[i] != '\\' || i+1 < len(s) && s[i+1] == '\\' {
			if high != 0 {
				return "", errUnicodePair
			}
			b.WriteByte(s[i])
			if s[i] == '\\' {
				i++
			}
			i++
			continue
		}
		r, n, ok := unicodeNumber(s[i+1:])
		if !ok {
			return "", pgerr.New(pgerr.SyntaxError, "invalid Unicode escape").
				WithHint("Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.")
		}
		i += 1 + n
		switch {
		case r == 0 || r > utf8.MaxRune || r < 0:
			return "", pgerr.New(pgerr.InvalidParameterValue, "invalid Unicode code point: %04X", uint32(r))
		case high != 0 && (r < 0xDC00 || r >= 0xE000), high == 0 && r >= 0xDC00 && r < 0xE000:
			return "", errUnicodePair
		case high != 0:
			r, high = 0x10000+(high-0xD800)<<10+(r-0xDC00), 0
		case r >= 0xD800 && r < 0xDC00:
			high = r
			continue
		}
		b.WriteRune(r)
	}
	if high != 0 {
		return "", errUnicodePair
	}
	return b.String(), nil
}

// unicodeNumber reads what follows the backslash of an escape; n is its length.
func unicodeNumber(s string) (r rune, n int, ok bool) {
	digits := 4
	switch {
	case strings.HasPrefix(s, "+"):
		n, digits = 1, 6
	case strings.HasPrefix(s, "u"):
		n = 1
	case strings.HasPrefix(s, "U"):
		n, digits = 1, 8
	}
	if len(s) < n+digits {
		return 0, 0, false
	}
	for _, c := range []byte(s[n : n+digits]) {
		d := strings.IndexByte("0123456789abcdef", c|0x20)
		if c < '0' || d < 0 || c > '9' && d < 10 {
			return 0, 0, false
		}
		r = r<<4 | rune(d)
	}
	return r, n + digits, true
}

var byteaImpls = map[string]impl{
	"byteatrim":           str2(func(a, b string) string { return trimBytes(a, b, true, true) }),
	"bytealtrim":          str2(func(a, b string) string { return trimBytes(a, b, true, false) }),
	"byteartrim":          str2(func(a, b string) string { return trimBytes(a, b, false, true) }),
	"byteaoverlay":        strN(overlayBytes),
	"byteaoverlay_no_len": strN(overlayBytes),
	"byteaSetBit":         strN(setBit),
	"bytea_bit_count":     {f1: bitCount},
	"like_escape_bytea": strN(func(a []types.Datum) (string, error) {
		if len(a[1].Str()) > 1 { // a byte, whatever characters the bytes would be
			return "", errEscapeString
		}
		return likeEscape(a[0].Str(), a[1].Str())
	}),
	"unistr": strN(func(a []types.Datum) (string, error) { return unistr(a[0].Str()) }),

	"substring(text,text,text)": {fn: similarSubstr, inline: inlineSimilar},
}
