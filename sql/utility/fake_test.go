package utility

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/catalog/store"
	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// cluster is a catalog group in memory with the replica that follows it. Locks are not modelled: what one transaction
// commits, another sees under its next lock, as after a wait.
type cluster struct {
	t       *testing.T
	replica *store.Store
	data    map[string]txn.Version
	clock   topo.Timestamp
	oid     catalog.Oid
	storage topo.StorageID
	fences  []string // the fence commands, one line each, of the first data group
	calls   []string // the backend's calls
	fail    error    // what the backend's next validation answers
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{
		t: t, replica: store.New(), data: map[string]txn.Version{}, oid: catalog.FirstNormalOid, storage: catalog.FirstUserStorage,
	}
	x := c.begin()
	x.put(catalog.SlotMapKey(), catalog.EncodeSlotMap(topo.NewSlotMap(2)))
	for _, o := range store.Objects() {
		x.put(catalog.DescriptorKey(o.ObjectID()), catalog.Encode(o))
		for _, n := range catalog.Names(o) {
			x.put(catalog.NameKey(n), catalog.NameValue(o.ObjectID().OID))
		}
	}
	x.commit()
	return c
}

// memTxn implements ddl.Transaction.
type memTxn struct {
	c      *cluster
	writes []fsm.Entry
}

func (c *cluster) begin() *memTxn { return &memTxn{c: c} }

func (x *memTxn) ID() topo.TxnID { return topo.TxnID{Node: 1, Epoch: 1, Seq: 1} }

func (x *memTxn) Lock(_ context.Context, reqs []txn.LockRequest, _ lock.WaitPolicy, out []txn.Locked) error {
	for i, r := range reqs {
		out[i].Version = x.c.data[string(r.Key.Bytes)]
		for _, w := range x.writes {
			if string(w.Key) == string(r.Key.Bytes) {
				out[i].Version.Value, out[i].Version.Own = w.Value, true
			}
		}
	}
	return nil
}

func (x *memTxn) put(key, value []byte) {
	x.writes = append(x.writes, fsm.Entry{Key: key, Value: value})
}

func (x *memTxn) Put(key txn.Key, value []byte, _ txn.WriteFlags) { x.put(key.Bytes, value) }
func (x *memTxn) Delete(key txn.Key, _ txn.WriteFlags)            { x.put(key.Bytes, nil) }
func (x *memTxn) ReplaceTable(topo.TableVersion)                  {}

func (x *memTxn) commit() topo.Timestamp {
	c := x.c
	c.clock++
	last := map[string]int{}
	for i, w := range x.writes {
		last[string(w.Key)] = i
	}
	var batch []fsm.Entry
	for i, w := range x.writes {
		if last[string(w.Key)] == i {
			batch = append(batch, w)
			c.data[string(w.Key)] = txn.Version{Version: rpc.Version{TS: c.clock, Value: w.Value}}
		}
	}
	c.replica.Apply(c.clock, batch)
	return c.clock
}

func (c *cluster) OIDs(_ context.Context, n int) (catalog.Oid, error) {
	v := c.oid
	c.oid += catalog.Oid(n)
	return v, nil
}

func (c *cluster) Storages(_ context.Context, n int) (topo.StorageID, error) {
	v := c.storage
	c.storage += topo.StorageID(n)
	return v, nil
}

func (c *cluster) call(format string, args ...any) error {
	c.calls = append(c.calls, fmt.Sprintf(format, args...))
	err := c.fail
	c.fail = nil
	return err
}

func (c *cluster) Lock(context.Context, catalog.Oid, ddl.LockMode, bool) error { return nil }
func (c *cluster) FitsBounds(context.Context, *catalog.Snapshot, *catalog.Table) (bool, error) {
	return true, nil
}

func (c *cluster) ReleasesReferenced(context.Context, *catalog.Snapshot, *catalog.Table, *catalog.Constraint, *catalog.Table) error {
	return nil
}

