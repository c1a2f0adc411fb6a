package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

type outcome uint8

const (
	outcomeUnknown outcome = iota // 08007, or the coordinator died
	outcomeCommitted
	outcomeFailed
)

// ledgerEntry is what a client was told of a transaction that left two markers.
type ledgerEntry struct {
	id      topo.TxnID
	number  uint32
	groups  [2]topo.GroupID
	what    string
	outcome outcome
}

// ledger is what the clients were told.
type ledger struct {
	mu      sync.Mutex
	entries []*ledgerEntry
	errors  map[string]int
	// history has the operations on registers, serial what SERIALIZABLE transactions read and wrote.
	history []RegisterOp
	serial  []*serialized
	// counter is the greatest counter value whose commit was acknowledged.
	counter uint32
	// visits has the same of each wanderer.
	visits map[uint32]uint32
}

func (l *ledger) init() { l.errors, l.visits = map[string]int{}, map[uint32]uint32{} }

func (l *ledger) add(e *ledgerEntry) {
	l.mu.Lock()
	l.entries = append(l.entries, e)
	l.mu.Unlock()
}

// note enters the answer to a COMMIT.
func (l *ledger) note(e *ledgerEntry, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch code := pgerr.Code(err); {
	case err == nil:
		e.outcome = outcomeCommitted
	case code == pgerr.TransactionResolutionUnknown:
		e.outcome = outcomeUnknown
	default:
		e.outcome = outcomeFailed
	}
}

func (l *ledger) count(what string, err error) {
	l.mu.Lock()
	if err != nil {
		what += " " + pgerr.Code(err)
		if pgerr.Code(err) == "XX000" {
			what += " " + err.Error()
		}
	}
	l.errors[what]++
	l.mu.Unlock()
}

// image is the whole database at one snapshot.
type image struct {
	ts   topo.Timestamp
	rows map[topo.StorageID]map[string]string
	at   map[string]topo.GroupID
	// from has each key's commit timestamp.
	from map[string]topo.Timestamp
	// references: at this snapshot the catalog says that children have a foreign key.
	references bool
}

// load reads everything at the transaction's snapshot, the storages in several kinds of scan.
func load(ctx context.Context, c *Cluster, t *txn.Txn) (*image, error) {
	ts, err := t.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	im := &image{ts: ts, rows: map[topo.StorageID]map[string]string{}, at: map[string]topo.GroupID{}, from: map[string]topo.Timestamp{}}
	if im.references, err = publishedAt(ctx, t, ts); err != nil {
		return nil, err
	}
	for _, id := range stored {
		if err := im.scan(ctx, c, t, id, txn.ScanSpec{Ordered: id%2 == 0, Reverse: id%3 == 0}); err != nil {
			return nil, err
		}
	}
	return im, nil
}

// publishedAt reads in the catalog at ts whether children have a foreign key.
func publishedAt(ctx context.Context, t *txn.Txn, ts topo.Timestamp) (bool, error) {
	k := txn.Key{Group: topo.CatalogGroup, Bytes: catalog.DescriptorKey(catalog.ObjectID{Class: catalog.ClassTable, OID: childrenOID})}
	var v [1]txn.Version
	if err := t.Get(ctx, txn.ReadOptions{TS: ts, Own: t.StatementSeq()}, []txn.Key{k}, v[:]); err != nil {
		return false, err
	}
	o, err := catalog.Decode(catalog.ClassTable, v[0].Value)
	if err != nil {
		return false, err
	}
	return plan{children: o.(*catalog.Table)}.references(), nil
}

func (im *image) scan(ctx context.Context, c *Cluster, t *txn.Txn, id topo.StorageID, spec txn.ScanSpec) error {
	im.rows[id] = map[string]string{}
	spec.Groups, spec.Lo, spec.Hi = c.allGroups(), key(id), key(id+1)
	if id%3 == 1 && !spec.Reverse {
		from := spec.Lo
		for n := uint32(2); n < 40; n = 2*n + 1 {
			spec.Ranges = append(spec.Ranges, txn.KeyRange{Lo: from, Hi: key(id, n)})
			from = key(id, n)
		}
		spec.Ranges = append(spec.Ranges, txn.KeyRange{Lo: from, Hi: spec.Hi})
	}
	s, err := t.Scan(ctx, txn.ReadOptions{TS: im.ts, Own: t.StatementSeq()}, spec)
	if err != nil {
		return err
	}
	defer s.Close()
	last := ""
	for {
		b, err := s.Next(ctx)
		if err != nil {
			return err
		}
		if b == nil {
			return nil
		}
		for i := 0; i < b.Len(); i++ {
			k := string(b.Key(i))
			if _, dup := im.rows[id][k]; dup {
				c.fail("snapshot %d: key %x twice in one scan", im.ts, k)
			}
			if spec.Ordered && last != "" && (k < last) != spec.Reverse {
				c.fail("snapshot %d: an ordered scan gives %x after %x", im.ts, k, last)
			}
			last = k
			im.rows[id][k] = string(b.Value(i))
			im.at[k], im.from[k] = b.GroupOf(i), b.Versions[i]
		}
	}
}

