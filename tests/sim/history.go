package sim

import (
	"context"
	"math"
	"slices"

	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// RegisterOp is one client's read of a register, or its swap: a transaction that reads it under its lock and writes a
// value that no other writes.
type RegisterOp struct {
	Client int
	Key    uint32
	Swap   bool
	New    uint32 // what a swap writes
	Old    uint32 // what was read
	// Known: the client was told that it has happened. A swap that is not known may have, at any time since Call.
	Known        bool
	Call, Return int64
}

// now is the time of a register's operation: the steps taken. What happens in one step is concurrent.
func (c *Cluster) now() int64 {
	c.sched.mu.Lock()
	defer c.sched.mu.Unlock()
	return int64(c.sched.steps)
}

// register runs one operation on a register.
func (w *workload) register(ctx context.Context) {
	op := RegisterOp{Client: int(w.n.id)*64 + w.k, Key: uint32(w.rng.IntN(numRegisters)), Swap: w.rng.IntN(2) == 0, Call: 2 * w.c.now()}
	t := w.n.mgr.Begin(txn.Options{Isolation: txn.Isolation(w.rng.IntN(2))})
	t.StartStatement()
	k := w.c.row(registers, op.Key)
	var err error
	if op.Swap {
		op.New = w.fresh()
		var l txn.Locked
		if l, err = w.lock(ctx, t, k, lock.NoKeyUpdate, false); err == nil {
			op.Old = toNum(l.Version.Value)
			t.Put(k, num(op.New), txn.KeepsKey)
		}
	} else {
		var ts topo.Timestamp
		var v [1]txn.Version
		if ts, err = t.Snapshot(ctx); err == nil {
			if err = t.Get(ctx, txn.ReadOptions{TS: ts, Own: t.StatementSeq()}, []txn.Key{k}, v[:]); err == nil {
				op.Old = toNum(v[0].Value)
			}
		}
	}
	if err != nil {
		t.Rollback(ctx)
		w.c.ledger.count("register", err)
		return
	}
	err = t.Commit(ctx)
	op.Known, op.Return = err == nil, 2*w.c.now()+1
	w.c.ledger.count("register commit", err)
	if err != nil {
		if !op.Swap || !w.n.isDead() && pgerr.Code(err) != pgerr.TransactionResolutionUnknown {
			return // it has not happened
		}
		op.Return = math.MaxInt64
	}
	l := &w.c.ledger
	l.mu.Lock()
	l.history = append(l.history, op)
	l.mu.Unlock()
}

// serialized is what one SERIALIZABLE transaction has read and written of the serials.
type serialized struct {
	entry  *ledgerEntry   // of one that writes
	snap   topo.Timestamp // of one that only reads
	reads  map[uint32]uint32
	writes map[uint32]uint32
}

func (l *ledger) serialize(s *serialized) {
	l.mu.Lock()
	l.serial = append(l.serial, s)
	l.mu.Unlock()
}

// serial reads some of the serials at its snapshot, and writes one or none.
func (w *workload) serial(ctx context.Context, t *txn.Txn) error {
	s := &serialized{reads: map[uint32]uint32{}, writes: map[uint32]uint32{}}
	ts, err := t.Snapshot(ctx)
	if err != nil {
		return err
	}
	s.snap = ts
	if w.rng.IntN(3) == 0 {
		err = w.each(ctx, t, ts, serials, func(k, v []byte, _ topo.GroupID) error {
			s.reads[part(k, 0)] = toNum(v)
			return nil
		})
	} else {
		a := uint32(w.rng.IntN(numSerials))
		b := (a + 1) % numSerials
		keys := []txn.Key{w.c.row(serials, a), w.c.row(serials, b)}
		var v [2]txn.Version
		if err = t.Get(ctx, txn.ReadOptions{TS: ts, Own: t.StatementSeq()}, keys, v[:]); err == nil {
			s.reads[a], s.reads[b] = toNum(v[0].Value), toNum(v[1].Value)
		}
	}
	if err != nil {
		return err
	}
	if w.rng.IntN(4) > 0 {
		i := uint32(w.rng.IntN(numSerials))
		k := w.c.row(serials, i)
		if _, err := w.lock(ctx, t, k, lock.NoKeyUpdate, false); err != nil {
			return err
		}
		s.writes[i] = w.fresh()
		t.Put(k, num(s.writes[i]), txn.KeepsKey)
	}
	w.serialized = s
	return nil
}

// judgeSerial runs the SERIALIZABLE transactions again, one after the other in the order of their commit timestamps, those
// that only read at their snapshots: each has to read what it read. The image's markers tell which have committed.
func (c *Cluster) judgeSerial(im *image) {
	type run struct {
		*serialized
		ts     topo.Timestamp
		writer bool
	}
	var runs []run
	for _, s := range c.ledger.serial {
		if s.entry == nil {
			runs = append(runs, run{s, s.snap, false})
		} else if ts, ok := im.from[string(key(markers, s.entry.number, 0))]; ok {
			runs = append(runs, run{s, ts, true})
		}
	}
	slices.SortStableFunc(runs, func(a, b run) int {
		switch {
		case a.ts != b.ts:
			return int(int64(a.ts) - int64(b.ts))
		case a.writer != b.writer && a.writer:
			return -1
		case a.writer != b.writer:
			return 1
		}
		return 0
	})
	state := map[uint32]uint32{}
	for i := 0; i < len(runs); {
		// Transactions with one commit timestamp do not conflict: all of them read what was before.
		j := i
		for ; j < len(runs) && runs[j].ts == runs[i].ts && runs[j].writer == runs[i].writer; j++ {
			for k, v := range runs[j].reads {
				if state[k] != v {
					c.fail("not serializable: a transaction at %d read %d of serial %d, and one after the other it reads %d", runs[j].ts, v, k, state[k])
				}
			}
		}
		for ; i < j; i++ {
			for k, v := range runs[i].writes {
				state[k] = v
			}
		}
	}
	for k, v := range im.rows[serials] {
		if id := part([]byte(k), 0); state[id] != toNum([]byte(v)) {
			c.fail("not serializable: serial %d is %d at the end, and one transaction after the other leaves %d", id, toNum([]byte(v)), state[id])
		}
	}
}
