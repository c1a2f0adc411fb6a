package keyenc

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/cockroachdb/apd/v3"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// A stored row is
//
//	flags     1 byte: format version in the high four bits; flagNulls, flagWide
//	columns   2 bytes little-endian: how many columns this row was written with
//	nulls     with flagNulls: a bit a column, little-endian, set for NULL
//	ends      2 bytes a column, 4 with flagWide: end of its bytes from the start of data
//	data      the columns one after the other; NULL and zero integers take none
//	writer    with flagWriter: 4 bytes little-endian, who wrote the row (see SetWriter); programs that do not know it pass
//	          over it
//
// Column i of the row is attribute number i+1; dropped columns keep their place
// and are written as NULL. A column is read in constant time and without looking
// at the others. Its length is known from ends, so integers are stored in as many
// little-endian bytes as their two's complement needs.
const (
	rowVersion     = 0x10
	rowVersionMask = 0xf0
	flagNulls      = 0x01
	flagWide       = 0x02
	flagWriter     = 0x04

	// MaxColumns bounds the columns of a row, as in PostgreSQL.
	MaxColumns = 1600
)

// RowLayout describes the rows of a table. It is immutable once shared.
type RowLayout struct {
	Types   []types.Type  // by attribute number minus one; dropped columns keep their place
	Missing []types.Datum // value of column i in rows written before it was added; NULL past the end

	kinds []types.Kind
}

// NewRowLayout returns a layout; missing may be shorter than ts.
func NewRowLayout(ts []types.Type, missing []types.Datum) *RowLayout {
	l := &RowLayout{Types: ts, Missing: missing, kinds: make([]types.Kind, len(ts))}
	for i, t := range ts {
		l.kinds[i] = t.Kind()
	}
	return l
}

func (l *RowLayout) missing(i int) types.Datum {
	if i < len(l.Missing) {
		return l.Missing[i]
	}
	return types.Null
}

func errCorruptRow() error { return pgerr.New(pgerr.DataCorrupted, "malformed row") }

// EncodeRow appends a row; len(row) <= len(layout.Types) <= MaxColumns.
func EncodeRow(buf []byte, layout *RowLayout, row []types.Datum) []byte {
	start := len(buf)
	buf = appendRow(buf, layout, row, 2)
	if len(buf)-start > math.MaxUint16 {
		buf = appendRow(buf[:start], layout, row, 4)
	}
	return buf
}

// SetWriter says in a row that EncodeRow has just made who wrote it.
func SetWriter(row []byte, writer uint32) []byte {
	row[0] |= flagWriter
	return binary.LittleEndian.AppendUint32(row, writer)
}

// Writer returns what SetWriter put into a row; ok is false for rows that do not say.
func Writer(row []byte) (writer uint32, ok bool) {
	if len(row) < 7 || row[0]&flagWriter == 0 {
		return 0, false
	}
	return binary.LittleEndian.Uint32(row[len(row)-4:]), true
}

func appendRow(buf []byte, layout *RowLayout, row []types.Datum, width int) []byte {
	flags := byte(rowVersion)
	if width == 4 {
		flags |= flagWide
	}
	for i := range row {
		if row[i].IsNull() {
			flags |= flagNulls
			break
		}
	}
	buf = append(buf, flags, byte(len(row)), byte(len(row)>>8))
	nulls := len(buf)
	if flags&flagNulls != 0 {
		buf = appendZeros(buf, (len(row)+7)/8)
		for i := range row {
			if row[i].IsNull() {
				buf[nulls+i/8] |= 1 << (i & 7)
			}
		}
	}
	ends := len(buf)
	buf = appendZeros(buf, len(row)*width)
	data := len(buf)
	for i := range row {
		if !row[i].IsNull() {
			buf = appendStored(buf, layout.Types[i].Oid, row[i])
		}
		if n := len(buf) - data; width == 2 {
			binary.LittleEndian.PutUint16(buf[ends+2*i:], uint16(n))
		} else {
			binary.LittleEndian.PutUint32(buf[ends+4*i:], uint32(n))
		}
	}
	return buf
}

func appendZeros(buf []byte, n int) []byte {
	var zeros [64]byte
	for ; n > len(zeros); n -= len(zeros) {
		buf = append(buf, zeros[:]...)
	}
	return append(buf, zeros[:n]...)
}

// appendInt appends the fewest little-endian bytes whose two's complement is n; none for 0.
func appendInt(buf []byte, n int64) []byte {
	if n == 0 {
		return buf
	}
	for {
		buf = append(buf, byte(n))
		if rest := n >> 8; rest == int64(int8(n))>>7 {
			return buf
		}
		n >>= 8
	}
}

