package exec

import (
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// probe decodes some columns of scanned rows, a batch at a time.
type probe struct {
	ti     *tableInfo
	wanted []int
	b      *types.Batch
	dst    []*types.Vec
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
