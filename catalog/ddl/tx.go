package ddl

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Config is the environment of a node's DDL transactions. Backend and what follows it belong to one session.
type Config struct {
	Replica Replica
	// Database is the session's.
	Database catalog.Oid
	Alloc    Allocator
	Groups   func(topo.GroupID) rpc.Group
	// Admit, when set, returns once every live node plans by catalog version ts; AfterCommit calls it.
	Admit func(ctx context.Context, ts topo.Timestamp) error
	// Recover, when set, finishes or aborts the attempt of another transaction that is stuck (txn.Manager.RecoverStuck).
	Recover func(ctx context.Context, t topo.TxnID, attempt topo.Attempt, primary topo.GroupID) error
	// FenceMet, when set, is told of a fence that a lost schema change left: run RecoverFences on it in the background.
	FenceMet func(fsm.FenceInfo)
	// Building, when set, learns which storages are being filled.
	Building *Building

	Backend Backend
	Exprs   Expressions
	Notice  func(*pgerr.Error)
	// SearchPath returns the effective search path; names of schemas that do not exist are passed over. It decides where
	// unqualified names are found and which names messages print qualified.
	SearchPath func() []string
	// User returns the current role, the owner of what is created, and SessionUser the session's.
	User        func() catalog.Oid
	SessionUser func() catalog.Oid
	// Temp is the session's temporary schema; nil where nothing temporary can be made.
	Temp *TempSession
}

// Tx is the DDL side of one transaction. One goroutine uses it.
type Tx struct {
	cfg  Config
	txn  Transaction
	base *catalog.Snapshot // the replica's snapshot below the own changes
	s    state
	// raised holds the tables with a fence up and the version it admits once open. It only grows: ROLLBACK TO leaves
	// fences up until the transaction ends.
	raised map[catalog.Oid]topo.SchemaVersion
	// built are storages that were filled outside the transaction's own writes; an abort drops them.
	built []topo.StorageID
	// within is where CREATE SCHEMA's elements are made: its search path, and its role where that is another.
	within struct {
		path []string
		user catalog.Oid
	}
	// temp is set once objects of the session's temporary schema were changed.
	temp bool
	// silent is set when a group did not answer in time.
	silent atomic.Bool
}

// state is what a savepoint brings back.
type state struct {
	over *catalog.Snapshot // base and the own changes
	// own maps every object changed to its present form, nil for a dropped one.
	own map[catalog.ObjectID]catalog.Object
	// bumped maps the tables that existed before and were changed to their new versions.
	bumped map[catalog.Oid]topo.SchemaVersion
	// keys are the catalog keys written, without those that the transaction itself made and deleted: of them nothing is
	// ever applied. fresh are those that nothing was under before the transaction.
	keys, fresh map[string]bool
}

func (s state) clone() state {
	return state{over: s.over, own: maps.Clone(s.own), bumped: maps.Clone(s.bumped), keys: maps.Clone(s.keys), fresh: maps.Clone(s.fresh)}
}

// State is what Save remembers for a savepoint.
type State struct{ s state }

// Begin returns the DDL side of a transaction that has changed nothing yet.
func Begin(cfg Config, t Transaction) *Tx {
	x := &Tx{cfg: cfg, txn: t}
	x.base = x.current()
	x.s.over = x.base
	if x.cfg.Notice == nil {
		x.cfg.Notice = func(*pgerr.Error) {}
	}
	return x
}

// current is the replica's catalog as the session's database sees it.
func (x *Tx) current() *catalog.Snapshot {
	database := x.cfg.Database
	if database == 0 {
		database = catalog.DefaultDatabase
	}
	return x.cfg.Replica.Current().In(database)
}

// id names an object of the session's database, or of the cluster.
func (x *Tx) id(class catalog.Class, oid catalog.Oid) catalog.ObjectID { return x.base.ID(class, oid) }

// Overlay returns the catalog as the transaction sees it: the latest published snapshot and its own changes. Sessions
// call it at the start of every statement.
func (x *Tx) Overlay() *catalog.Snapshot {
	x.refresh()
	return x.s.over
}

