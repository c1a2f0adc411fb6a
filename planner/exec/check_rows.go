package exec

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/fk"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// rowBatch is the check of one group's rows, a batch at a time.
type rowBatch struct {
	*tableCheck
	owed  []owedEntry
	gets  []txn.Key
	wants []wantedParent
	refs  []txn.Key
	// seen are parents that were found, per foreign key.
	seen []map[string]struct{}
}

// owedEntry is an entry that a row must have; value is what it must hold.
type owedEntry struct {
	x     *indexInfo
	row   []types.Datum
	value []byte
}

// wantedParent is a parent that a row must have.
type wantedParent struct {
	key *fk.Key
	at  int // of the foreign key
	row []types.Datum
}

// rows returns what takes the batches of one group's rows.
func (c *tableCheck) rows() func(context.Context, *txn.Batch) error {
	b := &rowBatch{tableCheck: c, seen: make([]map[string]struct{}, len(c.keys))}
	for i := range b.seen {
		b.seen[i] = map[string]struct{}{}
	}
	return b.take
}

func (b *rowBatch) take(ctx context.Context, tb *txn.Batch) error {
	b.stats.rows.Add(int64(tb.Len()))
	b.owed, b.gets, b.wants, b.refs = b.owed[:0], b.gets[:0], b.wants[:0], b.refs[:0]
	for i := range tb.Len() {
		key := txn.Key{Group: tb.GroupOf(i), Bytes: tb.Key(i)}
		row, err := b.ti.decode(make([]types.Datum, 0, len(b.ti.t.Columns)), tb.Value(i))
		if err != nil {
			err = b.problem(b.ti.t, "", "the row cannot be decoded", "the row cannot be decoded: "+message(err), b.keyOfBytes(key.Bytes))
			if err != nil {
				return err
			}
			continue
		}
		if err := b.row(key, row); err != nil {
			return err
		}
	}
	if err := b.judgeEntries(ctx); err != nil {
		return err
	}
	return b.judgeParents(ctx)
}

// row judges a row by itself, and notes the entries and parents that it must have.
func (b *rowBatch) row(key txn.Key, row []types.Datum) error {
	t := b.ti.t
	if !bytes.Equal(b.ti.rowKeyOf(nil, row), key.Bytes) {
		return b.problem(t, "", "the row's columns are not its key's",
			"the row's columns are not its key's: they say "+b.keyOf(row), b.keyOfBytes(key.Bytes))
	}
	slot := b.ti.slotOf(row)
	if g := b.C.SlotMap.Group(slot); g != key.Group {
		err := b.problem(t, "", "the row is in the wrong group",
			fmt.Sprintf("the row is in group %d and belongs in group %d", key.Group, g), b.keyOf(row))
		if err != nil {
			return err
		}
	}
	if err := b.constraints(row); err != nil {
		return err
	}
	wide, err := b.wide.wide(row)
	if err != nil {
		return b.problem(t, "", "an index expression cannot be computed", "an index expression cannot be computed: "+message(err), b.keyOf(row))
	}
	row = wide
	for _, x := range b.ti.indexes {
		if x.absent(row) {
			continue
		}
		e := owedEntry{x: x, row: row, value: emptyValue}
		if x.gin != nil {
			for _, k := range x.ginEntries(b.ti, row, key) {
				b.owed, b.gets = append(b.owed, e), append(b.gets, k)
			}
			continue
		}
		if x.global {
			e.value = b.ti.locator(nil, key.Bytes, slot)
		}
		b.owed, b.gets = append(b.owed, e), append(b.gets, x.entryKey(b.ti, row, key.Group, b.C.SlotMap))
	}
	for i, k := range b.keys {
		if err := b.reference(i, k, row); err != nil {
			return err
		}
	}
	return nil
}

// constraints judges NOT NULL and CHECK.
func (b *rowBatch) constraints(row []types.Datum) error {
	t := b.ti.t
	for i := range t.Columns {
		if col := &t.Columns[i]; col.NotNull && !col.Dropped && row[i].IsNull() {
			if err := b.problem(t, col.Name, "null in a NOT NULL column", "null in a NOT NULL column", b.keyOf(row)); err != nil {
				return err
			}
		}
	}
	for _, g := range b.generated {
		col := &t.Columns[g.Col]
		d, err := g.Value.EvalRow(b.C.Eval, row)
		text := ""
		switch {
		case err != nil:
			text = "the generated column cannot be computed: " + message(err)
		case d.IsNull() != row[g.Col].IsNull() || !d.IsNull() && !types.Equal(col.Type.Oid, d, row[g.Col]):
			text = "the generated column has another value than its expression"
		default:
			continue
		}
		if err := b.problem(t, col.Name, "the generated column is wrong", text, b.keyOf(row)); err != nil {
			return err
		}
	}
	for i := range b.checks {
		d, err := b.checks[i].Cond.EvalRow(b.C.Eval, row)
		text := ""
		switch {
		case err != nil:
			text = "the check constraint cannot be evaluated: " + message(err)
		case !d.IsNull() && !d.Bool():
			text = "the check constraint is violated"
		default:
			continue
		}
		if err := b.problem(t, b.checks[i].Name, "the check constraint is violated", text, b.keyOf(row)); err != nil {
			return err
		}
	}
	return nil
}

