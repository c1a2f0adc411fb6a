package exec

import (
	"bytes"
	"context"
	"regexp"
	"sort"
	"testing"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// memTxn is one transaction that never ends over sorted maps: every write is its own, numbered by statement.
type memTxn struct {
	groups map[topo.GroupID]map[string][]memVersion
	seq    txn.Seq
	start  txn.Seq
	scans  int // that were begun
}

type memVersion struct {
	seq   txn.Seq
	value []byte // nil: deleted
}

func newMemTxn() *memTxn { return &memTxn{groups: map[topo.GroupID]map[string][]memVersion{}} }

func (m *memTxn) Options() txn.Options                                   { return txn.Options{} }
func (m *memTxn) ReadsLatest() bool                                      { return false }
func (m *memTxn) Snapshot(context.Context) (topo.Timestamp, error)       { return 5, nil }
func (m *memTxn) FreshTimestamp(context.Context) (topo.Timestamp, error) { return 6, nil }
func (m *memTxn) ID() topo.TxnID                                         { return topo.TxnID{Seq: 7} }
func (m *memTxn) StatementSeq() txn.Seq                                  { return m.start }
func (m *memTxn) LastSeq() txn.Seq                                       { return m.seq }
func (m *memTxn) UseTable(topo.TableVersion)                             {}
func (m *memTxn) UseForLocks(topo.TableVersion)                          {}
func (m *memTxn) MarkShared(txn.Key, topo.Timestamp)                     {}
func (m *memTxn) MarkExclusive(txn.Key, topo.Timestamp)                  {}
func (m *memTxn) OnChildrenChanged(txn.Key, txn.Recheck)                 {}

func (m *memTxn) at(k txn.Key, own txn.Seq) txn.Version {
	vs := m.groups[k.Group][string(k.Bytes)]
	for i := len(vs) - 1; i >= 0; i-- {
		if vs[i].seq <= own {
			v := txn.Version{Own: true}
			v.Value = vs[i].value
			return v
		}
	}
	return txn.Version{}
}

func (m *memTxn) Get(_ context.Context, o txn.ReadOptions, keys []txn.Key, out []txn.Version) error {
	for i, k := range keys {
		out[i] = m.at(k, o.Own)
	}
	return nil
}

func (m *memTxn) Lock(_ context.Context, reqs []txn.LockRequest, _ lock.WaitPolicy, out []txn.Locked) error {
	for i, r := range reqs {
		out[i] = txn.Locked{Version: m.at(r.Key, txn.LatestSeq)}
	}
	return nil
}

func (m *memTxn) LockSeen(context.Context, txn.Key, lock.Mode, topo.Timestamp) (txn.Version, bool, error) {
	return txn.Version{}, false, nil
}

func (m *memTxn) put(k txn.Key, v []byte) {
	m.seq++
	if m.groups[k.Group] == nil {
		m.groups[k.Group] = map[string][]memVersion{}
	}
	m.groups[k.Group][string(k.Bytes)] = append(m.groups[k.Group][string(k.Bytes)], memVersion{m.seq, v})
}

func (m *memTxn) Put(k txn.Key, v []byte, _ txn.WriteFlags) { m.put(k, v) }
func (m *memTxn) Delete(k txn.Key, _ txn.WriteFlags)        { m.put(k, nil) }
func (m *memTxn) Move(from, to txn.Key, v []byte)           { m.put(from, nil); m.put(to, v) }

// rollbackTo drops what came after seq: a failed statement's writes.
func (m *memTxn) rollbackTo(seq txn.Seq) {
	for _, g := range m.groups {
		for k, vs := range g {
			for len(vs) > 0 && vs[len(vs)-1].seq > seq {
				vs = vs[:len(vs)-1]
			}
			g[k] = vs
		}
	}
}

type memScanner struct{ batches []*txn.Batch }

func (s *memScanner) Next(context.Context) (*txn.Batch, error) {
	if len(s.batches) == 0 {
		return nil, nil
	}
	b := s.batches[0]
	s.batches = s.batches[1:]
	return b, nil
}
func (s *memScanner) Close() {}

func (m *memTxn) Scan(_ context.Context, o txn.ReadOptions, spec txn.ScanSpec) (txn.Scanner, error) {
	m.scans++
	type kv struct {
		k string
		g topo.GroupID
	}
	var all []kv
	wanted := func(k string) bool {
		for _, r := range spec.Ranges {
			if k >= string(r.Lo) && (r.Hi == nil || k < string(r.Hi)) {
				return true
			}
		}
		return len(spec.Ranges) == 0 && k >= string(spec.Lo) && (spec.Hi == nil || k < string(spec.Hi))
	}
	for _, g := range spec.Groups {
		for k := range m.groups[g] {
			if wanted(k) && m.at(txn.Key{Group: g, Bytes: []byte(k)}, o.Own).Exists() {
				all = append(all, kv{k, g})
			}
		}
	}
	sort.Slice(all, func(i, j int) bool {
		if spec.Reverse {
			i, j = j, i
		}
		if !spec.Ordered && all[i].g != all[j].g {
			return all[i].g < all[j].g
		}
		return bytes.Compare([]byte(all[i].k), []byte(all[j].k)) < 0
	})
	s := &memScanner{}
	for len(all) > 0 {
		n := min(len(all), 700)
		b := &txn.Batch{}
		for _, e := range all[:n] {
			v := m.at(txn.Key{Group: e.g, Bytes: []byte(e.k)}, o.Own).Value
			b.Append([]byte(e.k), v, 0)
			b.Groups = append(b.Groups, e.g)
		}
		all = all[n:]
		s.batches = append(s.batches, b)
	}
	return s, nil
}

// db is a database of hand-made tables for tests.
type db struct {
	t    testing.TB
	snap *catalog.Snapshot
	txn  *memTxn
	sm   *topo.SlotMap
	cons Constraints
	oid  catalog.Oid
	id   int64
	// methods are the joins that its plans leave out.
	methods planner.Methods
}

func newDB(t testing.TB) *db {
	return &db{t: t, snap: catalog.NewSnapshot().Put(&catalog.Schema{OID: 2200, Name: "public"}), txn: newMemTxn(), sm: topo.NewSlotMap(4), oid: 20000}
}

// col is a column of a test table.
type col struct {
	name    string
	oid     types.Oid
	notNull bool
}

// table adds a table whose first nkey columns are the primary key; indexes and uniques name columns.
func (d *db) table(name string, cols []col, nkey int, uniques, indexes [][]int) *catalog.Table {
	next := func() catalog.Oid { d.oid++; return d.oid }
	t := &catalog.Table{OID: next(), SchemaID: 2200, Name: name, Version: 1, RowStorage: topo.StorageID(next())}
	for i, c := range cols {
		t.Columns = append(t.Columns, catalog.Column{Num: catalog.AttNum(i + 1), Name: c.name, Type: types.T(c.oid), NotNull: c.notNull || i < nkey})
	}
	index := func(cs []int, unique, primary bool) {
		ix := &catalog.Index{OID: next(), Storage: topo.StorageID(next()), Unique: unique, Primary: primary, RowKey: primary}
		ix.Name = name + "_idx"
		con := &catalog.Constraint{OID: next(), Type: catalog.Unique, Index: ix.OID}
		for _, c := range cs {
			ix.Columns = append(ix.Columns, catalog.IndexColumn{Num: catalog.AttNum(c + 1)})
			con.Columns = append(con.Columns, catalog.AttNum(c+1))
			ix.Name = name + "_" + cols[c].name + "_key"
		}
		if primary {
			ix.Name, con.Type = name+"_pkey", catalog.PrimaryKey
		}
		if unique {
			con.Name = ix.Name
			ix.Constraint = con.OID
			t.Constraints = append(t.Constraints, con)
		}
		t.Indexes = append(t.Indexes, ix)
	}
	var key []int
	for i := range nkey {
		key = append(key, i)
		t.KeyColumns = append(t.KeyColumns, catalog.AttNum(i+1))
	}
	if nkey > 0 {
		index(key, true, true)
	} else {
		n := catalog.AttNum(len(t.Columns) + 1)
		t.Columns = append(t.Columns, catalog.Column{Num: n, Name: "rowid", Type: types.T(types.Int8Oid), Hidden: true})
		t.KeyColumns = []catalog.AttNum{n}
	}
	t.DistColumns = t.KeyColumns
	for _, u := range uniques {
		index(u, true, false)
	}
	for _, x := range indexes {
		index(x, false, false)
	}
	d.snap = d.snap.Put(t)
	return d.snap.Table(t.OID)
}

func (d *db) plan(sql string) *planner.Plan {
	d.t.Helper()
	st, err := parse.ParseOne(sql)
	if err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	an, err := sema.Analyze(st, &sema.Env{Catalog: d.snap, SearchPath: []string{"public"}, Text: sql})
	if err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	p, err := planner.Prepare(an, &planner.Env{Groups: 4, Methods: d.methods})
	if err != nil {
		d.t.Fatalf("%s: plan: %v", sql, err)
	}
	return p
}

func (d *db) context(params ...types.Datum) *Context {
	return &Context{Context: context.Background(), Txn: d.txn, SlotMap: d.sm, Catalog: d.snap, Constraints: d.cons,
		Eval: &expr.EvalContext{Context: context.Background(), Params: params}, NextRowID: func(context.Context) (int64, error) { d.id++; return d.id, nil }}
}

// query runs a statement and returns its rows as text, one line a row.
func (d *db) query(sql string, params ...types.Datum) (string, error) {
	d.t.Helper()
	out, _, err := d.run(d.plan(sql), params...)
	return out, err
}

func (d *db) run(p *planner.Plan, params ...types.Datum) (string, int64, error) {
	d.txn.start = d.txn.seq
	var out []byte
	res, err := Run(d.context(params...), p, func(b *types.Batch) error {
		for i := range b.N {
			for c := range p.Columns {
				if c > 0 {
					out = append(out, '|')
				}
				if b.Cols[c].IsNull(i) {
					out = append(out, "null"...)
				} else {
					out = types.AppendText(out, p.Columns[c].Type.Oid, b.Cols[c].Get(i), types.DefaultIOEnv)
				}
			}
			out = append(out, '\n')
		}
		return nil
	})
	if err != nil {
		d.txn.rollbackTo(d.txn.start)
	}
	return string(out), res.Rows, err
}

// must runs a statement and compares its rows; their order counts when the statement ends in an ORDER BY of its own.
func (d *db) must(sql, want string, params ...types.Datum) {
	d.t.Helper()
	got, err := d.query(sql, params...)
	if err != nil {
		d.t.Errorf("%s: %v", sql, err)
		return
	}
	if sortLines(got) != sortLines(want) || orderedSQL.MatchString(sql) && got != want {
		d.t.Errorf("%s:\ngot\n%swant\n%s", sql, got, want)
	}
}

var orderedSQL = regexp.MustCompile(`ORDER BY [^()]*$`)

func sortLines(s string) string {
	l := bytes.Split([]byte(s), []byte("\n"))
	sort.Slice(l, func(i, j int) bool { return bytes.Compare(l[i], l[j]) < 0 })
	return string(bytes.TrimLeft(bytes.Join(l, []byte("\n")), "\n"))
}

// fails runs a statement that must fail with the message.
func (d *db) fails(sql, want string) {
	d.t.Helper()
	_, err := d.query(sql)
	if err == nil || !bytes.Contains([]byte(err.Error()), []byte(want)) {
		d.t.Errorf("%s: error %v, want %s", sql, err, want)
	}
}

func (m *memTxn) Probe(ctx context.Context, keys []txn.Key, out []txn.Version) error {
	return m.Get(ctx, Latest, keys, out)
}
