package session

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/pgcat"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// functions is the Session as SQL functions see it: their expr.Session.
type functions Session

func (f *functions) session() *Session { return (*Session)(f) }

// sequenceState is what currval and lastval return.
type sequenceState struct {
	values map[catalog.Oid]int64
	last   catalog.Oid
}

// CurrentUser is current_user.
func (f *functions) CurrentUser() string { return f.session().roleName(f.session().role()) }

// SessionUser is session_user.
func (f *functions) SessionUser() string { return f.session().roleName(f.session().sessionRole()) }

// CurrentDatabase is current_database().
func (f *functions) CurrentDatabase() string { return f.start.Database }

// BackendPID is pg_backend_pid().
func (f *functions) BackendPID() int32 { return f.start.PID }

// ServerVersion is version().
func (f *functions) ServerVersion() string {
	return "PostgreSQL " + ServerVersion + " (pgmqdb) on x86_64-pc-linux-gnu, compiled by go, 64-bit"
}

// CurrentSchemas is current_schemas(implicit).
func (f *functions) CurrentSchemas(implicit bool) []string {
	s := f.session()
	snap := s.snapshot()
	var out []string
	seen := map[string]bool{}
	path := s.boundPath().explicit
	if implicit {
		path = s.searchPath()
	}
	for _, n := range path {
		if !seen[n] && snap.SchemaByName(n) != nil {
			out = append(out, n)
			seen[n] = true
		}
	}
	if implicit && !seen["pg_catalog"] {
		out = append([]string{"pg_catalog"}, out...)
	}
	return out
}

// ShowSetting is current_setting.
func (f *functions) ShowSetting(name string) (string, bool) { return f.session().showSetting(name) }

// SetSetting is set_config.
func (f *functions) SetSetting(name, value string, local bool) (string, error) {
	s := f.session()
	var err error
	if key := lower(name); isRoleSetting(key) {
		err = s.setRole(key, &value, local)
	} else {
		err = s.set(name, &value, local)
	}
	if err != nil {
		return "", err
	}
	v, _ := s.showSetting(name)
	return v, nil
}

func (f *functions) sequence(oid types.Oid) (*catalog.Sequence, error) {
	s := f.session()
	if seq := s.snapshot().Sequence(oid); seq != nil {
		if !s.isMine(catalog.Relation{Kind: catalog.KindSequence, Sequence: seq}) {
			return nil, errOthersTemp()
		}
		return seq, nil
	}
	if rel, ok := s.snapshot().RelationByOID(oid); ok {
		return nil, pgerr.New(pgerr.WrongObjectType, "\"%s\" is not a sequence", rel.Name())
	}
	return nil, pgerr.New(pgerr.UndefinedTable, "could not open relation with OID %d", oid)
}

func sequenceOptions(q *catalog.Sequence) txn.SequenceOptions {
	return txn.SequenceOptions{Name: q.Name, ID: q.Storage, Start: q.First, Increment: q.Increment, Min: q.Min, Max: q.Max, Cycle: q.Cycle}
}

// NextVal is nextval.
func (f *functions) NextVal(ctx context.Context, oid types.Oid) (int64, error) {
	q, err := f.sequence(oid)
	if err == nil {
		err = f.session().sequenceAllowed(q, catalog.PrivUsage|catalog.PrivUpdate)
	}
	if err != nil {
		return 0, err
	}
	return f.next(ctx, oid, q)
}

// NextIdentity is nextval for an identity column.
func (f *functions) NextIdentity(ctx context.Context, oid types.Oid) (int64, error) {
	q, err := f.sequence(oid)
	if err != nil {
		return 0, err
	}
	return f.next(ctx, oid, q)
}

func (f *functions) next(ctx context.Context, oid catalog.Oid, q *catalog.Sequence) (int64, error) {
	if f.tx.readOnly && q.Persistence != catalog.Temporary {
		return 0, pgerr.New(pgerr.ReadOnlySqlTransaction, "cannot execute nextval() in a read-only transaction")
	}
	v, _, err := f.node.Txns.NextSequenceValues(ctx, sequenceOptions(q), 1)
	if err != nil {
		return 0, err
	}
	f.remember(oid, v)
	return v, nil
}

func (f *functions) remember(oid catalog.Oid, v int64) {
	if f.seqs.values == nil {
		f.seqs.values = map[catalog.Oid]int64{}
	}
	f.seqs.values[oid], f.seqs.last = v, oid
}

// CurrVal is currval.
func (f *functions) CurrVal(oid types.Oid) (int64, error) {
	q, err := f.sequence(oid)
	if err == nil {
		err = f.session().sequenceAllowed(q, catalog.PrivSelect|catalog.PrivUsage)
	}
	if err != nil {
		return 0, err
	}
	v, ok := f.seqs.values[oid]
	if !ok {
		return 0, pgerr.New(pgerr.ObjectNotInPrerequisiteState, "currval of sequence \"%s\" is not yet defined in this session", q.Name)
	}
	return v, nil
}

