package group

// Raft's messages between nodes. The connections are given: a listener that yields raft's share of the node's one port, and
// a dialer; whoever makes them sees to encryption and to who may connect. A connection carries frames one way, from the
// dialer:
//
//	kind (1 byte) | length (4, little-endian) | CRC32C of kind and payload (4) | payload
//
// A frame is a batch of messages or a chunk of a snapshot, in raft's own encoding. A chunk is answered by one byte once it
// is stored, so that a snapshot is sent no faster than it is written, and a refused one is known at once; messages are not
// answered. A fault of any kind ends the connection: raft sends again what mattered.

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/raftio"
	"github.com/lni/dragonboat/v4/raftpb"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// TransportConfig has the connections that raft uses. The Host closes the listener.
type TransportConfig struct {
	Listener net.Listener
	// Dial connects to the raft listener of the node with this raft address.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
}

const (
	frameMessages byte = 1
	frameChunk    byte = 2
	frameHeader        = 9
	// maxFrameBytes bounds a frame: raft batches messages up to 64 MiB, and adds one of up to 64 MiB at most.
	maxFrameBytes = 160 << 20
	// pieceBytes are read or written within one deadline, and are how much memory a length word alone can ask for.
	pieceBytes = 1 << 20
	// keptBuffer is the largest buffer that a connection keeps between frames.
	keptBuffer = 4 << 20

	dialTimeout  = 3 * time.Second
	writeTimeout = 5 * time.Second
	readTimeout  = 10 * time.Second
	ackTimeout   = 30 * time.Second
	// idleTimeout ends a connection that nothing comes from; raft closes its own after a minute without a message.
	idleTimeout = 3 * time.Minute
)

var (
	castagnoli  = crc32.MakeTable(crc32.Castagnoli)
	errNoPeers  = errors.New("group: this node has no transport to other nodes")
	errFrame    = errors.New("group: malformed frame from another node")
	errRejected = errors.New("group: the other node refused the snapshot")
	errStopped  = errors.New("group: the transport is stopped")
)

// transport implements raft's transport and the factory of it. Without a TransportConfig it listens nowhere and reaches
// nobody; the node's raft address is then a mere name.
type transport struct {
	cfg    *TransportConfig
	log    interface{ Debug(string, ...any) }
	handle raftio.MessageHandler
	chunk  raftio.ChunkHandler
	deploy uint64

	wg      sync.WaitGroup
	mu      sync.Mutex
	stopped bool
	conns   map[net.Conn]struct{}
	heard   sync.Map // raft address of a node -> *atomic.Int64, when it was heard of last (CLOCK_BOOTTIME)
}

var (
	_ raftio.ITransport       = (*transport)(nil)
	_ config.TransportFactory = (*transport)(nil)
)

// Create implements config.TransportFactory; raft calls it once.
func (t *transport) Create(c config.NodeHostConfig, m raftio.MessageHandler, ch raftio.ChunkHandler) raftio.ITransport {
	t.handle, t.chunk, t.deploy = m, ch, c.GetDeploymentID()
	t.conns = map[net.Conn]struct{}{}
	return t
}

// Validate implements config.TransportFactory: what an address looks like is the dialer's to know.
func (t *transport) Validate(addr string) bool { return addr != "" }

// Name implements raftio.ITransport.
func (t *transport) Name() string { return "pgmqdb" }

// Start implements raftio.ITransport.
func (t *transport) Start() error {
	if t.cfg == nil {
		return nil
	}
	t.wg.Add(1)
	go t.accept()
	return nil
}

func (t *transport) accept() {
	defer t.wg.Done()
	for {
		conn, err := t.cfg.Listener.Accept()
		switch {
		case err == nil:
			if !t.track(conn) {
				return
			}
			go t.serve(conn)
		case errors.Is(err, net.ErrClosed) || t.isStopped():
			return
		default:
			t.log.Debug("cannot accept a raft connection", "error", err)
			time.Sleep(50 * time.Millisecond)
		}
	}
}

func (t *transport) isStopped() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stopped
}

// track registers an accepted connection with Close; false when that was called already.
func (t *transport) track(conn net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		conn.Close()
		return false
	}
	t.conns[conn] = struct{}{}
	t.wg.Add(1)
	return true
}

