package expr

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// PostgreSQL's hash functions, to the bit: applications keep what hashtext returns, and make advisory locks of it. They are
// Bob Jenkins's lookup3, with PostgreSQL's seed. Nothing in this server hashes by them.

func hashMix(a, b, c uint32) (uint32, uint32, uint32) {
	rot := bits.RotateLeft32
	a -= c
	a ^= rot(c, 4)
	c += b
	b -= a
	b ^= rot(a, 6)
	a += c
	c -= b
	c ^= rot(b, 8)
	b += a
	a -= c
	a ^= rot(c, 16)
	c += b
	b -= a
	b ^= rot(a, 19)
	a += c
	c -= b
	c ^= rot(b, 4)
	b += a
	return a, b, c
}

func hashFinal(a, b, c uint32) (uint32, uint32) {
	rot := bits.RotateLeft32
	c = (c ^ b) - rot(b, 14)
	a = (a ^ c) - rot(c, 11)
	b = (b ^ a) - rot(a, 25)
	c = (c ^ b) - rot(b, 16)
	a = (a ^ c) - rot(c, 4)
	b = (b ^ a) - rot(a, 14)
	c = (c ^ b) - rot(b, 24)
	return b, c
}

// hasher is one of the two families: 32 bits, or 64 bits with a seed.
type hasher struct {
	extended bool
	seed     uint64
}

func (h hasher) start(length int) (a, b, c uint32) {
	a = 0x9e3779b9 + uint32(length) + 3923095
	b, c = a, a
	if h.seed != 0 {
		a, b, c = hashMix(a+uint32(h.seed>>32), b+uint32(h.seed), c)
	}
	return a, b, c
}

func (h hasher) result(b, c uint32) uint64 {
	if h.extended {
		return uint64(b)<<32 | uint64(c)
	}
	return uint64(c)
}

func (h hasher) bytes(k []byte) uint64 {
	a, b, c := h.start(len(k))
	for len(k) >= 12 {
		a += binary.LittleEndian.Uint32(k)
		b += binary.LittleEndian.Uint32(k[4:])
		c += binary.LittleEndian.Uint32(k[8:])
		a, b, c = hashMix(a, b, c)
		k = k[12:]
	}
	var tail [12]byte
	copy(tail[:8], k)
	if len(k) > 8 {
		copy(tail[9:], k[8:]) // the lowest byte of c is the length's
	}
	a += binary.LittleEndian.Uint32(tail[:])
	b += binary.LittleEndian.Uint32(tail[4:])
	c += binary.LittleEndian.Uint32(tail[8:])
	return h.result(hashFinal(a, b, c))
}

func (h hasher) uint32(k uint32) uint64 {
	a, b, c := h.start(4)
	return h.result(hashFinal(a+k, b, c))
}

// int8 folds the halves so that a number hashes as it does as an int4.
func (h hasher) int8(n int64) uint64 {
	lo, hi := uint32(n), uint32(n>>32)
	if n < 0 {
		hi = ^hi
	}
	return h.uint32(lo ^ hi)
}

func (h hasher) float(f float64) uint64 {
	if f == 0 {
		return h.seed
	}
	n := math.Float64bits(f)
	if f != f {
		n = 0x7ff8000000000000
	}
	return h.bytes(binary.LittleEndian.AppendUint64(nil, n))
}

func (h hasher) numeric(d types.Datum) uint64 {
	b := types.AppendBinary(nil, types.NumericOid, d, types.DefaultIOEnv)
	if sign := binary.BigEndian.Uint16(b[4:]); sign&0xc000 == 0xc000 { // NaN or an infinity
		return h.seed
	}
	count, weight, digits := int(binary.BigEndian.Uint16(b)), int16(binary.BigEndian.Uint16(b[2:])), b[8:]
	if count == 0 {
		return h.seed - 1
	}
	for i := 0; i < len(digits); i += 2 {
		digits[i], digits[i+1] = digits[i+1], digits[i]
	}
	return h.bytes(digits) ^ uint64(int64(weight))
}

func (h hasher) rangeValue(r *types.Range) (uint64, error) {
	flags := uint32(b2i(r.Empty) | b2i(r.LowerInc)<<1 | b2i(r.UpperInc)<<2)
	var lower, upper uint64
	var err error
	if !r.Empty {
		flags |= uint32(b2i(r.Lower.IsNull())<<3 | b2i(r.Upper.IsNull())<<4)
		if lower, err = h.nullable(r.Elem, r.Lower); err != nil {
			return 0, err
		}
		if upper, err = h.nullable(r.Elem, r.Upper); err != nil {
			return 0, err
		}
	}
	n := h.uint32(flags) ^ lower
	if h.extended {
		n = n<<1&0xfffffffefffffffe | n>>31&0x100000001
	} else {
		n = uint64(bits.RotateLeft32(uint32(n), 1))
	}
	return n ^ upper, nil
}

