package sim

import (
	"context"
	"hash/fnv"
	"slices"
	"sort"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// replica is what the simulation needs of a state machine: fsm.State, or the model.
type replica interface {
	Apply(index uint64, cmds []fsm.Command, results []fsm.Result) error
	Get(key []byte, ts topo.Timestamp, own fsm.Own) (fsm.Version, *fsm.Pending, error)
	Latest(key []byte, own topo.TxnID) (fsm.Version, *fsm.Pending, error)
	Moved(key []byte, since topo.Timestamp, own topo.TxnID) (topo.Timestamp, []byte, *fsm.Pending, error)
	Origin(key []byte, own fsm.Own) []byte
	Scan(opts fsm.ScanOptions, emit func(key, value []byte, ts topo.Timestamp) bool) ([]byte, *fsm.Pending, error)
	Outcome(txn topo.TxnID, attempt topo.Attempt) fsm.OutcomeInfo
	PendingList() []fsm.PendingInfo
	ProvisionalTxns() []topo.TxnID
	Lease() fsm.LeaseInfo
	AppliedIndex() uint64
	TableSchema(id topo.TableID, ts topo.Timestamp) fsm.TableSchema
	Fences() []fsm.FenceInfo
	Sequence(id topo.StorageID) (fsm.SequenceState, bool)
	Watch(fn func(ts topo.Timestamp, entries []fsm.Entry))
	Digest() (index, digest uint64, err error)
	Flush(ctx context.Context) error
	Close() error
}

// model is a plain state machine with the rules of shard/fsm and nothing of its machinery: maps, linear searches, no
// files. The simulation can run on it, to tell a fault of the gateway from one of the state machine.
type model struct {
	index    uint64
	keys     map[string]*modelKey
	pending  map[topo.TxnID]*fsm.Prepare
	outcomes map[modelAttempt]fsm.OutcomeInfo
	starts   map[modelAttempt]topo.Timestamp
	// kept outcomes are those of attempts over several groups that nobody has forgotten yet.
	kept      map[modelAttempt]bool
	sent      map[topo.TxnID]map[modelOp]fsm.ProvisionOp
	readFloor topo.Timestamp // of committed read ranges: later prepares commit at or above it
	horizon   topo.Timestamp
	max       topo.Timestamp
	lease     fsm.LeaseInfo
	schema    map[topo.TableID]*modelTable
	sequences map[topo.StorageID]fsm.SequenceState
	watch     []func(ts topo.Timestamp, entries []fsm.Entry)
}

// modelTable is a table's admitted version, and the fence that is up (nil: none).
type modelTable struct {
	version topo.SchemaVersion
	fence   *fsm.FenceInfo
}

type modelAttempt struct {
	txn topo.TxnID
	n   topo.Attempt
}

// modelOp names an operation sent ahead: what does not replace each other is numbered apart.
type modelOp struct {
	seq   uint64
	class fsm.ItemKind
	key   string
}

func opOf(op *fsm.ProvisionOp) modelOp {
	o := modelOp{op.Seq, op.Item.Kind, string(op.Item.Key)}
	if writes(&op.Item) {
		o.class = fsm.ItemPut
	}
	return o
}

// modelKey has versions in ascending order; a nil value is a tombstone.
type modelKey struct {
	versions []fsm.Version
	moved    map[topo.Timestamp][]byte // where the row before a version went
	share    topo.Timestamp
}

func (k *modelKey) latest() fsm.Version {
	if k == nil || len(k.versions) == 0 {
		return fsm.Version{}
	}
	return k.versions[len(k.versions)-1]
}

func newModel() *model {
	return &model{keys: map[string]*modelKey{}, pending: map[topo.TxnID]*fsm.Prepare{},
		outcomes: map[modelAttempt]fsm.OutcomeInfo{}, starts: map[modelAttempt]topo.Timestamp{}, kept: map[modelAttempt]bool{},
		sent: map[topo.TxnID]map[modelOp]fsm.ProvisionOp{}, schema: map[topo.TableID]*modelTable{},
		sequences: map[topo.StorageID]fsm.SequenceState{}}
}

// Apply implements replica.
func (m *model) Apply(index uint64, cmds []fsm.Command, results []fsm.Result) error {
	m.index = index
	for i := range cmds {
		results[i] = m.apply(&cmds[i])
	}
	return nil
}

func code(c fsm.ResultCode) fsm.Result { return fsm.Result{Code: c} }

func (m *model) apply(c *fsm.Command) fsm.Result {
	if l := c.Lease; l != nil {
		if l.Epoch == m.lease.Epoch && l.Holder == m.lease.Holder && l.Incarnation == m.lease.Incarnation {
			return code(fsm.ResultOK)
		}
		if c.Lease.Epoch != m.lease.Epoch+1 || c.Lease.AfterIndex < m.lease.LastIndex {
			return code(fsm.ResultStaleEpoch)
		}
		m.lease = fsm.LeaseInfo{Epoch: c.Lease.Epoch, Holder: c.Lease.Holder, Incarnation: c.Lease.Incarnation, LastIndex: m.index}
		return code(fsm.ResultOK)
	}
	if c.Epoch != m.lease.Epoch {
		return code(fsm.ResultStaleEpoch)
	}
	m.lease.LastIndex = m.index
	switch {
	case c.Upgrade != nil:
		return code(fsm.ResultOK)
	case c.Prepare != nil:
		return m.prepare(c.Prepare)
	case c.Provision != nil:
		return m.provision(c.Provision)
	case c.Commit != nil:
		return m.resolve(c.Commit.Txn, c.Commit.Attempt, true, c.Commit.TS, true)
	case c.Resolve != nil:
		r := c.Resolve
		res := m.resolve(r.Txn, r.Attempt, r.Commit, r.TS, r.Final)
		return res
	case c.Tombstone != nil:
		return m.tombstone(c.Tombstone)
	case c.Forget != nil:
		res := code(fsm.ResultOK)
		for _, f := range c.Forget.Attempts {
			a := modelAttempt{f.Txn, f.Attempt}
			if o := m.outcomes[a]; o.Code == fsm.OutcomePrepared {
				res = fsm.Result{Code: fsm.ResultPrepared, TS: o.TS}
				continue
			}
			delete(m.kept, a)
		}
		m.raise(m.horizon)
		return res
	case c.Fence != nil:
		return m.fence(c.Fence)
	case c.Sequence != nil:
		if c.Sequence.ID == fsm.WindowSequence && c.Sequence.Last <= m.sequences[c.Sequence.ID].Last {
			return code(fsm.ResultOK)
		}
		m.sequences[c.Sequence.ID] = fsm.SequenceState{Last: c.Sequence.Last, IsCalled: c.Sequence.IsCalled}
	case c.Horizon != nil:
		m.raise(c.Horizon.TS)
	}
	return code(fsm.ResultOK)
}

func (m *model) table(id topo.TableID) *modelTable {
	if m.schema[id] == nil {
		m.schema[id] = &modelTable{}
	}
	return m.schema[id]
}

func (m *model) fence(f *fsm.Fence) fsm.Result {
	if f.Phase != fsm.FenceRaise {
		for _, tv := range f.Tables {
			t := m.table(tv.Table)
			if t.fence != nil && t.fence.Txn == f.Txn {
				t.fence = nil
			}
			if f.Phase == fsm.FenceOpen {
				t.version = max(t.version, tv.Version)
			}
		}
		return code(fsm.ResultOK)
	}
	for _, tv := range f.Tables {
		switch t := m.table(tv.Table); {
		case t.fence != nil && t.fence.Txn != f.Txn:
			return code(fsm.ResultFenced)
		case tv.Version <= t.version:
			return code(fsm.ResultVersion)
		}
	}
	for _, tv := range f.Tables {
		m.table(tv.Table).fence = &fsm.FenceInfo{Table: tv.Table, Version: tv.Version, Txn: f.Txn, Attempt: f.Attempt, Primary: f.Primary}
	}
	for _, id := range m.pendingTxns() {
		p := m.pending[id]
		for _, tv := range p.Tables {
			if id != f.Txn && slices.ContainsFunc(f.Tables, func(t topo.TableVersion) bool { return t.Table == tv.Table }) {
				return fsm.Result{Code: fsm.ResultPending, Other: id, OtherAttempt: p.Attempt, OtherPrimary: p.Primary}
			}
		}
	}
	return code(fsm.ResultOK)
}

func (m *model) raise(ts topo.Timestamp) {
	m.horizon = max(m.horizon, ts)
	for a, start := range m.starts {
		if start <= m.horizon && !m.kept[a] {
			if p := m.pending[a.txn]; p != nil && p.Attempt == a.n {
				continue
			}
			delete(m.outcomes, a)
			delete(m.starts, a)
		}
	}
}

// first answers a prepare or tombstone whose attempt has an outcome already.
func (m *model) first(txn topo.TxnID, n topo.Attempt) (fsm.Result, bool) {
	switch o := m.outcomes[modelAttempt{txn, n}]; o.Code {
	case fsm.OutcomeCommitted:
		return fsm.Result{Code: fsm.ResultCommitted, TS: o.TS}, true
	case fsm.OutcomeAborted:
		return code(fsm.ResultAborted), true
	case fsm.OutcomePrepared:
		return fsm.Result{Code: fsm.ResultPrepared, TS: o.TS}, true
	}
	return fsm.Result{}, false
}

func (m *model) prepare(p *fsm.Prepare) fsm.Result {
	if r, ok := m.first(p.Txn, p.Attempt); ok {
		return r
	}
	if p.StartTS <= m.horizon {
		return code(fsm.ResultHorizon)
	}
	for _, tv := range p.Tables {
		switch t := m.table(tv.Table); {
		case t.fence != nil && t.fence.Txn != p.Txn:
			return code(fsm.ResultFenced)
		case tv.Version < t.version:
			return code(fsm.ResultVersion)
		}
	}
	net := *p
	net.Items = slices.Clone(p.Items)
	if p.Provisioned.Count > 0 {
		ops, bad := m.net(p.Txn, p.Provisioned)
		if bad != 0 {
			return fsm.Result{Code: bad, Item: -1}
		}
		net.Items = append(net.Items, ops...)
	}
	minTS := max(p.MinTS, m.readFloor)
	for i := range net.Items {
		if r := m.validate(p.Txn, &net.Items[i], &minTS); r.Code != 0 {
			r.Item = i
			if i >= len(p.Items) {
				r.Item = -1
			}
			return r
		}
	}
	net.MinTS = minTS
	a := modelAttempt{p.Txn, p.Attempt}
	m.starts[a] = p.StartTS
	m.kept[a] = !p.OnePhase
	m.outcomes[a] = fsm.OutcomeInfo{Code: fsm.OutcomePrepared, TS: minTS, Primary: p.Primary, Participants: p.Participants}
	m.pending[p.Txn] = &net
	if p.OnePhase {
		return m.resolve(p.Txn, p.Attempt, true, minTS, true)
	}
	return fsm.Result{Code: fsm.ResultPrepared, TS: minTS}
}

// net returns the effect of the operations sent ahead: of each key and class the last one that was not rolled back. All
// of them must have relied on one version.
func (m *model) net(txn topo.TxnID, want fsm.Provisioned) (items []fsm.Item, bad fsm.ResultCode) {
	var list []modelOp
	for o := range m.sent[txn] {
		if !slices.ContainsFunc(want.RolledBack, func(r fsm.SeqRange) bool { return r.First <= o.seq && o.seq < r.End }) {
			list = append(list, o)
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].seq < list[j].seq })
	at := map[modelOp]int{}
	for _, o := range list {
		it := m.sent[txn][o].Item
		o.seq = 0
		i, ok := at[o]
		if !ok {
			at[o] = len(items)
			items = append(items, it)
			continue
		}
		last := &items[i]
		it.KeepsKey = it.KeepsKey && last.KeepsKey
		if o.class != fsm.ItemExclusive && o.class != fsm.ItemMoved && (it.SeenAbsent != last.SeenAbsent || !it.SeenAbsent && it.Seen != last.Seen) {
			bad = fsm.ResultConflict
		}
		*last = it
	}
	if uint64(len(m.sent[txn])) != want.Count {
		bad = fsm.ResultMismatch
	}
	return items, bad
}

