package expr

import (
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// A ctid is made of the key of its row: of a hidden row id, which counts from 0 up, or of a primary key, which is a signed
// number. TidOfKey and KeyOfTid are each other's inverse.

// tidBits are the bits of a tid: 32 of the block, 16 of the place in it.
const tidBits = 48

var (
	tidOfKey   = [2]*Function{tidOfKeyFunc(false), tidOfKeyFunc(true)}
	keyOfTid   = [2]*Function{keyOfTidFunc(false), keyOfTidFunc(true)}
	keysOfTids = [2]*Function{keysOfTidsFunc(false), keysOfTidsFunc(true)}
)

func which(rowID bool) int {
	if rowID {
		return 1
	}
	return 0
}

// TidOfKey is the function that makes the ctid of a row of its key, or of its row id. It fails for keys that have more bits than
// a tid.
func TidOfKey(rowID bool) *Function { return tidOfKey[which(rowID)] }

// KeyOfTid is the function that returns the key, or row id, that a tid is made of.
func KeyOfTid(rowID bool) *Function { return keyOfTid[which(rowID)] }

// IsKeyOfTid reports whether a function is one of those that KeyOfTid returns.
func IsKeyOfTid(f *Function) bool { return f == keyOfTid[0] || f == keyOfTid[1] }

// KeysOfTids is KeyOfTid for arrays.
func KeysOfTids(rowID bool) *Function { return keysOfTids[which(rowID)] }

func tidOfKeyFunc(rowID bool) *Function {
	return &Function{Name: "ctid", Args: []types.Oid{types.Int8Oid}, Result: types.TidOid, Volatility: Immutable, Strict: true,
		impl: &impl{f1: func(_ *Call, a types.Datum) (types.Datum, error) {
			tid := a.Int() & (1<<tidBits - 1)
			if keyOf(tid, rowID) != a.Int() {
				return types.Null, pgerr.NotSupported("ctid of a row whose key has more than 48 bits")
			}
			return types.NewInt(tid), nil
		}}}
}

func keyOf(tid int64, rowID bool) int64 {
	if rowID {
		return tid
	}
	return tid << (64 - tidBits) >> (64 - tidBits)
}

func keyOfTidFunc(rowID bool) *Function {
	return &Function{Name: "key of ctid", Args: []types.Oid{types.TidOid}, Result: types.Int8Oid, Volatility: Immutable, Strict: true,
		impl: &impl{f1: func(_ *Call, a types.Datum) (types.Datum, error) {
			return types.NewInt(keyOf(a.Int(), rowID)), nil
		}}}
}

func keysOfTidsFunc(rowID bool) *Function {
	return &Function{Name: "keys of ctids", Args: []types.Oid{types.TidArrayOid}, Result: types.ArrayOf(types.Int8Oid), Volatility: Immutable, Strict: true,
		impl: &impl{f1: func(_ *Call, a types.Datum) (types.Datum, error) {
			in := a.Array()
			keys := *in // of the same shape
			keys.Elem, keys.Elems = types.Int8Oid, make([]types.Datum, len(in.Elems))
			for i, d := range in.Elems {
				if !d.IsNull() {
					keys.Elems[i] = types.NewInt(keyOf(d.Int(), rowID))
				}
			}
			return types.NewArray(&keys), nil
		}}}
}