// judgeEntries looks up the entries owed by the batch's rows.
func (b *rowBatch) judgeEntries(ctx context.Context) error {
	vers, err := b.get(ctx, b.gets)
	if err != nil {
		return err
	}
	for i, e := range b.owed {
		v := vers[i].Value
		switch {
		case vers[i].Exists() && bytes.Equal(v, e.value):
			continue
		case !vers[i].Exists():
			err = b.problem(b.ti.t, e.x.name(), "the row has no entry", "the row has no entry", b.entryText(e.x, e.row))
		case !e.x.global:
			err = b.problem(b.ti.t, e.x.name(), "the entry has a value", "the entry has a value", b.entryText(e.x, e.row))
		default:
			err = b.contended(ctx, e, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// entryText names an index key and the row that it is of.
func (c *tableCheck) entryText(x *indexInfo, row []types.Datum) string {
	return keyText(c.C, c.ti.t, x.cols, row) + " of " + c.keyOf(row)
}

// contended says why a unique entry does not name the row at hand: another row has the same key, or the entry is wrong.
func (b *rowBatch) contended(ctx context.Context, e owedEntry, locator []byte) error {
	other, text := "", "the row's entry names no row"
	if at, err := b.ti.follow(locator, b.C.SlotMap); err == nil {
		vers, err := b.get(ctx, []txn.Key{at})
		if err != nil {
			return err
		}
		if vers[0].Exists() {
			text = "the row's entry names another row, which has another key"
			row, err := b.ti.decode(nil, vers[0].Value)
			if err == nil {
				row, err = b.wide.wide(row)
			}
			if err == nil && !e.x.absent(row) && bytes.Equal(appendColumns(nil, e.x.cols, row), appendColumns(nil, e.x.cols, e.row)) {
				text = "two rows have one unique key"
			}
			other = ", the entry names " + b.keyOfBytes(at.Bytes)
		}
	}
	return b.problem(b.ti.t, e.x.name(), text, text, b.entryText(e.x, e.row)+other)
}

// reference notes the parent that a row's foreign key names.
func (b *rowBatch) reference(i int, k *fk.Key, row []types.Datum) error {
	vals := make([]types.Datum, len(k.ChildCols))
	nulls := 0
	for j, c := range k.ChildCols {
		if vals[j] = row[c]; vals[j].IsNull() {
			nulls++
		}
	}
	switch {
	case nulls == len(vals), nulls > 0 && k.Constraint.FK.Match != catalog.MatchFull:
		return nil
	case nulls > 0:
		return b.problem(b.ti.t, k.Constraint.Name, "MATCH FULL mixes null and nonnull",
			"MATCH FULL does not allow mixing of null and nonnull key values", b.referenceText(k, row))
	}
	for j := range vals {
		if !k.Convert[j] {
			continue
		}
		v, ok := convertKey(vals[j], k.Child.Columns[k.ChildCols[j]].Type, k.Parent.Columns[k.ParentCols[j]].Type)
		if !ok {
			return b.orphan(k, row)
		}
		vals[j] = v
	}
	refs, err := b.store.parentKeys(k, [][]types.Datum{vals})
	if err != nil {
		return err
	}
	ref := refs[0]
	if ref.Bytes == nil { // no partition takes the key
		return b.orphan(k, row)
	}
	if _, ok := b.seen[i][string(ref.Bytes)]; !ok {
		b.wants, b.refs = append(b.wants, wantedParent{key: k, at: i, row: row}), append(b.refs, ref)
	}
	return nil
}

// referenceText names the key that a row references and the row.
func (b *rowBatch) referenceText(k *fk.Key, row []types.Datum) string {
	cols := make([]keyColumn, len(k.ChildCols))
	for i, c := range k.ChildCols {
		cols[i] = keyColumn{at: c, oid: b.ti.t.Columns[c].Type.Oid}
	}
	return keyText(b.C, b.ti.t, cols, row) + " of " + b.keyOf(row)
}

func (b *rowBatch) orphan(k *fk.Key, row []types.Datum) error {
	return b.problem(b.ti.t, k.Constraint.Name, "the referenced key is missing",
		fmt.Sprintf("the referenced key is not present in table %q", k.Parent.Name), b.referenceText(k, row))
}

// judgeParents looks up the parents of the batch's rows. What names a parent is its row or its unique entry, whichever the
// foreign key references; that each of them goes with the other is for the parent's own check.
func (b *rowBatch) judgeParents(ctx context.Context) error {
	vers, err := b.get(ctx, b.refs)
	if err != nil {
		return err
	}
	for i, w := range b.wants {
		if !vers[i].Exists() {
			if err := b.orphan(w.key, w.row); err != nil {
				return err
			}
			continue
		}
		if len(b.seen[w.at]) >= maxParentsSeen {
			clear(b.seen[w.at])
		}
		b.seen[w.at][string(b.refs[i].Bytes)] = struct{}{}
	}
	return nil
}

// entries judges a batch of an index's entries: each must be that of its row.
func (c *tableCheck) entries(ctx context.Context, x *indexInfo, tb *txn.Batch) error {
	c.stats.entries.Add(int64(tb.Len()))
	keys, at := make([]txn.Key, 0, tb.Len()), make([]int, 0, tb.Len())
	for i := range tb.Len() {
		key, err := c.rowOf(x, tb, i)
		if err != nil {
			err = c.problem(c.ti.t, x.name(), "the entry is malformed", "the entry is malformed", c.entryKeyText(x, tb.Key(i)))
			if err != nil {
				return err
			}
			continue
		}
		keys, at = append(keys, key), append(at, i)
	}
	vers, err := c.get(ctx, keys)
	if err != nil {
		return err
	}
	for j, i := range at {
		text := c.entryFault(x, tb.Key(i), tb.GroupOf(i), vers[j])
		if text == "" {
			continue
		}
		key := c.entryKeyText(x, tb.Key(i)) + " of " + c.keyOfBytes(keys[j].Bytes)
		if err := c.problem(c.ti.t, x.name(), text, fmt.Sprintf("%s (group %d)", text, tb.GroupOf(i)), key); err != nil {
			return err
		}
	}
	return nil
}

// entryKeyText is the key that an entry has, in text form.
func (c *tableCheck) entryKeyText(x *indexInfo, entry []byte) string {
	if x.gin != nil { // its keys are no values
		return fmt.Sprintf("%x", entry[min(len(entry), len(x.prefix)):])
	}
	return c.columnsText(x.cols, entry, len(x.prefix))
}

// rowOf returns the key of the row that an entry names.
func (c *tableCheck) rowOf(x *indexInfo, tb *txn.Batch, i int) (key txn.Key, err error) {
	if x.global {
		return c.ti.follow(tb.Value(i), c.C.SlotMap)
	}
	key.Group = tb.GroupOf(i)
	key.Bytes, err = x.rowOfEntry(c.ti, tb.Key(i))
	return key, err
}

// entryFault says what is wrong with an entry, given the row that it names; "" when nothing is. A row that cannot be
// decoded is a problem of its own.
func (c *tableCheck) entryFault(x *indexInfo, entry []byte, group topo.GroupID, named txn.Version) string {
	if !named.Exists() {
		return "the entry has no row"
	}
	row, err := c.ti.decode(nil, named.Value)
	if err != nil {
		return ""
	}
	if row, err = c.wide.wide(row); err != nil {
		return "" // told with the row
	}
	switch {
	case x.pred >= 0 && !isTrue(row[x.pred]):
		return "the entry is of a row for which the index's predicate is not true"
	case x.absent(row):
		return "the entry is of a row whose key is null"
	}
	if x.gin != nil {
		own := func(e txn.Key) bool { return bytes.Equal(e.Bytes, entry) }
		if !slices.ContainsFunc(x.ginEntries(c.ti, row, txn.Key{Group: group, Bytes: c.ti.rowKeyOf(nil, row)}), own) {
			return "the entry is not that of its row"
		}
		return ""
	}
	want := x.entryKey(c.ti, row, group, c.C.SlotMap)
	switch {
	case !bytes.Equal(want.Bytes, entry):
		return "the entry is not that of its row"
	case want.Group != group:
		return fmt.Sprintf("the entry belongs in group %d", want.Group)
	}
	return ""
}
