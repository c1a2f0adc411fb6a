package types

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// ParseText reads the text form of a value as the type's input function does and
// applies the modifier as for an assignment. The result may refer to s.
func ParseText(t Type, s string, env *IOEnv) (Datum, error) {
	switch t.Oid {
	case TextOid, UnknownOid, CstringOid, RefcursorOid, CitextOid:
		return NewString(s), ValidateUTF8(s)
	case VarcharOid, BpcharOid:
		if err := ValidateUTF8(s); err != nil {
			return Null, err
		}
		return applyStringMod(NewString(s), t, false)
	case Int4Oid, Int8Oid, Int2Oid:
		n, err := ParseInt(s, t.Oid)
		return NewInt(n), err
	case BoolOid:
		b, err := ParseBool(s)
		return NewBool(b), err
	case NumericOid:
		d, err := ParseNumeric(s)
		if err != nil {
			return Null, err
		}
		return applyNumericMod(d, t.Mod)
	case TimestampOid, TimestamptzOid:
		n, err := parseTimestamp(s, t.Oid == TimestamptzOid, t.Mod, env)
		return NewInt(n), err
	case DateOid:
		n, err := parseDate(s, env)
		return NewInt(n), err
	case TimeOid:
		n, err := parseTimeOfDay(s, t.Mod, env)
		return NewInt(n), err
	case IntervalOid:
		iv, err := ParseInterval(s, t.Mod, env.IntervalStyle)
		return NewInterval(iv), err
	case UuidOid:
		return parseUUID(s)
	case ByteaOid:
		return parseBytea(s)
	case Float8Oid, Float4Oid:
		f, err := ParseFloat(s, t.Oid)
		return NewFloat(f), err
	case JsonOid:
		return NewString(s), firstError(ValidateUTF8(s), ValidateJSON(s))
	case JsonbOid:
		if err := ValidateUTF8(s); err != nil {
			return Null, err
		}
		n, err := NormalizeJSONB(s)
		return NewString(n), err
	case JsonpathOid:
		if err := ValidateUTF8(s); err != nil {
			return Null, err
		}
		n, err := NormalizeJSONPath(s)
		return NewString(n), err
	}
	return parseRareText(t, s, env)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// parseChar reads a "char": its first byte, where \ooo is one in octal.
func parseChar(s string) byte {
	octal := func(c byte) bool { return c >= '0' && c <= '7' }
	switch {
	case s == "":
		return 0
	case len(s) == 4 && s[0] == '\\' && octal(s[1]) && octal(s[2]) && octal(s[3]):
		return (s[1]-'0')<<6 | (s[2]-'0')<<3 | (s[3] - '0')
	}
	return s[0]
}

// appendChar writes a "char": a byte that is no ASCII in octal.
func appendChar(buf []byte, c byte) []byte {
	switch {
	case c == 0:
		return buf
	case c > 127:
		return append(buf, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
	}
	return append(buf, c)
}

func parseRareText(t Type, s string, env *IOEnv) (Datum, error) {
	switch t.Oid {
	case NameOid:
		return NewString(TruncateName(s)), ValidateUTF8(s)
	case CharOid:
		return NewInt(int64(parseChar(s))), nil
	case OidOid, XidOid, CidOid:
		return parseOid(s, Lookup(t.Oid).Name)
	case Xid8Oid:
		n, err := strconv.ParseUint(trimSpace(s), 10, 64)
		if err != nil {
			return Null, errSyntax("xid8", s)
		}
		return NewInt(int64(n)), nil
	case InetOid, CidrOid:
		return parseInet(s, t.Oid == CidrOid)
	case TimetzOid:
		return parseTimetz(s, t.Mod, env)
	case BitOid, VarbitOid:
		return parseBits(t, s)
	case MoneyOid:
		return parseMoney(s)
	case MacaddrOid:
		return parseMacaddr(s)
	case Macaddr8Oid:
		return parseMacaddr8(s)
	case TidOid:
		return parseTid(s)
	case PgLsnOid:
		return parseLSN(s)
	case TsvectorOid:
		return parseTSVector(s)
	case TsqueryOid:
		q, err := ParseTSQuery(s, TSQueryStandard, nil, env.Notice)
		return NewTSQuery(q), err
	case Int2vectorOid, OidvectorOid:
		return parseVector(t.Oid, s)
	case RecordOid:
		return Null, pgerr.New(pgerr.FeatureNotSupported, "input of anonymous composite types is not implemented")
	case PgNodeTreeOid:
		return Null, pgerr.New(pgerr.FeatureNotSupported, "cannot accept a value of type pg_node_tree")
	case AclitemOid:
		return NewString(s), ValidateUTF8(s)
	case VoidOid:
		return NewString(""), nil
	case RegprocOid, RegprocedureOid, RegoperOid, RegoperatorOid, RegclassOid, RegtypeOid, RegroleOid, RegnamespaceOid,
		RegconfigOid, RegdictionaryOid, RegcollationOid:
		return parseReg(t.Oid, s, env)
	}
	switch t.Kind() {
	case KRange:
		r, err := parseRange(t.Oid, s, env)
		if err != nil {
			return Null, err
		}
		return NewRange(r), nil
	case KMultirange:
		return parseMultirange(t.Oid, s, env)
	}
	if t.Kind() == KArray {
		return parseArray(t, s, env)
	}
	switch t.Oid.Class() {
	case EnumClass:
		return parseEnum(t.Oid, s, env)
	case CompositeClass:
		return parseComposite(t.Oid, s, env)
	}
	in := Lookup(t.Oid)
	switch {
	case in == nil:
		return NewString(s), nil
	case in.Type == 'p':
		return Null, pgerr.New(pgerr.FeatureNotSupported, "cannot accept a value of type %s", in.Name)
	}
	return Null, pgerr.NotSupported("type " + in.SQLName)
}

// ValidateUTF8 checks that s is UTF-8 without zero bytes; 22021 names the first bad bytes.
func ValidateUTF8(s string) error {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return nil
	}
	i := 0
	for i < len(s) && s[i] != 0 {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n <= 1 {
			break
		}
		i += n
	}
	want := 1
	switch c := s[i]; {
	case c&0xe0 == 0xc0:
		want = 2
	case c&0xf0 == 0xe0:
		want = 3
	case c&0xf8 == 0xf0:
		want = 4
	}
	var b strings.Builder
	for k := i; k < len(s) && k < i+want; k++ {
		if k > i {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "0x%02x", s[k])
	}
	return pgerr.New(pgerr.CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\": %s", b.String())
}

// ParseInt reads an int2, int4 or int8.
func ParseInt(s string, oid Oid) (int64, error) {
	name, lo, hi := integerBounds(oid)
	t := s
	if t == "" || isSpace(t[0]) || isSpace(t[len(t)-1]) {
		t = trimSpace(t)
	}
	neg := false
	d := t
	if d != "" && (d[0] == '-' || d[0] == '+') {
		neg = d[0] == '-'
		d = d[1:]
	}
	if d == "" {
		return 0, errSyntax(name, s)
	}
	var n uint64
	overflow := false
	for i := range len(d) {
		if !isDigit(d[i]) {
			return 0, errSyntax(name, s)
		}
		if n > (math.MaxUint64-9)/10 {
			overflow = true
		}
		n = n*10 + uint64(d[i]-'0')
	}
	v := int64(n)
	if neg {
		v = -v
		overflow = overflow || n > 1<<63
	} else {
		overflow = overflow || n > math.MaxInt64
	}
	if overflow || v < lo || v > hi {
		return 0, pgerr.New(pgerr.NumericValueOutOfRange, "value \"%s\" is out of range for type %s", s, name)
	}
	return v, nil
}

// ParseBool reads a bool: any unambiguous beginning of true, false, yes, no, on and off, or 1 and 0.
func ParseBool(s string) (bool, error) {
	t := strings.ToLower(trimSpace(s))
	prefix := func(word string, least int) bool { return len(t) >= least && strings.HasPrefix(word, t) }
	switch {
	case t == "1" || prefix("true", 1) || prefix("yes", 1) || t == "on":
		return true, nil
	case t == "0" || prefix("false", 1) || prefix("no", 1) || prefix("off", 2):
		return false, nil
	}
	return false, errSyntax("boolean", s)
}

// ParseFloat reads a float4 or float8.
func ParseFloat(s string, oid Oid) (float64, error) {
	name, bits := "double precision", 64
	if oid == Float4Oid {
		name, bits = "real", 32
	}
	t := trimSpace(s)
	if t == "" || strings.IndexByte(t, '_') >= 0 {
		return 0, errSyntax(name, s)
	}
	f, err := strconv.ParseFloat(t, bits)
	if err != nil {
		if e, ok := err.(*strconv.NumError); ok && e.Err == strconv.ErrRange {
			return 0, pgerr.New(pgerr.NumericValueOutOfRange, "\"%s\" is out of range for type %s", s, name)
		}
		return 0, errSyntax(name, s)
	}
	if f == 0 {
		mantissa, _, _ := strings.Cut(strings.ToLower(t), "e")
		if strings.ContainsAny(mantissa, "123456789") && !strings.HasPrefix(strings.TrimLeft(mantissa, "+-"), "0x") {
			return 0, pgerr.New(pgerr.NumericValueOutOfRange, "\"%s\" is out of range for type %s", s, name)
		}
	}
	return f, nil
}

// parseOid reads an unsigned 32-bit number; as in PostgreSQL a negative one wraps.
func parseOid(s, name string) (Datum, error) {
	n, err := strconv.ParseInt(trimSpace(s), 10, 64)
	switch {
	case err != nil && err.(*strconv.NumError).Err == strconv.ErrRange, err == nil && (n > math.MaxUint32 || n < math.MinInt32):
		return Null, pgerr.New(pgerr.NumericValueOutOfRange, "value \"%s\" is out of range for type %s", s, name)
	case err != nil:
		return Null, errSyntax(name, s)
	}
	return NewInt(int64(uint32(n))), nil
}

// parseTid reads (block,offset); as in PostgreSQL a negative block wraps.
func parseTid(s string) (Datum, error) {
	body, ok1 := strings.CutPrefix(trimSpace(s), "(")
	body, ok2 := strings.CutSuffix(body, ")")
	blk, off, ok3 := strings.Cut(body, ",")
	b, err1 := strconv.ParseInt(blk, 10, 64)
	o, err2 := strconv.ParseUint(off, 10, 16)
	if !ok1 || !ok2 || !ok3 || err1 != nil || err2 != nil || b < math.MinInt32 || b > math.MaxUint32 {
		return Null, errSyntax("tid", s)
	}
	return NewInt(int64(uint32(b))<<16 | int64(o)), nil
}

func parseLSN(s string) (Datum, error) {
	hi, lo, ok := strings.Cut(s, "/")
	h, err1 := strconv.ParseUint(hi, 16, 32)
	l, err2 := strconv.ParseUint(lo, 16, 32)
	if !ok || err1 != nil || err2 != nil {
		return Null, errSyntax("pg_lsn", s)
	}
	return NewInt(int64(h<<32 | l)), nil
}

func parseReg(oid Oid, s string, env *IOEnv) (Datum, error) {
	t := trimSpace(s)
	if t == "-" {
		return NewInt(0), nil
	}
	if t != "" && spanWhile(t, 0, isDigit) == len(t) {
		return parseOid(t, "oid")
	}
	if env.RegIn == nil {
		return Null, errSyntax(Lookup(oid).Name, s)
	}
	n, err := env.RegIn(oid, t)
	return NewInt(int64(n)), err
}

func parseUUID(s string) (Datum, error) {
	var out [16]byte
	body := s
	if strings.HasPrefix(body, "{") {
		if !strings.HasSuffix(body, "}") {
			return Null, errSyntax("uuid", s)
		}
		body = body[1 : len(body)-1]
	}
	i := 0
	for k := range out {
		if i+2 > len(body) {
			return Null, errSyntax("uuid", s)
		}
		hi, ok1 := hexDigit(body[i])
		lo, ok2 := hexDigit(body[i+1])
		if !ok1 || !ok2 {
			return Null, errSyntax("uuid", s)
		}
		out[k] = hi<<4 | lo
		i += 2
		if k%2 == 1 && k < 15 && i < len(body) && body[i] == '-' {
			i++
		}
	}
	if i != len(body) {
		return Null, errSyntax("uuid", s)
	}
	return NewString(string(out[:])), nil
}

func parseBytea(s string) (Datum, error) {
	if strings.HasPrefix(s, `\x`) {
		return ParseHex(s[2:])
	}
	if strings.IndexByte(s, '\\') < 0 {
		return NewString(s), nil
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		switch {
		case s[i] != '\\':
			out = append(out, s[i])
			i++
		case i+1 < len(s) && s[i+1] == '\\':
			out = append(out, '\\')
			i += 2
		case i+3 < len(s) && s[i+1] >= '0' && s[i+1] <= '3' && s[i+2]&^7 == '0' && s[i+3]&^7 == '0':
			out = append(out, (s[i+1]-'0')<<6|(s[i+2]-'0')<<3|(s[i+3]-'0'))
			i += 4
		default:
			return Null, pgerr.New(pgerr.InvalidTextRepresentation, "invalid input syntax for type bytea")
		}
	}
	return NewBytes(out), nil
}

// ParseHex reads a bytea's hexadecimal digits. White space may stand between bytes.
func ParseHex(s string) (Datum, error) {
	if len(s)%2 == 0 {
		if out, err := hex.DecodeString(s); err == nil {
			return NewBytes(out), nil
		}
	}
	out := make([]byte, 0, len(s)/2)
	for i := 0; i < len(s); {
		if isSpace(s[i]) && s[i] != '\v' && s[i] != '\f' {
			i++
			continue
		}
		hi, ok := hexDigit(s[i])
		if !ok {
			return Null, errHexDigit(s[i:])
		}
		if i+1 >= len(s) {
			return Null, pgerr.New(pgerr.InvalidParameterValue, "invalid hexadecimal data: odd number of digits")
		}
		lo, ok := hexDigit(s[i+1])
		if !ok {
			return Null, errHexDigit(s[i+1:])
		}
		out = append(out, hi<<4|lo)
		i += 2
	}
	return NewBytes(out), nil
}

func errHexDigit(s string) error {
	_, n := utf8.DecodeRuneInString(s)
	return pgerr.New(pgerr.InvalidParameterValue, "invalid hexadecimal digit: \"%s\"", s[:n])
}

// NameLen is the greatest length of a name in bytes.
const NameLen = 63

// TruncateName cuts an identifier to NameLen bytes, at a character's boundary.
func TruncateName(s string) string {
	if len(s) <= NameLen {
		return s
	}
	n := NameLen
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// applyStringMod enforces the length of varchar(n) and bpchar(n), in characters:
// bpchar is padded; what is too long is cut if explicit or if only blanks are
// lost, and refused with 22001 otherwise.
func applyStringMod(d Datum, t Type, explicit bool) (Datum, error) {
	if t.Mod < 4 {
		return d, nil
	}
	limit := int(t.Mod - 4)
	s := d.Str()
	if t.Oid == VarcharOid && len(s) <= limit {
		return d, nil
	}
	end, chars := 0, 0
	for end < len(s) && chars < limit {
		if s[end] < utf8.RuneSelf {
			end++
		} else {
			_, n := utf8.DecodeRuneInString(s[end:])
			end += n
		}
		chars++
	}
	if end < len(s) {
		if !explicit && TrimBlanks(s[end:]) != "" {
			return Null, pgerr.New(pgerr.StringDataRightTruncation, "value too long for type %s", FormatType(Type{Oid: t.Oid, Mod: t.Mod}))
		}
		return NewString(s[:end]), nil
	}
	if t.Oid == BpcharOid && chars < limit {
		return NewString(s + strings.Repeat(" ", limit-chars)), nil
	}
	return d, nil
}