func (m *model) provision(p *fsm.Provision) fsm.Result {
	if held := m.pending[p.Txn]; held != nil {
		return fsm.Result{Code: fsm.ResultPrepared, TS: held.MinTS}
	}
	if m.sent[p.Txn] == nil {
		m.sent[p.Txn] = map[modelOp]fsm.ProvisionOp{}
	}
	for i := range p.Ops {
		m.sent[p.Txn][opOf(&p.Ops[i])] = p.Ops[i]
	}
	return code(fsm.ResultOK)
}

func writes(it *fsm.Item) bool {
	switch it.Kind {
	case fsm.ItemPut, fsm.ItemDelete, fsm.ItemPutEntry, fsm.ItemDeleteEntry:
		return true
	}
	return false
}

func inRange(r *fsm.Item, key []byte) bool {
	return string(key) >= string(r.Key) && string(key) < string(r.End)
}

// clash reports whether an item cannot be prepared beside another transaction's pending one.
func clash(a, b *fsm.Item) bool {
	switch {
	case a.Kind == fsm.ItemReadRange && b.Kind == fsm.ItemReadRange:
		return false
	case a.Kind == fsm.ItemReadRange:
		return writes(b) && inRange(a, b.Key)
	case b.Kind == fsm.ItemReadRange:
		return writes(a) && inRange(b, a.Key)
	}
	if string(a.Key) != string(b.Key) {
		return false
	}
	// PostgreSQL's row-lock table: two modes conflict when their sum is above Update.
	x, y := strength(a), strength(b)
	return x > lock.None && y > lock.None && x+y > lock.Update
}