func readInt(b []byte) int64 {
	switch len(b) {
	case 0:
		return 0
	case 1:
		return int64(int8(b[0]))
	case 2:
		return int64(int16(binary.LittleEndian.Uint16(b)))
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(b)))
	case 8:
		return int64(binary.LittleEndian.Uint64(b))
	}
	n := int64(int8(b[len(b)-1]))
	for i := len(b) - 2; i >= 0; i-- {
		n = n<<8 | int64(b[i])
	}
	return n
}

// Forms of a stored numeric: the first byte.
const (
	storedSmall = iota // uvarint scale, int
	storedBig          // uvarint scale, sign byte, big-endian magnitude
	storedNaN
	storedPosInf
	storedNegInf
)

// appendStored appends the bytes of a value that is not NULL.
func appendStored(buf []byte, oid types.Oid, d types.Datum) []byte {
	switch d.Kind() {
	case types.KInt:
		return appendInt(buf, d.Int())
	case types.KString:
		return append(buf, d.Str()...)
	case types.KFloat:
		if oid == types.Float4Oid {
			return binary.LittleEndian.AppendUint32(buf, math.Float32bits(float32(d.Float())))
		}
		return binary.LittleEndian.AppendUint64(buf, math.Float64bits(d.Float()))
	case types.KNumeric:
		return appendStoredNumeric(buf, d)
	case types.KInterval:
		iv := d.Interval()
		buf = binary.AppendVarint(buf, int64(iv.Months))
		buf = binary.AppendVarint(buf, int64(iv.Days))
		return appendInt(buf, iv.Micros)
	case types.KArray:
		return appendStoredArray(buf, d.Array())
	case types.KRange:
		return appendStoredRange(buf, oid, d.Range())
	case types.KMultirange:
		return appendStoredMultirange(buf, d.Multirange())
	}
	r := d.Record()
	buf = binary.AppendUvarint(buf, uint64(len(r.Fields)))
	for i, f := range r.Fields {
		buf = binary.AppendUvarint(buf, uint64(r.Types[i].Oid))
		buf = binary.AppendVarint(buf, int64(r.Types[i].Mod))
		buf = appendStoredElem(buf, r.Types[i].Oid, f)
	}
	return buf
}

func appendStoredNumeric(buf []byte, d types.Datum) []byte {
	if coef, scale, ok := d.SmallNumeric(); ok {
		return appendInt(binary.AppendUvarint(append(buf, storedSmall), uint64(scale)), coef)
	}
	switch {
	case types.NumericIsNaN(d):
		return append(buf, storedNaN)
	case types.NumericIsInf(d, 1):
		return append(buf, storedPosInf)
	case types.NumericIsInf(d, -1):
		return append(buf, storedNegInf)
	}
	x := d.Numeric()
	buf = binary.AppendUvarint(append(buf, storedBig), uint64(-x.Exponent))
	sign := byte(0)
	if x.Negative {
		sign = 1
	}
	return append(append(buf, sign), x.Coeff.Bytes()...)
}

// appendStoredElem appends a value behind its length plus one; 0 is NULL.
func appendStoredElem(buf []byte, oid types.Oid, d types.Datum) []byte {
	if d.IsNull() {
		return append(buf, 0)
	}
	start := len(buf)
	buf = appendStored(buf, oid, d)
	n := len(buf) - start
	var head [binary.MaxVarintLen64]byte
	h := binary.PutUvarint(head[:], uint64(n)+1)
	buf = append(buf, head[:h]...)
	copy(buf[start+h:], buf[start:start+n])
	copy(buf[start:], head[:h])
	return buf
}

func appendStoredArray(buf []byte, a *types.Array) []byte {
	buf = binary.AppendUvarint(buf, uint64(a.Elem))
	buf = append(buf, byte(len(a.Dims)))
	for i, n := range a.Dims {
		buf = binary.AppendUvarint(buf, uint64(n))
		buf = binary.AppendVarint(buf, int64(a.LowerBound(i)))
	}
	for _, e := range a.Elems {
		buf = appendStoredElem(buf, a.Elem, e)
	}
	return buf
}

// rowHeader locates the parts of a row.
type rowHeader struct {
	cols  int
	nulls []byte // nil: none
	ends  []byte
	data  []byte
	wide  bool
}

