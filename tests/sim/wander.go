package sim

import (
	"context"
	"fmt"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
)

// Wanderers are rows that never end and often change their keys, and so their groups. Whoever saw one finds it again, however
// often it moved meanwhile, and what was counted on it stays counted.

const (
	numWanderers = 4
	numPlaces    = 7
)

// wanderer is a row: who it is, under which key, and how often it was visited.
type wanderer struct{ name, place, visits uint32 }

func (v wanderer) encode() []byte { return key(topo.StorageID(v.name), v.place, v.visits) }

func toWanderer(b []byte) wanderer { return wanderer{toNum(b), part(b, 0), part(b, 1)} }

// meet sees the wanderers at the statement's snapshot, and locks one of them where it is by now, often the last one again. After the first
// time in a transaction what it finds is in doubt: the locks on which it goes by then may have been lost with a leaseholder,
// and its commit will be refused.
func (w *workload) meet(ctx context.Context, t *txn.Txn, mode lock.Mode, last *wanderer) (wanderer, error) {
	doubt := func(format string, args ...any) error {
		if last == nil {
			w.c.fail(format, args...)
		}
		return errRefused
	}
	ts, err := t.Snapshot(ctx)
	if err != nil {
		return wanderer{}, err
	}
	keys, seen := make([]txn.Key, numPlaces), make([]txn.Version, numPlaces)
	for i := range keys {
		keys[i] = w.c.row(wanderers, uint32(i))
	}
	if err := t.Get(ctx, txn.ReadOptions{TS: ts, Own: t.StatementSeq()}, keys, seen); err != nil {
		return wanderer{}, err
	}
	var there []int
	for i := range seen {
		if seen[i].Exists() {
			there = append(there, i)
		}
	}
	if len(there) != numWanderers {
		return wanderer{}, doubt("snapshot %d has %d wanderers", ts, len(there))
	}
	i := there[w.rng.IntN(len(there))]
	if last != nil && w.rng.IntN(2) == 0 {
		for _, j := range there {
			if toWanderer(seen[j].Value).name == last.name {
				i = j
			}
		}
	}
	req := txn.LockRequest{Key: keys[i], Mode: mode}
	if !seen[i].Own {
		req.AsOf = ts
	}
	w.c.ledger.mu.Lock()
	floor := w.c.ledger.visits[toWanderer(seen[i].Value).name]
	w.c.ledger.mu.Unlock()
	var out [1]txn.Locked
	if err := t.Lock(ctx, []txn.LockRequest{req}, lock.Wait, out[:]); err != nil {
		return wanderer{}, err
	}
	was := toWanderer(seen[i].Value)
	if !out[0].Version.Exists() {
		return wanderer{}, doubt("wanderer %d, at %d at snapshot %d, is lost", was.name, was.place, ts)
	}
	is := toWanderer(out[0].Version.Value)
	switch {
	case is.name != was.name:
		return is, doubt("wanderer %d, at %d at snapshot %d, was followed to wanderer %d at %d", was.name, was.place, ts, is.name, is.place)
	case is.visits < max(was.visits, floor):
		return is, doubt("wanderer %d at %d had %d visits, %d were acknowledged", is.name, is.place, is.visits, max(was.visits, floor))
	}
	return is, nil
}

// visit counts on a wanderer that stays where it is.
func (w *workload) visit(ctx context.Context, t *txn.Txn) error {
	v, err := w.meet(ctx, t, lock.NoKeyUpdate, nil)
	if err != nil {
		return err
	}
	v.visits++
	t.Put(w.c.row(wanderers, v.place), v.encode(), txn.KeepsKey)
	t.OnCommit(func(topo.Timestamp) {
		w.c.ledger.mu.Lock()
		w.c.ledger.visits[v.name] = max(w.c.ledger.visits[v.name], v.visits)
		w.c.ledger.mu.Unlock()
	})
	return nil
}

// wander moves wanderers, some of them several times, and takes some of that back.
func (w *workload) wander(ctx context.Context, t *txn.Txn) error {
	var last *wanderer
	for range 1 + w.rng.IntN(3) {
		var sp txn.Savepoint
		back := w.rng.IntN(4) == 0
		if back {
			sp = t.Savepoint()
		}
		t.StartStatement()
		v, err := w.meet(ctx, t, lock.Update, last)
		if err != nil {
			return err
		}
		last = &v
		from := w.c.row(wanderers, v.place)
		v.place = uint32(w.rng.IntN(numPlaces))
		to := w.c.row(wanderers, v.place)
		l, err := w.lock(ctx, t, to, lock.Update, true)
		if err != nil {
			return err
		}
		if l.Version.Exists() {
			continue
		}
		t.Move(from, to, v.encode())
		if back {
			t.StartStatement()
			t.RollbackTo(sp)
		}
	}
	return nil
}

// checkWanderers judges them in one image.
func (im *image) checkWanderers(bad func(string, ...any)) {
	at := map[uint32]uint32{}
	for k, b := range im.rows[wanderers] {
		v := toWanderer([]byte(b))
		if v.place != part([]byte(k), 0) {
			bad("wanderer %d of place %d is at %d", v.name, v.place, part([]byte(k), 0))
		}
		if other, twice := at[v.name]; twice {
			bad("wanderer %d is at %d and at %d", v.name, other, v.place)
		}
		at[v.name] = v.place
	}
	if len(at) != numWanderers {
		bad("%d wanderers", len(at))
	}
}

// admit lets the groups take the newest format of commands.
func (c *Cluster) admit(ctx context.Context) error {
	for _, g := range c.all {
		for try := 0; ; try++ {
			res, err := c.nodes[0].clients[g.id].Propose(ctx, &fsm.Command{Upgrade: &fsm.Upgrade{Version: fsm.Format}})
			if err == nil && res.Code == fsm.ResultOK {
				break
			}
			if try > 20 {
				return fmt.Errorf("group %d does not admit format %d: %+v %w", g.id, fsm.Format, res, err)
			}
		}
	}
	return nil
}