// check judges one image.
func (im *image) check(c *Cluster, who string) {
	bad := func(format string, args ...any) {
		c.fail("%s, snapshot %d: %s", who, im.ts, fmt.Sprintf(format, args...))
	}
	for k, v := range im.rows[children] {
		if _, ok := im.rows[parents][string(key(parents, toNum([]byte(v))))]; !ok && im.references {
			bad("orphan: child %d of parent %d", part([]byte(k), 0), toNum([]byte(v)))
		}
		if _, ok := im.rows[byParent][string(key(byParent, toNum([]byte(v)), part([]byte(k), 0)))]; !ok {
			bad("child %d has no index entry", part([]byte(k), 0))
		}
	}
	if len(im.rows[children]) != len(im.rows[byParent]) {
		bad("%d children, %d index entries", len(im.rows[children]), len(im.rows[byParent]))
	}
	for k, v := range im.rows[grandchildren] {
		if _, ok := im.rows[children][string(key(children, toNum([]byte(v))))]; !ok {
			bad("orphan: grandchild %d of child %d", part([]byte(k), 0), toNum([]byte(v)))
		}
		if _, ok := im.rows[byChild][string(key(byChild, toNum([]byte(v)), part([]byte(k), 0)))]; !ok {
			bad("grandchild %d has no index entry", part([]byte(k), 0))
		}
	}
	if len(im.rows[grandchildren]) != len(im.rows[byChild]) {
		bad("%d grandchildren, %d index entries", len(im.rows[grandchildren]), len(im.rows[byChild]))
	}
	for k, v := range im.rows[rows] {
		if im.rows[values][string(key(values, toNum([]byte(v))))] != string(num(part([]byte(k), 0))) {
			bad("row %d: the entry of its value %d is another's", part([]byte(k), 0), toNum([]byte(v)))
		}
	}
	if len(im.rows[rows]) != len(im.rows[values]) {
		bad("%d rows, %d unique entries", len(im.rows[rows]), len(im.rows[values]))
	}
	sum := uint32(0)
	for _, v := range im.rows[accounts] {
		sum += toNum([]byte(v))
	}
	if sum != numAccounts*balance {
		bad("the accounts hold %d, not %d", sum, numAccounts*balance)
	}
	on := uint32(0)
	for _, v := range im.rows[doctors] {
		on += toNum([]byte(v))
	}
	if on == 0 {
		bad("no doctor is on call: SERIALIZABLE let a write skew through")
	}
	im.checkWanderers(bad)
}

// judge is the end of a run: the last image, and the ledger against the markers.
func (c *Cluster) judge(ctx context.Context) {
	var im *image
	for try := 0; ; try++ {
		n := c.someNode()
		t := n.mgr.Begin(txn.Options{Isolation: txn.RepeatableRead, ReadOnly: true})
		t.StartStatement()
		var err error
		if im, err = load(ctx, c, t); err == nil {
			err = im.scan(ctx, c, t, markers, txn.ScanSpec{})
		}
		t.Rollback(ctx)
		if err == nil {
			break
		}
		if try > 20 {
			c.fail("the last read fails: %v", err)
			return
		}
	}
	im.check(c, "at the end")
	for _, e := range c.ledger.entries {
		_, a := im.rows[markers][string(key(markers, e.number, 0))]
		_, b := im.rows[markers][string(key(markers, e.number, 1))]
		if e.outcome == outcomeUnknown && a {
			c.ledger.errors[e.what+" unknown, and committed"]++
		}
		switch {
		case a != b:
			c.fail("transaction %v (%s): half of it committed", e.id, e.what)
		case e.outcome == outcomeCommitted && !a:
			c.fail("transaction %v (%s): acknowledged, and not there at snapshot %d", e.id, e.what, im.ts)
		case e.outcome == outcomeFailed && a:
			c.fail("transaction %v (%s): failed, and yet committed", e.id, e.what)
		}
	}
	if got := toNum([]byte(im.rows[counters][string(key(counters, 0))])); got < c.ledger.counter {
		c.fail("the counter is %d, %d was acknowledged", got, c.ledger.counter)
	}
	c.judgeSerial(im)
	c.judgeTables(ctx)
}

// judgeTables writes to the tables that schema changes concern: none may be shut for ever.
func (c *Cluster) judgeTables(ctx context.Context) {
	var err error
	for try := 0; try < 20; try++ {
		n := c.someNode()
		w := &workload{c: c, n: n, k: 15, rng: rand.New(rand.NewPCG(c.opt.Seed, uint64(try)))}
		t := n.mgr.Begin(txn.Options{})
		t.StartStatement()
		p := n.plan()
		p.useParents(t)
		p.useChildren(t)
		k := c.row(parents, 1000)
		if _, err = w.lock(ctx, t, k, lock.Update, true); err == nil {
			t.Put(k, num(0), 0)
			id := w.fresh()
			t.Put(c.row(children, id), num(1000), 0)
			t.Put(c.entry(1000, id), nil, txn.Entry)
			err = t.Commit(ctx)
		}
		if err == nil {
			return
		}
		t.Rollback(ctx)
		sleep(ctx, nil, 50*time.Millisecond)
	}
	c.fail("a table is shut: %v", err)
}