func readHeader(row []byte) (h rowHeader, ok bool) {
	if len(row) < 3 || row[0]&rowVersionMask != rowVersion {
		return h, false
	}
	h.cols = int(row[1]) | int(row[2])<<8
	h.wide = row[0]&flagWide != 0
	pos := 3
	if row[0]&flagNulls != 0 {
		n := (h.cols + 7) / 8
		if len(row) < pos+n {
			return h, false
		}
		h.nulls = row[pos : pos+n]
		pos += n
	}
	n := h.cols * 2
	if h.wide {
		n *= 2
	}
	if len(row) < pos+n {
		return h, false
	}
	h.ends, h.data = row[pos:pos+n], row[pos+n:]
	return h, true
}

func (h *rowHeader) isNull(i int) bool {
	return h.nulls != nil && h.nulls[i>>3]&(1<<(i&7)) != 0
}

// column returns the bytes of column i < h.cols.
func (h *rowHeader) column(i int) ([]byte, bool) {
	var from, to uint32
	if h.wide {
		to = binary.LittleEndian.Uint32(h.ends[4*i:])
		if i > 0 {
			from = binary.LittleEndian.Uint32(h.ends[4*i-4:])
		}
	} else {
		to = uint32(binary.LittleEndian.Uint16(h.ends[2*i:]))
		if i > 0 {
			from = uint32(binary.LittleEndian.Uint16(h.ends[2*i-2:]))
		}
	}
	if from > to || uint64(to) > uint64(len(h.data)) {
		return nil, false
	}
	return h.data[from:to], true
}

// DecodeColumns appends the wanted columns (attribute numbers minus one) of a
// row to the vecs beside them. Strings refer to the row's memory, which must not
// change while they live. A malformed row gives XX001.
func DecodeColumns(row []byte, layout *RowLayout, wanted []int, dst []*types.Vec) error {
	h, ok := readHeader(row)
	if !ok {
		return errCorruptRow()
	}
	for k, i := range wanted {
		v := dst[k]
		if i >= h.cols {
			v.Append(layout.missing(i))
			continue
		}
		if h.isNull(i) {
			v.AppendNull()
			continue
		}
		b, ok := h.column(i)
		if !ok {
			return errCorruptRow()
		}
		oid := layout.Types[i].Oid
		switch layout.kinds[i] {
		case types.KInt:
			if len(b) > 8 {
				return errCorruptRow()
			}
			v.I = append(v.I, readInt(b))
		case types.KString:
			v.S = append(v.S, unsafe.String(unsafe.SliceData(b), len(b)))
		case types.KFloat:
			f, ok := readFloat(b)
			if !ok {
				return errCorruptRow()
			}
			v.F = append(v.F, f)
		default:
			d, err := readStored(oid, b)
			if err != nil {
				return err
			}
			v.X = append(v.X, d)
		}
	}
	return nil
}

// DecodeRow appends all of the layout's columns to dst. Strings refer to the
// row's memory.
func DecodeRow(row []byte, layout *RowLayout, dst []types.Datum) ([]types.Datum, error) {
	h, ok := readHeader(row)
	if !ok {
		return dst, errCorruptRow()
	}
	for i := range layout.Types {
		d, err := decodeColumn(&h, layout, i)
		if err != nil {
			return dst, err
		}
		dst = append(dst, d)
	}
	return dst, nil
}

// DecodeColumn returns one column (attribute number minus one) of a row.
func DecodeColumn(row []byte, layout *RowLayout, i int) (types.Datum, error) {
	h, ok := readHeader(row)
	if !ok {
		return types.Null, errCorruptRow()
	}
	return decodeColumn(&h, layout, i)
}

func decodeColumn(h *rowHeader, layout *RowLayout, i int) (types.Datum, error) {
	if i >= h.cols {
		return layout.missing(i), nil
	}
	if h.isNull(i) {
		return types.Null, nil
	}
	b, ok := h.column(i)
	if !ok {
		return types.Null, errCorruptRow()
	}
	return readStored(layout.Types[i].Oid, b)
}

func readFloat(b []byte) (float64, bool) {
	switch len(b) {
	case 4:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), true
	case 8:
		return math.Float64frombits(binary.LittleEndian.Uint64(b)), true
	}
	return 0, false
}