func (c *cluster) ValidateCheck(_ context.Context, t *catalog.Table, k *catalog.Constraint) error {
	return c.call("check %s %s", t.Name, k.Name)
}
func (c *cluster) ValidateExclusion(_ context.Context, t *catalog.Table, k *catalog.Constraint) error {
	return c.call("exclusion %s %s", t.Name, k.Name)
}
func (c *cluster) ValidateNotNull(_ context.Context, t *catalog.Table, col *catalog.Column) error {
	return c.call("not null %s %s", t.Name, col.Name)
}
func (c *cluster) ValidateForeignKey(_ context.Context, _ *catalog.Snapshot, t *catalog.Table, k *catalog.Constraint) error {
	return c.call("foreign key %s %s", t.Name, k.Name)
}
func (c *cluster) BuildIndex(_ context.Context, t *catalog.Table, i *catalog.Index) (topo.Timestamp, error) {
	return 1, c.call("build %s %s", t.Name, i.Name)
}

// CopySequence implements ddl.Backend.
func (c *cluster) CopySequence(context.Context, *catalog.Sequence, *catalog.Sequence) error {
	return nil
}

func (c *cluster) SequenceValue(_ context.Context, q *catalog.Sequence) (int64, error) {
	return q.First, nil
}

func (c *cluster) RewriteTable(_ context.Context, r ddl.Rewrite) error {
	if r.Old.RowStorage == r.New.RowStorage {
		c.t.Errorf("rewrite of %s into its own storage", r.New.Name)
	}
	return c.call("rewrite %s", r.New.Name)
}

// memGroup is a data group that admits every fence.
type memGroup struct {
	rpc.Group
	c  *cluster
	id topo.GroupID
}

func (g memGroup) Propose(_ context.Context, cmd *fsm.Command) (fsm.Result, error) {
	if f := cmd.Fence; f != nil && g.id == topo.FirstDataGroup {
		phase := map[fsm.FencePhase]string{fsm.FenceRaise: "raise", fsm.FenceOpen: "open", fsm.FenceLower: "lower"}[f.Phase]
		var names []string
		for _, tv := range f.Tables {
			names = append(names, fmt.Sprintf("%d@%d", tv.Table, tv.Version))
		}
		g.c.fences = append(g.c.fences, phase+" "+strings.Join(names, " "))
	}
	return fsm.Result{Code: fsm.ResultOK}, nil
}

// session runs scripts as psql does: each statement its own transaction, or between BEGIN and COMMIT.
type session struct {
	c      *cluster
	tx     *ddl.Tx
	mem    *memTxn
	block  bool
	failed bool
	saves  map[string]savepoint
	out    []string
}

type savepoint struct {
	ddl    ddl.State
	writes int
}

func (c *cluster) session() *session { return &session{c: c, saves: map[string]savepoint{}} }

var path = []string{"pg_catalog", "public"}

func (s *session) start() {
	s.mem = s.c.begin()
	s.tx = ddl.Begin(ddl.Config{
		Replica: s.c.replica, Alloc: s.c, Groups: func(g topo.GroupID) rpc.Group { return memGroup{c: s.c, id: g} },
		Backend: s.c, Exprs: Expressions{}, Notice: s.notice, SearchPath: func() []string { return path },
	}, s.mem)
}

func (s *session) notice(n *pgerr.Error) { s.print(n) }

func (s *session) print(e *pgerr.Error) {
	head := e.Severity + ":  "
	if e.Severity == "ERROR" {
		head = "ERROR:  " + e.Code + ": "
	}
	s.out = append(s.out, head+e.Message)
	if e.Detail != "" {
		s.out = append(s.out, "DETAIL:  "+e.Detail)
	}
	if e.Hint != "" {
		s.out = append(s.out, "HINT:  "+e.Hint)
	}
	if e.Position > 0 {
		s.out = append(s.out, fmt.Sprintf("POSITION:  %d", e.Position))
	}
}

// run executes one statement and returns what a client would see.
func (s *session) run(sql string) string {
	s.out = nil
	if table, ok := strings.CutPrefix(sql, `\d `); ok {
		return s.describe(table)
	}
	stmts, err := parse.Parse(sql)
	if err != nil {
		s.print(pgerr.From(err))
		return strings.Join(s.out, "\n")
	}
	tag, err := s.statement(stmts[0].Stmt, sql)
	if err != nil {
		s.print(pgerr.From(err))
	} else {
		s.out = append(s.out, tag)
	}
	return strings.Join(s.out, "\n")
}

