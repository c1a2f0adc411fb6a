package expr

import (
	"math"
	"strconv"
	"strings"

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
	eeee, isMulti        bool
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
		switch {
		case s[i] == '"':
			j := i + 1
			for j < len(s) && s[j] != '"' {
				j++
			}
			f.nodes = append(f.nodes, numNode{text: s[i+1 : j]})
			i = j + 1
			continue
		case s[i] == '\\' && i+1 < len(s):
			f.nodes = append(f.nodes, numNode{text: s[i+1 : i+2]})
			i += 2
			continue
		}
		k := numKey(s[i:])
		if k == "" {
			f.nodes = append(f.nodes, numNode{text: s[i : i+1]})
			i++
			continue
		}
		if err := f.note(k); err != nil {
			return nil, err
		}
		if k != "FM" {
			f.nodes = append(f.nodes, numNode{key: k})
		}
		i += len(k)
	}
	return f, nil
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
	case "EEEE":
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
	lsign     int
}

func (f *numFormat) write(sign byte, number string, preSpaces int) string {
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
	return w.out.String()
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
	d := a
	t := c.Types[0].Oid
	switch t.Kind() {
	case types.KInt:
		d = types.NumericFromInt(a.Int())
	case types.KFloat:
		if math.IsNaN(a.Float()) || math.IsInf(a.Float(), 0) {
			return types.NewString(strings.Repeat("#", max(f.pre+1, 1))), nil
		}
		if d, err = types.NumericFromFloat(a.Float(), 64); err != nil {
			return types.Null, err
		}
	}
	s, err := f.format(d, t)
	return types.NewString(s), err
}

func (f *numFormat) format(d types.Datum, t types.Oid) (string, error) {
	if f.roman {
		r, err := types.NumericRound(d, 0)
		if err != nil {
			return "", err
		}
		n, err := types.NumericToInt(r, types.Int4Oid)
		if err != nil {
			n = 0
		}
		return f.romanNumber(n), nil
	}
	if f.eeee {
		x, err := types.NumericToFloat(d)
		s := strconv.FormatFloat(x, 'e', f.post, 64)
		if x >= 0 {
			s = " " + s
		}
		return s, err
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
	s := string(types.AppendNumeric(nil, d))
	sign := byte('+')
	if s[0] == '-' {
		sign, s = '-', s[1:]
	}
	intLen := strings.IndexByte(s, '.')
	if intLen < 0 {
		intLen = len(s)
	}
	switch {
	case intLen > f.pre:
		s = strings.Repeat("#", f.pre) + "." + strings.Repeat("#", f.post)
		intLen = f.pre
	case f.post == 0 && f.decimal:
		s += "."
	}
	return f.write(sign, s, f.pre-intLen), nil
}

// toNumber reads a number as a template has it: what the template lets be is skipped.
func toNumber(_ *Call, a, format types.Datum) (types.Datum, error) {
	if format.Str() == "" {
		return types.Null, nil
	}
	f, err := parseNumFormat(format.Str())
	if err != nil {
		return types.Null, err
	}
	var b strings.Builder
	neg := false
	for _, r := range a.Str() {
		switch {
		case r >= '0' && r <= '9', r == '.' && f.decimal && !strings.Contains(b.String(), "."):
			b.WriteRune(r)
		case r == '-', r == '<':
			neg = true
		}
	}
	s := b.String()
	if s == "" || s == "." {
		return types.Null, pgerr.New(pgerr.InvalidTextRepresentation, "invalid input syntax for type numeric: %q", " ")
	}
	if neg {
		s = "-" + s
	}
	d, err := types.ParseNumeric(s)
	if err == nil && f.isMulti {
		var p types.Datum
		if p, err = types.NumericPower(types.NumericFromInt(10), types.NumericFromInt(int64(f.multi))); err == nil {
			d, err = types.NumericDiv(d, p)
		}
	}
	return d, err
}

var formatImpls = map[string]impl{
	"numeric_to_char": {f2: numToChar}, "int4_to_char": {f2: numToChar}, "int8_to_char": {f2: numToChar},
	"float4_to_char": {f2: numToChar}, "float8_to_char": {f2: numToChar}, "numeric_to_number": {f2: toNumber},
	"timestamp_to_char": {f2: timeToChar}, "timestamptz_to_char": {f2: timeToChar}, "interval_to_char": {f2: timeToChar},
	"to_timestamp": {f2: toTimestamp}, "to_date": {f2: toDate},
}
