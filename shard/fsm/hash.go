package fsm

import (
	"encoding/binary"
	"math/bits"
)

// hash64 hashes b for digests: the same on every machine and for ever, and not meant to resist an adversary. It folds
// 64x64-bit products of eight-byte words, as wyhash does.
func hash64(seed uint64, b []byte) uint64 {
	const p0, p1 = 0xA0761D6478BD642F, 0xE7037ED1A0B428DB
	h := mix(seed^p0, uint64(len(b))^p1)
	for len(b) >= 8 {
		h = mix(h^binary.LittleEndian.Uint64(b), p1)
		b = b[8:]
	}
	var tail uint64
	for i, c := range b {
		tail |= uint64(c) << (8 * i)
	}
	return mix(mix(h^tail, p1)^p0, p1)
}

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// HashOp is the hash of a provisional operation; Provisioned.Digest is their sum, wrapping.
func HashOp(op *ProvisionOp) uint64 {
	var stack [512]byte
	return hash64(0, appendOp(stack[:0], op))
}