// strength is the row lock that an item amounts to. Entries beside their row are covered by the row.
func strength(it *fsm.Item) lock.Mode {
	switch it.Kind {
	case fsm.ItemDelete, fsm.ItemExclusive:
		return lock.Update
	case fsm.ItemPut:
		if it.KeepsKey {
			return lock.NoKeyUpdate
		}
		return lock.Update
	case fsm.ItemLock:
		return it.Mode
	case fsm.ItemSharedMark:
		return lock.KeyShare
	}
	return lock.None
}

func (m *model) validate(txn topo.TxnID, it *fsm.Item, minTS *topo.Timestamp) fsm.Result {
	for _, other := range m.pendingTxns() {
		p := m.pending[other]
		if other == txn {
			continue
		}
		for j := range p.Items {
			if clash(it, &p.Items[j]) {
				return fsm.Result{Code: fsm.ResultPending, Other: other, OtherAttempt: p.Attempt, OtherPrimary: p.Primary}
			}
		}
	}
	k := m.keys[string(it.Key)]
	v := k.latest()
	same := v.Value != nil && !it.SeenAbsent && v.TS == it.Seen ||
		v.Value == nil && it.SeenAbsent && (v.TS == it.Seen || v.TS <= m.horizon)
	switch it.Kind {
	case fsm.ItemPut, fsm.ItemDelete, fsm.ItemLock:
		if !same {
			return code(fsm.ResultConflict)
		}
	case fsm.ItemSharedMark:
		if v.Value == nil || v.KeyVersion != it.Seen {
			return code(fsm.ResultConflict)
		}
	case fsm.ItemExclusive:
		if (k != nil && k.share > it.F) || it.F < m.horizon {
			return code(fsm.ResultShared)
		}
	case fsm.ItemReadRange:
		for key, k := range m.keys {
			if inRange(it, []byte(key)) && k.latest().TS > it.Seen {
				return code(fsm.ResultConflict)
			}
		}
	}
	switch {
	case it.Kind == fsm.ItemLock || it.Kind == fsm.ItemSharedMark:
		*minTS = max(*minTS, v.TS)
	case it.Kind == fsm.ItemPut || it.Kind == fsm.ItemDelete:
		*minTS = max(*minTS, v.TS+1)
	}
	return fsm.Result{}
}