// Changed reports whether the transaction has changed the catalog.
func (x *Tx) Changed() bool { return len(x.s.own) > 0 }

// HasFences reports whether BeforeCommit, AfterCommit or AfterAbort have anything to do.
func (x *Tx) HasFences() bool { return len(x.raised) > 0 || len(x.s.own) > 0 || len(x.built) > 0 }

// Save remembers the overlay for a savepoint; call it together with the transaction's Savepoint.
func (x *Tx) Save() State { return State{x.s.clone()} }

// Restore returns to a savepoint, together with the transaction's RollbackTo.
func (x *Tx) Restore(s State) {
	old := x.s
	x.s = s.s.clone()
	for table := range old.bumped {
		if x.s.bumped[table] == 0 {
			if t := x.base.Table(table); t != nil {
				x.txn.ReplaceTable(t.VersionTag())
			}
		}
	}
	x.rebase(x.current())
}

// refresh moves the overlay onto the replica's latest snapshot.
func (x *Tx) refresh() {
	if cur := x.current(); cur != x.base {
		x.rebase(cur)
	}
}

// rebase puts the own changes onto another snapshot. Every object changed is locked, so that they cannot clash.
func (x *Tx) rebase(base *catalog.Snapshot) {
	x.base = base
	over := base
	for id, o := range x.s.own {
		if o == nil {
			over = over.Remove(id)
		}
	}
	for _, o := range x.s.own {
		if o != nil {
			over = over.Put(o)
		}
	}
	x.s.over = over
}

func catalogKey(key []byte) txn.Key { return txn.Key{Group: topo.CatalogGroup, Bytes: key} }

// lockKeys locks keys of the catalog group and moves the overlay onto a snapshot that has all that was committed under
// them. It returns what is under each.
func (x *Tx) lockKeys(ctx context.Context, mode lock.Mode, keys ...[]byte) ([]txn.Locked, error) {
	reqs := make([]txn.LockRequest, len(keys))
	for i, k := range keys {
		reqs[i] = txn.LockRequest{Key: catalogKey(k), Mode: mode, Latest: true}
	}
	out := make([]txn.Locked, len(keys))
	if err := x.txn.Lock(ctx, reqs, lock.Wait, out); err != nil {
		return nil, err
	}
	for i := range out {
		if ts := out[i].Version.TS; ts > 0 {
			if err := x.cfg.Replica.WaitEntries(ctx, keys[i:i+1], ts); err != nil {
				return nil, err
			}
		}
	}
	x.refresh()
	return out, nil
}

// lockObjects locks descriptors for change, in a fixed order.
func (x *Tx) lockObjects(ctx context.Context, ids ...catalog.ObjectID) error {
	slices.SortFunc(ids, compareObjectID)
	ids = slices.Compact(ids)
	keys := make([][]byte, len(ids))
	for i, id := range ids {
		keys[i] = catalog.DescriptorKey(id)
	}
	_, err := x.lockKeys(ctx, lock.Update, keys...)
	return err
}

// shareObject locks a descriptor that the change relies on without altering it.
func (x *Tx) shareObject(ctx context.Context, id catalog.ObjectID) error {
	if _, own := x.s.own[id]; own {
		return nil
	}
	_, err := x.lockKeys(ctx, lock.Share, catalog.DescriptorKey(id))
	return err
}

func compareObjectID(a, b catalog.ObjectID) int {
	if a.Class != b.Class {
		return int(a.Class) - int(b.Class)
	}
	if a.OID < b.OID {
		return -1
	}
	if a.OID > b.OID {
		return 1
	}
	return cmp.Compare(a.Database, b.Database)
}

