package exec

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// ingesting is a group that takes Ingest commands only; land puts what it got into the transaction's world.
type ingesting struct {
	rpc.Group
	mu  *sync.Mutex
	id  topo.GroupID
	got map[txnKey][]byte
}

type txnKey struct {
	group topo.GroupID
	key   string
}

func (g *ingesting) Propose(_ context.Context, cmd *fsm.Command) (fsm.Result, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, e := range cmd.Ingest.Entries {
		k := txnKey{g.id, string(e.Key)}
		if v, ok := g.got[k]; ok && cmd.Ingest.Unique && !bytes.Equal(v, e.Value) {
			return fsm.Result{Code: fsm.ResultDuplicate, Item: i}, nil
		}
		g.got[k] = e.Value
	}
	return fsm.Result{Code: fsm.ResultOK}, nil
}

func (d *db) backend() (b *Backend, land func()) {
	var mu sync.Mutex
	got := map[txnKey][]byte{}
	b = NewBackend(d.context(), func(id topo.GroupID) rpc.Group { return &ingesting{mu: &mu, id: id, got: got} }, nil)
	return b, func() {
		for k, v := range got {
			d.txn.put(txn.Key{Group: k.group, Bytes: []byte(k.key)}, v)
		}
	}
}

func (d *db) withIndex(name string, unique bool, cols ...int) (*catalog.Table, *catalog.Index) {
	t := d.snap.Table(d.relation(name)).Clone()
	d.oid += 2
	ix := &catalog.Index{OID: d.oid, Name: name + "_new", Storage: topo.StorageID(d.oid - 1), Unique: unique}
	for _, c := range cols {
		ix.Columns = append(ix.Columns, catalog.IndexColumn{Num: catalog.AttNum(c + 1)})
	}
	t.Indexes = append(t.Indexes, ix)
	return t, ix
}

func (d *db) relation(name string) catalog.Oid {
	rel, _ := d.snap.Relation(2200, name)
	return rel.OID()
}

func wantError(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", want)
	}
	text := err.Error()
	if e, ok := err.(interface{ Unwrap() error }); ok && e.Unwrap() != nil {
		text += e.Unwrap().Error()
	}
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("got %q, want %q", text, w)
		}
	}
}

func TestBuildIndexHoldsEveryRow(t *testing.T) {
	for _, unique := range []bool{false, true} {
		d := newDB(t)
		d.table("t", []col{{"id", types.Int4Oid, true}, {"a", types.Int4Oid, false}, {"s", types.TextOid, false}}, 1, nil, nil)
		d.must(`INSERT INTO t SELECT g, CASE WHEN g % 100 <> 0 THEN g * 3 END, 'x' FROM generate_series(1, 5000) g`, "")
		nt, ix := d.withIndex("t", unique, 1)
		b, land := d.backend()
		if _, err := b.BuildIndex(context.Background(), nt, ix); err != nil {
			t.Fatal(err)
		}
		land()
		d.snap = d.snap.Put(nt)
		d.must(`SELECT id FROM t WHERE a = 300 OR a = 303`, "101\n")
		d.must(`SELECT id FROM t WHERE a = 297`, "99\n")
	}
}

func TestBuildUniqueIndexNamesTheDuplicate(t *testing.T) {
	d := newDB(t)
	d.table("t", []col{{"id", types.Int4Oid, true}, {"a", types.Int4Oid, false}}, 1, nil, nil)
	d.must(`INSERT INTO t SELECT g, g FROM generate_series(1, 2000) g`, "")
	d.must(`INSERT INTO t VALUES (5000, 77), (5001, NULL), (5002, NULL)`, "")
	nt, ix := d.withIndex("t", true, 1)
	b, _ := d.backend()
	_, err := b.BuildIndex(context.Background(), nt, ix)
	wantError(t, err, `could not create unique index "t_new"`)
}