func (m *model) resolve(txn topo.TxnID, n topo.Attempt, commit bool, ts topo.Timestamp, final bool) fsm.Result {
	a := modelAttempt{txn, n}
	o := m.outcomes[a]
	res, done := m.first(txn, n)
	if !done || res.Code == fsm.ResultPrepared {
		switch {
		case commit && !done && ts <= m.horizon:
			return fsm.Result{Code: fsm.ResultCommitted, TS: ts} // again, after it was forgotten
		case commit && !done:
			return code(fsm.ResultMismatch)
		case commit:
			m.write(m.pending[txn], ts)
			res = fsm.Result{Code: fsm.ResultCommitted, TS: ts}
			o.Code, o.TS = fsm.OutcomeCommitted, ts
			m.starts[a] = ts
		default:
			res = code(fsm.ResultAborted)
			m.starts[a] = max(m.max, ts)
			if o.Code == fsm.OutcomePrepared {
				m.starts[a] = max(m.starts[a], o.TS)
			}
			o.Code = fsm.OutcomeAborted
			m.kept[a] = true
		}
		if p := m.pending[txn]; p != nil && p.Attempt == n {
			delete(m.pending, txn)
		}
		m.outcomes[a] = o
	}
	if final && m.pending[txn] == nil {
		delete(m.sent, txn)
	}
	return res
}