// put writes a new or changed descriptor, the names it takes and the names it gives up. A new one is in the session's database
// unless it says another.
func (x *Tx) put(ctx context.Context, o catalog.Object) error {
	if o.ObjectID().Database == 0 {
		catalog.SetDatabase(o, x.base.DatabaseID())
	}
	id := o.ObjectID()
	x.noteTemp(o)
	old := x.s.over.Get(id)
	taken, freed := nameChanges(old, o)
	keys := [][]byte{catalog.DescriptorKey(id)}
	for _, n := range taken {
		keys = append(keys, catalog.NameKey(n))
	}
	for _, n := range freed {
		keys = append(keys, catalog.NameKey(n))
	}
	locked, err := x.lockKeys(ctx, lock.Update, keys...)
	if err != nil {
		return err
	}
	for i, n := range taken {
		if locked[1+i].Version.Exists() {
			return x.nameTaken(n)
		}
	}
	x.noteFresh(keys, locked)
	x.txn.Put(catalogKey(keys[0]), catalog.Encode(o), 0)
	for i := range taken {
		x.txn.Put(catalogKey(keys[1+i]), catalog.NameValue(id.OID), 0)
	}
	for i := range freed {
		x.txn.Delete(catalogKey(keys[1+len(taken)+i]), 0)
	}
	x.wrote(keys[:1+len(taken)])
	x.deleted(keys[1+len(taken):])
	x.own(id, o)
	x.s.over = x.s.over.Put(o)
	return nil
}

// remove deletes a descriptor and its names.
func (x *Tx) remove(ctx context.Context, o catalog.Object) error {
	id := o.ObjectID()
	o = x.s.over.Get(id)
	x.noteTemp(o)
	keys := [][]byte{catalog.DescriptorKey(id)}
	for _, n := range catalog.Names(o) {
		keys = append(keys, catalog.NameKey(n))
	}
	locked, err := x.lockKeys(ctx, lock.Update, keys...)
	if err != nil {
		return err
	}
	x.noteFresh(keys, locked)
	for _, k := range keys {
		x.txn.Delete(catalogKey(k), 0)
	}
	x.deleted(keys)
	x.own(id, nil)
	x.s.over = x.s.over.Remove(id)
	return nil
}

func (x *Tx) noteTemp(o catalog.Object) {
	for _, n := range catalog.Names(o) {
		s := x.s.over.Schema(n.Schema)
		x.temp = x.temp || s != nil && s.Temporary()
	}
}

// UsesTemp reports whether the transaction has made, changed or dropped objects of the session's temporary schema.
func (x *Tx) UsesTemp() bool { return x.temp }

func (x *Tx) own(id catalog.ObjectID, o catalog.Object) {
	if x.s.own == nil {
		x.s.own = map[catalog.ObjectID]catalog.Object{}
	}
	x.s.own[id] = o
}

func (x *Tx) wrote(keys [][]byte) {
	if x.s.keys == nil {
		x.s.keys = map[string]bool{}
	}
	for _, k := range keys {
		x.s.keys[string(k)] = true
	}
}

// noteFresh notes which keys are to be written for the first time and have nothing under them.
func (x *Tx) noteFresh(keys [][]byte, locked []txn.Locked) {
	for i, k := range keys {
		if !x.s.keys[string(k)] && !locked[i].Version.Exists() {
			if x.s.fresh == nil {
				x.s.fresh = map[string]bool{}
			}
			x.s.fresh[string(k)] = true
		}
	}
}

// deleted notes keys that were deleted: of a fresh one nothing remains to be seen.
func (x *Tx) deleted(keys [][]byte) {
	for _, k := range keys {
		if x.s.fresh[string(k)] {
			delete(x.s.keys, string(k))
		} else {
			x.wrote([][]byte{k})
		}
	}
}

// nameChanges returns the names that new has and old has not, and the other way round.
func nameChanges(old, new catalog.Object) (taken, freed []catalog.ObjectName) {
	var before []catalog.ObjectName
	if old != nil {
		before = catalog.Names(old)
	}
	after := catalog.Names(new)
	for _, n := range after {
		if !slices.Contains(before, n) {
			taken = append(taken, n)
		}
	}
	for _, n := range before {
		if !slices.Contains(after, n) {
			freed = append(freed, n)
		}
	}
	return taken, freed
}

