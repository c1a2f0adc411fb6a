package session

import (
	"context"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// A session's temporary relations are in a schema of its own (catalog/temp.go), which is dropped when the session ends.
// What a session could not drop any more, its node does (DropAbandonedTemp), and of a node that is dead, the catalog
// group's leaseholder.

var errTempLost = pgerr.Fatal(pgerr.AdminShutdown, "terminating connection because its temporary tables were lost").
	WithDetail("The cluster declared this node dead and dropped them.")

// tempState is what a session knows of its temporary schema.
type tempState struct {
	ddl ddl.TempSession
	// known is set once the schema was seen committed: from then on it is only gone when others dropped it.
	known bool
}

// tempSchema is the name of the session's temporary schema in a catalog, "" where there is none.
func (s *Session) tempSchema(snap *catalog.Snapshot) string {
	if s.temp.ddl.Schema == 0 {
		return ""
	}
	return snap.SchemaName(s.temp.ddl.Schema)
}

// tempImplied reports whether new relations of unqualified names are temporary: pg_temp is the first schema of search_path
// that there is.
func (s *Session) tempImplied() bool {
	snap := s.snapshot()
	own := s.tempSchema(snap)
	for _, n := range s.settings.SearchPath {
		switch {
		case n == catalog.TempAlias || own != "" && n == own:
			return true
		case n == "$user":
			n = s.roleName(s.role())
		}
		if snap.SchemaByName(n) != nil && snap.CheckSchemaUsage(n, s.role()) == nil {
			return false
		}
	}
	return false
}

// checkTemp ends a session whose temporary schema was dropped by others.
func (s *Session) checkTemp() error {
	if s.temp.ddl.Schema == 0 || s.tx.ddl != nil {
		return nil
	}
	switch there := s.catalog().Schema(s.temp.ddl.Schema) != nil; {
	case there:
		s.temp.known = true
	case s.temp.known:
		s.endBase(errTempLost)
		return errTempLost
	}
	return nil
}

// isMine reports whether a relation is no other session's temporary one.
func (s *Session) isMine(rel catalog.Relation) bool {
	return rel.Persistence() != catalog.Temporary || s.temp.ddl.IsTempSchema(rel.SchemaID())
}

func errOthersTemp() error {
	return pgerr.New(pgerr.FeatureNotSupported, "cannot access temporary tables of other sessions")
}

// checkReadable refuses plans that use other sessions' temporary tables, or materialized views without rows.
func (s *Session) checkReadable(st *statement) error {
	for _, t := range st.plan.Tables {
		if t.MatView != nil && !t.MatView.Populated && t.OID != st.populate {
			return pgerr.New(pgerr.ObjectNotInPrerequisiteState, "materialized view \"%s\" has not been populated", t.Name).
				WithHint("Use the REFRESH MATERIALIZED VIEW command.")
		}
		if t.Persistence != catalog.Temporary {
			continue
		}
		if !s.temp.ddl.IsTempSchema(t.SchemaID) {
			return errOthersTemp()
		}
		s.tx.temp, s.tx.usesTemp = s.tx.temp || st.plan.Writes, true
	}
	return nil
}

// onCommit does what temporary tables ask for at their transaction's end. It comes after the deferred constraints, as in
// PostgreSQL, and before the schema changes are fenced.
func (s *Session) onCommit(ctx context.Context) error {
	if s.tx.ddl != nil {
		if err := s.tx.ddl.DropOnCommit(ctx); err != nil {
			return err
		}
	}
	if s.temp.ddl.Schema == 0 || !s.tx.temp && s.tx.ddl == nil {
		return nil
	}
	var tables []*catalog.Table
	snap := s.snapshot()
	snap.RelationsIn(s.temp.ddl.Schema, func(r catalog.Relation) bool {
		if r.Kind == catalog.KindTable && r.Table.OnCommit == catalog.DeleteRows {
			tables = append(tables, r.Table)
		}
		return true
	})
	if len(tables) == 0 {
		return nil
	}
	order, err := emptyingOrder(snap, tables)
	if err != nil {
		return err
	}
	for _, t := range order {
		if t.Partitioning != nil {
			continue // without rows of its own
		}
		if err := s.deleteAll(ctx, t); err != nil {
			return err
		}
	}
	if s.tx.fk != nil && s.tx.fk.Pending() {
		return s.tx.fk.FlushDeferred(ctx)
	}
	return nil
}

// emptyingOrder puts tables that reference others before them, and refuses what heap_truncate_check_FKs refuses.
func emptyingOrder(snap *catalog.Snapshot, tables []*catalog.Table) ([]*catalog.Table, error) {
	emptied := map[catalog.Oid]bool{}
	for _, t := range tables {
		emptied[t.OID] = true
	}
	var out []*catalog.Table
	visited := map[catalog.Oid]bool{}
	var visit func(t *catalog.Table) error
	visit = func(t *catalog.Table) error {
		if visited[t.OID] {
			return nil
		}
		visited[t.OID] = true
		for _, in := range t.Inbound {
			child := snap.Table(in.Table)
			if !emptied[in.Table] {
				return pgerr.New(pgerr.FeatureNotSupported, "unsupported ON COMMIT and foreign key combination").
					WithDetail("Table \"%s\" references \"%s\", but they do not have the same ON COMMIT setting.", child.Name, t.Name)
			}
			if err := visit(child); err != nil {
				return err
			}
		}
		out = append(out, t)
		return nil
	}
	for _, t := range tables {
		if err := visit(t); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// deleteAll empties a temporary table at the transaction's end. Its rows are the transaction's own: with their deletion
// nothing is left to be written. What inherits from it says for itself what becomes of its rows, and no triggers fire.
func (s *Session) deleteAll(ctx context.Context, t *catalog.Table) error {
	text := "DELETE FROM ONLY " + s.qualified(t)
	raws, err := parse.Parse(text)
	if err != nil {
		return err
	}
	st := newStatement("", raws[0], text, nil)
	if err := s.prepare(st); err != nil {
		return err
	}
	st.permissions = &sema.Permissions{}
	_, err = s.runWrite(ctx, &portal{st: st, quiet: true})
	return err
}

// discardTemp is DISCARD TEMP: the schema stays, empty.
func (s *Session) discardTemp(ctx context.Context) error {
	if s.tempSchema(s.snapshot()) == "" {
		return nil
	}
	s.open()
	s.tx.txn.StartStatement()
	return s.utilityEnv(ctx, newStatement("", parse.RawStmt{}, "", nil)).DDL.DropTemp(ctx, s.temp.ddl.Schema, false)
}

// dropTempTimeout bounds how long the end of a session waits for its temporary tables to be dropped.
const dropTempTimeout = 10 * time.Second

// dropTemp drops the session's temporary schema at its end.
func (s *Session) dropTemp() {
	if s.tempSchema(s.catalog()) == "" || s.node.CutOff != nil && s.node.CutOff() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), dropTempTimeout)
	defer cancel()
	if err := s.dropTempSchema(ctx, s.temp.ddl.Schema); err != nil {
		s.log.Debug("dropping temporary tables at a session's end", "err", err)
	}
}

// dropTempSchema drops a temporary schema in a transaction of its own.
func (s *Session) dropTempSchema(ctx context.Context, schema catalog.Oid) error {
	if err := s.admitted(ctx); err != nil {
		return err
	}
	s.open()
	if err := s.tx.txn.SetOptions(writable(s.tx.txn.Options())); err != nil {
		s.abort()
		return err
	}
	s.tx.txn.StartStatement()
	if err := s.utilityEnv(ctx, newStatement("", parse.RawStmt{}, "", nil)).DDL.DropTemp(ctx, schema, true); err != nil {
		s.abort()
		return err
	}
	return s.commit(ctx)
}

// DropAbandonedTemp drops the temporary schemas whose sessions are no more: over tells of those of ended epochs, which any
// node may take for granted; of its own node it is known which sessions there are.
func (n *Node) DropAbandonedTemp(ctx context.Context, own topo.NodeID, over func(topo.TxnID) bool) error {
	var err error
	n.Catalog().EachDatabase(func(snap *catalog.Snapshot) bool {
		err = n.dropAbandonedTemp(ctx, snap, own, over)
		return err == nil
	})
	return err
}

// dropAbandonedTemp does so in one database.
func (n *Node) dropAbandonedTemp(ctx context.Context, snap *catalog.Snapshot, own topo.NodeID, over func(topo.TxnID) bool) error {
	var gone []catalog.Oid
	snap.Schemas(func(sc *catalog.Schema) bool {
		if sc.Temporary() && (over(sc.Session) || sc.Session.Node == own && !n.hasTemp(sc.Session)) {
			gone = append(gone, sc.OID)
		}
		return true
	})
	d := snap.CurrentDatabase()
	if len(gone) == 0 || d == nil {
		return nil
	}
	s, err := New(n, silent{}, Startup{User: snap.RoleName(catalog.BootstrapRole), Database: d.Name})
	if err != nil {
		return err
	}
	defer s.Close()
	for _, oid := range gone {
		if err := s.dropTempSchema(ctx, oid); err != nil {
			return err
		}
	}
	return nil
}

// hasTemp reports whether a temporary schema's session is still there.
func (n *Node) hasTemp(session topo.TxnID) bool {
	n.activity.mu.Lock()
	defer n.activity.mu.Unlock()
	for e := range n.activity.entries {
		if e.session.temp.ddl.Session == session {
			return true
		}
	}
	return false
}

// writable is a transaction's options without READ ONLY.
func writable(o txn.Options) txn.Options {
	o.ReadOnly = false
	return o
}
