package ddl

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

const (
	// fenceRetryPause is how long a refused fence command waits before it is proposed again.
	fenceRetryPause = 20 * time.Millisecond
	// fencePatience is how long another transaction that stands in the way is left to its coordinator. It can only be one
	// that is about to end: the locks on the descriptors keep other schema changes of the same tables away.
	fencePatience = 2 * time.Second
	// silentPatience is how long a group may fail to answer while a fence is raised: longer than an election. One that has lost
	// its majority never does.
	silentPatience = 5 * time.Second
	// lowerAlone bounds the lowering of fences after a group did not answer; who answers does so at once.
	lowerAlone = time.Second
)

// raise puts fences up for the tables that existed before this transaction, in every data group, and moves the own
// transaction to their new versions. It comes before anything reads the tables' rows to judge or copy them.
func (x *Tx) raise(ctx context.Context, tables ...catalog.Oid) error {
	var need []topo.TableVersion
	for _, t := range tables {
		if x.isNew(t) || x.raised[t] != 0 {
			continue
		}
		if err := x.nextVersion(ctx, t); err != nil {
			return err
		}
		need = append(need, topo.TableVersion{Table: topo.TableID(t), Version: x.s.bumped[t]})
	}
	if len(need) == 0 {
		return nil
	}
	// Noted before the first proposal: whatever becomes of it, the end of the transaction opens or lowers the fences.
	if x.raised == nil {
		x.raised = map[catalog.Oid]topo.SchemaVersion{}
	}
	for _, tv := range need {
		x.raised[catalog.Oid(tv.Table)] = tv.Version
	}
	return x.fence(ctx, fsm.FenceRaise, need)
}

// nextVersion gives a table its next version, in its descriptor too: a fence opens at a version that the catalog knows.
func (x *Tx) nextVersion(ctx context.Context, table catalog.Oid) error {
	x.bump(table)
	if t := x.s.over.Table(table); t == nil || t.Version == x.s.bumped[table] {
		return nil
	}
	// Not written at its new version so far: what was asked for changed nothing, or the other side of a foreign key.
	t, err := x.alter(ctx, table)
	if err != nil {
		return err
	}
	return x.putTable(ctx, t)
}