// Close implements raftio.ITransport.
func (t *transport) Close() error {
	t.mu.Lock()
	t.stopped = true
	for c := range t.conns {
		c.Close()
	}
	t.mu.Unlock()
	var err error
	if t.cfg != nil {
		if err = t.cfg.Listener.Close(); errors.Is(err, net.ErrClosed) {
			err = nil
		}
	}
	t.wg.Wait()
	return err
}

// serve reads a connection until its end.
func (t *transport) serve(conn net.Conn) {
	defer func() {
		conn.Close()
		t.mu.Lock()
		delete(t.conns, conn)
		t.mu.Unlock()
		t.wg.Done()
	}()
	r := frameReader{conn: conn, r: bufio.NewReaderSize(conn, 64<<10)}
	var source string
	var heard *atomic.Int64
	for {
		kind, payload, err := r.next()
		if err != nil {
			if err != io.EOF && !t.isStopped() {
				t.log.Debug("raft connection ended", "from", conn.RemoteAddr().String(), "error", err)
			}
			return
		}
		if kind == frameChunk {
			var c raftpb.Chunk
			if c.Unmarshal(payload) != nil || !t.chunk(c) {
				return
			}
			_ = conn.SetWriteDeadline(time.Now().Add(writeTimeout))
			if _, err := conn.Write([]byte{frameChunk}); err != nil {
				return
			}
			continue
		}
		var b raftpb.MessageBatch // its entries are copies of the payload
		if b.Unmarshal(payload) != nil {
			return
		}
		if heard == nil || source != b.SourceAddress {
			source = b.SourceAddress
			v, _ := t.heard.LoadOrStore(source, new(atomic.Int64))
			heard = v.(*atomic.Int64)
		}
		heard.Store(BootNS())
		t.handle(b)
		for i := range b.Requests {
			if b.Requests[i].Type == raftpb.TimeoutNow {
				b.Requests = b.Requests[i : i+1]
				go t.repeat(b)
				break
			}
		}
	}
}

const (
	repeatEvery = 2 * time.Millisecond
	repeatFor   = 800 * time.Millisecond // the leader waits for a second
)

// repeat hands a leader's request to stand for election to raft again and again: raft forgets it when entries that were
// committed are yet to be applied, as they are under load, and the leader then takes no proposals for an election timeout.
// The leader sends it once this replica has all of its log. The request names a term; once that is over it means nothing.
func (t *transport) repeat(b raftpb.MessageBatch) {
	for end := time.Now().Add(repeatFor); time.Now().Before(end); {
		time.Sleep(repeatEvery)
		if !t.inject(b) {
			return
		}
	}
}

// inject hands messages to raft that come from no connection; false once the transport is closed, when raft takes none.
func (t *transport) inject(b raftpb.MessageBatch) bool {
	t.mu.Lock()
	if t.stopped {
		t.mu.Unlock()
		return false
	}
	t.wg.Add(1)
	t.mu.Unlock()
	defer t.wg.Done()
	t.handle(b)
	return true
}

// alive reports whether a message of the node came within the last moments. A follower answers a heartbeat every 100 ms.
func (t *transport) alive(addr string) bool {
	v, ok := t.heard.Load(addr)
	return ok && BootNS()-v.(*atomic.Int64).Load() < int64(time.Second)
}

// electAlone makes a replica stand for election now. It is for the only voter of a group, who need not wait for the
// heartbeat of a leader; it skips the question whether others would vote for it. Raft ignores it while entries that were
// committed are yet to be applied.
func (t *transport) electAlone(id topo.GroupID, replica uint64) {
	t.inject(raftpb.MessageBatch{DeploymentId: t.deploy, BinVer: raftio.TransportBinVersion,
		Requests: []raftpb.Message{{Type: raftpb.TimeoutNow, To: replica, From: replica, ShardID: uint64(id)}}})
}

// frameReader reads frames into one buffer.
type frameReader struct {
	conn net.Conn
	r    *bufio.Reader
	head [frameHeader]byte
	buf  []byte
}

