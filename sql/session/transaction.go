package session

import (
	"context"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/fk"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// block is the session's transaction: none (txn nil and failed false), implicit, explicit, or failed.
type block struct {
	txn      *txn.Txn // nil when none is open, and once a failed block without savepoints was rolled back
	explicit bool     // opened by BEGIN
	failed   bool     // an error happened: only ROLLBACK, ROLLBACK TO and COMMIT are accepted
	started  time.Time
	ran      bool // a statement that takes a snapshot ran: isolation is fixed
	bound    bool // the deadlock detector knows that txn runs in this session

	fk         *fk.Runner
	ddl        *ddl.Tx
	backend    *statementBackend
	savepoints []savepoint
	settings   *Settings // to return to on rollback
	readOnly   bool
	temp       bool // has written temporary tables
	usesTemp   bool // has read, written or locked temporary tables
	// uncommitted: READ UNCOMMITTED was asked for, which is READ COMMITTED by another name.
	uncommitted bool
	notify      pendingNotify
}

// savepoint is what ROLLBACK TO returns to.
type savepoint struct {
	name     string
	txn      txn.Savepoint
	fk       fk.State
	ddl      ddl.State // the zero State: nothing changed yet
	settings *Settings
	readOnly bool
	notes    int // how many notifications were pending, and LISTENs and UNLISTENs
	listen   int
	portals  int // the number of the last portal opened before it
}

// open starts a transaction if none is open.
func (s *Session) open() {
	if s.tx.txn != nil || s.tx.failed {
		return
	}
	level, _, _ := s.settings.raw("default_transaction_isolation")
	ro, _, _ := s.settings.raw("default_transaction_read_only")
	deferrable, _, _ := s.settings.raw("default_transaction_deferrable")
	s.tx = block{explicit: s.tx.explicit, started: s.statementClock(), settings: s.settings, readOnly: ro == "on",
		uncommitted: level == "read uncommitted"}
	s.tx.txn = s.node.Txns.Begin(txn.Options{Isolation: isolation(level), ReadOnly: ro == "on", Deferrable: deferrable == "on"})
	s.tx.txn.SetLockTimeout(s.settings.LockLimit)
	s.activity.bind(s.tx.txn.ID())
	if s.advisory {
		s.bindLocks()
	}
}

// abort rolls the transaction back, whatever its state, and leaves none open.
func (s *Session) abort() {
	s.rollbackWork()
	s.closePortals()
	s.tx = block{}
}

// rollbackTimeout bounds what a rollback tells the groups, and rollbackAlone the same on a node that the others do not answer.
// What they do not hear of is found by whoever meets it.
const (
	rollbackTimeout = 10 * time.Second
	rollbackAlone   = time.Second
)

// rollbackWork undoes the transaction's effects and releases its locks, keeping the block.
func (s *Session) rollbackWork() {
	t := s.tx.txn
	if t == nil {
		return
	}
	limit := rollbackTimeout
	if s.node.CutOff != nil && s.node.CutOff() {
		limit = rollbackAlone
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	t.Rollback(ctx)
	if s.tx.ddl != nil {
		s.tx.ddl.AfterAbort(ctx)
		s.tx.ddl = nil
	}
	s.releaseLocks()
	if s.tx.settings != nil {
		s.adopt(s.tx.settings)
	}
	s.tx.txn, s.tx.fk, s.tx.savepoints = nil, nil, nil
}

func (s *Session) releaseLocks() {
	id := s.tx.txn.ID()
	s.node.Tables.ReleaseAll(id)
	s.node.Advisory.ReleaseModes(s.owner, lock.AdvisoryTransaction)
	if s.tx.bound {
		s.node.Deadlocks.Unbind(id)
		s.tx.bound = false
	}
}

// fail is what an error does to the transaction: an implicit one is gone, an explicit one waits for ROLLBACK. Locks go at
// once, except those from before the latest savepoint.
func (s *Session) fail() {
	if !s.tx.explicit {
		s.abort()
		return
	}
	s.tx.failed = true
	if n := len(s.tx.savepoints); n > 0 && s.tx.txn != nil {
		s.restore(&s.tx.savepoints[n-1])
		return
	}
	s.rollbackWork()
}

// commit ends the transaction. Deferred constraints are judged first; a schema change is fenced around the commit.
func (s *Session) commit(ctx context.Context) error {
	t := s.tx.txn
	if t == nil {
		s.tx = block{}
		return nil
	}
	err := s.holdCursors(ctx)
	if err == nil {
		err = s.mayNotify()
	}
	if err == nil {
		err = s.commitWork(ctx, t)
	}
	if err != nil {
		err = s.interrupted(ctx, err)
		s.abort()
		return err
	}
	s.releaseLocks()
	s.closePortals()
	s.adopt(s.settings.endLocal())
	pending := s.tx.notify
	s.tx = block{}
	s.afterCommit(&pending)
	return nil
}

func (s *Session) commitWork(ctx context.Context, t *txn.Txn) error {
	if s.tx.fk != nil && s.tx.fk.Pending() {
		t.StartStatement()
		s.useRunner(ctx)
		if err := s.tx.fk.FlushDeferred(ctx); err != nil {
			return err
		}
	}
	if err := s.onCommit(ctx); err != nil {
		return err
	}
	if s.tx.ddl == nil {
		return t.Commit(ctx)
	}
	if err := s.tx.ddl.BeforeCommit(ctx); err != nil {
		return err
	}
	var at topo.Timestamp
	t.OnCommit(func(ts topo.Timestamp) { at = ts })
	if err := t.Commit(ctx); err != nil {
		if pgerr.HasCode(err, pgerr.TransactionResolutionUnknown) {
			s.tx.ddl.AfterUnknown()
			s.tx.ddl = nil
		}
		return err
	}
	d := s.tx.ddl
	s.tx.ddl = nil
	// The commit is certain: what remains must not be cut short by a cancelled statement.
	done, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if err := d.AfterCommit(done, at); err != nil {
		s.log.Error("opening a schema change's fences", "err", err)
	}
	return nil
}

// restore returns to a savepoint, which stays.
func (s *Session) restore(sp *savepoint) {
	s.tx.txn.RollbackTo(sp.txn)
	if s.tx.fk != nil {
		s.tx.fk.Restore(sp.fk)
	}
	if s.tx.ddl != nil {
		s.tx.ddl.Restore(sp.ddl)
	}
	s.tx.notify.truncate(sp.notes, sp.listen)
	s.tx.readOnly = sp.readOnly
	s.adopt(sp.settings)
	for name, p := range s.portals {
		if p.number > sp.portals {
			s.dropPortal(name)
		}
	}
}

func (s *Session) pushSavepoint(name string) {
	sp := savepoint{name: name, txn: s.tx.txn.Savepoint(), settings: s.settings,
		readOnly: s.tx.readOnly, notes: len(s.tx.notify.notes), listen: len(s.tx.notify.listen), portals: s.lastPortal}
	if s.tx.fk != nil {
		sp.fk = s.tx.fk.Save()
	}
	if s.tx.ddl != nil {
		sp.ddl = s.tx.ddl.Save()
	}
	s.tx.savepoints = append(s.tx.savepoints, sp)
}

func (s *Session) findSavepoint(name string) (int, error) {
	for i := len(s.tx.savepoints) - 1; i >= 0; i-- {
		if s.tx.savepoints[i].name == name {
			return i, nil
		}
	}
	return 0, pgerr.New(pgerr.InvalidSavepointSpecification, "savepoint \"%s\" does not exist", name)
}

// errAborted is the answer to anything but ROLLBACK in a failed block.
func errAborted() error {
	return pgerr.New(pgerr.InFailedSqlTransaction,
		"current transaction is aborted, commands ignored until end of transaction block")
}

// transactionStmt runs BEGIN, COMMIT and their kin and returns the command tag.
func (s *Session) transactionStmt(ctx context.Context, st *parse.TransactionStmt) (string, error) {
	switch st.Kind {
	case parse.TransBegin, parse.TransStart:
		return s.begin(st)
	case parse.TransCommit:
		return s.commitStmt(ctx, st)
	case parse.TransRollback:
		return s.rollbackStmt(st)
	case parse.TransSavepoint, parse.TransRelease, parse.TransRollbackTo:
		return s.savepointStmt(st)
	}
	return s.preparedStmt(st)
}

// preparedStmt answers the statements of two-phase commit as PostgreSQL does where max_prepared_transactions is 0: there
// are no prepared transactions, and none can be made.
func (s *Session) preparedStmt(st *parse.TransactionStmt) (string, error) {
	if st.Kind != parse.TransPrepare {
		command := "COMMIT PREPARED"
		if st.Kind == parse.TransRollbackPrepared {
			command = "ROLLBACK PREPARED"
		}
		if err := s.forbidBlock(command); err != nil {
			return "", err
		}
		return "", pgerr.New(pgerr.UndefinedObject, "prepared transaction with identifier \"%s\" does not exist", st.GID)
	}
	if !s.tx.explicit {
		s.notice(pgerr.NewWarning(pgerr.NoActiveSqlTransaction, "there is no transaction in progress"))
		return "ROLLBACK", nil
	}
	failed, temp := s.tx.failed, s.tx.usesTemp || s.tx.ddl != nil && s.tx.ddl.UsesTemp()
	s.abort()
	switch {
	case failed:
		return "ROLLBACK", nil
	case temp:
		return "", pgerr.New(pgerr.FeatureNotSupported, "cannot PREPARE a transaction that has operated on temporary objects")
	}
	return "", pgerr.New(pgerr.ObjectNotInPrerequisiteState, "prepared transactions are disabled").
		WithHint("Set max_prepared_transactions to a nonzero value.")
}

func (s *Session) begin(st *parse.TransactionStmt) (string, error) {
	tag := "BEGIN"
	if st.Kind == parse.TransStart {
		tag = "START TRANSACTION"
	}
	if s.tx.explicit {
		s.notice(pgerr.NewWarning(pgerr.ActiveSqlTransaction, "there is already a transaction in progress"))
	} else {
		s.open()
		s.tx.explicit = true
	}
	return tag, s.transactionOptions(st.Options)
}

// transactionOptions applies ISOLATION LEVEL, READ ONLY and DEFERRABLE.
func (s *Session) transactionOptions(opts []*parse.DefElem) error {
	for _, o := range opts {
		c, ok := o.Arg.(*parse.Const)
		if !ok {
			return pgerr.Internal("transaction option %s has no value", o.Name)
		}
		value := constText(c)
		if o.Name != "transaction_isolation" {
			value = onOff(value != "0")
		}
		if err := s.setTransaction(o.Name, value); err != nil {
			return err
		}
	}
	return nil
}

// setTransaction changes one property of the open transaction.
func (s *Session) setTransaction(name, value string) error {
	s.open()
	opts := s.tx.txn.Options()
	switch name {
	case "transaction_isolation":
		level := isolation(value)
		if level != opts.Isolation && s.tx.ran {
			return pgerr.New(pgerr.ActiveSqlTransaction, "SET TRANSACTION ISOLATION LEVEL must be called before any query")
		}
		if level != opts.Isolation && len(s.tx.savepoints) > 0 {
			return pgerr.New(pgerr.ActiveSqlTransaction, "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction")
		}
		opts.Isolation = level
		s.tx.uncommitted = value == "read uncommitted"
	case "transaction_read_only":
		ro := value == "on"
		nested := len(s.tx.savepoints) > 0
		switch {
		case !ro && s.tx.readOnly && nested:
			return pgerr.New(pgerr.ActiveSqlTransaction, "cannot set transaction read-write mode inside a read-only transaction")
		case !ro && s.tx.readOnly && s.tx.ran:
			return pgerr.New(pgerr.ActiveSqlTransaction, "transaction read-write mode must be set before any query")
		}
		s.tx.readOnly = ro
		if nested {
			return nil // the transaction itself may write again after a rollback to the savepoint
		}
		opts.ReadOnly = ro
	case "transaction_deferrable":
		if s.tx.ran {
			return pgerr.New(pgerr.ActiveSqlTransaction, "SET TRANSACTION [NOT] DEFERRABLE must be called before any query")
		}
		opts.Deferrable = value == "on"
	default:
		return pgerr.NotSupported("SET TRANSACTION " + name)
	}
	if !s.tx.ran {
		return s.tx.txn.SetOptions(opts)
	}
	return nil
}

// chained reopens a transaction after COMMIT AND CHAIN.
func (s *Session) chained(chain bool, opts txn.Options, readOnly bool) error {
	if !chain {
		return nil
	}
	s.open()
	s.tx.explicit, s.tx.readOnly = true, readOnly
	return s.tx.txn.SetOptions(opts)
}

func (s *Session) currentOptions() txn.Options {
	if s.tx.txn != nil {
		return s.tx.txn.Options()
	}
	return txn.Options{}
}

func (s *Session) commitStmt(ctx context.Context, st *parse.TransactionStmt) (string, error) {
	if !s.tx.explicit {
		if st.Chain {
			return "", pgerr.New(pgerr.NoActiveSqlTransaction, "COMMIT AND CHAIN can only be used in transaction blocks")
		}
		s.notice(pgerr.NewWarning(pgerr.NoActiveSqlTransaction, "there is no transaction in progress"))
		return "COMMIT", s.commit(ctx)
	}
	opts, ro := s.currentOptions(), s.tx.readOnly
	if s.tx.failed {
		s.abort()
		return "ROLLBACK", s.chained(st.Chain, opts, ro)
	}
	if err := s.commit(ctx); err != nil {
		return "", err
	}
	return "COMMIT", s.chained(st.Chain, opts, ro)
}

func (s *Session) rollbackStmt(st *parse.TransactionStmt) (string, error) {
	if !s.tx.explicit {
		if st.Chain {
			return "", pgerr.New(pgerr.NoActiveSqlTransaction, "ROLLBACK AND CHAIN can only be used in transaction blocks")
		}
		s.notice(pgerr.NewWarning(pgerr.NoActiveSqlTransaction, "there is no transaction in progress"))
	}
	opts, ro := s.currentOptions(), s.tx.readOnly
	s.abort()
	return "ROLLBACK", s.chained(st.Chain, opts, ro)
}

func (s *Session) savepointStmt(st *parse.TransactionStmt) (string, error) {
	tag := map[parse.TransactionStmtKind]string{parse.TransSavepoint: "SAVEPOINT", parse.TransRelease: "RELEASE",
		parse.TransRollbackTo: "ROLLBACK"}[st.Kind]
	if !s.tx.explicit {
		what := tag
		switch st.Kind {
		case parse.TransRelease:
			what = "RELEASE SAVEPOINT"
		case parse.TransRollbackTo:
			what = "ROLLBACK TO SAVEPOINT"
		}
		return "", pgerr.New(pgerr.NoActiveSqlTransaction, "%s can only be used in transaction blocks", what)
	}
	if st.Kind == parse.TransSavepoint {
		s.pushSavepoint(st.SavepointName)
		return tag, nil
	}
	i, err := s.findSavepoint(st.SavepointName)
	if err != nil {
		return "", err
	}
	if st.Kind == parse.TransRelease {
		s.tx.readOnly = s.tx.savepoints[i].readOnly // READ ONLY of a subtransaction ends with it
		s.tx.savepoints = s.tx.savepoints[:i]
		return tag, nil
	}
	s.restore(&s.tx.savepoints[i])
	s.tx.savepoints = s.tx.savepoints[:i+1]
	s.tx.failed = false
	return tag, nil
}

// requireBlock refuses a command outside a transaction block.
func (s *Session) requireBlock(command string) error {
	if s.tx.explicit {
		return nil
	}
	return pgerr.New(pgerr.NoActiveSqlTransaction, "%s can only be used in transaction blocks", command)
}

// forbidBlock refuses a command inside a transaction block.
func (s *Session) forbidBlock(command string) error {
	if s.tx.explicit {
		return pgerr.New(pgerr.ActiveSqlTransaction, "%s cannot run inside a transaction block", command)
	}
	return nil
}