// isNew reports whether the transaction itself created the table: nobody else can have planned against it.
func (x *Tx) isNew(table catalog.Oid) bool { return x.base.Table(table) == nil }

// alter locks a table's descriptor and returns a copy to be changed and put, with the version it will have. The version
// grows once per transaction.
func (x *Tx) alter(ctx context.Context, table catalog.Oid) (*catalog.Table, error) {
	t, err := x.annotate(ctx, table)
	if err != nil {
		return nil, err
	}
	if !x.isNew(table) {
		x.bump(table)
		t.Version = x.s.bumped[table]
	}
	return t, nil
}

// annotate is alter for changes that writers need not know of: those of the version as it is are not stopped, and no fence is
// raised. PostgreSQL makes such changes under ShareUpdateExclusiveLock. They are acknowledged, like all, once every node plans
// by them.
func (x *Tx) annotate(ctx context.Context, table catalog.Oid) (*catalog.Table, error) {
	if err := x.lockObjects(ctx, x.id(catalog.ClassTable, table)); err != nil {
		return nil, err
	}
	t := x.s.over.Table(table)
	if t == nil {
		return nil, pgerr.New(pgerr.UndefinedTable, "relation with OID %d does not exist", table)
	}
	return t.Clone(), nil
}

func (x *Tx) bump(table catalog.Oid) {
	if x.s.bumped == nil {
		x.s.bumped = map[catalog.Oid]topo.SchemaVersion{}
	}
	if x.s.bumped[table] == 0 {
		x.s.bumped[table] = x.base.Table(table).Version + 1
	}
}

// putTable writes a changed table; from then on the transaction itself works at the new version.
func (x *Tx) putTable(ctx context.Context, t *catalog.Table) error {
	if err := x.put(ctx, t); err != nil {
		return err
	}
	x.txn.ReplaceTable(t.VersionTag())
	return nil
}

// garbage remembers storages that no descriptor names once the transaction has committed.
func (x *Tx) garbage(ctx context.Context, what string, ids ...topo.StorageID) error {
	if len(ids) == 0 {
		return nil
	}
	keys := make([][]byte, len(ids))
	for i, id := range ids {
		keys[i] = catalog.GarbageKey(id)
	}
	if _, err := x.lockKeys(ctx, lock.Update, keys...); err != nil {
		return err
	}
	for _, k := range keys {
		x.txn.Put(catalogKey(k), []byte(what), 0)
	}
	x.wrote(keys)
	return nil
}

// tableStorages lists all storages of a table.
func tableStorages(t *catalog.Table) []topo.StorageID {
	out := []topo.StorageID{t.RowStorage}
	for _, i := range t.Indexes {
		if !i.RowKey {
			out = append(out, i.Storage)
		}
		if i.Excludes() {
			out = append(out, i.Marks)
		}
	}
	return out
}

// Within runs f with another search path, and as another role unless user is 0.
func (x *Tx) Within(path []string, user catalog.Oid, f func() error) error {
	old := x.within
	defer func() { x.within = old }()
	x.within.path = path
	if user != 0 {
		x.within.user = user
	}
	return f()
}

func (x *Tx) user() catalog.Oid {
	if x.within.user != 0 {
		return x.within.user
	}
	if x.cfg.User == nil {
		return catalog.BootstrapRole
	}
	return x.cfg.User()
}

func (x *Tx) sessionUser() catalog.Oid {
	if x.cfg.SessionUser == nil {
		return x.user()
	}
	return x.cfg.SessionUser()
}

func (x *Tx) searchPath() []string {
	if x.within.path != nil {
		return x.within.path
	}
	if x.cfg.SearchPath == nil {
		return []string{catalog.PgCatalogName, catalog.PublicName}
	}
	return x.cfg.SearchPath()
}

func (x *Tx) notice(n *pgerr.Error) { x.cfg.Notice(n) }
