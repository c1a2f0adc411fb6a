package expr

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pgmqdb/pgmqdb/sql/libm"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// to_char for numbers. A template is taken apart into nodes and flags; the number becomes a string of digits, which the
// nodes then take one by one, each putting a digit, a blank or nothing, as PostgreSQL's formatting.c does.

// numNode is an element of a template: a keyword or literal text.
type numNode struct {
	key  string // "" for text
	text string
}

// numFormat is a template with what its elements say together.
type numFormat struct {
	nodes                []numNode
	pre, post, multi     int
	preLsign             int
	zeroStart, zeroEnd   int
	decimal, zero, fill  bool
	lsign                int // -1 before, 1 after the number, 0 none
	bracket, minus, plus bool
	roman, romanLower    bool
	eeee, isMulti, blank bool
}

var numKeys = [...]string{"EEEE", "FM", "MI", "PL", "PR", "RN", "SG", "SP", "TH", "th", "rn", "B", "C", "D", "G", "L", "S", "V", "9", "0", ".", ","}

func numKey(s string) string {
	for _, k := range numKeys {
		if len(s) >= len(k) && (s[:len(k)] == k || k != "TH" && k != "th" && k != "RN" && k != "rn" && strings.EqualFold(s[:len(k)], k)) {
			return k
		}
	}
	return ""
}