func (m *model) tombstone(t *fsm.Tombstone) fsm.Result {
	if r, ok := m.first(t.Txn, t.Attempt); ok {
		return r
	}
	if t.TS != 0 && t.TS <= m.horizon {
		return code(fsm.ResultHorizon)
	}
	a := modelAttempt{t.Txn, t.Attempt}
	m.outcomes[a] = fsm.OutcomeInfo{Code: fsm.OutcomeAborted}
	m.starts[a] = max(t.TS, m.max)
	m.kept[a] = true
	return code(fsm.ResultAborted)
}

func (m *model) write(p *fsm.Prepare, ts topo.Timestamp) {
	m.max = max(m.max, ts)
	var entries []fsm.Entry
	for i := range p.Items {
		it := &p.Items[i]
		if writes(it) {
			entries = append(entries, fsm.Entry{Key: it.Key, Value: it.Value})
		}
		if it.Kind == fsm.ItemReadRange {
			m.readFloor = max(m.readFloor, ts)
			continue
		}
		k := m.keys[string(it.Key)]
		if k == nil {
			k = &modelKey{}
			m.keys[string(it.Key)] = k
		}
		switch it.Kind {
		case fsm.ItemSharedMark:
			k.share = max(k.share, ts)
		case fsm.ItemPut, fsm.ItemPutEntry:
			v := fsm.Version{TS: ts, KeyVersion: ts, Value: append([]byte{}, it.Value...)}
			if it.KeepsKey && k.latest().Value != nil {
				v.KeyVersion = k.latest().KeyVersion
			}
			k.versions = append(k.versions, v)
		case fsm.ItemMoved:
			if k.moved == nil {
				k.moved = map[topo.Timestamp][]byte{}
			}
			if len(it.Value) > 0 {
				k.moved[ts] = it.Value
			}
		case fsm.ItemDelete, fsm.ItemDeleteEntry:
			k.versions = append(k.versions, fsm.Version{TS: ts, KeyVersion: ts})
		}
	}
	for _, fn := range m.watch {
		fn(ts, entries)
	}
}

