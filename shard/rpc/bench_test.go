package rpc

import (
	"context"
	"syscall"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// BenchmarkRemoteGet reads a key over loopback. cpu-ns/op is the processor time of client and server together.
func BenchmarkRemoteGet(b *testing.B) {
	n, c, at := pair(b)
	n.answer = &GetResponse{Versions: []Version{{TS: 1, Value: make([]byte, 100)}}}
	g := c.Group(at, 7)
	q := &GetRequest{TS: 1, Keys: [][]byte{make([]byte, 20)}, Tables: []topo.TableVersion{{Table: 1, Version: 1}}}
	ctx, cancel := context.WithCancel(ctx) // as a session's is
	defer cancel()
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		began := cpuNS()
		for b.Loop() {
			if _, err := g.Get(ctx, q); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(cpuNS()-began)/float64(b.N), "cpu-ns/op")
	})
	b.Run("32 at a time", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(16)
		began := cpuNS()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := g.Get(ctx, q); err != nil {
					b.Error(err)
				}
			}
		})
		b.ReportMetric(float64(cpuNS()-began)/float64(b.N), "cpu-ns/op")
	})
}

// BenchmarkRemoteScan reads batches of 1 MB.
func BenchmarkRemoteScan(b *testing.B) {
	n, c, at := pair(b)
	p := &ScanResponse{}
	for range 10_000 {
		p.Rows.Append(make([]byte, 15), make([]byte, 90), 1)
	}
	n.answer = p
	g := c.Group(at, 7)
	b.SetBytes(int64(len(p.Rows.Data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Scan(ctx, &ScanRequest{TS: 1}); err != nil {
			b.Fatal(err)
		}
	}
}

func cpuNS() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}