func parseNumFormat(s string) (*numFormat, error) {
	f := &numFormat{}
	for i := 0; i < len(s); {
		if s[i] == '"' {
			text, rest := quotedText(s[i+1:])
			for _, r := range text {
				f.nodes = append(f.nodes, numNode{text: string(r)})
			}
			i = len(s) - len(rest)
			continue
		}
		if k := numKey(s[i:]); k != "" {
			if err := f.note(k); err != nil {
				return nil, err
			}
			if k != "FM" {
				f.nodes = append(f.nodes, numNode{key: k})
			}
			i += len(k)
			continue
		}
		if s[i] == '\\' && i+1 < len(s) && s[i+1] == '"' {
			i++
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		f.nodes = append(f.nodes, numNode{text: s[i : i+size]})
		i += size
	}
	return f, nil
}

// quotedText reads a template's text up to the closing quote, or the end; a backslash quotes the next character.
func quotedText(s string) (text, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '"' {
			return b.String(), s[i+1:]
		}
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}

func formatError(msg string) error { return pgerr.New(pgerr.SyntaxError, "%s", msg) }

// note records what a keyword says about the whole.
func (f *numFormat) note(k string) error {
	if f.eeee && k != "EEEE" {
		return formatError(`"EEEE" must be the last pattern used`)
	}
	switch k {
	case "9":
		switch {
		case f.bracket:
			return formatError(`"9" must be ahead of "PR"`)
		case f.isMulti:
			f.multi++
		case f.decimal:
			f.post++
		default:
			f.pre++
		}
	case "0":
		if f.bracket {
			return formatError(`"0" must be ahead of "PR"`)
		}
		if !f.zero && !f.decimal {
			f.zero, f.zeroStart = true, f.pre+1
		}
		if f.decimal {
			f.post++
		} else {
			f.pre++
		}
		f.zeroEnd = f.pre + f.post
	case "D", ".":
		if f.decimal {
			return formatError("multiple decimal points")
		}
		if f.isMulti {
			return formatError(`cannot use "V" and decimal point together`)
		}
		f.decimal = true
	case "FM":
		f.fill = true
	default:
		return f.noteSign(k)
	}
	return nil
}

func (f *numFormat) noteSign(k string) error {
	switch k {
	case "S":
		if f.lsign != 0 {
			return formatError(`cannot use "S" twice`)
		}
		if f.plus || f.minus || f.bracket {
			return formatError(`cannot use "S" and "PL"/"MI"/"SG"/"PR" together`)
		}
		if f.lsign = 1; !f.decimal {
			f.lsign, f.preLsign = -1, f.pre
		}
	case "MI", "PL", "SG":
		if f.lsign != 0 {
			return formatError(`cannot use "S" and "` + k + `" together`)
		}
		f.minus = f.minus || k != "PL"
		f.plus = f.plus || k != "MI"
	case "PR":
		if f.lsign != 0 || f.plus || f.minus {
			return formatError(`cannot use "PR" and "S"/"PL"/"MI"/"SG" together`)
		}
		f.bracket = true
	case "RN", "rn":
		f.roman, f.romanLower = true, k == "rn"
	case "V":
		if f.decimal {
			return formatError(`cannot use "V" and decimal point together`)
		}
		f.isMulti = true
	case "B":
		f.blank = f.blank || f.pre == 0 && f.post == 0 && !f.zero
	case "EEEE":
		switch {
		case f.eeee:
			return formatError(`cannot use "EEEE" twice`)
		case f.blank || f.fill || f.lsign != 0 || f.bracket || f.minus || f.plus || f.roman || f.isMulti:
			return pgerr.New(pgerr.SyntaxError, `"EEEE" is incompatible with other formats`).
				WithDetail(`"EEEE" may only be used together with digit and decimal point patterns.`)
		}
		f.eeee = true
	}
	return nil
}

// numWriter puts a number into a template.
type numWriter struct {
	*numFormat
	out       strings.Builder
	sign      byte
	number    string // digits, with a point if the template has digits after it
	pos       int    // in number
	cur       int    // digit nodes done
	count     int
	preSpaces int
	last      int // position in number of the last digit to show, -1: all
	signDone  bool
	numIn     bool
	ended     bool // PostgreSQL writes a zero byte for a digit that is not there, which ends the text
	lsign     int
	err       error
}

func (f *numFormat) write(sign byte, number string, preSpaces int) (string, error) {
	w := &numWriter{numFormat: f, sign: sign, number: number, preSpaces: preSpaces, last: -1, lsign: f.lsign}
	w.count = f.post + f.pre - 1
	if f.fill && f.decimal {
		w.last = lastRelevant(number)
		if w.last >= 0 && f.zeroEnd > preSpaces {
			w.last = max(w.last, min(len(number)-1, f.zeroEnd-preSpaces))
		}
	}
	bracket := f.bracket
	switch {
	case f.plus || f.minus:
		w.signDone = !(f.plus && !f.minus)
	default:
		if sign != '-' && f.bracket && f.fill {
			bracket = false
		}
		w.signDone = sign == '+' && f.fill && f.lsign == 0
		if f.lsign == -1 && f.pre == f.preLsign {
			w.lsign = 1
		}
	}
	w.runNodes(bracket)
	return w.out.String(), w.err
}

func lastRelevant(n string) int {
	i := strings.IndexByte(n, '.')
	if i < 0 {
		return -1
	}
	last := i
	for k := i; k < len(n); k++ {
		if n[k] != '0' {
			last = k
		}
	}
	return last
}

func (w *numWriter) runNodes(bracket bool) {
	if !w.signDone && w.preSpaces == 0 {
		w.count++
	}
	for _, n := range w.nodes {
		if w.ended || w.err != nil {
			return
		}
		switch n.key {
		case "":
			w.out.WriteString(n.text)
		case "9", "0", ".", "D":
			w.digit(n.key, bracket)
		case ",", "G":
			if w.numIn {
				w.out.WriteByte(',')
			} else if !w.fill {
				w.out.WriteByte(' ')
			}
		case "L":
			w.out.WriteByte(' ')
		case "TH", "th":
			if w.number[0] == '#' || w.sign == '-' || w.decimal {
				continue
			}
			if !isDigitByte(w.number[len(w.number)-1]) {
				w.err = pgerr.New(pgerr.InvalidTextRepresentation, "\"%s\" is not a number", w.number)
				return
			}
			w.out.WriteString(ordinalSuffix(w.number, n.key == "TH"))
		case "MI":
			if w.sign == '-' {
				w.out.WriteByte('-')
			} else if !w.fill {
				w.out.WriteByte(' ')
			}
		case "PL":
			if w.sign == '+' {
				w.out.WriteByte('+')
			} else if !w.fill {
				w.out.WriteByte(' ')
			}
		case "SG":
			w.out.WriteByte(w.sign)
		}
	}
}

func ordinalSuffix(n string, upper bool) string {
	s := "th"
	if len(n) < 2 || n[len(n)-2] != '1' {
		switch n[len(n)-1] {
		case '1':
			s = "st"
		case '2':
			s = "nd"
		case '3':
			s = "rd"
		}
	}
	if upper {
		return strings.ToUpper(s)
	}
	return s
}

func (w *numWriter) at(i int) byte {
	if i >= 0 && i < len(w.number) {
		return w.number[i]
	}
	return 0
}

// predecSpace: the 0 before the point that a template of nines shows as a blank.
func (w *numWriter) predecSpace() bool {
	return !w.zero && w.pos == 0 && w.at(0) == '0' && w.post != 0
}

func (w *numWriter) leadSign(bracket bool) {
	zs := w.zeroStart - 1
	if w.signDone || !(w.cur >= w.preSpaces || w.zero && zs == w.cur) ||
		w.predecSpace() && !(w.last >= 0 && w.at(w.last) == '.') {
		return
	}
	switch {
	case w.lsign != 0:
		if w.lsign == -1 {
			w.out.WriteByte(w.sign)
			w.signDone = true
		}
	case bracket:
		if w.sign == '+' {
			w.out.WriteByte(' ')
		} else {
			w.out.WriteByte('<')
		}
		w.signDone = true
	case w.sign == '+':
		if !w.fill {
			w.out.WriteByte(' ')
		}
		w.signDone = true
	default:
		w.out.WriteByte('-')
		w.signDone = true
	}
}

func (w *numWriter) digit(key string, bracket bool) {
	w.leadSign(bracket)
	zs := w.zeroStart - 1
	switch {
	case w.cur < w.preSpaces && (zs > w.cur || !w.zero):
		if !w.fill {
			w.out.WriteByte(' ')
		}
	case w.zero && w.cur < w.preSpaces && zs <= w.cur:
		w.out.WriteByte('0')
		w.numIn = true
	default:
		w.number1(key)
		if w.pos < len(w.number) {
			w.pos++
		}
	}
	if w.ended {
		return
	}
	end := w.count
	if w.preSpaces > 0 {
		end++
	}
	if w.decimal {
		end++
	}
	if w.last >= 0 && w.last == w.pos {
		end = w.cur
	}
	if w.cur+1 == end {
		if w.signDone && bracket {
			if w.sign == '+' {
				w.out.WriteByte(' ')
			} else {
				w.out.WriteByte('>')
			}
		} else if w.lsign == 1 {
			w.out.WriteByte(w.sign)
		}
	}
	w.cur++
}

// number1 puts the number's next character.
func (w *numWriter) number1(key string) {
	c := w.at(w.pos)
	switch {
	case c == '.':
		if w.last < 0 || w.at(w.last) != '.' || w.fill {
			w.out.WriteByte('.')
		}
	case w.last >= 0 && w.pos > w.last && key != "0":
	case w.predecSpace():
		if !w.fill {
			w.out.WriteByte(' ')
		} else if w.last >= 0 && w.at(w.last) == '.' {
			w.out.WriteByte('0')
		}
	case c != 0:
		w.out.WriteByte(c)
		w.numIn = true
	default:
		w.ended = true
	}
}

var romans = [...]struct {
	n int
	s string
}{{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"}}

func (f *numFormat) romanNumber(n int64) string {
	if n < 1 || n > 3999 {
		return strings.Repeat("#", 15)
	}
	var b strings.Builder
	for _, r := range romans {
		for int(n) >= r.n {
			b.WriteString(r.s)
			n -= int64(r.n)
		}
	}
	s := b.String()
	if f.romanLower {
		s = strings.ToLower(s)
	}
	if f.fill {
		return s
	}
	return strings.Repeat(" ", 15-len(s)) + s
}

func numToChar(c *Call, a, format types.Datum) (types.Datum, error) {
	if format.Str() == "" {
		return types.NewString(""), nil
	}
	f, err := parseNumFormat(format.Str())
	if err != nil {
		return types.Null, err
	}
	t := c.Types[0].Oid
	switch t.Kind() {
	case types.KInt:
		n, err := f.multiplied(a.Int(), t)
		if err != nil {
			return types.Null, err
		}
		s, err := f.format(types.NumericFromInt(n))
		return types.NewString(s), err
	case types.KFloat:
		s, err := f.formatFloat(a.Float(), t)
		return types.NewString(s), err
	}
	s, err := f.format(a)
	return types.NewString(s), err
}

// multiplied applies V to an integer, in the integer's own type: int4 wraps around.
func (f *numFormat) multiplied(n int64, t types.Oid) (int64, error) {
	if !f.isMulti || f.roman || f.eeee {
		return n, nil
	}
	factor := libm.Pow(10, float64(f.multi))
	f.isMulti, f.pre = false, f.pre+f.multi
	if t == types.Int8Oid {
		p, ok := mulInt(n, int64(factor))
		if !ok || factor >= math.MaxInt64 {
			return 0, pgerr.New(pgerr.NumericValueOutOfRange, "bigint out of range")
		}
		return p, nil
	}
	by := int32(math.MinInt32)
	if factor <= math.MaxInt32 {
		by = int32(factor)
	}
	return int64(int32(n) * by), nil
}

func (f *numFormat) formatRoman(d types.Datum) (string, error) {
	r, err := types.NumericRound(d, 0)
	if err != nil {
		return "", err
	}
	n, err := types.NumericToInt(r, types.Int4Oid)
	return f.romanNumber(n), err
}

// notFinite stands for infinities and NaN in scientific notation.
func (f *numFormat) notFinite() string {
	b := []byte(" " + strings.Repeat("#", f.pre+f.post+5))
	b[f.pre+1] = '.'
	return string(b)
}

func isFiniteText(s string) bool { return s != "NaN" && s != "Infinity" && s != "-Infinity" }

func (f *numFormat) format(d types.Datum) (string, error) {
	if f.roman {
		return f.formatRoman(d)
	}
	if f.eeee {
		return f.scientific(d)
	}
	var err error
	if f.isMulti {
		p, err2 := types.NumericPower(types.NumericFromInt(10), types.NumericFromInt(int64(f.multi)))
		if err2 != nil {
			return "", err2
		}
		if d, err = types.NumericMul(d, p); err != nil {
			return "", err
		}
		f.pre += f.multi
	}
	if d, err = types.NumericRound(d, int32(f.post)); err != nil {
		return "", err
	}
	return f.writeText(string(types.AppendNumeric(nil, d)))
}

// writeText puts a number as it is printed into the template, hashes where it is too long.
func (f *numFormat) writeText(s string) (string, error) {
	sign := byte('+')
	if s[0] == '-' {
		sign, s = '-', s[1:]
	}
	intLen := strings.IndexByte(s, '.')
	if intLen < 0 {
		intLen = len(s)
	}
	if intLen > f.pre {
		s = strings.Repeat("#", f.pre) + "." + strings.Repeat("#", f.post)
		intLen = f.pre
	}
	return f.write(sign, s, f.pre-intLen)
}

// scientific is numeric_out_sci: the digits with one before the point, and the exponent.
func (f *numFormat) scientific(d types.Datum) (string, error) {
	s := string(types.AppendNumeric(nil, d))
	if !isFiniteText(s) {
		return f.notFinite(), nil
	}
	sign := " "
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	whole, frac, _ := strings.Cut(s, ".")
	digits, exp := whole+frac, len(whole)-1
	for len(digits) > 1 && digits[0] == '0' {
		digits, exp = digits[1:], exp-1
	}
	if digits == "0" {
		exp = 0
	}
	m, err := types.ParseNumeric(digits[:1] + "." + digits[1:min(len(digits), f.post+2)] + "0")
	if err != nil {
		return "", err
	}
	if m, err = types.NumericRound(m, int32(f.post)); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s%se%+03d", sign, types.AppendNumeric(nil, m), exp), nil
}

// formatFloat prints no more digits than a float of the type has.
func (f *numFormat) formatFloat(x float64, t types.Oid) (string, error) {
	digits := 15
	if t == types.Float4Oid {
		digits = 6
	}
	finite := !math.IsNaN(x) && !math.IsInf(x, 0)
	switch {
	case f.roman && !finite:
		return f.romanNumber(0), nil
	case f.roman: // rint to an int: one that has no room for it is negative
		if x = math.RoundToEven(x); math.Abs(x) > math.MaxInt32 {
			x = 0
		}
		return f.romanNumber(int64(x)), nil
	case f.eeee && !finite:
		return f.notFinite(), nil
	case f.eeee:
		s := strconv.FormatFloat(x, 'e', f.post, 64)
		if s[0] != '-' {
			s = " " + s
		}
		return s, nil
	}
	if f.isMulti {
		x *= libm.Pow(10, float64(f.multi))
		if t == types.Float4Oid {
			x = float64(float32(x))
		}
		f.pre += f.multi
	}
	switch {
	case math.IsNaN(x):
		return f.writeText("NaN")
	case math.IsInf(x, 0):
		f.post = max(min(f.post, digits-len("Infinity")), 0)
		return f.writeText(strings.TrimPrefix(strings.Replace(strconv.FormatFloat(x, 'f', -1, 64), "Inf", "Infinity", 1), "+"))
	}
	switch n := len(strconv.FormatFloat(math.Abs(x), 'f', 0, 64)); {
	case n >= digits:
		f.post = 0
	case n+f.post > digits:
		f.post = digits - n
	}
	return f.writeText(strconv.FormatFloat(x, 'f', f.post, 64))
}

var formatImpls = map[string]impl{
	"numeric_to_char": {f2: numToChar}, "int4_to_char": {f2: numToChar}, "int8_to_char": {f2: numToChar},
	"float4_to_char": {f2: numToChar}, "float8_to_char": {f2: numToChar}, "numeric_to_number": {f2: toNumber},
	"timestamp_to_char": {f2: timeToChar}, "timestamptz_to_char": {f2: timeToChar}, "interval_to_char": {f2: timeToChar},
	"to_timestamp": {f2: toTimestamp}, "to_date": {f2: toDate},
}