// fence proposes one fence command to all data groups at once and retries what may be retried until ctx ends.
func (x *Tx) fence(ctx context.Context, phase fsm.FencePhase, tables []topo.TableVersion) error {
	m := x.base.SlotMap()
	if m == nil || len(tables) == 0 {
		return nil
	}
	// In one order, so that two changes of the same tables meet the same answers in every group.
	slices.SortFunc(tables, func(a, b topo.TableVersion) int { return cmp.Compare(a.Table, b.Table) })
	groups := m.DataGroups()
	errs := make([]error, len(groups))
	var wg sync.WaitGroup
	for i, g := range groups {
		wg.Add(1)
		go func() {
			defer wg.Done()
			errs[i] = x.fenceGroup(ctx, g, phase, tables)
		}()
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (x *Tx) fenceGroup(ctx context.Context, g topo.GroupID, phase fsm.FencePhase, tables []topo.TableVersion) error {
	group := x.cfg.Groups(g)
	var silent time.Time // since when it has not answered
	for began := time.Now(); ; {
		asked := time.Now()
		cmd := &fsm.Command{Fence: &fsm.Fence{
			Txn: x.txn.ID(), Attempt: 1, Primary: topo.CatalogGroup, Phase: phase, Tables: tables,
		}}
		res, err := group.Propose(ctx, cmd)
		if err == nil {
			silent = time.Time{}
		} else if silent.IsZero() {
			silent = asked
		}
		switch {
		case ctx.Err() != nil:
			return pgerr.New(pgerr.QueryCanceled, "canceling statement due to user request")
		case err != nil && phase == fsm.FenceRaise && time.Since(silent) > silentPatience:
			x.silent.Store(true)
			return txn.CallError(ctx, err)
		case err != nil:
			// A group without a leaseholder answers again after its election; fence commands are idempotent.
		case res.Code == fsm.ResultOK:
			return nil
		case res.Code == fsm.ResultPending:
			// What was prepared before the fence may yet commit: nothing is to be read until it has ended.
			if x.cfg.Recover != nil && time.Since(began) > fencePatience {
				_ = x.cfg.Recover(ctx, res.Other, res.OtherAttempt, res.OtherPrimary)
			}
		case res.Code == fsm.ResultFenced:
			if time.Since(began) > fencePatience {
				return x.fenceStands(res, tables)
			}
		case res.Code == fsm.ResultVersion:
			if phase != fsm.FenceRaise {
				return nil // opened or lowered already by someone who met it
			}
			return pgerr.New(pgerr.SerializationFailure, "could not serialize access due to concurrent update")
		}
		select {
		case <-ctx.Done():
		case <-time.After(fenceRetryPause):
		}
	}
}

// fenceStands gives up at a fence that a lost schema change left. Its recovery needs the descriptor's lock, which this
// transaction has: it is asked for, and the statement is to be tried again.
func (x *Tx) fenceStands(res fsm.Result, tables []topo.TableVersion) error {
	if x.cfg.FenceMet != nil {
		f := fsm.FenceInfo{Table: res.Table, Txn: res.Other, Attempt: res.OtherAttempt, Primary: res.OtherPrimary}
		for _, tv := range tables {
			if tv.Table == res.Table {
				f.Version = tv.Version // the lost change saw the descriptor that this one sees, or an older one
			}
		}
		x.cfg.FenceMet(f)
	}
	return pgerr.New(pgerr.SerializationFailure, "could not serialize access due to concurrent update").
		WithDetail("A schema change of the same table was lost and is being undone.")
}

// BeforeCommit raises the fences that are still missing. The caller commits the transaction next, or on an error aborts it
// and calls AfterAbort; AfterUnknown if the commit's outcome is not known.
func (x *Tx) BeforeCommit(ctx context.Context) error {
	var tables []catalog.Oid
	for t := range x.s.bumped {
		tables = append(tables, t)
	}
	slices.Sort(tables)
	return x.raise(ctx, tables...)
}

// AfterCommit opens the fences, waits until this node's replica has applied the change and, through Config.Admit, until
// every live node has. An error says that the wait was cut short: the commit stands.
func (x *Tx) AfterCommit(ctx context.Context, ts topo.Timestamp) error {
	if !x.HasFences() {
		return nil
	}
	defer x.cfg.Building.remove(x.built)
	var open, lower []topo.TableVersion
	for t, v := range x.raised {
		tv := topo.TableVersion{Table: topo.TableID(t), Version: v}
		if x.s.bumped[t] != 0 {
			open = append(open, tv)
		} else {
			lower = append(lower, tv)
		}
	}
	err := errors.Join(x.fence(ctx, fsm.FenceOpen, open), x.fence(ctx, fsm.FenceLower, lower))
	x.dropUnused(ctx)
	keys := make([][]byte, 0, len(x.s.keys))
	for k := range x.s.keys {
		keys = append(keys, []byte(k))
	}
	if werr := x.cfg.Replica.WaitEntries(ctx, keys, ts); werr != nil {
		return errors.Join(err, werr)
	}
	if x.cfg.Admit != nil {
		err = errors.Join(err, x.cfg.Admit(ctx, ts))
	}
	return err
}

// AfterAbort lowers the fences and drops what was built for storages that never came to be. ctx bounds it; what is left
// over is lowered by whoever meets it.
func (x *Tx) AfterAbort(ctx context.Context) {
	defer x.cfg.Building.remove(x.built)
	if x.silent.Load() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, lowerAlone)
		defer cancel()
	}
	var lower []topo.TableVersion
	for t, v := range x.raised {
		lower = append(lower, topo.TableVersion{Table: topo.TableID(t), Version: v})
	}
	_ = x.fence(ctx, fsm.FenceLower, lower)
	x.dropStorages(ctx, x.built)
	x.raised, x.built, x.s = nil, nil, state{over: x.base}
}

// AfterUnknown is for a commit of which nobody could say in time whether it will stand (08007). The fences stay up: lowered,
// they would let in writers that know nothing of a change that may yet be published. FenceMet is told of each, as of a lost
// change's: the recovery waits for the outcome and opens it. Storages that were built stay, too.
func (x *Tx) AfterUnknown() {
	if x.cfg.FenceMet != nil {
		for t, v := range x.raised {
			x.cfg.FenceMet(fsm.FenceInfo{Table: topo.TableID(t), Version: v, Txn: x.txn.ID(), Attempt: 1, Primary: topo.CatalogGroup})
		}
	}
	x.raised, x.built, x.s = nil, nil, state{over: x.base}
}

// dropUnused drops what was built and then given up by a ROLLBACK TO before the commit.
func (x *Tx) dropUnused(ctx context.Context) {
	if len(x.built) == 0 {
		return
	}
	used := map[topo.StorageID]bool{}
	for _, o := range x.s.own {
		if t, ok := o.(*catalog.Table); ok {
			for _, id := range tableStorages(t) {
				used[id] = true
			}
		}
	}
	unused := slices.DeleteFunc(slices.Clone(x.built), func(id topo.StorageID) bool {
		return used[id] || x.s.keys[string(catalog.GarbageKey(id))]
	})
	x.dropStorages(ctx, unused)
}

// dropStorages is best effort: what is left over takes room and is never read.
func (x *Tx) dropStorages(ctx context.Context, ids []topo.StorageID) {
	m := x.base.SlotMap()
	if m == nil || len(ids) == 0 {
		return
	}
	for _, g := range m.DataGroups() {
		_, _ = x.cfg.Groups(g).Propose(ctx, &fsm.Command{Drop: &fsm.DropStorage{IDs: ids}})
	}
}