func (h hasher) nullable(t types.Oid, d types.Datum) (uint64, error) {
	if d.IsNull() {
		return 0, nil
	}
	return h.value(t, d)
}

// list hashes elements in their order.
func (h hasher) list(n uint64, count int, at func(i int) (uint64, error)) (uint64, error) {
	for i := range count {
		e, err := at(i)
		if err != nil {
			return 0, err
		}
		n = n<<5 - n + e
	}
	return n, nil
}

// value hashes a value as its type's hash function does; 42883 if it has none.
func (h hasher) value(t types.Oid, d types.Datum) (uint64, error) {
	switch t {
	case types.Int8Oid, types.TimeOid, types.TimestampOid, types.TimestamptzOid, types.PgLsnOid, types.Xid8Oid:
		return h.int8(d.Int()), nil
	case types.TimetzOid:
		micros, east := d.Timetz()
		return h.int8(micros) ^ h.uint32(uint32(-east)), nil
	case types.CharOid:
		return h.uint32(uint32(int32(int8(d.Int())))), nil
	case types.BpcharOid:
		return h.bytes([]byte(types.TrimBlanks(d.Str()))), nil
	case types.CitextOid:
		return h.bytes([]byte(types.FoldCitext(d.Str()))), nil
	case types.InetOid, types.CidrOid:
		a := d.Inet()
		family := byte(2)
		if a.V6 {
			family = 3
		}
		return h.bytes(append([]byte{family, byte(a.Bits)}, a.Bytes()...)), nil
	case types.OidvectorOid:
		var b []byte
		for _, e := range d.Array().Elems {
			b = binary.LittleEndian.AppendUint32(b, uint32(e.Int()))
		}
		return h.bytes(b), nil
	case types.TextOid, types.VarcharOid, types.NameOid, types.ByteaOid, types.UuidOid, types.MacaddrOid, types.Macaddr8Oid:
		return h.bytes(d.Bytes()), nil
	case types.BoolOid, types.Int2Oid, types.Int4Oid, types.OidOid, types.DateOid:
		return h.uint32(uint32(d.Int())), nil
	}
	switch d.Kind() {
	case types.KFloat:
		return h.float(d.Float()), nil
	case types.KNumeric:
		return h.numeric(d), nil
	case types.KInterval:
		days, us := types.IntervalSpan(d.Interval())
		return h.int8(days*microsPerDay + us), nil
	case types.KArray:
		a := d.Array()
		return h.list(1, len(a.Elems), func(i int) (uint64, error) { return h.nullable(a.Elem, a.Elems[i]) })
	case types.KRecord:
		r := d.Record()
		return h.list(0, len(r.Fields), func(i int) (uint64, error) { return h.nullable(r.Types[i].Oid, r.Fields[i]) })
	case types.KRange:
		return h.rangeValue(d.Range())
	case types.KMultirange:
		rs := d.Ranges()
		return h.list(1, len(rs), func(i int) (uint64, error) { return h.rangeValue(rs[i]) })
	}
	kind := "a"
	if h.extended {
		kind = "an extended"
	}
	return 0, pgerr.New(pgerr.UndefinedFunction, "could not identify %s hash function for type %s", kind, types.FormatType(types.T(t)))
}

func hashFn(c *Call, a types.Datum) (types.Datum, error) {
	n, err := hasher{}.value(c.Types[0].Oid, a)
	return types.NewInt(int64(int32(uint32(n)))), err
}

func hashExtendedFn(c *Call, a, seed types.Datum) (types.Datum, error) {
	n, err := hasher{extended: true, seed: uint64(seed.Int())}.value(c.Types[0].Oid, a)
	return types.NewInt(int64(n)), err
}

var hashImpls = func() map[string]impl {
	m := map[string]impl{}
	for name := range strings.FieldsSeq("hashint2 hashint4 hashint8 hashoid hashoidvector hashchar hashname hashtext hashbpchar hashfloat4 " +
		"hashfloat8 hashinet hashmacaddr hashmacaddr8 hashvarlena") {
		m[name], m[name+"extended"] = impl{f1: hashFn}, impl{f2: hashExtendedFn}
	}
	for name := range strings.FieldsSeq("hash_numeric hash_array hash_record hash_range hash_multirange time_hash timetz_hash timestamp_hash " +
		"interval_hash uuid_hash pg_lsn_hash") {
		m[name], m[name+"_extended"] = impl{f1: hashFn}, impl{f2: hashExtendedFn}
	}
	return m
}()

// PartitionHash is compute_partition_hash_value: the hash that decides on a row's hash partition.
func PartitionHash(ts []types.Type, key []types.Datum) (uint64, error) {
	h := hasher{extended: true, seed: 0x7A5B22367996DCFD}
	n := uint64(0)
	for i, d := range key {
		if d.IsNull() {
			continue
		}
		v, err := h.value(ts[i].Oid, d)
		if err != nil {
			return 0, err
		}
		n ^= v + 0x49a0f4dd15e5a8e3 + n<<54 + n>>7
	}
	return n, nil
}
