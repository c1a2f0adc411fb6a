package exec

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

func BenchmarkPointSelect(b *testing.B) {
	d := newDB(b)
	d.table("t", []col{{"id", types.Int8Oid, true}, {"a", types.TextOid, false}, {"b", types.Int4Oid, false}}, 1, nil, nil)
	d.must("INSERT INTO t VALUES (1, 'hello', 5)", "")
	p := d.plan("SELECT a, b FROM t WHERE id = $1")
	c := d.context(types.NewInt(1))
	d.txn.start = d.txn.seq
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		n := 0
		if _, err := Run(c, p, func(x *types.Batch) error { n += x.N; return nil }); err != nil || n != 1 {
			b.Fatal(err, n)
		}
	}
}

func BenchmarkPointUpdate(b *testing.B) {
	d := newDB(b)
	d.table("t", []col{{"id", types.Int8Oid, true}, {"a", types.TextOid, false}, {"b", types.Int4Oid, false}}, 1, nil, nil)
	d.must("INSERT INTO t VALUES (1, 'hello', 5)", "")
	p := d.plan("UPDATE t SET b = b + 1 WHERE id = $1")
	c := d.context(types.NewInt(1))
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		d.txn.start = d.txn.seq
		if _, err := Run(c, p, nil); err != nil {
			b.Fatal(err)
		}
		d.txn.rollbackTo(d.txn.start)
	}
}

// nullTxn takes writes and forgets them.
type nullTxn struct{ *memTxn }

func (nullTxn) UseForLocks(topo.TableVersion)       {}
func (nullTxn) Put(txn.Key, []byte, txn.WriteFlags) {}

func BenchmarkInsertRows(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := newDB(b)
			d.table("t", []col{{"id", types.Int8Oid, true}, {"p", types.Int8Oid, false}, {"a", types.TextOid, false}}, 1, nil, [][]int{{1}})
			rows := make([]string, n)
			for i := range rows {
				rows[i] = fmt.Sprintf("(%d, %d, 'text %d')", i, i%7, i)
			}
			p := d.plan("INSERT INTO t VALUES " + strings.Join(rows, ", "))
			c := d.context()
			c.Txn = nullTxn{d.txn}
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				if _, err := Run(c, p, nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/row")
		})
	}
}

// packedTxn serves prepared batches, so that a scan costs what decoding costs.
type packedTxn struct {
	*memTxn
	batches map[topo.StorageID]map[topo.GroupID][]*txn.Batch
}

func (p *packedTxn) Scan(c context.Context, o txn.ReadOptions, spec txn.ScanSpec) (txn.Scanner, error) {
	id, _ := topo.KeyStorageID(spec.Lo)
	s := &memScanner{}
	for _, g := range spec.Groups {
		s.batches = append(s.batches, p.batches[id][g]...)
	}
	return s, nil
}

func BenchmarkJoinGroupBy(b *testing.B) {
	d := newDB(b)
	parent := d.table("p", []col{{"id", types.Int8Oid, true}, {"grp", types.Int4Oid, false}}, 1, nil, nil)
	child := d.table("c", []col{{"id", types.Int8Oid, true}, {"pid", types.Int8Oid, false}, {"v", types.Int4Oid, false}}, 1, nil, nil)
	pt := &packedTxn{memTxn: d.txn, batches: map[topo.StorageID]map[topo.GroupID][]*txn.Batch{}}
	fill := func(id topo.StorageID, n int, row func(i int) ([]types.Datum, *keyenc.RowLayout)) {
		pt.batches[id] = map[topo.GroupID][]*txn.Batch{}
		for g := range 4 {
			var cur *txn.Batch
			for i := g; i < n; i += 4 {
				if cur == nil || cur.Len() >= 4096 {
					cur = &txn.Batch{Group: topo.GroupID(g + 2)}
					pt.batches[id][cur.Group] = append(pt.batches[id][cur.Group], cur)
				}
				r, l := row(i)
				cur.Append(keyenc.AppendKeyInt(topo.AppendStorageID(nil, id), int64(i)), keyenc.EncodeRow(nil, l, r), 1)
			}
		}
	}
	fill(parent.RowStorage, 100000, func(i int) ([]types.Datum, *keyenc.RowLayout) {
		return []types.Datum{types.NewInt(int64(i)), types.NewInt(int64(i % 1000))}, parent.RowLayout()
	})
	fill(child.RowStorage, 1000000, func(i int) ([]types.Datum, *keyenc.RowLayout) {
		return []types.Datum{types.NewInt(int64(i)), types.NewInt(int64(i*7919) % 100000), types.NewInt(int64(i % 100))}, child.RowLayout()
	})
	p := d.plan("SELECT p.grp, count(*), sum(c.v) FROM c JOIN p ON p.id = c.pid GROUP BY p.grp")
	c := d.context()
	c.Txn = pt
	b.ResetTimer()
	for b.Loop() {
		n := 0
		if _, err := Run(c, p, func(x *types.Batch) error { n += x.N; return nil }); err != nil || n != 1000 {
			b.Fatal(err, n)
		}
	}
}
