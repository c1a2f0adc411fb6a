package group

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lni/dragonboat/v4/config"
	sm "github.com/lni/dragonboat/v4/statemachine"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// spread runs do on a number of goroutines, b.N times in all.
func spread(b *testing.B, clients int, do func(i int64)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range clients {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				do(i)
			}
		}()
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}

func BenchmarkCommitOneRow(b *testing.B) {
	n := open(b, b.TempDir(), nil)
	var run atomic.Int64
	for _, clients := range []int{1, 8, 32, 128} {
		b.Run(fmt.Sprint(clients), func(b *testing.B) {
			r := run.Add(1)
			p0, c0 := n.g.Batches()
			spread(b, clients, func(i int64) {
				cmd := n.put(n.txn(), n.now(b), "a row of about a hundred bytes, as the measurements of raw proposals have it...............", fmt.Sprint(r, "/", i))
				if res, err := n.g.Propose(ctx, cmd); err != nil || res.Code != fsm.ResultCommitted {
					b.Error(res, err)
				}
			})
			p, c := n.g.Batches()
			b.ReportMetric(float64(c-c0)/float64(p-p0), "cmds/proposal")
		})
	}
}

// nothing is the state machine of the raw measurement.
type nothing struct{}

func (s *nothing) Open(<-chan struct{}) (uint64, error) { return 0, nil }
func (s *nothing) Update(es []sm.Entry) ([]sm.Entry, error) {
	for i := range es {
		es[i].Result.Value = 1
	}
	return es, nil
}
func (s *nothing) Lookup(any) (any, error)                              { return nil, nil }
func (s *nothing) Sync() error                                          { return nil }
func (s *nothing) PrepareSnapshot() (any, error)                        { return nil, nil }
func (s *nothing) SaveSnapshot(any, io.Writer, <-chan struct{}) error   { return nil }
func (s *nothing) RecoverFromSnapshot(io.Reader, <-chan struct{}) error { return nil }
func (s *nothing) Close() error                                         { return nil }

func BenchmarkRawSyncPropose(b *testing.B) {
	h, err := Open(Config{Dir: b.TempDir(), Node: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	cfg := config.Config{ReplicaID: 1, ShardID: 99, CheckQuorum: true, PreVote: true, ElectionRTT: 20, HeartbeatRTT: 2}
	err = h.nh.StartOnDiskReplica(map[uint64]string{1: h.nh.RaftAddress()}, false,
		func(uint64, uint64) sm.IOnDiskStateMachine { return &nothing{} }, cfg)
	if err != nil {
		b.Fatal(err)
	}
	session := h.nh.GetNoOPSession(99)
	for start := time.Now(); time.Since(start) < 20*time.Second; time.Sleep(10 * time.Millisecond) {
		if _, _, ok, _ := h.nh.GetLeaderID(99); ok {
			break
		}
	}
	data := make([]byte, 128)
	for _, clients := range []int{1, 8, 32, 128} {
		b.Run(fmt.Sprint(clients), func(b *testing.B) {
			spread(b, clients, func(int64) {
				c, cancel := context.WithTimeout(ctx, 5*time.Second)
				defer cancel()
				if _, err := h.nh.SyncPropose(c, session, data); err != nil {
					b.Error(err)
				}
			})
		})
	}
}

func BenchmarkGetPoint(b *testing.B) {
	n := open(b, b.TempDir(), nil)
	n.mustPut(b, "value", "a")
	req := &rpc.GetRequest{TS: n.now(b), Keys: [][]byte{key("a")}}
	b.Run("group", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := n.g.Get(ctx, req); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("state", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := n.g.state.Get(req.Keys[0], req.TS, fsm.Own{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("timestamp", func(b *testing.B) {
		for b.Loop() {
			n.now(b)
		}
	})
}

var _ = topo.MaxTimestamp
