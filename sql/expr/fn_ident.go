package expr

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

func identStart(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 }

func identPart(c byte) bool { return identStart(c) || c >= '0' && c <= '9' || c == '$' }

// parseIdent splits a qualified name into its parts; where it is not strict, what follows the name is ignored.
func parseIdent(name string, strict bool) ([]string, error) {
	invalid := func(detail string) ([]string, error) {
		e := pgerr.New(pgerr.InvalidParameterValue, "string is not a valid identifier: \"%s\"", name)
		if detail != "" {
			e = e.WithDetail("%s", detail)
		}
		return nil, e
	}
	skip := func(s string) string { return strings.TrimLeft(s, " \t\n\r\f") }
	var parts []string
	for s, afterDot := skip(name), false; ; afterDot = true {
		switch {
		case s != "" && s[0] == '"':
			part, rest, ok := quotedPart(s[1:])
			if !ok {
				return invalid("String has unclosed double quotes.")
			}
			if part == "" {
				return invalid("Quoted identifier must not be empty.")
			}
			parts, s = append(parts, part), rest
		case s != "" && identStart(s[0]):
			n := 1
			for n < len(s) && identPart(s[n]) {
				n++
			}
			parts, s = append(parts, lowerASCII(s[:n])), s[n:]
		case s != "" && s[0] == '.':
			return invalid("No valid identifier before \".\".")
		case afterDot:
			return invalid("No valid identifier after \".\".")
		default:
			return invalid("")
		}
		s = skip(s)
		if s == "" || s[0] != '.' {
			if s != "" && strict {
				return invalid("")
			}
			return parts, nil
		}
		s = skip(s[1:])
	}
}

// quotedPart reads up to the closing quote; two quotes are one.
func quotedPart(s string) (part, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '"' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 == len(s) || s[i+1] != '"' {
			return b.String(), s[i+1:], true
		}
		b.WriteByte('"')
		i++
	}
	return "", "", false
}

// lowerASCII folds as PostgreSQL folds identifiers in a multibyte encoding: letters of ASCII only.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 32
		}
	}
	return string(b)
}

var identImpls = map[string]impl{
	"parse_ident": {fn: func(_ *Call, a []types.Datum) (types.Datum, error) {
		parts, err := parseIdent(a[0].Str(), len(a) < 2 || a[1].Bool())
		if err != nil {
			return types.Null, err
		}
		out := make([]types.Datum, len(parts))
		for i, p := range parts {
			out[i] = types.NewString(p)
		}
		return types.NewArray1(types.TextOid, out), nil
	}},
	"timestamptz(date,time)": {f2: func(c *Call, d, t types.Datum) (types.Datum, error) {
		ts, err := types.DateToTimestamp(d.Int())
		if err != nil || !types.TimestampIsFinite(ts) {
			return types.NewInt(ts), err
		}
		return types.NewInt(types.LocalToTimestamptz(ts+t.Int(), c.IO().TimeZone)), nil
	}},
}

// sendImpl serves a type's send function, which gives the binary form; nil for other functions.
func sendImpl(p *proc) *impl {
	if len(p.args) != 1 || p.ret != types.ByteaOid {
		return nil
	}
	in := types.Lookup(p.args[0])
	if in == nil || in.Send != p.name || !types.Supported(in.Oid) {
		return nil
	}
	return &impl{f1: func(c *Call, a types.Datum) (types.Datum, error) {
		return types.NewBytes(types.AppendBinary(nil, in.Oid, a, c.IO())), nil
	}}
}
