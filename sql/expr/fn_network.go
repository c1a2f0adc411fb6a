package expr

import (
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// inet1 makes a function of one address.
func inet1(f func(a types.Inet) types.Datum) impl {
	return impl{f1: func(_ *Call, a types.Datum) (types.Datum, error) { return f(a.Inet()), nil }}
}

// within makes a test of two networks: their families are equal, their masks' lengths stand in a relation, and they agree
// in the bits of the shorter mask.
func within(lengths func(a, b int) bool) impl {
	return impl{f2: func(_ *Call, x, y types.Datum) (types.Datum, error) {
		a, b := x.Inet(), y.Inet()
		return types.NewBool(a.V6 == b.V6 && lengths(a.Bits, b.Bits) && a.CommonBits(&b) >= min(a.Bits, b.Bits)), nil
	}}
}

// bitwise makes & or | of two addresses of a family.
func bitwise(name string, f func(a, b byte) byte) impl {
	return impl{f2: func(_ *Call, x, y types.Datum) (types.Datum, error) {
		a, b := x.Inet(), y.Inet()
		if a.V6 != b.V6 {
			return types.Null, pgerr.New(pgerr.InvalidParameterValue, "cannot %s inet values of different sizes", name)
		}
		for i := range a.Bytes() {
			a.Addr[i] = f(a.Addr[i], b.Addr[i])
		}
		a.Bits = max(a.Bits, b.Bits)
		return types.NewInet(a), nil
	}}
}

var errInetRange = pgerr.New(pgerr.NumericValueOutOfRange, "result is out of range")

// inetAdd adds a number to an address.
func inetAdd(d types.Datum, n int64) (types.Datum, error) {
	a := d.Inet()
	b, carry := a.Bytes(), int64(0)
	for i := len(b) - 1; i >= 0; i-- {
		carry += int64(b[i]) + n&0xff
		b[i] = byte(carry)
		carry >>= 8
		n >>= 8
	}
	// What is left of the number must be its sign alone: no overflow, no underflow.
	if !(n == 0 && carry == 0 || n == -1 && carry == 1) {
		return types.Null, errInetRange
	}
	return types.NewInet(a), nil
}

// inetSubtract is the distance of two addresses, as two's complement over their whole length.
func inetSubtract(_ *Call, x, y types.Datum) (types.Datum, error) {
	a, b := x.Inet(), y.Inet()
	if a.V6 != b.V6 {
		return types.Null, pgerr.New(pgerr.InvalidParameterValue, "cannot subtract inet values of different sizes")
	}
	n, carry, res := len(a.Bytes()), 1, int64(0)
	for i := range n {
		carry += int(a.Addr[n-1-i]) + int(^b.Addr[n-1-i])
		low := carry & 0xff
		switch {
		case i < 8:
			res |= int64(low) << (8 * i)
		case res < 0 && low != 0xff, res >= 0 && low != 0:
			return types.Null, errInetRange
		}
		carry >>= 8
	}
	if carry == 0 && n < 8 {
		res |= -1 << (8 * n)
	}
	return types.NewInt(res), nil
}

// setMasklen makes set_masklen of inet or cidr; -1 stands for the whole address.
func setMasklen(cidr bool) impl {
	return impl{f2: func(_ *Call, d, bits types.Datum) (types.Datum, error) {
		a, n := d.Inet(), bits.Int()
		if n == -1 {
			n = int64(a.MaxBits())
		}
		if n < 0 || n > int64(a.MaxBits()) {
			return types.Null, pgerr.New(pgerr.InvalidParameterValue, "invalid mask length: %d", n)
		}
		if a.Bits = int(n); cidr {
			a = a.Masked()
		}
		return types.NewInet(a), nil
	}}
}

func inetMerge(_ *Call, x, y types.Datum) (types.Datum, error) {
	a, b := x.Inet(), y.Inet()
	if a.V6 != b.V6 {
		return types.Null, pgerr.New(pgerr.InvalidParameterValue, "cannot merge addresses from different families")
	}
	a.Bits = min(a.Bits, b.Bits, a.CommonBits(&b))
	return types.NewInet(a.Masked()), nil
}

func inetNot(a types.Inet) types.Inet {
	for i := range a.Bytes() {
		a.Addr[i] = ^a.Addr[i]
	}
	return a
}

func netmask(a types.Inet) types.Inet { return a.Netmask() }

func hostmask(a types.Inet) types.Inet { return inetNot(a.Netmask()) }

func broadcastOf(a types.Inet) types.Inet {
	host := hostmask(a)
	for i := range a.Bytes() {
		a.Addr[i] |= host.Addr[i]
	}
	return a
}

func family(a types.Inet) types.Datum {
	if a.V6 {
		return types.NewInt(6)
	}
	return types.NewInt(4)
}

func toInet(f func(types.Inet) types.Inet) impl {
	return inet1(func(a types.Inet) types.Datum { return types.NewInet(f(a)) })
}

// larger makes a function that chooses one of two values of a type that orders as its bytes.
func larger(want int) impl {
	return impl{f2: func(c *Call, a, b types.Datum) (types.Datum, error) {
		if types.Compare(c.Types[0].Oid, a, b) == want {
			return a, nil
		}
		return b, nil
	}}
}

// networkCompare is network_cmp: the difference of the families, of the first bytes that differ within the shorter mask, or of
// the masks, and otherwise that of the first bytes that differ at all.
func networkCompare(_ *Call, a, b types.Datum) (types.Datum, error) {
	x, y := a.Inet(), b.Inet()
	if x.V6 != y.V6 {
		if x.V6 {
			return types.NewInt(1), nil
		}
		return types.NewInt(-1), nil
	}
	order := compareBits(&x, &y, min(x.Bits, y.Bits))
	if order == 0 {
		order = x.Bits - y.Bits
	}
	if order == 0 {
		order = compareBits(&x, &y, x.MaxBits())
	}
	return types.NewInt(int64(order)), nil
}

// compareBits compares the first n bits: by the difference of bytes, or by the one bit where that is in the last byte and
// not all of it counts.
func compareBits(x, y *types.Inet, n int) int {
	common := x.CommonBits(y)
	if common >= n {
		return 0
	}
	if i := common / 8; i < n/8 {
		return int(x.Addr[i]) - int(y.Addr[i])
	}
	if x.Addr[common/8]>>(7-common%8)&1 == 0 {
		return -1
	}
	return 1
}

func bytesCompare() impl {
	return impl{f2: func(c *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewInt(int64(types.Compare(c.Types[0].Oid, a, b))), nil
	}}
}

// macBytes makes a function that computes each byte of a macaddr or macaddr8.
func macBytes(f func(i int, b byte) byte) impl {
	return str1(func(s string) string {
		out := []byte(s)
		for i := range out {
			out[i] = f(i, out[i])
		}
		return string(out)
	})
}

func macBytes2(f func(a, b byte) byte) impl {
	return str2(func(a, b string) string {
		out := []byte(a)
		for i := range out {
			out[i] = f(a[i], b[i])
		}
		return string(out)
	})
}

func notByte(_ int, b byte) byte { return ^b }

func andByte(a, b byte) byte { return a & b }

func orByte(a, b byte) byte { return a | b }

// vendorByte keeps the manufacturer's three bytes.
func vendorByte(i int, b byte) byte {
	if i < 3 {
		return b
	}
	return 0
}

var networkImpls = map[string]impl{
	"network_show": {f1: func(_ *Call, a types.Datum) (types.Datum, error) { return types.NewString(types.InetShow(a)), nil }},
	"network_host": inet1(func(a types.Inet) types.Datum { return types.NewBytes(a.AppendAddress(nil)) }),
	"inet_abbrev": {f1: func(c *Call, a types.Datum) (types.Datum, error) {
		return types.NewString(types.Text(types.InetOid, a, c.IO())), nil
	}},
	"cidr_abbrev":       {f1: func(_ *Call, a types.Datum) (types.Datum, error) { return types.NewString(types.CidrAbbrev(a)), nil }},
	"network_masklen":   inet1(func(a types.Inet) types.Datum { return types.NewInt(int64(a.Bits)) }),
	"network_family":    inet1(family),
	"network_network":   toInet(types.Inet.Masked),
	"inet_to_cidr":      toInet(types.Inet.Masked),
	"network_netmask":   toInet(netmask),
	"network_hostmask":  toInet(hostmask),
	"network_broadcast": toInet(broadcastOf),
	"inet_set_masklen":  setMasklen(false),
	"cidr_set_masklen":  setMasklen(true),
	"inet_merge":        {f2: inetMerge},
	"inet_same_family": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewBool(a.Inet().V6 == b.Inet().V6), nil
	}},
	"network_sub":     within(func(a, b int) bool { return a > b }),
	"network_subeq":   within(func(a, b int) bool { return a >= b }),
	"network_sup":     within(func(a, b int) bool { return a < b }),
	"network_supeq":   within(func(a, b int) bool { return a <= b }),
	"network_overlap": within(func(int, int) bool { return true }),
	"inetnot":         toInet(inetNot),
	"inetand":         bitwise("AND", andByte),
	"inetor":          bitwise("OR", orByte),
	"inetpl":          {f2: func(_ *Call, a, n types.Datum) (types.Datum, error) { return inetAdd(a, n.Int()) }},
	"int8pl_inet(int8,inet)": {f2: func(_ *Call, n, a types.Datum) (types.Datum, error) {
		return inetAdd(a, n.Int())
	}},
	"inetmi_int8": {f2: func(_ *Call, a, n types.Datum) (types.Datum, error) {
		return inetAdd(a, -n.Int()) // the least number wraps to itself, as in PostgreSQL
	}},
	"inetmi":          {f2: inetSubtract},
	"network_cmp":     {f2: networkCompare},
	"network_larger":  larger(1),
	"network_smaller": larger(-1),

	"macaddr_cmp": bytesCompare(), "macaddr8_cmp": bytesCompare(),
	"macaddr_not": macBytes(notByte), "macaddr8_not": macBytes(notByte),
	"macaddr_and": macBytes2(andByte), "macaddr8_and": macBytes2(andByte),
	"macaddr_or": macBytes2(orByte), "macaddr8_or": macBytes2(orByte),
	"macaddr_trunc": macBytes(vendorByte), "macaddr8_trunc": macBytes(vendorByte),
	"macaddr8_set7bit": macBytes(func(i int, b byte) byte {
		if i == 0 {
			b |= 0x02
		}
		return b
	}),
}
