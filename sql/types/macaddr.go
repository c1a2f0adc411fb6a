package types

import (
	"math"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// A Datum of macaddr is its six bytes, one of macaddr8 its eight: PostgreSQL orders both as unsigned numbers.

// macaddrForms are the texts that macaddr_in tries, in its order: x is a hexadecimal number of any length, 2 one of at
// most two digits, all else stands for itself.
var macaddrForms = [...]string{"x:x:x:x:x:x", "x-x-x-x-x-x", "222:222", "222-222", "22.22.22", "22-22-22", "222222"}

func parseMacaddr(s string) (Datum, error) {
	for _, form := range macaddrForms {
		octets, ok := scanMacaddr(form, s)
		if !ok {
			continue
		}
		b := make([]byte, 6)
		for i, v := range octets {
			if v < 0 || v > 255 {
				return Null, pgerr.New(pgerr.NumericValueOutOfRange, "invalid octet value in \"macaddr\" value: \"%s\"", s)
			}
			b[i] = byte(v)
		}
		return NewBytes(b), nil
	}
	return Null, errSyntax("macaddr", s)
}

// scanMacaddr reads a text as C's sscanf does: numbers may have blanks, a sign and 0x in front.
func scanMacaddr(form, s string) (octets []int32, ok bool) {
	for i := range len(form) {
		switch form[i] {
		case 'x', '2':
			width := math.MaxInt
			if form[i] == '2' {
				width = 2
			}
			s = s[spanWhile(s, 0, isSpace):]
			v, n := scanHex(s[:min(width, len(s))])
			if n == 0 {
				return nil, false
			}
			octets, s = append(octets, v), s[n:]
		default:
			if s == "" || s[0] != form[i] {
				return nil, false
			}
			s = s[1:]
		}
	}
	return octets, spanWhile(s, 0, isSpace) == len(s)
}

// scanHex reads a number as sscanf's %x and returns how many bytes it took, 0 for none.
func scanHex(s string) (v int32, n int) {
	neg := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		neg, n = s[0] == '-', 1
	}
	if len(s) > n+2 && s[n] == '0' && (s[n+1] == 'x' || s[n+1] == 'X') && isHex(s[n+2]) {
		n += 2
	}
	var u uint64
	start := n
	for n < len(s) && isHex(s[n]) {
		d, _ := hexDigit(s[n])
		if u > math.MaxUint64>>4 {
			u = math.MaxUint64
		} else {
			u = u<<4 | uint64(d)
		}
		n++
	}
	if n == start {
		return 0, 0
	}
	if neg {
		u = -u
	}
	return int32(u), n
}

// parseMacaddr8 is macaddr8_in: six or eight pairs of digits, with one kind of separator or none.
func parseMacaddr8(s string) (Datum, error) {
	bad := errSyntax("macaddr8", s)
	rest := s[spanWhile(s, 0, isSpace):]
	var b []byte
	sep := byte(0)
	for len(rest) >= 2 {
		hi, ok1 := hexDigit(rest[0])
		lo, ok2 := hexDigit(rest[1])
		if !ok1 || !ok2 || len(b) == 8 {
			return Null, bad
		}
		b, rest = append(b, hi<<4|lo), rest[2:]
		if rest != "" && (rest[0] == ':' || rest[0] == '-' || rest[0] == '.') {
			if sep != 0 && sep != rest[0] {
				return Null, bad
			}
			sep, rest = rest[0], rest[1:]
		}
		if (len(b) == 6 || len(b) == 8) && rest != "" && isSpace(rest[0]) {
			if rest = rest[spanWhile(rest, 0, isSpace):]; rest != "" {
				return Null, bad
			}
		}
	}
	switch len(b) {
	case 6:
		return MacaddrToMacaddr8(NewBytes(b)), nil
	case 8:
		return NewBytes(b), nil
	}
	return Null, bad
}

// MacaddrToMacaddr8 widens an EUI-48 address to EUI-64.
func MacaddrToMacaddr8(d Datum) Datum {
	s := d.Str()
	return NewString(s[:3] + "\xff\xfe" + s[3:])
}

// Macaddr8ToMacaddr is the way back, for addresses that came from EUI-48.
func Macaddr8ToMacaddr(d Datum) (Datum, error) {
	s := d.Str()
	if s[3:5] != "\xff\xfe" {
		return Null, pgerr.New(pgerr.NumericValueOutOfRange, "macaddr8 data out of range to convert to macaddr").
			WithHint("Only addresses that have FF and FE as values in the 4th and 5th bytes from the left, for example xx:xx:xx:ff:fe:xx:xx:xx, are eligible to be converted from macaddr8 to macaddr.")
	}
	return NewString(s[:3] + s[5:]), nil
}

func appendMacaddr(buf []byte, s string) []byte {
	const digits = "0123456789abcdef"
	for i := range len(s) {
		if i > 0 {
			buf = append(buf, ':')
		}
		buf = append(buf, digits[s[i]>>4], digits[s[i]&15])
	}
	return buf
}

func parseBinaryMacaddr(oid Oid, b []byte) (Datum, error) {
	want := 6
	if oid == Macaddr8Oid {
		if want = 8; len(b) == 6 {
			return MacaddrToMacaddr8(NewBytes(b)), nil
		}
	}
	if len(b) != want {
		return Null, binaryLength(b, want)
	}
	return NewBytes(b), nil
}
