package exec

import (
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// probe decodes some columns of scanned rows and asks a key table for them.
type probe struct {
	ti     *tableInfo
	wanted []int
	b      *types.Batch
	dst    []*types.Vec
	ids    []int32
}

func newProbe(ti *tableInfo, wanted []int) *probe {
	p := &probe{ti: ti, wanted: wanted}
	ts := make([]types.Type, len(wanted))
	for i, w := range wanted {
		ts[i] = ti.t.Columns[w].Type
	}
	p.b = types.NewBatch(ts, types.BatchSize)
	for i := range p.b.Cols {
		p.dst = append(p.dst, &p.b.Cols[i])
	}
	return p
}

// decode reads the columns of a batch.
func (p *probe) decode(b *txn.Batch) error {
	p.b.Reset()
	for i := range b.Len() {
		if err := keyenc.DecodeColumns(b.Value(i), p.ti.layout, p.wanted, p.dst); err != nil {
			return err
		}
	}
	p.b.N = b.Len()
	return nil
}

// find returns, for each row, the number of its key in table; -1 where there is none or a column is NULL.
func (p *probe) find(table *keyTable, b *txn.Batch) ([]int32, error) {
	if err := p.decode(b); err != nil {
		return nil, err
	}
	p.ids = table.find(p.dst, p.b.N, p.ids)
	for i := range p.ids {
		if anyNull(p.dst, i) {
			p.ids[i] = -1
		}
	}
	return p.ids, nil
}

func prefixEnd(p []byte) []byte { return keyenc.PrefixEnd(p) }