func readStored(oid types.Oid, b []byte) (types.Datum, error) {
	switch oid.Kind() {
	case types.KInt:
		if len(b) > 8 {
			return types.Null, errCorruptRow()
		}
		return types.NewInt(readInt(b)), nil
	case types.KString:
		return types.NewBytes(b), nil
	case types.KFloat:
		f, ok := readFloat(b)
		if !ok {
			return types.Null, errCorruptRow()
		}
		return types.NewFloat(f), nil
	case types.KNumeric:
		return readStoredNumeric(b)
	case types.KInterval:
		months, n := binary.Varint(b)
		if n <= 0 {
			return types.Null, errCorruptRow()
		}
		days, m := binary.Varint(b[n:])
		if m <= 0 || len(b)-n-m > 8 {
			return types.Null, errCorruptRow()
		}
		return types.NewInterval(types.Interval{Months: int32(months), Days: int32(days), Micros: readInt(b[n+m:])}), nil
	case types.KArray:
		return readStoredArray(b)
	case types.KRange:
		return readStoredRange(oid, b)
	case types.KMultirange:
		return readStoredMultirange(oid, b)
	}
	return readStoredRecord(oid, b)
}

func readStoredNumeric(b []byte) (types.Datum, error) {
	if len(b) == 0 {
		return types.Null, errCorruptRow()
	}
	switch b[0] {
	case storedNaN:
		return types.ParseNumeric("NaN")
	case storedPosInf:
		return types.ParseNumeric("Infinity")
	case storedNegInf:
		return types.ParseNumeric("-Infinity")
	}
	scale, n := binary.Uvarint(b[1:])
	if n <= 0 || scale > 16383 {
		return types.Null, errCorruptRow()
	}
	rest := b[1+n:]
	switch {
	case b[0] == storedSmall && len(rest) <= 8:
		return types.NewSmallNumeric(readInt(rest), int32(scale)), nil
	case b[0] == storedBig && len(rest) > 0:
		x := &apd.Decimal{Exponent: -int32(scale), Negative: rest[0] == 1}
		x.Coeff.SetBytes(rest[1:])
		return types.NewNumeric(x), nil
	}
	return types.Null, errCorruptRow()
}

// readStoredElem reads what appendStoredElem wrote and returns what follows.
func readStoredElem(oid types.Oid, b []byte) (types.Datum, []byte, error) {
	n, h := binary.Uvarint(b)
	if h <= 0 || n > uint64(len(b)-h)+1 {
		return types.Null, nil, errCorruptRow()
	}
	if n == 0 {
		return types.Null, b[h:], nil
	}
	end := h + int(n-1)
	d, err := readStored(oid, b[h:end])
	return d, b[end:], err
}

func readStoredArray(b []byte) (types.Datum, error) {
	elem, n := binary.Uvarint(b)
	if n <= 0 || elem > math.MaxUint32 || len(b) == n {
		return types.Null, errCorruptRow()
	}
	a := &types.Array{Elem: types.Oid(elem)}
	dims := int(b[n])
	b = b[n+1:]
	total, plain := uint64(1), true
	for range dims {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)) {
			return types.Null, errCorruptRow()
		}
		lb, m := binary.Varint(b[n:])
		if total *= size; m <= 0 || total > uint64(len(b)) {
			return types.Null, errCorruptRow()
		}
		a.Dims, a.Lbs = append(a.Dims, int32(size)), append(a.Lbs, int32(lb))
		plain = plain && lb == 1
		b = b[n+m:]
	}
	if plain {
		a.Lbs = nil
	}
	if dims == 0 {
		return types.NewArray(a), nil
	}
	a.Elems = make([]types.Datum, total)
	for i := range a.Elems {
		var err error
		if a.Elems[i], b, err = readStoredElem(a.Elem, b); err != nil {
			return types.Null, err
		}
	}
	return types.NewArray(a), nil
}

func readStoredRecord(typ types.Oid, b []byte) (types.Datum, error) {
	count, n := binary.Uvarint(b)
	if n <= 0 || count > uint64(len(b)) {
		return types.Null, errCorruptRow()
	}
	b = b[n:]
	r := &types.Record{}
	if typ.Class() == types.CompositeClass {
		r.Oid = typ
	}
	for range count {
		oid, n := binary.Uvarint(b)
		if n <= 0 || oid > math.MaxUint32 {
			return types.Null, errCorruptRow()
		}
		mod, m := binary.Varint(b[n:])
		if m <= 0 {
			return types.Null, errCorruptRow()
		}
		d, rest, err := readStoredElem(types.Oid(oid), b[n+m:])
		if err != nil {
			return types.Null, err
		}
		b = rest
		r.Types = append(r.Types, types.Type{Oid: types.Oid(oid), Mod: int32(mod)})
		r.Fields = append(r.Fields, d)
	}
	return types.NewRecord(r), nil
}