func (s *session) statement(stmt parse.Statement, sql string) (string, error) {
	ctx := context.Background()
	if t, ok := stmt.(*parse.TransactionStmt); ok {
		return s.transaction(ctx, t)
	}
	if s.failed {
		return "", pgerr.New(pgerr.InFailedSqlTransaction, "current transaction is aborted, commands ignored until end of transaction block")
	}
	if !s.block {
		s.start()
	}
	env := &Env{
		DDL: s.tx, Text: sql, SearchPath: path, Backend: s.c, Notice: s.notice, User: "postgres", SessionUser: "postgres",
		InTransactionBlock: s.block, HashPassword: func(_, p string) (string, error) { return "hash of " + p, nil },
	}
	tag, err := Execute(ctx, env, stmt)
	switch {
	case err != nil && s.block:
		s.failed = true
	case err != nil:
		s.tx.AfterAbort(ctx)
	case !s.block:
		err = s.commit(ctx)
	}
	return tag, err
}

func (s *session) commit(ctx context.Context) error {
	if err := s.tx.BeforeCommit(ctx); err != nil {
		return err
	}
	return s.tx.AfterCommit(ctx, s.mem.commit())
}

func (s *session) transaction(ctx context.Context, t *parse.TransactionStmt) (string, error) {
	switch t.Kind {
	case parse.TransBegin:
		s.start()
		s.block, s.failed = true, false
		return "BEGIN", nil
	case parse.TransSavepoint:
		s.saves[t.SavepointName] = savepoint{s.tx.Save(), len(s.mem.writes)}
		return "SAVEPOINT", nil
	case parse.TransRollbackTo:
		sp := s.saves[t.SavepointName]
		s.mem.writes = s.mem.writes[:sp.writes:sp.writes]
		s.tx.Restore(sp.ddl)
		s.failed = false
		return "ROLLBACK", nil
	case parse.TransCommit:
		s.block = false
		if s.failed {
			s.failed = false
			s.tx.AfterAbort(ctx)
			return "ROLLBACK", nil
		}
		return "COMMIT", s.commit(ctx)
	}
	s.block, s.failed = false, false
	s.tx.AfterAbort(ctx)
	return "ROLLBACK", nil
}

// describe prints a table's columns, constraints, indexes and owned sequences.
func (s *session) describe(name string) string {
	over := s.c.replica.Current()
	if s.block {
		over = s.tx.Overlay()
	}
	schema := ""
	if before, after, ok := strings.Cut(name, "."); ok {
		schema, name = before, after
	}
	rel, ok := over.LookupRelation(path, schema, strings.Trim(name, `"`))
	if !ok {
		return "no relation " + name
	}
	t := rel.Table
	var out []string
	for _, c := range t.LiveColumns() {
		line := c.Name + " " + types.FormatType(c.Type)
		if c.NotNull {
			line += " not null"
		}
		if c.Identity != 0 {
			line += " identity " + string(rune(c.Identity))
		}
		out = append(out, line)
	}
	var cons, indexes, sequences []string
	for _, c := range t.Constraints {
		def := "CHECK"
		if c.Type != catalog.Check {
			def = over.ConstraintDef(path, t, c, nil, nil)
		}
		cons = append(cons, c.Name+" "+def)
	}
	slices.Sort(cons)
	list := slices.Clone(t.Indexes)
	slices.SortFunc(list, func(a, b *catalog.Index) int { return strings.Compare(a.Name, b.Name) })
	for _, i := range list {
		indexes = append(indexes, over.IndexDef(nil, t, i, nil, nil))
	}
	for _, q := range over.SequencesOwnedBy(t.OID, 0) {
		cycle := "f"
		if q.Cycle {
			cycle = "t"
		}
		sequences = append(sequences, fmt.Sprintf("%s %s %d %d %d %d %d %s", q.Name, types.FormatType(types.T(q.Type)),
			q.Start, q.Increment, q.Min, q.Max, q.Cache, cycle))
	}
	slices.Sort(sequences)
	out = append(out, cons...)
	out = append(out, indexes...)
	return strings.Join(append(out, sequences...), "\n")
}
