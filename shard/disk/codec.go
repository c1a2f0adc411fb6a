package disk

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// MaxKeyBytes bounds a key, so that its escaped form with a timestamp before and behind it is one bbolt key (32 KiB).
const MaxKeyBytes = 16000

// A version's key on disk is the escaped key, a terminator and the inverted timestamp. Keys are arbitrary bytes, and one
// may be the prefix of another: 0x00 becomes 0x00 0xFF, and the terminator is 0x00 0x01, which sorts before whatever a
// longer key goes on with. The inverted timestamp puts the newest version first, so that one seek finds the newest version
// at or below a timestamp.
const (
	escape     = 0x00
	escapedNul = 0xFF
	terminator = 0x01
	tsBytes    = 8
)

// appendEscaped appends the escaped key without its terminator: the common start of all keys that begin with key.
func appendEscaped(buf, key []byte) []byte {
	for _, c := range key {
		if c == escape {
			buf = append(buf, escape, escapedNul)
		} else {
			buf = append(buf, c)
		}
	}
	return buf
}

// appendPrefix appends what all versions of key share.
func appendPrefix(buf, key []byte) []byte {
	return append(appendEscaped(buf, key), escape, terminator)
}

func appendVersionKey(buf, key []byte, ts topo.Timestamp) []byte {
	return binary.BigEndian.AppendUint64(appendPrefix(buf, key), ^uint64(ts))
}

// splitVersionKey cuts a version's key into what all versions of its key share, and its timestamp.
func splitVersionKey(k []byte) (prefix []byte, ts topo.Timestamp, ok bool) {
	n := len(k) - tsBytes
	if n < 2 || k[n-2] != escape || k[n-1] != terminator {
		return nil, 0, false
	}
	return k[:n:n], topo.Timestamp(^binary.BigEndian.Uint64(k[n:])), true
}

// appendUnescaped appends the key of a prefix made by appendPrefix.
func appendUnescaped(buf, prefix []byte) []byte {
	body := prefix[:len(prefix)-2]
	for i := 0; i < len(body); i++ {
		buf = append(buf, body[i])
		if body[i] == escape {
			i++
		}
	}
	return buf
}

// A value on disk is a CRC32C of the disk key and the rest, a flag byte, the key version where it differs from the
// version's own timestamp, where the row before it went if it went anywhere, behind its length, and the value.
const (
	crcBytes      = 4
	flagTombstone = 1 << 0
	flagKeyTS     = 1 << 1
	flagMoved     = 1 << 2 // since formatMoved
	flagsKnown    = flagTombstone | flagKeyTS | flagMoved
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(key, rest []byte) uint32 {
	return crc32.Update(crc32.Update(0, castagnoli, key), castagnoli, rest)
}

// appendValue appends the disk value of a version whose disk key is key.
func appendValue(buf, key []byte, ts, keyTS topo.Timestamp, value, moved []byte) []byte {
	start := len(buf)
	buf = append(buf, 0, 0, 0, 0)
	var flags byte
	if value == nil {
		flags |= flagTombstone
	}
	if keyTS != ts {
		flags |= flagKeyTS
	}
	if moved != nil {
		flags |= flagMoved
	}
	buf = append(buf, flags)
	if keyTS != ts {
		buf = binary.BigEndian.AppendUint64(buf, uint64(keyTS))
	}
	if moved != nil {
		buf = append(binary.AppendUvarint(buf, uint64(len(moved))), moved...)
	}
	buf = append(buf, value...)
	binary.LittleEndian.PutUint32(buf[start:], checksum(key, buf[start+crcBytes:]))
	return buf
}

var (
	errChecksum = errors.New("checksum mismatch")
	errShort    = errors.New("entry too short")
	errFlags    = errors.New("unknown entry flags")
	errKey      = errors.New("malformed key")
	errOrder    = errors.New("keys out of order")
)

// decodeValue checks and cuts a disk value. The result aliases v; a live value is never nil.
func decodeValue(k, v []byte, ts topo.Timestamp) (keyTS topo.Timestamp, value, moved []byte, err error) {
	if len(v) < crcBytes+1 {
		return 0, nil, nil, errShort
	}
	if binary.LittleEndian.Uint32(v) != checksum(k, v[crcBytes:]) {
		return 0, nil, nil, errChecksum
	}
	flags := v[crcBytes]
	if flags&^flagsKnown != 0 {
		return 0, nil, nil, errFlags
	}
	v = v[crcBytes+1:]
	keyTS = ts
	if flags&flagKeyTS != 0 {
		if len(v) < 8 {
			return 0, nil, nil, errShort
		}
		keyTS = topo.Timestamp(binary.BigEndian.Uint64(v))
		v = v[8:]
	}
	if flags&flagMoved != 0 {
		n, w := binary.Uvarint(v)
		if w <= 0 || n > uint64(len(v)-w) {
			return 0, nil, nil, errShort
		}
		end := w + int(n)
		moved, v = v[w:end:end], v[end:]
	}
	if flags&flagTombstone != 0 {
		return keyTS, nil, moved, nil
	}
	return keyTS, v[:len(v):len(v)], moved, nil
}

// appendRecord and decodeRecord frame the value of a side table's record with a CRC32C of key and value.
func appendRecord(buf, key, value []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(buf, checksum(key, value)), value...)
}

func decodeRecord(k, v []byte) ([]byte, error) {
	if len(v) < crcBytes {
		return nil, errShort
	}
	if binary.LittleEndian.Uint32(v) != checksum(k, v[crcBytes:]) {
		return nil, errChecksum
	}
	return v[crcBytes:], nil
}

// appendTS completes a prefix to a version's disk key.
func appendTS(buf, prefix []byte, ts topo.Timestamp) []byte {
	return binary.BigEndian.AppendUint64(append(buf, prefix...), ^uint64(ts))
}
