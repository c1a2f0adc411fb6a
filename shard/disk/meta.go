package disk

import (
	"encoding/binary"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// The layouts of the buckets and of their entries. A file has the oldest that all of it fits; one of a later format is
// refused.
const (
	formatFirst = 1
	formatMoved = 2 // an entry may say where the row before it went
	formatLast  = formatMoved
)

var (
	metaKey  = []byte("meta")
	metaGone = []byte("gone") // the dropped storages of which no entry is left
)

const metaBytes = 1 + 8*4

func readMeta(b *bbolt.Bucket) (Meta, error) {
	raw := b.Get(metaKey)
	v, err := decodeRecord(metaKey, raw)
	if err != nil {
		return Meta{}, fmt.Errorf("meta: %w", err)
	}
	if len(v) != metaBytes {
		return Meta{}, fmt.Errorf("meta: %w", errShort)
	}
	if v[0] < formatFirst || v[0] > formatLast {
		return Meta{}, fmt.Errorf("format version %d is not known", v[0])
	}
	u := func(i int) uint64 { return binary.BigEndian.Uint64(v[1+8*i:]) }
	return Meta{Index: u(0), Horizon: topo.Timestamp(u(1)), Versions: int64(u(2)), Records: int64(u(3)), Format: v[0]}, nil
}

func writeMeta(b *bbolt.Bucket, m Meta) error {
	v := make([]byte, 0, metaBytes)
	v = append(v, max(m.Format, formatFirst))
	for _, u := range [...]uint64{m.Index, uint64(m.Horizon), uint64(m.Versions), uint64(m.Records)} {
		v = binary.BigEndian.AppendUint64(v, u)
	}
	return b.Put(metaKey, appendRecord(nil, metaKey, v))
}

// appendIDs and parseIDs keep a sorted list of storages; a list that is damaged reads as empty, which costs a search only.
func appendIDs(buf []byte, ids []topo.StorageID) []byte {
	for _, id := range ids {
		buf = topo.AppendStorageID(buf, id)
	}
	return buf
}

func parseIDs(b []byte) []topo.StorageID {
	var ids []topo.StorageID
	for ; len(b) >= 4; b = b[4:] {
		id, _ := topo.KeyStorageID(b)
		ids = append(ids, id)
	}
	if !slices.IsSorted(ids) {
		return nil
	}
	return ids
}
