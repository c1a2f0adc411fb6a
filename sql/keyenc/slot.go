package keyenc

import "github.com/pgmqdb/pgmqdb/sql/types"

// Slots is the number of slots that keys hash to.
const Slots = 1024

// CanonicalBytes appends bytes that are the same for equal values of a type and
// of the types that compare with it without a cast (int2, int4, int8; text and
// varchar): the ascending key form. Convert to the referenced column's type first
// where that is another kind.
func CanonicalBytes(buf []byte, oid types.Oid, d types.Datum) []byte {
	return AppendKey(buf, oid, d, false)
}

// SlotOf returns the slot, 0 <= slot < Slots, of a distribution key's canonical
// bytes: FNV-1a of 64 bits, then murmur3's 64-bit finalizer, modulo 1024. It must
// never change: it says where every stored row is.
func SlotOf(canonical []byte) uint16 {
	h := uint64(14695981039346656037)
	for _, c := range canonical {
		h = (h ^ uint64(c)) * 1099511628211
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return uint16(h % Slots)
}
