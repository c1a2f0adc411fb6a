package keyenc

import "github.com/pgmqdb/pgmqdb/sql/types"

// Slots is the number of slots.
const Slots = 1024

func AppendKey(buf []byte, oid types.Oid, d types.Datum, desc bool) []byte                 { return buf }
func DecodeKey(oid types.Oid, b []byte, desc bool) (d types.Datum, rest []byte, err error) { return }
func SkipKey(b []byte, desc bool) (rest []byte, err error)                                 { return }
func KeyLossless(oid types.Oid) bool                                                       { return false }
func PrefixEnd(key []byte) []byte                                                          { return nil }
func CanonicalBytes(buf []byte, oid types.Oid, d types.Datum) []byte                       { return buf }
func SlotOf(canonical []byte) uint16                                                       { return 0 }

// RowLayout describes the rows of a table by attribute number.
type RowLayout struct {
	Types   []types.Type  // by attnum-1; dropped columns keep their position
	Missing []types.Datum // value of column i for rows written before it was added; NULL or absent: NULL
}

func NewRowLayout(ts []types.Type, missing []types.Datum) *RowLayout                    { return &RowLayout{ts, missing} }
func EncodeRow(buf []byte, layout *RowLayout, row []types.Datum) []byte                 { return buf }
func DecodeColumns(row []byte, layout *RowLayout, wanted []int, dst []*types.Vec) error { return nil }
func DecodeRow(row []byte, layout *RowLayout, dst []types.Datum) ([]types.Datum, error) {
	return dst, nil
}
func DecodeColumn(row []byte, layout *RowLayout, i int) (types.Datum, error) { return types.Null, nil }
