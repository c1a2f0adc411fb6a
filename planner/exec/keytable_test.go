package exec

import (
	"sync"
	"testing"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The workers of a parallel join look up in one table at the same time.
func TestKeyTableIsReadByManyAtOnce(t *testing.T) {
	const rows = 2000
	for _, oid := range []types.Oid{types.Int8Oid, types.TextOid, types.JsonbOid} {
		ts := []types.Type{types.T(oid)}
		value := func(i int) types.Datum {
			if oid == types.Int8Oid {
				return types.NewInt(int64(i))
			}
			return types.NewString(string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)))
		}
		b := types.NewBatch(ts, 0)
		for i := range rows {
			b.Cols[0].Append(value(i))
			b.N++
		}
		table := newKeyTable(ts)
		table.insert([]*types.Vec{&b.Cols[0]}, b.N, nil)
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				var buf []uint64
				for range 20 {
					in := types.NewBatch(ts, 0)
					for i := range 500 {
						in.Cols[0].Append(value(w*500 + i))
						in.N++
					}
					for i, id := range table.find([]*types.Vec{&in.Cols[0]}, in.N, nil, &buf) {
						if id != int32(w*500+i) {
							t.Errorf("%s: row %d has key %d", types.FormatType(ts[0]), w*500+i, id)
							return
						}
					}
				}
			}()
		}
		wg.Wait()
	}
}
