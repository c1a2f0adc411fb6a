package expr

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"encoding/binary"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Functions in C, which only extensions have. A symbol without an entry answers that it is not supported.

// native is what runs the symbol of a function.
func native(d *UserDef) *impl {
	if im := nativeImpl(d.Native); im != nil {
		return im
	}
	return &impl{} // whose call says so
}

// nativeImpl is what runs a symbol; nil for none.
func nativeImpl(symbol string) *impl {
	for _, m := range []map[string]impl{nativeUUID, nativeCrypto, nativeFuzzy, nativeTrgm, nativeCitext} {
		if im, ok := m[symbol]; ok {
			return &im
		}
	}
	return nil
}

var nativeUUID = map[string]impl{
	"uuid_nil":         constantUUID(0, 0),
	"uuid_ns_dns":      namespaceUUID(0x10),
	"uuid_ns_url":      namespaceUUID(0x11),
	"uuid_ns_oid":      namespaceUUID(0x12),
	"uuid_ns_x500":     namespaceUUID(0x14),
	"uuid_generate_v1": {f0: uuidV1}, "uuid_generate_v1mc": {f0: uuidV1},
	"uuid_generate_v4": {f0: randomUUID},
	"uuid_generate_v3": {f2: func(_ *Call, space, name types.Datum) (types.Datum, error) {
		sum := md5.Sum(append(append([]byte(nil), space.Bytes()...), name.Str()...))
		return versionedUUID(sum[:], 3), nil
	}},
	"uuid_generate_v5": {f2: func(_ *Call, space, name types.Datum) (types.Datum, error) {
		sum := sha1.Sum(append(append([]byte(nil), space.Bytes()...), name.Str()...))
		return versionedUUID(sum[:16], 5), nil
	}},
}

func constantUUID(hi, lo uint64) impl {
	b := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, hi), lo)
	return impl{f0: func(*Call) (types.Datum, error) { return types.NewBytes(b), nil }}
}

// namespaceUUID is a namespace of RFC 4122, appendix C; they differ in one byte.
func namespaceUUID(fourth uint64) impl {
	return constantUUID(0x6ba7b8009dad11d1|fourth<<32, 0x80b400c04fd430c8)
}

// versionedUUID makes a UUID of a version of 16 bytes, which it keeps.
func versionedUUID(b []byte, version byte) types.Datum {
	b[6], b[8] = b[6]&0x0f|version<<4, b[8]&0x3f|0x80
	return types.NewBytes(b)
}

// uuidClock are the parts of time-based UUIDs that must not repeat: RFC 4122, 4.2.1. The node is a random multicast address,
// as for uuid_generate_v1mc, so that the machine's own is not told.
var uuidClock struct {
	sync.Mutex
	last uint64 // 100 ns since 1582-10-15
	tail [8]byte
}

// gregorian is the time from the start of the Gregorian calendar to the Unix epoch, in units of 100 ns.
const gregorian = 0x01b21dd213814000

func uuidV1(*Call) (types.Datum, error) {
	c := &uuidClock
	c.Lock()
	defer c.Unlock()
	if c.last == 0 {
		if _, err := rand.Read(c.tail[:]); err != nil {
			return types.Null, pgerr.Internal("no random numbers: %v", err)
		}
		c.tail[2] |= 1 // multicast
	}
	c.last = max(c.last+1, uint64(time.Now().UnixNano()/100)+gregorian)
	b := make([]byte, 0, 16)
	b = binary.BigEndian.AppendUint32(b, uint32(c.last))
	b = binary.BigEndian.AppendUint16(b, uint16(c.last>>32))
	b = binary.BigEndian.AppendUint16(b, uint16(c.last>>48))
	return versionedUUID(append(b, c.tail[:]...), 1), nil
}
