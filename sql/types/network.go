package types

import (
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// A Datum of inet or cidr is bytes whose order is PostgreSQL's order of addresses, so that comparing, hashing and keys
// need not know the type:
//
//	family (4 or 6), the address with the bits right of the mask cleared, the mask's length; then, only if any of the
//	cleared bits was set, the whole address
//
// PostgreSQL compares the bits that both networks have, then the masks' lengths, then the whole addresses. That is the
// order of a walk through the tree of all networks, a network before those inside it: the same as comparing cleared
// addresses first and lengths second. A network without host bits is the least of those that share both.

// Inet is a value of inet or cidr, taken apart.
type Inet struct {
	Addr [16]byte // an IPv4 address takes the first four
	V6   bool
	Bits int // the mask's length: 0 <= Bits <= MaxBits()
}

// MaxBits is the number of bits of an address of the family.
func (a *Inet) MaxBits() int {
	if a.V6 {
		return 128
	}
	return 32
}

// Bytes returns the bytes of the address.
func (a *Inet) Bytes() []byte { return a.Addr[:a.MaxBits()/8] }

// Masked returns the address with the bits right of the mask cleared.
func (a Inet) Masked() Inet {
	b := a.Bytes()
	for i := range b {
		b[i] &= a.maskByte(i)
	}
	return a
}

func (a *Inet) maskByte(i int) byte {
	switch n := a.Bits - 8*i; {
	case n >= 8:
		return 0xff
	case n <= 0:
		return 0
	default:
		return ^byte(0xff >> n)
	}
}

// Netmask returns the mask as an address.
func (a Inet) Netmask() Inet {
	m := Inet{V6: a.V6, Bits: a.MaxBits()}
	for i := range m.Bytes() {
		m.Addr[i] = a.maskByte(i)
	}
	return m
}

// CommonBits counts the leading bits that two addresses of a family share.
func (a *Inet) CommonBits(b *Inet) int {
	n := 0
	for n < a.MaxBits() && (a.Addr[n/8]^b.Addr[n/8])<<(n%8)&0x80 == 0 {
		n++
	}
	return n
}

// NewInet returns a value of inet, or of cidr if a has no bits right of its mask.
func NewInet(a Inet) Datum {
	net := a.Masked()
	buf := make([]byte, 0, 2+2*len(a.Bytes()))
	family := byte(4)
	if a.V6 {
		family = 6
	}
	buf = append(append(append(buf, family), net.Bytes()...), byte(a.Bits))
	if net.Addr != a.Addr {
		buf = append(buf, a.Bytes()...)
	}
	return NewBytes(buf)
}

// Inet returns a value of inet or cidr.
func (d Datum) Inet() Inet { return inetOf(d.Str()) }

func inetOf(s string) (a Inet) {
	if s == "" {
		return a
	}
	a.V6 = s[0] == 6
	n := len(a.Bytes())
	a.Bits = int(s[1+n])
	addr := s[1 : 1+n]
	if len(s) > 2+n {
		addr = s[2+n:]
	}
	copy(a.Addr[:], addr)
	return a
}

// parseInet is network_in.
func parseInet(s string, cidr bool) (Datum, error) {
	// PostgreSQL reads C strings.
	var a Inet
	ok := false
	switch {
	case strings.IndexByte(s, 0) >= 0:
		return Null, ValidateUTF8(s)
	case strings.IndexByte(s, ':') >= 0:
		a, ok = scanInet6(s)
	case cidr:
		a, ok = scanCidr4(s)
	default:
		a, ok = scanInet4(s)
	}
	if !ok {
		name := "inet"
		if cidr {
			name = "cidr"
		}
		return Null, errSyntax(name, s)
	}
	if cidr && a.Masked() != a {
		return Null, pgerr.New(pgerr.InvalidTextRepresentation, "invalid cidr value: \"%s\"", s).
			WithDetail("Value has bits set to right of mask.")
	}
	return NewInet(a), nil
}

// scanDecimal reads digits up to a limit; n is the number of bytes read, 0 if there is none or the number is above it.
func scanDecimal(s string, limit int) (v, n int) {
	for n < len(s) && isDigit(s[n]) {
		if v = v*10 + int(s[n]-'0'); v > limit {
			return 0, 0
		}
		n++
	}
	return v, n
}

// scanMask4 reads "/bits" and the end of the text; -1 where the text ends without a mask.
func scanMask4(s string) (bits int, ok bool) {
	if s == "" {
		return -1, true
	}
	bits, n := scanDecimal(s[1:], 32)
	return bits, s[0] == '/' && n > 0 && n+1 == len(s)
}

// scanInet4 is inet_net_pton_ipv4: all four numbers, or as many as the mask covers. A dot may follow the last one.
func scanInet4(s string) (a Inet, ok bool) {
	octets := 0
	for s != "" && isDigit(s[0]) {
		v, n := scanDecimal(s, 255)
		if n == 0 || octets == 4 {
			return a, false
		}
		a.Addr[octets] = byte(v)
		octets++
		if s = s[n:]; s == "" || s[0] != '.' {
			break
		}
		s = s[1:]
	}
	a.Bits, ok = scanMask4(s)
	if !ok || octets == 0 {
		return a, false
	}
	if a.Bits < 0 {
		a.Bits = 32
		return a, octets == 4
	}
	return a, a.Bits/8 <= octets
}

// scanCidr4 is inet_cidr_pton_ipv4, which also reads hexadecimal digits and takes a missing mask from the address's class.
func scanCidr4(s string) (a Inet, ok bool) {
	octets := 0
	if len(s) > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && isHex(s[2]) {
		digits := 0
		for s = s[2:]; s != "" && isHex(s[0]); s = s[1:] {
			v, _ := hexDigit(s[0])
			if digits == 8 {
				return a, false
			}
			a.Addr[digits/2] |= v << (4 * (1 - digits%2))
			digits++
		}
		octets = (digits + 1) / 2
	} else {
		for {
			v, n := scanDecimal(s, 255)
			if n == 0 || octets == 4 {
				return a, false
			}
			a.Addr[octets] = byte(v)
			octets++
			if s = s[n:]; s == "" || s[0] == '/' {
				break
			}
			if s[0] != '.' {
				return a, false
			}
			s = s[1:]
		}
	}
	if a.Bits, ok = scanMask4(s); ok && a.Bits < 0 {
		a.Bits = classBits(a.Addr[0], octets)
	}
	return a, ok
}

func isHex(c byte) bool {
	_, ok := hexDigit(c)
	return ok
}

// classBits is the mask's length by the class of a network, or by the octets that are written where they are more.
func classBits(first byte, octets int) int {
	bits := 8
	switch {
	case first >= 240:
		bits = 32
	case first >= 224:
	case first >= 192:
		bits = 24
	case first >= 128:
		bits = 16
	}
	bits = max(bits, 8*octets)
	if bits == 8 && first == 224 {
		return 4
	}
	return bits
}

// scanInet6 is inet_cidr_pton_ipv6.
func scanInet6(s string) (a Inet, ok bool) {
	a = Inet{V6: true, Bits: 128}
	at, gap := 0, -1 // bytes written; where "::" stands
	if s[0] == ':' {
		if s = s[1:]; s == "" || s[0] != ':' {
			return a, false
		}
	}
	put := func(v int) bool {
		if at+2 > 16 {
			return false
		}
		a.Addr[at], a.Addr[at+1] = byte(v>>8), byte(v)
		at += 2
		return true
	}
	token, val, digits := 0, 0, 0
scan:
	for i := 0; i < len(s); i++ {
		c := s[i]
		if v, hex := hexDigit(c); hex {
			val = val<<4 | int(v)
			if digits++; digits > 4 {
				return a, false
			}
			continue
		}
		switch {
		case c == ':' && digits == 0:
			if token = i + 1; gap >= 0 {
				return a, false
			}
			gap = at
		case c == ':':
			if token = i + 1; token == len(s) || !put(val) {
				return a, false
			}
			val, digits = 0, 0
		case c == '.' && at+4 <= 16:
			if ok := scanEmbedded4(s[token:], &a, at); !ok {
				return a, false
			}
			at, digits = at+4, 0
			break scan
		case c == '/':
			if a.Bits, ok = scanMask6(s[i+1:]); !ok {
				return a, false
			}
			break scan
		default:
			return a, false
		}
	}
	if digits > 0 && !put(val) {
		return a, false
	}
	if gap >= 0 {
		if at == 16 {
			return a, false
		}
		n := at - gap
		copy(a.Addr[16-n:], a.Addr[gap:at])
		clear(a.Addr[gap : 16-n])
		at = 16
	}
	return a, at == 16
}

// scanMask6 reads the mask's length, without zeros in front.
func scanMask6(s string) (int, bool) {
	bits, n := scanDecimal(s, 128)
	return bits, n > 0 && n == len(s) && (n == 1 || s[0] != '0')
}

// scanEmbedded4 reads an IPv4 address at the end of an IPv6 one, with what mask may follow.
func scanEmbedded4(s string, a *Inet, at int) (ok bool) {
	for octets := 0; ; octets++ {
		v, n := scanDecimal(s, 255)
		if n == 0 && (s == "" || isDigit(s[0])) || n > 1 && s[0] == '0' || octets == 4 {
			return false
		}
		a.Addr[at+octets] = byte(v)
		if s = s[n:]; s == "" {
			return true
		}
		switch s[0] {
		case '.':
		case '/':
			a.Bits, ok = scanMask6(s[1:])
			return ok
		default:
			return false
		}
		s = s[1:]
	}
}

// AppendAddress appends an address without its mask, as the function host prints it.
func (a *Inet) AppendAddress(buf []byte) []byte {
	if !a.V6 {
		return appendDotted(buf, a.Addr[:4])
	}
	var words [8]uint64
	for i := range words {
		words[i] = uint64(a.Addr[2*i])<<8 | uint64(a.Addr[2*i+1])
	}
	base, run := longestZeros(words[:])
	for i := 0; i < 8; i++ {
		if run > 0 && i >= base && i < base+run {
			if i == base {
				buf = append(buf, ':')
			}
			continue
		}
		if i > 0 {
			buf = append(buf, ':')
		}
		if i == 6 && run > 0 && base == 0 && (run == 6 || run == 7 && words[7] != 1 || run == 5 && words[5] == 0xffff) {
			return appendDotted(buf, a.Addr[12:])
		}
		buf = strconv.AppendUint(buf, words[i], 16)
	}
	if run > 0 && base+run == 8 {
		buf = append(buf, ':')
	}
	return buf
}

// longestZeros finds the first longest run of two or more zero words.
func longestZeros(words []uint64) (base, run int) {
	for i := 0; i < len(words); i++ {
		n := 0
		for i+n < len(words) && words[i+n] == 0 {
			n++
		}
		if n >= 2 && n > run {
			base, run = i, n
		}
		i += n
	}
	return base, run
}

func appendDotted(buf, b []byte) []byte {
	for i, c := range b {
		if i > 0 {
			buf = append(buf, '.')
		}
		buf = strconv.AppendUint(buf, uint64(c), 10)
	}
	return buf
}

// appendMask appends the mask's length.
func (a *Inet) appendMask(buf []byte) []byte {
	return strconv.AppendInt(append(buf, '/'), int64(a.Bits), 10)
}

// appendInet is network_out: cidr always shows its mask, inet one that is shorter than the address.
func appendInet(buf []byte, s string, cidr bool) []byte {
	a := inetOf(s)
	buf = a.AppendAddress(buf)
	if cidr || a.Bits < a.MaxBits() {
		buf = a.appendMask(buf)
	}
	return buf
}

// InetShow is the function text(inet), which every cast to a string type uses: the mask is always there.
func InetShow(d Datum) string {
	a := d.Inet()
	return string(a.appendMask(a.AppendAddress(nil)))
}

// CidrAbbrev is the function abbrev(cidr): octets and words right of the mask are left out.
func CidrAbbrev(d Datum) string {
	a := d.Inet()
	var buf []byte
	switch {
	case a.V6 && a.Bits == 0:
		buf = append(buf, "::"...)
	case a.V6:
		buf = a.appendAbbrev6(buf)
	case a.Bits == 0:
		buf = append(buf, '0')
	default:
		buf = appendDotted(buf, a.Addr[:(a.Bits+7)/8])
	}
	return string(a.appendMask(buf))
}

// appendAbbrev6 is inet_cidr_ntop_ipv6, with its own way to find zeros and embedded IPv4 addresses.
func (a *Inet) appendAbbrev6(buf []byte) []byte {
	s := a.Addr
	words := max((a.Bits+15)/16, 2)
	zeroAt, zeroLen, runAt, runLen := 0, 0, 0, 0
	for i := range words {
		if s[2*i]|s[2*i+1] == 0 {
			if runLen == 0 {
				runAt = i
			}
			runLen++
		} else if zeroLen < runLen {
			zeroAt, zeroLen, runLen = runAt, runLen, 0
		}
	}
	if zeroLen < runLen {
		zeroAt, zeroLen = runAt, runLen
	}
	ipv4 := zeroLen != words && zeroAt == 0 &&
		(zeroLen == 6 || zeroLen == 5 && s[10] == 0xff && s[11] == 0xff || zeroLen == 7 && s[14] != 0 && s[15] != 1)
	for p := range words {
		switch {
		case zeroLen != 0 && p >= zeroAt && p < zeroAt+zeroLen:
			if p == zeroAt {
				buf = append(buf, ':')
			}
			if p == words-1 {
				buf = append(buf, ':')
			}
		case ipv4 && p > 5:
			sep := byte(':')
			if p == 7 {
				sep = '.'
			}
			buf = strconv.AppendUint(append(buf, sep), uint64(s[2*p]), 10)
			if p != 7 || a.Bits > 120 {
				buf = strconv.AppendUint(append(buf, '.'), uint64(s[2*p+1]), 10)
			}
		default:
			if len(buf) > 0 {
				buf = append(buf, ':')
			}
			buf = strconv.AppendUint(buf, uint64(s[2*p])<<8|uint64(s[2*p+1]), 16)
		}
	}
	return buf
}

// The family byte of the binary form.
const (
	binaryInet4 = 2
	binaryInet6 = 3
)

func appendBinaryInet(buf []byte, s string, cidr bool) []byte {
	a := inetOf(s)
	family, isCidr := byte(binaryInet4), byte(0)
	if a.V6 {
		family = binaryInet6
	}
	if cidr {
		isCidr = 1
	}
	buf = append(buf, family, byte(a.Bits), isCidr, byte(len(a.Bytes())))
	return append(buf, a.Bytes()...)
}

// parseBinaryInet is network_recv. The byte that tells cidr from inet is not looked at.
func parseBinaryInet(b []byte, cidr bool) (Datum, error) {
	name := "inet"
	if cidr {
		name = "cidr"
	}
	invalid := func(part string) error {
		return pgerr.New(pgerr.InvalidBinaryRepresentation, "invalid %s in external \"%s\" value", part, name)
	}
	if len(b) < 1 {
		return Null, errBinaryShort()
	}
	if b[0] != binaryInet4 && b[0] != binaryInet6 {
		return Null, invalid("address family")
	}
	a := Inet{V6: b[0] == binaryInet6}
	if len(b) < 2 {
		return Null, errBinaryShort()
	}
	if a.Bits = int(b[1]); a.Bits > a.MaxBits() {
		return Null, invalid("bits")
	}
	if len(b) < 4 {
		return Null, errBinaryShort()
	}
	n := len(a.Bytes())
	if int(b[3]) != n {
		return Null, invalid("length")
	}
	if len(b) != 4+n {
		return Null, binaryLength(b, 4+n)
	}
	copy(a.Addr[:], b[4:])
	if cidr && a.Masked() != a {
		return Null, pgerr.New(pgerr.InvalidBinaryRepresentation, "invalid external \"cidr\" value").
			WithDetail("Value has bits set to right of mask.")
	}
	return NewInet(a), nil
}
