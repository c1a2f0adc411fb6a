package group

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/raftpb"
)

// received starts a transport that hands on what it receives.
func received(t *testing.T) (addr string, batches chan raftpb.MessageBatch, chunks chan raftpb.Chunk) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	batches, chunks = make(chan raftpb.MessageBatch, 16), make(chan raftpb.Chunk, 16)
	tr := &transport{cfg: &TransportConfig{Listener: l}, log: slog.New(slog.DiscardHandler)}
	tr.Create(config.NodeHostConfig{}, func(b raftpb.MessageBatch) { batches <- b }, func(c raftpb.Chunk) bool {
		chunks <- c
		return c.ChunkId != 13
	})
	if err := tr.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Close() })
	return l.Addr().String(), batches, chunks
}

func dialer(t *testing.T, addr string) *outgoing {
	tr := &transport{cfg: &TransportConfig{Dial: func(ctx context.Context, addr string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", addr)
	}}}
	o, err := tr.dial(context.Background(), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	return o
}

func batchOf(n int) raftpb.MessageBatch {
	return raftpb.MessageBatch{SourceAddress: "here", Requests: []raftpb.Message{{Type: raftpb.Replicate, To: 2, From: 1, ShardID: 3,
		Entries: []raftpb.Entry{{Index: 1, Term: 1, Cmd: bytes.Repeat([]byte{7}, n)}}}}}
}

func TestFramesOfAllSizesArrive(t *testing.T) {
	addr, batches, chunks := received(t)
	o := dialer(t, addr)
	for _, n := range []int{1, 100, 70 << 10, 9 << 20, 5} {
		if err := o.SendMessageBatch(batchOf(n)); err != nil {
			t.Fatal(err)
		}
		if b := <-batches; len(b.Requests[0].Entries[0].Cmd) != n || b.SourceAddress != "here" {
			t.Errorf("%d bytes arrived as %d", n, len(b.Requests[0].Entries[0].Cmd))
		}
	}
	s := dialer(t, addr)
	for id := range uint64(3) {
		if err := s.SendChunk(raftpb.Chunk{ChunkId: id, Data: bytes.Repeat([]byte{9}, 2<<20)}); err != nil {
			t.Fatal(err)
		}
		if c := <-chunks; c.ChunkId != id || len(c.Data) != 2<<20 {
			t.Errorf("chunk %d arrived as %d", id, c.ChunkId)
		}
	}
	if err := s.SendChunk(raftpb.Chunk{ChunkId: 13}); err == nil {
		t.Error("a refused chunk was reported as stored")
	}
}

func TestADamagedOrHostileFrameEndsItsConnectionAlone(t *testing.T) {
	addr, batches, _ := received(t)
	good := dialer(t, addr)
	frame := func(kind byte, size uint32, sum uint32, payload []byte) []byte {
		b := binary.LittleEndian.AppendUint32([]byte{kind}, size)
		return append(binary.LittleEndian.AppendUint32(b, sum), payload...)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for name, bytes := range map[string][]byte{
		"checksum": frame(frameMessages, 4, 1, []byte("abcd")),
		"kind":     frame(9, 4, checksum(9, []byte("abcd")), []byte("abcd")),
		"too long": frame(frameMessages, maxFrameBytes+1, 0, nil),
		"content":  frame(frameMessages, 4, checksum(frameMessages, []byte{255, 255, 255, 255}), []byte{255, 255, 255, 255}),
	} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(bytes); err != nil {
			t.Fatal(err)
		}
		conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := conn.Read(make([]byte, 1)); err != io.EOF && !isReset(err) {
			t.Errorf("%s: the connection goes on: %v", name, err)
		}
		conn.Close()
	}
	// A length alone costs next to nothing.
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write(frame(frameMessages, maxFrameBytes, 0, make([]byte, 1000)))
	time.Sleep(50 * time.Millisecond)
	runtime.ReadMemStats(&after)
	if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > 16<<20 {
		t.Errorf("%d bytes were allocated", grown)
	}
	if err := good.SendMessageBatch(batchOf(10)); err != nil {
		t.Fatal(err)
	}
	<-batches
}

func isReset(err error) bool {
	op, ok := err.(*net.OpError)
	return ok && !op.Timeout()
}

func BenchmarkSendMessages(b *testing.B) {
	client, server := net.Pipe()
	defer client.Close()
	go io.Copy(io.Discard, server)
	o := &outgoing{conn: client}
	batch := batchOf(1000)
	b.ReportAllocs()
	for b.Loop() {
		if err := o.SendMessageBatch(batch); err != nil {
			b.Fatal(err)
		}
	}
}
