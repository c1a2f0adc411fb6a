package exec

import (
	"bytes"
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// A loader fills storages that no published table names yet. Entries go straight into the groups' logs as committed
// versions, in commands of about 512 KB, instead of through the transaction: if it rolls back, DDL drops the storages, and
// nobody ever knew them.
//
// They carry the statement's own snapshot as their timestamp, so that the transaction sees them at every isolation level;
// a fresh timestamp would hide a rewritten table from its own REPEATABLE READ transaction. The horizon cannot pass it
// while the transaction lives. Rows that the transaction has not committed yet are loaded too: their entries become
// known only together with them, and can be undone (ROLLBACK TO) only after the DDL itself was.
//
// A unique index's duplicates are found by the group that holds the key: an Ingest with Unique refuses a key that exists
// with another value, and a value names its row. Row keys are no proof of that (rows may be equal): see rowKeySet.

const (
	loadBytes = 448 << 10 // of keys and values in one command
	entrySize = 16        // what a command adds per entry, about
	// loadsInFlight bounds the commands that one worker has under way.
	loadsInFlight = 4
	loadRetry     = 5 * time.Millisecond
	loadRetryMax  = 500 * time.Millisecond
)

// loader is one BuildIndex or RewriteTable.
type loader struct {
	b  *Backend
	ti *tableInfo // of the table loaded

	inFlight sync.WaitGroup // commands: none outlives the load

	mu sync.Mutex
	ts topo.Timestamp
}

// newLoader begins a load; its user waits for inFlight at the end, come what may.
func (b *Backend) newLoader(ctx context.Context, ti *tableInfo) (*loader, error) {
	ts, err := b.C.Txn.Snapshot(ctx)
	return &loader{b: b, ti: ti, ts: ts}, err
}

// loadBuffer collects entries of one storage for one group.
type loadBuffer struct {
	group   topo.GroupID
	x       *indexInfo // nil: rows
	entries []fsm.Entry
	bytes   int
}

// loadWorker fills buffers; one goroutine uses it. Its commands run in goroutines of their own.
type loadWorker struct {
	l       *loader
	w       *Writer // for its memory
	buffers []*loadBuffer
	slots   chan struct{}
	wg      sync.WaitGroup
	mu      sync.Mutex
	err     error
}

func (l *loader) worker() *loadWorker {
	return &loadWorker{l: l, w: newWriter(l.b.C, l.ti), slots: make(chan struct{}, loadsInFlight)}
}

// add adds an entry.
func (w *loadWorker) add(ctx context.Context, x *indexInfo, key txn.Key, value []byte) error {
	var buf *loadBuffer
	for _, b := range w.buffers {
		if b.group == key.Group && b.x == x {
			buf = b
		}
	}
	if buf == nil {
		buf = &loadBuffer{group: key.Group, x: x}
		w.buffers = append(w.buffers, buf)
	}
	buf.entries = append(buf.entries, fsm.Entry{Key: key.Bytes, Value: value})
	if buf.bytes += len(key.Bytes) + len(value) + entrySize; buf.bytes >= loadBytes {
		return w.send(ctx, buf)
	}
	return nil
}

// addEntry adds a wide row's entry, or entries, of an index. rowKey and slot are the row's.
func (w *loadWorker) addEntry(ctx context.Context, x *indexInfo, row []types.Datum, rowKey txn.Key, slot topo.Slot) error {
	if x.absent(row) {
		return nil
	}
	if x.gin != nil {
		for _, k := range x.ginKeys(row) {
			e := txn.Key{Group: rowKey.Group, Bytes: w.w.ginEntry(x, k, rowKey.Bytes)}
			if err := w.add(ctx, x, e, emptyValue); err != nil {
				return err
			}
		}
		return nil
	}
	if !x.global {
		return w.add(ctx, x, w.w.entryKey(x, row, rowKey.Group), emptyValue)
	}
	return w.add(ctx, x, w.w.entryKey(x, row, 0), w.w.locator(rowKey.Bytes, slot))
}

// send proposes a buffer's entries and empties it.
func (w *loadWorker) send(ctx context.Context, buf *loadBuffer) error {
	entries, x, group := buf.entries, buf.x, buf.group
	buf.entries, buf.bytes = make([]fsm.Entry, 0, len(entries)), 0
	select {
	case w.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	w.l.inFlight.Add(1)
	w.wg.Go(func() {
		defer w.l.inFlight.Done()
		defer func() { <-w.slots }()
		slices.SortFunc(entries, func(a, b fsm.Entry) int { return bytes.Compare(a.Key, b.Key) })
		if err := w.l.ingest(ctx, group, x, entries); err != nil {
			w.mu.Lock()
			if w.err == nil {
				w.err = err
			}
			w.mu.Unlock()
		}
	})
	return w.failed()
}

func (w *loadWorker) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// finish sends what is left and waits for all of it.
func (w *loadWorker) finish(ctx context.Context) error {
	for _, buf := range w.buffers {
		if len(buf.entries) > 0 {
			if err := w.send(ctx, buf); err != nil {
				break
			}
		}
	}
	w.wg.Wait()
	return w.failed()
}

// ingest runs one command to its end. It may be repeated: an entry that is there already is left as it is.
func (l *loader) ingest(ctx context.Context, group topo.GroupID, x *indexInfo, entries []fsm.Entry) error {
	unique := x == nil || x.global
	g := l.b.Groups(group)
	for wait := loadRetry; ; wait = min(2*wait, loadRetryMax) {
		l.mu.Lock()
		ts := l.ts
		l.mu.Unlock()
		res, err := g.Propose(ctx, &fsm.Command{Ingest: &fsm.Ingest{TS: ts, Unique: unique, Entries: entries}})
		if err == nil {
			switch res.Code {
			case fsm.ResultOK:
				return nil
			case fsm.ResultDuplicate:
				return l.duplicate(x, entries[res.Item].Key)
			case fsm.ResultUnsupported:
				return pgerr.New(pgerr.ProgramLimitExceeded, "index row size exceeds the maximum of table \"%s\"", l.ti.t.Name)
			case fsm.ResultHorizon:
				if err := l.later(ctx, ts); err != nil {
					return err
				}
				continue
			}
		} else if err = ingestError(ctx, err); err != nil {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ingestError(ctx, ctx.Err())
		}
	}
}

// later moves the load to a fresh timestamp, after one that the horizon has passed: the snapshot of an earlier statement.
func (l *loader) later(ctx context.Context, old topo.Timestamp) error {
	ts, err := l.b.C.Txn.FreshTimestamp(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && l.ts == old {
		l.ts = ts
	}
	return err
}

// ingestError returns what a failed proposal means for the client, nil when it may be tried again.
func ingestError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		var e *pgerr.Error
		if errors.As(context.Cause(ctx), &e) {
			return e
		}
		return pgerr.New(pgerr.QueryCanceled, "canceling statement due to user request")
	}
	var e *rpc.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code {
	case rpc.ErrUnavailable, rpc.ErrNotProposed, rpc.ErrAmbiguous:
		return nil
	case rpc.ErrDiskFull:
		return pgerr.New(pgerr.DiskFull, "could not write: the disk reserve is reached").WithDetail("%s", e.Detail)
	}
	return pgerr.New(pgerr.IoError, "could not load the new storage of a table: %s", e.Error())
}

// duplicate is the error for a key that two rows have, read back from an entry.
func (l *loader) duplicate(x *indexInfo, key []byte) error {
	if x == nil {
		x = l.ti.rowKey
	}
	if x == nil {
		return pgerr.Internal("exec: duplicate row id in table %q", l.ti.t.Name)
	}
	row := make([]types.Datum, l.ti.width())
	rest := key[len(x.prefix):]
	cols := x.cols
	if x == l.ti.rowKey {
		rest, cols = key[len(l.ti.prefix):], l.ti.key
	}
	for _, k := range cols {
		var err error
		if row[k.at], rest, err = keyenc.DecodeKey(k.oid, rest, k.desc); err != nil {
			return err
		}
	}
	return errDuplicated(l.b.C, l.ti, x, row)
}

func errDuplicated(c *Context, ti *tableInfo, x *indexInfo, row []types.Datum) error {
	return pgerr.New(pgerr.UniqueViolation, "could not create unique index \"%s\"", x.name()).
		WithDetail("%s", "Key "+keyText(c, ti.t, x.cols, row)+" is duplicated.").
		WithTable(schemaName(c, ti.t), ti.t.Name).WithConstraint(x.name())
}

// rowKeySet knows which row keys were written, by 128 bits of hash each.
type rowKeySet struct {
	seeds  [2]maphash.Seed
	shards [16]struct {
		mu sync.Mutex
		m  map[[2]uint64]struct{}
	}
}

func newRowKeySet() *rowKeySet {
	s := &rowKeySet{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
	for i := range s.shards {
		s.shards[i].m = map[[2]uint64]struct{}{}
	}
	return s
}

// add reports whether the key is new.
func (s *rowKeySet) add(key []byte) bool {
	h := [2]uint64{maphash.Bytes(s.seeds[0], key), maphash.Bytes(s.seeds[1], key)}
	sh := &s.shards[h[0]%uint64(len(s.shards))]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	n := len(sh.m)
	sh.m[h] = struct{}{}
	return len(sh.m) > n
}
