package expr

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

func str1(f func(string) string) impl {
	return impl{f1: func(_ *Call, a types.Datum) (types.Datum, error) { return types.NewString(f(a.Str())), nil }}
}

func strInt(f func(string) int) impl {
	return impl{f1: func(_ *Call, a types.Datum) (types.Datum, error) { return types.NewInt(int64(f(a.Str()))), nil }}
}

func str2(f func(a, b string) string) impl {
	return impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) { return types.NewString(f(a.Str(), b.Str())), nil }}
}

func strN(f func(a []types.Datum) (string, error)) impl {
	return impl{fn: func(_ *Call, a []types.Datum) (types.Datum, error) {
		s, err := f(a)
		if err != nil {
			return types.Null, err
		}
		return types.NewString(s), nil
	}}
}

func runeLen(s string) int { return utf8.RuneCountInString(s) }

// byteAt returns the byte offset of character n (from 0) of s, len(s) past the end.
func byteAt(s string, n int64) int {
	if n <= 0 {
		return 0
	}
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

var errNegSubstr = pgerr.New(pgerr.SubstringError, "negative substring length not allowed")

// substring returns length characters from start (from 1); has tells whether a length was given.
func substring(s string, start, length int64, has bool) (string, error) {
	if has && length < 0 {
		return "", errNegSubstr
	}
	end := start + length
	if has && end <= 1 {
		return "", nil
	}
	from := byteAt(s, start-1)
	if !has {
		return s[from:], nil
	}
	return s[from : from+byteAt(s[from:], end-max(start, 1))], nil
}

func substringBytes(s string, start, length int64, has bool) (string, error) {
	if has && length < 0 {
		return "", errNegSubstr
	}
	end := int64(len(s))
	if has {
		end = min(end, start-1+length)
	}
	from := min(max(start-1, 0), int64(len(s)))
	return s[from:max(end, from)], nil
}

func overlay(s, by string, start, length int64) (string, error) {
	if start <= 0 {
		return "", errNegSubstr
	}
	head, err := substring(s, 1, start-1, true)
	if err != nil {
		return "", err
	}
	if start+length > 1<<31-1 {
		return "", errInteger
	}
	tail, err := substring(s, start+length, 0, false)
	return head + by + tail, err
}

func charsIn(set string) func(rune) bool {
	return func(r rune) bool { return strings.ContainsRune(set, r) }
}

func trimSpaces(s string) string { return strings.Trim(s, " ") }

func leftN(s string, n int64) string {
	if n < 0 {
		n = max(int64(runeLen(s))+n, 0)
	}
	return s[:byteAt(s, n)]
}

func rightN(s string, n int64) string {
	if n == math.MinInt32 { // its negative is itself to PostgreSQL
		return s
	}
	if n < 0 {
		return s[byteAt(s, -n):]
	}
	return s[byteAt(s, int64(runeLen(s))-n):]
}

var errTooLong = pgerr.New(pgerr.ProgramLimitExceeded, "requested length too large")

const maxString = 1<<30 - 5

func padding(s string, n int64, fill string) (string, string, error) {
	if n < 0 {
		n = 0
	}
	if n > maxString {
		return "", "", errTooLong
	}
	have := int64(runeLen(s))
	if have >= n || fill == "" {
		return leftN(s, min(n, have)), "", nil
	}
	var b strings.Builder
	runes := []rune(fill)
	for i := range n - have {
		b.WriteRune(runes[i%int64(len(runes))])
	}
	return s, b.String(), nil
}

func pad(left bool) impl {
	return strN(func(a []types.Datum) (string, error) {
		fill := " "
		if len(a) > 2 {
			fill = a[2].Str()
		}
		s, p, err := padding(a[0].Str(), a[1].Int(), fill)
		if left {
			return p + s, err
		}
		return s + p, err
	})
}

func initcap(s string) string {
	var b strings.Builder
	inWord := false
	for _, r := range s {
		if inWord {
			b.WriteRune(unicode.ToLower(r))
		} else {
			b.WriteRune(unicode.ToUpper(r))
		}
		inWord = unicode.IsLetter(r) || unicode.IsDigit(r)
	}
	return b.String()
}

func translate(s, from, to string) string {
	f, t := []rune(from), []rune(to)
	var b strings.Builder
next:
	for _, r := range s {
		for i, x := range f {
			if x != r {
				continue
			}
			if i < len(t) {
				b.WriteRune(t[i])
			}
			continue next
		}
		b.WriteRune(r)
	}
	return b.String()
}

func splitPart(s, sep string, n int64) (string, error) {
	if n == 0 {
		return "", pgerr.New(pgerr.InvalidParameterValue, "field position must not be zero")
	}
	parts := []string{s}
	if sep != "" {
		parts = strings.Split(s, sep)
	}
	if s == "" {
		return "", nil
	}
	if n < 0 {
		n += int64(len(parts)) + 1
	}
	if n < 1 || n > int64(len(parts)) {
		return "", nil
	}
	return parts[n-1], nil
}

func reverse(s string) string {
	r := []rune(s)
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	return string(r)
}

func chr(n int64) (string, error) {
	switch {
	case n < 0:
		return "", pgerr.New(pgerr.InvalidParameterValue, "character number must be positive")
	case n == 0:
		return "", pgerr.New(pgerr.ProgramLimitExceeded, "null character not permitted")
	case n > utf8.MaxRune:
		return "", pgerr.New(pgerr.ProgramLimitExceeded, "requested character too large for encoding: %d", n)
	case !utf8.ValidRune(rune(n)):
		return "", pgerr.New(pgerr.ProgramLimitExceeded, "requested character not valid for encoding: %d", n)
	}
	return string(rune(n)), nil
}

// QuoteIdent quotes an identifier if it needs it, as quote_ident does.
func QuoteIdent(s string) string {
	safe := s != "" && (s[0] >= 'a' && s[0] <= 'z' || s[0] == '_')
	for i := 0; i < len(s) && safe; i++ {
		c := s[i]
		safe = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_'
	}
	if safe && !reservedWords[s] {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// QuoteLiteral quotes a string as quote_literal does.
func QuoteLiteral(s string) string {
	q := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(s, `\`) {
		return "E" + strings.ReplaceAll(q, `\`, `\\`)
	}
	return q
}

func encode(b []byte, format string) (string, error) {
	switch strings.ToLower(format) {
	case "hex":
		return hex.EncodeToString(b), nil
	case "base64":
		s := base64.StdEncoding.EncodeToString(b)
		var out strings.Builder
		for len(s) > 76 {
			out.WriteString(s[:76])
			out.WriteByte('\n')
			s = s[76:]
		}
		out.WriteString(s)
		return out.String(), nil
	case "escape":
		var out strings.Builder
		for _, c := range b {
			switch {
			case c == 0 || c >= 0x80:
				out.WriteByte('\\')
				out.WriteString(string([]byte{'0' + c>>6, '0' + c>>3&7, '0' + c&7}))
			case c == '\\':
				out.WriteString(`\\`)
			default:
				out.WriteByte(c)
			}
		}
		return out.String(), nil
	}
	return "", pgerr.New(pgerr.InvalidParameterValue, "unrecognized encoding: \"%s\"", format)
}

func decode(s, format string) (string, error) {
	switch strings.ToLower(format) {
	case "hex":
		d, err := types.ParseHex(s)
		return d.Str(), err
	case "base64":
		return decodeBase64(s)
	case "escape":
		d, err := types.ParseText(types.T(types.ByteaOid), s, types.DefaultIOEnv)
		return d.Str(), err
	}
	return "", pgerr.New(pgerr.InvalidParameterValue, "unrecognized encoding: \"%s\"", format)
}

// decodeBase64 takes white space anywhere, and goes on after the end that a = makes.
func decodeBase64(s string) (string, error) {
	out := make([]byte, 0, len(s)/4*3)
	var group uint32
	digits, kept := 0, 3 // of the group; kept: how many bytes of it count, fewer from the first = on
	for i := range len(s) {
		var v int
		switch c := s[i]; c {
		case ' ', '\t', '\n', '\r':
			continue
		case '=':
			if kept == 3 {
				if digits < 2 {
					return "", pgerr.New(pgerr.InvalidParameterValue, "unexpected \"=\" while decoding base64 sequence")
				}
				kept = digits - 1
			}
		default:
			if v = strings.IndexByte(base64Digits, c); v < 0 {
				_, n := utf8.DecodeRuneInString(s[i:])
				return "", pgerr.New(pgerr.InvalidParameterValue, "invalid symbol \"%s\" found while decoding base64 sequence", s[i:i+n])
			}
		}
		group = group<<6 | uint32(v)
		if digits++; digits == 4 {
			out = append(out, []byte{byte(group >> 16), byte(group >> 8), byte(group)}[:kept]...)
			group, digits = 0, 0
		}
	}
	if digits != 0 {
		return "", pgerr.New(pgerr.InvalidParameterValue, "invalid base64 end sequence").
			WithHint("Input data is missing padding, is truncated, or is otherwise corrupted.")
	}
	return string(out), nil
}

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// text is the text form of a value of any type.
func text(c *Call, t types.Oid, d types.Datum) string {
	return types.Text(t, d, c.IO())
}

// eachAny calls f for the arguments of a VARIADIC "any" function from position from on.
func eachAny(c *Call, args []types.Datum, from int, f func(t types.Oid, d types.Datum) error) error {
	if c.Variadic {
		arr := args[len(args)-1].Array()
		if arr == nil {
			return nil
		}
		for _, d := range arr.Elems {
			if err := f(arr.Elem, d); err != nil {
				return err
			}
		}
		return nil
	}
	for i := from; i < len(args); i++ {
		if err := f(c.Types[i].Oid, args[i]); err != nil {
			return err
		}
	}
	return nil
}

func concat(c *Call, args []types.Datum) (types.Datum, error) {
	if c.Variadic && args[0].IsNull() {
		return types.Null, nil
	}
	var b strings.Builder
	err := eachAny(c, args, 0, func(t types.Oid, d types.Datum) error {
		if !d.IsNull() {
			b.WriteString(concatText(c, t, d))
		}
		return nil
	})
	return types.NewString(b.String()), err
}

func concatText(c *Call, t types.Oid, d types.Datum) string {
	return text(c, t, d)
}

func concatWS(c *Call, args []types.Datum) (types.Datum, error) {
	if args[0].IsNull() || c.Variadic && args[1].IsNull() {
		return types.Null, nil
	}
	var b strings.Builder
	n := 0
	err := eachAny(c, args, 1, func(t types.Oid, d types.Datum) error {
		if d.IsNull() {
			return nil
		}
		if n++; n > 1 {
			b.WriteString(args[0].Str())
		}
		b.WriteString(concatText(c, t, d))
		return nil
	})
	return types.NewString(b.String()), err
}

func formatFn(c *Call, args []types.Datum) (types.Datum, error) {
	if args[0].IsNull() {
		return types.Null, nil
	}
	var ts []types.Oid
	var ds []types.Datum
	if len(args) > 1 {
		_ = eachAny(c, args, 1, func(t types.Oid, d types.Datum) error {
			ts, ds = append(ts, t), append(ds, d)
			return nil
		})
	}
	f := formatter{c: c, types: ts, args: ds}
	s, err := f.run(args[0].Str())
	return types.NewString(s), err
}

// formatter is format(): %s, %I and %L with position, flag and width.
type formatter struct {
	c     *Call
	types []types.Oid
	args  []types.Datum
	next  int
}

func (f *formatter) run(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i++; i >= len(s) {
			return "", pgerr.New(pgerr.InvalidParameterValue, "unterminated format() type specifier").
				WithHint("For a single \"%\" use \"%%\".")
		}
		if s[i] == '%' {
			b.WriteByte('%')
			continue
		}
		n, err := f.spec(&b, s[i:])
		if err != nil {
			return "", err
		}
		i += n - 1
	}
	return b.String(), nil
}

const maxFormatNumber = math.MaxInt32

// digits reads a number; used is 0 where there is none.
func digits(s string) (n, used int, err error) {
	for used < len(s) && isDigitByte(s[used]) {
		if n = n*10 + int(s[used]-'0'); n > maxFormatNumber {
			return 0, 0, pgerr.New(pgerr.NumericValueOutOfRange, "number is out of range")
		}
		used++
	}
	return n, used, nil
}

func errArgumentZero() error {
	return pgerr.New(pgerr.InvalidParameterValue, "format specifies argument 0, but arguments are numbered from 1")
}

// formatSpec is what stands between the % and the letter of a conversion.
type formatSpec struct {
	pos, widthPos   int // arguments from 1; 0: the next one
	width           int
	minus, indirect bool // the width is an argument's value
}

// parseSpec reads a specifier and returns where its letter is.
func parseSpec(s string) (f formatSpec, i int, err error) {
	n, used, err := digits(s)
	if err != nil {
		return f, 0, err
	}
	if used > 0 {
		if used == len(s) || s[used] != '$' {
			f.width = n
			return f, used, nil
		}
		if f.pos, i = n, used+1; n == 0 {
			return f, 0, errArgumentZero()
		}
	}
	for i < len(s) && s[i] == '-' {
		f.minus = true
		i++
	}
	f.indirect = i < len(s) && s[i] == '*'
	if f.indirect {
		i++
	}
	if n, used, err = digits(s[i:]); err != nil || used == 0 {
		return f, i, err
	}
	i += used
	if !f.indirect {
		f.width = n
		return f, i, nil
	}
	switch {
	case i < len(s) && s[i] != '$':
		return f, 0, pgerr.New(pgerr.InvalidParameterValue, "width argument position must be ended by \"$\"")
	case n == 0:
		return f, 0, errArgumentZero()
	}
	f.widthPos = n
	return f, i + 1, nil
}

// argWidth is the width that an argument gives.
func (f *formatter) argWidth(pos int) (int, error) {
	d, t, err := f.arg(pos - 1)
	if err != nil || d.IsNull() {
		return 0, err
	}
	if t != types.Int4Oid && t != types.Int2Oid {
		if d, err = types.ParseText(types.T(types.Int4Oid), text(f.c, t, d), f.c.IO()); err != nil {
			return 0, err
		}
	}
	return int(d.Int()), nil
}

// spec formats one specifier and returns its length.
func (f *formatter) spec(b *strings.Builder, s string) (int, error) {
	p, i, err := parseSpec(s)
	if err != nil {
		return 0, err
	}
	if i >= len(s) {
		return 0, pgerr.New(pgerr.InvalidParameterValue, "unterminated format() type specifier").WithHint("For a single \"%\" use \"%%\".")
	}
	conv := s[i]
	if conv != 's' && conv != 'I' && conv != 'L' {
		return 0, pgerr.New(pgerr.InvalidParameterValue, "unrecognized format() type specifier \"%c\"", conv).WithHint("For a single \"%\" use \"%%\".")
	}
	width, minus := p.width, p.minus
	if p.indirect {
		if width, err = f.argWidth(p.widthPos); err != nil {
			return 0, err
		}
		if width < 0 {
			minus, width = true, -width
		}
	}
	d, t, err := f.arg(p.pos - 1)
	if err != nil {
		return 0, err
	}
	out := ""
	switch {
	case d.IsNull() && conv == 'I':
		return 0, pgerr.New(pgerr.NullValueNotAllowed, "null values cannot be formatted as an SQL identifier")
	case d.IsNull() && conv == 'L':
		out = "NULL"
	case !d.IsNull():
		out = text(f.c, t, d)
		if conv == 'I' {
			out = QuoteIdent(out)
		} else if conv == 'L' {
			out = QuoteLiteral(out)
		}
	}
	blanks := max(width-runeLen(out), 0)
	if b.Len()+blanks >= maxString {
		return 0, pgerr.New(pgerr.ProgramLimitExceeded, "out of memory").
			WithDetail("Cannot enlarge string buffer containing %d bytes by %d more bytes.", b.Len(), blanks)
	}
	fill := strings.Repeat(" ", blanks)
	if minus {
		b.WriteString(out + fill)
	} else {
		b.WriteString(fill + out)
	}
	return i + 1, nil
}

func (f *formatter) arg(pos int) (types.Datum, types.Oid, error) {
	if pos >= 0 {
		f.next = pos
	}
	if f.next >= len(f.args) {
		return types.Null, 0, pgerr.New(pgerr.InvalidParameterValue, "too few arguments for format()")
	}
	f.next++
	return f.args[f.next-1], f.types[f.next-1], nil
}

func posOf(a, b string) int64 {
	i := strings.Index(a, b)
	if i < 0 {
		return 0
	}
	return int64(runeLen(a[:i])) + 1
}

func anyText(c *Call, a types.Datum) string { return text(c, c.Types[0].Oid, a) }

// castText is argument i as its cast to text, which of some types is not what they print.
func castText(c *Call, i int, d types.Datum) (string, error) {
	d, err := types.Cast(d, c.Types[i], types.T(types.TextOid), types.Explicit, c.IO())
	return d.Str(), err
}

func quoteAny(c *Call, a types.Datum) (types.Datum, error) {
	s, err := castText(c, 0, a)
	return types.NewString(QuoteLiteral(s)), err
}

var stringImpls = map[string]impl{
	"textlen": strInt(runeLen), "bpcharlen": strInt(func(s string) int { return runeLen(types.TrimBlanks(s)) }),
	"textoctetlen": strInt(func(s string) int { return len(s) }), "byteaoctetlen": strInt(func(s string) int { return len(s) }),
	"bpcharoctetlen":    strInt(func(s string) int { return len(s) }),
	"bit_length(text)":  strInt(func(s string) int { return len(s) * 8 }),
	"bit_length(bytea)": strInt(func(s string) int { return len(s) * 8 }),
	"upper":             str1(strings.ToUpper), "lower": str1(strings.ToLower), "initcap": str1(initcap), "text_reverse": str1(reverse),
	"textcat": str2(func(a, b string) string { return a + b }), "byteacat": str2(func(a, b string) string { return a + b }),
	"anytextcat(anynonarray,text)": {f2: func(c *Call, a, b types.Datum) (types.Datum, error) {
		s, err := castText(c, 0, a)
		return types.NewString(s + b.Str()), err
	}},
	"textanycat(text,anynonarray)": {f2: func(c *Call, a, b types.Datum) (types.Datum, error) {
		s, err := castText(c, 1, b)
		return types.NewString(a.Str() + s), err
	}},
	"text_substr":         strN(func(a []types.Datum) (string, error) { return substring(a[0].Str(), a[1].Int(), a[2].Int(), true) }),
	"text_substr_no_len":  strN(func(a []types.Datum) (string, error) { return substring(a[0].Str(), a[1].Int(), 0, false) }),
	"bytea_substr":        strN(func(a []types.Datum) (string, error) { return substringBytes(a[0].Str(), a[1].Int(), a[2].Int(), true) }),
	"bytea_substr_no_len": strN(func(a []types.Datum) (string, error) { return substringBytes(a[0].Str(), a[1].Int(), 0, false) }),
	"textoverlay":         strN(func(a []types.Datum) (string, error) { return overlay(a[0].Str(), a[1].Str(), a[2].Int(), a[3].Int()) }),
	"textoverlay_no_len": strN(func(a []types.Datum) (string, error) {
		return overlay(a[0].Str(), a[1].Str(), a[2].Int(), int64(runeLen(a[1].Str())))
	}),
	"btrim":  str2(func(a, b string) string { return strings.TrimFunc(a, charsIn(b)) }),
	"ltrim":  str2(func(a, b string) string { return strings.TrimLeftFunc(a, charsIn(b)) }),
	"rtrim":  str2(func(a, b string) string { return strings.TrimRightFunc(a, charsIn(b)) }),
	"btrim1": str1(trimSpaces),
	"ltrim1": str1(func(s string) string { return strings.TrimLeft(s, " ") }),
	"rtrim1": str1(func(s string) string { return strings.TrimRight(s, " ") }),
	"textpos": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewInt(posOf(a.Str(), b.Str())), nil
	}},
	"byteapos": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewInt(int64(strings.Index(a.Str(), b.Str()) + 1)), nil
	}},
	"replace_text": strN(func(a []types.Datum) (string, error) {
		if a[1].Str() == "" {
			return a[0].Str(), nil
		}
		return strings.ReplaceAll(a[0].Str(), a[1].Str(), a[2].Str()), nil
	}),
	"split_part": strN(func(a []types.Datum) (string, error) { return splitPart(a[0].Str(), a[1].Str(), a[2].Int()) }),
	"text_left":  strN(func(a []types.Datum) (string, error) { return leftN(a[0].Str(), a[1].Int()), nil }),
	"text_right": strN(func(a []types.Datum) (string, error) { return rightN(a[0].Str(), a[1].Int()), nil }),
	"lpad":       pad(true), "lpad(text,int4)": pad(true), "rpad": pad(false), "rpad(text,int4)": pad(false),
	"repeat": strN(func(a []types.Datum) (string, error) {
		n := max(a[1].Int(), 0)
		if n*int64(len(a[0].Str())) > maxString {
			return "", errTooLong
		}
		return strings.Repeat(a[0].Str(), int(n)), nil
	}),
	"text_concat": {fn: concat}, "text_concat_ws": {fn: concatWS}, "text_format": {fn: formatFn}, "text_format_nv": {fn: formatFn},
	"md5_text":      str1(func(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) }),
	"md5_bytea":     str1(func(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) }),
	"sha224_bytea":  str1(func(s string) string { h := sha256.Sum224([]byte(s)); return string(h[:]) }),
	"sha256_bytea":  str1(func(s string) string { h := sha256.Sum256([]byte(s)); return string(h[:]) }),
	"sha384_bytea":  str1(func(s string) string { h := sha512.Sum384([]byte(s)); return string(h[:]) }),
	"sha512_bytea":  str1(func(s string) string { h := sha512.Sum512([]byte(s)); return string(h[:]) }),
	"binary_encode": strN(func(a []types.Datum) (string, error) { return encode(a[0].Bytes(), a[1].Str()) }),
	"binary_decode": strN(func(a []types.Datum) (string, error) { return decode(a[0].Str(), a[1].Str()) }),
	"chr":           strN(func(a []types.Datum) (string, error) { return chr(a[0].Int()) }),
	"ascii": {f1: func(_ *Call, a types.Datum) (types.Datum, error) {
		if a.Str() == "" {
			return types.NewInt(0), nil
		}
		r, _ := utf8.DecodeRuneInString(a.Str())
		return types.NewInt(int64(r)), nil
	}},
	"translate": strN(func(a []types.Datum) (string, error) { return translate(a[0].Str(), a[1].Str(), a[2].Str()), nil }),
	"text_starts_with": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewBool(strings.HasPrefix(a.Str(), b.Str())), nil
	}},
	"quote_ident": str1(QuoteIdent), "quote_literal": str1(QuoteLiteral),
	"quote_literal(anyelement)": {f1: quoteAny},
	"quote_nullable": {f1: func(c *Call, a types.Datum) (types.Datum, error) {
		if a.IsNull() {
			return types.NewString("NULL"), nil
		}
		return types.NewString(QuoteLiteral(anyText(c, a))), nil
	}},
	"quote_nullable(anyelement)": {f1: func(c *Call, a types.Datum) (types.Datum, error) {
		if a.IsNull() {
			return types.NewString("NULL"), nil
		}
		return quoteAny(c, a)
	}},
	"to_hex32": strN(func(a []types.Datum) (string, error) { return strconv.FormatUint(uint64(uint32(a[0].Int())), 16), nil }),
	"to_hex64": strN(func(a []types.Datum) (string, error) { return strconv.FormatUint(uint64(a[0].Int()), 16), nil }),
	"pg_column_size": {f1: func(c *Call, a types.Datum) (types.Datum, error) {
		return types.NewInt(int64(len(anyText(c, a))) + 4), nil
	}},
	"byteaGetByte": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		if n := b.Int(); n < 0 || n >= int64(len(a.Str())) {
			return types.Null, pgerr.New(pgerr.ArraySubscriptError, "index %d out of valid range, 0..%d", n, len(a.Str())-1)
		}
		return types.NewInt(int64(a.Str()[b.Int()])), nil
	}},
	"byteaSetByte": strN(func(a []types.Datum) (string, error) {
		b, n := []byte(a[0].Str()), a[1].Int()
		if n < 0 || n >= int64(len(b)) {
			return "", pgerr.New(pgerr.ArraySubscriptError, "index %d out of valid range, 0..%d", n, len(b)-1)
		}
		b[n] = byte(a[2].Int())
		return string(b), nil
	}),
	"byteaGetBit": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		n := b.Int()
		if last := int64(len(a.Str()))*8 - 1; n < 0 || n > last {
			return types.Null, pgerr.New(pgerr.ArraySubscriptError, "index %d out of valid range, 0..%d", n, last)
		}
		return types.NewInt(int64(a.Str()[n/8] >> (n % 8) & 1)), nil
	}},
	"pg_convert_to":   {f2: func(_ *Call, a, _ types.Datum) (types.Datum, error) { return a, nil }},
	"pg_convert_from": {f2: func(_ *Call, a, _ types.Datum) (types.Datum, error) { return a, types.ValidateUTF8(a.Str()) }},
	"pg_num_nulls":    {fn: func(c *Call, a []types.Datum) (types.Datum, error) { return countNulls(c, a, true) }},
	"pg_num_nonnulls": {fn: func(c *Call, a []types.Datum) (types.Datum, error) { return countNulls(c, a, false) }},
}

func countNulls(c *Call, args []types.Datum, nulls bool) (types.Datum, error) {
	n := int64(0)
	_ = eachAny(c, args, 0, func(_ types.Oid, d types.Datum) error {
		if d.IsNull() == nulls {
			n++
		}
		return nil
	})
	return types.NewInt(n), nil
}
