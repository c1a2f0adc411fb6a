package exec

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/fk"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// A Checker recomputes, at one snapshot, everything that the tables of a catalog promise: where a row is and what it holds,
// the entries that its indexes owe it and that nothing else has, and the parents of its foreign keys. It trusts nothing
// that writes trust: no lock, no mark, and no path from a key to a row that it does not walk in both directions.
//
// Rows and entries are read as streams, the groups at the same time. For a batch of rows their entries and parents are
// looked up; then, for a batch of entries, their rows. So both an entry that is missing and one too many are seen, and
// memory is bounded by the batches in flight. Two rows with one unique key show as a row whose entry names another row.
type Checker struct {
	// C is what the check runs in: a REPEATABLE READ transaction of its own, whose snapshot keeps the versions.
	C *Context
	// Report takes what was found, one call at a time.
	Report func(Finding) error

	opts     txn.ReadOptions
	programs *fk.Programs
	slots    chan struct{} // bounds the groups read at the same time
	stats    struct{ tables, rows, entries atomic.Int64 }

	mu      sync.Mutex
	tallies map[tally]int
}

// Finding is one line of a check.
type Finding struct {
	Status string // "problem", "not compared" or "summary"
	Schema string
	Table  string
	Object string // the index, constraint or column, or "group N"
	Text   string
	Key    string // in text form
}

// The statuses of findings.
const (
	Problem     = "problem"
	NotCompared = "not compared"
	Summary     = "summary"
)

// CheckStats counts what was checked.
type CheckStats struct {
	Tables, Rows, Entries int64
	Groups                int
	Snapshot              topo.Timestamp
}

// tally names problems of one kind, of which only the first are listed.
type tally struct{ schema, table, object, kind string }

const (
	maxListed      = 100 // problems of one tally
	checkFanOut    = 8
	maxParentsSeen = 1 << 14 // parents remembered per foreign key and group, not to look them up again
)

// Run checks all tables of the catalog.
func (k *Checker) Run(ctx context.Context) error {
	ts, err := k.C.Txn.Snapshot(ctx)
	if err != nil {
		return err
	}
	k.opts = txn.ReadOptions{TS: ts}
	k.slots = make(chan struct{}, checkFanOut)
	k.tallies = map[tally]int{}
	whole := k.C.Catalog
	defer func() { k.C.Catalog = whole }()
	whole.EachDatabase(func(v *catalog.Snapshot) bool {
		k.C.Catalog = v
		err = k.database(ctx)
		return err == nil
	})
	return err
}

// database checks the tables of the database that the catalog shows.
func (k *Checker) database(ctx context.Context) error {
	k.programs = fk.NewPrograms(k.C.Catalog)
	var tables []*catalog.Table
	k.C.Catalog.Tables(func(t *catalog.Table) bool { tables = append(tables, t); return true })
	for _, t := range tables {
		if err := k.table(ctx, t); err != nil {
			return err
		}
		k.stats.tables.Add(1)
	}
	return nil
}

// Stats returns what was checked by now.
func (k *Checker) Stats() CheckStats {
	return CheckStats{Tables: k.stats.tables.Load(), Rows: k.stats.rows.Load(), Entries: k.stats.entries.Load(),
		Groups: len(dataGroups(k.C.SlotMap)), Snapshot: k.opts.TS}
}