// next returns a frame, valid until the next call. io.EOF is an end between frames.
func (f *frameReader) next() (kind byte, payload []byte, err error) {
	_ = f.conn.SetReadDeadline(time.Now().Add(idleTimeout))
	if _, err := io.ReadFull(f.r, f.head[:]); err != nil {
		return 0, nil, err
	}
	kind = f.head[0]
	size := int(binary.LittleEndian.Uint32(f.head[1:]))
	if kind != frameMessages && kind != frameChunk || size > maxFrameBytes {
		return 0, nil, errFrame
	}
	if cap(f.buf) > keptBuffer {
		f.buf = nil
	}
	f.buf = f.buf[:0]
	for len(f.buf) < size {
		at, n := len(f.buf), min(size-len(f.buf), pieceBytes)
		if cap(f.buf) < at+n {
			grown := make([]byte, at, min(size, max(2*at, n, 4<<10)))
			copy(grown, f.buf)
			f.buf = grown
		}
		f.buf = f.buf[:at+n]
		_ = f.conn.SetReadDeadline(time.Now().Add(readTimeout))
		if _, err := io.ReadFull(f.r, f.buf[at:]); err != nil {
			return 0, nil, fmt.Errorf("group: frame cut short: %w", err)
		}
	}
	if checksum(kind, f.buf) != binary.LittleEndian.Uint32(f.head[5:]) {
		return 0, nil, fmt.Errorf("%w: checksum differs", errFrame)
	}
	return kind, f.buf, nil
}

func checksum(kind byte, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte{kind}, castagnoli), castagnoli, payload)
}

// outgoing is a dialed connection: raft's for messages, or for one snapshot.
type outgoing struct {
	conn net.Conn
	buf  []byte
	ack  [1]byte
}

func (t *transport) dial(ctx context.Context, addr string) (*outgoing, error) {
	if t.cfg == nil {
		return nil, errNoPeers
	}
	if t.isStopped() {
		return nil, errStopped
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := t.cfg.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return &outgoing{conn: conn}, nil
}

// GetConnection implements raftio.ITransport.
func (t *transport) GetConnection(ctx context.Context, addr string) (raftio.IConnection, error) {
	o, err := t.dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return o, nil
}

// GetSnapshotConnection implements raftio.ITransport.
func (t *transport) GetSnapshotConnection(ctx context.Context, addr string) (raftio.ISnapshotConnection, error) {
	o, err := t.dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return o, nil
}

// Close implements raftio.IConnection and raftio.ISnapshotConnection.
func (o *outgoing) Close() { o.conn.Close() }

// SendMessageBatch implements raftio.IConnection.
func (o *outgoing) SendMessageBatch(b raftpb.MessageBatch) error {
	return o.send(frameMessages, b.SizeUpperLimit(), &b)
}

// SendChunk implements raftio.ISnapshotConnection. It returns once the other node has stored the chunk.
func (o *outgoing) SendChunk(c raftpb.Chunk) error {
	if err := o.send(frameChunk, c.Size(), &c); err != nil {
		return err
	}
	_ = o.conn.SetReadDeadline(time.Now().Add(ackTimeout))
	if _, err := io.ReadFull(o.conn, o.ack[:]); err != nil {
		return fmt.Errorf("%w: %w", errRejected, err)
	}
	if o.ack[0] != frameChunk {
		return errFrame
	}
	return nil
}

func (o *outgoing) send(kind byte, limit int, m raftpb.Marshaler) error {
	if cap(o.buf) < frameHeader+limit {
		o.buf = make([]byte, frameHeader+limit)
	}
	buf := o.buf[:cap(o.buf)]
	n, err := m.MarshalTo(buf[frameHeader:])
	if err != nil {
		return err
	}
	if n > maxFrameBytes {
		return fmt.Errorf("group: a frame of %d bytes is too large", n)
	}
	buf = buf[:frameHeader+n]
	buf[0] = kind
	binary.LittleEndian.PutUint32(buf[1:], uint32(n))
	binary.LittleEndian.PutUint32(buf[5:], checksum(kind, buf[frameHeader:]))
	if cap(o.buf) > keptBuffer {
		o.buf = nil
	}
	for len(buf) > 0 {
		_ = o.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		w, err := o.conn.Write(buf[:min(len(buf), pieceBytes)])
		if err != nil {
			return err
		}
		buf = buf[w:]
	}
	return nil
}
