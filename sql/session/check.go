package session

import (
	"context"
	"fmt"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/catalog/pgcat"
	"github.com/pgmqdb/pgmqdb/planner/exec"
	"github.com/pgmqdb/pgmqdb/shard/txn"
)

// check runs a check of the cluster, as a read of pgmqdb.check does. It judges what is committed, by a transaction of its
// own, so that what the session itself has not committed is neither seen nor missed.
func (s *Session) check(ctx context.Context, emit func(pgcat.Finding)) error {
	if !s.superuser() {
		return catalog.DeniedError("view", "check")
	}
	snap, err := s.lockAllTables(ctx)
	if err != nil {
		return err
	}
	t := s.node.Txns.Begin(txn.Options{Isolation: txn.RepeatableRead, ReadOnly: true})
	defer t.Rollback(context.WithoutCancel(ctx))
	report := func(f exec.Finding) error {
		emit(pgcat.Finding(f))
		return nil
	}
	c := s.execContext(ctx, nil)
	c.Txn, c.Catalog, c.SlotMap = t, snap, snap.SlotMap()
	k := &exec.Checker{C: c, Report: report}
	if err := k.Run(ctx); err != nil {
		return s.interrupted(ctx, err)
	}
	if f := s.node.StoragesInUse; f != nil {
		if err := k.Leftovers(ctx, f); err != nil {
			return s.interrupted(ctx, err)
		}
	}
	if err := k.Finish(); err != nil {
		return err
	}
	if f := s.node.CheckCluster; f != nil {
		if err := f(ctx, report); err != nil {
			return s.interrupted(ctx, err)
		}
	}
	n := k.Stats()
	return report(exec.Finding{Status: exec.Summary, Text: fmt.Sprintf("checked %d tables, %d rows, %d index entries in %d groups at snapshot %d",
		n.Tables, n.Rows, n.Entries, n.Groups, n.Snapshot)})
}

// lockAllTables takes ACCESS SHARE on every table, as pg_dump does, until the transaction ends: nothing is dropped or
// rewritten under the check, and writers are not in its way. The catalog returned was read with the locks held and before
// any snapshot taken from now on, which therefore shows all that the catalog promises; what was added since is not in it.
func (s *Session) lockAllTables(ctx context.Context) (*catalog.Snapshot, error) {
	locked := map[catalog.Oid]bool{}
	for {
		snap := s.node.Catalog()
		var missing []catalog.Oid
		snap.AllTables(func(t *catalog.Table) bool {
			if !locked[t.OID] {
				missing = append(missing, t.OID)
			}
			return true
		})
		if len(missing) == 0 {
			return snap, nil
		}
		for _, oid := range missing {
			if err := s.lockTable(ctx, oid, ddl.AccessShareLock, false); err != nil {
				return nil, err
			}
			locked[oid] = true
		}
	}
}