// Finish reports how many problems were not listed.
func (k *Checker) Finish() error {
	for _, y := range slices.SortedFunc(maps.Keys(k.tallies), func(a, b tally) int {
		return slices.Compare([]string{a.schema, a.table, a.object, a.kind}, []string{b.schema, b.table, b.object, b.kind})
	}) {
		if n := k.tallies[y] - maxListed; n > 0 {
			err := k.Report(Finding{Status: Problem, Schema: y.schema, Table: y.table, Object: y.object,
				Text: fmt.Sprintf("%d more: %s", n, y.kind)})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// problem reports a problem of a kind, in words that may say more than the kind.
func (k *Checker) problem(t *catalog.Table, object, kind, text, key string) error {
	f := Finding{Status: Problem, Object: object, Text: text, Key: key}
	if t != nil {
		f.Schema, f.Table = schemaName(k.C, t), t.Name
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	y := tally{f.Schema, f.Table, object, kind}
	if k.tallies[y]++; k.tallies[y] > maxListed {
		return nil
	}
	return k.Report(f)
}

// scan reads a storage in all data groups, at the same time unless one by one; take gets the batches of one group one after the other. Damaged bytes are a
// problem of their group, not the end of the check.
func (k *Checker) scan(ctx context.Context, t *catalog.Table, object string, prefix []byte, oneByOne bool, start func() func(context.Context, *txn.Batch) error) error {
	groups := dataGroups(k.C.SlotMap)
	return forEach(ctx, len(groups), oneByOne, func(ctx context.Context, i int) error {
		select {
		case k.slots <- struct{}{}:
			defer func() { <-k.slots }()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		err := k.scanGroup(ctx, groups[i:i+1], prefix, start())
		if pgerr.HasCode(err, pgerr.DataCorrupted) {
			return k.problem(t, object, "stored bytes are damaged", fmt.Sprintf("group %d: %s", groups[i], message(err)), "")
		}
		return err
	})
}

func (k *Checker) scanGroup(ctx context.Context, group []topo.GroupID, prefix []byte, take func(context.Context, *txn.Batch) error) error {
	sc, err := k.C.Txn.Scan(ctx, k.opts, txn.ScanSpec{Groups: group, Lo: prefix, Hi: keyenc.PrefixEnd(prefix)})
	if err != nil {
		return err
	}
	defer sc.Close()
	for {
		tb, err := sc.Next(ctx)
		if err != nil || tb == nil {
			return err
		}
		if err := take(ctx, tb); err != nil {
			return err
		}
	}
}

// get reads keys at the check's snapshot.
func (k *Checker) get(ctx context.Context, keys []txn.Key) ([]txn.Version, error) {
	out := make([]txn.Version, len(keys))
	for at := 0; at < len(keys); at += fetchChunk {
		end := min(at+fetchChunk, len(keys))
		if err := k.C.Txn.Get(ctx, k.opts, keys[at:end], out[at:end]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// tableCheck is the check of one table.
type tableCheck struct {
	*Checker
	ti        *tableInfo
	wide      widener
	generated []planner.Generated
	checks    []planner.Check
	keys      []*fk.Key
	store     *Store
}

// table checks a table: its descriptor, its rows, and the entries of each index.
func (k *Checker) table(ctx context.Context, t *catalog.Table) error {
	c := &tableCheck{Checker: k, ti: newTableInfo(t), store: NewStore(k.C)}
	c.wide = widener{c: k.C, ti: c.ti}
	if err := c.wide.compile(); err != nil {
		return c.problem(t, "", "cannot be compiled", "an index expression cannot be compiled: "+message(err), "")
	}
	if err := c.descriptor(); err != nil {
		return err
	}
	oneByOne := callsUser(c.wide.exprs...)
	for _, g := range c.generated {
		oneByOne = oneByOne || callsUser(g.Value)
	}
	for _, check := range c.checks {
		oneByOne = oneByOne || callsUser(check.Cond)
	}
	if err := k.scan(ctx, t, "", c.ti.prefix, oneByOne, c.rows); err != nil {
		return err
	}
	for _, x := range c.ti.indexes {
		start := func() func(context.Context, *txn.Batch) error {
			return func(ctx context.Context, tb *txn.Batch) error { return c.entries(ctx, x, tb) }
		}
		if err := k.scan(ctx, t, x.name(), x.prefix, oneByOne, start); err != nil {
			return err
		}
	}
	return nil
}

// descriptor compiles what the rows have to satisfy. A foreign key must find its parent, and its parent it.
func (c *tableCheck) descriptor() error {
	t := c.ti.t
	gen, err := StoredGenerated(c.C, t)
	if err != nil {
		if err := c.problem(t, "", "cannot be compiled", "a generated column cannot be compiled: "+message(err), ""); err != nil {
			return err
		}
	}
	c.generated = gen
	for _, con := range t.Constraints {
		switch {
		case con.Type == catalog.Check && con.Validated:
			s, err := StoredExpr(c.C, t, con.Check, sema.CheckExpr, nil)
			if err != nil {
				if err := c.problem(t, con.Name, "cannot be compiled", "the check constraint cannot be compiled: "+message(err), ""); err != nil {
					return err
				}
				continue
			}
			c.checks = append(c.checks, planner.Check{Name: con.Name, Cond: s})
		case con.Type == catalog.Foreign:
			if err := c.inbound(con); err != nil {
				return err
			}
		}
	}
	for _, key := range c.programs.Of(t.OID).Checks {
		if key.Constraint.Validated {
			c.keys = append(c.keys, key)
		}
	}
	return nil
}

// inbound sees that both sides of a foreign key know it: the parent's deletes go by its own descriptor.
func (c *tableCheck) inbound(con *catalog.Constraint) error {
	t := c.ti.t
	parent := c.C.Catalog.Table(con.FK.RefTable)
	if parent == nil || parent.IndexByOID(con.FK.RefIndex) == nil {
		return c.problem(t, con.Name, "references nothing", "the foreign key references no table or no unique index", "")
	}
	if !slices.ContainsFunc(parent.Inbound, func(in catalog.InboundFK) bool { return in.Table == t.OID && in.Constraint == con.OID }) {
		return c.problem(t, con.Name, "unknown to its parent", fmt.Sprintf("table %q does not know that the foreign key references it", parent.Name), "")
	}
	return nil
}

// keyOf is a row's key in text form, read from the row.
func (c *tableCheck) keyOf(row []types.Datum) string { return keyText(c.C, c.ti.t, c.ti.key, row) }

// keyOfBytes is keyOf for a stored key; bytes that are no key of the table are shown as such.
func (c *tableCheck) keyOfBytes(key []byte) string {
	return c.columnsText(c.ti.key, key, len(c.ti.prefix))
}

// columnsText is the text form of the columns that lead a stored key behind its prefix.
func (c *tableCheck) columnsText(cols []keyColumn, key []byte, prefix int) string {
	row := make([]types.Datum, c.ti.width())
	if len(key) < prefix {
		return fmt.Sprintf("%x", key)
	}
	rest := key[prefix:]
	for _, k := range cols {
		var err error
		if row[k.at], rest, err = keyenc.DecodeKey(k.oid, rest, k.desc); err != nil {
			return fmt.Sprintf("%x", key)
		}
	}
	return keyText(c.C, c.ti.t, cols, row)
}

// message is an error's text without its severity and code.
func message(err error) string {
	var e *pgerr.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	if e.Detail != "" {
		return e.Message + ": " + e.Detail
	}
	return e.Message
}
