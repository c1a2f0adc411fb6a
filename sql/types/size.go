package types

// DatumBytes estimates the memory of a value in a column.
func DatumBytes(d Datum) int64 {
	switch d.Kind() {
	case KString:
		return 16 + int64(len(d.Str()))
	case KInt, KFloat, KNull:
		return 8
	}
	return ObjectBytes(d)
}

// ObjectBytes estimates the memory of a value of a kind without a column representation.
func ObjectBytes(d Datum) int64 {
	n := int64(48)
	switch d.Kind() {
	case KArray:
		for _, e := range d.Array().Elems {
			n += 16 + DatumBytes(e)
		}
	case KRecord:
		for _, f := range d.Record().Fields {
			n += 16 + DatumBytes(f)
		}
	}
	return n
}