// pendingTxns lists the prepared transactions in order.
func (m *model) pendingTxns() []topo.TxnID {
	list := make([]topo.TxnID, 0, len(m.pending))
	for id := range m.pending {
		list = append(list, id)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Less(list[j]) })
	return list
}

// own returns the reading transaction's operation on key among those sent ahead.
func (m *model) own(key []byte, own fsm.Own) (it *fsm.Item) {
	best := uint64(0)
	for o, op := range m.sent[own.Txn] {
		s := o.seq
		if string(op.Item.Key) != string(key) || !writes(&op.Item) || s > own.Seq || s < best ||
			slices.ContainsFunc(own.RolledBack, func(r fsm.SeqRange) bool { return r.First <= s && s < r.End }) {
			continue
		}
		best, it = s, &op.Item
	}
	return it
}

func (m *model) blocked(key []byte, ts topo.Timestamp, own topo.TxnID) *fsm.Pending {
	for _, id := range m.pendingTxns() {
		p := m.pending[id]
		if id == own || p.MinTS > ts {
			continue
		}
		for i := range p.Items {
			if writes(&p.Items[i]) && string(p.Items[i].Key) == string(key) {
				return &fsm.Pending{Txn: id, Attempt: p.Attempt, Primary: p.Primary, Min: p.MinTS, Key: key}
			}
		}
	}
	return nil
}

// Get implements replica.
func (m *model) Get(key []byte, ts topo.Timestamp, own fsm.Own) (fsm.Version, *fsm.Pending, error) {
	if it := m.own(key, own); it != nil {
		if it.Kind == fsm.ItemPut || it.Kind == fsm.ItemPutEntry {
			return fsm.Version{Value: append([]byte{}, it.Value...)}, nil, nil
		}
		return fsm.Version{}, nil, nil
	}
	if ts < m.horizon {
		return fsm.Version{}, nil, fsm.ErrSnapshotTooOld
	}
	if p := m.blocked(key, ts, own.Txn); p != nil {
		return fsm.Version{}, p, nil
	}
	if k := m.keys[string(key)]; k != nil {
		for i := len(k.versions) - 1; i >= 0; i-- {
			if k.versions[i].TS <= ts {
				return k.versions[i], nil, nil
			}
		}
	}
	return fsm.Version{}, nil, nil
}

// Moved implements replica.
func (m *model) Moved(key []byte, since topo.Timestamp, own topo.TxnID) (topo.Timestamp, []byte, *fsm.Pending, error) {
	if p := m.blocked(key, topo.MaxTimestamp, own); p != nil {
		return 0, nil, p, nil
	}
	if k := m.keys[string(key)]; k != nil {
		for _, v := range k.versions {
			if v.TS > since && (v.Value == nil || v.KeyVersion > since) {
				return v.TS, k.moved[v.TS], nil, nil
			}
		}
	}
	return 0, nil, nil, nil
}

// Origin implements replica.
func (m *model) Origin(key []byte, own fsm.Own) []byte {
	var list []fsm.ProvisionOp
	for o, op := range m.sent[own.Txn] {
		if o.key == string(key) && writes(&op.Item) && o.seq <= own.Seq &&
			!slices.ContainsFunc(own.RolledBack, func(r fsm.SeqRange) bool { return r.First <= o.seq && o.seq < r.End }) {
			list = append(list, op)
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Seq < list[j].Seq })
	origin := []byte{}
	for _, op := range list {
		switch {
		case op.Item.Origin != nil:
			origin = op.Item.Origin
		case op.Item.Kind != fsm.ItemPut || !op.Item.KeepsKey:
			origin = nil
		}
	}
	return origin
}

// Latest implements replica.
func (m *model) Latest(key []byte, own topo.TxnID) (fsm.Version, *fsm.Pending, error) {
	if p := m.blocked(key, topo.MaxTimestamp, own); p != nil {
		return fsm.Version{}, p, nil
	}
	return m.keys[string(key)].latest(), nil, nil
}

