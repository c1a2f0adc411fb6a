package expr

import (
	"strings"
	"unicode/utf8"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// numReader is to_number at work: the elements of a template take what they expect from the text, and let be what they
// don't know. What they take is the text of a number.
type numReader struct {
	*numFormat
	in        string
	pos       int
	sign      byte // 0: none was read
	number    []byte
	pre, post int // digits read before and after the point
	point     bool
}

func (r *numReader) done() bool { return r.pos >= len(r.in) }

func isDigitByte(c byte) bool { return c >= '0' && c <= '9' }

// skipText passes up to n characters that can be no part of a number.
func (r *numReader) skipText(n int) {
	for ; n > 0 && !r.done() && !strings.ContainsRune("0123456789.,+-", rune(r.in[r.pos])); n-- {
		r.skipRune()
	}
}

func (r *numReader) skipRune() {
	_, size := utf8.DecodeRuneInString(r.in[r.pos:])
	r.pos += size
}

// takeSign reads a sign that is one of allowed.
func (r *numReader) takeSign(allowed string) bool {
	if r.done() || !strings.ContainsRune(allowed, rune(r.in[r.pos])) {
		return false
	}
	if r.sign = r.in[r.pos]; r.sign == '<' {
		r.sign = '-'
	}
	return true
}

// run reads by all elements while there is text left.
func (r *numReader) run() {
	for _, n := range r.nodes {
		if r.done() {
			return
		}
		switch n.key {
		case "":
			r.skipRune()
		case "9", "0", ".", "D":
			r.digit(n.key)
			r.pos++
		case ",", "G":
			if !r.fill && r.in[r.pos] == ',' {
				r.pos++
			}
		case "L":
			r.skipText(1)
		case "TH", "th":
			if !r.decimal && r.sign != '-' {
				r.skipText(2)
			}
		case "MI", "PL", "SG":
			if r.takeSign(map[string]string{"MI": "-", "PL": "+", "SG": "-+"}[n.key]) {
				r.pos++
			} else {
				r.skipText(1)
			}
		}
	}
}

// digit reads a digit or the point, with the sign before or behind the number. The caller steps over what it stops at.
func (r *numReader) digit(key string) {
	if r.in[r.pos] == ' ' {
		r.pos++
	}
	if r.sign == 0 && (key == "0" || key == "9") && r.pre+r.post == 0 {
		allowed := "-+"
		if r.bracket {
			allowed = "-+<"
		}
		if r.takeSign(allowed) {
			r.pos++
		}
	}
	if r.done() {
		return
	}
	read := false
	switch c := r.in[r.pos]; {
	case isDigitByte(c):
		if r.point && r.post == r.numFormat.post {
			return
		}
		r.number = append(r.number, c)
		if r.point {
			r.post++
		} else {
			r.pre++
		}
		read = true
	case c == '.' && r.decimal && !r.point:
		r.number, r.point, read = append(r.number, c), true, true
	}
	if r.sign != 0 || r.pre+r.post == 0 {
		return
	}
	switch {
	case r.lsign != 0 && read && r.pos+1 < len(r.in) && !isDigitByte(r.in[r.pos+1]):
		r.pos++
		if !r.takeSign("-+") {
			r.pos--
		}
	case r.lsign == 0 && !read && (r.plus || r.minus):
		r.takeSign("-+")
	}
}

// toNumber reads a number as a template has it.
func toNumber(_ *Call, a, format types.Datum) (types.Datum, error) {
	if format.Str() == "" {
		return types.Null, nil
	}
	f, err := parseNumFormat(format.Str())
	if err != nil {
		return types.Null, err
	}
	switch {
	case f.eeee:
		return types.Null, pgerr.New(pgerr.FeatureNotSupported, `"EEEE" not supported for input`)
	case f.roman:
		return types.Null, pgerr.New(pgerr.FeatureNotSupported, `"RN" not supported for input`)
	}
	r := &numReader{numFormat: f, in: a.Str()}
	r.run()
	s := strings.TrimSuffix(string(r.number), ".")
	sign := byte(' ')
	if r.sign != 0 {
		sign = r.sign
	}
	d, err := types.ParseNumeric(string(sign) + s)
	if err != nil {
		return types.Null, err
	}
	mod := types.Type{Oid: types.NumericOid, Mod: int32((f.pre+f.multi+r.post)<<16|r.post) + 4}
	if d, err = types.Cast(d, types.T(types.NumericOid), mod, types.Explicit, nil); err != nil || !f.isMulti {
		return d, err
	}
	p, err := types.NumericPower(types.NumericFromInt(10), types.NumericFromInt(int64(-f.multi)))
	if err != nil {
		return types.Null, err
	}
	return types.NumericMul(d, p)
}