// LastVal is lastval.
func (f *functions) LastVal() (int64, error) {
	v, ok := f.seqs.values[f.seqs.last]
	q := f.session().snapshot().Sequence(f.seqs.last)
	if !ok || q == nil {
		return 0, pgerr.New(pgerr.ObjectNotInPrerequisiteState, "lastval is not yet defined in this session")
	}
	return v, f.session().sequenceAllowed(q, catalog.PrivSelect|catalog.PrivUsage)
}

// SetVal is setval.
func (f *functions) SetVal(ctx context.Context, oid types.Oid, value int64, called bool) error {
	q, err := f.sequence(oid)
	if err == nil {
		err = f.session().sequenceAllowed(q, catalog.PrivUpdate)
	}
	if err != nil {
		return err
	}
	if f.tx.readOnly && q.Persistence != catalog.Temporary {
		return pgerr.New(pgerr.ReadOnlySqlTransaction, "cannot execute setval() in a read-only transaction")
	}
	if value < q.Min || value > q.Max {
		return pgerr.New(pgerr.NumericValueOutOfRange, "setval: value %d is out of bounds for sequence \"%s\" (%d..%d)",
			value, q.Name, q.Min, q.Max)
	}
	if err := f.node.Txns.SetSequence(ctx, sequenceOptions(q), rpc.SequenceValue{Last: value, IsCalled: called}); err != nil {
		return err
	}
	if called {
		if f.seqs.values == nil {
			f.seqs.values = map[catalog.Oid]int64{}
		}
		f.seqs.values[oid] = value
	}
	return nil
}

// TxnID is txid_current.
func (f *functions) TxnID(bool) (int64, error) {
	if f.tx.txn == nil {
		return 0, nil
	}
	return int64(f.tx.txn.ID().XID()), nil
}

// advisoryKey is the key of an advisory lock: every database has its own.
func (s *Session) advisoryKey(r expr.AdvisoryRequest) []byte {
	k := []byte{0}
	if r.TwoKey {
		k[0] = 1
	}
	k = binary.BigEndian.AppendUint64(k, uint64(r.Key))
	if s.database != catalog.DefaultDatabase {
		k = binary.BigEndian.AppendUint32(k, uint32(s.database))
	}
	return k
}

// AdvisoryDatabase returns the database of an advisory lock by its key.
func AdvisoryDatabase(key []byte) catalog.Oid {
	if len(key) < 13 {
		return catalog.DefaultDatabase
	}
	return catalog.Oid(binary.BigEndian.Uint32(key[9:]))
}

func advisoryMode(r expr.AdvisoryRequest) lock.Mode {
	switch {
	case r.Shared && r.Xact:
		return lock.AdvisorySharedTransaction
	case r.Shared:
		return lock.AdvisorySharedSession
	case r.Xact:
		return lock.AdvisoryExclusiveTransaction
	}
	return lock.AdvisoryExclusiveSession
}

// AdvisoryLock is pg_advisory_lock and its variants.
func (f *functions) AdvisoryLock(ctx context.Context, r expr.AdvisoryRequest) (bool, error) {
	s := f.session()
	opt := &lock.Options{Timeout: s.settings.LockLimit}
	if r.Try {
		opt.Policy = lock.NoWait
	}
	s.renewOwner()
	s.advisory = s.advisory || !r.Xact
	s.bindLocks()
	_, err := s.node.Advisory.Acquire(ctx, s.owner, s.advisoryKey(r), advisoryMode(r), opt)
	if err == nil {
		return true, nil
	}
	if r.Try && errors.Is(err, lock.ErrNotAvailable) {
		return false, nil
	}
	return false, s.lockError(ctx, err)
}

// AdvisoryUnlock is pg_advisory_unlock.
func (f *functions) AdvisoryUnlock(r expr.AdvisoryRequest) (bool, error) {
	s := f.session()
	if s.node.Advisory.ReleaseMode(s.owner, s.advisoryKey(r), advisoryMode(r)) {
		return true, nil
	}
	kind := "ExclusiveLock"
	if r.Shared {
		kind = "ShareLock"
	}
	s.notice(pgerr.NewWarning("01000", "you don't own a lock of type %s", kind))
	return false, nil
}

// AdvisoryUnlockAll is pg_advisory_unlock_all.
func (f *functions) AdvisoryUnlockAll() {
	f.node.Advisory.ReleaseModes(f.owner, lock.AdvisorySession)
	f.advisory = false
}