func TestValidateForeignKeyFindsTheRowWithoutParent(t *testing.T) {
	for _, oid := range []types.Oid{types.Int8Oid, types.Int4Oid, types.NumericOid} {
		d := newDB(t)
		p := d.table("parent", []col{{"id", types.Int8Oid, true}}, 1, nil, nil)
		c := d.table("child", []col{{"c", types.Int4Oid, true}, {"p", oid, false}}, 1, nil, nil)
		d.must(`INSERT INTO parent SELECT g FROM generate_series(1, 500) g`, "")
		d.must(`INSERT INTO child SELECT g, g % 500 + 1 FROM generate_series(1, 5000) g`, "")
		d.must(`INSERT INTO child VALUES (9000, NULL)`, "")
		con := d.references(c.OID, p.OID, []int{1}, catalog.NoAction, catalog.NoAction)
		d.cons = nil
		b, _ := d.backend()
		if err := b.ValidateForeignKey(context.Background(), d.snap, d.snap.Table(c.OID), con); err != nil {
			t.Fatal(err)
		}
		d.must(`INSERT INTO child VALUES (9001, 501)`, "")
		err := b.ValidateForeignKey(context.Background(), d.snap, d.snap.Table(c.OID), con)
		wantError(t, err, `insert or update on table "child" violates foreign key constraint "child_fkey"`)
	}
}

func TestValidateNotNullAndCheck(t *testing.T) {
	d := newDB(t)
	tab := d.table("t", []col{{"id", types.Int4Oid, true}, {"a", types.Int4Oid, false}}, 1, nil, nil)
	d.must(`INSERT INTO t SELECT g, g FROM generate_series(1, 3000) g`, "")
	b, _ := d.backend()
	con := &catalog.Constraint{Name: "small", Type: catalog.Check, Check: "a <= 3000"}
	ctx := context.Background()
	if err := b.ValidateCheck(ctx, tab, con); err != nil {
		t.Error(err)
	}
	if err := b.ValidateNotNull(ctx, tab, &tab.Columns[1]); err != nil {
		t.Error(err)
	}
	d.must(`INSERT INTO t VALUES (4000, NULL)`, "")
	if err := b.ValidateCheck(ctx, tab, con); err != nil {
		t.Errorf("NULL satisfies a CHECK: %v", err)
	}
	wantError(t, b.ValidateNotNull(ctx, tab, &tab.Columns[1]), `column "a" of relation "t" contains null values`)
	d.must(`INSERT INTO t VALUES (4001, 3001)`, "")
	wantError(t, b.ValidateCheck(ctx, tab, con), `check constraint "small" of relation "t" is violated by some row`)
}

// rewritten returns t with new storages.
func (d *db) rewritten(t *catalog.Table) *catalog.Table {
	n := t.Clone()
	d.oid += 10
	n.RowStorage = topo.StorageID(d.oid)
	for i, ix := range n.Indexes {
		ix.Storage = topo.StorageID(int(d.oid) + 1 + i)
	}
	return n
}

func TestRewriteConvertsRowsAndIndexes(t *testing.T) {
	d := newDB(t)
	old := d.table("t", []col{{"id", types.Int4Oid, true}, {"a", types.Int4Oid, false}, {"u", types.Int4Oid, false}}, 1, [][]int{{2}}, [][]int{{1}})
	d.must(`INSERT INTO t SELECT g, g % 10, g FROM generate_series(1, 3000) g`, "")
	n := d.rewritten(old)
	n.Columns[1].Type = types.T(types.TextOid)
	b, land := d.backend()
	err := b.RewriteTable(context.Background(), ddl.Rewrite{Old: old, New: n, Exprs: map[catalog.AttNum]string{2: "a::text || 'x'"}, Verify: true})
	if err != nil {
		t.Fatal(err)
	}
	land()
	d.snap = d.snap.Put(n)
	d.must(`SELECT count(*), min(a), max(a) FROM t`, "3000|0x|9x\n")
	d.must(`SELECT count(*) FROM t WHERE a = '4x'`, "300\n")
	d.must(`SELECT id FROM t WHERE u = 2999`, "2999\n")
}

func TestRewriteForAPrimaryKeyFindsEqualRows(t *testing.T) {
	d := newDB(t)
	old := d.table("t", []col{{"a", types.Int4Oid, true}}, 0, nil, nil)
	d.must(`INSERT INTO t VALUES (1), (2), (3), (2)`, "")
	n := d.rewritten(old)
	d.oid += 5
	n.KeyColumns, n.DistColumns = []catalog.AttNum{1}, []catalog.AttNum{1}
	n.Columns[1].Dropped = true
	n.Indexes = append(n.Indexes, &catalog.Index{OID: d.oid, Name: "t_pkey", Unique: true, Primary: true, RowKey: true,
		Storage: n.RowStorage, Columns: []catalog.IndexColumn{{Num: 1}}})
	b, _ := d.backend()
	err := b.RewriteTable(context.Background(), ddl.Rewrite{Old: old, New: n, Verify: true})
	wantError(t, err, `could not create unique index "t_pkey"`)
}
