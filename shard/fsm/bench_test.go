package fsm

import (
	"encoding/binary"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

func rowKey(i int) []byte {
	k := topo.AppendStorageID(make([]byte, 0, 12), 7)
	return binary.BigEndian.AppendUint64(k, uint64(i)|1<<63)
}

// fill inserts n short rows, 1000 an entry.
func fill(b testing.TB, r *replica, n int) {
	value := make([]byte, 40)
	var ts topo.Timestamp = 10
	for i := 0; i < n; {
		cmd := onePhase(i+1, ts)
		for j := 0; j < 1000 && i < n; j++ {
			cmd.Prepare.Items = append(cmd.Prepare.Items, Item{Kind: ItemPut, Key: rowKey(i * 7919 % n), Value: value, SeenAbsent: true})
			i++
		}
		r.want(cmd, ResultCommitted)
		ts++
	}
}

func BenchmarkApplyOneRowInsert(b *testing.B) {
	r := newReplica(b, Options{MaxDeltaBytes: 8 << 30})
	value := make([]byte, 40)
	results := make([]Result, 1)
	var buf []byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		cmd := onePhase(i+1, topo.Timestamp(i+10), Item{Kind: ItemPut, Key: rowKey(i), Value: value, SeenAbsent: true})
		buf = AppendCommand(make([]byte, 0, 160), &cmd)
		cmds, err := DecodeCommands(buf)
		if err != nil {
			b.Fatal(err)
		}
		if err := r.s.Apply(uint64(i+1), cmds, results); err != nil || results[0].Code != ResultCommitted {
			b.Fatal(err, results[0])
		}
	}
}

func BenchmarkCodec(b *testing.B) {
	cmd := onePhase(1, 10, Item{Kind: ItemPut, Key: rowKey(1), Value: make([]byte, 40), SeenAbsent: true})
	buf := make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendCommand(buf[:0], &cmd)
		if _, err := DecodeCommands(buf); err != nil {
			b.Fatal(err)
		}
	}
}

func benchRows(b *testing.B, flushed bool) *replica {
	const n = 200_000
	r := newReplica(b, Options{MaxDeltaBytes: 8 << 30, ManualFlush: true})
	fill(b, r, n)
	if flushed {
		r.flush()
	}
	return r
}

func benchGet(b *testing.B, flushed bool) {
	r := benchRows(b, flushed)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i = (i + 7919) % 200_000
		v, _, err := r.s.Get(rowKey(i), 1000, Own{})
		if err != nil || v.Value == nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGetDelta(b *testing.B) { benchGet(b, false) }
func BenchmarkGetDisk(b *testing.B)  { benchGet(b, true) }

func benchScan(b *testing.B, flushed, reverse bool) {
	r := benchRows(b, flushed)
	b.ReportAllocs()
	rows := 0
	for b.Loop() {
		n := 0
		_, _, err := r.s.Scan(ScanOptions{TS: 1000, Lo: rowKey(0), Hi: rowKey(1 << 40), Reverse: reverse},
			func(key, value []byte, ts topo.Timestamp) bool { n++; return true })
		if err != nil || n != 200_000 {
			b.Fatal(n, err)
		}
		rows += n
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/row")
}

func BenchmarkScanDelta(b *testing.B)        { benchScan(b, false, false) }
func BenchmarkScanDisk(b *testing.B)         { benchScan(b, true, false) }
func BenchmarkScanDeltaReverse(b *testing.B) { benchScan(b, false, true) }
func BenchmarkScanDiskReverse(b *testing.B)  { benchScan(b, true, true) }

func BenchmarkFlush200kRows(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		r := newReplica(b, Options{MaxDeltaBytes: 8 << 30, ManualFlush: true})
		fill(b, r, 200_000)
		b.StartTimer()
		r.flush()
	}
}

func BenchmarkPrepareAndResolve(b *testing.B) {
	r := newReplica(b, Options{MaxDeltaBytes: 8 << 30})
	value := make([]byte, 40)
	results := make([]Result, 2)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c := prepare(i+1, topo.Timestamp(2*i+10), Item{Kind: ItemPut, Key: rowKey(i), Value: value, SeenAbsent: true})
		done := resolve(i+1, topo.Timestamp(2*i+11))
		buf := AppendCommand(AppendCommand(nil, &c), &done)
		cmds, err := DecodeCommands(buf)
		if err != nil {
			b.Fatal(err)
		}
		if err := r.s.Apply(uint64(i+1), cmds, results); err != nil || results[1].Code != ResultCommitted {
			b.Fatal(err, results)
		}
	}
}

func BenchmarkScanTenRowsOnDisk(b *testing.B) {
	r := benchRows(b, true)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i = (i + 7919) % 199_000
		n := 0
		_, _, err := r.s.Scan(ScanOptions{TS: 1000, Lo: rowKey(i), Hi: rowKey(i + 10)},
			func(key, value []byte, ts topo.Timestamp) bool { n++; return true })
		if err != nil || n != 10 {
			b.Fatal(n, err)
		}
	}
}

// BenchmarkPrepare200RowsOnDisk validates locks on 200 rows of the file, which lie together, and lets go of them.
func BenchmarkPrepare200RowsOnDisk(b *testing.B) {
	r := benchRows(b, true)
	items := make([]Item, 200)
	results := make([]Result, 2)
	next, from := r.s.AppliedIndex(), 0
	var decoder Decoder
	var buf []byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		from = (from + 7919*len(items)) % 199_000
		b.StopTimer()
		for n := range items {
			key := rowKey(from + n)
			v, _, err := r.s.Latest(key, topo.TxnID{})
			if err != nil {
				b.Fatal(err)
			}
			items[n] = Item{Kind: ItemLock, Mode: lock.Update, Key: key, Seen: v.TS}
		}
		c, done := prepare(i+1_000_000, topo.Timestamp(i+2000), items...), abort(i+1_000_000)
		buf = AppendCommand(AppendCommand(buf[:0], &c), &done)
		b.StartTimer()
		cmds, err := decoder.Decode(buf)
		if err != nil {
			b.Fatal(err)
		}
		next++
		if err := r.s.Apply(next, cmds, results); err != nil || results[0].Code != ResultPrepared {
			b.Fatal(err, results)
		}
		decoder.Reset()
	}
}

// BenchmarkLatestOf200RowsOnDisk reads 200 rows that lie together, as a lock request does.
func BenchmarkLatestOf200RowsOnDisk(b *testing.B) {
	r := benchRows(b, true)
	keys := make([][]byte, 200)
	from := 0
	b.ReportAllocs()
	for b.Loop() {
		from = (from + 7919*len(keys)) % 199_000
		for n := range keys {
			keys[n] = rowKey(from + n)
		}
		live := 0
		n, err := r.s.LatestOf(keys, topo.TxnID{}, func(_ int, v Version) {
			if v.Value != nil {
				live++
			}
		})
		if err != nil || n != len(keys) || live != n {
			b.Fatal(n, live, err)
		}
	}
}