// SystemFunction runs the functions about catalog and server.
func (f *functions) SystemFunction(ctx *expr.EvalContext, name string, argTypes []types.Type, args []types.Datum) (types.Datum, error) {
	s := f.session()
	switch name {
	case "pg_cancel_backend", "pg_terminate_backend":
		pid, send := int32(args[0].Int()), s.node.Cancel
		if name == "pg_terminate_backend" {
			send = s.node.Terminate
		}
		ok, err := s.maySignal(pid, name == "pg_terminate_backend")
		return types.NewBool(ok && send(pid)), err
	case "pgmqdb.drain", "pgmqdb.remove", "pgmqdb.activate":
		return types.NewBool(true), s.changeNode(ctx.Context, strings.TrimPrefix(name, "pgmqdb."), topo.NodeID(args[0].Int()))
	case "pg_trigger_depth":
		return types.NewInt(int64(len(s.triggers))), nil
	case "pg_notify":
		var texts [2]string // NULL is the empty text
		for i, a := range args {
			if !a.IsNull() {
				texts[i] = a.Str()
			}
		}
		return types.NewString(""), s.notify(texts[0], texts[1])
	case "pg_notification_queue_usage":
		return types.NewFloat(s.notificationUsage()), nil
	}
	return s.node.System.Call(s.systemEnv(), name, argTypes, args)
}

// changeNode drains, removes or reactivates a node and waits until that is done, telling the client what it waits for.
func (s *Session) changeNode(ctx context.Context, what string, node topo.NodeID) error {
	if !s.superuser() {
		return catalog.DeniedError("function", what)
	}
	if s.node.ChangeNode == nil {
		return pgerr.NotSupported("changing a cluster's nodes")
	}
	return s.node.ChangeNode(ctx, what, node, func(progress string) { s.notice(pgerr.Notice("%s", progress)) })
}

// systemEnv is what the system catalogs show of this session.
func (s *Session) systemEnv() *pgcat.Env {
	return &pgcat.Env{Snapshot: s.snapshot(), SearchPath: (*functions)(s).CurrentSchemas(true), Role: s.role(),
		Database: s.start.Database, Remote: s.start.Remote, Local: s.start.Local, PID: s.start.PID, IO: &s.settings.IO, Settings: s.settingRows,
		Activity: s.activityRows, Warn: s.notice, Prepared: s.preparedRows, Cursors: s.cursorRows, SequenceState: s.sequenceValue}
}

func (s *Session) settingRows() []pgcat.Setting {
	var out []pgcat.Setting
	for _, r := range s.listedSettings() {
		if hiddenSetting(lower(r.name)) {
			continue
		}
		lo, hi := r.bounds()
		out = append(out, pgcat.Setting{Name: r.name, Value: s.shown(lower(r.name), r.Value), Unit: r.unit, VarType: r.kind.String(),
			Short: r.short, Extra: r.extra, Category: r.category, Context: r.context, Source: r.Source, Min: lo, Max: hi, Enum: r.values,
			Boot: r.def, Reset: r.Reset})
	}
	return out
}

// preparedRows lists the named prepared statements.
func (s *Session) preparedRows() []pgcat.Prepared {
	var out []pgcat.Prepared
	for name, st := range s.statements {
		if name == "" {
			continue
		}
		params := make([]types.Oid, len(st.params))
		for i, p := range st.params {
			params[i] = p.Oid
		}
		out = append(out, pgcat.Prepared{Name: name, Statement: st.text, At: st.prepared, Params: params, FromSQL: st.fromSQL,
			Generic: st.generic, Custom: st.custom.n})
	}
	slices.SortFunc(out, func(a, b pgcat.Prepared) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// cursorRows lists the portals: those of DECLARE CURSOR and those of Bind messages.
func (s *Session) cursorRows() []pgcat.Cursor {
	var out []pgcat.Cursor
	for name, p := range s.portals {
		row := pgcat.Cursor{Name: name, Statement: p.st.text, At: p.created}
		if c := p.declared; c != nil {
			row.Scroll, row.Hold, row.Binary = c.scroll, c.hold, c.binary
		}
		out = append(out, row)
	}
	slices.SortFunc(out, func(a, b pgcat.Cursor) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (s *Session) activityRows() []pgcat.Activity {
	var out []pgcat.Activity
	for _, a := range s.node.Activity() {
		out = append(out, pgcat.Activity(a))
	}
	return out
}

// sequenceValue reads a sequence's last_value and is_called.
func (s *Session) sequenceValue(q *catalog.Sequence) (int64, bool, error) {
	v, err := s.node.Txns.ReadSequence(s.base, sequenceOptions(q))
	return v.Last, v.IsCalled, err
}

// virtualRows makes the rows of a system relation: all relations of a statement show one catalog.
func (s *Session) virtualRows(ctx context.Context, snap *catalog.Snapshot, t *sema.VirtualTable, emit func(row []types.Datum) error) error {
	if ok, err := s.transitionRows(t, emit); ok {
		return err
	}
	env := s.systemEnv()
	env.Snapshot = snap
	env.Check = func(emit func(pgcat.Finding)) error { return s.check(ctx, emit) }
	return s.node.System.Rows(env, t, emit)
}
