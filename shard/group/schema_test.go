package group

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// schemaChange drives a change of table 5 from version 1 to 2 by one transaction, which also writes the key "a".
type schemaChange struct {
	n   *node
	txn topo.TxnID
}

func (c *schemaChange) fence(t *testing.T, phase fsm.FencePhase) {
	t.Helper()
	res, err := c.n.g.Propose(ctx, &fsm.Command{Fence: &fsm.Fence{Txn: c.txn, Attempt: 1, Primary: topo.CatalogGroup, Phase: phase,
		Tables: []topo.TableVersion{{Table: 5, Version: 2}}}})
	if err != nil || res.Code != fsm.ResultOK {
		t.Fatal(res, err)
	}
}

// prepare holds the write of attempt; resolve commits it.
func (c *schemaChange) prepare(t *testing.T, attempt topo.Attempt) (min topo.Timestamp) {
	t.Helper()
	cmd := c.n.put(c.txn, c.n.now(t), "new", "a")
	p := cmd.Prepare
	p.Attempt, p.OnePhase, p.Primary, p.Participants = attempt, false, topo.CatalogGroup, []topo.GroupID{topo.CatalogGroup, testGroup}
	p.Tables = []topo.TableVersion{{Table: 5, Version: 2}}
	res, err := c.n.g.Propose(ctx, cmd)
	if err != nil || res.Code != fsm.ResultPrepared {
		t.Fatal(res, err)
	}
	return res.TS
}

func (c *schemaChange) resolve(t *testing.T, attempt topo.Attempt, ts topo.Timestamp) {
	t.Helper()
	res, err := c.n.g.Propose(ctx, &fsm.Command{Resolve: &fsm.Resolve{Txn: c.txn, Attempt: attempt, Commit: true, TS: ts}})
	if err != nil || res.Code != fsm.ResultCommitted {
		t.Fatal(res, err)
	}
}

// readBy reads "a" by a version of table 5: its value, or "version" when that is refused.
func (n *node) readBy(t *testing.T, version topo.SchemaVersion, ts topo.Timestamp) string {
	t.Helper()
	tables := []topo.TableVersion{{Table: 5, Version: version}}
	resp, err := n.g.Get(ctx, &rpc.GetRequest{TS: ts, Keys: [][]byte{key("a")}, Tables: tables})
	scan, serr := n.g.Scan(ctx, &rpc.ScanRequest{TS: ts, Lo: key("a"), Hi: key("b"), Tables: tables})
	var e *rpc.Error
	if errors.As(err, &e) && e.Code == rpc.ErrTableVersion && errors.As(serr, &e) && e.Code == rpc.ErrTableVersion {
		return "version"
	}
	if err != nil || serr != nil {
		t.Fatal(err, serr)
	}
	value := string(resp.Versions[0].Value)
	if scan.Rows.Len() > 0 && string(scan.Rows.Value(0)) != value || scan.Rows.Len() == 0 && value != "" {
		t.Fatalf("a Get reads %q, a Scan something else", value)
	}
	return value
}

// A coordinator that dies between the commit of a schema change and the opening of its fences leaves the old version admitted
// and the new rows visible: nobody may see the one by the other.
func TestRowsOfASchemaChangeAreNotReadByTheVersionBeforeIt(t *testing.T) {
	n := open(t, t.TempDir(), func(c *Config) { c.RecoverAfter = time.Hour })
	c := &schemaChange{n, n.txn()}
	c.fence(t, fsm.FenceRaise)
	if got := n.readBy(t, 1, n.now(t)); got != "" {
		t.Fatalf("before the change: %q", got)
	}
	min := c.prepare(t, 3)
	before := min - 1
	waiting := make(chan string)
	go func() { waiting <- n.readBy(t, 1, min+10) }() // meets the prepare first, and then what became of it
	time.Sleep(20 * time.Millisecond)
	c.resolve(t, 3, min)
	if got := n.readBy(t, 1, before); got != "" {
		t.Errorf("a snapshot before the change reads %q", got)
	}
	if got := n.readBy(t, 2, min); got != "new" {
		t.Errorf("the new version reads %q", got)
	}
	select {
	case got := <-waiting:
		t.Errorf("the old version reads %q while the fence is up", got)
	case <-time.After(50 * time.Millisecond):
	}
	c.fence(t, fsm.FenceOpen)
	if got := <-waiting; got != "version" {
		t.Errorf("the old version reads %q", got)
	}
}

// What reads a snapshot from before a change goes on by the old version, if the catalog says that it saw no later one.
func TestASnapshotFromBeforeASchemaChangeIsReadByItsVersion(t *testing.T) {
	n := open(t, t.TempDir(), nil)
	c := &schemaChange{n, n.txn()}
	c.fence(t, fsm.FenceRaise)
	min := c.prepare(t, 1)
	c.resolve(t, 1, min)
	c.fence(t, fsm.FenceOpen)
	if got := n.readBy(t, 1, min-1); got != "version" {
		t.Errorf("without a catalog: %q", got)
	}
	n.Bind(Bindings{Timestamp: n.clock.Timestamp,
		SchemaAt: func(_ context.Context, table topo.TableID, known topo.SchemaVersion, ts topo.Timestamp) (topo.SchemaVersion, error) {
			if table != 5 || known != 2 {
				t.Errorf("asked for table %d, version %d", table, known)
			}
			if ts >= min {
				return 2, nil
			}
			return 1, nil
		}})
	if got := n.readBy(t, 1, min-1); got != "" {
		t.Errorf("before the change: %q", got)
	}
	for _, ts := range []topo.Timestamp{min, topo.MaxTimestamp} {
		if got := n.readBy(t, 1, ts); got != "version" {
			t.Errorf("at %d: %q", ts, got)
		}
	}
	if _, err := n.g.Lock(ctx, &rpc.LockRequest{Txn: n.txn(), Tables: []topo.TableVersion{{Table: 5, Version: 1}}}); err == nil {
		t.Error("a lock by the old version was granted")
	}
}