// Scan implements replica.
func (m *model) Scan(o fsm.ScanOptions, emit func(key, value []byte, ts topo.Timestamp) bool) ([]byte, *fsm.Pending, error) {
	set := map[string]bool{}
	for k := range m.keys {
		set[k] = true
	}
	for _, op := range m.sent[o.Own.Txn] {
		set[string(op.Item.Key)] = true
	}
	for _, p := range m.pending {
		for i := range p.Items {
			set[string(p.Items[i].Key)] = true
		}
	}
	var keys []string
	for k := range set {
		if inRanges(k, o.Lo, o.Hi, o.Ranges) {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	if o.Reverse {
		slices.Reverse(keys)
	}
	n := 0
	for _, k := range keys {
		resume := []byte(k)
		if o.Reverse {
			resume = append(resume, 0)
		}
		if o.MaxRows > 0 && n == o.MaxRows {
			return resume, nil, nil
		}
		v, p, err := m.Get([]byte(k), o.TS, o.Own)
		if err != nil || p != nil {
			return resume, p, err
		}
		if v.Value == nil {
			continue
		}
		n++
		if o.KeysOnly {
			v.Value = nil
		}
		if !emit([]byte(k), v.Value, v.TS) {
			return resume, nil, nil
		}
	}
	return nil, nil, nil
}

// Outcome implements replica.
func (m *model) Outcome(txn topo.TxnID, attempt topo.Attempt) fsm.OutcomeInfo {
	return m.outcomes[modelAttempt{txn, attempt}]
}

// PendingList implements replica.
func (m *model) PendingList() []fsm.PendingInfo {
	var list []fsm.PendingInfo
	for id, p := range m.pending {
		list = append(list, fsm.PendingInfo{Txn: id, Attempt: p.Attempt, Primary: p.Primary, Min: p.MinTS, Participants: p.Participants})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Txn.Less(list[j].Txn) })
	return list
}

// ProvisionalTxns implements replica.
func (m *model) ProvisionalTxns() []topo.TxnID {
	var list []topo.TxnID
	for id := range m.sent {
		list = append(list, id)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Less(list[j]) })
	return list
}

// Lease implements replica.
func (m *model) Lease() fsm.LeaseInfo { return m.lease }

// AppliedIndex implements replica.
func (m *model) AppliedIndex() uint64 { return m.index }

// TableSchema implements replica.
func (m *model) TableSchema(id topo.TableID, ts topo.Timestamp) fsm.TableSchema {
	t := m.table(id)
	out := fsm.TableSchema{Version: t.version, Fence: t.fence}
	for a, o := range m.outcomes {
		if t.fence != nil && a.txn == t.fence.Txn && o.Code == fsm.OutcomeCommitted && o.TS <= ts {
			out.Published = true
		}
	}
	return out
}

// Fences implements replica.
func (m *model) Fences() []fsm.FenceInfo {
	var list []fsm.FenceInfo
	for _, t := range m.schema {
		if t.fence != nil {
			list = append(list, *t.fence)
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Table < list[j].Table })
	return list
}

// Sequence implements replica.
func (m *model) Sequence(id topo.StorageID) (fsm.SequenceState, bool) {
	s, ok := m.sequences[id]
	return s, ok
}

// Watch implements replica.
func (m *model) Watch(fn func(ts topo.Timestamp, entries []fsm.Entry)) { m.watch = append(m.watch, fn) }

// Digest implements replica.
func (m *model) Digest() (index, digest uint64, err error) {
	keys := make([]string, 0, len(m.keys))
	for k := range m.keys {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	h := fnv.New64a()
	for _, k := range keys {
		h.Write([]byte(k))
		v := m.keys[k].latest()
		h.Write(v.Value)
		h.Write(num(uint32(v.TS)))
	}
	return m.index, h.Sum64(), nil
}

// Flush implements replica.
func (m *model) Flush(ctx context.Context) error { return nil }

// Close implements replica.
func (m *model) Close() error { return nil }
